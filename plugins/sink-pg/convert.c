/* convert.c: see convert.h. */
#include "convert.h"

#include <math.h>

#define DEPTH_MAX        64
#define DAYS_1970_2000   10957
#define MICROS_1970_2000 (INT64_C(946684800) * 1000000)

/* ---- text forms ---- */

static void json_text(struct bytes *out, struct hp_bytes text)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *p = text.data;
    bytes_text(out, "\"");
    for (uint64_t i = 0; i < text.len; i++) {
        if (p[i] == '"' || p[i] == '\\') {
            bytes_text(out, "\\");
        }
        if (p[i] < ' ') {
            char escape[7] = {'\\', 'u', '0', '0', hex[p[i] >> 4], hex[p[i] & 15], '\0'};
            bytes_text(out, escape);
        } else {
            bytes_append(out, &p[i], 1);
        }
    }
    bytes_text(out, "\"");
}

static void hex_text(struct bytes *out, struct hp_bytes b)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *p = bytes_room(out, b.len * 2);
    for (uint64_t i = 0; p && i < b.len; i++) {
        uint8_t v = ((const uint8_t *)b.data)[i];
        *p++ = (uint8_t)hex[v >> 4];
        *p++ = (uint8_t)hex[v & 15];
        out->len += 2;
    }
}

