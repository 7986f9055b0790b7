/* known.c: see known.h. Called by plan.c, once per schema and batch. [task] */
#include "known.h"

#include <stddef.h>
#include <stdlib.h>

/* The texts of the two structs, by place. */
static const size_t schema_texts[] = {offsetof(struct hp_schema, name), offsetof(struct hp_schema, native),
                                      offsetof(struct hp_schema, database), offsetof(struct hp_schema, namespace_),
                                      offsetof(struct hp_schema, table)};
static const size_t column_texts[] = {offsetof(struct hp_column, name), offsetof(struct hp_column, native_name),
                                      offsetof(struct hp_column, logical), offsetof(struct hp_column, extra)};
#define N(array) (sizeof(array) / sizeof(array)[0])

static struct hp_bytes *text_at(const void *base, size_t offset)
{
    return (struct hp_bytes *)(void *)((uint8_t *)(uintptr_t)base + offset);
}

static size_t texts_size(const void *base, const size_t *offsets, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        size += (size_t)text_at(base, offsets[i])->len;
    }
    return size;
}

/* Moves the texts of a struct that was copied bit by bit to *to. */
static void texts_take(void *base, const size_t *offsets, size_t n, uint8_t **to)
{
    for (size_t i = 0; i < n; i++) {
        struct hp_bytes *text = text_at(base, offsets[i]);
        if (text->len) {
            memcpy(*to, text->data, (size_t)text->len);
        }
        text->data = *to;
        *to += text->len;
    }
}

static int texts_equal(const void *a, const void *b, const size_t *offsets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct hp_bytes *x = text_at(a, offsets[i]), *y = text_at(b, offsets[i]);
        if (x->len != y->len || (x->len && memcmp(x->data, y->data, (size_t)x->len) != 0)) {
            return 0;
        }
    }
    return 1;
}

struct hp_schema *known_copy(const struct hp_schema *schema)
{
    size_t size = sizeof *schema + schema->n_columns * sizeof(struct hp_column) +
                  texts_size(schema, schema_texts, N(schema_texts));
    struct hp_schema *copy;
    struct hp_column *columns;
    uint8_t *texts;
    for (uint32_t i = 0; i < schema->n_columns; i++) {
        size += texts_size(hp_schema_column(schema, i), column_texts, N(column_texts));
    }
    copy = calloc(1, size);
    if (!copy) {
        return NULL;
    }
    columns = (struct hp_column *)(void *)(copy + 1);
    texts = (uint8_t *)(columns + schema->n_columns);
    *copy = *schema;
    copy->size = sizeof *copy;
    copy->column_size = sizeof *columns;
    copy->columns = columns;
    texts_take(copy, schema_texts, N(schema_texts), &texts);
    for (uint32_t i = 0; i < schema->n_columns; i++) {
        columns[i] = *hp_schema_column(schema, i);
        columns[i].size = sizeof columns[i];
        texts_take(&columns[i], column_texts, N(column_texts), &texts);
    }
    return copy;
}

static int column_equal(const struct hp_column *a, const struct hp_column *b)
{
    return a->flags == b->flags && a->type == b->type && a->native_oid == b->native_oid &&
           a->native_typmod == b->native_typmod && a->native_base == b->native_base &&
           a->native_kind == b->native_kind && a->key_position == b->key_position &&
           texts_equal(a, b, column_texts, N(column_texts));
}

int known_equal(const struct hp_schema *a, const struct hp_schema *b)
{
    if (a->identity != b->identity || a->n_columns != b->n_columns ||
        !texts_equal(a, b, schema_texts, N(schema_texts))) {
        return 0;
    }
    for (uint32_t i = 0; i < a->n_columns; i++) {
        if (!column_equal(hp_schema_column(a, i), hp_schema_column(b, i))) {
            return 0;
        }
    }
    return 1;
}
