/*
 * life.h: is the plugin still alive? The task says when it enters and leaves a plugin's function; a plugin says when it
 * waits for something outside (homeport.waiting/1). The control thread looks once in a while.
 */
#ifndef WORKER_LIFE_H
#define WORKER_LIFE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct life {
    _Atomic(const char *) call; /* the function that runs, "source.poll"; NULL: none */
    _Atomic(const char *) who;  /* whose: a plugin's id or a transform's alias */
    _Atomic int64_t sign_ms;    /* the last sign of life, monotonic */
    atomic_int waiting;         /* begin() without end() */
    pthread_mutex_t lock;       /* of waiting_for */
    char waiting_for[160];
    int64_t looked_ms; /* control thread only */
};

void life_init(struct life *l);
/* [task] Texts must stay valid until leave. */
void life_enter(struct life *l, const char *call, const char *who);
void life_leave(struct life *l);
/* [any] */
void life_wait_begin(struct life *l, const char *for_what);
void life_wait_end(struct life *l);
void life_alive(struct life *l);

/* [control] How long the call has been waiting for something outside, and for what; 0: it is not. */
int64_t life_waiting_ms(struct life *l, int64_t now_ms, char what[160]);

/* [control] Milliseconds without a sign of life inside a call that does not wait, or 0. A process that was itself
   stopped (SIGSTOP, a suspended machine) is not taken for a hanging one. */
int64_t life_silent_ms(struct life *l, int64_t now_ms);

#endif
