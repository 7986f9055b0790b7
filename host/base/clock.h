/* clock.h: the two clocks. Deadlines use the monotonic one only. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_mono_ns(void);
int64_t clock_mono_ms(void);
int64_t clock_wall_us(void); /* since 1970 UTC */

#endif
