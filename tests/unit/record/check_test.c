#include "builder.h"
#include "check.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct hp_error err = {.size = sizeof err};
static struct builder b;
static struct hp_schema schema = {.size = sizeof schema, .id = 1, .n_columns = 3};
static const struct hp_schema *const schemas[2] = {NULL, &schema};
static const struct hp_bytes topics[2] = {{0}, {"t", 1}};

static struct hp_batch batch_now(void)
{
    struct hp_batch batch = builder_batch(&b);
    batch.schemas = schemas;
    batch.n_schemas = 2;
    batch.topics = topics;
    batch.n_topics = 2;
    return batch;
}

static void setup(void)
{
    struct hp_tx tx = {.size = sizeof tx, .id = 5};
    struct hp_cell cells[2] = {{.type = HP_INT64, .u.i64 = 4}, {.type = HP_BYTES, .flags = HP_CELL_INLINE, .len = 2}};
    struct hp_cell header[2] = {{.type = HP_STRING, .flags = HP_CELL_INLINE, .len = 2}, {.type = HP_NULL}};
    uint32_t row, off;
    cr_assert_eq(builder_init(&b, 4096, 1 << 20, &err), HP_OK);
    cr_assert_eq(hp_builder_tx(&b.b, &tx), HP_OK);
    cr_assert_eq(hp_record_begin(&b.b, HP_RECORD_CHANGE, HP_OP_UPDATE), HP_OK);
    row = hp_record_row(&b.b, 3);
    off = hp_record_append(&b.b, cells, sizeof cells);
    hp_record_put(&b.b, row, 0, HP_ARRAY)->len = 2;
    ((struct hp_cell *)(void *)((uint8_t *)hp_record_open(&b.b) + row))->u.off = off;
    hp_record_bytes(&b.b, row, 1, HP_NATIVE, HP_CELL_TEXT, "0123456789", 10);
    hp_record_open(&b.b)->after = row;
    hp_record_open(&b.b)->topic = 1;
    hp_record_open(&b.b)->schema = 1;
    (void)hp_record_append(&b.b, "......", (8 - b.b.len % 8) % 8);
    hp_record_open(&b.b)->headers = hp_record_append(&b.b, header, sizeof header);
    hp_record_open(&b.b)->n_headers = 1;
    cr_assert_eq(hp_record_end(&b.b), HP_OK);
    cr_assert_eq(hp_record_begin(&b.b, HP_RECORD_CHANGE, HP_OP_TRUNCATE), HP_OK);
    hp_record_open(&b.b)->topic = 1;
    hp_record_open(&b.b)->schema = 1;
    cr_assert_eq(hp_record_end(&b.b), HP_OK);
}

static void teardown(void)
{
    builder_finish(&b);
}

TestSuite(check, .init = setup, .fini = teardown);

static struct hp_record *nth(unsigned n)
{
    uint8_t *p = b.b.base;
    while (n--) {
        p += ((struct hp_record *)(void *)p)->size;
    }
    return (struct hp_record *)(void *)p;
}

static struct hp_cell *cell(unsigned i)
{
    struct hp_record *rec = nth(1);
    return (struct hp_cell *)(void *)((uint8_t *)rec + rec->after) + i;
}

static bool good(void)
{
    struct hp_batch batch = batch_now();
    return batch_check(&batch, &err) == HP_OK;
}

#define BAD(change)                                                                                                    \
    do {                                                                                                               \
        uint8_t *saved = malloc(b.b.len);                                                                              \
        memcpy(saved, b.b.base, b.b.len);                                                                              \
        change;                                                                                                        \
        cr_expect_not(good(), "%s", #change);                                                                          \
        cr_expect_eq(err.klass, HP_ERROR_FATAL);                                                                       \
        memcpy(b.b.base, saved, b.b.len);                                                                              \
        free(saved);                                                                                                   \
        cr_assert(good());                                                                                             \
    } while (0)

Test(check, every_rule_refuses)
{
    cr_assert(good(), "%s", err.message);
    BAD(nth(0)->size += 8);
    BAD(nth(1)->size += 8);
    BAD(nth(1)->size -= 8);
    BAD(nth(1)->size = 0);
    BAD(nth(1)->size = UINT32_MAX);
    BAD(nth(1)->kind = 0);
    BAD(nth(1)->kind = 4);
    BAD(nth(1)->op = 'x');
    BAD(nth(1)->flags = 512);
    BAD(nth(1)->topic = 0);
    BAD(nth(1)->topic = 2);
    BAD(nth(1)->schema = 0);
    BAD(nth(1)->schema = 2);
    BAD(nth(1)->key_schema = 1);
    BAD(nth(1)->after += 4);
    BAD(nth(1)->after = 8);
    BAD(nth(1)->after = nth(1)->size - 16);
    BAD(nth(1)->before = UINT32_MAX & ~7u);
    BAD(nth(1)->n_headers = 2);
    BAD(nth(1)->n_headers = UINT32_MAX);
    BAD(nth(1)->headers = 0);
    BAD(nth(1)->headers = nth(1)->after);
    BAD(nth(0)->topic = 1);
    BAD(((struct hp_tx *)(void *)(nth(0) + 1))->size = 8);
    BAD(((struct hp_tx *)(void *)(nth(0) + 1))->size = 100000);
    BAD(((struct hp_tx *)(void *)(nth(0) + 1))->flags = 2);
    BAD(memset(((struct hp_tx *)(void *)(nth(0) + 1))->origin, 'x', 64));
    BAD(nth(2)->after = sizeof(struct hp_record));
    BAD(cell(0)->len = 3);
    BAD(cell(0)->len = UINT32_MAX);
    BAD(cell(0)->u.off += 4);
    BAD(cell(0)->u.off = nth(1)->after); /* contains itself */
    BAD(cell(0)->u.off = UINT64_MAX);
    BAD(cell(0)->flags = 1);
    BAD(cell(0)->reserved = 1);
    BAD(cell(1)->u.off = nth(1)->size - 9);
    BAD(cell(1)->u.off = 0);
    BAD(cell(1)->len = UINT32_MAX);
    BAD(cell(1)->flags |= HP_CELL_INLINE);
    BAD(cell(1)->type = HP_STRING);
    BAD(cell(2)->flags = 0);
    BAD(cell(2)->flags = HP_CELL_ABSENT | HP_CELL_UNCHANGED);
    BAD(cell(2)->type = HP_TYPE_COUNT);
    BAD((cell(2)->type = HP_BOOLEAN, cell(2)->flags = 0, cell(2)->u.i64 = 2));
    BAD((cell(2)->type = HP_INT8, cell(2)->flags = 0, cell(2)->u.i64 = 128));
    BAD((cell(2)->type = HP_INT32, cell(2)->flags = 0, cell(2)->u.i64 = (int64_t)1 << 31));
}

Test(check, the_batch_itself)
{
    struct hp_batch batch = batch_now();
    batch.n_records = 3;
    cr_assert_eq(batch_check(&batch, &err), HP_ERROR);
    batch = batch_now();
    batch.flags = HP_BATCH_CHUNK; /* no BEGIN in there */
    cr_assert_eq(batch_check(&batch, &err), HP_ERROR);
    batch = batch_now();
    batch.len -= 8;
    cr_assert_eq(batch_check(&batch, &err), HP_ERROR);
    batch = batch_now();
    batch.data += 4;
    cr_assert_eq(batch_check(&batch, &err), HP_ERROR);
    batch = (struct hp_batch){.size = sizeof batch};
    cr_assert_eq(batch_check(&batch, &err), HP_OK);
}
