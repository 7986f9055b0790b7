/* What may be confirmed, and when (E1, E4; P1, P5, P6). */
#include "feedback.h"

#include <criterion/criterion.h>

static uint64_t flush_of(const uint8_t *message)
{
    uint64_t v = 0;
    for (int i = 9; i < 17; i++) {
        v = v << 8 | message[i];
    }
    return v;
}

static struct feedback fresh(uint64_t lsn)
{
    struct feedback f;
    feedback_init(&f, lsn, 10000000, 1000000, 60000000, 50000000);
    return f;
}

Test(feedback, nothing_is_confirmed_before_it_is_durable)
{
    struct feedback f = fresh(100);
    uint8_t out[FEEDBACK_BYTES];
    feedback_handled(&f, 200);
    feedback_given(&f, 50000001);
    feedback_write(&f, out, 50000002, 0);
    cr_assert(out[0] == 'r' && flush_of(out) == 100);
    feedback_durable(&f, 200);
    cr_assert(feedback_wants_send(&f, 50001003, 1000));
    feedback_write(&f, out, 50001003, 0);
    cr_assert(flush_of(out) == 200, "exactly the end, not a byte more (P1)");
    cr_assert(!feedback_wants_send(&f, 50002004, 1000));
}

Test(feedback, write_and_apply_go_with_flush)
{
    struct feedback f = fresh(77);
    uint8_t out[FEEDBACK_BYTES];
    feedback_write(&f, out, 1, 0);
    cr_assert(memcmp(out + 1, out + 9, 8) == 0 && memcmp(out + 9, out + 17, 8) == 0);
}

Test(feedback, keepalive_counts_only_when_level)
{
    struct feedback f = fresh(100);
    feedback_keepalive(&f, 500, false, false);
    cr_assert(f.handled == 100, "a transaction is half read (P6)");
    feedback_keepalive(&f, 500, false, true);
    cr_assert(f.handled == 500);
    cr_assert(!f.reply);
}

Test(feedback, idle_place_is_given_now_and_then)
{
    struct feedback f = fresh(100);
    feedback_given(&f, 60000000);
    feedback_keepalive(&f, 500, false, true);
    cr_assert(!feedback_wants_give(&f, 60500000));
    cr_assert(feedback_due_us(&f) <= 61000000);
    cr_assert(feedback_wants_give(&f, 61000000));
}

Test(feedback, asked_for_a_reply_it_gives_at_once)
{
    struct feedback f = fresh(100);
    uint8_t out[FEEDBACK_BYTES];
    feedback_given(&f, 60000000);
    feedback_keepalive(&f, 500, true, true);
    cr_assert(feedback_wants_give(&f, 60000001));
    cr_assert(feedback_wants_send(&f, 60000001, 1000));
    feedback_write(&f, out, 60000001, 0);
    cr_assert(flush_of(out) == 100, "told at once, but only what is durable");
    feedback_given(&f, 60000002);
    feedback_durable(&f, 500);
    feedback_write(&f, out, 60002000, 0);
    cr_assert(flush_of(out) == 500 && !f.urgent);
}

Test(feedback, never_goes_back)
{
    struct feedback f = fresh(100);
    feedback_handled(&f, 50);
    feedback_durable(&f, 50);
    cr_assert(f.handled == 100 && f.durable == 100);
}

Test(feedback, tells_by_the_interval)
{
    struct feedback f = fresh(100);
    uint8_t out[FEEDBACK_BYTES];
    feedback_write(&f, out, 50000000, 0);
    cr_assert(!feedback_wants_send(&f, 59999999, 1000));
    cr_assert(feedback_wants_send(&f, 60000000, 1000));
}

/* Any order of events: what is confirmed was durable, what is durable was given. */
Test(feedback, property_random_walks)
{
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct feedback f = fresh(1000);
        uint64_t tickets[64], n = 0, wal = 1000;
        int64_t now = 50000000;
        srand(seed);
        for (int i = 0; i < 500; i++) {
            uint8_t out[FEEDBACK_BYTES];
            now += rand() % 200000;
            wal += (uint64_t)(rand() % 100);
            switch (rand() % 4) {
            case 0:
                feedback_handled(&f, wal);
                break;
            case 1:
                feedback_keepalive(&f, wal, rand() % 2, rand() % 2);
                break;
            case 2:
                if (feedback_wants_give(&f, now) && n < 64) {
                    feedback_given(&f, now);
                    tickets[n++] = f.given;
                }
                break;
            default:
                if (n) {
                    feedback_durable(&f, tickets[0]);
                    memmove(tickets, tickets + 1, --n * sizeof *tickets);
                }
            }
            if (feedback_wants_send(&f, now, 1000)) {
                feedback_write(&f, out, now, 0);
                cr_assert(flush_of(out) == f.durable && f.durable <= f.given && f.given <= f.handled);
            }
        }
    }
}

Test(feedback, what_is_due_for_its_time_only_asks_for_an_answer)
{
    struct feedback f = fresh(100);
    uint8_t out[FEEDBACK_BYTES];
    int64_t now = 100000000;
    feedback_write(&f, out, now, 0);
    cr_assert_eq(out[33], 1);
    feedback_durable(&f, 200);
    feedback_write(&f, out, now + 1000, 0);
    cr_assert_eq(out[33], 0, "it has something to say");
    feedback_write(&f, out, now + 20000000, 0);
    cr_assert_not(feedback_unanswered(&f, now + 60000000));
    cr_assert(feedback_unanswered(&f, now + 60000001), "counted from the first that asked");
    feedback_heard(&f);
    cr_assert_not(feedback_unanswered(&f, now + 600000000), "nothing is owed");
}

Test(feedback, an_answer_to_the_start_is_owed_too)
{
    struct feedback f = fresh(100);
    feedback_asked(&f, 70000000);
    cr_assert(feedback_unanswered(&f, 130000001));
    feedback_heard(&f);
    cr_assert_not(feedback_unanswered(&f, 130000001));
}

Test(feedback, a_server_without_a_timeout_is_waited_for)
{
    struct feedback f;
    uint8_t out[FEEDBACK_BYTES];
    feedback_init(&f, 1, 10000000, 1000000, 0, 50000000);
    feedback_write(&f, out, 100000000, 0);
    cr_assert_not(feedback_unanswered(&f, INT64_MAX));
}
