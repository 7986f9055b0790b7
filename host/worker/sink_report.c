/* sink_report.c: see sink_report.h. */
#include "sink_report.h"

#include "clock.h"

#define FLUSHED_MS 100
#define OFFSETS_MS 20
#define REST_MS    1000

void sink_report_init(struct sink_report *r, struct worker *w, const struct hp_sink *sink, struct sink_set *set)
{
    r->w = w;
    r->sink = sink;
    r->set = set;
    r->lag_bytes = metrics_figure(&w->metrics, "lag_bytes", "",
                                  "Bytes of the log that the target has not committed yet.", HP_METRIC_GAUGE);
    metric_set(r->lag_bytes, HP_METRIC_UNKNOWN);
    atomic_store(&w->oldest_us, OLDEST_UNKNOWN);
    w->lag_ms = metrics_figure(&w->metrics, "lag_ms", "",
                               "Age of the oldest record that the target has not committed yet, 0 when level.",
                               HP_METRIC_GAUGE);
}

/* D19: what the target has made durable may be deleted from the log. */
static hp_status tell_flushed(struct sink_report *r, struct hp_error *err)
{
    r->all_flushed = true;
    for (size_t i = 0; i < r->set->n; i++) {
        struct sink_stream *s = r->set->streams[i];
        uint64_t offset = s->position;
        hp_status st;
        if (!s->placed || (s->flushed_known && s->flushed == s->position)) {
            continue;
        }
        life_enter(&r->w->life, "sink.flushed", r->w->plugin.note.id);
        st = r->sink->flushed(r->w->self, hp_bytes_of(s->id), &offset, err);
        life_leave(&r->w->life);
        if (st < 0) {
            return st;
        }
        if (st == HP_OK && (!s->flushed_known || offset != s->flushed) &&
            report_flushed(&r->w->report, s->name, s->id, offset)) {
            s->flushed = offset;
            s->flushed_known = true;
        }
        r->all_flushed = r->all_flushed && s->flushed_known && s->flushed == s->position;
    }
    return HP_OK;
}

/* To know a topic's offset the log has to be asked: the more topics, the less often. */
static void tell_offsets(struct sink_report *r, int64_t now_ms)
{
    if (r->moved) {
        json_t *list = sink_set_offsets(r->set);
        int64_t pause = OFFSETS_MS + (int64_t)json_array_size(list);
        r->offsets_at_ms = now_ms + (pause < REST_MS ? pause : REST_MS);
        r->moved = !report_offsets(&r->w->report, list);
    }
}

void sink_report_lag(struct sink_report *r, bool in_group)
{
    struct log_behind behind;
    bool known = sink_set_behind(r->set, &behind);
    r->lag_at_ms = clock_mono_ms() + REST_MS;
    metric_set(r->lag_bytes, known ? (int64_t)behind.bytes : HP_METRIC_UNKNOWN);
    if (!in_group) {
        atomic_store(&r->w->oldest_us, known ? behind.since_us : OLDEST_UNKNOWN);
    }
}

hp_status sink_report_due(struct sink_report *r, int64_t now_ms, int64_t *out_ms, struct hp_error *err)
{
    if (now_ms >= r->flushed_at_ms) {
        r->flushed_at_ms = now_ms + FLUSHED_MS;
        if (tell_flushed(r, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    if (now_ms >= r->offsets_at_ms) {
        tell_offsets(r, now_ms);
    }
    if (now_ms >= r->rest_at_ms) {
        r->rest_at_ms = now_ms + REST_MS;
        (void)report_topics(&r->w->report, sink_set_topics(r->set));
    }
    *out_ms = r->all_flushed ? REST_MS : FLUSHED_MS;
    if (r->moved && r->offsets_at_ms - now_ms < *out_ms) {
        *out_ms = r->offsets_at_ms > now_ms ? r->offsets_at_ms - now_ms : 1;
    }
    return HP_OK;
}

hp_status sink_report_last(struct sink_report *r, struct hp_error *err)
{
    hp_status st = tell_flushed(r, err);
    tell_offsets(r, clock_mono_ms());
    (void)report_topics(&r->w->report, sink_set_topics(r->set));
    return st;
}
