/*
 * util.h: inline helpers over the other headers. No ABI of its own: everything here is compiled
 * into the plugin.
 *
 * Building a record (the order of the steps is free between begin and end):
 *
 *     hp_record_begin(b, HP_RECORD_CHANGE, HP_OP_CREATE);
 *     uint32_t row = hp_record_row(b, n_columns);           all cells NONE|ABSENT at first
 *     hp_record_put(b, row, 0, HP_INT32)->u.i64 = 42;
 *     hp_record_bytes(b, row, 1, HP_STRING, 0, data, len);
 *     hp_record_open(b)->after = row;  ... topic, schema, pos
 *     hp_record_end(b);
 *
 * A failed growth makes the record void: hp_record_end() then returns HP_ERROR and drops it, so
 * one check per record is enough.
 */
#ifndef HOMEPORT_UTIL_H
#define HOMEPORT_UTIL_H

#include "batch.h"
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HP_NO_RECORD UINT32_MAX

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
/* Fill *err (may be NULL) and return HP_ERROR. */
static inline hp_status
hp_fail(struct hp_error *err, uint32_t klass, const char *code, const char *format, ...)
{
    if (err) {
        va_list args;
        err->klass = klass;
        err->retry_after_ms = 0;
        err->record = 0;
        (void)snprintf(err->code, sizeof err->code, "%s", code ? code : "");
        va_start(args, format);
        (void)vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        for (char *c = err->message; *c; c++) {
            *c = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c; /* one line, whatever names it quotes */
        }
    }
    return HP_ERROR;
}

static inline struct hp_bytes hp_bytes_of(const char *text)
{
    struct hp_bytes b = {text, text ? strlen(text) : 0};
    return b;
}

/* Value of a key, or `otherwise` if the key is not there. */
static inline const char *hp_config_get(const struct hp_config *config, const char *key, const char *otherwise)
{
    for (uint32_t i = 0; i < config->n_entries; i++) {
        if (strcmp(config->entries[i].key, key) == 0) {
            return config->entries[i].value;
        }
    }
    return otherwise;
}

/* ---- reading ---- */

/* The bytes of a STRING, BYTES or NATIVE cell. */
static inline struct hp_bytes hp_cell_bytes(const struct hp_record *rec, const struct hp_cell *cell)
{
    struct hp_bytes b;
    b.data =
        (cell->flags & HP_CELL_INLINE) ? (const void *)cell->u.inl : (const void *)((const uint8_t *)rec + cell->u.off);
    b.len = cell->len;
    return b;
}

static inline const struct hp_cell *hp_record_before(const struct hp_record *rec)
{
    return rec->before ? (const struct hp_cell *)(const void *)((const uint8_t *)rec + rec->before) : NULL;
}

static inline const struct hp_cell *hp_record_after(const struct hp_record *rec)
{
    return rec->after ? (const struct hp_cell *)(const void *)((const uint8_t *)rec + rec->after) : NULL;
}

static inline const struct hp_schema *hp_batch_schema(const struct hp_batch *batch, uint32_t id)
{
    return id < batch->n_schemas ? batch->schemas[id] : NULL;
}

static inline const struct hp_column *hp_schema_column(const struct hp_schema *schema, uint32_t i)
{
    return (const struct hp_column *)(const void *)((const uint8_t *)schema->columns +
                                                    (uint64_t)i * schema->column_size);
}

/* Walks the records of a batch, telling each one's transaction. */
struct hp_iter {
    const uint8_t *next, *end;
    const struct hp_record *rec;
    const struct hp_tx *tx; /* NULL: none */
    uint64_t index;         /* of rec among the batch's records */
};

static inline struct hp_iter hp_batch_iter(const struct hp_batch *batch)
{
    struct hp_iter it = {batch->data, batch->data + batch->len, NULL, batch->tx, 0};
    return it;
}

/* 1 and it->rec, or 0 at the end. BEGIN records only change it->tx. */
static inline int hp_iter_next(struct hp_iter *it)
{
    it->index += it->rec != NULL;
    while (it->next < it->end) {
        const struct hp_record *rec = (const struct hp_record *)(const void *)it->next;
        it->next += rec->size;
        if (rec->kind == HP_RECORD_BEGIN) {
            it->tx = (const struct hp_tx *)(const void *)(rec + 1);
            continue;
        }
        it->rec = rec;
        return 1;
    }
    return 0;
}

/* The record behind `rec`, or the first if that is NULL; BEGIN records too. NULL at the end. */
static inline const struct hp_record *hp_batch_next(const struct hp_batch *batch, const struct hp_record *rec)
{
    const uint8_t *at = rec ? (const uint8_t *)rec + rec->size : batch->data;
    return at < batch->data + batch->len ? (const struct hp_record *)(const void *)at : NULL;
}

/* ---- building ---- */

/* Make room for `more` bytes; 0 on failure. The record under construction becomes void then. */
static inline int hp_builder_room(struct hp_builder *b, uint64_t more)
{
    if (b->cap - b->len >= more) {
        return 1;
    }
    return b->grow(b, more) == HP_OK;
}

static inline struct hp_record *hp_record_open(struct hp_builder *b)
{
    return (struct hp_record *)(void *)(b->base + b->open);
}

/* A void record: its header says size 0 until hp_record_end() sees it; UINT32_MAX marks failure. */
static inline void hp_record_spoil(struct hp_builder *b)
{
    if (b->open != HP_NO_RECORD) {
        hp_record_open(b)->size = UINT32_MAX;
    }
}

