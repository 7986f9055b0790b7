/* pg_form.c: the forms: one row per kind with its Connect type, its stand-ins and its writer. See pg_form.h; called by
   the envelope's writer. */
#include "pg_form.h"

#include "json.h"
#include "json_out.h"
#include "pg_values.h"

#include <stdlib.h>

#define PLACEHOLDER "__debezium_unavailable_value"
/* Its bytes, one by one, and their base64 and name-based UUID. */
#define PLACEHOLDER_INTS                                                                                               \
    "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]"
#define PLACEHOLDER_BASE64 "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\""
#define PLACEHOLDER_UUID   "\"b68a35a7-17ad-35b3-af2a-ae46edb4545a\""
#define PLACEHOLDER_STRING "\"" PLACEHOLDER "\""

/* ---- writers of the forms that need no file of their own ---- */

static bool bool_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    uint8_t v = wire_u8(&w);
    (void)form;
    return wire_done(&w) && v <= 1 && buf_puts(out, v ? "true" : "false");
}

static bool int_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    static const uint8_t sizes[] = {[PG_INT16] = 2, [PG_INT32] = 4, [PG_INT64] = 8, [PG_OID] = 4};
    size_t size = sizes[form->kind];
    uint64_t v = wire_uint(&w, size);
    if (!wire_done(&w)) {
        return false;
    }
    json_out_int(out, form->kind == PG_INT16 ? (int16_t)v : form->kind == PG_INT32 ? (int32_t)v : (int64_t)v);
    return true;
}

static bool float_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    if (form->kind == PG_FLOAT32) {
        json_out_float(out, wire_f32(&w));
    } else {
        json_out_double(out, wire_f64(&w));
    }
    return wire_done(&w);
}

static bool string_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    (void)form;
    json_escape(out, w.p, w.left);
    return true;
}

/* "char" holds any byte; zero shows as nothing, and a high one in octal, as the server prints it. */
static bool char_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    uint8_t c = wire_u8(&w);
    (void)form;
    if (!wire_done(&w)) {
        return false;
    }
    if (c >= 0x80) {
        return buf_printf(out, "\"\\\\%03o\"", c);
    }
    json_escape(out, &c, c != 0);
    return true;
}

/* jsonb and ltree send a version byte first. */
static bool versioned_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    return wire_u8(&w) == 1 && string_json(form, w, out);
}

static bool bytes_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    (void)form;
    json_out_base64(out, w.p, w.left);
    return true;
}

/* Bits, counted from the right, as little-endian bytes without leading zeros (Java's BitSet). */
static bool bits_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int32_t n = wire_i32(&w);
    size_t len, used = 0;
    const uint8_t *p;
    uint8_t small[256], *bytes = small;
    if (n < 0 || (len = ((size_t)n + 7) / 8) != w.left || !(p = wire_take(&w, len))) {
        return false;
    }
    if (form->kind == PG_BIT) {
        return buf_puts(out, n > 0 && p[0] & 0x80 ? "true" : "false");
    }
    if (len > sizeof small && !(bytes = malloc(len))) {
        out->failed = true;
        return false;
    }
    memset(bytes, 0, len);
    for (int32_t i = 0; i < n; i++) {
        int32_t from_right = n - 1 - i;
        if (p[i / 8] >> (7 - i % 8) & 1) {
            bytes[from_right / 8] |= (uint8_t)(1u << from_right % 8);
            used = used ? used : (size_t)from_right / 8 + 1;
        }
    }
    json_out_base64(out, bytes, used);
    if (bytes != small) {
        free(bytes);
    }
    return true;
}

/* Forms that are text to escape: written into a buf of their own first. */
static bool text_json(const struct pg_form *form, struct wire w, struct buf *out,
                      bool (*text)(const struct pg_form *, struct wire, struct buf *))
{
    struct buf plain;
    bool done;
    buf_init(&plain, SIZE_MAX / 2);
    done = text(form, w, &plain) && !plain.failed;
    if (done) {
        json_escape(out, plain.data ? plain.data : (const uint8_t *)"", plain.len);
    }
    buf_finish(&plain);
    return done;
}

