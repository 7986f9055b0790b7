/*
 * apply.c: put and commit. A batch is planned (plan.c), written (write.c), and if the server refuses a row, written
 * again more carefully:
 *
 *   a key was there where a run of new rows was copied in   -> the same plan, that table by upsert
 *   a foreign or secondary unique key, a bad value, ...     -> every record by itself, in its order; what is refused
 *                                                              then is the record's fault: POISON with its index
 *   a key is taken that another change of the same transaction leaves -> that one first (plan_tangle.c)
 *   the target was changed behind our back                  -> catalog read again, once
 *
 * The first batch of a transaction is redone by rolling back all, later ones to a savepoint. A small batch that is the
 * first waits for commit(), so that BEGIN, rows, position and COMMIT are one flush.
 */
#include "sink.h"

#define HOLD_BYTES   ((uint64_t)128 << 10)
#define PREPARED_MAX 2000u

/* ---- the held batch ---- */

static bool hold(struct sink *s, const struct hp_batch *batch)
{
    uint32_t n_schemas = batch->n_schemas, n_topics = batch->n_topics;
    if (s->held_cap < batch->len) {
        free(s->held_data);
        s->held_data = malloc(HOLD_BYTES);
        s->held_cap = s->held_data ? HOLD_BYTES : 0;
    }
    if (s->held_cap_schemas < n_schemas) {
        free(s->held_schemas);
        s->held_schemas = malloc(n_schemas * sizeof(struct hp_schema *));
        s->held_cap_schemas = s->held_schemas ? n_schemas : 0;
    }
    if (s->held_cap_topics < n_topics) {
        free(s->held_topics);
        s->held_topics = malloc(n_topics * sizeof *s->held_topics);
        s->held_cap_topics = s->held_topics ? n_topics : 0;
    }
    if (s->held_cap < batch->len || s->held_cap_schemas < n_schemas || s->held_cap_topics < n_topics) {
        return false;
    }
    s->held = *batch;
    memcpy(s->held_data, batch->data, batch->len);
    s->held.data = s->held_data;
    if (n_schemas) {
        memcpy((void *)s->held_schemas, (const void *)batch->schemas, n_schemas * sizeof *s->held_schemas);
    }
    if (n_topics) {
        memcpy(s->held_topics, batch->topics, n_topics * sizeof *s->held_topics);
    }
    s->held.schemas = s->held_schemas;
    s->held.topics = s->held_topics;
    if (batch->tx) {
        s->held_tx = *batch->tx;
        s->held.tx = &s->held_tx;
    }
    s->held.stream = (struct hp_bytes){s->batch_stream->name, s->batch_stream->len};
    s->holds = true;
    return true;
}

void apply_finish(struct sink *s)
{
    free(s->held_data);
    free((void *)s->held_schemas);
    free(s->held_topics);
    free(s->freed);
    s->freed = NULL;
    s->held_data = NULL;
    s->held_schemas = NULL;
    s->held_topics = NULL;
    s->held_cap = s->held_cap_schemas = s->held_cap_topics = 0;
    s->holds = false;
}

/* ---- planning ---- */

static hp_status make_plan(struct sink *s, bool ordered, struct hp_error *err)
{
    struct plan_options options = {.insert_mode = s->config.insert_mode,
                                   .deletes = s->config.delete_enabled,
                                   .truncates = s->config.truncate_enabled,
                                   .ordered = ordered || !s->config.coalesce};
    return plan_build(&s->plan, s->batch, &options, &s->catalog.types, sink_shape, s, err) == HP_OK
               ? freed_check(s, err)
               : HP_ERROR;
}

/* The newest transaction of the batch gives the origin its position and time. */
static void note_origin(struct sink *s)
{
    const struct hp_batch *b = s->batch;
    for (const uint8_t *p = b->data; p < b->data + b->len;) {
        const struct hp_record *rec = (const struct hp_record *)(const void *)p;
        const struct hp_tx *tx = rec->kind == HP_RECORD_BEGIN ? (const struct hp_tx *)(const void *)(rec + 1) : NULL;
        if (tx) {
            s->last_pos = tx->end_pos ? tx->end_pos : s->last_pos;
            s->last_us = tx->commit_us ? tx->commit_us : s->last_us;
        }
        p += rec->size;
    }
    if (b->tx) {
        s->last_pos = b->tx->end_pos ? b->tx->end_pos : s->last_pos;
        s->last_us = b->tx->commit_us ? b->tx->commit_us : s->last_us;
    }
}

/* ---- the transaction ---- */

