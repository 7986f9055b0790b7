/*
 * loop.c: see loop.h. One event is taken from epoll at a time: a callback may then remove and free anything, without
 * a stale event behind it, and the kernel's ready list keeps the order fair. Deadlines stand in a binary heap.
 */
#include "loop.h"

#include "clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct loop {
    int epoll;
    bool stopping;
    struct loop_fd signals;
    void (*on_signal)(void *arg, int signal);
    void *on_signal_arg;
    struct loop_timer **heap; /* from 1 */
    size_t n_timers, cap_timers;
    struct loop_child *children;
};

/* ---- deadlines ---- */

static void place(struct loop *l, size_t slot, struct loop_timer *t)
{
    l->heap[slot] = t;
    t->slot = slot;
}

static void sift(struct loop *l, size_t slot, struct loop_timer *t)
{
    while (slot > 1 && l->heap[slot / 2]->at_ms > t->at_ms) {
        place(l, slot, l->heap[slot / 2]);
        slot /= 2;
    }
    for (;;) {
        size_t child = slot * 2;
        if (child < l->n_timers && l->heap[child + 1]->at_ms < l->heap[child]->at_ms) {
            child++;
        }
        if (child > l->n_timers || l->heap[child]->at_ms >= t->at_ms) {
            break;
        }
        place(l, slot, l->heap[child]);
        slot = child;
    }
    place(l, slot, t);
}

bool loop_timer_set(struct loop *l, struct loop_timer *t, int64_t in_ms)
{
    t->at_ms = clock_mono_ms() + (in_ms > 0 ? in_ms : 0);
    if (t->slot == 0) {
        if (l->n_timers + 2 > l->cap_timers) {
            size_t cap = l->cap_timers ? l->cap_timers * 2 : 64;
            struct loop_timer **heap = realloc(l->heap, cap * sizeof *heap);
            if (!heap) {
                return false;
            }
            l->heap = heap;
            l->cap_timers = cap;
        }
        place(l, ++l->n_timers, t);
    }
    sift(l, t->slot, t);
    return true;
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
    size_t slot = t->slot;
    struct loop_timer *last;
    if (slot == 0) {
        return;
    }
    t->slot = 0;
    last = l->heap[l->n_timers--];
    if (last != t) {
        place(l, slot, last);
        sift(l, slot, last);
    }
}

/* Runs one deadline that is due: what it sets anew must not keep descriptors waiting. Milliseconds until the next, 0
   after one was run, -1: none. */
static int run_due(struct loop *l)
{
    struct loop_timer *t = l->n_timers ? l->heap[1] : NULL;
    int64_t left = t ? t->at_ms - clock_mono_ms() : 0;
    if (!t) {
        return -1;
    }
    if (left > 0) {
        return left > 60000 ? 60000 : (int)left;
    }
    loop_timer_clear(l, t);
    t->due(t->arg);
    return 0;
}

/* ---- descriptors ---- */

hp_status loop_fd_add(struct loop *l, struct loop_fd *f, int fd, unsigned events, struct hp_error *err)
{
    struct epoll_event e = {.events = events, .data.ptr = f};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        return hp_fail(err, HP_ERROR_RETRY, "", "cannot wait for a descriptor: %s", strerror(errno));
    }
    f->fd = fd;
    return HP_OK;
}

void loop_fd_set(struct loop *l, struct loop_fd *f, unsigned events)
{
    struct epoll_event e = {.events = events, .data.ptr = f};
    (void)epoll_ctl(l->epoll, EPOLL_CTL_MOD, f->fd, &e);
}

void loop_fd_remove(struct loop *l, struct loop_fd *f)
{
    if (f->fd >= 0) {
        (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, f->fd, NULL);
        f->fd = -1;
    }
}

/* ---- children and signals ---- */

void loop_child_add(struct loop *l, struct loop_child *c)
{
    c->next = l->children;
    l->children = c;
}

static struct loop_child *take_ended(struct loop *l, int *wait_status)
{
    for (struct loop_child **at = &l->children; *at; at = &(*at)->next) {
        struct loop_child *c = *at;
        if (waitpid(c->pid, wait_status, WNOHANG) == c->pid) {
            *at = c->next;
            return c;
        }
    }
    return NULL;
}

static void signals_ready(void *arg, unsigned events)
{
    struct loop *l = arg;
    struct signalfd_siginfo si;
    (void)events;
    while (read(l->signals.fd, &si, sizeof si) == (ssize_t)sizeof si) {
        struct loop_child *c;
        int wait_status;
        if (si.ssi_signo != SIGCHLD) {
            if (l->on_signal) {
                l->on_signal(l->on_signal_arg, (int)si.ssi_signo);
            }
            continue;
        }
        while ((c = take_ended(l, &wait_status)) != NULL) {
            c->ended(c->arg, wait_status);
        }
    }
}

void loop_on_signal(struct loop *l, void (*fn)(void *arg, int signal), void *arg)
{
    l->on_signal = fn;
    l->on_signal_arg = arg;
}

static hp_status open_signals(struct loop *l, struct hp_error *err)
{
    struct sigaction hang_up;
    sigset_t set;
    int fd;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGCHLD);
    if (sigaction(SIGHUP, NULL, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) { /* nohup: goes on */
        (void)sigaddset(&set, SIGHUP);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || (fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) < 0) {
        return hp_fail(err, HP_ERROR_RETRY, "", "cannot wait for signals: %s", strerror(errno));
    }
    l->signals.ready = signals_ready;
    l->signals.arg = l;
    if (loop_fd_add(l, &l->signals, fd, EPOLLIN, err) != HP_OK) {
        (void)close(fd);
        return HP_ERROR;
    }
    return HP_OK;
}

/* ---- the loop ---- */

hp_status loop_create(struct loop **out, struct hp_error *err)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    l->signals.fd = -1;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0) {
        (void)hp_fail(err, HP_ERROR_RETRY, "", "cannot make an epoll set: %s", strerror(errno));
        free(l);
        return HP_ERROR;
    }
    if (open_signals(l, err) != HP_OK) {
        loop_destroy(l);
        return HP_ERROR;
    }
    *out = l;
    return HP_OK;
}

void loop_destroy(struct loop *l)
{
    int fd = l->signals.fd;
    loop_fd_remove(l, &l->signals);
    if (fd >= 0) {
        (void)close(fd);
    }
    (void)close(l->epoll);
    free(l->heap);
    free(l);
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
}

void loop_run(struct loop *l)
{
    l->stopping = false;
    for (;;) {
        struct epoll_event e;
        int wait_ms = run_due(l);
        if (l->stopping) {
            return;
        }
        if (epoll_wait(l->epoll, &e, 1, wait_ms) == 1) {
            struct loop_fd *f = e.data.ptr;
            f->ready(f->arg, e.events);
        }
    }
}
