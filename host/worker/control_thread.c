/* control_thread.c: see control_thread.h. Never blocks on anything but the supervisor's socket. */
#include "control_thread.h"

#include "clock.h"
#include "crash.h"
#include "json.h"
#include "logging.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS       1000
#define READ_BYTES    4096u
#define STACK_BYTES   (256u << 10)
#define LAST_WORDS_US 200000 /* for the hanging thread to print its stack */

struct control {
    struct worker *w;
    struct buf rest;
};

/* Move the first line of `rest` to `line`. */
static bool take_line(struct buf *rest, struct buf *line)
{
    const uint8_t *newline = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    size_t len;
    if (!newline) {
        return false;
    }
    len = (size_t)(newline - rest->data);
    buf_reset(line);
    (void)buf_append(line, rest->data, len);
    buf_consume(rest, len + 1);
    return true;
}

/* 1: read something, 0: the other side is gone, -1: too long a line */
static int read_more(int fd, struct buf *rest)
{
    void *room = buf_room(rest, READ_BYTES);
    ssize_t n;
    if (!room) {
        return -1;
    }
    do {
        n = read(fd, room, READ_BYTES);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return 0;
    }
    buf_take(rest, (size_t)n);
    return 1;
}

hp_status control_read_line(int fd, struct buf *rest, struct buf *line, struct hp_error *err)
{
    while (!take_line(rest, line)) {
        int got = read_more(fd, rest);
        if (got == 0) {
            return HP_END;
        }
        if (got < 0) {
            return hp_fail(err, HP_ERROR_CONFIG, "", "a control message is longer than %u bytes", CONTROL_LINE_MAX);
        }
    }
    return line->failed ? hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory") : HP_OK;
}

static void on_pause(struct worker *w, const json_t *message)
{
    (void)message;
    atomic_store(&w->paused, true);
}

static void on_resume(struct worker *w, const json_t *message)
{
    (void)message;
    atomic_store(&w->paused, false);
}

static void on_stop(struct worker *w, const json_t *message)
{
    json_int_t ms = json_integer_value(json_object_get(message, "ms"));
    ms = ms < 0 ? 0 : ms > 3600000 ? 3600000 : ms;
    atomic_store(&w->final, json_is_true(json_object_get(message, "final")));
    atomic_store(&w->stop_by_ms, clock_mono_ms() + ms);
    atomic_store(&w->stop, true);
}

static void on_floor(struct worker *w, const json_t *message)
{
    const json_t *offset = json_object_get(message, "offset"), *topics = json_object_get(message, "topics");
    if (json_is_integer(offset) && json_is_integer(topics)) {
        atomic_store(&w->floor, json_integer_value(offset)); /* before the topics that it holds for */
        atomic_store(&w->floor_topics, json_integer_value(topics));
    }
}

static const struct {
    const char *t;
    void (*act)(struct worker *w, const json_t *message);
    bool interrupts;
} orders[] = {
    {"pause", on_pause, true},
    {"resume", on_resume, true},
    {"stop", on_stop, true},
    {"floor", on_floor, false},
};

static void interrupt(struct worker *w, bool hard)
{
    void (*act)(struct worker *, bool) = atomic_load(&w->interrupt);
    if (act) {
        act(w, hard);
    }
}

static void obey(struct worker *w, const struct buf *line)
{
    struct hp_error err = {.size = sizeof err};
    json_t *message = json_parse((const char *)line->data, line->len, &err);
    const char *t = json_string_value(json_object_get(message, "t"));
    bool known = false;
    for (size_t i = 0; t && i < sizeof orders / sizeof orders[0]; i++) {
        if (strcmp(orders[i].t, t) == 0) {
            known = true;
            orders[i].act(w, message);
            worker_wake(w);
            if (orders[i].interrupts) {
                interrupt(w, false);
            }
        }
    }
    if (!known) {
        log_warn("a control message was not understood: %s", message ? (t ? t : "no \"t\"") : err.message);
    }
    json_decref(message);
}

static void watch_for_hanging(struct worker *w, int64_t now)
{
    int64_t silent = life_silent_ms(&w->life, now);
    if (silent <= w->hang_ms) {
        return;
    }
    const char *call = atomic_load(&w->life.call), *who = atomic_load(&w->life.who);
    log_error("%s hangs: no sign of life in %s for %lld ms (worker.hang.timeout.ms); its stack:", who ? who : "plugin",
              call ? call : "a call", (long long)silent);
    crash_show_stack(w->task);
    (void)usleep(LAST_WORDS_US);
    _exit(CONTROL_EXIT_HANG);
}

