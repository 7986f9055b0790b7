/*
 * sink_task.c: log -> transforms -> put, and commit where the source's transactions end (rules E2, E4). Commits are
 * grouped while there is more to read and made at once when there is not, so that throughput costs no latency.
 */
#include "sink_task.h"

#include "clock.h"
#include "failpoint.h"
#include "logging.h"
#include "sink_apply.h"
#include "sink_report.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* A group ends at the first transaction end beyond any of these. */
#define GROUP_BYTES   (4u << 20)
#define GROUP_RECORDS 20000u
#define GROUP_MS      50
#define SKIP_MS       1000 /* a position that moved only over records that are not ours is stored this often */
#define IDLE_TRIM_MS  2000
#define WAIT_MS       1000

struct sink_task {
    struct worker *w;
    const struct hp_sink *sink;
    struct sink_set set;
    struct sink_apply apply;
    struct sink_report report;
    struct backoff backoff;
    struct sink_stream *current; /* the stream of the open group, NULL: no group is open */
    size_t turn;                 /* round robin */
    bool dirty;                  /* the group has puts */
    bool boundary;               /* a transaction ends where the group ends now */
    uint64_t put_first;          /* where the batch last put was read */
    uint64_t group_bytes, group_records;
    int64_t group_ms; /* since when the group is open */
    int64_t skipped_at_ms, busy_ms;
    bool trimmed, shown_paused;
    bool started; /* the plugin is */
    struct hp_metric *records_in, *bytes_in, *records_out, *bytes_out;
};

static struct sink_task task; /* one per process */

/* [any] Only hard: a put that is under way in good order is let finish. */
static void interrupt(struct worker *w, bool hard)
{
    if (hard) {
        task.sink->interrupt(w->self);
    }
}

/* ---- committing ---- */

static void group_close(struct sink_task *t)
{
    t->current = NULL;
    t->dirty = t->boundary = false;
    t->group_bytes = t->group_records = 0;
    atomic_store(&t->w->oldest_us, 0);
}

static hp_status commit(struct sink_task *t, struct hp_error *err)
{
    struct sink_stream *s = t->current;
    struct hp_sink_position at = {sizeof at, 0, hp_bytes_of(s->id), s->next, t->w->start.epoch};
    hp_status st;
    life_enter(&t->w->life, "sink.commit", t->w->plugin.note.id);
    st = t->sink->commit(t->w->self, &at, err);
    life_leave(&t->w->life);
    if (st < 0) {
        if (t->dirty && err->klass == HP_ERROR_POISON) {
            sink_apply_name_again(&t->apply, s, t->w, t->put_first, err);
        }
        return st;
    }
    s->position = s->next;
    t->report.moved = true;
    t->report.all_flushed = false;
    metric_add(t->records_out, (int64_t)t->group_records);
    metric_add(t->bytes_out, (int64_t)t->group_bytes);
    group_close(t);
    backoff_reset(&t->backoff);
    report_progress(&t->w->report);
    return HP_OK;
}

/* A group without puts needs no transaction: its position is stored by store_skipped(). */
static hp_status group_end(struct sink_task *t, struct hp_error *err)
{
    if (t->dirty) {
        return commit(t, err);
    }
    group_close(t);
    return HP_OK;
}

static bool group_is_full(const struct sink_task *t)
{
    return t->group_bytes >= GROUP_BYTES || t->group_records >= GROUP_RECORDS ||
           clock_mono_ms() - t->group_ms >= GROUP_MS;
}

/* ---- one batch ---- */

static int64_t time_of(const struct hp_batch *batch)
{
    struct hp_iter it = hp_batch_iter(batch);
    if (hp_iter_next(&it)) {
        if (it.tx && it.tx->commit_us) {
            return it.tx->commit_us;
        }
        if (it.rec->timestamp_us) {
            return it.rec->timestamp_us;
        }
    }
    return batch->built_us;
}

static hp_status put(struct sink_task *t, struct sink_stream *s, const struct hp_batch *in, struct hp_error *err)
{
    struct hp_batch batch;
    hp_status st;
    if (sink_stream_learn(s, in, t->set.map, t->set.topics, err) != HP_OK ||
        sink_apply_prepare(&t->apply, s, t->w, in, &batch, err) != HP_OK) {
        return HP_ERROR;
    }
    if (batch.n_records == 0) {
        return HP_OK;
    }
    t->dirty = true;
    t->put_first = in->first_offset;
    t->group_bytes += batch.len;
    t->group_records += batch.n_records;
    life_enter(&t->w->life, "sink.put", t->w->plugin.note.id);
    st = t->sink->put(t->w->self, &batch, err);
    life_leave(&t->w->life);
    if (st < 0 && err->klass == HP_ERROR_POISON) {
        sink_apply_name(in, &batch, err);
    }
    return st < 0 ? st : HP_OK;
}

static hp_status place(struct sink_task *t, struct sink_stream *s, struct hp_error *err)
{
    t->report.moved = true;
    return sink_stream_place(s, t->w, t->sink, t->set.topics, err);
}

