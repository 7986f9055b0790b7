/* wake.h: the eventfd by which interrupt() ends a wait. interrupt() writes it from any thread; the rest is [task]. */
#ifndef SOURCE_PG_WAKE_H
#define SOURCE_PG_WAKE_H

#include <stdint.h>

void wake_clear(int fd);
/* Wait for nothing but being woken, at most wait_us; clears it. */
void wake_wait(int fd, int64_t wait_us);

#endif