static bool range_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    return text_json(form, w, out, pg_range_text);
}

static bool tsvector_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    return text_json(form, w, out, pg_tsvector_text);
}

static bool hstore_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    return text_json(form, w, out, pg_hstore_text);
}

/* ---- the table ---- */

#define FIELD(type, optional, name) "{\"type\":\"" type "\",\"optional\":" optional ",\"field\":\"" name "\"}"
#define POINT_FIELDS                                                                                                   \
    ",\"fields\":[" FIELD("double", "false", "x") "," FIELD("double", "false", "y") "," FIELD(                         \
        "bytes", "true", "wkb") "," FIELD("int32", "true", "srid") "]"
#define EXTENSIONS_FIELD                                                                                               \
    "{\"type\":\"map\",\"keys\":{\"type\":\"string\",\"optional\":false},\"values\":{\"type\":\"string\","             \
    "\"optional\":false},\"optional\":true,\"field\":\"extensions\"}"
#define POINT_ZERO "{\"x\":0.0,\"y\":0.0,\"wkb\":\"AQEAAAAAAAAAAAAAAAAAAAAAAAAA\",\"srid\":null}"
#define SEGMENT_FALLBACK(type)                                                                                         \
    "{\"wkb\":\"AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAAAAA=\",\"srid\":null,\"extensions\":"              \
    "{\"type\":\"" type "\"}}"
#define EMPTY_COLLECTION "\"AQcAAAAAAAAA\""

