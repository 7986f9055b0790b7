/*
 * schema_codec.c: schema_encode() of schema_pool.h, and its reverse. Pure. [any] thread.
 *
 *   u8 'S', u8 version, u16 zero, u32 identity, u32 n_columns, then the strings name, native, database, namespace_,
 * table, then per column u32 flags, type, native_oid, native_typmod, native_base, native_kind, key_position and the
 * strings name, native_name, logical, extra. A string is u32 length and bytes. Numbers are in the machine's order, as
 * all of the log's file is.
 */
#include "schema_codec.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMA_VERSION 1u
#define COLUMNS_MAX    65535u
#define COLUMN_FLAGS   (HP_COLUMN_KEY | HP_COLUMN_OPTIONAL | HP_COLUMN_IDENTITY | HP_COLUMN_GENERATED)
#define COLUMN_WORDS   7u
#define COLUMN_STRINGS 4u
#define SCHEMA_STRINGS 5u

/* Where the numbers and strings stand, for both directions. */
static const size_t column_words[COLUMN_WORDS] = {
    offsetof(struct hp_column, flags),       offsetof(struct hp_column, type),
    offsetof(struct hp_column, native_oid),  offsetof(struct hp_column, native_typmod),
    offsetof(struct hp_column, native_base), offsetof(struct hp_column, native_kind),
    offsetof(struct hp_column, key_position)};
static const size_t column_strings[COLUMN_STRINGS] = {
    offsetof(struct hp_column, name), offsetof(struct hp_column, native_name), offsetof(struct hp_column, logical),
    offsetof(struct hp_column, extra)};
static const size_t schema_strings[SCHEMA_STRINGS] = {
    offsetof(struct hp_schema, name), offsetof(struct hp_schema, native), offsetof(struct hp_schema, database),
    offsetof(struct hp_schema, namespace_), offsetof(struct hp_schema, table)};

/* ---- writing ---- */

static void put_u32(struct buf *out, uint32_t v)
{
    (void)buf_append(out, &v, sizeof v);
}

static void put_strings(struct buf *out, const void *from, const size_t *offsets, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct hp_bytes *s = (const struct hp_bytes *)(const void *)((const uint8_t *)from + offsets[i]);
        if (s->len > SCHEMA_ENCODED_MAX) {
            out->failed = true;
            return;
        }
        put_u32(out, (uint32_t)s->len);
        (void)buf_append(out, s->data, s->len);
    }
}

hp_status schema_encode(const struct hp_schema *s, struct buf *out, struct hp_error *err)
{
    const uint8_t head[4] = {'S', SCHEMA_VERSION, 0, 0};
    if (s->size < sizeof *s || s->n_columns > COLUMNS_MAX ||
        (s->n_columns && s->column_size < sizeof(struct hp_column))) {
        return hp_fail(err, HP_ERROR_FATAL, "", "schema %.*s has a wrong size, stride or number of columns (%u)",
                       (int)(s->size < sizeof *s || s->name.len > 300 ? 0 : s->name.len), (const char *)s->name.data,
                       s->n_columns);
    }
    (void)buf_append(out, head, sizeof head);
    put_u32(out, s->identity);
    put_u32(out, s->n_columns);
    put_strings(out, s, schema_strings, SCHEMA_STRINGS);
    for (uint32_t i = 0; i < s->n_columns; i++) {
        const struct hp_column *c = hp_schema_column(s, i);
        for (unsigned w = 0; w < COLUMN_WORDS; w++) {
            (void)buf_append(out, (const uint8_t *)c + column_words[w], 4);
        }
        put_strings(out, c, column_strings, COLUMN_STRINGS);
    }
    if (out->failed) {
        return hp_fail(err, HP_ERROR_FATAL, "", "schema %.*s does not fit into %u bytes",
                       (int)(s->name.len > 300 ? 300 : s->name.len), (const char *)s->name.data, SCHEMA_ENCODED_MAX);
    }
    return HP_OK;
}

