/* rows.c: see rows.h. Writes into the builder's memory directly; util.h's step-by-step functions would check bounds per
   value. */
#include "rows.h"

hp_status rows_too_large(const char *table, uint64_t size, uint64_t max, struct hp_error *err)
{
    return hp_fail(
        err, HP_ERROR_FATAL, "",
        "a change of table %s has %llu bytes; at most %llu are allowed by max.record.bytes: raise it, or leave the "
        "table or the column out",
        table, (unsigned long long)size, (unsigned long long)max);
}

/* One value into its cell; bytes go to *to. `rec` is where the record starts. */
static inline void put_value(struct hp_cell *cell, const struct pgoutput_value *v, const uint8_t *rec, uint8_t **to)
{
    cell->reserved = 0;
    cell->len = 0;
    cell->u.i64 = 0;
    switch (v->kind) {
    case 'n':
        cell->type = HP_NULL;
        cell->flags = 0;
        return;
    case 'u':
        cell->type = HP_NONE;
        cell->flags = HP_CELL_UNCHANGED;
        return;
    default:
        cell->type = HP_NATIVE;
        cell->flags = v->kind == 't' ? HP_CELL_TEXT : 0;
        cell->len = v->len;
        if (v->len <= sizeof cell->u.inl) {
            cell->flags |= HP_CELL_INLINE;
            memcpy(cell->u.inl, v->data, v->len);
        } else {
            cell->u.off = (uint64_t)(*to - rec);
            memcpy(*to, v->data, v->len);
            *to += v->len;
        }
    }
}

static inline void put_absent(struct hp_cell *cell)
{
    memset(cell, 0, sizeof *cell);
    cell->flags = HP_CELL_ABSENT;
}

/* `fill`: where to take unchanged values from (the old row under identity FULL, P7); may be NULL. */
static void put_row(const struct relation *rel, const struct pgoutput_tuple *row, const struct pgoutput_tuple *fill,
                    struct hp_cell *cells, const uint8_t *rec, uint8_t **to)
{
    bool key_only = row->kind == 'K';
    for (uint16_t i = 0; i < row->n; i++) {
        uint16_t at = rel->straight ? i : rel->cell_of[i];
        const struct pgoutput_value *v = &row->values[i];
        if (at == RELATION_LEFT_OUT) {
            continue;
        }
        if (key_only && !rel->in_identity[at]) {
            put_absent(&cells[at]); /* sent as null (P8) */
            continue;
        }
        if (v->kind == 'u' && fill && fill->kind == 'O') {
            v = &fill->values[i];
        }
        put_value(&cells[at], v, rec, to);
    }
}

