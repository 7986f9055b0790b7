/* backoff_test.c: waits grow, are capped and never shorter than asked for. */
#include "backoff.h"

#include <criterion/criterion.h>

Test(backoff, doubles_up_to_the_cap)
{
    struct backoff b = {0, 0};
    int64_t step = BACKOFF_FIRST_MS;
    for (unsigned i = 0; i < 40; i++) {
        int64_t least, most;
        struct backoff again = b;
        least = backoff_next_ms(&again, 0, 0);
        again = b;
        most = backoff_next_ms(&again, 0, (uint32_t)(step / 2));
        cr_assert_eq(least, step / 2);
        cr_assert_eq(most, step);
        b = again;
        step = step * 2 < BACKOFF_CAP_MS ? step * 2 : BACKOFF_CAP_MS;
    }
    backoff_reset(&b);
    cr_assert_leq(backoff_next_ms(&b, 0, 12345), BACKOFF_FIRST_MS);
}

Test(backoff, honours_the_plugin_and_the_configuration)
{
    struct backoff b = {10, 1000};
    cr_assert_leq(backoff_next_ms(&b, 0, UINT32_MAX), 1000);
    cr_assert_eq(backoff_next_ms(&b, 5000, 0), 5000);
}
