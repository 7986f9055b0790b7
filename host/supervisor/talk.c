/*
 * talk.c: the socket between the supervisor and one worker: whole lines in, whole lines out, bounded both ways and
 * never waited for. What the lines mean stands in words.c. One thread, the loop's.
 */
#include "control.h"
#include "inner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_PER_TURN 65536u

void connector_hang_up(struct connector *c)
{
    int fd = c->control.fd;
    if (fd >= 0) {
        loop_fd_remove(c->sup->loop, &c->control);
        (void)close(fd);
    }
    buf_finish(&c->in);
    buf_finish(&c->out);
}

static void flush_out(struct connector *c)
{
    while (c->out.len) {
        ssize_t n = send(c->control.fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN) {
            buf_reset(&c->out); /* its end will be reported */
        }
        if (n < 0) {
            break;
        }
        buf_consume(&c->out, (size_t)n);
    }
    loop_fd_set(c->sup->loop, &c->control, c->out.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void connector_say(struct connector *c, const char *line)
{
    if (c->control.fd < 0) {
        return;
    }
    if (!buf_puts(&c->out, line)) {
        (void)snprintf(c->misbehaved, sizeof c->misbehaved, "it does not read what it is told");
        process_kill(c->pid, SIGKILL);
        return;
    }
    flush_out(c);
}

/* Takes whole lines from c->in. */
static void take_lines(struct connector *c)
{
    size_t from = 0;
    char why[96];
    const char *end;
    while (c->in.len > from && (end = memchr(c->in.data + from, '\n', c->in.len - from)) != NULL) {
        size_t len = (size_t)((const uint8_t *)end - c->in.data) - from;
        if (!c->misbehaved[0] && !connector_hears(c, (const char *)c->in.data + from, len, why, sizeof why)) {
            (void)snprintf(c->misbehaved, sizeof c->misbehaved, "it sent a message that is not allowed: %s", why);
            process_kill(c->pid, SIGKILL);
        }
        from += len + 1;
    }
    buf_consume(&c->in, from);
    if (c->in.len == 0 && c->in.cap > READ_PER_TURN) {
        buf_finish(&c->in);
    }
}

bool connector_read(struct connector *c)
{
    void *room = c->control.fd < 0 ? NULL : buf_room(&c->in, READ_PER_TURN);
    ssize_t n;
    if (!room && c->control.fd >= 0) { /* a line beyond CONTROL_LINE_MAX */
        (void)snprintf(c->misbehaved, sizeof c->misbehaved, "it sent a message that is too long");
        process_kill(c->pid, SIGKILL);
        buf_finish(&c->in);
        return false;
    }
    n = room ? recv(c->control.fd, room, READ_PER_TURN, MSG_DONTWAIT) : 0;
    if (n <= 0) {
        return n < 0 && errno == EINTR;
    }
    buf_take(&c->in, (size_t)n);
    take_lines(c);
    return true;
}

static void control_ready(void *arg, unsigned events)
{
    struct connector *c = arg;
    if (events & EPOLLOUT) {
        flush_out(c);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !connector_read(c) && (events & (EPOLLHUP | EPOLLERR))) {
        loop_fd_set(c->sup->loop, &c->control, 0);
        connector_hang_up(c); /* nothing more to come; its end is reported as a child's */
    }
}

hp_status connector_listen(struct connector *c, int fd, struct hp_error *err)
{
    c->control.ready = control_ready;
    c->control.arg = c;
    if (loop_fd_add(c->sup->loop, &c->control, fd, EPOLLIN, err) != HP_OK) {
        (void)close(fd);
        return HP_ERROR;
    }
    return HP_OK;
}
