/* types_test.c: how a cell travels, and OIDs replaced inside arrays and composites. */
#include "convert.h"
#include "types.h"

#include <criterion/criterion.h>

static struct typemap map;

static void add(uint32_t oid, uint32_t array, char kind, const char *shown, uint32_t elem, uint32_t base,
                const uint32_t *attrs, uint32_t n_attrs)
{
    struct pgtype t = {.oid = oid,
                       .array_oid = array,
                       .elem = elem,
                       .base = base,
                       .kind = kind,
                       .is_array = elem != 0,
                       .has_receive = true,
                       .sql = strdup(shown),
                       .shown = strdup(shown),
                       .n_attrs = n_attrs};
    if (n_attrs) {
        t.attrs = malloc(n_attrs * sizeof *attrs);
        memcpy(t.attrs, attrs, n_attrs * sizeof *attrs);
    }
    cr_assert(types_add(&map, &t));
}

static void set_up(void)
{
    const uint32_t attrs[] = {23, 20001, 20002};
    add(23, 1007, 'b', "integer", 0, 0, NULL, 0);
    add(20, 1016, 'b', "bigint", 0, 0, NULL, 0);
    add(25, 1009, 'b', "text", 0, 0, NULL, 0);
    add(1043, 1015, 'b', "character varying", 0, 0, NULL, 0);
    add(1700, 1231, 'b', "numeric", 0, 0, NULL, 0);
    add(1007, 0, 'b', "integer[]", 23, 0, NULL, 0);
    add(1009, 0, 'b', "text[]", 25, 0, NULL, 0);
    add(20001, 20002, 'e', "public.mood", 0, 0, NULL, 0);
    add(20002, 0, 'b', "public.mood[]", 20001, 0, NULL, 0);
    add(20003, 20004, 'd', "public.pos", 0, 23, NULL, 0);
    add(20005, 0, 'c', "public.pair", 0, 0, attrs, 3);
    add(20006, 0, 'b', "ext.citext", 0, 0, NULL, 0);
}

static void tear_down(void)
{
    types_finish(&map);
}

TestSuite(types, .init = set_up, .fini = tear_down);

static struct hp_column column(uint32_t oid, char kind, uint32_t base, const char *name)
{
    struct hp_column c = {.size = sizeof c,
                          .type = HP_NATIVE,
                          .native_oid = oid,
                          .native_typmod = -1,
                          .native_base = base,
                          .native_kind = (uint32_t)kind};
    c.native_name = hp_bytes_of(name);
    c.name = hp_bytes_of("col");
    return c;
}

static struct wire choose(struct hp_column c, bool text, uint32_t target)
{
    struct hp_schema s = {.size = sizeof s, .native = hp_bytes_of("pg")};
    struct hp_error err = {.size = sizeof err};
    struct wire w;
    cr_assert_eq(wire_choose(&map, &s, &c, text, types_get(&map, target), &w, &err), HP_OK, "%s", err.message);
    return w;
}

Test(types, builtin)
{
    struct wire w = choose(column(23, 'b', 0, "integer"), false, 23);
    cr_assert(w.oid == 23 && w.array_oid == 1007 && w.work == WIRE_SAME && !w.cast);
    w = choose(column(23, 'b', 0, "integer"), false, 20);
    cr_assert(w.oid == 23 && w.cast && w.array_oid == 1007, "widened by the server");
    w = choose(column(1043, 'b', 0, "character varying"), false, 25);
    cr_assert(w.oid == 25 && !w.cast, "text either way");
    w = choose(column(1007, 'A', 23, "integer[]"), false, 1007);
    cr_assert(w.oid == 1007 && w.array_oid == 0 && w.work == WIRE_SAME);
    w = choose(column(23, 'b', 0, "integer"), true, 23);
    cr_assert(w.oid == 25 && w.cast, "text form");
}

