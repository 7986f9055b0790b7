/* match.c: see match.h. Compiled by plan.c when a schema arrives, asked by plugin.c per record. [task] */
#include "match.h"

#include <errno.h>
#include <stdlib.h>

/* The families of types a condition may name, by PostgreSQL's OIDs; enums are told by their labels. */
enum family { UNJUDGED, TEXT, PADDED, BOOL, INT, UUID };

static enum family family_of(const struct hp_column *column, size_t *out_size)
{
    static const struct {
        uint32_t oid;
        enum family family;
        size_t size;
    } rows[] = {{16, BOOL, 1}, {20, INT, 8},      {21, INT, 2},    {23, INT, 4},    {25, TEXT, 0},
                {19, TEXT, 0}, {1042, PADDED, 0}, {1043, TEXT, 0}, {2950, UUID, 16}};
    uint32_t oid = column->native_kind == 'd' ? column->native_base : column->native_oid;
    if (column->type == HP_STRING || (column->type == HP_NATIVE && column->native_kind == 'e')) {
        return TEXT;
    }
    for (size_t i = 0; column->type == HP_NATIVE && i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].oid == oid) {
            *out_size = rows[i].size;
            return rows[i].family;
        }
    }
    return UNJUDGED;
}

static int keep(struct match_value *v, const void *data, size_t len)
{
    v->bytes = malloc(len ? len : 1);
    if (!v->bytes) {
        return 0;
    }
    if (len) {
        memcpy(v->bytes, data, len);
    }
    v->len = len;
    return 1;
}

/* 32 hexadecimal digits, dashes anywhere between. */
static int read_uuid(const char *text, uint8_t out[16])
{
    size_t n = 0;
    for (; *text; text++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF", *at = strchr(digits, *text);
        if (*text == '-') {
            continue;
        }
        if (!at || n == 32) {
            return 0;
        }
        out[n / 2] = (uint8_t)(n % 2 ? out[n / 2] << 4 | ((at - digits) & 15) : (at - digits) & 15);
        n++;
    }
    return n == 32;
}

static int read_int(const json_t *value, size_t size, int64_t *out)
{
    const char *text = json_string_value(value);
    char *end;
    int64_t max = size == 2 ? INT16_MAX : size == 4 ? INT32_MAX : INT64_MAX;
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
    } else if (text) {
        errno = 0;
        *out = strtoll(text, &end, 10);
        if (!*text || *end || errno) {
            return 0;
        }
    } else {
        return 0;
    }
    return *out <= max && *out >= -max - 1;
}

/* The two forms of one value; 0: it is no value of that family. */
static int read_value(enum family family, size_t size, const json_t *value, struct match_value *binary,
                      struct match_value *text)
{
    const char *string = json_string_value(value);
    uint8_t bytes[16];
    char digits[32];
    int64_t number;
    switch (family) {
    case TEXT:
    case PADDED: {
        size_t len = string ? strlen(string) : 0;
        while (family == PADDED && len > 0 && string[len - 1] == ' ') {
            len--;
        }
        return string && keep(binary, string, len) && keep(text, string, len);
    }
    case BOOL:
        bytes[0] = json_is_true(value);
        return json_is_boolean(value) && keep(binary, bytes, 1) && keep(text, bytes[0] ? "t" : "f", 1);
    case INT:
        if (!read_int(value, size, &number)) {
            return 0;
        }
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)((uint64_t)number >> (8 * (size - 1 - i)));
        }
        (void)snprintf(digits, sizeof digits, "%lld", (long long)number);
        return keep(binary, bytes, size) && keep(text, digits, strlen(digits));
    case UUID:
        if (!string || !read_uuid(string, bytes)) {
            return 0;
        }
        return keep(binary, bytes, 16) && keep(text, string, strlen(string));
    default:
        return 0;
    }
}

hp_status match_compile(const struct hp_column *column, const json_t *values, struct match *out, struct hp_error *err)
{
    size_t size = 0, n = json_array_size(values);
    enum family family = family_of(column, &size);
    struct match m = {calloc(n + 1, sizeof *m.binary), calloc(n + 1, sizeof *m.text), n, family == PADDED};
    if (!m.binary || !m.text) {
        match_finish(&m);
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    if (family == UNJUDGED) {
        match_finish(&m);
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "a condition on column \"%.*s\" of type %.*s: only texts, integers, booleans, uuids and enums "
                       "can be judged",
                       (int)column->name.len, (const char *)column->name.data, (int)column->native_name.len,
                       (const char *)column->native_name.data);
    }
    for (size_t i = 0; i < n; i++) {
        if (!read_value(family, size, json_array_get(values, i), &m.binary[i], &m.text[i])) {
            match_finish(&m);
            return hp_fail(err, HP_ERROR_CONFIG, "", "a condition on column \"%.*s\": value %zu of \"in\" is no %.*s",
                           (int)column->name.len, (const char *)column->name.data, i + 1, (int)column->native_name.len,
                           (const char *)column->native_name.data);
        }
    }
    *out = m;
    return HP_OK;
}

void match_finish(struct match *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->binary ? m->binary[i].bytes : NULL);
        free(m->text ? m->text[i].bytes : NULL);
    }
    free(m->binary);
    free(m->text);
    *m = (struct match){NULL, NULL, 0, 0};
}

enum verdict match_cell(const struct match *m, const struct hp_record *rec, const struct hp_cell *cell)
{
    const struct match_value *values = cell->flags & HP_CELL_TEXT ? m->text : m->binary;
    struct hp_bytes b;
    if (cell->type == HP_NONE) {
        return MATCH_UNKNOWN;
    }
    if (cell->type != HP_NATIVE && cell->type != HP_STRING) {
        return MATCH_DENIED;
    }
    b = hp_cell_bytes(rec, cell);
    while (m->blank_padded && b.len > 0 && ((const char *)b.data)[b.len - 1] == ' ') {
        b.len--;
    }
    for (size_t i = 0; i < m->n; i++) {
        if (values[i].len == b.len && memcmp(values[i].bytes, b.data, (size_t)b.len) == 0) {
            return MATCH_ALLOWED;
        }
    }
    return MATCH_DENIED;
}
