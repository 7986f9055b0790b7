#include "schema_pool.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct hp_error err = {.size = sizeof err};

static struct hp_schema make(const char *name, struct hp_column *columns, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        columns[i] = (struct hp_column){.size = sizeof *columns,
                                        .name = {"column", 6 - i % 3},
                                        .type = HP_NATIVE,
                                        .native_oid = 20 + i,
                                        .native_typmod = -1,
                                        .native_name = hp_bytes_of("int8")};
    }
    if (n) {
        columns[0].flags = HP_COLUMN_KEY;
        columns[0].key_position = 1;
    }
    return (struct hp_schema){.size = sizeof(struct hp_schema),
                              .id = 99,
                              .version = 99,
                              .name = hp_bytes_of(name),
                              .native = hp_bytes_of("pg"),
                              .table = hp_bytes_of("t"),
                              .n_columns = n,
                              .column_size = sizeof *columns,
                              .columns = columns,
                              .identity = HP_IDENTITY_FULL};
}

Test(schema_pool, equal_schemas_are_one_and_names_have_versions)
{
    struct hp_column columns[5];
    struct hp_schema s = make("a", columns, 3);
    struct schema_pool *p = schema_pool_create();
    const struct hp_schema *one = schema_pool_intern(p, &s, &err), *two, *other;
    cr_assert(one, "%s", err.message);
    cr_assert_eq(one->id, 1);
    cr_assert_eq(one->version, 1);
    cr_assert_neq(one->columns, columns);
    cr_assert_eq(schema_pool_intern(p, &s, &err), one);
    cr_assert_eq(schema_pool_intern(p, one, &err), one);
    s = make("a", columns, 4);
    two = schema_pool_intern(p, &s, &err);
    cr_assert_eq(two->id, 2);
    cr_assert_eq(two->version, 2);
    s = make("b", columns, 4);
    other = schema_pool_intern(p, &s, &err);
    cr_assert_eq(other->id, 3);
    cr_assert_eq(other->version, 1);
    cr_assert_eq(schema_pool_n_schemas(p), 4);
    cr_assert_eq(schema_pool_get(p, 2), two);
    cr_assert_null(schema_pool_get(p, 0));
    cr_assert_null(schema_pool_get(p, 4));
    schema_pool_destroy(p);
}

Test(schema_pool, the_stored_form_comes_back_as_it_was)
{
    struct hp_column columns[3];
    struct hp_schema s = make("prefix.s.t", columns, 3);
    struct schema_pool *p = schema_pool_create(), *q = schema_pool_create();
    const struct hp_schema *a, *b;
    columns[1].extra = (struct hp_bytes){"x\ny", 3};
    columns[2].native_kind = 'e';
    a = schema_pool_intern(p, &s, &err);
    cr_assert(a, "%s", err.message);
    struct hp_bytes stored = schema_pool_encoded(p, 1);
    cr_assert_eq(schema_decode(q, stored.data, stored.len, &err), HP_OK, "%s", err.message);
    b = schema_pool_get(q, 1);
    cr_assert_eq(b->n_columns, 3);
    cr_assert_eq(b->identity, HP_IDENTITY_FULL);
    cr_assert_eq(memcmp(hp_schema_column(b, 1)->extra.data, "x\ny", 3), 0);
    cr_assert_eq(hp_schema_column(b, 2)->native_kind, 'e');
    cr_assert_eq(hp_schema_column(b, 0)->native_typmod, -1);
    for (size_t cut = 0; cut < stored.len; cut++) {
        uint8_t *copy = malloc(cut);
        if (cut) {
            memcpy(copy, stored.data, cut);
        }
        cr_assert_eq(schema_decode(q, copy, cut, &err), HP_ERROR);
        free(copy);
    }
    cr_assert_eq(schema_pool_n_schemas(q), 2);
    schema_pool_destroy(p);
    schema_pool_destroy(q);
}

Test(schema_pool, a_newer_form_is_refused_by_name)
{
    struct hp_column columns[1];
    struct hp_schema s = make("a", columns, 1);
    struct schema_pool *p = schema_pool_create();
    struct buf b;
    buf_init(&b, 10000);
    cr_assert_eq(schema_encode(&s, &b, &err), HP_OK);
    b.data[1] = 2;
    cr_assert_eq(schema_decode(p, b.data, b.len, &err), HP_ERROR);
    cr_assert(strstr(err.message, "form 2"), "%s", err.message);
    buf_finish(&b);
    schema_pool_destroy(p);
}

Test(schema_pool, wrong_schemas_are_refused)
{
    struct hp_column columns[2];
    struct schema_pool *p = schema_pool_create();
    struct hp_schema s = make("a", columns, 2);
    columns[0].flags = 16;
    cr_assert_null(schema_pool_intern(p, &s, &err));
    s = make("a", columns, 2);
    columns[0].type = HP_TYPE_COUNT;
    cr_assert_null(schema_pool_intern(p, &s, &err));
    s = make("a", columns, 2);
    columns[0].key_position = 3;
    cr_assert_null(schema_pool_intern(p, &s, &err));
    s = make("a", columns, 2);
    columns[0].key_position = 0;
    cr_assert_null(schema_pool_intern(p, &s, &err));
    s = make("", columns, 2);
    cr_assert_null(schema_pool_intern(p, &s, &err));
    s = make("a", columns, 2);
    s.column_size = 8;
    cr_assert_null(schema_pool_intern(p, &s, &err));
    cr_assert_eq(schema_pool_n_schemas(p), 1);
    schema_pool_destroy(p);
}

Test(schema_pool, topics)
{
    struct schema_pool *p = schema_pool_create();
    char name[32];
    for (uint32_t i = 1; i <= 1000; i++) {
        snprintf(name, sizeof name, "topic-%u", i);
        cr_assert_eq(schema_pool_topic(p, hp_bytes_of(name), &err), i);
    }
    for (uint32_t i = 1; i <= 1000; i++) {
        snprintf(name, sizeof name, "topic-%u", i);
        cr_assert_eq(schema_pool_topic(p, hp_bytes_of(name), &err), i);
        cr_assert_eq(schema_pool_find_topic(p, hp_bytes_of(name)), i);
        cr_assert_str_eq(schema_pool_topic_name(p, i).data, name);
    }
    cr_assert_eq(schema_pool_find_topic(p, hp_bytes_of("nope")), 0);
    cr_assert_eq(schema_pool_topic(p, (struct hp_bytes){"a\0b", 3}, &err), 0);
    cr_assert_eq(schema_pool_topic(p, (struct hp_bytes){0}, &err), 0);
    cr_assert_eq(schema_pool_n_topics(p), 1001);
    schema_pool_destroy(p);
}

Test(schema_pool, a_view_taken_stays_good_while_the_pool_grows)
{
    struct schema_pool *p = schema_pool_create();
    struct hp_column columns[1];
    struct hp_batch view = {0};
    char name[32];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "s%d", i);
        struct hp_schema s = make(name, columns, 1);
        cr_assert(schema_pool_intern(p, &s, &err));
        cr_assert(schema_pool_topic(p, hp_bytes_of(name), &err));
        if (i == 10) {
            schema_pool_view(p, &view);
        }
    }
    cr_assert_eq(view.n_schemas, 12);
    cr_assert_eq(view.n_topics, 12);
    cr_assert_eq(view.schemas[11], schema_pool_get(p, 11));
    cr_assert_eq(memcmp(view.topics[11].data, "s10", 3), 0);
    schema_pool_destroy(p);
}
