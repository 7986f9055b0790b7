/* The state machine: every cell of the table leads somewhere sensible, and the stories of D17 and LC-04 to LC-06. */
#include "lifecycle.h"

#include <criterion/criterion.h>
#include <string.h>

static enum phase run(enum phase phase, const enum event *events, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct step s = lifecycle_step(phase, events[i]);
        cr_assert_neq(s.action, ACTION_BUG, "%s in phase %s", event_name(events[i]), phase_name(phase));
        phase = s.phase;
    }
    return phase;
}
#define RUN(phase, ...)                                                                                                \
    run(phase, (enum event[]){__VA_ARGS__}, sizeof((enum event[]){__VA_ARGS__}) / sizeof(enum event))

Test(lifecycle, every_cell_is_filled_and_named)
{
    for (int p = 0; p < PHASE_N; p++) {
        cr_assert_not_null(phase_name(p));
        for (int e = 0; e < EVENT_N; e++) {
            struct step s = lifecycle_step(p, e);
            cr_assert_lt(s.phase, PHASE_N);
            cr_assert_leq(s.action, ACTION_BUG);
            cr_assert_not_null(event_name(e));
            if (s.action == ACTION_BUG) {
                cr_assert_eq(s.phase, p, "an impossible event must not move anything");
            }
        }
    }
}

/* What users and the kernel may do at any moment must be possible in every phase. */
Test(lifecycle, users_are_never_told_off)
{
    for (int p = 0; p < PHASE_N; p++) {
        cr_assert_neq(lifecycle_step(p, EVENT_WANT).action, ACTION_BUG, "want in %s", phase_name(p));
        cr_assert_neq(lifecycle_step(p, EVENT_RENEW).action, ACTION_BUG, "renew in %s", phase_name(p));
        cr_assert_neq(lifecycle_step(p, EVENT_LEAVE).action, ACTION_BUG, "leave in %s", phase_name(p));
    }
}

Test(lifecycle, LC01_start_and_clean_stop)
{
    cr_assert_eq(RUN(PHASE_OFF, EVENT_WANT, EVENT_SPAWNED, EVENT_WORKS), PHASE_UP);
    cr_assert_eq(RUN(PHASE_UP, EVENT_LEAVE, EVENT_ENDED), PHASE_OFF);
    cr_assert_eq(lifecycle_step(PHASE_LEAVING, EVENT_ENDED).action, ACTION_SETTLE);
    cr_assert_eq(lifecycle_step(PHASE_LEAVING, EVENT_DUE).action, ACTION_KILL);
}

Test(lifecycle, D17_death_backoff_and_giving_up)
{
    cr_assert_eq(RUN(PHASE_UP, EVENT_ENDED), PHASE_BACKOFF);
    cr_assert_eq(RUN(PHASE_STARTING, EVENT_ENDED), PHASE_BACKOFF);
    cr_assert_eq(RUN(PHASE_BACKOFF, EVENT_DUE, EVENT_SPAWNED, EVENT_WORKS), PHASE_UP);
    cr_assert_eq(RUN(PHASE_UP, EVENT_ENDED, EVENT_SPENT), PHASE_DEAD);
    cr_assert_eq(RUN(PHASE_DEAD, EVENT_RENEW), PHASE_QUEUED);
}

Test(lifecycle, LC04_failed_stays_failed_until_restarted_or_stopped)
{
    cr_assert_eq(RUN(PHASE_UP, EVENT_FAILS, EVENT_WANT, EVENT_WORKS), PHASE_FAILED);
    cr_assert_eq(RUN(PHASE_FAILED, EVENT_ENDED, EVENT_WANT), PHASE_DEAD);
    cr_assert_eq(RUN(PHASE_DEAD, EVENT_LEAVE), PHASE_OFF);
    cr_assert_eq(RUN(PHASE_FAILED, EVENT_LEAVE, EVENT_ENDED), PHASE_OFF);
}

Test(lifecycle, T16_restart_of_a_stopped_connector_does_nothing)
{
    struct step s = lifecycle_step(PHASE_OFF, EVENT_RENEW);
    cr_assert_eq(s.phase, PHASE_OFF);
    cr_assert_eq(s.action, ACTION_NONE);
}

Test(lifecycle, T11_offsets_wait_for_the_worker_to_end)
{
    cr_assert_eq(RUN(PHASE_UP, EVENT_LEAVE, EVENT_OP), PHASE_LEAVING);
    cr_assert_eq(RUN(PHASE_OFF, EVENT_OP, EVENT_WANT, EVENT_ENDED), PHASE_OFF);
}

Test(lifecycle, a_start_that_cannot_be_mended_is_dead_another_is_tried_again)
{
    cr_assert_eq(RUN(PHASE_QUEUED, EVENT_REFUSED), PHASE_DEAD);
    cr_assert_eq(RUN(PHASE_QUEUED, EVENT_LATER), PHASE_BACKOFF);
}

Test(lifecycle, targets_by_name)
{
    enum target t;
    cr_assert(target_parse("running", &t) && t == TARGET_RUNNING);
    cr_assert(target_parse("Paused", &t) && t == TARGET_PAUSED);
    cr_assert(target_parse("STOPPED", &t) && t == TARGET_STOPPED);
    cr_assert(target_parse(target_name(TARGET_RUNNING), &t) && t == TARGET_RUNNING);
    cr_assert_not(target_parse("", &t));
    cr_assert_not(target_parse("RUNNINGS", &t));
}

Test(lifecycle, delays_double_stay_bounded_and_keep_at_least_a_half)
{
    cr_assert_eq(restart_delay_ms(1, 0), 250);
    cr_assert_eq(restart_delay_ms(2, 0), 500);
    cr_assert_eq(restart_delay_ms(0, 0), 250);
    for (unsigned d = 1; d < 100; d++) {
        cr_assert_leq(restart_delay_ms(d, 0), 30000);
        for (uint32_t r = 0; r < 5000; r += 97) {
            cr_assert_geq(2 * restart_delay_ms(d, r), restart_delay_ms(d, 0));
        }
    }
    cr_assert_eq(restart_delay_ms(99, 0), 30000);
}