Test(types, named)
{
    struct hp_column moods = column(55502, 'A', 55501, "public.mood[]");
    struct hp_schema s = {.size = sizeof s, .native = hp_bytes_of("pg")};
    struct hp_error err = {.size = sizeof err};
    struct hp_column unknown = column(55600, 'b', 0, "public.geometry");
    struct wire w = choose(column(55501, 'e', 0, "public.mood"), false, 20001);
    cr_assert(w.oid == 20001 && w.work == WIRE_SAME && !w.cast);
    w = choose(column(55501, 'e', 0, "public.mood"), false, 25);
    cr_assert(w.oid == 25 && !w.cast, "the label");
    w = choose(moods, false, 20002);
    cr_assert(w.oid == 20002 && w.work == WIRE_REBIND && w.array_oid == 0);
    moods.extra = hp_bytes_of("a\nb");
    w = choose(moods, false, 1009);
    cr_assert(w.oid == 1009 && w.work == WIRE_REBIND);
    w = choose(column(55503, 'd', 23, "public.pos"), false, 20003);
    cr_assert(w.oid == 20003 && w.array_oid == 20004 && !w.cast);
    w = choose(column(55503, 'd', 23, "public.pos"), false, 20);
    cr_assert(w.oid == 23 && w.cast);
    w = choose(column(55505, 'c', 0, "other.pair"), false, 20005);
    cr_assert(w.work == WIRE_REBIND);
    w = choose(column(55506, 'b', 0, "public.citext"), false, 25);
    cr_assert(w.oid == 25 && !w.cast);
    w = choose(column(55506, 'b', 0, "public.citext"), false, 20006);
    cr_assert(w.oid == 20006 && !w.cast);
    cr_assert_eq(wire_choose(&map, &s, &unknown, false, types_get(&map, 23), &w, &err), HP_ERROR);
    cr_assert_eq(err.klass, HP_ERROR_CONFIG);
    s.native = hp_bytes_of("mongo");
    cr_assert_eq(wire_choose(&map, &s, &moods, false, types_get(&map, 1009), &w, &err), HP_ERROR);
}

/* A type of the target without a binary form takes text, and null either way. */
Test(types, without_binary_form)
{
    struct pgtype seg = {.oid = 20007, .kind = 'b', .shown = strdup("public.seg"), .sql = strdup("public.seg")};
    struct wire w;
    cr_assert(types_add(&map, &seg));
    add(20008, 0, 'b', "public.seg[]", 20007, 0, NULL, 0);
    w = choose(column(55507, 'b', 0, "public.seg"), true, 20007);
    cr_assert(w.oid == 25 && w.cast && w.work == WIRE_SAME);
    w = choose(column(55507, 'b', 0, "public.seg"), false, 20007);
    cr_assert(w.oid == 25 && w.cast && w.work == WIRE_NULL);
    w = choose(column(55508, 'A', 55507, "public.seg[]"), false, 20008);
    cr_assert(w.oid == 25 && w.cast && w.work == WIRE_NULL, "nor have arrays of it");
    w = choose(column(25, 'b', 0, "text"), false, 20007);
    cr_assert(w.oid == 25 && w.cast && w.work == WIRE_SAME, "what is text is read as text");
}

/* Text form is cast, but for types that are text on the wire. */
Test(types, text_form)
{
    struct wire w;
    add(20009, 0, 'b', "ext.citext[]", 20006, 0, NULL, 0);
    add(2205, 2210, 'b', "regclass", 0, 0, NULL, 0);
    add(1042, 1014, 'b', "character", 0, 0, NULL, 0);
    add(3615, 3645, 'b', "tsquery", 0, 0, NULL, 0);
    add(20010, 0, 'd', "public.query", 0, 3615, NULL, 0);
    w = choose(column(55509, 'A', 55506, "public.citext[]"), true, 20009);
    cr_assert(w.oid == 25 && w.cast, "an array of texts is no text");
    w = choose(column(2205, 'b', 0, "regclass"), true, 2205);
    cr_assert(w.oid == 1042 && w.cast, "so that its input function reads it");
    w = choose(column(55510, 'd', 3615, "public.query"), true, 20010);
    cr_assert(w.oid == 25 && w.cast && w.work == WIRE_TSQUERY);
}

Test(types, equality)
{
    cr_assert_eq(types_equality(&map, types_get(&map, 23)), EQUAL_BYTES);
    cr_assert_eq(types_equality(&map, types_get(&map, 20003)), EQUAL_BYTES, "a domain is as its base");
    cr_assert_eq(types_equality(&map, types_get(&map, 20001)), EQUAL_BYTES);
    cr_assert_eq(types_equality(&map, types_get(&map, 1700)), EQUAL_NUMERIC);
    cr_assert_eq(types_equality(&map, types_get(&map, 1007)), EQUAL_UNKNOWN);
    cr_assert_eq(types_equality(&map, types_get(&map, 20006)), EQUAL_UNKNOWN);
}