static const struct kind_row {
    const char *type;    /* Connect's, as JsonConverter names it */
    const char *inner;   /* "fields" or "items" of a struct or array form */
    const char *logical; /* name of the logical type */
    const char *doc;
    int version;
    const char *fallback;    /* of a column that may not be null */
    const char *unavailable; /* NULL: null */
    bool (*json)(const struct pg_form *, struct wire, struct buf *);
} kinds[PG_KIND_COUNT] = {
    [PG_BOOL] = {"boolean", "", NULL, NULL, 0, "false", NULL, bool_json},
    [PG_INT16] = {"int16", "", NULL, NULL, 0, "0", NULL, int_json},
    [PG_INT32] = {"int32", "", NULL, NULL, 0, "0", NULL, int_json},
    [PG_INT64] = {"int64", "", NULL, NULL, 0, "0", NULL, int_json},
    [PG_OID] = {"int64", "", NULL, NULL, 0, "0", NULL, int_json},
    [PG_FLOAT32] = {"float", "", NULL, NULL, 0, "0.0", NULL, float_json},
    [PG_FLOAT64] = {"double", "", NULL, NULL, 0, "0.0", NULL, float_json},
    [PG_STRING] = {"string", "", NULL, NULL, 0, "\"\"", PLACEHOLDER_STRING, string_json},
    [PG_CHAR] = {"string", "", NULL, NULL, 0, "\"\"", PLACEHOLDER_STRING, char_json},
    [PG_BYTES] = {"bytes", "", NULL, NULL, 0, "\"\"", PLACEHOLDER_BASE64, bytes_json},
    [PG_DECIMAL] = {"bytes", "", "org.apache.kafka.connect.data.Decimal", NULL, 1, "\"AA==\"", NULL, pg_decimal_json},
    [PG_VARIABLE] = {"struct",
                     ",\"fields\":[" FIELD("int32", "false", "scale") "," FIELD("bytes", "false", "value") "]",
                     "io.debezium.data.VariableScaleDecimal", "Variable scaled decimal", 1,
                     "{\"scale\":0,\"value\":\"AA==\"}", NULL, pg_variable_json},
    [PG_MONEY] = {"bytes", "", "org.apache.kafka.connect.data.Decimal", NULL, 1, "\"AA==\"", NULL, pg_money_json},
    [PG_DATE] = {"int32", "", "io.debezium.time.Date", NULL, 1, "0", NULL, pg_date_json},
    [PG_TIME_MILLIS] = {"int32", "", "io.debezium.time.Time", NULL, 1, "0", NULL, pg_time_json},
    [PG_TIME_MICROS] = {"int64", "", "io.debezium.time.MicroTime", NULL, 1, "0", NULL, pg_time_json},
    [PG_TIMETZ] = {"string", "", "io.debezium.time.ZonedTime", NULL, 1, "\"00:00:00Z\"", PLACEHOLDER_STRING,
                   pg_timetz_json},
    [PG_TIMESTAMP_MILLIS] = {"int64", "", "io.debezium.time.Timestamp", NULL, 1, "0", NULL, pg_timestamp_json},
    [PG_TIMESTAMP_MICROS] = {"int64", "", "io.debezium.time.MicroTimestamp", NULL, 1, "0", NULL, pg_timestamp_json},
    [PG_TIMESTAMPTZ] = {"string", "", "io.debezium.time.ZonedTimestamp", NULL, 1, "\"1970-01-01T00:00:00Z\"",
                        PLACEHOLDER_STRING, pg_timestamptz_json},
    [PG_INTERVAL] = {"int64", "", "io.debezium.time.MicroDuration", NULL, 1, "0", NULL, pg_interval_json},
    [PG_BIT] = {"boolean", "", NULL, NULL, 0, "false", NULL, bits_json},
    [PG_BITS] = {"bytes", "", "io.debezium.data.Bits", NULL, 1, "\"\"", NULL, bits_json},
    [PG_JSON] = {"string", "", "io.debezium.data.Json", NULL, 1, "\"\"", PLACEHOLDER_STRING, string_json},
    [PG_JSONB] = {"string", "", "io.debezium.data.Json", NULL, 1, "\"\"", PLACEHOLDER_STRING, versioned_json},
    [PG_XML] = {"string", "", "io.debezium.data.Xml", NULL, 1, "\"\"", PLACEHOLDER_STRING, string_json},
    [PG_UUID] = {"string", "", "io.debezium.data.Uuid", NULL, 1, "\"\"", PLACEHOLDER_STRING, pg_uuid_json},
    [PG_INET] = {"string", "", NULL, NULL, 0, "\"\"", PLACEHOLDER_STRING, pg_inet_json},
    [PG_CIDR] = {"string", "", NULL, NULL, 0, "\"\"", PLACEHOLDER_STRING, pg_inet_json},
    [PG_MACADDR] = {"string", "", NULL, NULL, 0, "\"\"", PLACEHOLDER_STRING, pg_macaddr_json},
    [PG_RANGE] = {"string", "", NULL, NULL, 0, "\"\"", PLACEHOLDER_STRING, range_json},
    [PG_TSVECTOR] = {"string", "", "io.debezium.data.Tsvector", NULL, 1, "\"\"", PLACEHOLDER_STRING, tsvector_json},
    [PG_ENUM] = {"string", "", "io.debezium.data.Enum", NULL, 1, "\"\"", PLACEHOLDER_STRING, string_json},
    [PG_POINT] = {"struct", POINT_FIELDS, "io.debezium.data.geometry.Point", "Geometry (POINT)", 1, POINT_ZERO, NULL,
                  pg_point_json},
    [PG_LINE] = {"struct",
                 ",\"fields\":[" FIELD("double", "false", "a") "," FIELD("double", "false",
                                                                         "b") "," FIELD("double", "false", "c") "]",
                 "io.debezium.data.geometry.Line", "Geometry (LINE)", 1, "{\"a\":0.0,\"b\":1.0,\"c\":0.0}", NULL,
                 pg_line_json},
#define GEOMETRY                                                                                                       \
    "struct",                                                                                                          \
        ",\"fields\":[" FIELD("bytes", "false", "wkb") "," FIELD("int32", "true", "srid") "," EXTENSIONS_FIELD "]",    \
        "io.debezium.data.geometry.Geometry", "Geometry", 2
    [PG_LSEG] = {GEOMETRY, SEGMENT_FALLBACK("lseg"), NULL, pg_lseg_json},
    [PG_BOX] = {GEOMETRY,
                "{\"wkb\":\"AQMAAAABAAAABQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/"
                "AAAAAAAA8D8AAAAAAADwPwAAAAAAAPA/AAAAAAAA"
                "AAAAAAAAAAAAAAAAAAAAAAAA\",\"srid\":null,\"extensions\":{\"type\":\"box\"}}",
                NULL, pg_box_json},
    [PG_PATH] = {GEOMETRY, SEGMENT_FALLBACK("path"), NULL, pg_path_json},
    [PG_POLYGON] =
        {GEOMETRY,
         "{\"wkb\":\"AQMAAAABAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADwPwAAAAAAAAAAAAAAAAAAAAAAAAAAAADwPwAAAAAAAAAAAAAA"
         "AAAAAAA=\",\"srid\":null,\"extensions\":{\"type\":\"polygon\"}}",
         NULL, pg_polygon_json},
    [PG_CIRCLE] = {"struct",
                   ",\"fields\":[{\"type\":\"struct\"" POINT_FIELDS
                   ",\"optional\":false,\"name\":\"io.debezium.data.geometry.Point\",\"version\":1,\"doc\":\"Geometry "
                   "(POINT)\",\"field\":\"center\"}," FIELD("double", "false", "radius") "]",
                   "io.debezium.data.geometry.Circle", "Geometry (CIRCLE)", 1,
                   "{\"center\":" POINT_ZERO ",\"radius\":0.0}", NULL, pg_circle_json},
    [PG_HSTORE] = {"string", "", "io.debezium.data.Json", NULL, 1, "\"{}\"",
                   "\"{\\\"" PLACEHOLDER "\\\":\\\"" PLACEHOLDER "\\\"}\"", hstore_json},
    [PG_LTREE] = {"string", "", "io.debezium.data.Ltree", NULL, 1, "\"\"", PLACEHOLDER_STRING, versioned_json},
    [PG_GEOMETRY] = {GEOMETRY, "{\"wkb\":" EMPTY_COLLECTION ",\"srid\":null,\"extensions\":null}", NULL,
                     pg_postgis_json},
    [PG_GEOGRAPHY] = {"struct", ",\"fields\":[" FIELD("bytes", "false", "wkb") "," FIELD("int32", "true", "srid") "]",
                      "io.debezium.data.geometry.Geography", "Geography", 1,
                      "{\"wkb\":" EMPTY_COLLECTION ",\"srid\":null}", NULL, pg_postgis_json},
    [PG_VECTOR] = {"array", ",\"items\":{\"type\":\"double\",\"optional\":false}", "io.debezium.data.DoubleVector",
                   NULL, 1, "[]", NULL, pg_vector_json},
    [PG_HALFVEC] = {"array", ",\"items\":{\"type\":\"float\",\"optional\":false}", "io.debezium.data.FloatVector", NULL,
                    1, "[]", NULL, pg_halfvec_json},
    [PG_SPARSEVEC] = {"struct",
                      ",\"fields\":[" FIELD("int16", "false",
                                            "dimensions") ",{\"type\":\"map\",\"keys\":{\"type\":"
                                                          "\"int16\",\"optional\":false},\"values\":{\"type\":"
                                                          "\"double\",\"optional\":false},\"optional\":"
                                                          "false,\"field\":\"vector\"}]",
                      "io.debezium.data.SparseDoubleVector", "Sparse double vector", 1, "[]", NULL, pg_sparsevec_json},
};

