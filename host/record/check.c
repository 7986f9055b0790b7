/*
 * check.c: see check.h. Pure. [any] thread. Runs over every byte range a record may refer to, so it is written for
 * straight runs of cells; nested values (arrays, maps, structs) take the slower way with a depth limit and a budget: a
 * record of n bytes cannot honestly hold more than n / 16 cells, so references that overlap or loop run out of it.
 */
#include "check.h"

#include <stdbool.h>

#define DEPTH_MAX 32
#define REC_FLAGS 511u
#define TX_FLAGS  HP_TX_SNAPSHOT

struct checked {
    const struct hp_record *rec;
    uint32_t size;
    uint32_t budget; /* cells that may still be visited */
};

static bool range_fits(const struct checked *c, uint64_t off, uint64_t len)
{
    return off >= sizeof(struct hp_record) && off <= c->size && len <= c->size - off;
}

static const char *check_cells(struct checked *c, uint64_t off, uint64_t n, int depth);

static const char *check_cell(struct checked *c, const struct hp_cell *cell, int depth)
{
    switch (cell->type) {
    case HP_STRING:
    case HP_BYTES:
    case HP_NATIVE:
        if (cell->flags & ~(HP_CELL_INLINE | (cell->type == HP_NATIVE ? HP_CELL_TEXT : 0u))) {
            return "cell with flags that its type cannot have";
        }
        if (cell->flags & HP_CELL_INLINE) {
            return cell->len <= sizeof cell->u.inl ? NULL : "inline cell longer than 8 bytes";
        }
        return range_fits(c, cell->u.off, cell->len) ? NULL : "cell whose bytes lie outside its record";
    case HP_NONE:
        return cell->flags == HP_CELL_UNCHANGED || cell->flags == HP_CELL_ABSENT ? NULL
                                                                                 : "empty cell that does not say why";
    case HP_BOOLEAN:
        return cell->flags == 0 && (cell->u.i64 == 0 || cell->u.i64 == 1) ? NULL : "boolean that is neither 0 nor 1";
    case HP_INT8:
        return cell->flags == 0 && cell->u.i64 == (int8_t)cell->u.i64 ? NULL : "int8 out of range";
    case HP_INT16:
        return cell->flags == 0 && cell->u.i64 == (int16_t)cell->u.i64 ? NULL : "int16 out of range";
    case HP_INT32:
        return cell->flags == 0 && cell->u.i64 == (int32_t)cell->u.i64 ? NULL : "int32 out of range";
    case HP_NULL:
    case HP_INT64:
    case HP_FLOAT32:
    case HP_FLOAT64:
        return cell->flags == 0 ? NULL : "cell with flags that its type cannot have";
    case HP_ARRAY:
    case HP_STRUCT:
        return cell->flags ? "cell with flags that its type cannot have"
                           : check_cells(c, cell->u.off, cell->len, depth + 1);
    case HP_MAP:
        return cell->flags ? "cell with flags that its type cannot have"
                           : check_cells(c, cell->u.off, 2 * (uint64_t)cell->len, depth + 1);
    default:
        return "cell of a type that does not exist";
    }
}

static const char *check_cells(struct checked *c, uint64_t off, uint64_t n, int depth)
{
    const struct hp_cell *cells;
    if (depth > DEPTH_MAX) {
        return "values nested too deep";
    }
    if (n == 0) {
        return NULL;
    }
    if (off % 8 || n > c->size / sizeof *cells || !range_fits(c, off, n * sizeof *cells)) {
        return "cells that lie outside their record";
    }
    if (n > c->budget) {
        return "cells that overlap";
    }
    c->budget -= (uint32_t)n;
    cells = (const struct hp_cell *)(const void *)((const uint8_t *)c->rec + off);
    for (uint64_t i = 0; i < n; i++) {
        const char *wrong = cells[i].reserved ? "cell with reserved bits" : check_cell(c, &cells[i], depth);
        if (wrong) {
            return wrong;
        }
    }
    return NULL;
}

static const char *check_row(struct checked *c, uint32_t off, uint32_t n)
{
    if (off == 0) {
        return NULL;
    }
    return off % 8 || !range_fits(c, off, 0) ? "row outside its record" : check_cells(c, off, n, 0);
}

static const char *check_headers(struct checked *c)
{
    const struct hp_record *rec = c->rec;
    const char *wrong;
    if (!rec->headers) {
        return rec->n_headers ? "number of headers without headers" : NULL;
    }
    wrong = check_cells(c, rec->headers, 2 * (uint64_t)rec->n_headers, 0);
    for (uint32_t i = 0; !wrong && i < rec->n_headers; i++) {
        const struct hp_cell *name =
            (const struct hp_cell *)(const void *)((const uint8_t *)rec + rec->headers) + 2 * (uint64_t)i;
        wrong = name->type == HP_STRING ? NULL : "header whose name is no string";
    }
    return wrong;
}

