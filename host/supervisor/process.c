/* process.c: see process.h. Called from the loop's thread, the only one there is. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A sanitizer's shadow memory counts as data: the bound would end such a build at its start. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BOUND_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BOUND_MEMORY 0
#endif
#endif
#ifndef BOUND_MEMORY
#define BOUND_MEMORY 1
#endif

#define TRY_SECONDS 30

/* All that is left of the environment: what tests steer, and the time zone. */
static const char *const kept[] = {
    "HOMEPORT_FAILPOINTS", "HOMEPORT_FAILPOINTS_ONCE", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
    "LSAN_OPTIONS"};
#define KEPT_N (sizeof kept / sizeof kept[0])

static size_t make_environment(char *env[KEPT_N + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < KEPT_N; i++) {
        const char *value = getenv(kept[i]);
        if (value && asprintf(&env[n], "%s=%s", kept[i], value) > 0) {
            n++;
        }
    }
    env[n] = NULL;
    return n;
}

/* The child's descriptors 0-3, each a copy above 9 so that none is overwritten before it is used. */
struct ends {
    int std[4];
};

static _Noreturn void child(const struct process_spec *spec, const struct ends *ends, char *const env[], pid_t parent)
{
    char *argv[] = {(char *)(uintptr_t) "homeport", (char *)(uintptr_t)spec->command, (char *)(uintptr_t)spec->label,
                    NULL};
    struct rlimit none = {0, 0}, data = {(rlim_t)spec->memory_max, (rlim_t)spec->memory_max};
    sigset_t empty;
    /* First of all: until then, a child that is stopped outlives us, with our descriptors. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(126); /* the parent died before the death signal was set */
    }
    (void)setpgid(0, 0);
    (void)sigemptyset(&empty);
    (void)sigprocmask(SIG_SETMASK, &empty, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < 4; i++) {
        if (ends->std[i] >= 0 ? dup2(ends->std[i], i) < 0 : (i == 3 && close(3) != 0 && errno != EBADF)) {
            _exit(126);
        }
    }
    if (syscall(SYS_close_range, ends->std[3] >= 0 ? 4U : 3U, ~0U, 0U) != 0) {
        for (int fd = ends->std[3] >= 0 ? 4 : 3; fd < (int)sysconf(_SC_OPEN_MAX); fd++) {
            (void)close(fd);
        }
    }
    (void)umask(077);
    (void)setrlimit(RLIMIT_CORE, &none);
    if (BOUND_MEMORY && spec->memory_max > 0 && setrlimit(RLIMIT_DATA, &data) != 0) {
        _exit(126);
    }
    (void)execve("/proc/self/exe", argv, env);
    _exit(127);
}

static int above(int fd) /* moves it out of the way of 0-3 */
{
    int up = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10);
    if (fd >= 0) {
        (void)close(fd);
    }
    return up;
}

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
            fds[i] = -1;
        }
    }
}

enum { OURS, THEIRS };

/* Pairs for the child; false: errno says why. */
static bool open_pairs(const struct process_spec *spec, int control[2], int in[2], int out[2], int log[2])
{
    if (spec->control) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0) {
            return false;
        }
        in[THEIRS] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (in[THEIRS] < 0) {
            return false;
        }
    } else {
        int up[2], down[2];
        if (pipe2(down, O_CLOEXEC) != 0) {
            return false;
        }
        in[OURS] = down[1];
        in[THEIRS] = down[0];
        if (pipe2(up, O_CLOEXEC) != 0) {
            return false;
        }
        out[OURS] = up[0];
        out[THEIRS] = up[1];
    }
    int err[2];
    if (pipe2(err, O_CLOEXEC) != 0) {
        return false;
    }
    log[OURS] = err[0];
    log[THEIRS] = err[1];
    return true;
}

static void unblock(int fd)
{
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
}

hp_status process_spawn(const struct process_spec *spec, struct process *out, struct hp_error *err)
{
    int fds[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    int *control = fds, *in = fds + 2, *outp = fds + 4, *log = fds + 6;
    char *env[KEPT_N + 1];
    size_t n_env;
    pid_t pid, self = getpid();
    if (!open_pairs(spec, control, in, outp, log)) {
        int e = errno;
        close_all(fds, 8);
        return hp_fail(err, HP_ERROR_RETRY, "", "cannot start a %s: %s", spec->command, strerror(e));
    }
    for (size_t i = THEIRS; i < 8; i += 2) {
        fds[i] = above(fds[i]);
    }
    n_env = make_environment(env);
    struct ends ends = {{in[THEIRS], spec->control ? log[THEIRS] : outp[THEIRS], log[THEIRS], control[THEIRS]}};
    pid = fork();
    if (pid == 0) {
        child(spec, &ends, env, self);
    }
    int e = errno;
    for (size_t i = 0; i < n_env; i++) {
        free(env[i]);
    }
    if (pid < 0) {
        close_all(fds, 8);
        return hp_fail(err, HP_ERROR_RETRY, "", "cannot start a %s: %s", spec->command, strerror(e));
    }
    (void)setpgid(pid, pid);
    for (size_t i = THEIRS; i < 8; i += 2) {
        close_all(&fds[i], 1);
    }
    for (size_t i = OURS; i < 8; i += 2) {
        unblock(fds[i]);
    }
    *out = (struct process){pid, control[OURS], in[OURS], outp[OURS], log[OURS]};
    return HP_OK;
}

bool process_survives(void (*fn)(void *arg), void *arg, char *why, size_t room)
{
    pid_t parent = getpid(), pid = fork();
    int status = 0;
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
            (void)alarm(TRY_SECONDS);
            fn(arg);
        }
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    process_end_text(status, why, room);
    return pid < 0 || !WIFSIGNALED(status); /* without a child: as if it had not been asked */
}

void process_kill(pid_t pid, int signal)
{
    if (pid > 1) {
        (void)kill(-pid, signal);
        (void)kill(pid, signal); /* a group that is not there yet */
    }
}

void process_end_text(int wait_status, char *out, size_t room)
{
    if (WIFSIGNALED(wait_status)) {
        const char *name = sigabbrev_np(WTERMSIG(wait_status));
        (void)snprintf(out, room, "killed by signal SIG%s", name ? name : "?");
    } else if (WEXITSTATUS(wait_status) == 127) {
        (void)snprintf(out, room, "the homeport binary could not be executed");
    } else {
        (void)snprintf(out, room, "ended by itself with status %d", WEXITSTATUS(wait_status));
    }
}
