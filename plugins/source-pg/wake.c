/* wake.c: see wake.h. */
#include "wake.h"

#include <poll.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

void wake_clear(int fd)
{
    uint64_t count;
    (void)!read(fd, &count, sizeof count);
}

void wake_wait(int fd, int64_t wait_us)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct timespec ts = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    if (wait_us > 0 && ppoll(&p, 1, &ts, NULL) > 0) {
        wake_clear(fd);
    }
}