/* ---- reading ---- */

struct cursor {
    const uint8_t *p;
    size_t left;
};

static bool take(struct cursor *c, void *out, size_t len)
{
    if (c->left < len) {
        return false;
    }
    if (out) {
        memcpy(out, c->p, len);
    }
    c->p += len;
    c->left -= len;
    return true;
}

static bool take_strings(struct cursor *c, void *to, const size_t *offsets, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct hp_bytes *s = (struct hp_bytes *)(void *)((uint8_t *)to + offsets[i]);
        uint32_t len;
        if (!take(c, &len, sizeof len)) {
            return false;
        }
        s->data = c->p;
        s->len = len;
        if (!take(c, NULL, len)) {
            return false;
        }
    }
    return true;
}

static bool take_column(struct cursor *c, struct hp_column *column, uint32_t n_columns)
{
    *column = (struct hp_column){.size = sizeof *column};
    for (unsigned w = 0; w < COLUMN_WORDS; w++) {
        if (!take(c, (uint8_t *)column + column_words[w], 4)) {
            return false;
        }
    }
    return take_strings(c, column, column_strings, COLUMN_STRINGS) && (column->flags & ~COLUMN_FLAGS) == 0 &&
           column->type < HP_TYPE_COUNT && column->key_position <= n_columns &&
           !!(column->flags & HP_COLUMN_KEY) == (column->key_position > 0);
}

static bool take_schema(struct cursor *c, struct hp_schema *s, struct hp_column *columns)
{
    if (!take_strings(c, s, schema_strings, SCHEMA_STRINGS) || s->name.len == 0) {
        return false;
    }
    for (uint32_t i = 0; i < s->n_columns; i++) {
        if (!take_column(c, &columns[i], s->n_columns)) {
            return false;
        }
    }
    return c->left == 0;
}

struct hp_schema *schema_parse(const void *data, size_t len, struct hp_bytes *out_encoded, struct hp_error *err)
{
    struct cursor c = {data, len};
    uint8_t head[4], *block;
    uint32_t identity, n_columns;
    struct hp_schema *s;
    size_t fixed;
    if (len > SCHEMA_ENCODED_MAX || !take(&c, head, sizeof head) || head[0] != 'S' || head[2] || head[3]) {
        (void)hp_fail(err, HP_ERROR_FATAL, "", "these bytes are no schema");
        return NULL;
    }
    if (head[1] != SCHEMA_VERSION) {
        (void)hp_fail(err, HP_ERROR_FATAL, "", "schema of form %u; this version of Homeport knows form %u", head[1],
                      SCHEMA_VERSION);
        return NULL;
    }
    if (!take(&c, &identity, 4) || !take(&c, &n_columns, 4) || n_columns > COLUMNS_MAX ||
        n_columns > c.left / (4 * (COLUMN_WORDS + COLUMN_STRINGS))) {
        (void)hp_fail(err, HP_ERROR_FATAL, "", "schema with damaged head");
        return NULL;
    }
    fixed = sizeof *s + n_columns * sizeof(struct hp_column);
    block = malloc(fixed + len);
    if (!block) {
        (void)hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory for a schema");
        return NULL;
    }
    memcpy(block + fixed, data, len);
    c.p = block + fixed + (len - c.left); /* from here on strings point into the block */
    s = (struct hp_schema *)(void *)block;
    *s = (struct hp_schema){.size = sizeof *s,
                            .identity = identity,
                            .n_columns = n_columns,
                            .column_size = sizeof(struct hp_column),
                            .columns = (struct hp_column *)(void *)(block + sizeof *s)};
    if (!take_schema(&c, s, (struct hp_column *)(void *)(block + sizeof *s))) {
        free(block);
        (void)hp_fail(err, HP_ERROR_FATAL, "",
                      "schema with a wrong length, flag, type or key position, or without a name (key columns and key "
                      "positions go together)");
        return NULL;
    }
    *out_encoded = (struct hp_bytes){block + fixed, len};
    return s;
}