static hp_status begin(struct sink *s, struct hp_error *err)
{
    if (s->in_tx) {
        return HP_OK;
    }
    if (sink_failpoint(s, "sink.begin", err)) {
        return HP_ERROR;
    }
    s->link.failed = false;
    s->in_tx = true;
    s->tx_puts = 0;
    s->tx_ddl = s->tx_stage = s->tx_deferred = false;
    s->tx_number++;
    memset(&s->tally, 0, sizeof s->tally);
    return link_control(&s->link, "BEGIN", err);
}

/* Constraints that may wait for the commit do: only the last state of a group has to hold. */
static hp_status defer(struct sink *s, struct hp_error *err)
{
    if (!s->catalog.any_deferrable || s->tx_deferred) {
        return HP_OK;
    }
    s->tx_deferred = true;
    return link_control(&s->link, "SET CONSTRAINTS ALL DEFERRED", err);
}

/* What a rolled back transaction made is not there. true: the plan is void, for its shapes are gone. */
static bool unmake(struct sink *s)
{
    bool forget = s->tx_ddl;
    if (forget) {
        sink_forget(s);
    }
    s->stage_epoch += s->tx_stage;
    s->tx_ddl = s->tx_stage = false;
    return forget;
}

void apply_rollback(struct sink *s)
{
    struct hp_error ignored = {.size = sizeof ignored};
    s->holds = false;
    if (s->in_tx && !s->link.broken) {
        if (link_sync(&s->link, &ignored) == HP_OK) {
            s->link.failed = false;
            (void)link_query(&s->link, "ROLLBACK", 0, NULL, NULL, &ignored);
        }
    }
    s->link.failed = false;
    s->in_tx = s->tx_void = false;
    (void)unmake(s);
}

/* Undo what this batch did. *out_void: it has to be planned again. */
static hp_status undo(struct sink *s, bool *out_void, struct hp_error *err)
{
    hp_status st;
    s->link.failed = false;
    if (s->tx_puts == 0) {
        st = link_query(&s->link, "ROLLBACK", 0, NULL, NULL, err);
        s->in_tx = false;
    } else {
        st = link_query(&s->link, "ROLLBACK TO SAVEPOINT \"homeport_put\"", 0, NULL, NULL, err);
        if (st == HP_OK) {
            st = link_query(&s->link, "RELEASE SAVEPOINT \"homeport_put\"", 0, NULL, NULL, err);
        }
    }
    *out_void = unmake(s);
    return st == HP_IDLE ? link_report(&s->link, "rolling back", err) : st;
}

/* ---- fall-backs ---- */

#define AGAIN_NO      0
#define AGAIN_SAME    1 /* the same plan */
#define AGAIN_ORDERED 2 /* every record by itself */
#define AGAIN_FRESH   3 /* read the catalog again */
#define AGAIN_FREE    4 /* the same plan; changed keys replace what is there */
#define AGAIN_TANGLED 5 /* changes of keys in another order */

/* A key was there already. A partition names its own index. */
static bool failed_on_key(const struct failure *f, const struct step *step)
{
    return strcmp(f->state, "23505") == 0 && step->shape->arbiter &&
           (step->shape->table->partitioned || strcmp(f->constraint, step->shape->arbiter->name) == 0);
}

static int next_attempt(struct sink *s, bool ordered, bool *stale_tried)
{
    const struct failure *f = &s->link.failure;
    const struct command *c = &s->link.failed_command;
    struct step *step = c->what == CMD_WRITE && c->step < s->plan.n_steps ? &s->plan.steps[c->step] : NULL;
    if (failure_is_stale(f->state) && !*stale_tried) {
        *stale_tried = true;
        return AGAIN_FRESH;
    }
    if (step && !ordered && step->kind == SQL_INSERT && step->fresh && s->config.insert_mode == MODE_UPSERT &&
        step->shape->table->copy_pause == 0 && failed_on_key(f, step)) {
        struct table *t = step->shape->table;
        t->copy_penalty = t->copy_penalty == 0 ? 8 : t->copy_penalty < 1024 ? t->copy_penalty * 2 : 1024;
        t->copy_pause = t->copy_penalty + 1;
        return AGAIN_SAME;
    }
    if (step && step->n && step->kind != STEP_TRUNCATE) {
        const struct entry *e = &s->plan.entries[step->entries[c->entry]];
        bool missing = (step->kind == SQL_KEY_OUT || step->kind == SQL_KEY_STRICT) && strcmp(f->state, "22012") == 0;
        bool taken = e->kind == SQL_KEY_CHANGE && failed_on_key(f, step);
        if ((missing || taken) && plan_refused(&s->plan, step->shape, e, s->batch->n_records, missing)) {
            return AGAIN_TANGLED;
        }
        if (taken && !s->free_keys && s->config.insert_mode == MODE_UPSERT &&
            !plan_gives_way(&s->plan, step->shape, e)) {
            s->free_keys = true;
            return AGAIN_FREE;
        }
    }
    if (!ordered && c->what == CMD_WRITE && failure_is_row(f->state)) {
        return AGAIN_ORDERED;
    }
    return AGAIN_NO;
}

