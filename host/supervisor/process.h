/*
 * process.h: starts our own binary again as a child: a worker or a probe. The child has nothing of ours but what it
 * needs: cleared environment (SEC-08), descriptors 0-2 and at most 3, its own process group, no core, a bound on its
 * memory, and it dies with us (PR_SET_PDEATHSIG; safe because only this one thread ever forks).
 */
#ifndef SUPERVISOR_PROCESS_H
#define SUPERVISOR_PROCESS_H

#include <homeport/homeport.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process_spec {
    const char *command;  /* "worker", "probe" */
    const char *label;    /* shown by ps behind it; may be NULL */
    int64_t memory_max;   /* RLIMIT_DATA; 0: none */
    unsigned control : 1; /* a socket as descriptor 3; else pipes as stdin and stdout */
};
struct process {
    pid_t pid;
    int control; /* our ends, non-blocking; -1: none */
    int in, out; /* the child's stdin (we write) and stdout (we read) */
    int log;     /* the child's stderr, and the worker's stdout */
};
hp_status process_spawn(const struct process_spec *spec, struct process *out, struct hp_error *err);
/* Calls fn in a child that ends with it. False: the child did not survive that; why says by what it died. Waits: for
   what takes milliseconds; a child that gets stuck is ended after half a minute. */
bool process_survives(void (*fn)(void *arg), void *arg, char *why, size_t room);
void process_kill(pid_t pid, int signal); /* its whole group */
/* "killed by signal SIGSEGV", "ended by itself with status 3" */
void process_end_text(int wait_status, char *out, size_t room);

#endif