bool pg_form_json(const struct pg_form *form, const void *data, size_t len, struct buf *out)
{
    struct wire w = wire_of(data, len);
    return (form->array ? pg_array_json : kinds[form->kind].json)(form, w, out) && !out->failed;
}

/* Debezium's list of array types that have a placeholder (UnchangedToastedReplicationMessageColumn). */
static const char *unavailable_array(const struct pg_form *form)
{
    switch (form->kind) {
    case PG_STRING:
        return form->oid ? "[" PLACEHOLDER_STRING "]" : NULL;
    case PG_JSON:
    case PG_JSONB:
        return "[" PLACEHOLDER_STRING "]";
    case PG_BYTES:
        return "[" PLACEHOLDER_BASE64 "]";
    case PG_UUID:
        return "[" PLACEHOLDER_UUID "]";
    case PG_INT32:
    case PG_INT64:
    case PG_DATE:
        return PLACEHOLDER_INTS;
    default:
        return NULL;
    }
}

void pg_form_unavailable(const struct pg_form *form, struct buf *out)
{
    const char *text = form->array ? unavailable_array(form) : kinds[form->kind].unavailable;
    (void)buf_puts(out, text ? text : "null");
}

void pg_form_fallback(const struct pg_form *form, struct buf *out)
{
    (void)buf_puts(out, form->array ? "[]" : kinds[form->kind].fallback);
}

