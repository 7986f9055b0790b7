/* report.c: see report.h. Writes block: the supervisor always reads. */
#include "report.h"

#include "clock.h"
#include "json.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRESS_MS     1000
#define CONGESTED_BYTES (64 << 10) /* of the socket's some 200 KiB; the rest is for what must be said */

void report_init(struct report *r, int fd)
{
    memset(r, 0, sizeof *r);
    r->fd = fd;
    (void)pthread_mutex_init(&r->lock, NULL);
}

/* The lock is held. */
static void send_text(struct report *r, char *line)
{
    size_t len = strlen(line);
    const char *p = line;
    line[len++] = '\n'; /* in the NUL's place */
    while (len) {
        ssize_t n = send(r->fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            _exit(CONTROL_EXIT_ORPHAN);
        }
        p += n;
        len -= (size_t)n;
    }
}

static void send_locked(struct report *r, json_t *message)
{
    char *line = message ? json_text(message) : NULL;
    json_decref(message);
    if (line && strlen(line) < CONTROL_LINE_MAX) {
        send_text(r, line);
    }
    free(line);
}

void report_send(struct report *r, json_t *message)
{
    (void)pthread_mutex_lock(&r->lock);
    send_locked(r, message);
    (void)pthread_mutex_unlock(&r->lock);
}

bool report_congested(struct report *r)
{
    int queued;
    return ioctl(r->fd, SIOCOUTQ, &queued) == 0 && queued > CONGESTED_BYTES;
}

void report_alive(struct report *r)
{
    if (!report_congested(r)) {
        report_send(r, json_pack("{s:s}", "t", "alive"));
    }
}

void report_progress(struct report *r)
{
    int64_t now = clock_mono_ms();
    (void)pthread_mutex_lock(&r->lock);
    if ((r->progress_ms == 0 || now - r->progress_ms >= PROGRESS_MS) && !report_congested(r)) {
        r->progress_ms = now;
        send_locked(r, json_pack("{s:s}", "t", "progress"));
    }
    (void)pthread_mutex_unlock(&r->lock);
}

/* Replace *kept by the message's text and send it, unless it is the same. The lock is held; takes the reference. */
static void send_if_new(struct report *r, char **kept, json_t *message)
{
    char *text = message ? json_text(message) : NULL;
    if (!text || (*kept && strcmp(*kept, text) == 0)) {
        free(text);
        json_decref(message);
        return;
    }
    free(*kept);
    *kept = text;
    send_locked(r, message);
}

static void show_state(struct report *r)
{
    const char *state = r->state ? r->state : "RUNNING";
    const char *trace = r->trace;
    /* What is stuck does not hide that the task has failed, or what it is being started again for. */
    for (unsigned i = REPORT_STALLS; i-- > 0;) {
        if (r->stall[i] && strcmp(state, "FAILED") != 0 && (!r->trace || !r->trace[0])) {
            state = "RESTARTING";
            trace = r->stall[i];
        }
    }
    if (r->state) {
        send_if_new(r, &r->shown,
                    trace ? json_pack("{s:s, s:s, s:o}", "t", "state", "state", state, "trace", json_said(trace))
                          : json_pack("{s:s, s:s}", "t", "state", "state", state));
    }
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = with ? strdup(with) : NULL;
}

void report_state(struct report *r, const char *state, const char *trace)
{
    (void)pthread_mutex_lock(&r->lock);
    replace(&r->state, state);
    replace(&r->trace, trace);
    show_state(r);
    (void)pthread_mutex_unlock(&r->lock);
}

void report_stall(struct report *r, enum report_stall which, const char *reason)
{
    (void)pthread_mutex_lock(&r->lock);
    if (reason || r->stall[which]) {
        replace(&r->stall[which], reason);
        show_state(r);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

void report_metrics(struct report *r, json_t *changes)
{
    if (changes) {
        report_send(r, json_pack("{s:s, s:o}", "t", "metrics", "m", changes));
    }
}

void report_stream(struct report *r, const char *id)
{
    report_send(r, json_pack("{s:s, s:s}", "t", "stream", "id", id));
}

bool report_flushed(struct report *r, const char *stream, const char *id, uint64_t offset)
{
    if (report_congested(r)) {
        return false;
    }
    report_send(
        r, json_pack("{s:s, s:s, s:s, s:I}", "t", "flushed", "stream", stream, "id", id, "offset", (json_int_t)offset));
    return true;
}

static bool send_unless_congested(struct report *r, char **kept, json_t *message)
{
    if (report_congested(r)) {
        json_decref(message);
        return false;
    }
    (void)pthread_mutex_lock(&r->lock);
    send_if_new(r, kept, message);
    (void)pthread_mutex_unlock(&r->lock);
    return true;
}

bool report_offsets(struct report *r, json_t *list)
{
    return send_unless_congested(r, &r->offsets, json_pack("{s:s, s:o}", "t", "offsets", "offsets", list));
}

bool report_topics(struct report *r, json_t *list)
{
    return send_unless_congested(r, &r->topics, json_pack("{s:s, s:o}", "t", "topics", "topics", list));
}

void report_done(struct report *r, const char *message, const struct hp_error *err)
{
    json_t *error = err ? json_pack("{s:i, s:o, s:o}", "class", (int)err->klass, "code", json_said(err->code),
                                    "message", json_said(err->message))
                        : NULL;
    report_send(r, json_pack("{s:s, s:o, s:o*}", "t", "done", "message", json_said(message), "error", error));
}
