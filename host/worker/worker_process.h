/*
 * worker_process.h: what the threads of one worker share. One per process, made by worker.c, never freed: the process
 * ends instead.
 */
#ifndef WORKER_WORKER_PROCESS_H
#define WORKER_WORKER_PROCESS_H

#include "backoff.h"
#include "chain.h"
#include "control.h"
#include "life.h"
#include "load.h"
#include "log.h"
#include "metrics.h"
#include "report.h"

#define BATCH_CREDIT (1u << 20) /* bytes a source is asked for, and read from the log, at a time */

struct worker {
    /* set before threads start */
    struct control_start start;
    struct plugin plugin;
    char *dialect; /* in full */
    void *self;    /* the connector's instance */
    struct chain *chain;
    struct log *log;
    uint64_t max_record;
    int64_t hang_ms;
    pthread_t task;

    struct life life;
    struct metrics metrics;
    struct report report;
    struct hp_metric *errors, *retries, *filtered;

    /* orders from the supervisor; the control thread writes them and bumps `wake` */
    atomic_bool stop, final, paused;
    _Atomic int64_t stop_by_ms;   /* monotonic; with stop */
    _Atomic int64_t floor;        /* sources: retention may not pass it; -1: no sinks */
    _Atomic int64_t floor_topics; /* it holds while the stream has no more than so many topics; read before it */
    uint32_t wake;                /* futex word of the task thread; bumped by who wants it to look around */
    /* [any] Make the call that the task is in return soon. Set by the task, may be NULL. */
    _Atomic(void (*)(struct worker *, bool hard)) interrupt;

    /* the pool that new names and schemas go to; [task] */
    struct schema_pool *pool;

    /* [task] Called about once a second while the task waits for its next attempt or for its end; may be NULL. */
    void (*meanwhile)(struct worker *w);

    /* sinks: wall-clock microseconds of the oldest record that is not committed, 0: none */
    _Atomic int64_t oldest_us;
#define OLDEST_UNKNOWN (-1)
    struct hp_metric *lag_ms; /* sinks; computed when metrics are sent */
};

/* A setting or a key of the connector as a number. */
int64_t worker_setting(const struct worker *w, const char *key, int64_t otherwise);
/* Wait, at most so long, for an order or another bump of `wake`; `seen` was loaded before the caller looked. [task] */
void worker_wait(struct worker *w, uint32_t seen, int64_t ms);
uint32_t worker_wake_seen(struct worker *w);
void worker_wake(struct worker *w); /* [any] */
/* Is the memory bound (almost) used up? Then no retry helps: ends the process with CONTROL_EXIT_MEMORY. [any] */
void worker_check_memory(void);

/* What came of an attempt, for the loop around it. */
enum worker_verdict { WORKER_STOP, WORKER_AGAIN, WORKER_FAILED };
/* Count the error, log it, tell the state, and for RETRY wait (until stop). [task] */
enum worker_verdict worker_judge(struct worker *w, struct backoff *backoff, const struct hp_error *err);
/* FAILED and nothing more to do: wait until told to stop. */
void worker_wait_stop(struct worker *w);
/* Block while paused before the first start; false: stop came first. */
bool worker_wait_unpaused(struct worker *w);

#endif
