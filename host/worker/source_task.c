/*
 * source_task.c: poll -> transforms -> queue, and commit(ticket) back to the source once the log thread has made it
 * durable (rules E1, E3). The loop never stops polling: with no room in the queue, or paused, it polls for zero bytes,
 * so that the source can answer its server's keepalives.
 */
#include "source_task.h"

#include "clock.h"
#include "log_thread.h"
#include "logging.h"
#include "source_queue.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_BYTES   (BATCH_CREDIT + (256u << 10))
#define WAIT_US      500000
#define IDLE_TRIM_MS 2000

struct source_task {
    struct worker *w;
    const struct hp_source *source;
    struct log_writer *writer;
    struct source_queue queue;
    struct log_thread log;
    struct backoff backoff;
    uint64_t *open; /* transactions with chunks and no end yet */
    size_t n_open, cap_open;
    uint64_t committed; /* queue.durable as last told to the source */
    uint32_t n_topics;  /* as last reported */
    int64_t busy_ms;    /* last time that there were records */
    bool trimmed, shown_paused;
    struct hp_metric *records_in, *bytes_in;
};

static struct source_task task; /* one per process */

/* [any] */
static void interrupt(struct worker *w, bool hard)
{
    (void)w;
    (void)hard;
    task.source->interrupt(w->self);
}

static hp_status no_memory(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
}

/* ---- transactions that are open in the log ---- */

static bool open_add(struct source_task *s, uint64_t id)
{
    for (size_t i = 0; i < s->n_open; i++) {
        if (s->open[i] == id) {
            return true;
        }
    }
    if (s->n_open == s->cap_open) {
        size_t cap = s->cap_open ? s->cap_open * 2 : 16;
        uint64_t *more = realloc(s->open, cap * sizeof *more);
        if (!more) {
            return false;
        }
        s->open = more;
        s->cap_open = cap;
    }
    s->open[s->n_open++] = id;
    return true;
}

static void open_remove(struct source_task *s, uint64_t id)
{
    for (size_t i = 0; i < s->n_open; i++) {
        if (s->open[i] == id) {
            s->open[i] = s->open[--s->n_open];
            return;
        }
    }
}

/* After a stop the source sends its open transactions again: what is in the log of them goes. */
static hp_status open_abort_all(struct source_task *s, struct hp_error *err)
{
    while (s->n_open) {
        struct queue_item item = {.kind = HP_POLL_ABORT, .tx = {.size = sizeof item.tx}};
        item.tx.id = s->open[s->n_open - 1];
        if (queue_push(&s->queue, &item, err) != HP_OK) {
            return HP_ERROR;
        }
        s->n_open--;
    }
    return HP_OK;
}

/* ---- one poll ---- */

static void report_topics_of(struct source_task *s)
{
    struct schema_pool *pool = log_writer_pool(s->writer);
    uint32_t n = schema_pool_n_topics(pool);
    json_t *list;
    if (n == s->n_topics) {
        return;
    }
    list = json_array();
    for (uint32_t id = 1; id < n; id++) {
        struct hp_bytes name = schema_pool_topic_name(pool, id);
        if (name.len) {
            (void)json_array_append_new(list, json_stringn(name.data, (size_t)name.len));
        }
    }
    if (report_topics(&s->w->report, list)) {
        s->n_topics = n;
    }
}

/* What the poll says beside records, as owned copies. */
static bool copy_out(struct queue_item *item, const struct hp_poll *p)
{
    item->tx = p->tx;
    if (p->kind == HP_POLL_COMMIT && p->n_aborted) {
        item->aborted = malloc(p->n_aborted * sizeof *item->aborted);
        if (!item->aborted) {
            return false;
        }
        memcpy(item->aborted, p->aborted, p->n_aborted * sizeof *item->aborted);
        item->n_aborted = p->n_aborted;
    }
    if ((p->kind == HP_POLL_BATCH || p->kind == HP_POLL_COMMIT) && p->position.len) {
        item->position = malloc(p->position.len);
        if (!item->position) {
            return false;
        }
        memcpy(item->position, p->position.data, p->position.len);
        item->position_len = p->position.len;
        item->ticket = p->ticket;
    }
    return true;
}

/* Names the record that a transform cannot process. */
static void name_poison(struct source_task *s, struct hp_error *err)
{
    const char *alias;
    const struct hp_batch *batch = chain_failed(s->w->chain, &alias);
    struct hp_iter it = hp_batch_iter(batch);
    char message[sizeof err->message];
    while (hp_iter_next(&it) && it.index < err->record) {
    }
    if (err->record < batch->n_records && it.rec->topic < batch->n_topics) {
        (void)snprintf(message, sizeof message, "%.700s (record of topic %.*s at source position %llu)", err->message,
                       (int)batch->topics[it.rec->topic].len, (const char *)batch->topics[it.rec->topic].data,
                       (unsigned long long)it.rec->pos);
        memcpy(err->message, message, sizeof message);
    }
}