static hp_status plugin_start(struct sink_task *t, struct hp_error *err)
{
    hp_status st;
    life_enter(&t->w->life, "sink.start", t->w->plugin.note.id);
    st = t->sink->start(t->w->self, err);
    life_leave(&t->w->life);
    t->started = st >= 0;
    return st < 0 ? st : HP_OK;
}

static void plugin_stop(struct sink_task *t)
{
    if (!t->started) {
        return;
    }
    life_enter(&t->w->life, "sink.stop", t->w->plugin.note.id);
    if (t->current) {
        t->sink->rollback(t->w->self);
    }
    t->sink->stop(t->w->self);
    life_leave(&t->w->life);
    t->started = false;
}

/* The schemas of a stream that is gone are gone, too: plugins begin anew, without what they knew by them. */
static hp_status begin_anew(struct sink_task *t, struct hp_error *err)
{
    plugin_stop(t);
    chain_stop(t->w->chain);
    for (size_t i = 0; i < t->set.n; i++) {
        t->set.streams[i]->placed = false;
    }
    return chain_start(t->w->chain, err) == HP_OK ? plugin_start(t, err) : HP_ERROR;
}

/* The stream is another one now. */
static hp_status replaced(struct sink_task *t, struct sink_stream *s, struct hp_error *err)
{
    bool had = s->id[0] != '\0';
    log_info("stream %s: it is %s now", s->name, log_reader_stream_id(s->reader)[0] ? "another one" : "not there");
    if (had && begin_anew(t, err) != HP_OK) {
        return HP_ERROR;
    }
    if (sink_stream_recall(s, t->w, t->set.map, t->set.topics, NULL, err) != HP_OK) {
        return HP_ERROR;
    }
    return sink_stream_place(s, t->w, t->sink, t->set.topics, err);
}

/* Read and put one batch of a stream. HP_IDLE: there is nothing. */
static hp_status step(struct sink_task *t, struct sink_stream *s, struct hp_error *err)
{
    struct log_read read;
    hp_status st;
    if (!s->placed) {
        st = place(t, s, err);
        if (st != HP_OK) {
            return st;
        }
    }
    st = log_reader_next(s->reader, BATCH_CREDIT, &read, err);
    if (st == HP_END) {
        if (t->current) {
            t->sink->rollback(t->w->self);
            group_close(t);
        }
        return replaced(t, s, err);
    }
    if (st != HP_OK) {
        return st;
    }
    if (failpoint("sink.read")) {
        return hp_fail(err, HP_ERROR_RETRY, "", "fail point sink.read");
    }
    if (!t->current) {
        t->current = s;
        t->group_ms = clock_mono_ms();
        atomic_store(&t->w->oldest_us, time_of(&read.batch));
    }
    t->busy_ms = clock_mono_ms();
    t->trimmed = false;
    metric_add(t->records_in, (int64_t)read.batch.n_records);
    metric_add(t->bytes_in, (int64_t)read.batch.len);
    st = put(t, s, &read.batch, err);
    if (st == HP_OK) {
        s->next = read.next;
        t->boundary = read.boundary;
    }
    return st;
}

/* Go on with the open group's stream, else with the next one that has something. HP_IDLE: nobody has. */
static hp_status pump(struct sink_task *t, struct hp_error *err)
{
    hp_status st = HP_IDLE;
    if (t->current) {
        st = step(t, t->current, err);
        if (st == HP_IDLE && t->boundary) {
            st = group_end(t, err);
        }
    } else {
        for (size_t i = 0; i < t->set.n && st == HP_IDLE; i++) {
            t->turn = (t->turn + 1) % t->set.n;
            st = step(t, t->set.streams[t->turn], err);
        }
    }
    if (st == HP_OK && t->current && t->boundary && group_is_full(t)) {
        st = group_end(t, err);
    }
    return st;
}

/* Positions that moved only over records that are not this sink's (rule E4). Between groups. */
static hp_status store_skipped(struct sink_task *t, struct hp_error *err)
{
    for (size_t i = 0; i < t->set.n; i++) {
        struct sink_stream *s = t->set.streams[i];
        if (s->placed && s->next > s->position) {
            t->current = s;
            if (commit(t, err) != HP_OK) {
                return HP_ERROR;
            }
        }
    }
    return HP_OK;
}

/* ---- around it ---- */

static void meanwhile(struct worker *w)
{
    (void)w;
    sink_report_lag(&task.report, false);
}

