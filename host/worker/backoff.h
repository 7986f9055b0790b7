/* backoff.h: how long to wait before the next attempt: doubling, with jitter, up to a cap (F12). Pure but for the dice.
 */
#ifndef WORKER_BACKOFF_H
#define WORKER_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 300
#define BACKOFF_CAP_MS   30000

struct backoff {
    unsigned attempts; /* failed in a row */
    int64_t cap_ms;    /* 0: BACKOFF_CAP_MS */
};

/* Half of the step is certain, half of it random; never below `at_least`. `dice` is any random number. */
int64_t backoff_next_ms(struct backoff *b, int64_t at_least, uint32_t dice);
static inline void backoff_reset(struct backoff *b)
{
    b->attempts = 0;
}

#endif
