/* encode.c: see encode.h. */
#include "encode.h"

#include "convert.h"

#define ARRAY_HEADER 20
#define KEEP_BYTES   ((size_t)4 << 20)
#define NULL_LENGTH  UINT32_MAX

const uint8_t copy_header[COPY_HEADER_LEN] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";

void encoder_finish(struct encoder *e)
{
    bytes_finish(&e->rows);
    bytes_finish(&e->scratch);
    free(e->values);
    free(e->lengths);
    free(e->offsets);
    memset(e, 0, sizeof *e);
}

void encoder_trim(struct encoder *e)
{
    bytes_trim(&e->rows, KEEP_BYTES);
    bytes_trim(&e->scratch, KEEP_BYTES);
}

static bool make_room(struct encoder *e, uint32_t n)
{
    if (n <= e->cap) {
        return true;
    }
    free(e->values);
    free(e->lengths);
    free(e->offsets);
    e->values = malloc(n * sizeof(const char *));
    e->lengths = malloc(n * sizeof *e->lengths);
    e->offsets = malloc(n * sizeof *e->offsets);
    e->cap = e->values && e->lengths && e->offsets ? n : 0;
    return e->cap != 0;
}

/* Are the bytes to send in scratch, not the cell's own? */
static bool changed(const struct wire *w)
{
    return w->work == WIRE_REBIND || w->work == WIRE_CONVERT;
}

/* The bytes to send for a cell that is not null: its own, or changed ones at the end of scratch. */
static bool cell_wire(struct encoder *e, const struct typemap *types, const struct shape_col *c, const struct wire *w,
                      const struct hp_record *rec, const struct hp_cell *cell, struct hp_bytes *out)
{
    size_t start;
    if (w->work == WIRE_NULL) {
        return false;
    }
    if (w->work == WIRE_SAME) {
        if (cell->type != HP_NATIVE) {
            return false;
        }
        *out = hp_cell_bytes(rec, cell);
        return true;
    }
    if (w->work == WIRE_TSQUERY) {
        *out = hp_cell_bytes(rec, cell);
        out->len = cell->flags & HP_CELL_TEXT ? out->len : 0;
        return cell->type == HP_NATIVE;
    }
    start = e->scratch.len;
    if (w->work == WIRE_REBIND) {
        struct hp_bytes b = hp_cell_bytes(rec, cell);
        uint8_t *to = bytes_room(&e->scratch, b.len);
        if (!to || cell->type != HP_NATIVE || !wire_rebind(types, w->type, b.data, b.len, to)) {
            return false;
        }
        e->scratch.len += b.len;
    } else if (cell->type == HP_NATIVE || !convert_cell(&e->scratch, w->oid, c->source, c->target->type, rec, cell) ||
               e->scratch.failed) {
        return false;
    }
    out->data = e->scratch.data + start;
    out->len = e->scratch.len - start;
    return true;
}

static bool bad(struct encoder *e, const struct entry *entry, const struct shape_col *c)
{
    e->bad = entry;
    e->bad_col = c;
    return false;
}

/* One column of n rows: {dims, has nulls, element, n, 1} and the elements. */
static bool encode_column(struct encoder *e, const struct plan *p, const struct typemap *types, const struct step *s,
                          const struct param *param, const uint32_t *entries, uint32_t n)
{
    const struct shape_col *c = &s->shape->cols[param->col];
    size_t start = e->rows.len;
    uint32_t nulls = 0;
    uint8_t *at = bytes_room(&e->rows, ARRAY_HEADER + (size_t)n * 16);
    if (!at) {
        return false;
    }
    e->rows.len += ARRAY_HEADER;
    for (uint32_t i = 0; i < n; i++) {
        const struct entry *entry = &p->entries[entries[i]];
        const struct hp_record *rec;
        const struct hp_cell *cell = plan_cell(p, entry, c, param->half, &rec);
        struct hp_bytes b;
        if (!cell || cell->type == HP_NULL) {
            at = bytes_room(&e->rows, 4);
            if (!at) {
                return false;
            }
            put_u32(at, NULL_LENGTH);
            e->rows.len += 4;
            nulls = 1;
            continue;
        }
        e->scratch.len = 0;
        if (!cell_wire(e, types, c, &param->wire, rec, cell, &b)) {
            return bad(e, entry, c);
        }
        at = bytes_room(&e->rows, 4 + b.len);
        if (!at) {
            return false;
        }
        put_u32(at, (uint32_t)b.len);
        memcpy(at + 4, b.data, b.len);
        e->rows.len += 4 + b.len;
    }
    at = e->rows.data + start;
    put_u32(at, 1);
    put_u32(at + 4, nulls);
    put_u32(at + 8, param->wire.oid);
    put_u32(at + 12, n);
    put_u32(at + 16, 1);
    return true;
}

