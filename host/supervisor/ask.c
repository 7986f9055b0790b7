/* ask.c: see ask.h. The child runs foreign code: its answer is bounded, and parsed as anything from outside. */
#include "ask.h"

#include "buf.h"
#include "process.h"
#include "relay.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX   (8u << 20)
#define PROBE_MEMORY (INT64_C(512) << 20)

struct ask {
    struct loop *loop;
    pid_t pid;
    struct loop_child child;
    struct loop_fd in, out;
    struct relay relay;
    struct loop_timer limit;
    char *request;
    size_t sent, len;
    struct buf answer;
    bool late;
    const char *whom;
    ask_fn done;
    void *arg;
};

static void drop(struct ask *a, struct loop_fd *f)
{
    int fd = f->fd;
    if (fd >= 0) {
        loop_fd_remove(a->loop, f);
        (void)close(fd);
    }
}

static void finish(struct ask *a)
{
    drop(a, &a->in);
    drop(a, &a->out);
    relay_close(&a->relay);
    relay_forget(&a->relay);
    loop_timer_clear(a->loop, &a->limit);
    buf_finish(&a->answer);
    free(a->request);
    free(a);
}

static void can_write(void *arg, unsigned events)
{
    struct ask *a = arg;
    ssize_t n = write(a->in.fd, a->request + a->sent, a->len - a->sent);
    (void)events;
    if (n > 0) {
        a->sent += (size_t)n;
    }
    if (a->sent == a->len || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        drop(a, &a->in);
    }
}

/* False: nothing more, for now or ever. */
static bool read_some(struct ask *a)
{
    char chunk[16384];
    ssize_t n = a->out.fd < 0 ? 0 : read(a->out.fd, chunk, sizeof chunk);
    if (n > 0) {
        (void)buf_append(&a->answer, chunk, (size_t)n); /* too much: `failed` stays set */
        return true;
    }
    return n < 0 && errno == EINTR;
}

static void can_read(void *arg, unsigned events)
{
    struct ask *a = arg;
    if (!read_some(a) && (events & (EPOLLHUP | EPOLLERR))) {
        drop(a, &a->out);
    }
}

static void too_late(void *arg)
{
    struct ask *a = arg;
    a->late = true;
    process_kill(a->pid, SIGKILL);
}

static json_t *judge(struct ask *a, int wait_status, struct hp_error *err)
{
    char end[96];
    json_t *json;
    if (a->late) {
        (void)hp_fail(err, HP_ERROR_FATAL, "", "%s did not answer within %d seconds", a->whom, ASK_TIMEOUT_MS / 1000);
        return NULL;
    }
    if (wait_status != 0) {
        process_end_text(wait_status, end, sizeof end);
        (void)hp_fail(err, HP_ERROR_FATAL, "", "the process that asked %s %s%s", a->whom,
                      WIFSIGNALED(wait_status) ? "was " : "", end);
        return NULL;
    }
    json = a->answer.failed ? NULL : json_loadb((char *)a->answer.data, a->answer.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        (void)hp_fail(err, HP_ERROR_FATAL, "", "the process that asked %s gave no proper answer", a->whom);
        return NULL;
    }
    return json;
}

static void ended(void *arg, int wait_status)
{
    struct ask *a = arg;
    struct hp_error err = {.size = sizeof err};
    json_t *json;
    ask_fn done = a->done;
    void *done_arg = a->arg;
    while (read_some(a)) {
    }
    json = judge(a, wait_status, &err);
    a->pid = 0;
    finish(a);
    done(done_arg, json, &err);
    json_decref(json);
}

hp_status ask_start(struct loop *loop, const char *request, const char *whom, ask_fn done, void *arg, struct ask **out,
                    struct hp_error *err)
{
    struct process_spec spec = {.command = "probe", .memory_max = PROBE_MEMORY};
    struct process p;
    struct ask *a = calloc(1, sizeof *a);
    if (!a || !(a->request = strdup(request))) {
        free(a);
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    if (process_spawn(&spec, &p, err) != HP_OK) {
        free(a->request);
        free(a);
        return HP_ERROR;
    }
    a->loop = loop;
    a->len = strlen(request);
    a->whom = whom;
    a->done = done;
    a->arg = arg;
    a->pid = p.pid;
    buf_init(&a->answer, ANSWER_MAX);
    a->in = (struct loop_fd){-1, can_write, a};
    a->out = (struct loop_fd){-1, can_read, a};
    a->relay.fd.fd = -1;
    a->limit.due = too_late;
    a->limit.arg = a;
    a->child = (struct loop_child){p.pid, ended, a, NULL};
    loop_child_add(loop, &a->child);
    /* A failure from here on ends in `ended`: the child is killed, the answer is an error. */
    if (relay_open(&a->relay, loop, "probe", p.log, err) != HP_OK) {
        (void)close(p.log);
    }
    if (loop_fd_add(loop, &a->in, p.in, EPOLLOUT, err) != HP_OK) {
        (void)close(p.in);
    }
    if (loop_fd_add(loop, &a->out, p.out, EPOLLIN, err) != HP_OK) {
        (void)close(p.out);
    }
    if (a->in.fd < 0 || a->out.fd < 0 || !loop_timer_set(loop, &a->limit, ASK_TIMEOUT_MS)) {
        process_kill(a->pid, SIGKILL);
    }
    *out = a;
    return HP_OK;
}

void ask_abandon(struct ask *a)
{
    process_kill(a->pid, SIGKILL);
}
