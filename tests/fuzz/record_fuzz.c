/*
 * record_fuzz.c: after batch_check() has passed, every record, cell and header can be read through util.h without
 * leaving the batch (AddressSanitizer sees it: the bytes are copied to a block of exactly their size). Input: one byte
 * of flags, one byte of width, then the batch. Schema 1 has as many columns as the width says.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

static uint64_t sum;

static void look_cell(const struct hp_record *rec, const struct hp_cell *cell)
{
    uint64_t n = 0;
    switch (cell->type) {
    case HP_STRING:
    case HP_BYTES:
    case HP_NATIVE: {
        struct hp_bytes b = hp_cell_bytes(rec, cell);
        for (uint64_t i = 0; i < b.len; i++) {
            sum += ((const uint8_t *)b.data)[i];
        }
        break;
    }
    case HP_ARRAY:
    case HP_STRUCT:
        n = cell->len;
        break;
    case HP_MAP:
        n = 2 * (uint64_t)cell->len;
        break;
    default:
        sum += (uint64_t)cell->u.i64;
        break;
    }
    for (uint64_t i = 0; i < n; i++) {
        look_cell(rec, (const struct hp_cell *)(const void *)((const uint8_t *)rec + cell->u.off) + i);
    }
}

static void look_row(const struct hp_record *rec, const struct hp_cell *row, uint64_t n)
{
    for (uint64_t i = 0; row && i < n; i++) {
        look_cell(rec, &row[i]);
    }
}

static void look_batch(const struct hp_batch *batch)
{
    struct hp_iter it = hp_batch_iter(batch);
    uint64_t n = 0;
    while (hp_iter_next(&it)) {
        const struct hp_record *rec = it.rec;
        const struct hp_schema *s = hp_batch_schema(batch, rec->schema);
        uint64_t width = rec->kind == HP_RECORD_PLAIN || rec->op == HP_OP_MESSAGE || !s ? 1 : s->n_columns;
        look_row(rec, hp_record_before(rec), width);
        look_row(rec, hp_record_after(rec), width);
        if (rec->headers) {
            look_row(rec, (const struct hp_cell *)(const void *)((const uint8_t *)rec + rec->headers),
                     2 * (uint64_t)rec->n_headers);
        }
        if (it.tx) {
            sum += it.tx->id + strlen(it.tx->origin);
        }
        sum += batch->topics[rec->topic].len;
        n++;
    }
    if (n != batch->n_records) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hp_error err = {.size = sizeof err};
    struct hp_schema schema = {.size = sizeof schema, .id = 1};
    const struct hp_schema *schemas[2] = {NULL, &schema};
    const struct hp_bytes topics[2] = {{0}, {"t", 1}};
    struct hp_batch batch = {.size = sizeof batch, .schemas = schemas, .n_schemas = 2, .topics = topics, .n_topics = 2};
    uint8_t *copy;
    if (size < 2) {
        return 0;
    }
    batch.flags = data[0] & HP_BATCH_CHUNK;
    schema.n_columns = data[1];
    batch.len = size - 2;
    copy = malloc(batch.len);
    if (batch.len && !copy) {
        return 0;
    }
    if (batch.len) {
        memcpy(copy, data + 2, batch.len);
    }
    batch.data = copy;
    for (uint64_t at = 0; batch.len - at >= sizeof(struct hp_record);) { /* let the count be right whenever it can be */
        const struct hp_record *rec = (const struct hp_record *)(const void *)(copy + at);
        if (rec->size < sizeof *rec || rec->size % 8 || rec->size > batch.len - at) {
            break;
        }
        batch.n_records += rec->kind != HP_RECORD_BEGIN;
        at += rec->size;
    }
    if (batch_check(&batch, &err) == HP_OK) {
        look_batch(&batch);
    }
    free(copy);
    return 0;
}
