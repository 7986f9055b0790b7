/* relay.c: see relay.h. Called from the loop's thread. */
#include "relay.h"

#include "clock.h"
#include "logging.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LINES_PER_SECOND 500u
#define BYTES_PER_TURN   16384u

static void say_left_out(struct relay *r)
{
    if (r->left_out) {
        log_warn("%s: %u lines of its log were left out; more than %u a second are not kept", r->who, r->left_out,
                 LINES_PER_SECOND);
        r->left_out = 0;
    }
}

/* Workers write log lines of ours already: those go out as they are. Anything else is a plugin's or library's. */
static bool is_log_line(const char *line)
{
    return strlen(line) > 25 && isdigit((unsigned char)line[0]) && line[4] == '-' && line[10] == 'T' && line[23] == 'Z';
}

static void pass_on(struct relay *r)
{
    int64_t now = clock_mono_ms() / 1000;
    if (now != r->second) {
        say_left_out(r);
        r->second = now;
        r->in_second = 0;
    }
    if (++r->in_second > LINES_PER_SECOND) {
        r->left_out++;
        return;
    }
    if (is_log_line(r->line)) {
        r->line[r->len++] = '\n';
        if (write(STDERR_FILENO, r->line, r->len) < 0) {
            r->left_out++; /* nobody reads our stderr */
        }
    } else {
        log_info("%s: %s", r->who, r->line);
    }
}

static void keep(struct relay *r)
{
    char *copy = strndup(r->line, RELAY_LINE);
    if (copy) {
        free(r->last[r->next]);
        r->last[r->next] = copy;
        r->next = (r->next + 1) % RELAY_LINES;
    }
}

static void end_line(struct relay *r)
{
    while (r->len && r->line[r->len - 1] == '\r') {
        r->len--;
    }
    r->line[r->len] = '\0';
    if (r->len) {
        for (size_t i = 0; i < r->len; i++) {
            if ((unsigned char)r->line[i] < 0x20 || r->line[i] == 0x7f) {
                r->line[i] = ' ';
            }
        }
        keep(r);
        pass_on(r);
    }
    r->len = 0;
}

static void take(struct relay *r, const char *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (data[i] == '\n') {
            end_line(r);
        } else if (r->len < sizeof r->line - 2) {
            r->line[r->len++] = data[i];
        }
    }
}

/* False: nothing more will come. */
static bool read_some(struct relay *r)
{
    char chunk[BYTES_PER_TURN];
    ssize_t n = read(r->fd.fd, chunk, sizeof chunk);
    if (n > 0) {
        take(r, chunk, (size_t)n);
        return true;
    }
    return false;
}

static void ready(void *arg, unsigned events)
{
    struct relay *r = arg;
    if (!read_some(r) && (events & (EPOLLHUP | EPOLLERR))) {
        int fd = r->fd.fd;
        loop_fd_remove(r->loop, &r->fd);
        (void)close(fd);
    }
}

hp_status relay_open(struct relay *r, struct loop *loop, const char *who, int fd, struct hp_error *err)
{
    r->loop = loop;
    r->who = who;
    r->fd.ready = ready;
    r->fd.arg = r;
    r->len = 0;
    return loop_fd_add(loop, &r->fd, fd, EPOLLIN, err);
}

void relay_close(struct relay *r)
{
    /* At most a pipe's worth: the writer may have left children behind that go on writing. */
    for (unsigned turn = 0; r->fd.fd >= 0 && turn < 8 && read_some(r); turn++) {
    }
    if (r->len) {
        end_line(r);
    }
    if (r->who) {
        say_left_out(r);
    }
    int fd = r->fd.fd;
    if (fd >= 0) {
        loop_fd_remove(r->loop, &r->fd);
        (void)close(fd);
    }
}

void relay_forget(struct relay *r)
{
    for (size_t i = 0; i < RELAY_LINES; i++) {
        free(r->last[i]);
        r->last[i] = NULL;
    }
    r->next = 0;
}

void relay_last(const struct relay *r, struct buf *out)
{
    for (size_t i = 0; i < RELAY_LINES; i++) {
        const char *line = r->last[(r->next + i) % RELAY_LINES];
        if (line) {
            (void)buf_printf(out, "%s\n", line);
        }
    }
}
