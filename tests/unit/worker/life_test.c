/* life_test.c: who is silent, and who is excused. */
#include "clock.h"
#include "life.h"

#include <criterion/criterion.h>

Test(life, only_a_call_without_a_sign_is_silent)
{
    struct life l;
    int64_t now;
    life_init(&l);
    now = clock_mono_ms();
    cr_assert_eq(life_silent_ms(&l, now + 1000), 0);
    life_enter(&l, "source.poll", "p");
    cr_assert_geq(life_silent_ms(&l, now + 3000), 2900);
    life_wait_begin(&l, "a lock");
    cr_assert_eq(life_silent_ms(&l, now + 5000), 0);
    life_wait_end(&l);
    life_leave(&l);
    cr_assert_eq(life_silent_ms(&l, now + 7000), 0);
}

Test(life, a_stopped_process_is_not_a_hanging_one)
{
    struct life l;
    int64_t now;
    life_init(&l);
    now = clock_mono_ms();
    life_enter(&l, "source.poll", "p");
    cr_assert_eq(life_silent_ms(&l, now + 60000), 0, "nobody looked for a minute");
    cr_assert_eq(life_silent_ms(&l, now + 61000), 1000);
}