bool encode_arrays(struct encoder *e, const struct plan *p, const struct typemap *types, const struct step *s,
                   uint32_t from, uint32_t n)
{
    uint32_t params = s->set->n_params;
    e->bad = NULL;
    e->rows.len = 0;
    if (!make_room(e, params)) {
        return false;
    }
    for (uint32_t i = 0; i < params; i++) {
        e->offsets[i] = e->rows.len;
        if (!encode_column(e, p, types, s, &s->set->params[i], s->entries + from, n)) {
            return false;
        }
        e->lengths[i] = (int)(e->rows.len - e->offsets[i]);
    }
    for (uint32_t i = 0; i < params; i++) {
        e->values[i] = (const char *)e->rows.data + e->offsets[i];
    }
    return true;
}

bool encode_row(struct encoder *e, const struct plan *p, const struct typemap *types, const struct step *s,
                uint32_t index)
{
    const struct entry *entry = &p->entries[s->entries[index]];
    uint32_t params = s->set->n_params;
    e->bad = NULL;
    e->scratch.len = 0;
    if (!make_room(e, params ? params : 1)) {
        return false;
    }
    for (uint32_t i = 0; i < params; i++) {
        const struct param *param = &s->set->params[i];
        const struct shape_col *c = &s->shape->cols[param->col];
        const struct hp_record *rec;
        const struct hp_cell *cell = plan_cell(p, entry, c, param->half, &rec);
        struct hp_bytes b = {NULL, 0};
        e->offsets[i] = SIZE_MAX;
        if (cell && cell->type != HP_NULL) {
            if (!cell_wire(e, types, c, &param->wire, rec, cell, &b) || b.len > INT32_MAX) {
                return bad(e, entry, c);
            }
            if (changed(&param->wire)) { /* scratch may still move */
                e->offsets[i] = (size_t)((const uint8_t *)b.data - e->scratch.data);
            }
        }
        e->values[i] = b.data;
        e->lengths[i] = (int)b.len;
    }
    for (uint32_t i = 0; i < params; i++) {
        if (e->offsets[i] != SIZE_MAX) {
            e->values[i] = e->scratch.data ? (const char *)e->scratch.data + e->offsets[i] : "";
        }
    }
    return true;
}

bool encode_tuple(struct encoder *e, const struct plan *p, const struct typemap *types, const struct step *s,
                  uint32_t index)
{
    const struct entry *entry = &p->entries[s->entries[index]];
    uint32_t params = s->set->n_params;
    uint8_t *at = bytes_room(&e->rows, 2 + (size_t)params * 16);
    e->bad = NULL;
    if (!at) {
        return false;
    }
    put_u16(at, (uint16_t)params);
    e->rows.len += 2;
    for (uint32_t i = 0; i < params; i++) {
        const struct param *param = &s->set->params[i];
        const struct shape_col *c = &s->shape->cols[param->col];
        const struct hp_record *rec;
        const struct hp_cell *cell = plan_cell(p, entry, c, param->half, &rec);
        struct hp_bytes b = {NULL, 0};
        bool null = !cell || cell->type == HP_NULL;
        e->scratch.len = 0;
        if (!null && !cell_wire(e, types, c, &param->wire, rec, cell, &b)) {
            return bad(e, entry, c);
        }
        at = bytes_room(&e->rows, 4 + b.len);
        if (!at) {
            return false;
        }
        put_u32(at, null ? NULL_LENGTH : (uint32_t)b.len);
        if (b.len) {
            memcpy(at + 4, b.data, b.len);
        }
        e->rows.len += 4 + b.len;
    }
    return true;
}
