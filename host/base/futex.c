/*
 * futex.c: see futex.h. Linux's shared futexes: the words may lie in a file mapped by several processes, read-only on
 * the waiting side. Several words at once need futex_waitv (Linux 5.16); on an older kernel, or where a sandbox does
 * not know it, the wait on the first word is cut into short slices so that the others are seen soon. [any] thread.
 */
#include "futex.h"

#include "clock.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef __NR_futex_waitv
#define __NR_futex_waitv 449
#endif

#define SLICE_NS 2000000
#define FLAG_U32 2u /* FUTEX_32 / FUTEX2_SIZE_U32 */

struct waitv { /* struct futex_waitv, which older headers do not have */
    uint64_t val;
    uint64_t uaddr;
    uint32_t flags;
    uint32_t reserved;
};

static atomic_bool no_waitv;

void futex_bump(uint32_t *word)
{
    __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static bool moved(uint32_t *const *words, const uint32_t *seen, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (__atomic_load_n(words[i], __ATOMIC_SEQ_CST) != seen[i]) {
            return true;
        }
    }
    return false;
}

static struct timespec timespec_of(int64_t ns)
{
    struct timespec ts = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    return ts;
}

/* One wait, at most until `deadline` (monotonic ns; < 0: none). */
static void wait_once(uint32_t *const *words, const uint32_t *seen, unsigned n, int64_t deadline)
{
    struct timespec ts;
    int64_t left;
    if (n > 1 && !atomic_load(&no_waitv)) {
        struct waitv v[FUTEX_WORDS_MAX];
        for (unsigned i = 0; i < n; i++) {
            v[i] = (struct waitv){seen[i], (uint64_t)(uintptr_t)words[i], FLAG_U32, 0};
        }
        ts = timespec_of(deadline);
        if (syscall(__NR_futex_waitv, v, n, 0, deadline < 0 ? NULL : &ts, CLOCK_MONOTONIC) >= 0 ||
            (errno != ENOSYS && errno != EPERM && errno != EINVAL)) {
            return;
        }
        atomic_store(&no_waitv, true);
    }
    left = deadline < 0 ? -1 : deadline - clock_mono_ns();
    if (deadline >= 0 && left <= 0) {
        return;
    }
    if (n != 1 && (left < 0 || left > SLICE_NS)) {
        left = SLICE_NS;
    }
    ts = timespec_of(left);
    if (n == 0) {
        (void)nanosleep(&ts, NULL);
    } else {
        (void)syscall(SYS_futex, words[0], FUTEX_WAIT, seen[0], left < 0 ? NULL : &ts, NULL, 0);
    }
}

void futex_wait_any(uint32_t *const *words, const uint32_t *seen, unsigned n, int64_t timeout_ms)
{
    int64_t deadline = timeout_ms < 0 ? -1 : clock_mono_ns() + timeout_ms * 1000000;
    n = n > FUTEX_WORDS_MAX ? FUTEX_WORDS_MAX : n;
    while (!moved(words, seen, n)) {
        if (deadline >= 0 && clock_mono_ns() >= deadline) {
            return;
        }
        wait_once(words, seen, n, deadline);
    }
}
