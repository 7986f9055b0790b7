/*
 * pg_form_test.c: every type's values against what Debezium 3.6.1 made of the same ones. values.tsv holds, per type, a
 * line T (name, OID, typmod, kind, base, type name, labels, not null, Connect schema or "-") and then per value a line
 * B (binary send form) or X (text form): bytes in hex, expected JSON. OIDs of 90000 and above stand for types without a
 * fixed one. Where the expectation differs from Debezium's, on purpose, is listed in host/view/debezium.h.
 */
#include "pg_form.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct type {
    struct hp_column column;
    char name[64], native_name[64], labels[256];
    bool shown;
};

static char *next_field(char **at)
{
    char *field = strsep(at, "\t");
    cr_assert_not_null(field, "values.tsv: a line is too short");
    return field;
}

static json_t *parse(const char *text, size_t len, const char *what)
{
    json_error_t error;
    json_t *json = json_loadb(text, len, JSON_DECODE_ANY, &error);
    cr_assert_not_null(json, "%s: no JSON: %s in %.*s", what, error.text, (int)len, text);
    return json;
}

/* Equal as JSON; two strings that are JSON objects themselves (hstore) may order their members differently. */
static bool same(const json_t *a, const json_t *b)
{
    bool equal = json_equal(a, b);
    if (!equal && json_is_real(a) && json_is_real(b)) { /* Java 17 does not write floats in their shortest form */
        equal = (float)json_real_value(a) == (float)json_real_value(b);
    } else if (!equal && json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
        equal = true;
        for (size_t i = 0; i < json_array_size(a); i++) {
            equal = equal && same(json_array_get(a, i), json_array_get(b, i));
        }
    } else if (!equal && json_is_string(a) && json_is_string(b) && json_string_value(a)[0] == '{') {
        json_t *x = json_loads(json_string_value(a), 0, NULL), *y = json_loads(json_string_value(b), 0, NULL);
        equal = x && y && json_equal(x, y);
        json_decref(x);
        json_decref(y);
    }
    return equal;
}

static void expect(const struct buf *out, const char *expected, const char *what)
{
    json_t *is = parse((const char *)out->data, out->len, what), *should = parse(expected, strlen(expected), what);
    cr_expect(same(is, should), "%s:\n  is     %.*s\n  should %s", what, (int)out->len, (const char *)out->data,
              expected);
    json_decref(is);
    json_decref(should);
}

static void read_type(char *line, struct type *t)
{
    const char *schema;
    struct pg_form form;
    struct buf out;
    char what[128];
    *t = (struct type){.column = {.size = sizeof t->column, .type = HP_NATIVE}};
    (void)snprintf(t->name, sizeof t->name, "%s", next_field(&line));
    t->column.native_oid = (uint32_t)strtoul(next_field(&line), NULL, 10);
    t->column.native_typmod = (int32_t)strtol(next_field(&line), NULL, 10);
    t->column.native_kind = (uint32_t)next_field(&line)[0];
    t->column.native_base = (uint32_t)strtoul(next_field(&line), NULL, 10);
    (void)snprintf(t->native_name, sizeof t->native_name, "%s", next_field(&line));
    (void)snprintf(t->labels, sizeof t->labels, "%s", next_field(&line));
    for (char *p = t->labels; *p; p++) {
        *p = *p == '|' ? '\n' : *p;
    }
    t->column.native_name = hp_bytes_of(t->native_name);
    t->column.extra = hp_bytes_of(t->labels);
    t->column.name = hp_bytes_of("v");
    t->column.flags = next_field(&line)[0] == '1' ? 0 : HP_COLUMN_OPTIONAL;
    schema = next_field(&line);
    pg_form_of(&t->column, &form);
    t->shown = form.kind != PG_NOT_SHOWN;
    cr_expect_eq(t->shown, schema[0] != '-', "%s: shown %d", t->name, t->shown);
    if (t->shown && schema[0] != '-') {
        (void)snprintf(what, sizeof what, "schema of %s", t->name);
        buf_init(&out, SIZE_MAX / 2);
        pg_form_schema(&form, &t->column.name, &out);
        expect(&out, schema, what);
        buf_finish(&out);
    }
}

static size_t unhex(char *text)
{
    size_t n = strlen(text) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        cr_assert_eq(sscanf(text + 2 * i, "%2x", &byte), 1);
        text[i] = (char)byte;
    }
    return n;
}

/* The value in memory of exactly its size, so that a byte read too many is seen. */
static bool write_json(const struct pg_form *form, bool text, const char *data, size_t len, struct buf *out)
{
    char *exact = malloc(len ? len : 1);
    bool done;
    cr_assert_not_null(exact);
    memcpy(exact, data, len);
    done = (text ? pg_form_text_json : pg_form_json)(form, exact, len, out);
    free(exact);
    return done;
}

/* A value cut short, or with a byte too many, may or may not be one; it must never be read beyond its end. */
static void try_cuts(const struct pg_form *form, const char *data, size_t len)
{
    struct buf out;
    buf_init(&out, 1u << 20);
    for (size_t cut = 0; cut < len && cut < 64; cut++) {
        buf_reset(&out);
        (void)write_json(form, false, data, cut, &out);
    }
    buf_finish(&out);
}

static void check_value(const struct type *t, char *line, bool text)
{
    char what[128], *hex = next_field(&line);
    const char *expected = next_field(&line);
    size_t len = unhex(hex);
    struct pg_form form;
    struct buf out;
    pg_form_of(&t->column, &form);
    buf_init(&out, SIZE_MAX / 2);
    (void)snprintf(what, sizeof what, "%s %s, expecting %.40s", text ? "text of" : "binary of", t->name, expected);
    cr_expect(write_json(&form, text, hex, len, &out), "%s: taken for malformed", what);
    if (out.len) {
        expect(&out, expected, what);
    }
    buf_finish(&out);
    if (!text) {
        try_cuts(&form, hex, len);
    }
}

Test(pg_form, as_debezium)
{
    FILE *f = fopen(VALUES_FILE, "r");
    char *line = NULL;
    size_t cap = 0, values = 0;
    ssize_t len;
    struct type t = {0};
    cr_assert_not_null(f);
    while ((len = getline(&line, &cap, f)) > 0) {
        line[len - 1] = 0;
        cr_assert(strlen(line) > 2 && line[1] == '\t');
        if (line[0] == 'T') {
            read_type(line + 2, &t);
        } else if (t.shown) {
            check_value(&t, line + 2, line[0] == 'X');
            values++;
        }
    }
    cr_expect_gt(values, 500u, "only %zu values read", values);
    free(line);
    (void)fclose(f);
}
