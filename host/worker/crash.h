/*
 * crash.h: last words of a worker that dies by a signal, by exit() in a plugin, or by its watchdog: which plugin's
 * function ran, and the stack, on stderr, where the supervisor picks them up for the task's trace.
 */
#ifndef WORKER_CRASH_H
#define WORKER_CRASH_H

#include "life.h"

#include <pthread.h>

/* Once, before threads start; `life` stays for good. */
void crash_watch(struct life *life);
void crash_thread(void); /* each further thread: a signal stack of its own, so that a stack overflow is seen */
/* Let `thread` print its stack now (and go on). [control] */
void crash_show_stack(pthread_t thread);

#endif
