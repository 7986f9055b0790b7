/* backoff.c: see backoff.h. [task] */
#include "backoff.h"

int64_t backoff_next_ms(struct backoff *b, int64_t at_least, uint32_t dice)
{
    int64_t cap = b->cap_ms > 0 && b->cap_ms < BACKOFF_CAP_MS ? b->cap_ms : BACKOFF_CAP_MS;
    int64_t step = (int64_t)BACKOFF_FIRST_MS << (b->attempts < 20 ? b->attempts : 20);
    if (step > cap) {
        step = cap;
    }
    b->attempts += b->attempts < 1000;
    step = step / 2 + (int64_t)(dice % (uint64_t)(step / 2 + 1));
    return step > at_least ? step : at_least;
}
