/* sink_test.c: `homeport worker` running a sink: every number once and in order, whatever kills it when. */
#include "worker_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOTAL 20000

static int64_t numbers[4 * TOTAL];
static char file_key[300];

static void fill(struct place *p, const char *name, const char *total)
{
    struct run r;
    char text[64];
    const char *config[] = {text, "big.every=4", NULL};
    (void)snprintf(text, sizeof text, "total=%s", total);
    run_start(&r, p, "run", name, "source", "numbers", NULL, config);
    cr_assert_eq(numbers_in_log(p, name, numbers, TOTAL, strtoul(total, NULL, 10)), strtoul(total, NULL, 10));
    cr_assert_eq(run_stop(&r), 0);
}

static const char *out_of(struct place *p)
{
    const char *file = place_file(p, "out");
    (void)snprintf(file_key, sizeof file_key, "file=%s", file);
    return file_key + 5;
}

Test(sink, kills_lose_and_double_nothing)
{
    static const char *const source_config[] = {"total=20000", "per.tx=7", "big.every=5", "pace.us=500", NULL};
    struct place p;
    struct run source, sink;
    const char *file;
    const char *config[] = {file_key, "topics=numbers.even,numbers.odd", NULL};
    size_t n;
    place_init(&p);
    file = out_of(&p);
    srand(2);
    run_start(&source, &p, "run", "n", "source", "numbers", NULL, source_config);
    for (unsigned i = 0; i < 8; i++) {
        run_start(&sink, &p, "run", "s", "sink", "blocks", NULL, config);
        cr_assert(run_until_state(&sink, "RUNNING"), "state %s %s", sink.state, sink.trace);
        (void)usleep((useconds_t)(rand() % 50000));
        run_kill(&sink);
    }
    run_start(&sink, &p, "run", "s", "sink", "blocks", NULL, config);
    n = wait_numbers_in_file(file, numbers, 4 * TOTAL, TOTAL);
    cr_assert_eq(n, TOTAL, "%zu numbers, %s %s", n, sink.state, sink.trace);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(numbers[i], (int64_t)i, "place %zu holds %lld", i, (long long)numbers[i]);
    }
    while (sink.flushed < TOTAL) {
        cr_assert(run_until(&sink, "flushed"));
    }
    cr_assert_eq(run_stop(&sink), 0);
    cr_assert_eq(run_stop(&source), 0);
    place_finish(&p);
}

