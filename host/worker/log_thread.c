/* log_thread.c: see log_thread.h. Runs alone on the writer while the task runs; nothing here calls a plugin. */
#include "log_thread.h"

#include "clock.h"
#include "control_thread.h"
#include "crash.h"
#include "logging.h"

#include <string.h>

#define TRIM_MS    1000
#define MEASURE_MS 1000
#define ROOM_MS    1000 /* between attempts on a full disk */

static hp_status write_item(struct log_thread *t, struct queue_item *item, struct hp_error *err)
{
    struct hp_batch batch;
    if (item->builder && item->bytes) {
        batch = builder_batch(item->builder);
        batch.built_us = item->built_us;
        batch.stream = hp_bytes_of(t->w->start.connector);
        schema_pool_view(log_writer_pool(t->writer), &batch);
    }
    switch (item->kind) {
    case HP_POLL_CHUNK:
        if (!item->bytes) {
            return HP_OK;
        }
        batch.flags = HP_BATCH_CHUNK;
        batch.tx = &item->tx;
        return log_chunk(t->writer, &item->tx, &batch, err);
    case HP_POLL_COMMIT:
        return log_chunks_commit(t->writer, &item->tx, item->aborted, item->n_aborted, err);
    case HP_POLL_ABORT:
        return log_chunks_abort(t->writer, item->tx.id, err);
    default:
        return item->bytes ? log_append(t->writer, &batch, err) : HP_OK;
    }
}

static hp_status write_all(struct log_thread *t, struct queue_item *items, unsigned n, struct hp_error *err)
{
    const struct queue_item *last = NULL;
    hp_status st = log_begin(t->writer, err);
    for (unsigned i = 0; i < n && st == HP_OK; i++) {
        st = write_item(t, &items[i], err);
        last = items[i].position ? &items[i] : last;
    }
    if (st == HP_OK && last) {
        st = log_position(t->writer, (struct hp_bytes){last->position, last->position_len}, err);
    }
    if (st == HP_OK) {
        st = log_commit(t->writer, err);
    }
    if (st != HP_OK) {
        log_rollback(t->writer);
    }
    return st;
}

static void trim(struct log_thread *t)
{
    struct hp_error err = {.size = sizeof err};
    /* A topic that the supervisor has not heard of may be one that a sink waits for: then nothing goes. */
    bool known = atomic_load(&t->w->floor_topics) >= (int64_t)log_writer_topics(t->writer);
    int64_t floor = atomic_load(&t->w->floor);
    t->limits.floor = !known ? 0 : floor < 0 ? UINT64_MAX : (uint64_t)floor;
    if (log_trim(t->writer, &t->limits, &err) == HP_OK) {
        t->trim_told = false;
    } else if (!t->trim_told) { /* it is tried every second */
        t->trim_told = true;
        log_warn("retention of the log: %s", err.message);
    }
    t->trim_at_ms = clock_mono_ms() + TRIM_MS;
}

static void measure(struct log_thread *t)
{
    struct hp_error err = {.size = sizeof err};
    struct log_stream_info info;
    if (log_stream_info(t->w->log, t->w->start.connector, &info, &err) == HP_OK) {
        metric_set(t->log_bytes, (int64_t)info.bytes);
        metric_set(t->log_disk_bytes, (int64_t)info.disk_bytes);
        log_stream_info_finish(&info);
    }
    t->measure_at_ms = clock_mono_ms() + MEASURE_MS;
}

static bool may_pass(const struct hp_error *err)
{
    return err->klass == HP_ERROR_RETRY;
}

/* Write until it is durable, waiting for room on the disk. False: it never will be; err says why. */
static bool write_until_durable(struct log_thread *t, struct queue_item *items, unsigned n, struct hp_error *err)
{
    bool stalled = false;
    while (write_all(t, items, n, err) != HP_OK) {
        if (!may_pass(err)) {
            return false;
        }
        worker_check_memory();
        if (!stalled) {
            stalled = true;
            metric_add(t->w->errors, 1);
            log_warn("the log cannot be written, the source waits: %s", err->message);
        }
        report_stall(&t->w->report, STALL_LOG, err->message);
        metric_add(t->w->retries, 1);
        if (atomic_load(&t->w->stop)) {
            return false; /* not durable, so not confirmed: it will be read again */
        }
        trim(t);
        worker_wait(t->w, worker_wake_seen(t->w), ROOM_MS);
    }
    if (stalled) {
        log_info("the log can be written again");
        report_stall(&t->w->report, STALL_LOG, NULL);
    }
    return true;
}

static void count(struct log_thread *t, const struct queue_item *items, unsigned n)
{
    int64_t records = 0, bytes = 0;
    for (unsigned i = 0; i < n; i++) {
        records += (int64_t)items[i].records;
        bytes += (int64_t)items[i].bytes;
    }
    metric_add(t->records_out, records);
    metric_add(t->bytes_out, bytes);
}

static void tell_task(struct log_thread *t)
{
    void (*interrupt)(struct worker *, bool) = atomic_load(&t->w->interrupt);
    worker_wake(t->w);
    if (interrupt && atomic_load(&t->polling)) {
        interrupt(t->w, false);
    }
}

static void *log_run(void *arg)
{
    struct log_thread *t = arg;
    struct queue_item items[QUEUE_ITEMS];
    struct hp_error err = {.size = sizeof err};
    bool closed = false, ok = true;
    crash_thread();
    measure(t);
    while (ok) {
        unsigned n = queue_take(t->queue, items, TRIM_MS, &closed);
        if (n) {
            ok = write_until_durable(t, items, n, &err);
            if (ok) {
                count(t, items, n);
                report_progress(&t->w->report);
            }
            queue_written(t->queue, items, n, ok ? NULL : &err);
            tell_task(t);
        } else if (closed) {
            break;
        }
        if (ok && clock_mono_ms() >= t->trim_at_ms) {
            trim(t);
        }
        if (ok && clock_mono_ms() >= t->measure_at_ms) {
            measure(t);
        }
    }
    measure(t); /* so it stays until there is another writer */
    return NULL;
}

hp_status log_thread_start(struct log_thread *t, struct hp_error *err)
{
    struct metrics *m = &t->w->metrics;
    t->records_out =
        metrics_figure(m, "records_out", "", "Records handed on: written to the log by a source, applied by a sink.",
                       HP_METRIC_COUNTER);
    t->bytes_out = metrics_figure(m, "bytes_out", "", "Bytes handed on.", HP_METRIC_COUNTER);
    t->log_bytes = metrics_figure(m, "log_bytes", "", LOG_BYTES_HELP, HP_METRIC_GAUGE);
    t->log_disk_bytes = metrics_figure(m, "log_disk_bytes", "", LOG_DISK_BYTES_HELP, HP_METRIC_GAUGE);
    t->limits.bytes = worker_setting(t->w, "log.retention.bytes", -1);
    t->limits.ms = worker_setting(t->w, "log.retention.ms", -1);
    t->trim_at_ms = clock_mono_ms() + TRIM_MS;
    return worker_thread(&t->thread, log_run, t, err);
}

void log_thread_join(struct log_thread *t)
{
    (void)pthread_join(t->thread, NULL);
}
