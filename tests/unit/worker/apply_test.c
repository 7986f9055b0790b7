/* apply_test.c: a poisoned record is named by topic and stream offset, also behind transforms. */
#include "sink_apply.h"

#include <criterion/criterion.h>
#include <string.h>

static void add(struct hp_builder *b, uint64_t pos)
{
    (void)hp_record_begin(b, HP_RECORD_PLAIN, 0);
    uint32_t row = hp_record_row(b, 1);
    hp_record_bytes(b, row, 0, HP_STRING, 0, "x", 1);
    hp_record_open(b)->after = row;
    hp_record_open(b)->topic = 1;
    hp_record_open(b)->pos = pos;
    cr_assert_eq(hp_record_end(b), HP_OK);
}

Test(apply, names_the_record)
{
    static const struct hp_bytes topics[] = {{NULL, 0}, {"orders", 6}};
    struct builder in, out;
    struct hp_batch a, b;
    struct hp_error err = {.size = sizeof err};
    cr_assert_eq(builder_init(&in, 4096, 1u << 20, &err), HP_OK);
    cr_assert_eq(builder_init(&out, 4096, 1u << 20, &err), HP_OK);
    for (uint64_t i = 0; i < 10; i++) {
        add(&in.b, i);
        if (i % 3 == 0) {
            add(&out.b, i);
        }
    }
    a = builder_batch(&in);
    b = builder_batch(&out);
    a.topics = b.topics = topics;
    a.n_topics = b.n_topics = 2;
    a.first_offset = 1000;
    (void)hp_fail(&err, HP_ERROR_POISON, "", "bad");
    err.record = 2;
    sink_apply_name(&a, &b, &err);
    cr_assert_str_eq(err.message, "bad (topic orders, stream offset 1006)");
    builder_finish(&in);
    builder_finish(&out);
}
