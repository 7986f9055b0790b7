/*
 * figures.h: the figures of one connector as its worker tells them, for /metrics. Names, labels and helps come from
 * plugins: each is checked before it is kept, and their number is bounded. Figures outlive the worker; counters of a
 * worker that was started again go on from where the old one left them. Single-threaded.
 */
#ifndef SUPERVISOR_FIGURES_H
#define SUPERVISOR_FIGURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct figure {
    char *name, *labels, *help; /* labels: "" or a="b",c="d" in Prometheus form */
    uint32_t kind;              /* HP_METRIC_* */
    int64_t value;              /* as told, plus what workers before counted; a gauge's may be HP_METRIC_UNKNOWN */
    int64_t before;
};
struct figures {
    struct figure *v;
    size_t n, cap;
    bool refused; /* said once in the log */
};

void figures_finish(struct figures *f);
/* The "m" of a metrics message. False: it contained something refused (the rest is taken). */
bool figures_take(struct figures *f, const json_t *list);
void figures_new_worker(struct figures *f);
void figures_no_worker(struct figures *f); /* nobody keeps its gauges: they are not known */
/* A gauge that the supervisor measured itself. */
void figures_measured(struct figures *f, const char *name, const char *help, int64_t value);
/* Sum over all labels; `fallback` if there is none. */
int64_t figures_value(const struct figures *f, const char *name, int64_t fallback);
/* name="text",... with quotes, backslashes and newlines escaped in the texts. */
bool figures_labels_ok(const char *labels);

#endif
