/*
 * report.h: what the worker tells the supervisor (control.h), each message whole on one line. [any] thread; a
 * supervisor that is gone ends the process. One that does not read (it was stopped, say) does not stop the task: what
 * is told again and again is left out until it reads.
 */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "control.h"

#include <pthread.h>

/* Who can tell that there is no progress although the task itself knows of no error (rule E7). */
enum report_stall { STALL_LOG, STALL_WAIT, REPORT_STALLS };

struct report {
    int fd;
    pthread_mutex_t lock;
    char *state, *trace;        /* of the task, as last decided */
    char *stall[REPORT_STALLS]; /* why there is no progress; shown instead while one is set */
    char *shown;                /* the state line as last sent */
    char *offsets, *topics;     /* as last sent */
    int64_t progress_ms;        /* last told */
};

void report_init(struct report *r, int fd);
void report_send(struct report *r, json_t *message); /* takes the reference; NULL: does nothing */
bool report_congested(struct report *r);             /* it does not read at present */
void report_alive(struct report *r);
void report_progress(struct report *r); /* the first at once, then at most one a second */
/* state: "RUNNING", ...; trace may be NULL. The same again is not sent. */
void report_state(struct report *r, const char *state, const char *trace);
void report_stall(struct report *r, enum report_stall which, const char *reason); /* NULL: over */
/* False: left out for now. */
void report_metrics(struct report *r, json_t *changes); /* takes the reference; NULL: none */
void report_stream(struct report *r, const char *id);   /* of a source */
bool report_flushed(struct report *r, const char *stream, const char *id, uint64_t offset);
/* Take the reference; not sent if as before. False: left out for now. */
bool report_offsets(struct report *r, json_t *list);
bool report_topics(struct report *r, json_t *list);
void report_done(struct report *r, const char *message, const struct hp_error *err /* NULL: it went well */);

#endif
