/*
 * write.c: the steps of a plan become statements, each in the form that is cheapest for it: COPY straight in for runs
 * of new rows, arrays that the server unnests, a staged COPY where columns are arrays themselves, single rows for the
 * rest. See sink.h.
 */
#include "sink.h"

#define COPY_ROWS       200u /* from here on two more round trips pay */
#define STAGE_ROWS      50u
#define STATEMENT_BYTES ((uint64_t)2 << 20)
#define HUGE_RECORD     (1u << 20) /* goes by itself, without being copied into an array */
#define COPY_BUFFER     ((size_t)128 << 10)

static hp_status cannot_encode(struct sink *s, struct hp_error *err)
{
    const struct entry *e = s->encoder.bad;
    if (!e) {
        return out_of_memory(err);
    }
    (void)hp_fail(err, HP_ERROR_POISON, "", "field %.*s holds a value that its type does not allow",
                  (int)s->encoder.bad_col->source->name.len, (const char *)s->encoder.bad_col->source->name.data);
    err->record = e->index;
    return HP_ERROR;
}

static struct step *step_of(struct sink *s, uint32_t i)
{
    return &s->plan.steps[i];
}

static hp_status send_statement(struct sink *s, uint32_t step, int kind, int variant, uint32_t from, uint32_t n,
                                struct hp_error *err)
{
    struct step *st = step_of(s, step);
    struct command c = {.what = CMD_WRITE, .aside = kind == SQL_KEY_FREE, .step = step, .entry = from, .rows = n};
    c.statement = shape_statement(st->shape, &s->catalog.types, st->set, kind, variant);
    if (!c.statement) {
        return out_of_memory(err);
    }
    if (!*c.statement->sql) {
        return HP_OK; /* an update of nothing but the key */
    }
    return link_send(&s->link, &c, (int)c.statement->n_params, s->encoder.values, s->encoder.lengths, err);
}

static hp_status write_row(struct sink *s, uint32_t step, int kind, uint32_t index, struct hp_error *err)
{
    if (!encode_row(&s->encoder, &s->plan, &s->catalog.types, step_of(s, step), index)) {
        return cannot_encode(s, err);
    }
    s->tally.single++;
    return send_statement(s, step, kind, SQL_ROW, index, 1, err);
}

static hp_status write_arrays(struct sink *s, uint32_t step, int kind, uint32_t from, uint32_t n, struct hp_error *err)
{
    if (!encode_arrays(&s->encoder, &s->plan, &s->catalog.types, step_of(s, step), from, n)) {
        return cannot_encode(s, err);
    }
    s->tally.unnested++;
    return send_statement(s, step, kind, SQL_UNNEST, from, n, err);
}

/* Arrays, cut where rows or bytes become too many; huge records by themselves. */
static hp_status write_unnest(struct sink *s, uint32_t step, int kind, struct hp_error *err)
{
    const struct step *st = step_of(s, step);
    hp_status result = HP_OK;
    uint32_t from = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; result == HP_OK && i < st->n; i++) {
        uint32_t size = s->plan.entries[st->entries[i]].rec->size;
        bool huge = size > HUGE_RECORD;
        if (i > from && (huge || bytes + size > STATEMENT_BYTES || i - from >= s->config.batch_rows)) {
            result = write_arrays(s, step, kind, from, i - from, err);
            from = i;
            bytes = 0;
        }
        bytes += size;
        if (huge && result == HP_OK) {
            result = write_row(s, step, kind, i, err);
            from = i + 1;
            bytes = 0;
        }
    }
    return result == HP_OK && from < st->n ? write_arrays(s, step, kind, from, st->n - from, err) : result;
}

