/*
 * crash.c: see crash.h. The handlers use async-signal-safe calls only, but for backtrace(), which may load a library
 * the first time: an alarm ends the process should that get stuck.
 */
#include "crash.h"

#include "log.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAMES        20 /* no more than traces keep lines, see relay.h */
#define STACK_BYTES   (64u << 10)
#define STUCK_SECONDS 3

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* they catch fatal signals, on signal stacks of their own, and print more than we do */
#else
#define SANITIZED 0
#endif

static struct life *watched;
static _Thread_local bool is_task; /* the thread whose calls `watched` knows */

static const struct {
    int number;
    const char *name;
} fatal[] = {
    {SIGSEGV, "SIGSEGV (bad memory access, or stack overflow)"},
    {SIGBUS, "SIGBUS (bad memory access)"},
    {SIGILL, "SIGILL (bad instruction)"},
    {SIGFPE, "SIGFPE (division by zero or the like)"},
    {SIGABRT, "SIGABRT (it called abort)"},
    {SIGSYS, "SIGSYS (forbidden system call)"},
};
#define N_FATAL (sizeof fatal / sizeof fatal[0])

static void say(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

static void say_where(void)
{
    const char *call = is_task ? atomic_load(&watched->call) : NULL, *who = atomic_load(&watched->who);
    if (call) {
        say(" in ");
        say(call);
        say(" of ");
        say(who);
    } else if (log_in_use()[0]) { /* LMDB trusts the pages of its file */
        say(" while using ");
        say(log_in_use());
        say(", whose data file may be damaged");
    }
}

static void say_stack(void)
{
    void *frames[FRAMES];
    int n = backtrace(frames, FRAMES);
    backtrace_symbols_fd(frames, n, STDERR_FILENO);
}

static void on_fatal(int number)
{
    (void)alarm(STUCK_SECONDS);
    for (size_t i = 0; i < N_FATAL; i++) {
        if (fatal[i].number == number) {
            say(fatal[i].name);
        }
    }
    say_where();
    say("\n");
    say_stack();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void on_show(int number)
{
    int before = errno;
    (void)number;
    say_stack();
    errno = before;
}

/* exit() called by a plugin ends the whole process; say whose doing it was. */
static void on_exit_of_plugin(int status, void *arg)
{
    (void)arg;
    if (atomic_load(&watched->call)) {
        say("exit() was called");
        say_where();
        say("\n");
        _exit(status ? status : 1); /* 0 would say that the worker ended as it was told */
    }
}

void crash_thread(void)
{
    stack_t stack = {.ss_size = STACK_BYTES};
    if (SANITIZED) {
        return;
    }
    stack.ss_sp = malloc(STACK_BYTES); /* for the thread's life; untouched pages cost nothing */
    if (stack.ss_sp) {
        (void)sigaltstack(&stack, NULL);
    }
}

void crash_watch(struct life *life)
{
    struct sigaction show = {.sa_handler = on_show, .sa_flags = SA_RESTART};
    watched = life;
    is_task = true;
    (void)sigaction(SIGUSR2, &show, NULL);
    (void)on_exit(on_exit_of_plugin, NULL);
    struct sigaction action = {.sa_handler = on_fatal, .sa_flags = (int)(SA_ONSTACK | SA_RESETHAND | SA_NODEFER)};
    for (size_t i = 0; i < N_FATAL && !SANITIZED; i++) {
        (void)sigaction(fatal[i].number, &action, NULL);
    }
    crash_thread();
}

void crash_show_stack(pthread_t thread)
{
    (void)pthread_kill(thread, SIGUSR2);
}