static size_t put(uint8_t *p, size_t at, uint32_t v)
{
    put_u32(p + at, v);
    return at + 4;
}

Test(types, rebind)
{
    uint8_t in[128], out[128];
    size_t n = 0, inner;
    /* (int 1, mood 'ok', mood[] {'ok', NULL}) */
    n = put(in, n, 3);
    n = put(in, n, 23);
    n = put(in, n, 4);
    n = put(in, n, 1);
    n = put(in, n, 77001);
    n = put(in, n, 2);
    memcpy(in + n, "ok", 2);
    n += 2;
    n = put(in, n, 77002);
    inner = n;
    n = put(in, n, 20 + 6 + 4);
    n = put(in, n, 1);
    n = put(in, n, 1);
    n = put(in, n, 77001);
    n = put(in, n, 2);
    n = put(in, n, 1);
    n = put(in, n, 2);
    memcpy(in + n, "ok", 2);
    n += 2;
    n = put(in, n, UINT32_MAX);
    cr_assert(wire_rebind(&map, types_get(&map, 20005), in, n, out));
    cr_assert_eq(get_u32(out + 4), 23);
    cr_assert_eq(get_u32(out + 16), 20001);
    cr_assert_eq(get_u32(out + inner - 4), 20002);
    cr_assert_eq(get_u32(out + inner + 12), 20001);
    for (size_t cut = 0; cut < n; cut++) { /* every cut is refused, none reads beyond */
        uint8_t *exact = malloc(cut ? cut : 1);
        memcpy(exact, in, cut);
        cr_assert_not(wire_rebind(&map, types_get(&map, 20005), exact, cut, out));
        free(exact);
    }
    put_u32(in + inner, 0x7fffffff);
    cr_assert_not(wire_rebind(&map, types_get(&map, 20005), in, n, out));
}

static void converts(uint32_t oid, struct hp_column *c, struct hp_cell cell, const void *want, size_t n)
{
    struct bytes out = {0};
    struct hp_record rec = {.size = sizeof rec};
    cr_assert(convert_cell(&out, oid, c, types_get(&map, 25), &rec, &cell));
    cr_assert_eq(out.len, n);
    cr_assert_eq(memcmp(out.data, want, n), 0);
    bytes_finish(&out);
}

Test(types, convert)
{
    struct hp_column c = {.size = sizeof c};
    struct hp_cell cell = {.type = HP_INT64, .u.i64 = -2};
    struct hp_record rec = {.size = sizeof rec};
    struct bytes out = {0};
    converts(OID_INT4, &c, cell, "\xff\xff\xff\xfe", 4);
    converts(OID_TEXT, &c, cell, "-2", 2);
    cell.u.i64 = 40000;
    cr_assert_not(convert_cell(&out, OID_INT2, &c, types_get(&map, 25), &rec, &cell));
    cell = (struct hp_cell){.type = HP_STRING, .flags = HP_CELL_INLINE, .len = 2, .u.inl = "hi"};
    converts(OID_TEXT, &c, cell, "hi", 2);
    cr_assert_not(convert_cell(&out, OID_INT4, &c, types_get(&map, 25), &rec, &cell));
    cell = (struct hp_cell){.type = HP_INT32, .u.i64 = 10957};
    converts(OID_DATE, &c, cell, "\0\0\0\0", 4);
    c.logical = hp_bytes_of("io.debezium.time.Timestamp");
    cell = (struct hp_cell){.type = HP_INT64, .u.i64 = 946684800001};
    converts(OID_TIMESTAMP, &c, cell, "\0\0\0\0\0\0\x03\xe8", 8);
    cell.u.i64 = INT64_MAX;
    cr_assert_not(convert_cell(&out, OID_TIMESTAMP, &c, types_get(&map, 25), &rec, &cell));
    cell = (struct hp_cell){.type = HP_FLOAT64, .u.f64 = 1.5};
    converts(OID_FLOAT8, &c, cell, "\x3f\xf8\0\0\0\0\0\0", 8);
    bytes_finish(&out);
}