static hp_status write_singly(struct sink *s, uint32_t step, int kind, struct hp_error *err)
{
    uint32_t n = step_of(s, step)->n;
    for (uint32_t i = 0; i < n; i++) {
        if (write_row(s, step, kind, i, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    return HP_OK;
}

/* The rows of a step through a COPY. */
static hp_status copy_rows(struct sink *s, uint32_t step, const char *sql, struct hp_error *err)
{
    static const uint8_t trailer[2] = {0xff, 0xff};
    const struct step *st = step_of(s, step);
    struct encoder *e = &s->encoder;
    uint64_t rows = 0;
    const struct command here = {.what = CMD_WRITE, .step = step, .rows = st->n};
    hp_status result = link_sync(&s->link, err); /* a refusal of something earlier is not this step's */
    if (result != HP_OK || s->link.failed) {
        return result != HP_OK ? result : HP_IDLE;
    }
    result = link_copy_begin(&s->link, sql, err);
    if (result != HP_OK) {
        s->link.failed_command = here;
        return result;
    }
    e->rows.len = 0;
    bytes_append(&e->rows, copy_header, COPY_HEADER_LEN);
    for (uint32_t i = 0; i < st->n; i++) {
        if (!encode_tuple(e, &s->plan, &s->catalog.types, st, i)) {
            return link_copy_abort(&s->link, err) == HP_OK ? cannot_encode(s, err) : HP_ERROR;
        }
        if (e->rows.len >= COPY_BUFFER) {
            if (link_copy_data(&s->link, e->rows.data, e->rows.len, err) != HP_OK) {
                return HP_ERROR;
            }
            bytes_trim(&e->rows, COPY_BUFFER * 4);
        }
    }
    bytes_append(&e->rows, trailer, sizeof trailer);
    if (e->rows.failed) {
        return link_copy_abort(&s->link, err) == HP_OK ? out_of_memory(err) : HP_ERROR;
    }
    result = link_copy_data(&s->link, e->rows.data, e->rows.len, err);
    if (result == HP_OK) {
        result = link_copy_end(&s->link, &rows, err);
    }
    if (result == HP_IDLE) {
        s->link.failed_command = here;
    }
    return result;
}

static hp_status write_copy(struct sink *s, uint32_t step, struct hp_error *err)
{
    struct step *st = step_of(s, step);
    char *sql = shape_copy_sql(st->shape, &s->catalog.types, st->set);
    hp_status result;
    if (!sql) {
        return out_of_memory(err);
    }
    result = copy_rows(s, step, sql, err);
    free(sql);
    if (result == HP_OK) {
        s->tally.rows += st->n;
        s->tally.copied++;
    }
    return result;
}

/* Columns that are arrays: COPY into a temporary table, then one statement from there. */
static hp_status write_stage(struct sink *s, uint32_t step, int kind, struct hp_error *err)
{
    struct step *st = step_of(s, step);
    struct colset *set = st->set;
    char *sql;
    hp_status result = HP_OK;
    if (set->stage_epoch != s->stage_epoch) {
        (void)snprintf(set->stage, sizeof set->stage, "hp_stage_%u", ++s->stage_number);
        sql = shape_stage_sql(st->shape, &s->catalog.types, set, true);
        result = sql ? link_control(&s->link, sql, err) : out_of_memory(err);
        free(sql);
        s->tx_stage = true;
        set->stage_epoch = s->stage_epoch;
    } else if (set->stage_tx == s->tx_number) { /* every commit empties it */
        char empty[64];
        (void)snprintf(empty, sizeof empty, "TRUNCATE \"pg_temp\".\"%s\"", set->stage);
        result = link_control(&s->link, empty, err);
    }
    set->stage_tx = s->tx_number;
    if (result != HP_OK) {
        return result;
    }
    sql = shape_stage_sql(st->shape, &s->catalog.types, set, false);
    result = sql ? copy_rows(s, step, sql, err) : out_of_memory(err);
    free(sql);
    if (result != HP_OK) {
        return result;
    }
    s->tally.staged++;
    return send_statement(s, step, kind, SQL_STAGE, 0, st->n, err);
}

/* The source names every table that its CASCADE came to. Ours could only come to others, which are the target's own. */
static hp_status write_truncate(struct sink *s, uint32_t step, struct hp_error *err)
{
    struct step *st = step_of(s, step);
    const struct command c = {.what = CMD_WRITE, .step = step};
    struct bytes sql = {0};
    char *text;
    hp_status result;
    bytes_text(&sql, "TRUNCATE TABLE ");
    for (uint32_t i = 0; i < st->n; i++) {
        bytes_text(&sql, i ? ", " : "");
        bytes_text(&sql, st->shapes[i]->table->partitioned ? "" : "ONLY ");
        bytes_text(&sql, st->shapes[i]->table->quoted);
    }
    bytes_text(&sql, st->flags & HP_REC_RESTART_IDENTITY ? " RESTART IDENTITY" : "");
    text = bytes_steal_text(&sql);
    result = text ? link_text(&s->link, &c, text, err) : out_of_memory(err);
    free(text);
    return result;
}

/* May these rows be copied straight in? A key that is there already costs the whole attempt, so a table where that
   happened is left alone for a while, twice as long each time. */
static bool copy_fits(const struct sink *s, const struct step *st)
{
    struct table *t = st->shape->table;
    if (st->kind != SQL_INSERT || st->n < COPY_ROWS || !st->set->direct || !t->copyable || st->set->n_params == 0) {
        return false;
    }
    if (s->config.insert_mode == MODE_UPSERT && st->fresh && t->copy_pause) {
        t->copy_pause--;
        return false;
    }
    return true;
}

static hp_status write_step(struct sink *s, uint32_t i, bool ordered, struct hp_error *err)
{
    struct step *st = step_of(s, i);
    int kind = st->kind;
    if (kind == STEP_TRUNCATE) {
        return write_truncate(s, i, err);
    }
    if (!ordered && copy_fits(s, st)) {
        return write_copy(s, i, err);
    }
    if (kind == SQL_INSERT && st->fresh && s->config.insert_mode == MODE_UPSERT) {
        kind = SQL_UPSERT;
    }
    if ((kind == SQL_KEY_CHANGE || kind == SQL_KEY_STRICT) && s->free_keys &&
        !plan_gives_way(&s->plan, st->shape, &s->plan.entries[st->entries[0]]) &&
        write_row(s, i, SQL_KEY_FREE, 0, err) != HP_OK) {
        return HP_ERROR;
    }
    if (st->n == 1 || ordered) {
        return write_singly(s, i, kind, err);
    }
    if (st->set->unnestable) {
        return write_unnest(s, i, kind, err);
    }
    return st->n >= STAGE_ROWS && st->set->n_params ? write_stage(s, i, kind, err) : write_singly(s, i, kind, err);
}

hp_status write_steps(struct sink *s, bool ordered, struct hp_error *err)
{
    for (uint32_t i = 0; i < s->plan.n_steps; i++) {
        hp_status st = write_step(s, i, ordered, err);
        if (st != HP_OK) {
            return st;
        }
    }
    return HP_OK;
}

/* ---- results ---- */

static uint32_t expected_misses(const struct sink *s, const struct step *st, const struct command *c)
{
    uint32_t born = 0;
    for (uint32_t i = 0; st->kind == SQL_DELETE && i < c->rows; i++) {
        born += s->plan.entries[st->entries[c->entry + i]].born;
    }
    return born;
}

void write_result(void *arg, const struct command *c, uint64_t rows)
{
    struct sink *s = arg;
    const struct step *st;
    if (c->what == CMD_WRITE && c->aside && rows) {
        freed_note(s, c);
    }
    if (c->what != CMD_WRITE || c->aside) {
        return;
    }
    st = step_of(s, c->step);
    s->tally.rows += (int64_t)rows;
    if (st->kind != SQL_UPDATE && st->kind != SQL_DELETE && st->kind != SQL_KEYLESS_UPDATE &&
        st->kind != SQL_KEYLESS_DELETE &&
        !(st->kind == SQL_KEY_CHANGE && !(st->set->complete && st->shape->insertable))) {
        return;
    }
    if (rows + expected_misses(s, st, c) < c->rows) {
        const struct entry *first = &s->plan.entries[st->entries[c->entry]];
        const struct entry *last = &s->plan.entries[st->entries[c->entry + c->rows - 1]];
        bool deleted = st->kind == SQL_DELETE || st->kind == SQL_KEYLESS_DELETE;
        s->tally.missing += (int64_t)(c->rows - rows);
        sink_log(s, deleted ? HP_LOG_INFO : HP_LOG_WARN,
                 "%s: %llu of %u rows to %s were not there (stream %.*s, offsets %llu to %llu, LSN %llX to %llX)",
                 st->shape->table->quoted, (unsigned long long)(c->rows - rows), c->rows, deleted ? "delete" : "update",
                 (int)s->batch->stream.len, (const char *)s->batch->stream.data,
                 (unsigned long long)(s->batch->first_offset + first->index),
                 (unsigned long long)(s->batch->first_offset + last->index), (unsigned long long)first->rec->pos,
                 (unsigned long long)last->rec->pos);
    }
}