static hp_status transform(struct source_task *s, struct queue_item *item, struct hp_error *err)
{
    struct schema_pool *pool = log_writer_pool(s->writer);
    struct hp_batch batch = builder_batch(item->builder);
    struct builder *result;
    uint64_t before = batch.n_records;
    item->built_us = batch.built_us;
    if (batch.len && !chain_is_empty(s->w->chain)) {
        batch.stream = hp_bytes_of(s->w->start.connector);
        schema_pool_view(pool, &batch);
        if (item->kind == HP_POLL_CHUNK) {
            batch.flags = HP_BATCH_CHUNK;
            batch.tx = &item->tx;
        }
        if (chain_apply(s->w->chain, pool, &batch, &result, err) != HP_OK) {
            if (err->klass == HP_ERROR_POISON) {
                name_poison(s, err);
            }
            return HP_ERROR;
        }
        if (result) {
            chain_swap(s->w->chain, result, item->builder);
            item->builder = result;
            batch = builder_batch(result);
        }
    }
    item->bytes = batch.len;
    item->records = batch.n_records;
    if (before > batch.n_records) {
        metric_add(s->w->filtered, (int64_t)(before - batch.n_records));
    }
    return HP_OK;
}

/* A filled poll goes into the queue. The builder's owner is then the queue, also on failure. */
static hp_status take(struct source_task *s, const struct hp_poll *p, struct builder *b, struct hp_error *err)
{
    struct queue_item item = {.kind = p->kind, .builder = b};
    hp_status st;
    if (p->kind > HP_POLL_ABORT) {
        queue_give_back(&s->queue, b);
        return hp_fail(err, HP_ERROR_FATAL, "", "plugin %s: poll answered with the unknown kind %u", s->w->dialect,
                       p->kind);
    }
    metric_add(s->records_in, (int64_t)b->b.n_records);
    metric_add(s->bytes_in, (int64_t)b->b.len);
    if (b->b.len) {
        s->busy_ms = clock_mono_ms();
        s->trimmed = false;
    }
    st = copy_out(&item, p) ? transform(s, &item, err) : no_memory(err);
    if (st == HP_OK && p->kind == HP_POLL_CHUNK && item.bytes) {
        st = open_add(s, p->tx.id) ? HP_OK : no_memory(err);
    }
    if (st != HP_OK) {
        queue_give_back(&s->queue, item.builder);
        free(item.aborted);
        free(item.position);
        return st;
    }
    if (p->kind == HP_POLL_COMMIT || p->kind == HP_POLL_ABORT) {
        open_remove(s, p->tx.id);
    }
    report_topics_of(s);
    if (item.bytes == 0 && item.kind != HP_POLL_COMMIT && item.kind != HP_POLL_ABORT && !item.position) {
        queue_give_back(&s->queue, item.builder);
        return HP_OK;
    }
    return queue_push(&s->queue, &item, err);
}

static hp_status poll_once(struct source_task *s, struct hp_error *err)
{
    struct worker *w = s->w;
    bool paused = atomic_load(&w->paused), room = !paused && queue_has_room(&s->queue);
    struct builder *b = queue_builder(&s->queue);
    struct hp_poll p = {.size = sizeof p, .max_bytes = room ? BATCH_CREDIT : 0, .wait_us = WAIT_US};
    hp_status st;
    if (!b) {
        return no_memory(err);
    }
    p.batch = &b->b;
    p.tx.size = sizeof p.tx;
    life_enter(&w->life, "source.poll", w->plugin.note.id);
    st = s->source->poll(w->self, &p, err);
    life_leave(&w->life);
    if (st == HP_OK) {
        return take(s, &p, b, err);
    }
    queue_give_back(&s->queue, b);
    if (st == HP_END) { /* through; what a bounded source has left to do is to be stopped */
        worker_wait(w, worker_wake_seen(w), WAIT_US / 1000);
    }
    return st < 0 ? st : HP_OK;
}

/* ---- life ---- */

/* Tell the source what has become durable. */
static hp_status commit(struct source_task *s, struct hp_error *err)
{
    uint64_t durable = atomic_load(&s->queue.durable);
    hp_status st;
    if (durable == s->committed) {
        return HP_OK;
    }
    life_enter(&s->w->life, "source.commit", s->w->plugin.note.id);
    st = s->source->commit(s->w->self, durable - 1, err);
    life_leave(&s->w->life);
    if (st >= 0) {
        s->committed = durable;
        backoff_reset(&s->backoff);
    }
    return st < 0 ? st : HP_OK;
}

static void show_paused(struct source_task *s, bool always)
{
    bool paused = atomic_load(&s->w->paused);
    if (always || paused != s->shown_paused) {
        s->shown_paused = paused;
        report_state(&s->w->report, paused ? "PAUSED" : "RUNNING", NULL);
    }
}

/* Builders and what else malloc keeps are given back when nothing comes for a while. */
static void trim_when_idle(struct source_task *s)
{
    if (!s->trimmed && clock_mono_ms() - s->busy_ms > IDLE_TRIM_MS) {
        s->trimmed = true;
        queue_trim(&s->queue);
        chain_trim(s->w->chain);
        (void)malloc_trim(0);
    }
}