static const char *check_begin(const struct hp_record *rec)
{
    const struct hp_tx *tx = (const struct hp_tx *)(const void *)(rec + 1);
    if (rec->size < sizeof *rec + sizeof *tx || tx->size < sizeof *tx || tx->size > rec->size - sizeof *rec) {
        return "transaction of a wrong size";
    }
    if (rec->op || rec->flags || rec->topic || rec->schema || rec->key_schema || rec->before || rec->after ||
        rec->headers || rec->n_headers) {
        return "transaction record with a row's fields";
    }
    if (tx->flags & ~TX_FLAGS) {
        return "transaction with unknown flags";
    }
    return tx->origin[sizeof tx->origin - 1] == '\0' ? NULL : "origin without end";
}

static bool known_op(uint8_t op)
{
    return op == HP_OP_CREATE || op == HP_OP_UPDATE || op == HP_OP_DELETE || op == HP_OP_READ || op == HP_OP_TRUNCATE ||
           op == HP_OP_MESSAGE;
}

/* Width of the rows of a record, which its kind and schema tell; false: no such schema. */
static bool row_width(const struct hp_batch *batch, const struct hp_record *rec, uint32_t *out)
{
    const struct hp_schema *s = hp_batch_schema(batch, rec->schema);
    *out = 1;
    if (rec->kind == HP_RECORD_PLAIN) {
        return (rec->schema == HP_NO_SCHEMA || s) &&
               (rec->key_schema == HP_NO_SCHEMA || hp_batch_schema(batch, rec->key_schema));
    }
    if (rec->key_schema != HP_NO_SCHEMA) {
        return false;
    }
    if (rec->op == HP_OP_MESSAGE) {
        return rec->schema == HP_NO_SCHEMA || s;
    }
    if (s) {
        *out = s->n_columns;
    }
    return s != NULL;
}

static const char *check_rows(const struct hp_batch *batch, const struct hp_record *rec)
{
    struct checked c = {rec, rec->size, (rec->size - (uint32_t)sizeof *rec) / (uint32_t)sizeof(struct hp_cell)};
    uint32_t width;
    const char *wrong;
    if (rec->flags & ~REC_FLAGS) {
        return "record with unknown flags";
    }
    if (rec->topic == 0 || rec->topic >= batch->n_topics) {
        return "record of a topic that does not exist";
    }
    if (rec->kind == HP_RECORD_CHANGE ? !known_op(rec->op) : rec->op != 0) {
        return "record with an unknown operation";
    }
    if (!row_width(batch, rec, &width)) {
        return "record of a schema that does not exist";
    }
    if (rec->op == HP_OP_TRUNCATE && (rec->before || rec->after)) {
        return "truncate with rows";
    }
    wrong = check_row(&c, rec->before, width);
    wrong = wrong ? wrong : check_row(&c, rec->after, width);
    return wrong ? wrong : check_headers(&c);
}

static const char *check_record(const struct hp_batch *batch, const struct hp_record *rec, uint64_t left)
{
    if (left < sizeof *rec || rec->size < sizeof *rec || rec->size % 8 || rec->size > left) {
        return "record of a wrong size";
    }
    switch (rec->kind) {
    case HP_RECORD_BEGIN:
        return batch->flags & HP_BATCH_CHUNK ? "transaction inside a chunk" : check_begin(rec);
    case HP_RECORD_CHANGE:
    case HP_RECORD_PLAIN:
        return check_rows(batch, rec);
    default:
        return "record of an unknown kind";
    }
}

hp_status batch_check(const struct hp_batch *batch, struct hp_error *err)
{
    uint64_t at = 0, n = 0;
    if ((uintptr_t)batch->data % 8 || batch->len % 8) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "batch that is not aligned to 8 bytes");
    }
    while (at < batch->len) {
        const struct hp_record *rec = (const struct hp_record *)(const void *)(batch->data + at);
        const char *wrong = check_record(batch, rec, batch->len - at);
        if (wrong) {
            return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%s (record %llu of the batch, byte %llu)", wrong,
                           (unsigned long long)n, (unsigned long long)at);
        }
        at += rec->size;
        n += rec->kind != HP_RECORD_BEGIN;
    }
    if (n != batch->n_records) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "batch of %llu records that says it has %llu",
                       (unsigned long long)n, (unsigned long long)batch->n_records);
    }
    return HP_OK;
}
