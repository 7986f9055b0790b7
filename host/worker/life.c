/* life.c: see life.h. Everything that the task does per call is two relaxed stores and a clock. */
#include "life.h"

#include "clock.h"

#include <stdio.h>
#include <string.h>

#define LOOK_GAP_MS 3000 /* looking is done at least once a second; a longer gap means that we were stopped */

void life_init(struct life *l)
{
    memset(l, 0, sizeof *l);
    (void)pthread_mutex_init(&l->lock, NULL);
    atomic_store(&l->sign_ms, clock_mono_ms());
    l->looked_ms = clock_mono_ms();
}

void life_alive(struct life *l)
{
    atomic_store_explicit(&l->sign_ms, clock_mono_ms(), memory_order_relaxed);
}

void life_enter(struct life *l, const char *call, const char *who)
{
    life_alive(l);
    atomic_store_explicit(&l->who, who, memory_order_relaxed);
    atomic_store_explicit(&l->call, call, memory_order_release);
}

void life_leave(struct life *l)
{
    atomic_store_explicit(&l->call, NULL, memory_order_release);
    life_alive(l);
}

void life_wait_begin(struct life *l, const char *for_what)
{
    (void)pthread_mutex_lock(&l->lock);
    (void)snprintf(l->waiting_for, sizeof l->waiting_for, "%s", for_what ? for_what : "");
    (void)pthread_mutex_unlock(&l->lock);
    atomic_fetch_add(&l->waiting, 1);
    life_alive(l);
}

void life_wait_end(struct life *l)
{
    life_alive(l);
    atomic_fetch_sub(&l->waiting, 1);
}

int64_t life_waiting_ms(struct life *l, int64_t now_ms, char what[160])
{
    if (!atomic_load_explicit(&l->call, memory_order_acquire) || atomic_load(&l->waiting) <= 0) {
        return 0;
    }
    (void)pthread_mutex_lock(&l->lock);
    memcpy(what, l->waiting_for, sizeof l->waiting_for);
    (void)pthread_mutex_unlock(&l->lock);
    int64_t ms = now_ms - atomic_load_explicit(&l->sign_ms, memory_order_relaxed);
    return ms > 0 ? ms : 0;
}

int64_t life_silent_ms(struct life *l, int64_t now_ms)
{
    bool stopped = now_ms - l->looked_ms > LOOK_GAP_MS;
    l->looked_ms = now_ms;
    if (stopped) {
        atomic_store(&l->sign_ms, now_ms);
    }
    if (!atomic_load_explicit(&l->call, memory_order_acquire) || atomic_load(&l->waiting) > 0) {
        return 0;
    }
    int64_t silent = now_ms - atomic_load_explicit(&l->sign_ms, memory_order_relaxed);
    return silent > 0 ? silent : 0;
}
