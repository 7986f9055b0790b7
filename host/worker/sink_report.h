/*
 * sink_report.h: what a sink tells the supervisor beside its state: what its target has flushed, its offsets, its
 * topics, its lag; each when it changed, and not more often than is useful. [task]
 */
#ifndef WORKER_SINK_REPORT_H
#define WORKER_SINK_REPORT_H

#include "sink_set.h"

struct sink_report {
    struct worker *w;
    const struct hp_sink *sink;
    struct sink_set *set;
    bool moved;       /* some position is not as last reported */
    bool all_flushed; /* everything committed is known to be flushed */
    int64_t flushed_at_ms, offsets_at_ms, rest_at_ms, lag_at_ms;
    struct hp_metric *lag_bytes;
};

void sink_report_init(struct sink_report *r, struct worker *w, const struct hp_sink *sink, struct sink_set *set);
/* Between groups: tell what is due. *out_ms: until the next thing may be. */
hp_status sink_report_due(struct sink_report *r, int64_t now_ms, int64_t *out_ms, struct hp_error *err);
/* Before a clean end: tell everything. */
hp_status sink_report_last(struct sink_report *r, struct hp_error *err);
/* Lag, also while paused, and while the target does not answer. Amid a group the age of its records is known better. */
void sink_report_lag(struct sink_report *r, bool in_group);

#endif