/* A call may wait for a server or a lock as long as it says so, but then the task is not said to be running (E7). */
static void watch_for_waiting(struct worker *w, int64_t now)
{
    char what[160], text[240];
    int64_t ms = life_waiting_ms(&w->life, now, what);
    if (ms <= w->hang_ms) {
        report_stall(&w->report, STALL_WAIT, NULL);
        return;
    }
    /* By the minute: the text must not change at every look. */
    (void)snprintf(text, sizeof text, "waiting for %s, for more than %lld s", what[0] ? what : "something outside",
                   (long long)(ms < 60000 ? w->hang_ms / 1000 : ms / 60000 * 60));
    report_stall(&w->report, STALL_WAIT, text);
}

static void send_metrics(struct worker *w)
{
    json_t *list;
    if (w->lag_ms) {
        int64_t oldest = atomic_load(&w->oldest_us), lag = oldest ? (clock_wall_us() - oldest) / 1000 : 0;
        metric_set(w->lag_ms, oldest == OLDEST_UNKNOWN ? HP_METRIC_UNKNOWN : lag > 0 ? lag : 0);
    }
    list = report_congested(&w->report) ? NULL : metrics_changes(&w->metrics);
    report_metrics(&w->report, list);
}

/* A task that does not end in time is ended: everything it did is committed or will be done again. */
static void watch_stop(struct worker *w, int64_t now, bool *interrupted)
{
    int64_t by = atomic_load(&w->stop_by_ms);
    if (!atomic_load(&w->stop)) {
        return;
    }
    if (now >= by - TICK_MS && !*interrupted) {
        *interrupted = true;
        interrupt(w, true);
    }
    if (now >= by) {
        log_warn("not drained within task.shutdown.graceful.timeout.ms; ended as it is (nothing is lost)");
        _exit(0);
    }
}

static int64_t next_wait(const struct worker *w, int64_t now, int64_t tick_at)
{
    int64_t wait = tick_at - now;
    if (atomic_load(&w->stop)) {
        int64_t by = atomic_load(&w->stop_by_ms);
        int64_t until = by - TICK_MS > now ? by - TICK_MS - now : by - now;
        wait = until < wait ? until : wait;
    }
    return wait < 0 ? 0 : wait;
}

static void *control_run(void *arg)
{
    struct control *c = arg;
    struct worker *w = c->w;
    int64_t tick_at = clock_mono_ms();
    bool interrupted = false;
    struct buf line;
    buf_init(&line, CONTROL_LINE_MAX);
    crash_thread();
    for (;;) {
        struct pollfd fd = {w->report.fd, POLLIN, 0};
        int64_t now;
        while (take_line(&c->rest, &line)) {
            obey(w, &line);
        }
        now = clock_mono_ms();
        if (now >= tick_at) {
            report_alive(&w->report);
            send_metrics(w);
            watch_for_hanging(w, now);
            watch_for_waiting(w, now);
            tick_at = now + TICK_MS;
        }
        watch_stop(w, now, &interrupted);
        int n = poll(&fd, 1, (int)next_wait(w, now, tick_at));
        if (n > 0) {
            int got = read_more(fd.fd, &c->rest);
            if (got <= 0) {
                _exit(CONTROL_EXIT_ORPHAN);
            }
        }
    }
    return NULL;
}

hp_status worker_thread(pthread_t *out, void *(*run)(void *), void *arg, struct hp_error *err)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int failed;
    (void)sigfillset(&all);
    for (int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}, i = 0; i < 5; i++) {
        (void)sigdelset(&all, fatal[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    (void)pthread_attr_init(&attr);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
#endif
    failed = pthread_create(out, &attr, run, arg);
    (void)pthread_attr_destroy(&attr);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? hp_fail(err, HP_ERROR_RETRY, "", "cannot start a thread: %s", strerror(failed)) : HP_OK;
}

hp_status control_thread_start(struct worker *w, struct buf *rest, struct hp_error *err)
{
    static struct control c;
    pthread_t thread;
    c.w = w;
    c.rest = *rest;
    return worker_thread(&thread, control_run, &c, err);
}
