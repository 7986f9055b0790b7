/* source_test.c: `homeport worker` running a source: records and position arrive together, whatever kills it when. */
#include "worker_support.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOTAL 20000

static int64_t numbers[TOTAL + 1000];

static void expect_all(struct place *p, const char *stream, size_t total)
{
    size_t n = numbers_in_log(p, stream, numbers, TOTAL + 1000, total);
    cr_assert_eq(n, total, "%zu numbers instead of %zu", n, total);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(numbers[i], (int64_t)i, "place %zu holds %lld", i, (long long)numbers[i]);
    }
}

Test(source, kills_lose_and_double_nothing)
{
    static const char *const config[] = {"total=20000", "per.tx=7", "big.every=5", "pace.us=100", NULL};
    struct place p;
    struct run r;
    place_init(&p);
    srand(1);
    for (unsigned i = 0; i < 8; i++) {
        run_start(&r, &p, "run", "n", "source", "numbers", NULL, config);
        cr_assert(run_until(&r, "progress"), "state %s %s", r.state, r.trace);
        (void)usleep((useconds_t)(rand() % 60000));
        run_kill(&r);
    }
    run_start(&r, &p, "run", "n", "source", "numbers", NULL, config);
    expect_all(&p, "n", TOTAL);
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

Test(source, stop_drains_and_start_goes_on)
{
    static const char *const config[] = {"total=5000", "pace.us=200", NULL};
    struct place p;
    struct run r;
    place_init(&p);
    for (unsigned i = 0; i < 3; i++) {
        run_start(&r, &p, "run", "a/b c", "source", "numbers", NULL, config);
        cr_assert(run_until(&r, "progress"));
        cr_assert_str_eq(r.state, "RUNNING");
        cr_assert_eq(run_stop(&r), 0);
    }
    run_start(&r, &p, "run", "a/b c", "source", "numbers", NULL, config);
    expect_all(&p, "a/b c", 5000);
    cr_assert(run_until(&r, "metrics"));
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

Test(source, pauses_and_resumes)
{
    static const char *const config[] = {"total=3000", "pace.us=1000", NULL};
    static const char *const paused[] = {"total=3000", "paused=1", NULL};
    struct place p;
    struct run r;
    size_t n;
    place_init(&p);
    run_start(&r, &p, "run", "n", "source", "numbers", NULL, config);
    cr_assert(run_until(&r, "progress"));
    run_say(&r, "{\"t\":\"pause\"}\n");
    cr_assert(run_until_state(&r, "PAUSED"));
    cr_assert(run_until(&r, "alive")); /* what was polled before is on its way into the log */
    cr_assert(run_until(&r, "alive"));
    n = numbers_in_log(&p, "n", numbers, TOTAL, 1);
    cr_assert_lt(n, 3000);
    cr_assert(run_until(&r, "alive"));
    cr_assert(run_until(&r, "alive"));
    cr_assert_eq(numbers_in_log(&p, "n", numbers, TOTAL, 1), n, "it went on although it was paused");
    run_say(&r, "{\"t\":\"resume\"}\n");
    cr_assert(run_until_state(&r, "RUNNING"));
    expect_all(&p, "n", 3000);
    cr_assert_eq(run_stop(&r), 0);
    run_start(&r, &p, "run", "m", "source", "numbers", NULL, paused);
    cr_assert(run_until_state(&r, "PAUSED"));
    run_say(&r, "{\"t\":\"resume\"}\n");
    expect_all(&p, "m", 3000);
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

Test(source, transforms_work_on_batches_and_chunks)
{
    static const char *const config[] = {"total=3000",
                                         "big.every=3",
                                         "transforms=a,b",
                                         "transforms.a.type=test-sieve",
                                         "transforms.a.by=2",
                                         "transforms.b.type=org.test.Sieve",
                                         "transforms.b.by=3",
                                         "transforms.b.move=true",
                                         NULL};
    struct place p;
    struct run r;
    size_t n, at = 0;
    place_init(&p);
    run_start(&r, &p, "run", "n", "source", "numbers", NULL, config);
    n = numbers_in_log(&p, "n", numbers, TOTAL, 1000);
    for (int64_t i = 0; i < 3000; i++) {
        if (i % 2 && i % 3) {
            cr_assert_eq(numbers[at++], i);
        }
    }
    cr_assert_eq(n, at);
    cr_assert(run_until(&r, "topics"));
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

Test(source, a_poisoned_record_is_named)
{
    static const char *const config[] = {
        "total=3000", "transforms=a", "transforms.a.type=Sieve", "transforms.a.by=1000", "transforms.a.poison=2345",
        NULL};
    struct place p;
    struct run r;
    place_init(&p);
    run_start(&r, &p, "run", "n", "source", "numbers", NULL, config);
    cr_assert(run_until_state(&r, "FAILED"));
    cr_assert(strstr(r.trace, "transform a"), "%s", r.trace);
    cr_assert(strstr(r.trace, "numbers.odd"), "%s", r.trace);
    cr_assert(strstr(r.trace, "2345"), "%s", r.trace);
    cr_assert(run_until(&r, "alive"));
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

/* The batches are kept, the state says why nothing moves, and then it goes on where it was. */
Test(source, a_full_disk_is_waited_out)
{
    static const char *const config[] = {"total=3000", "big.every=3", "pace.us=100", NULL};
    static const char *const points[] = {"log.begin=error@9", "log.append=error@20", "log.before_commit=error@9"};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct place p;
        struct run r;
        place_init(&p);
        (void)setenv("HOMEPORT_FAILPOINTS", points[i], 1);
        run_start(&r, &p, "run", "n", "source", "numbers", NULL, config);
        (void)unsetenv("HOMEPORT_FAILPOINTS");
        cr_assert(run_until_state(&r, "RESTARTING"), "%s", points[i]);
        cr_assert(strstr(r.trace, "fail point log."), "%s", r.trace);
        cr_assert(run_until_state(&r, "RUNNING"), "%s", points[i]);
        expect_all(&p, "n", 3000);
        cr_assert_eq(run_stop(&r), 0);
        place_finish(&p);
    }
}

Test(source, nothing_goes_while_the_floor_does_not_know_all_topics)
{
    static const char *const config[] = {"total=1000", "log.retention.bytes=0", "floor.topics=1", NULL};
    struct place p;
    struct run r;
    place_init(&p);
    run_start(&r, &p, "run", "n", "source", "numbers", NULL, config);
    expect_all(&p, "n", 1000);
    while (r.figures[3] == 0) { /* measured each second, after retention had its turn */
        cr_assert(run_until(&r, "metrics"));
    }
    cr_assert(run_until(&r, "alive"));
    cr_assert(run_until(&r, "alive"));
    expect_all(&p, "n", 1000);
    run_say(&r, "{\"t\":\"floor\",\"offset\":-1,\"topics\":2}\n");
    while (r.figures[3] > 0) {
        cr_assert(run_until(&r, "metrics"));
    }
    cr_assert_eq(numbers_in_log(&p, "n", numbers, TOTAL, 0), 0);
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}
