/*
 * loop.h: the supervisor's one thread and what it waits for: descriptors, deadlines, signals, ends of child
 * processes. Everything the supervisor does is called from here, so nothing in it needs a lock. No call may block
 * longer than a local disk write.
 */
#ifndef SUPERVISOR_LOOP_H
#define SUPERVISOR_LOOP_H

#include <homeport/homeport.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct loop;

hp_status loop_create(struct loop **out,
                      struct hp_error *err); /* takes over SIGTERM, SIGINT, SIGCHLD; ignores SIGPIPE */
void loop_destroy(struct loop *l);
void loop_run(struct loop *l); /* until loop_stop() */
void loop_stop(struct loop *l);
void loop_on_signal(struct loop *l, void (*fn)(void *arg, int signal), void *arg); /* SIGTERM, SIGINT, SIGHUP */

/* A descriptor. The struct is the caller's and stays put while added; removing it in a callback is fine. */
struct loop_fd {
    int fd;                                    /* -1: not added */
    void (*ready)(void *arg, unsigned events); /* EPOLLIN | ... */
    void *arg;
};
hp_status loop_fd_add(struct loop *l, struct loop_fd *f, int fd, unsigned events, struct hp_error *err);
void loop_fd_set(struct loop *l, struct loop_fd *f, unsigned events);
void loop_fd_remove(struct loop *l, struct loop_fd *f); /* does not close */

/* A deadline, once. The struct is the caller's; zeroed it is not armed. */
struct loop_timer {
    void (*due)(void *arg);
    void *arg;
    int64_t at_ms; /* monotonic */
    size_t slot;   /* 0: not armed */
};
bool loop_timer_set(struct loop *l, struct loop_timer *t, int64_t in_ms); /* again: moves it. false: no memory */
void loop_timer_clear(struct loop *l, struct loop_timer *t);

/* The end of a child. The struct is the caller's; it is off the list before `ended` is called. */
struct loop_child {
    pid_t pid;
    void (*ended)(void *arg, int wait_status);
    void *arg;
    struct loop_child *next;
};
void loop_child_add(struct loop *l, struct loop_child *c);

#endif
