/* row.c: rows and keys of a table as JSON structs, and their schemas. See envelope.h; called by debezium.c. */
#include "envelope.h"
#include "json.h"
#include "pg_form.h"

/* Is the column part of the view at all? Fills in the form of a PostgreSQL value; a form that stays PG_NOT_SHOWN in a
   column that is shown means a plain value. */
static bool shown(const struct hp_schema *schema, const struct hp_column *column, struct pg_form *form)
{
    *form = (struct pg_form){.kind = PG_NOT_SHOWN};
    if (column->type != HP_NATIVE || schema->native.len != 2 || memcmp(schema->native.data, "pg", 2) != 0) {
        return true;
    }
    pg_form_of(column, form);
    return form->kind != PG_NOT_SHOWN;
}

static hp_status native_json(const struct change *c, const struct hp_column *column, const struct pg_form *form,
                             const struct hp_cell *cell, struct buf *out, struct hp_error *err)
{
    struct hp_bytes value = hp_cell_bytes(c->rec, cell);
    bool done =
        (cell->flags & HP_CELL_TEXT ? pg_form_text_json : pg_form_json)(form, value.data, (size_t)value.len, out);
    if (done || out->failed) {
        return HP_OK; /* debezium.c looks at out->failed once */
    }
    return hp_fail(err, HP_ERROR_POISON, "",
                   "column \"%.*s\" of \"%.*s\" holds %llu bytes that are no value of type %.*s", (int)column->name.len,
                   (const char *)column->name.data, (int)c->schema->name.len, (const char *)c->schema->name.data,
                   (unsigned long long)value.len, (int)column->native_name.len, (const char *)column->native_name.data);
}

/* What stands in for a value that the image does not hold. */
static void missing_json(const struct hp_column *column, const struct pg_form *form, bool unchanged, struct buf *out)
{
    if (form->kind == PG_NOT_SHOWN) {
        (void)buf_puts(out, "null");
    } else if (unchanged) {
        pg_form_unavailable(form, out);
    } else if (column->flags & HP_COLUMN_OPTIONAL) {
        (void)buf_puts(out, "null");
    } else {
        pg_form_fallback(form, out);
    }
}

static void put_name(const struct hp_column *column, bool first, struct buf *out)
{
    (void)buf_puts(out, first ? "" : ",");
    json_escape(out, column->name.data, (size_t)column->name.len);
    (void)buf_putc(out, ':');
}

static hp_status value_json(const struct change *c, const struct hp_column *column, const struct pg_form *form,
                            const struct hp_cell *cell, struct buf *out, struct hp_error *err)
{
    if (cell->type == HP_NONE) {
        missing_json(column, form, cell->flags & HP_CELL_UNCHANGED, out);
        return HP_OK;
    }
    if (cell->type == HP_NATIVE && form->kind != PG_NOT_SHOWN) {
        return native_json(c, column, form, cell, out, err);
    }
    return plain_json(c, NULL, cell, out, err);
}

