/* redact.c: see redact.h. Prepared by plan.c when a schema arrives, used by plugin.c per cell. [task] */
#include "redact.h"

#define MASK_TEXT    "****"
#define HASH_LEN_MIN 16 /* hexadecimal digits: fewer would meet by chance */

/* Values that stand for nothing in columns that may not be null: zero in the type's binary form (dates: 2000-01-01). */
static const struct {
    uint32_t oid;
    uint8_t len;
    uint8_t bytes[16];
} zeros[] = {
    {16, 1, {0}},          /* bool */
    {17, 0, {0}},          /* bytea */
    {20, 8, {0}},          /* int8 */
    {21, 2, {0}},          /* int2 */
    {23, 4, {0}},          /* int4 */
    {114, 4, "null"},      /* json */
    {700, 4, {0}},         /* float4 */
    {701, 8, {0}},         /* float8 */
    {1082, 4, {0}},        /* date */
    {1083, 8, {0}},        /* time */
    {1114, 8, {0}},        /* timestamp */
    {1184, 8, {0}},        /* timestamptz */
    {1186, 16, {0}},       /* interval */
    {1266, 12, {0}},       /* timetz */
    {1700, 8, {0}},        /* numeric */
    {2950, 16, {0}},       /* uuid */
    {3802, 5, "\001null"}, /* jsonb */
};

static uint32_t type_of(const struct hp_column *column)
{
    return column->native_kind == 'd' ? column->native_base : column->native_oid;
}

/* How many characters fit into a text column; 0: it is no text column. */
static uint32_t text_room(const struct hp_column *column)
{
    uint32_t oid = type_of(column);
    if (column->type == HP_STRING || (column->type == HP_NATIVE && oid == 25)) {
        return UINT32_MAX;
    }
    if (column->type == HP_NATIVE && (oid == 1042 || oid == 1043)) {
        return column->native_typmod > 4 ? (uint32_t)column->native_typmod - 4 : UINT32_MAX;
    }
    return 0;
}

static hp_status refuse(const struct hp_column *column, const char *what, struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_CONFIG, "", "column \"%.*s\" of type %.*s cannot be %s", (int)column->name.len,
                   (const char *)column->name.data, (int)column->native_name.len,
                   (const char *)column->native_name.data, what);
}

static hp_status prepare_mask(const struct hp_column *column, struct redact *r, struct hp_error *err)
{
    uint32_t room = text_room(column);
    if (room) {
        r->len = room < sizeof MASK_TEXT - 1 ? room : (uint32_t)sizeof MASK_TEXT - 1;
        memcpy(r->mask, MASK_TEXT, r->len);
        return HP_OK;
    }
    if (column->flags & HP_COLUMN_OPTIONAL) {
        r->null = 1;
        return HP_OK;
    }
    for (size_t i = 0; column->type == HP_NATIVE && i < sizeof zeros / sizeof zeros[0]; i++) {
        if (zeros[i].oid == type_of(column)) {
            r->len = zeros[i].len;
            memcpy(r->mask, zeros[i].bytes, r->len);
            return HP_OK;
        }
    }
    return refuse(column, "masked: it may not be null and its type has no stand-in; drop the column", err);
}

static hp_status prepare_hash(const struct hp_column *column, struct redact *r, struct hp_error *err)
{
    static const struct {
        uint32_t oid, len;
        uint8_t form;
    } forms[] = {{17, SHA256_SIZE, REDACT_BYTES}, {20, 8, REDACT_INT8}, {2950, 16, REDACT_UUID}};
    uint32_t room = text_room(column);
    if (room >= HASH_LEN_MIN) {
        r->form = REDACT_HEX;
        r->len = room < 2 * SHA256_SIZE ? room : 2 * SHA256_SIZE;
        return HP_OK;
    }
    for (size_t i = 0; column->type == HP_NATIVE && i < sizeof forms / sizeof forms[0]; i++) {
        if (forms[i].oid == type_of(column)) {
            r->form = forms[i].form;
            r->len = forms[i].len;
            return HP_OK;
        }
    }
    return refuse(column, "hashed: texts of at least 16 characters, bytea, bigint and uuid can", err);
}

hp_status redact_prepare(const struct hp_column *column, enum policy_action action, struct redact *out,
                         struct hp_error *err)
{
    struct redact r = {.action = (uint8_t)action, .type = (uint8_t)column->type};
    hp_status status = HP_OK;
    if (action == POLICY_MASK) {
        status = prepare_mask(column, &r, err);
    } else if (action == POLICY_HASH) {
        status = prepare_hash(column, &r, err);
    } else if (column->type == HP_ARRAY || column->type == HP_MAP || column->type == HP_STRUCT) {
        status = refuse(column, "judged, because it holds values of its own", err);
    }
    if (status == HP_OK) {
        *out = r;
    }
    return status;
}

static uint32_t write_hash(const struct redact *r, const uint8_t digest[SHA256_SIZE], uint8_t out[2 * SHA256_SIZE])
{
    if (r->form == REDACT_HEX) {
        for (size_t i = 0; i < 2 * SHA256_SIZE; i++) {
            out[i] = (uint8_t) "0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
        }
        return r->len;
    }
    memcpy(out, digest, r->len);
    if (r->form == REDACT_UUID) { /* version 8: made by an application's own rule */
        out[6] = (uint8_t)((out[6] & 0x0f) | 0x80);
        out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
    } else if (r->form == REDACT_INT8) {
        out[0] &= 0x7f;
    }
    return r->len;
}

static void copy_cell(const struct hp_record *rec, const struct hp_cell *cell, struct hp_builder *out, uint32_t row,
                      uint32_t i)
{
    if (cell->type == HP_STRING || cell->type == HP_BYTES || cell->type == HP_NATIVE) {
        struct hp_bytes b = hp_cell_bytes(rec, cell);
        hp_record_bytes(out, row, i, cell->type, cell->flags & HP_CELL_TEXT, b.data, (uint32_t)b.len);
    } else {
        struct hp_cell *to = hp_record_put(out, row, i, cell->type);
        if (to) {
            to->flags = cell->flags;
            to->u = cell->u;
        }
    }
}

void redact_cell(const struct redact *r, const struct hmac *key, const struct hp_record *rec,
                 const struct hp_cell *cell, struct hp_builder *out, uint32_t row, uint32_t i)
{
    uint8_t digest[SHA256_SIZE], text[2 * SHA256_SIZE];
    struct hp_bytes value;
    if (cell->type == HP_NONE || r->action == POLICY_ALLOW) {
        copy_cell(rec, cell, out, row, i);
    } else if (r->action == POLICY_MASK) { /* also of a NULL: that there was none is told neither */
        if (r->null) {
            (void)hp_record_put(out, row, i, HP_NULL);
        } else {
            hp_record_bytes(out, row, i, r->type, 0, r->mask, r->len);
        }
    } else if (cell->type == r->type) {
        value = hp_cell_bytes(rec, cell);
        hmac_of(key, value.data, (size_t)value.len, digest);
        hp_record_bytes(out, row, i, r->type, 0, text, write_hash(r, digest, text));
    } else {
        (void)hp_record_put(out, row, i, HP_NULL);
    }
}