static bool same_value(const struct pgoutput_value *a, const struct pgoutput_value *b)
{
    if (a->kind == 'u' || b->kind == 'u') {
        return true;
    }
    return a->kind == b->kind && a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool key_changed(const struct row_change *c)
{
    for (uint16_t i = 0; i < c->after->n; i++) {
        uint16_t at = c->rel->cell_of[i];
        if (at != RELATION_LEFT_OUT && c->rel->is_key[at] && !same_value(&c->before->values[i], &c->after->values[i])) {
            return true;
        }
    }
    return false;
}

static hp_status check_width(const struct relation *rel, const struct pgoutput_tuple *row, struct hp_error *err)
{
    if (row->kind && row->n != rel->n_wire) {
        return hp_fail(err, HP_ERROR_FATAL, "08P01", "a row of table %s has %u columns where %u were announced",
                       rel->name, (unsigned)row->n, (unsigned)rel->n_wire);
    }
    return HP_OK;
}

static uint64_t value_bytes(const struct pgoutput_tuple *row)
{
    uint64_t sum = 0;
    for (uint16_t i = 0; row->kind && i < row->n; i++) {
        sum += row->values[i].len;
    }
    return sum;
}

/* Room that the record may need: guessed from the message for ordinary rows, counted for large ones. Unchanged values
   may be copied from the old row, so its bytes count twice. */
static uint64_t room_for(const struct row_change *c)
{
    uint64_t fixed = sizeof(struct hp_record) + 2 * (uint64_t)c->rel->n_cells * sizeof(struct hp_cell) + 8;
    uint64_t bytes = (uint64_t)c->wire_bytes * (c->before->kind && c->after->kind ? 2 : 1);
    if (bytes > 64 * 1024) {
        bytes = value_bytes(c->before) + value_bytes(c->after);
        for (uint16_t i = 0; c->before->kind == 'O' && c->after->kind && i < c->after->n; i++) {
            bytes += c->after->values[i].kind == 'u' ? c->before->values[i].len : 0;
        }
    }
    return fixed + bytes;
}

static hp_status begin(struct hp_builder *b, const struct row_change *c, uint64_t need, struct hp_error *err)
{
    if (need > b->max_record || need > UINT32_MAX / 2) {
        return rows_too_large(c->rel->name, need, b->max_record, err);
    }
    if (!hp_builder_room(b, need)) {
        return hp_fail(err, HP_ERROR_RETRY, "", "no memory for a change of table %s of %llu bytes", c->rel->name,
                       (unsigned long long)need);
    }
    return HP_OK;
}

static void put_header(struct hp_record *rec, const struct row_change *c)
{
    memset(rec, 0, sizeof *rec);
    rec->kind = HP_RECORD_CHANGE;
    rec->op = (uint8_t)c->op;
    rec->flags = c->flags;
    rec->topic = c->rel->topic;
    rec->schema = c->rel->schema;
    rec->subxid = c->subxid;
    rec->seq = c->seq;
    rec->partition = -1;
    rec->pos = c->pos;
}

hp_status rows_append(struct hp_builder *b, const struct row_change *c, struct hp_error *err)
{
    const struct relation *rel = c->rel;
    uint64_t row_bytes = (uint64_t)rel->n_cells * sizeof(struct hp_cell);
    struct hp_record *rec;
    uint8_t *start, *to;
    if (check_width(rel, c->before, err) != HP_OK || check_width(rel, c->after, err) != HP_OK ||
        begin(b, c, room_for(c), err) != HP_OK) {
        return HP_ERROR;
    }
    start = b->base + b->len;
    rec = (struct hp_record *)(void *)start;
    put_header(rec, c);
    to = start + sizeof *rec;
    if (c->before->kind) {
        rec->before = (uint32_t)(to - start);
        to += row_bytes;
    }
    if (c->after->kind) {
        rec->after = (uint32_t)(to - start);
        to += row_bytes;
    }
    if (c->before->kind) {
        put_row(rel, c->before, NULL, (struct hp_cell *)(void *)(start + rec->before), start, &to);
        rec->flags |= c->before->kind == 'K' ? HP_REC_BEFORE_KEY : 0;
        rec->flags |= c->after->kind && key_changed(c) ? HP_REC_KEY_CHANGED : 0;
    }
    if (c->after->kind) {
        put_row(rel, c->after, c->before->kind ? c->before : NULL, (struct hp_cell *)(void *)(start + rec->after),
                start, &to);
    }
    while ((to - start) & 7) {
        *to++ = 0;
    }
    rec->size = (uint32_t)(to - start);
    b->len += rec->size;
    b->n_records++;
    return HP_OK;
}

hp_status rows_append_truncate(struct hp_builder *b, const struct row_change *c, struct hp_error *err)
{
    struct hp_record *rec;
    if (begin(b, c, sizeof *rec + 8, err) != HP_OK) {
        return HP_ERROR;
    }
    rec = (struct hp_record *)(void *)(b->base + b->len);
    put_header(rec, c);
    rec->size = (sizeof *rec + 7) & ~7u;
    b->len += rec->size;
    b->n_records++;
    return HP_OK;
}