hp_status row_json(const struct change *c, const struct hp_cell *cells, const struct hp_cell *other, bool after,
                   struct buf *out, struct hp_error *err)
{
    bool first = true;
    (void)buf_putc(out, '{');
    for (uint32_t i = 0; i < c->schema->n_columns; i++) {
        const struct hp_column *column = hp_schema_column(c->schema, i);
        const struct hp_cell *cell = &cells[i];
        struct pg_form form;
        if (!shown(c->schema, column, &form) || (after && cell->type == HP_NONE && (cell->flags & HP_CELL_ABSENT))) {
            continue;
        }
        if (other && cell->type == HP_NONE && (cell->flags & HP_CELL_UNCHANGED) && other[i].type != HP_NONE) {
            cell = &other[i];
        }
        put_name(column, first, out);
        first = false;
        if (value_json(c, column, &form, cell, out, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    (void)buf_putc(out, '}');
    return HP_OK;
}

/* The column at a 1-based place of the key; *out_index: its place in the row. */
static const struct hp_column *key_column(const struct hp_schema *schema, uint32_t position, uint32_t *out_index)
{
    for (uint32_t i = 0; i < schema->n_columns; i++) {
        const struct hp_column *column = hp_schema_column(schema, i);
        if ((column->flags & HP_COLUMN_KEY) && column->key_position == position) {
            *out_index = i;
            return column;
        }
    }
    return NULL;
}

bool row_has_key(const struct hp_schema *schema)
{
    uint32_t i;
    return key_column(schema, 1, &i) != NULL;
}

hp_status row_key_json(const struct change *c, const struct hp_cell *cells, struct buf *out, struct hp_error *err)
{
    const struct hp_column *column;
    bool first = true;
    (void)buf_putc(out, '{');
    for (uint32_t position = 1, i; (column = key_column(c->schema, position, &i)); position++) {
        struct pg_form form;
        if (!shown(c->schema, column, &form)) {
            continue;
        }
        put_name(column, first, out);
        first = false;
        if (value_json(c, column, &form, &cells[i], out, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    (void)buf_putc(out, '}');
    return HP_OK;
}

static bool same_value(const struct hp_record *rec, const struct hp_cell *a, const struct hp_cell *b)
{
    if (a->type == HP_STRING || a->type == HP_BYTES || a->type == HP_NATIVE) {
        struct hp_bytes x = hp_cell_bytes(rec, a), y = hp_cell_bytes(rec, b);
        return a->type == b->type && x.len == y.len && memcmp(x.data, y.data, (size_t)x.len) == 0;
    }
    return a->type == b->type && a->u.i64 == b->u.i64;
}

bool row_key_differs(const struct change *c, const struct hp_cell *before, const struct hp_cell *after)
{
    for (uint32_t position = 1, i; key_column(c->schema, position, &i); position++) {
        if (before[i].type != HP_NONE && after[i].type != HP_NONE && !same_value(c->rec, &before[i], &after[i])) {
            return true;
        }
    }
    return false;
}

static void field_schema(const struct hp_schema *schema, const struct hp_column *column, bool in_key, bool *first,
                         struct buf *out)
{
    struct pg_form form;
    if (!shown(schema, column, &form)) {
        return;
    }
    (void)buf_puts(out, *first ? "" : ",");
    *first = false;
    if (form.kind != PG_NOT_SHOWN) {
        form.optional = form.optional && !in_key;
        pg_form_schema(&form, &column->name, out);
    } else {
        plain_column_schema(column, !in_key && (column->flags & HP_COLUMN_OPTIONAL), out);
    }
}

void row_schema_name(const struct hp_schema *schema, const char *suffix, struct buf *out)
{
    const uint8_t *p = schema->name.data;
    (void)buf_putc(out, '"');
    for (uint64_t i = 0; i < schema->name.len; i++) {
        bool plain = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= '0' && p[i] <= '9') ||
                     p[i] == '.' || p[i] == '_' || p[i] == '-';
        if ((p[i] & 0xc0) != 0x80) { /* else: inside a character */
            (void)buf_putc(out, plain ? (char)p[i] : '_');
        }
        if (p[i] >= 0xf0) { /* Java counts it as two */
            (void)buf_putc(out, '_');
        }
    }
    (void)buf_puts(out, suffix);
    (void)buf_putc(out, '"');
}

static void put_struct_end(const struct hp_schema *schema, const char *suffix, bool optional, const char *field,
                           struct buf *out)
{
    (void)buf_printf(out, "],\"optional\":%s,\"name\":", optional ? "true" : "false");
    row_schema_name(schema, suffix, out);
    if (field) {
        (void)buf_printf(out, ",\"field\":\"%s\"", field);
    }
    (void)buf_putc(out, '}');
}

void row_schema(const struct hp_schema *schema, const char *field, struct buf *out)
{
    bool first = true;
    (void)buf_puts(out, "{\"type\":\"struct\",\"fields\":[");
    for (uint32_t i = 0; i < schema->n_columns; i++) {
        field_schema(schema, hp_schema_column(schema, i), false, &first, out);
    }
    put_struct_end(schema, ".Value", true, field, out);
}

void row_key_schema(const struct hp_schema *schema, struct buf *out)
{
    const struct hp_column *column;
    bool first = true;
    (void)buf_puts(out, "{\"type\":\"struct\",\"fields\":[");
    for (uint32_t position = 1, i; (column = key_column(schema, position, &i)); position++) {
        field_schema(schema, column, true, &first, out);
    }
    put_struct_end(schema, ".Key", false, NULL, out);
}
