/* metrics.c: see metrics.h. */
#include "metrics.h"

#include <stdlib.h>
#include <string.h>

void metrics_init(struct metrics *m)
{
    memset(m, 0, sizeof *m);
    m->last = &m->first;
    (void)pthread_mutex_init(&m->lock, NULL);
}

void metrics_finish(struct metrics *m)
{
    while (m->first) {
        struct hp_metric *metric = m->first;
        m->first = metric->next;
        free(metric->name);
        free(metric->labels);
        free(metric->help);
        free(metric);
    }
    (void)pthread_mutex_destroy(&m->lock);
}

static struct hp_metric *make(const char *name, const char *labels, const char *help, uint32_t kind)
{
    struct hp_metric *metric = calloc(1, sizeof *metric);
    if (metric) {
        metric->kind = kind;
        metric->name = strdup(name);
        metric->labels = strdup(labels);
        metric->help = strdup(help);
        if (!metric->name || !metric->labels || !metric->help) {
            free(metric->name);
            free(metric->labels);
            free(metric->help);
            free(metric);
            metric = NULL;
        }
    }
    return metric;
}

struct hp_metric *metrics_figure(struct metrics *m, const char *name, const char *labels, const char *help,
                                 uint32_t kind)
{
    struct hp_metric *metric;
    labels = labels ? labels : "";
    (void)pthread_mutex_lock(&m->lock);
    for (metric = m->first; metric; metric = metric->next) {
        if (strcmp(metric->name, name) == 0 && strcmp(metric->labels, labels) == 0) {
            break;
        }
    }
    if (!metric && m->n < METRICS_MAX) {
        metric = make(name, labels, help ? help : "", kind);
        if (metric) {
            *m->last = metric;
            m->last = &metric->next;
            m->n++;
        }
    }
    (void)pthread_mutex_unlock(&m->lock);
    return metric ? metric : &m->spare;
}

void metric_add(struct hp_metric *metric, int64_t by)
{
    atomic_fetch_add_explicit(&metric->value, by, memory_order_relaxed);
}

void metric_set(struct hp_metric *metric, int64_t to)
{
    atomic_store_explicit(&metric->value, to, memory_order_relaxed);
}

json_t *metrics_changes(struct metrics *m)
{
    json_t *list = NULL;
    (void)pthread_mutex_lock(&m->lock);
    for (struct hp_metric *metric = m->first; metric; metric = metric->next) {
        int64_t value = atomic_load_explicit(&metric->value, memory_order_relaxed);
        json_t *one;
        if (metric->ever_sent && metric->sent == value) {
            continue;
        }
        list = list ? list : json_array();
        one = json_pack("[s, s, s, i, I]", metric->name, metric->labels, metric->help, (int)metric->kind,
                        (json_int_t)value);
        if (list && one && json_array_append_new(list, one) == 0) {
            metric->sent = value;
            metric->ever_sent = true;
        }
    }
    (void)pthread_mutex_unlock(&m->lock);
    return list;
}
