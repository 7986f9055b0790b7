#include "builder.h"
#include "check.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct hp_error err = {.size = sizeof err};

static hp_status add(struct builder *b, size_t bytes)
{
    char *data = calloc(1, bytes + 1);
    uint32_t row;
    hp_status begun = hp_record_begin(&b->b, HP_RECORD_PLAIN, 0), ended;
    cr_assert_eq(begun, HP_OK);
    row = hp_record_row(&b->b, 1);
    hp_record_bytes(&b->b, row, 0, HP_BYTES, 0, data, (uint32_t)bytes);
    if (b->b.open != HP_NO_RECORD && row) {
        hp_record_open(&b->b)->after = row;
        hp_record_open(&b->b)->topic = 1;
    }
    ended = hp_record_end(&b->b);
    free(data);
    return ended;
}

static bool sound(struct builder *b)
{
    const struct hp_bytes topics[2] = {{0}, {"t", 1}};
    struct hp_batch batch = builder_batch(b);
    batch.topics = topics;
    batch.n_topics = 2;
    return batch_check(&batch, &err) == HP_OK;
}

Test(builder, grows_and_keeps_what_was_built)
{
    struct builder b;
    cr_assert_eq(builder_init(&b, 4096, 1 << 20, &err), HP_OK);
    for (int i = 0; i < 5000; i++) {
        cr_assert_eq(add(&b, (size_t)i % 700), HP_OK);
    }
    cr_assert_eq(b.b.n_records, 5000);
    cr_assert(sound(&b), "%s", err.message);
    builder_finish(&b);
}

Test(builder, a_record_beyond_the_limit_is_dropped_and_the_rest_stays)
{
    struct builder b;
    cr_assert_eq(builder_init(&b, 4096, 100000, &err), HP_OK);
    cr_assert_eq(add(&b, 10), HP_OK);
    cr_assert_eq(add(&b, 100001), HP_ERROR);
    cr_assert_eq(add(&b, 99000), HP_OK);
    cr_assert_eq(b.b.n_records, 2);
    cr_assert(sound(&b), "%s", err.message);
    builder_finish(&b);
}

Test(builder, the_whole_batch_is_bounded)
{
    struct builder b;
    int n = 0;
    cr_assert_eq(builder_init(&b, 4096, 1 << 20, &err), HP_OK);
    while (add(&b, 1000000) == HP_OK) {
        n++;
        cr_assert(n < 100);
    }
    cr_assert(n >= 16);
    cr_assert(b.b.len <= b.limit);
    cr_assert_eq(b.b.n_records, (uint64_t)n);
    cr_assert(sound(&b));
    builder_finish(&b);
}

Test(builder, reset_gives_memory_back)
{
    struct builder b;
    cr_assert_eq(builder_init(&b, 1 << 20, 64 << 20, &err), HP_OK);
    cr_assert_eq(add(&b, 60 << 20), HP_OK);
    cr_assert(b.b.cap >= 60 << 20);
    builder_reset(&b);
    cr_assert_eq(b.b.cap, 1 << 20);
    cr_assert_eq(b.b.len, 0);
    cr_assert_eq(add(&b, 5), HP_OK);
    cr_assert(sound(&b));
    builder_finish(&b);
}

Test(builder, an_open_record_is_not_part_of_the_batch)
{
    struct builder b;
    cr_assert_eq(builder_init(&b, 4096, 1 << 20, &err), HP_OK);
    cr_assert_eq(add(&b, 5), HP_OK);
    cr_assert_eq(hp_record_begin(&b.b, HP_RECORD_PLAIN, 0), HP_OK);
    (void)hp_record_row(&b.b, 3);
    cr_assert(sound(&b));
    cr_assert_eq(builder_batch(&b).n_records, 1);
    hp_record_cancel(&b.b);
    cr_assert(sound(&b));
    builder_finish(&b);
}