Test(sink, reads_only_its_topics_and_transforms)
{
    struct place p;
    struct run r;
    const char *file;
    const char *config[] = {file_key,
                            "topics.regex=numbers\\.e.*",
                            "transforms=a",
                            "transforms.a.type=test-sieve",
                            "transforms.a.by=3",
                            "transforms.a.move=true",
                            NULL};
    size_t n, at = 0;
    place_init(&p);
    file = out_of(&p);
    fill(&p, "n", "3000");
    run_start(&r, &p, "run", "s", "sink", "blocks", NULL, config);
    n = wait_numbers_in_file(file, numbers, TOTAL, 1000);
    for (int64_t i = 0; i < 3000; i += 2) {
        if (i % 3) {
            cr_assert_eq(numbers[at++], i);
        }
    }
    cr_assert_eq(n, at);
    while (r.flushed < 3000) {
        cr_assert(run_until(&r, "flushed"), "filtered records must count as handled");
    }
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

Test(sink, finds_streams_that_appear_later)
{
    struct place p;
    struct run r;
    const char *file;
    const char *config[] = {file_key, "topics=numbers.even,numbers.odd", NULL};
    place_init(&p);
    file = out_of(&p);
    run_start(&r, &p, "run", "s", "sink", "blocks", NULL, config);
    cr_assert(run_until_state(&r, "RUNNING"));
    fill(&p, "later", "500");
    cr_assert_eq(wait_numbers_in_file(file, numbers, TOTAL, 500), 500);
    fill(&p, "and later", "700");
    cr_assert_eq(wait_numbers_in_file(file, numbers, TOTAL, 1200), 1200);
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

Test(sink, a_topic_that_is_added_is_read_from_its_beginning)
{
    struct place p;
    struct run r;
    const char *file;
    const char *even[] = {file_key, "topics=numbers.even", NULL};
    const char *both[] = {file_key, "topics=numbers.even,numbers.odd", NULL};
    size_t n;
    place_init(&p);
    file = out_of(&p);
    fill(&p, "n", "1000");
    run_start(&r, &p, "run", "s", "sink", "blocks", NULL, even);
    cr_assert_eq(wait_numbers_in_file(file, numbers, TOTAL, 500), 500);
    cr_assert_eq(run_stop(&r), 0);
    for (unsigned i = 0; i < 2; i++) { /* the second time nothing is new */
        run_start(&r, &p, "run", "s", "sink", "blocks", NULL, both);
        n = wait_numbers_in_file(file, numbers, TOTAL, 1000);
        cr_assert(run_until(&r, "alive"));
        cr_assert(run_until(&r, "alive"));
        cr_assert_eq(run_stop(&r), 0);
        n = numbers_in_file(file, numbers, TOTAL);
        cr_assert_eq(n, 1000, "%zu", n);
    }
    for (size_t i = 0; i < 500; i++) {
        cr_assert_eq(numbers[i], (int64_t)(2 * i));
        cr_assert_eq(numbers[500 + i], (int64_t)(2 * i + 1));
    }
    place_finish(&p);
}

Test(sink, a_poisoned_record_is_named)
{
    struct place p;
    struct run r;
    const char *config[] = {file_key, "topics=numbers.even,numbers.odd", "poison=777", NULL};
    const char *file;
    size_t n;
    place_init(&p);
    file = out_of(&p);
    fill(&p, "n", "1000");
    run_start(&r, &p, "run", "s", "sink", "blocks", NULL, config);
    cr_assert(run_until_state(&r, "FAILED"));
    cr_assert(strstr(r.trace, "topic numbers.odd, stream offset 777"), "%s", r.trace);
    cr_assert_eq(run_stop(&r), 0);
    n = numbers_in_file(file, numbers, TOTAL);
    cr_assert_leq(n, 777);
    place_finish(&p);
}

/* The last one of all is in the last batch put before the commit that finds it. */
Test(sink, a_record_that_only_the_commit_refuses_is_named)
{
    struct place p;
    struct run r;
    const char *config[] = {file_key,
                            "topics=numbers.odd",
                            "poison.late=999",
                            "transforms=a",
                            "transforms.a.type=test-sieve",
                            "transforms.a.by=5",
                            NULL};
    place_init(&p);
    (void)out_of(&p);
    fill(&p, "n", "1000");
    run_start(&r, &p, "run", "s", "sink", "blocks", NULL, config);
    cr_assert(run_until_state(&r, "FAILED"));
    cr_assert(strstr(r.trace, "a number that cannot be committed (topic numbers.odd, stream offset 999)"), "%s",
              r.trace);
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

Test(sink, a_record_of_an_earlier_batch_is_not_taken_for_one_of_this)
{
    struct place p;
    struct run r;
    const char *config[] = {file_key, "topics=numbers.even,numbers.odd", "poison.late=1", NULL};
    place_init(&p);
    (void)out_of(&p);
    fill(&p, "n", "20000"); /* more than one batch */
    run_start(&r, &p, "run", "s", "sink", "blocks", NULL, config);
    cr_assert(run_until_state(&r, "FAILED"));
    cr_assert_str_eq(r.trace, "a number of the batch before, named by me");
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

/* A target that does not answer: RESTARTING with the reason, then everything once. */
Test(sink, an_error_that_passes_is_retried)
{
    struct place p;
    struct run r;
    const char *file;
    const char *config[] = {file_key, "topics=numbers.even,numbers.odd", NULL};
    place_init(&p);
    (void)snprintf(file_key, sizeof file_key, "file=%s", place_file(&p, "missing/out"));
    file = file_key + 5;
    fill(&p, "n", "1000");
    run_start(&r, &p, "run", "s", "sink", "blocks", NULL, config);
    cr_assert(run_until_state(&r, "RESTARTING"));
    cr_assert(strstr(r.trace, "cannot write"), "%s", r.trace);
    cr_assert_eq(mkdir(place_file(&p, "missing"), 0700), 0);
    cr_assert_eq(wait_numbers_in_file(file, numbers, TOTAL, 1000), 1000);
    cr_assert(run_until_state(&r, "RUNNING"));
    cr_assert_eq(run_stop(&r), 0);
    (void)setenv("HOMEPORT_FAILPOINTS", "sink.read=error", 1);
    run_start(&r, &p, "run", "s2", "sink", "blocks", NULL, config);
    (void)unsetenv("HOMEPORT_FAILPOINTS");
    cr_assert(run_until(&r, "alive"));
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

/* A backoff of half a minute does not make an order wait. */
Test(sink, orders_are_obeyed_while_it_waits)
{
    struct place p;
    struct run r;
    const char *config[] = {file_key, "topics=numbers.even,numbers.odd", NULL};
    place_init(&p);
    (void)snprintf(file_key, sizeof file_key, "file=%s", place_file(&p, "missing/out"));
    fill(&p, "n", "100");
    run_start(&r, &p, "run", "s", "sink", "blocks", NULL, config);
    cr_assert(run_until_state(&r, "RESTARTING"));
    run_say(&r, "{\"t\":\"pause\"}\n");
    cr_assert(run_until_state(&r, "PAUSED"));
    run_say(&r, "{\"t\":\"resume\"}\n");
    cr_assert(run_until_state(&r, "RESTARTING"));
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}