/* What is due; *out_ms: until the next thing is. */
static hp_status housekeep(struct sink_task *t, int64_t *out_ms, struct hp_error *err)
{
    int64_t now = clock_mono_ms();
    *out_ms = WAIT_MS;
    if (now >= t->report.lag_at_ms) {
        sink_report_lag(&t->report, t->current != NULL);
    }
    if (t->current) { /* amid a group: its end is near */
        return HP_OK;
    }
    if (now >= t->skipped_at_ms) {
        t->skipped_at_ms = now + SKIP_MS;
        if (store_skipped(t, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    if (!t->trimmed && now - t->busy_ms > IDLE_TRIM_MS) {
        t->trimmed = true;
        sink_set_trim(&t->set);
        sink_apply_trim(&t->apply);
        chain_trim(t->w->chain);
        (void)malloc_trim(0);
    }
    if (sink_report_due(&t->report, now, out_ms, err) != HP_OK) {
        return HP_ERROR;
    }
    return sink_set_look(&t->set, now, out_ms, err);
}

static void show_paused(struct sink_task *t, bool always)
{
    bool paused = atomic_load(&t->w->paused);
    if (always || paused != t->shown_paused) {
        t->shown_paused = paused;
        report_state(&t->w->report, paused ? "PAUSED" : "RUNNING", NULL);
    }
}

/* ---- life ---- */

static bool stopping(const struct sink_task *t)
{
    return atomic_load(&t->w->stop);
}

/* Paused or stopping: go on to the end of the source's transaction that is half put, and commit there. */
static hp_status finish_group(struct sink_task *t, struct hp_error *err)
{
    while (t->current) {
        hp_status st = HP_OK;
        st = t->boundary ? group_end(t, err) : step(t, t->current, err);
        if (st < 0) {
            return st;
        }
        if (st == HP_IDLE) { /* its rest is not there: put all of it later */
            t->current->placed = false;
            t->sink->rollback(t->w->self);
            group_close(t);
        }
    }
    return HP_OK;
}

static hp_status run_started(struct sink_task *t, struct hp_error *err)
{
    hp_status st = HP_OK;
    show_paused(t, true);
    while (st >= 0 && !stopping(t)) {
        struct sink_words words;
        int64_t ms;
        show_paused(t, false);
        sink_set_words(&t->set, &words);
        if (atomic_load(&t->w->paused)) {
            st = finish_group(t, err);
            st = st < 0 ? st : HP_IDLE;
        } else {
            st = pump(t, err);
        }
        if (st >= 0 && housekeep(t, &ms, err) != HP_OK) {
            st = HP_ERROR;
        }
        if (st == HP_IDLE && !stopping(t)) {
            sink_set_wait(&words, ms);
        }
    }
    st = st >= 0 ? finish_group(t, err) : st;
    st = st >= 0 ? store_skipped(t, err) : st;
    return st < 0 ? st : HP_OK;
}

static hp_status place_all(struct sink_task *t, struct hp_error *err)
{
    for (size_t i = 0; i < t->set.n; i++) {
        if (place(t, t->set.streams[i], err) < 0) {
            return HP_ERROR;
        }
    }
    return HP_OK;
}

/* From start to an error or to stop. */
static hp_status attempt(struct sink_task *t, struct hp_error *err)
{
    struct worker *w = t->w;
    const struct hp_sink_offsets *offsets = w->plugin.entry->interface(HP_SINK_OFFSETS);
    hp_status st;
    if (sink_set_open(&t->set, w, err) != HP_OK || sink_set_recall(&t->set, offsets, err) != HP_OK ||
        sink_set_check(&t->set, err) != HP_OK || chain_start(w->chain, err) != HP_OK) {
        return HP_ERROR;
    }
    st = plugin_start(t, err);
    if (st == HP_OK) {
        st = place_all(t, err);
        st = st == HP_OK ? run_started(t, err) : st;
        st = st == HP_OK ? sink_report_last(&t->report, err) : st;
        plugin_stop(t);
        group_close(t);
        sink_report_lag(&t->report, false); /* what could not be applied goes on ageing */
    }
    chain_stop(w->chain);
    return st < 0 ? HP_ERROR : HP_OK;
}

static void run(struct sink_task *t)
{
    for (;;) {
        struct hp_error err = {.size = sizeof err};
        if (!worker_wait_unpaused(t->w) || attempt(t, &err) == HP_OK) {
            return;
        }
        switch (worker_judge(t->w, &t->backoff, &err)) {
        case WORKER_AGAIN:
            break;
        case WORKER_FAILED:
            worker_wait_stop(t->w);
            return;
        case WORKER_STOP:
            return;
        }
    }
}

void sink_task_run(struct worker *w)
{
    struct sink_task *t = &task;
    struct metrics *m = &w->metrics;
    t->w = w;
    t->sink = w->plugin.entry->interface(HP_SINK);
    t->backoff.cap_ms = worker_setting(w, "errors.retry.delay.max.ms", 0);
    t->records_in =
        metrics_figure(m, "records_in", "", "Records taken in: from the source by a source, from the log by a sink.",
                       HP_METRIC_COUNTER);
    t->bytes_in = metrics_figure(m, "bytes_in", "", "Bytes taken in.", HP_METRIC_COUNTER);
    t->records_out =
        metrics_figure(m, "records_out", "", "Records handed on: written to the log by a source, applied by a sink.",
                       HP_METRIC_COUNTER);
    t->bytes_out = metrics_figure(m, "bytes_out", "", "Bytes handed on.", HP_METRIC_COUNTER);
    sink_report_init(&t->report, w, t->sink, &t->set);
    t->busy_ms = clock_mono_ms();
    w->meanwhile = meanwhile;
    atomic_store(&w->interrupt, interrupt);
    run(t);
    atomic_store(&w->interrupt, NULL);
}
