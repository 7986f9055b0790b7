/* match_test.c: a condition's values against cells of each type that can be judged, in both forms. */
#include "match.h"

#include <criterion/criterion.h>

static struct {
    struct hp_record rec;
    struct hp_cell cell;
    char bytes[64];
} record;

static const struct hp_cell *cell_of(uint8_t flags, const void *data, uint32_t len)
{
    record.cell = (struct hp_cell){.type = HP_NATIVE, .flags = flags, .len = len};
    if (len <= 8) {
        record.cell.flags |= HP_CELL_INLINE;
        memcpy(record.cell.u.inl, data, len);
    } else {
        memcpy(record.bytes, data, len);
        record.cell.u.off = (uint64_t)(record.bytes - (char *)&record);
    }
    return &record.cell;
}

Test(match, by_type)
{
    static const struct {
        uint32_t oid;
        const char *values; /* JSON */
        const char *bytes;
        uint32_t len;
        uint8_t flags;
        enum verdict verdict;
    } rows[] = {
        {25, "[\"us\"]", "us", 2, 0, MATCH_ALLOWED},
        {25, "[\"us\"]", "US", 2, 0, MATCH_DENIED},
        {25, "[\"us\"]", "us ", 3, 0, MATCH_DENIED},
        {25, "[]", "us", 2, 0, MATCH_DENIED},
        {25, "[\"\"]", "", 0, 0, MATCH_ALLOWED},
        {25, "[\"eu\",\"a long text, longer than a cell\"]", "a long text, longer than a cell", 31, 0, MATCH_ALLOWED},
        {25, "[\"us\"]", "us", 2, HP_CELL_TEXT, MATCH_ALLOWED},
        {1042, "[\"us\"]", "us   ", 5, 0, MATCH_ALLOWED},
        {1042, "[\"us  \"]", "us", 2, HP_CELL_TEXT, MATCH_ALLOWED},
        {23, "[7]", "\0\0\0\7", 4, 0, MATCH_ALLOWED},
        {23, "[\"-1\"]", "\377\377\377\377", 4, 0, MATCH_ALLOWED},
        {23, "[7]", "\0\0\0\10", 4, 0, MATCH_DENIED},
        {23, "[7]", "7", 1, HP_CELL_TEXT, MATCH_ALLOWED},
        {21, "[258]", "\1\2", 2, 0, MATCH_ALLOWED},
        {20, "[1]", "\0\0\0\0\0\0\0\1", 8, 0, MATCH_ALLOWED},
        {16, "[true]", "\1", 1, 0, MATCH_ALLOWED},
        {16, "[true]", "\0", 1, 0, MATCH_DENIED},
        {16, "[false]", "f", 1, HP_CELL_TEXT, MATCH_ALLOWED},
        {2950, "[\"A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11\"]",
         "\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11", 16, 0, MATCH_ALLOWED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hp_column column = {
            .size = sizeof column, .type = HP_NATIVE, .native_oid = rows[i].oid, .native_kind = 'b'};
        struct hp_error err = {.size = sizeof err};
        json_t *values = json_loads(rows[i].values, 0, NULL);
        struct match m;
        cr_assert_eq(match_compile(&column, values, &m, &err), HP_OK, "row %zu: %s", i, err.message);
        cr_expect_eq(match_cell(&m, &record.rec, cell_of(rows[i].flags, rows[i].bytes, rows[i].len)), rows[i].verdict,
                     "row %zu: %s", i, rows[i].values);
        match_finish(&m);
        json_decref(values);
    }
}

Test(match, what_is_not_there)
{
    struct hp_column column = {.size = sizeof column, .type = HP_NATIVE, .native_oid = 25, .native_kind = 'b'};
    struct hp_error err = {.size = sizeof err};
    struct hp_cell null = {.type = HP_NULL}, unchanged = {.type = HP_NONE, .flags = HP_CELL_UNCHANGED};
    json_t *values = json_loads("[\"us\"]", 0, NULL);
    struct match m;
    cr_assert_eq(match_compile(&column, values, &m, &err), HP_OK);
    cr_expect_eq(match_cell(&m, &record.rec, &null), MATCH_DENIED);
    cr_expect_eq(match_cell(&m, &record.rec, &unchanged), MATCH_UNKNOWN);
    match_finish(&m);
    json_decref(values);
}

Test(match, refuses)
{
    static const struct {
        uint32_t oid;
        const char *values, *expected;
    } rows[] = {
        {1700, "[1]", "only texts, integers"},
        {1009, "[\"us\"]", "only texts, integers"},
        {23, "[\"us\"]", "value 1 of \"in\""},
        {23, "[1, 2147483648]", "value 2 of \"in\""},
        {21, "[-32769]", "value 1"},
        {23, "[\"\"]", "value 1"},
        {16, "[\"t\"]", "value 1"},
        {25, "[5]", "value 1"},
        {2950, "[\"a0eebc99\"]", "value 1"},
        {2950, "[\"g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"]", "value 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hp_column column = {
            .size = sizeof column, .type = HP_NATIVE, .native_oid = rows[i].oid, .native_kind = 'b'};
        struct hp_error err = {.size = sizeof err};
        json_t *values = json_loads(rows[i].values, 0, NULL);
        struct match m;
        cr_expect_eq(match_compile(&column, values, &m, &err), HP_ERROR, "row %zu", i);
        cr_expect_eq(err.klass, HP_ERROR_CONFIG);
        cr_expect_not_null(strstr(err.message, rows[i].expected), "row %zu: %s", i, err.message);
        json_decref(values);
    }
}
