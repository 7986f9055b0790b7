/* worker_process.c: the few things that both kinds of task do the same way. */
#include "worker_process.h"

#include "clock.h"
#include "futex.h"
#include "logging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEANWHILE_MS 1000
#define BOUND_SLACK  (8u << 20) /* as good as used up */

int64_t worker_setting(const struct worker *w, const char *key, int64_t otherwise)
{
    const char *text = props_get(&w->start.settings, key);
    char *end;
    long long value;
    if (!text) {
        text = props_get(&w->start.config, key);
    }
    if (!text || !*text) {
        return otherwise;
    }
    errno = 0;
    value = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' ? value : otherwise;
}

uint32_t worker_wake_seen(struct worker *w)
{
    return __atomic_load_n(&w->wake, __ATOMIC_SEQ_CST);
}

void worker_wake(struct worker *w)
{
    futex_bump(&w->wake);
}

void worker_wait(struct worker *w, uint32_t seen, int64_t ms)
{
    uint32_t *word = &w->wake;
    futex_wait_any(&word, &seen, 1, ms);
}

void worker_check_memory(void)
{
    struct rlimit limit;
    char text[128];
    unsigned long long pages = 0;
    ssize_t n;
    int fd;
    if (getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return;
    }
    fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    if (n <= 0) {
        return;
    }
    text[n] = '\0';
    /* size, resident, shared, text, lib, data: in pages */
    char *field = text;
    for (unsigned i = 0; i < 6; i++) {
        pages = strtoull(field, &field, 10);
    }
    unsigned long long used = pages * (unsigned long long)sysconf(_SC_PAGESIZE);
    if (used + BOUND_SLACK >= limit.rlim_cur) {
        log_error("the memory bound of %llu bytes (worker.memory.max.bytes) is used up: %llu bytes; ending the process",
                  (unsigned long long)limit.rlim_cur, used);
        _exit(CONTROL_EXIT_MEMORY);
    }
}

/* Wait, and look after what is looked after while there is no task. */
static void wait_a_while(struct worker *w, uint32_t seen, int64_t ms)
{
    worker_wait(w, seen, ms < MEANWHILE_MS ? ms : MEANWHILE_MS);
    if (w->meanwhile) {
        w->meanwhile(w);
    }
}

enum worker_verdict worker_judge(struct worker *w, struct backoff *backoff, const struct hp_error *err)
{
    uint32_t dice = 0;
    int64_t until;
    if (atomic_load(&w->stop)) {
        return WORKER_STOP;
    }
    worker_check_memory();
    metric_add(w->errors, 1);
    if (err->klass != HP_ERROR_RETRY) {
        log_error("the task has failed: %s", err->message);
        report_state(&w->report, "FAILED", err->message);
        return WORKER_FAILED;
    }
    (void)!getrandom(&dice, sizeof dice, GRND_NONBLOCK);
    until = backoff_next_ms(backoff, err->retry_after_ms, dice);
    log_warn("trying again in %lld ms (attempt %u): %s", (long long)until, backoff->attempts + 1, err->message);
    report_state(&w->report, "RESTARTING", err->message);
    metric_add(w->retries, 1);
    until += clock_mono_ms();
    for (bool paused = atomic_load(&w->paused);;) {
        uint32_t seen = worker_wake_seen(w);
        int64_t now = clock_mono_ms();
        if (atomic_load(&w->stop)) {
            return WORKER_STOP;
        }
        if (now >= until || atomic_load(&w->paused) != paused) { /* an order: no need to wait on */
            return WORKER_AGAIN;
        }
        wait_a_while(w, seen, until - now);
    }
}

void worker_wait_stop(struct worker *w)
{
    for (;;) {
        uint32_t seen = worker_wake_seen(w);
        if (atomic_load(&w->stop)) {
            return;
        }
        wait_a_while(w, seen, MEANWHILE_MS);
    }
}

bool worker_wait_unpaused(struct worker *w)
{
    for (;;) {
        uint32_t seen = worker_wake_seen(w);
        if (atomic_load(&w->stop)) {
            return false;
        }
        if (!atomic_load(&w->paused)) {
            return true;
        }
        report_state(&w->report, "PAUSED", NULL);
        wait_a_while(w, seen, MEANWHILE_MS);
    }
}
