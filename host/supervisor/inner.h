/* inner.h: what the files of this folder share: the supervisor's own memory. Nobody outside includes it. */
#ifndef SUPERVISOR_INNER_H
#define SUPERVISOR_INNER_H

#include "settings.h"
#include "store.h"
#include "supervisor.h"

struct supervisor {
    struct loop *loop;
    const struct props *settings;
    struct store *store;
    struct catalog *catalog;
    int lock;
    char worker_id[300];
    uint64_t revisions;           /* given out so far */
    struct connector *connectors; /* deleted ones too, until their process has ended */
    struct loop_timer tick;       /* once a second, see supervisor.c */
    struct loop_timer starts;     /* works off the line of starts */
    struct loop_timer reap;       /* frees deleted connectors */
    int64_t ticked_ms;
    bool coverage_stale; /* topics, sinks or their configurations changed: floor.c */
    bool closing;
    int64_t close_ms;
    int64_t hang_ms, grace_ms, memory_max;
    unsigned restart_max;
};

/* The one with this name, deleted or not. */
struct connector *supervisor_any(const struct supervisor *s, const char *name);
struct connector *supervisor_live(const struct supervisor *s, const char *name); /* not deleted */
struct connector *supervisor_add(struct supervisor *s, const char *name);
void supervisor_queue_starts(struct supervisor *s);
void supervisor_queue_reap(struct supervisor *s);
void supervisor_save_seen(struct connector *c); /* what is newer than the store */
/* Answers with a text made on the spot. */
void supervisor_answer(outcome_fn done, void *arg, enum outcome_kind kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void supervisor_answer_store(outcome_fn done, void *arg, const struct hp_error *err); /* the store could not take it */
void supervisor_answer_connector(outcome_fn done, void *arg, enum outcome_kind kind, const struct connector *c);

/* floor.c */
void floor_update(struct supervisor *s); /* tells the sources what their sinks still need */
/* A sink is there, or reads something else, from now on: tells the sources at once to keep everything, until the next
   update has worked out what that means. */
void floor_hold(struct supervisor *s);
int64_t floor_of(const struct supervisor *s, const struct connector *source);

/* offsets.c */
bool offsets_op_launch(struct connector *c); /* phase OP: start its process */
void offsets_op_end(struct connector *c,
                    const char *death); /* answer and forget it; death: how its process died, or NULL */

/* talk.c */
hp_status connector_listen(struct connector *c, int fd, struct hp_error *err); /* takes fd over, also on failure */
bool connector_read(struct connector *c); /* what is there now; false: nothing more */
void connector_hang_up(struct connector *c);

/* run.c */
hp_status connector_launch(struct connector *c, const char *op, json_t *offsets, struct hp_error *err);

#endif