/* The server's refusal as this call's error. */
static hp_status refused(struct sink *s, const struct hp_sink_position *at, struct hp_error *err)
{
    const struct command c = s->link.failed_command;
    const struct step *step = c.what == CMD_WRITE && c.step < s->plan.n_steps ? &s->plan.steps[c.step] : NULL;
    char what[200];
    if (c.what == CMD_POSITION && strcmp(s->link.failure.state, "22012") == 0) {
        return position_fenced(s, at, err);
    }
    (void)snprintf(what, sizeof what, "writing %s", step ? step->shape->table->quoted : "a transaction");
    if (c.what != CMD_WRITE) {
        (void)snprintf(what, sizeof what, "%s",
                       c.what == CMD_POSITION ? "writing the position"
                       : c.what == CMD_COMMIT ? "committing"
                                              : "applying a transaction");
    }
    (void)link_report(&s->link, what, err);
    if (step && failure_is_row(err->code)) {
        err->klass = HP_ERROR_POISON; /* it was refused by itself, too */
    }
    if (err->klass == HP_ERROR_POISON) {
        if (!step) {
            err->klass = HP_ERROR_FATAL; /* a deferred constraint at commit: no record is to be named */
        } else if (step->n) {
            err->record = s->plan.entries[step->entries[c.entry]].index;
        }
    }
    return HP_ERROR;
}

/* ---- one batch ---- */

static hp_status queue_commit(struct sink *s, const struct hp_sink_position *at, struct hp_error *err)
{
    struct command commit = {.what = CMD_COMMIT, .statement = &s->commit_statement};
    if (sink_failpoint(s, "sink.position", err) || position_queue(s, at, err) != HP_OK ||
        link_send(&s->link, &commit, 0, NULL, NULL, err) != HP_OK) {
        return HP_ERROR;
    }
    return HP_OK;
}

/* Everything that one attempt sends. HP_IDLE: the server refused something. */
static hp_status attempt(struct sink *s, bool ordered, const struct hp_sink_position *at, struct hp_error *err)
{
    hp_status st = begin(s, err);
    s->n_freed = s->kept_freed;
    bool nested = s->tx_puts > 0 && s->plan.n_steps > 0;
    if (st == HP_OK) {
        st = defer(s, err);
    }
    if (st == HP_OK && nested) {
        st = link_control(&s->link, "SAVEPOINT \"homeport_put\"", err);
    }
    if (st == HP_OK) {
        st = write_steps(s, ordered, err);
    }
    if (st == HP_OK && nested) {
        st = link_control(&s->link, "RELEASE SAVEPOINT \"homeport_put\"", err);
    }
    if (st == HP_OK && sink_failpoint(s, "sink.rows", err)) {
        st = HP_ERROR;
    }
    if (st == HP_OK && at) {
        st = queue_commit(s, at, err);
    }
    if (st >= 0) {
        hp_status sync = link_sync_send(&s->link, err);
        if (sync == HP_OK && st == HP_OK && at && sink_failpoint(s, "sink.commit_sent", err)) {
            s->link.broken = true;
            return HP_ERROR;
        }
        sync = sync == HP_OK ? link_sync_read(&s->link, err) : sync;
        st = sync != HP_OK ? sync : s->link.failed ? HP_IDLE : st;
    }
    return st;
}