static void float_text(struct bytes *out, double v, bool json)
{
    if (isfinite(v)) {
        bytes_printf(out, "%.17g", v);
        return;
    }
    bytes_text(out, json ? "\"" : "");
    bytes_text(out, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
    bytes_text(out, json ? "\"" : "");
}

/* A scalar without quotes; false: it is not one. */
static bool scalar_text(struct bytes *out, const struct hp_record *rec, const struct hp_cell *cell, bool json)
{
    struct hp_bytes b;
    switch (cell->type) {
    case HP_BOOLEAN:
        bytes_text(out, cell->u.i64 ? "true" : "false");
        return true;
    case HP_INT8:
    case HP_INT16:
    case HP_INT32:
    case HP_INT64:
        bytes_printf(out, "%lld", (long long)cell->u.i64);
        return true;
    case HP_FLOAT32:
    case HP_FLOAT64:
        float_text(out, cell->u.f64, json);
        return true;
    case HP_STRING:
        b = hp_cell_bytes(rec, cell);
        if (json) {
            json_text(out, b);
        } else {
            bytes_append(out, b.data, b.len);
        }
        return true;
    case HP_BYTES:
        bytes_text(out, json ? "\"\\\\x" : "\\x");
        hex_text(out, hp_cell_bytes(rec, cell));
        bytes_text(out, json ? "\"" : "");
        return true;
    default:
        return false;
    }
}

static const struct hp_cell *inner(const struct hp_record *rec, const struct hp_cell *cell)
{
    return (const struct hp_cell *)(const void *)((const uint8_t *)rec + cell->u.off);
}

/* Arrays and maps as JSON; a struct's fields have no names here, so that it becomes an array of its values. */
static bool json_value(struct bytes *out, const struct hp_record *rec, const struct hp_cell *cell, int depth)
{
    const struct hp_cell *cells;
    bool map = cell->type == HP_MAP;
    if (cell->type == HP_NULL || cell->type == HP_NONE) {
        bytes_text(out, "null");
        return true;
    }
    if (cell->type != HP_ARRAY && cell->type != HP_STRUCT && !map) {
        return scalar_text(out, rec, cell, true);
    }
    if (depth == DEPTH_MAX) {
        return false;
    }
    cells = inner(rec, cell);
    bytes_text(out, map ? "{" : "[");
    for (uint32_t i = 0; i < cell->len; i++) {
        bytes_text(out, i ? "," : "");
        if (map) {
            struct bytes key = {0};
            bool ok = scalar_text(&key, rec, &cells[2 * i], false);
            struct hp_bytes text = {key.data, key.len};
            json_text(out, text);
            bytes_finish(&key);
            bytes_text(out, ":");
            if (!ok || !json_value(out, rec, &cells[2 * i + 1], depth + 1)) {
                return false;
            }
        } else if (!json_value(out, rec, &cells[i], depth + 1)) {
            return false;
        }
    }
    bytes_text(out, map ? "}" : "]");
    return true;
}

/* {"a",NULL,{...}} as the input function of an array type reads it. */
static bool array_text(struct bytes *out, const struct hp_record *rec, const struct hp_cell *cell, int depth)
{
    const struct hp_cell *cells = inner(rec, cell);
    if (depth == DEPTH_MAX) {
        return false;
    }
    bytes_text(out, "{");
    for (uint32_t i = 0; i < cell->len; i++) {
        struct bytes text = {0};
        bool ok = true;
        bytes_text(out, i ? "," : "");
        if (cells[i].type == HP_NULL || cells[i].type == HP_NONE) {
            bytes_text(out, "NULL");
        } else if (cells[i].type == HP_ARRAY) {
            ok = array_text(out, rec, &cells[i], depth + 1);
        } else {
            ok = scalar_text(&text, rec, &cells[i], false);
            bytes_text(out, "\"");
            for (size_t k = 0; k < text.len; k++) {
                if (text.data[k] == '"' || text.data[k] == '\\') {
                    bytes_text(out, "\\");
                }
                bytes_append(out, &text.data[k], 1);
            }
            bytes_text(out, "\"");
        }
        bytes_finish(&text);
        if (!ok) {
            return false;
        }
    }
    bytes_text(out, "}");
    return true;
}

/* ---- binary forms ---- */

static void append_int(struct bytes *out, uint64_t v, size_t size)
{
    uint8_t b[8];
    put_u64(b, v);
    bytes_append(out, b + 8 - size, size);
}

static bool is_integer(const struct hp_cell *cell)
{
    return cell->type >= HP_INT8 && cell->type <= HP_INT64;
}

/* Units of a time type per microsecond, by its logical name: multiply, or divide. */
static int64_t to_micros(const struct hp_column *source, int64_t v, bool *ok)
{
    static const struct {
        const char *suffix;
        int64_t multiply, divide;
    } units[] = {{".MicroTime", 1, 1},        {".MicroTimestamp", 1, 1}, {".NanoTime", 1, 1000},
                 {".NanoTimestamp", 1, 1000}, {".Time", 1000, 1},        {".Timestamp", 1000, 1}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t n = strlen(units[i].suffix);
        if (source->logical.len > n &&
            memcmp((const char *)source->logical.data + source->logical.len - n, units[i].suffix, n) == 0) {
            int64_t out;
            *ok = !__builtin_mul_overflow(v, units[i].multiply, &out);
            return out / units[i].divide;
        }
    }
    *ok = false;
    return 0;
}

static bool convert_time(struct bytes *out, uint32_t oid, const struct hp_column *source, int64_t v)
{
    bool ok;
    if (oid == OID_DATE) {
        append_int(out, (uint64_t)(v - DAYS_1970_2000), 4);
        return v > -3000000 && v < 3000000000 / 2;
    }
    v = to_micros(source, v, &ok);
    if (oid != OID_TIME) {
        ok = !__builtin_sub_overflow(v, MICROS_1970_2000, &v) && ok;
    }
    append_int(out, (uint64_t)v, 8);
    return ok;
}

bool convert_cell(struct bytes *out, uint32_t oid, const struct hp_column *source, const struct pgtype *target,
                  const struct hp_record *rec, const struct hp_cell *cell)
{
    static const struct {
        uint32_t oid;
        uint8_t size;
        int64_t min, max;
    } integers[] = {
        {OID_INT2, 2, INT16_MIN, INT16_MAX}, {OID_INT4, 4, INT32_MIN, INT32_MAX}, {OID_INT8, 8, INT64_MIN, INT64_MAX}};
    struct hp_bytes b;
    float f;
    uint32_t bits;
    uint64_t wide;
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        if (integers[i].oid == oid) {
            append_int(out, (uint64_t)cell->u.i64, integers[i].size);
            return is_integer(cell) && cell->u.i64 >= integers[i].min && cell->u.i64 <= integers[i].max;
        }
    }
    switch (oid) {
    case OID_BOOL:
        bytes_append(out, cell->u.i64 ? "\1" : "\0", 1);
        return cell->type == HP_BOOLEAN;
    case OID_FLOAT4:
        f = (float)cell->u.f64;
        memcpy(&bits, &f, sizeof bits);
        append_int(out, bits, 4);
        return cell->type == HP_FLOAT32 || cell->type == HP_FLOAT64;
    case OID_FLOAT8:
        memcpy(&wide, &cell->u.f64, sizeof wide);
        append_int(out, wide, 8);
        return cell->type == HP_FLOAT32 || cell->type == HP_FLOAT64;
    case OID_DATE:
    case OID_TIME:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
        return is_integer(cell) && convert_time(out, oid, source, cell->u.i64);
    case OID_BYTEA:
        b = hp_cell_bytes(rec, cell);
        bytes_append(out, b.data, b.len);
        return cell->type == HP_BYTES;
    default:
        break;
    }
    if (cell->type == HP_ARRAY && target->is_array) {
        return array_text(out, rec, cell, 0);
    }
    if (cell->type == HP_ARRAY || cell->type == HP_MAP || cell->type == HP_STRUCT) {
        return json_value(out, rec, cell, 0);
    }
    return scalar_text(out, rec, cell, false);
}