static void put_allowed(struct hp_bytes labels, struct buf *out)
{
    struct buf list;
    buf_init(&list, SIZE_MAX / 2);
    (void)buf_append(&list, labels.data, (size_t)labels.len);
    for (size_t i = 0; i < list.len; i++) {
        list.data[i] = list.data[i] == '\n' ? ',' : list.data[i];
    }
    (void)buf_puts(out, ",\"parameters\":{\"allowed\":");
    json_escape(out, list.data, list.len);
    (void)buf_putc(out, '}');
    buf_finish(&list);
}

static void put_parameters(const struct pg_form *form, struct buf *out)
{
    switch (form->kind) {
    case PG_DECIMAL:
        (void)buf_printf(out, ",\"parameters\":{\"scale\":\"%d\",\"connect.decimal.precision\":\"%d\"}", form->scale,
                         form->length);
        break;
    case PG_MONEY:
        (void)buf_puts(out, ",\"parameters\":{\"scale\":\"2\"}");
        break;
    case PG_BITS:
        (void)buf_printf(out, ",\"parameters\":{\"length\":\"%d\"}", form->length);
        break;
    case PG_ENUM:
        put_allowed(form->labels, out);
        break;
    default:
        break;
    }
}

static void put_schema(const struct pg_form *form, bool optional, struct buf *out)
{
    const struct kind_row *k = &kinds[form->kind];
    (void)buf_printf(out, "{\"type\":\"%s\"%s,\"optional\":%s", k->type, k->inner, optional ? "true" : "false");
    if (k->logical) {
        (void)buf_printf(out, ",\"name\":\"%s\",\"version\":%d", k->logical, k->version);
    }
    if (k->doc) {
        (void)buf_printf(out, ",\"doc\":\"%s\"", k->doc);
    }
    put_parameters(form, out);
}

void pg_form_schema(const struct pg_form *form, const struct hp_bytes *field, struct buf *out)
{
    if (form->array) { /* Debezium leaves `optional` off the elements of these two */
        (void)buf_puts(out, "{\"type\":\"array\",\"items\":");
        put_schema(form, form->kind != PG_ENUM && form->kind != PG_TSVECTOR, out);
        (void)buf_printf(out, "},\"optional\":%s", form->optional ? "true" : "false");
    } else {
        put_schema(form, form->optional, out);
    }
    if (field) {
        (void)buf_puts(out, ",\"field\":");
        json_escape(out, field->data, (size_t)field->len);
    }
    (void)buf_putc(out, '}');
}