static inline hp_status hp_record_begin(struct hp_builder *b, uint8_t kind, uint8_t op)
{
    struct hp_record *rec;
    b->open = HP_NO_RECORD;
    if (b->len > UINT32_MAX - 8 || !hp_builder_room(b, sizeof *rec)) {
        return HP_ERROR;
    }
    b->open = (uint32_t)b->len;
    b->len += sizeof *rec;
    rec = hp_record_open(b);
    memset(rec, 0, sizeof *rec);
    rec->kind = kind;
    rec->op = op;
    rec->partition = -1;
    return HP_OK;
}

/* Append `len` raw bytes to the open record; distance from its start, or 0 if there is no room. */
static inline uint32_t hp_record_append(struct hp_builder *b, const void *data, uint64_t len)
{
    uint64_t at;
    if (b->open == HP_NO_RECORD) {
        return 0;
    }
    at = b->len - b->open;
    if (len > b->max_record || at + len > b->max_record || !hp_builder_room(b, len)) {
        hp_record_spoil(b);
        return 0;
    }
    if (len) {
        memcpy(b->base + b->len, data, len);
    }
    b->len += len;
    return (uint32_t)at;
}

/* Append a row of n cells, all NONE|ABSENT; distance of the first, or 0 on failure. */
static inline uint32_t hp_record_row(struct hp_builder *b, uint32_t n)
{
    uint64_t at, pad, len = (uint64_t)n * sizeof(struct hp_cell);
    struct hp_cell *cells;
    if (b->open == HP_NO_RECORD) {
        return 0;
    }
    pad = (8 - (b->len & 7)) & 7;
    at = b->len - b->open + pad;
    if (at + len > b->max_record || !hp_builder_room(b, pad + len)) {
        hp_record_spoil(b);
        return 0;
    }
    memset(b->base + b->len, 0, pad + len);
    b->len += pad + len;
    cells = (struct hp_cell *)(void *)(b->base + b->open + at);
    for (uint32_t i = 0; i < n; i++) {
        cells[i].flags = HP_CELL_ABSENT;
    }
    return (uint32_t)at;
}

/* Cell i of a row, typed; the caller sets u and len. NULL if the row could not be made. The
   pointer is good until the next append. */
static inline struct hp_cell *hp_record_put(struct hp_builder *b, uint32_t row, uint32_t i, uint8_t type)
{
    struct hp_cell *cell;
    if (row == 0 || b->open == HP_NO_RECORD) {
        return NULL;
    }
    cell = (struct hp_cell *)(void *)(b->base + b->open + row) + i;
    cell->type = type;
    cell->flags = 0;
    cell->len = 0;
    cell->u.i64 = 0;
    return cell;
}

/* Cell i becomes a STRING, BYTES or NATIVE with these bytes. */
static inline void hp_record_bytes(struct hp_builder *b, uint32_t row, uint32_t i, uint8_t type, uint8_t flags,
                                   const void *data, uint32_t len)
{
    struct hp_cell *cell = hp_record_put(b, row, i, type);
    if (!cell) {
        return;
    }
    cell->flags = flags;
    cell->len = len;
    if (len <= sizeof cell->u.inl) {
        cell->flags = (uint8_t)(flags | HP_CELL_INLINE);
        memcpy(cell->u.inl, data, len);
    } else {
        uint32_t off = hp_record_append(b, data, len);
        if (off) { /* the append may have moved the memory */
            ((struct hp_cell *)(void *)(b->base + b->open + row) + i)->u.off = off;
        }
    }
}

/* Close the record. HP_ERROR: it did not fit (max.record.bytes, memory) and is gone. */
static inline hp_status hp_record_end(struct hp_builder *b)
{
    struct hp_record *rec;
    uint64_t pad = (8 - (b->len & 7)) & 7;
    uint32_t open = b->open;
    if (open == HP_NO_RECORD) {
        return HP_ERROR;
    }
    if (hp_record_open(b)->size == UINT32_MAX || !hp_builder_room(b, pad) || b->len + pad - open > UINT32_MAX - 8) {
        b->len = open;
        b->open = HP_NO_RECORD;
        return HP_ERROR;
    }
    memset(b->base + b->len, 0, pad);
    b->len += pad;
    rec = hp_record_open(b);
    rec->size = (uint32_t)(b->len - open);
    b->n_records += rec->kind != HP_RECORD_BEGIN;
    b->open = HP_NO_RECORD;
    return HP_OK;
}

/* Give up the open record. */
static inline void hp_record_cancel(struct hp_builder *b)
{
    if (b->open != HP_NO_RECORD) {
        b->len = b->open;
        b->open = HP_NO_RECORD;
    }
}

/* Start a transaction: the records that follow belong to it. */
static inline hp_status hp_builder_tx(struct hp_builder *b, const struct hp_tx *tx)
{
    if (hp_record_begin(b, HP_RECORD_BEGIN, 0) != HP_OK) {
        return HP_ERROR;
    }
    (void)hp_record_append(b, tx, sizeof *tx);
    return hp_record_end(b);
}

/* Append a record of another batch as it is. */
static inline hp_status hp_builder_copy(struct hp_builder *b, const struct hp_record *rec)
{
    if (!hp_builder_room(b, rec->size)) {
        return HP_ERROR;
    }
    memcpy(b->base + b->len, rec, rec->size);
    b->len += rec->size;
    b->n_records += rec->kind != HP_RECORD_BEGIN;
    return HP_OK;
}

#endif
