/* offsets_test.c: altering and resetting offsets of stopped connectors (REST-24, REST-25). */
#include "worker_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL 10000

static int64_t numbers[TOTAL];
static char file_key[300], message[1000];

static void run_source(struct place *p, const char *total_key, size_t wanted)
{
    struct run r;
    const char *config[] = {total_key, NULL};
    run_start(&r, p, "run", "n", "source", "numbers", NULL, config);
    cr_assert_eq(numbers_in_log(p, "n", numbers, TOTAL, wanted), wanted);
    cr_assert_eq(run_stop(&r), 0);
}

Test(offsets, of_a_source)
{
    static const char *const config[] = {"total=100", NULL};
    struct place p;
    bool failed;
    place_init(&p);
    run_source(&p, "total=100", 100);
    run_op(&p, "alter-offsets", "n", "source", "numbers",
           "[{\"partition\":{\"server\":\"numbers\"},\"offset\":{\"n\":90}}]", config, message, &failed);
    cr_assert(!failed, "%s", message);
    cr_assert_str_eq(message, "The offsets for this connector have been altered successfully");
    run_source(&p, "total=100", 110);
    cr_assert_eq(numbers[100], 90);
    run_op(&p, "alter-offsets", "n", "source", "numbers",
           "[{\"partition\":{\"server\":\"other\"},\"offset\":{\"n\":90}}]", config, message, &failed);
    cr_assert(failed && strstr(message, "{\"server\":\"numbers\"}"), "%s", message);
    run_op(&p, "alter-offsets", "n", "source", "numbers",
           "[{\"partition\":{\"server\":\"numbers\"},\"offset\":{\"m\":90}}]", config, message, &failed);
    cr_assert(failed && strstr(message, "an offset is"), "%s", message);
    run_op(&p, "reset-offsets", "n", "source", "numbers", NULL, config, message, &failed);
    cr_assert(!failed, "%s", message);
    run_source(&p, "total=100", 210);
    cr_assert_eq(numbers[110], 0);
    place_finish(&p);
}

static void run_sink(struct place *p, const char *file, const char *const *config, size_t wanted)
{
    struct run r;
    run_start(&r, p, "run", "s", "sink", "blocks", NULL, config);
    (void)wait_numbers_in_file(file, numbers, TOTAL, wanted);
    cr_assert(run_until(&r, "alive"));
    cr_assert(run_until(&r, "alive"));
    cr_assert_eq(run_stop(&r), 0);
    cr_assert_eq(numbers_in_file(file, numbers, TOTAL), wanted);
}

Test(offsets, of_a_sink_topic_by_topic)
{
    struct place p;
    const char *file;
    const char *config[] = {file_key, "topics=numbers.even,numbers.odd", NULL};
    struct run r;
    bool failed;
    place_init(&p);
    file = place_file(&p, "out");
    (void)snprintf(file_key, sizeof file_key, "file=%s", file);
    run_source(&p, "total=1000", 1000);
    run_sink(&p, file_key + 5, config, 1000);

    /* the even ones again from their 490th on: 980, 982, ... */
    run_op(
        &p, "alter-offsets", "s", "sink", "blocks",
        "[{\"partition\":{\"kafka_topic\":\"numbers.even\",\"kafka_partition\":0},\"offset\":{\"kafka_offset\":490}}]",
        config, message, &failed);
    cr_assert(!failed, "%s", message);
    run_sink(&p, file_key + 5, config, 1010);
    for (size_t i = 0; i < 10; i++) {
        cr_assert_eq(numbers[1000 + i], (int64_t)(980 + 2 * i));
    }

    /* apart: even from 499, odd from 498; a number as text */
    run_op(&p, "alter-offsets", "s", "sink", "blocks",
           "[{\"partition\":{\"kafka_topic\":\"numbers.even\",\"kafka_partition\":0},\"offset\":{\"kafka_offset\":"
           "\"499\"}},"
           "{\"partition\":{\"kafka_topic\":\"numbers.odd\",\"kafka_partition\":\"0\"},\"offset\":{\"kafka_offset\":"
           "498}}]",
           config, message, &failed);
    cr_assert(!failed, "%s", message);
    run_sink(&p, file_key + 5, config, 1013);
    cr_assert_eq(numbers[1010], 997);
    cr_assert_eq(numbers[1011], 998);
    cr_assert_eq(numbers[1012], 999);

    /* one topic from its beginning */
    run_op(&p, "alter-offsets", "s", "sink", "blocks",
           "[{\"partition\":{\"kafka_topic\":\"numbers.odd\",\"kafka_partition\":0},\"offset\":null}]", config, message,
           &failed);
    cr_assert(!failed, "%s", message);
    run_sink(&p, file_key + 5, config, 1513);

    run_op(&p, "alter-offsets", "s", "sink", "blocks",
           "[{\"partition\":{\"kafka_topic\":\"nobody\",\"kafka_partition\":0},\"offset\":null}]", config, message,
           &failed);
    cr_assert(failed && strstr(message, "nobody"), "%s", message);
    run_op(
        &p, "alter-offsets", "s", "sink", "blocks",
        "[{\"partition\":{\"kafka_topic\":\"numbers.odd\",\"kafka_partition\":0},\"offset\":{\"kafka_offset\":501}}]",
        config, message, &failed);
    cr_assert(failed && strstr(message, "0 to 500"), "%s", message);

    run_op(&p, "reset-offsets", "s", "sink", "blocks", NULL, config, message, &failed);
    cr_assert(!failed, "%s", message);

    /* as GET /connectors/C/offsets shows them at the end; test-blocks cannot forget, so the file starts anew */
    cr_assert_eq(remove(file_key + 5), 0);
    run_start(&r, &p, "run", "s", "sink", "blocks", NULL, config);
    cr_assert_eq(wait_numbers_in_file(file_key + 5, numbers, TOTAL, 1000), 1000);
    while (json_array_size(r.offsets) < 2 ||
           json_integer_value(
               json_object_get(json_object_get(json_array_get(r.offsets, 0), "offset"), "kafka_offset")) < 500) {
        cr_assert(run_until(&r, "offsets"));
    }
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

/* Killed between the decision and the target: the next start finishes it. */
Test(offsets, an_interrupted_change_is_finished)
{
    struct place p;
    struct run r;
    const char *file;
    const char *config[] = {file_key, "topics=numbers.even,numbers.odd", NULL};
    place_init(&p);
    file = place_file(&p, "out");
    (void)snprintf(file_key, sizeof file_key, "file=%s", file);
    run_source(&p, "total=1000", 1000);
    run_sink(&p, file_key + 5, config, 1000);
    (void)setenv("HOMEPORT_FAILPOINTS", "off.reset=kill", 1);
    run_start(
        &r, &p, "alter-offsets", "s", "sink", "blocks",
        "[{\"partition\":{\"kafka_topic\":\"numbers.even\",\"kafka_partition\":0},\"offset\":{\"kafka_offset\":490}}]",
        config);
    cr_assert_eq(run_wait(&r), -9);
    (void)unsetenv("HOMEPORT_FAILPOINTS");
    run_sink(&p, file_key + 5, config, 1010);
    place_finish(&p);
}
