#include "clock.h"
#include "futex.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static uint32_t *shared(void)
{
    uint32_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(page, MAP_FAILED);
    return page;
}

Test(futex, returns_at_once_if_a_word_moved_and_at_the_deadline_if_not)
{
    uint32_t a = 5, b = 6, seen[2] = {5, 6};
    uint32_t *words[2] = {&a, &b};
    int64_t start = clock_mono_ms();
    futex_wait_any(words, seen, 2, 20);
    cr_assert(clock_mono_ms() - start >= 20);
    futex_bump(&b);
    futex_wait_any(words, seen, 2, -1);
    seen[0] = 4;
    seen[1] = 7;
    futex_wait_any(words, seen, 2, -1);
    futex_wait_any(words, seen, 1, -1);
    futex_wait_any(NULL, NULL, 0, 1);
}

/* A process that waits for any of n words; another moves the last one. Ends only if the wake-up arrives. */
static void across(unsigned n)
{
    uint32_t *page = shared(), *words[3], seen[3] = {0};
    int status;
    pid_t pid;
    for (unsigned i = 0; i < n; i++) {
        words[i] = page + i * 16;
    }
    pid = fork();
    if (pid == 0) {
        mprotect(page, 4096, PROT_READ); /* waiting needs no more */
        futex_wait_any(words, seen, n, -1);
        _exit(0);
    }
    futex_bump(words[n - 1]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    munmap(page, 4096);
}

Test(futex, wakes_across_processes)
{
    for (int i = 0; i < 20; i++) {
        across(1);
        across(3);
    }
}