static hp_status run_started(struct source_task *s, struct hp_error *err)
{
    hp_status st = HP_OK;
    show_paused(s, true);
    report_topics_of(s);
    while (st == HP_OK && !atomic_load(&s->w->stop)) {
        show_paused(s, false);
        trim_when_idle(s);
        atomic_store(&s->log.polling, true); /* before looking: a commit after the look interrupts the poll */
        if (atomic_load(&s->queue.durable) == s->committed) {
            st = poll_once(s, err);
        }
        atomic_store(&s->log.polling, false);
        st = st == HP_OK ? queue_check(&s->queue, err) : st;
        st = st == HP_OK ? commit(s, err) : st;
    }
    return st;
}

/* Before a clean end: everything queued becomes durable and is confirmed, if the time suffices. */
static void drain(struct source_task *s)
{
    struct hp_error err = {.size = sizeof err};
    if (queue_wait_written(&s->queue, atomic_load(&s->w->stop_by_ms), &err) == HP_OK) {
        if (commit(s, &err) != HP_OK) {
            log_warn("last confirmation to the source: %s", err.message);
        }
    }
}

/* From start to an error or to stop. */
static hp_status attempt(struct source_task *s, struct hp_error *err)
{
    struct worker *w = s->w;
    hp_status st;
    char *position;
    /* What the last attempt left in the queue is valid; the position is the one after it. */
    if (open_abort_all(s, err) != HP_OK || queue_wait_written(&s->queue, -1, err) != HP_OK ||
        chain_start(w->chain, err) != HP_OK) {
        return HP_ERROR;
    }
    struct hp_bytes at = log_writer_position(s->writer);
    position = malloc(at.len + 1);
    if (!position) {
        chain_stop(w->chain);
        return no_memory(err);
    }
    if (at.len) {
        memcpy(position, at.data, at.len);
    }
    position[at.len] = '\0';
    s->committed = atomic_load(&s->queue.durable);
    life_enter(&w->life, "source.start", w->plugin.note.id);
    st = s->source->start(w->self, (struct hp_bytes){position, at.len}, err);
    life_leave(&w->life);
    free(position);
    if (st >= 0) {
        st = run_started(s, err);
        if (st == HP_OK) {
            drain(s);
        }
        life_enter(&w->life, "source.stop", w->plugin.note.id);
        s->source->stop(w->self, st == HP_OK && atomic_load(&w->final));
        life_leave(&w->life);
    }
    chain_stop(w->chain);
    return st < 0 ? HP_ERROR : HP_OK;
}

/* The writer of a worker that was killed may take a moment to be gone. */
static bool open_writer(struct source_task *s)
{
    struct hp_error err = {.size = sizeof err};
    while (log_writer_open(s->w->log, s->w->start.connector, &s->writer, &err) != HP_OK) {
        enum worker_verdict verdict = worker_judge(s->w, &s->backoff, &err);
        if (verdict != WORKER_AGAIN) {
            if (verdict == WORKER_FAILED) {
                worker_wait_stop(s->w);
            }
            return false;
        }
    }
    backoff_reset(&s->backoff);
    return true;
}

static void run(struct source_task *s)
{
    for (;;) {
        struct hp_error err = {.size = sizeof err};
        if (!worker_wait_unpaused(s->w) || attempt(s, &err) == HP_OK) {
            return;
        }
        switch (worker_judge(s->w, &s->backoff, &err)) {
        case WORKER_AGAIN:
            break;
        case WORKER_FAILED:
            worker_wait_stop(s->w);
            return;
        case WORKER_STOP:
            return;
        }
    }
}

void source_task_run(struct worker *w)
{
    struct source_task *s = &task;
    struct hp_error err = {.size = sizeof err};
    s->w = w;
    s->backoff.cap_ms = worker_setting(w, "errors.retry.delay.max.ms", 0);
    s->source = w->plugin.entry->interface(HP_SOURCE);
    s->records_in =
        metrics_figure(&w->metrics, "records_in", "",
                       "Records taken in: from the source by a source, from the log by a sink.", HP_METRIC_COUNTER);
    s->bytes_in = metrics_figure(&w->metrics, "bytes_in", "", "Bytes taken in.", HP_METRIC_COUNTER);
    s->busy_ms = clock_mono_ms();
    if (!open_writer(s)) {
        return;
    }
    report_stream(&w->report, log_writer_stream_id(s->writer));
    w->pool = log_writer_pool(s->writer);
    s->log.w = w;
    s->log.writer = s->writer;
    s->log.queue = &s->queue;
    if (queue_init(&s->queue, KEEP_BYTES, w->max_record, &err) != HP_OK || log_thread_start(&s->log, &err) != HP_OK) {
        (void)worker_judge(w, &s->backoff, &err);
        return;
    }
    atomic_store(&w->interrupt, interrupt);
    run(s);
    atomic_store(&w->interrupt, NULL);
    queue_close(&s->queue);
    log_thread_join(&s->log);
    log_writer_close(s->writer);
}
