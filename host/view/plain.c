/* plain.c: cells that are no native values as Kafka Connect's JsonConverter writes them (connect-conformance 4.8). See
   envelope.h; called by debezium.c and row.c. */
#include "envelope.h"
#include "json.h"
#include "json_out.h"

#define DEPTH_MAX 32

static const char *const type_names[HP_TYPE_COUNT] = {
    [HP_BOOLEAN] = "boolean", [HP_INT8] = "int8",     [HP_INT16] = "int16",    [HP_INT32] = "int32",
    [HP_INT64] = "int64",     [HP_FLOAT32] = "float", [HP_FLOAT64] = "double", [HP_STRING] = "string",
    [HP_BYTES] = "bytes",     [HP_ARRAY] = "array",   [HP_MAP] = "map",        [HP_STRUCT] = "struct",
    [HP_NATIVE] = "bytes",
};

static const struct hp_cell *inner(const struct hp_record *rec, const struct hp_cell *cell)
{
    return (const struct hp_cell *)(const void *)((const uint8_t *)rec + cell->u.off);
}

static hp_status put_cell(const struct change *c, const struct hp_schema *schema, const struct hp_cell *cell, int depth,
                          struct buf *out, struct hp_error *err);

/* A map whose keys are all strings is an object, any other an array of pairs. */
static hp_status put_map(const struct change *c, const struct hp_cell *cell, int depth, struct buf *out,
                         struct hp_error *err)
{
    const struct hp_cell *pairs = inner(c->rec, cell);
    bool object = true;
    for (uint32_t i = 0; i < cell->len; i++) {
        object = object && pairs[2 * (size_t)i].type == HP_STRING;
    }
    (void)buf_putc(out, object ? '{' : '[');
    for (uint32_t i = 0; i < cell->len; i++) {
        const struct hp_cell *pair = pairs + 2 * (size_t)i;
        (void)buf_puts(out, i ? "," : "");
        (void)buf_puts(out, object ? "" : "[");
        if (put_cell(c, NULL, pair, depth, out, err) != HP_OK) {
            return HP_ERROR;
        }
        (void)buf_putc(out, object ? ':' : ',');
        if (put_cell(c, NULL, pair + 1, depth, out, err) != HP_OK) {
            return HP_ERROR;
        }
        (void)buf_puts(out, object ? "" : "]");
    }
    (void)buf_putc(out, object ? '}' : ']');
    return HP_OK;
}

/* A struct whose schema is known is an object; one inside another has none, and is an array of its fields. */
static hp_status put_list(const struct change *c, const struct hp_schema *schema, const struct hp_cell *cell, int depth,
                          struct buf *out, struct hp_error *err)
{
    const struct hp_cell *items = inner(c->rec, cell);
    bool object = cell->type == HP_STRUCT && schema && schema->n_columns == cell->len;
    (void)buf_putc(out, object ? '{' : '[');
    for (uint32_t i = 0; i < cell->len; i++) {
        (void)buf_puts(out, i ? "," : "");
        if (object) {
            const struct hp_column *column = hp_schema_column(schema, i);
            json_escape(out, column->name.data, (size_t)column->name.len);
            (void)buf_putc(out, ':');
        }
        if (put_cell(c, NULL, &items[i], depth, out, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    (void)buf_putc(out, object ? '}' : ']');
    return HP_OK;
}

static hp_status put_cell(const struct change *c, const struct hp_schema *schema, const struct hp_cell *cell, int depth,
                          struct buf *out, struct hp_error *err)
{
    struct hp_bytes bytes;
    if (depth > DEPTH_MAX || out->failed) {
        return out->failed ? HP_OK
                           : hp_fail(err, HP_ERROR_POISON, "", "a value is nested more than %d deep", DEPTH_MAX);
    }
    switch (cell->type) {
    case HP_BOOLEAN:
        (void)buf_puts(out, cell->u.i64 ? "true" : "false");
        return HP_OK;
    case HP_INT8:
    case HP_INT16:
    case HP_INT32:
    case HP_INT64:
        json_out_int(out, cell->u.i64);
        return HP_OK;
    case HP_FLOAT32:
        json_out_float(out, (float)cell->u.f64);
        return HP_OK;
    case HP_FLOAT64:
        json_out_double(out, cell->u.f64);
        return HP_OK;
    case HP_STRING:
        bytes = hp_cell_bytes(c->rec, cell);
        json_escape(out, bytes.data, (size_t)bytes.len);
        return HP_OK;
    case HP_BYTES:
    case HP_NATIVE:
        bytes = hp_cell_bytes(c->rec, cell);
        json_out_base64(out, bytes.data, (size_t)bytes.len);
        return HP_OK;
    case HP_MAP:
        return put_map(c, cell, depth + 1, out, err);
    case HP_ARRAY:
    case HP_STRUCT:
        return put_list(c, schema, cell, depth + 1, out, err);
    default:
        (void)buf_puts(out, "null");
        return HP_OK;
    }
}

hp_status plain_json(const struct change *c, const struct hp_schema *schema, const struct hp_cell *cell,
                     struct buf *out, struct hp_error *err)
{
    return put_cell(c, schema, cell, 0, out, err);
}

void plain_column_schema(const struct hp_column *column, bool optional, struct buf *out)
{
    const char *type = column->type < HP_TYPE_COUNT && type_names[column->type] ? type_names[column->type] : "bytes";
    (void)buf_printf(out, "{\"type\":\"%s\",\"optional\":%s", type, optional ? "true" : "false");
    if (column->logical.len) {
        (void)buf_puts(out, ",\"name\":");
        json_escape(out, column->logical.data, (size_t)column->logical.len);
        (void)buf_puts(out, ",\"version\":1");
    }
    (void)buf_puts(out, ",\"field\":");
    json_escape(out, column->name.data, (size_t)column->name.len);
    (void)buf_putc(out, '}');
}

void plain_schema(const struct hp_schema *schema, const struct hp_cell *cell, struct buf *out)
{
    if (cell->type == HP_STRUCT && schema) {
        (void)buf_puts(out, "{\"type\":\"struct\",\"fields\":[");
        for (uint32_t i = 0; i < schema->n_columns; i++) {
            const struct hp_column *column = hp_schema_column(schema, i);
            (void)buf_puts(out, i ? "," : "");
            plain_column_schema(column, column->flags & HP_COLUMN_OPTIONAL, out);
        }
        (void)buf_puts(out, "],\"optional\":false,\"name\":");
        json_escape(out, schema->name.data, (size_t)schema->name.len);
        (void)buf_putc(out, '}');
    } else if (cell->type >= HP_BOOLEAN && cell->type <= HP_BYTES) {
        (void)buf_printf(out, "{\"type\":\"%s\",\"optional\":false}", type_names[cell->type]);
    } else {
        (void)buf_puts(out, "null"); /* schemaless */
    }
}