/* Write s->batch, planned already; with `at`, commit too. */
static hp_status apply_batch(struct sink *s, const struct hp_sink_position *at, struct hp_error *err)
{
    bool ordered = !s->config.coalesce, stale_tried = false, replan = false;
    s->free_keys = false;
    for (;;) {
        hp_status st = attempt(s, ordered, at, err);
        int again;
        if (st == HP_OK) {
            break;
        }
        if (st < 0) {
            return st;
        }
        again = next_attempt(s, ordered, &stale_tried);
        if (again == AGAIN_NO) {
            return refused(s, at, err);
        }
        if (undo(s, &replan, err) != HP_OK) {
            return HP_ERROR;
        }
        sink_count(s,
                   again == AGAIN_ORDERED || again == AGAIN_TANGLED ? s->metrics.order_fallbacks
                   : again == AGAIN_FRESH                           ? s->metrics.stale_retries
                                                                    : s->metrics.copy_fallbacks,
                   1);
        ordered = ordered || again == AGAIN_ORDERED;
        if (again == AGAIN_FRESH) {
            sink_forget(s);
        }
        if ((replan || !(again == AGAIN_SAME || again == AGAIN_FREE)) && make_plan(s, ordered, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    s->tx_puts++;
    sink_count(s, s->metrics.skipped,
               (int64_t)(s->plan.skipped_deletes + s->plan.skipped_truncates + s->plan.skipped_messages));
    sink_count(s, s->metrics.coalesced, (int64_t)s->plan.coalesced);
    encoder_trim(&s->encoder);
    return HP_OK;
}

/* Another batch is being put by now, so that the host cannot know which record it was. */
static void name_earlier(const struct hp_batch *batch, struct hp_error *err)
{
    struct hp_iter it = hp_batch_iter(batch);
    size_t n = strlen(err->message);
    struct hp_bytes topic;
    while (hp_iter_next(&it) && it.index < err->record) {
    }
    if (it.rec && it.rec->topic < batch->n_topics) {
        topic = batch->topics[it.rec->topic];
        (void)snprintf(err->message + n, sizeof err->message - n, " (topic %.*s, position %X/%X)",
                       (int)(topic.len < 200 ? topic.len : 200), (const char *)topic.data,
                       (unsigned)(it.rec->pos >> 32), (unsigned)it.rec->pos);
    }
    err->record = HP_RECORD_EARLIER;
}

static hp_status release_held(struct sink *s, const struct hp_sink_position *at, struct hp_error *err)
{
    hp_status st;
    s->batch = &s->held;
    st = apply_batch(s, at, err);
    if (st < 0 && !at && err->klass == HP_ERROR_POISON) {
        name_earlier(&s->held, err);
    }
    s->holds = false;
    s->batch = NULL;
    return st;
}

/* Tables and sets of columns come without end in a long life: begin anew now and then. */
static hp_status forget_much(struct sink *s, struct hp_error *err)
{
    if (s->in_tx || s->link.n_prepared <= PREPARED_MAX) {
        return HP_OK;
    }
    sink_forget(s);
    return link_forget(&s->link, err);
}

/* A put has failed: until rollback() there is nothing to add to, or to commit. */
static hp_status is_void(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "25P02",
                   "an earlier batch of this transaction failed: it has to be rolled back");
}

hp_status apply_put(struct sink *s, const struct hp_batch *batch, struct hp_error *err)
{
    hp_status st;
    if (s->tx_void) {
        return is_void(err);
    }
    if (s->holds && release_held(s, NULL, err) != HP_OK) {
        s->tx_void = true;
        return HP_ERROR;
    }
    s->batch_stream = sink_stream(s, batch->stream, err);
    if (!s->batch_stream || forget_much(s, err) != HP_OK) {
        return HP_ERROR;
    }
    s->batch = batch;
    if (!s->in_tx && batch->len <= HOLD_BYTES && hold(s, batch)) {
        s->batch = &s->held;
    }
    note_origin(s);
    s->plan.marked = false;
    freed_begin(s);
    st = make_plan(s, false, err);
    if (st == HP_OK && !s->holds) {
        st = apply_batch(s, NULL, err);
    }
    if (st != HP_OK) {
        s->holds = false;
        s->tx_void = true;
    }
    s->batch = NULL;
    return st;
}

static void add_tally(struct sink *s)
{
    sink_count(s, s->metrics.rows, s->tally.rows);
    sink_count(s, s->metrics.missing, s->tally.missing);
    sink_count(s, s->metrics.form_copy, s->tally.copied);
    sink_count(s, s->metrics.form_unnest, s->tally.unnested);
    sink_count(s, s->metrics.form_row, s->tally.single);
    sink_count(s, s->metrics.form_stage, s->tally.staged);
    sink_count(s, s->metrics.commits, 1);
}

hp_status apply_commit(struct sink *s, const struct hp_sink_position *at, struct hp_error *err)
{
    struct hp_batch nothing = {.size = sizeof nothing};
    hp_status st;
    if (s->tx_void) {
        return is_void(err);
    }
    if (s->holds) {
        st = release_held(s, at, err);
    } else {
        /* Everything is written: what is left is an empty batch with a position. */
        s->batch = &nothing;
        s->plan.n_steps = 0;
        s->plan.skipped_deletes = s->plan.skipped_truncates = s->plan.skipped_messages = s->plan.coalesced = 0;
        st = attempt(s, false, at, err);
        st = st == HP_IDLE ? refused(s, at, err) : st;
        s->batch = NULL;
    }
    if (st != HP_OK) {
        s->tx_void = true;
        return st;
    }
    s->in_tx = false;
    add_tally(s);
    position_committed(s, at);
    if (s->link.huge) {
        /* libpq keeps the memory that a huge value needed. If this fails, the next put says so. */
        struct hp_error ignored = {.size = sizeof ignored};
        (void)sink_connect(s, &ignored);
    }
    return sink_failpoint(s, "sink.committed", err) ? HP_ERROR : HP_OK;
}
