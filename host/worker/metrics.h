/*
 * metrics.h: the figures of one worker: its own and its plugins' (homeport.metrics/1). Adding and setting are single
 * atomic steps; figures are made once and live as long as the process. [any] thread.
 */
#ifndef WORKER_METRICS_H
#define WORKER_METRICS_H

#include <homeport/homeport.h>

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define METRICS_MAX 1000u

struct hp_metric {
    _Atomic int64_t value;
    uint32_t kind;
    char *name, *labels, *help;
    int64_t sent; /* metrics_changes() only */
    bool ever_sent;
    struct hp_metric *next;
};

struct metrics {
    pthread_mutex_t lock; /* of the list */
    struct hp_metric *first, **last;
    unsigned n;
    struct hp_metric spare; /* given out when there are too many: counts nothing that is shown */
};

void metrics_init(struct metrics *m);
void metrics_finish(struct metrics *m); /* a worker never does: its plugins hold figures */
/* Never NULL. */
struct hp_metric *metrics_figure(struct metrics *m, const char *name, const char *labels, const char *help,
                                 uint32_t kind);
void metric_add(struct hp_metric *metric, int64_t by);
void metric_set(struct hp_metric *metric, int64_t to);
/* [["name","labels","help",kind,value],...] of what changed since the last call, or NULL if nothing did. [control] */
json_t *metrics_changes(struct metrics *m);

#endif
