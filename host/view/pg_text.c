/*
 * pg_text.c: values that came in text form. Only types without a binary send function do (an extension's isbn, say), or
 * those of a source that reads text. Where the JSON is the text itself it is escaped; any other text is read into the
 * binary form, and that form's writer does the rest. See pg_form.h.
 */
#include "pg_text.h"

#include "json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void text_put(struct buf *bin, uint64_t v, size_t n)
{
    while (n-- > 0) {
        (void)buf_putc(bin, (char)(uint8_t)(v >> (8 * n)));
    }
}

static bool text_bool(const char *text, size_t len, struct buf *bin)
{
    bool yes = strcmp(text, "t") == 0 || strcmp(text, "true") == 0;
    (void)len;
    text_put(bin, yes, 1);
    return yes || strcmp(text, "f") == 0 || strcmp(text, "false") == 0;
}

static bool text_int(const char *text, size_t len, struct buf *bin, size_t size, int64_t min, int64_t max)
{
    char *end;
    long long v;
    errno = 0;
    v = strtoll(text, &end, 10);
    text_put(bin, (uint64_t)v, size);
    return len > 0 && end == text + len && !errno && v >= min && v <= max;
}

static bool text_int2(const char *text, size_t len, struct buf *bin)
{
    return text_int(text, len, bin, 2, INT16_MIN, INT16_MAX);
}

static bool text_int4(const char *text, size_t len, struct buf *bin)
{
    return text_int(text, len, bin, 4, INT32_MIN, INT32_MAX);
}

static bool text_int8(const char *text, size_t len, struct buf *bin)
{
    return text_int(text, len, bin, 8, INT64_MIN, INT64_MAX);
}

static bool text_oid(const char *text, size_t len, struct buf *bin)
{
    return text_int(text, len, bin, 4, 0, UINT32_MAX);
}

static void put_double(struct buf *bin, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    text_put(bin, bits, 8);
}

static void put_float(struct buf *bin, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    text_put(bin, bits, 4);
}

static bool text_float4(const char *text, size_t len, struct buf *bin)
{
    char *end;
    put_float(bin, strtof(text, &end));
    return len > 0 && end == text + len;
}

static bool text_float8(const char *text, size_t len, struct buf *bin)
{
    char *end;
    put_double(bin, strtod(text, &end));
    return len > 0 && end == text + len;
}

static bool put_hex(const char *text, size_t len, struct buf *bin)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    for (size_t i = 0; i + 1 < len; i += 2) {
        const char *high = strchr(digits, text[i]), *low = strchr(digits, text[i + 1]);
        if (!high || !low) {
            return false;
        }
        text_put(bin, (uint64_t)((high - digits) & 15) << 4 | (uint64_t)((low - digits) & 15), 1);
    }
    return len % 2 == 0;
}

static bool text_bytea(const char *text, size_t len, struct buf *bin)
{
    return len >= 2 && memcmp(text, "\\x", 2) == 0 && put_hex(text + 2, len - 2, bin);
}

/* [-]digits[.digits]: groups of four digits around the point. */
static bool text_numeric(const char *text, size_t len, struct buf *bin)
{
    static const struct {
        const char *text;
        uint16_t sign;
    } special[] = {{"NaN", 0xC000}, {"Infinity", 0xD000}, {"-Infinity", 0xF000}};
    bool minus = text[0] == '-';
    const char *p = text + minus, *point = strchr(p, '.');
    size_t whole, decimals, lead, groups;
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(text, special[i].text) == 0) {
            text_put(bin, 0, 4);
            text_put(bin, special[i].sign, 2);
            text_put(bin, 0, 2);
            return true;
        }
    }
    whole = point ? (size_t)(point - p) : strlen(p);
    decimals = point ? strlen(point + 1) : 0;
    lead = (whole + 3) / 4;
    groups = lead + (decimals + 3) / 4;
    if (whole + decimals == 0 || groups > INT16_MAX || strspn(p, "0123456789") != whole ||
        (point && strspn(point + 1, "0123456789") != decimals) ||
        (size_t)(p - text) + whole + (point != NULL) + decimals != len) {
        return false;
    }
    text_put(bin, groups, 2);
    text_put(bin, lead - 1, 2);
    text_put(bin, minus ? 0x4000 : 0, 2);
    text_put(bin, decimals, 2);
    for (size_t g = 0; g < groups; g++) {
        uint64_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            size_t at = g * 4 + k, skipped = lead * 4 - whole; /* zeros before the first digit */
            char digit = '0';
            if (at < lead * 4) {
                digit = at < skipped ? '0' : p[at - skipped];
            } else if (at - lead * 4 < decimals) {
                digit = point[1 + at - lead * 4];
            }
            v = v * 10 + (uint64_t)(digit - '0');
        }
        text_put(bin, v, 2);
    }
    return true;
}

/* "-$1,234.56": the digits count, with two decimals. */
static bool text_money(const char *text, size_t len, struct buf *bin)
{
    uint64_t cents = 0;
    bool minus = strpbrk(text, "-(") != NULL;
    size_t digits = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            cents = cents * 10 + (uint64_t)(text[i] - '0');
            digits++;
        }
    }
    text_put(bin, minus ? 0 - cents : cents, 8);
    return digits > 0 && digits <= 19;
}

static bool text_bits(const char *text, size_t len, struct buf *bin)
{
    if (len > INT32_MAX || strspn(text, "01") != len) {
        return false;
    }
    text_put(bin, len, 4);
    for (size_t i = 0; i < len; i += 8) {
        uint64_t byte = 0;
        for (size_t k = 0; k < 8; k++) {
            byte = byte << 1 | (i + k < len && text[i + k] == '1');
        }
        text_put(bin, byte, 1);
    }
    return true;
}

/* Every number in the text, whatever stands between; how many. */
static size_t put_numbers(const char *text, bool single, struct buf *bin)
{
    size_t n = 0;
    while (*text) {
        char *end;
        double v = strtod(text, &end);
        if (end == text) {
            text++;
            continue;
        }
        if (single) {
            put_float(bin, (float)v);
        } else {
            put_double(bin, v);
        }
        text = end;
        n++;
    }
    return n;
}

/* Points, segments, lines, boxes and circles are so many doubles: their writers check how many. */
static bool text_doubles(const char *text, size_t len, struct buf *bin)
{
    (void)len;
    return put_numbers(text, false, bin) > 0;
}

/* The count, known last, goes before the points. */
static bool put_points(const char *text, size_t at, struct buf *bin)
{
    size_t n;
    text_put(bin, 0, 4);
    n = put_numbers(text, false, bin);
    for (size_t i = 0; i < 4 && !bin->failed; i++) {
        bin->data[at + i] = (uint8_t)(n / 2 >> (8 * (3 - i)));
    }
    return n % 2 == 0;
}

static bool text_path(const char *text, size_t len, struct buf *bin)
{
    (void)len;
    text_put(bin, text[0] == '(', 1); /* closed */
    return put_points(text, 1, bin);
}

static bool text_polygon(const char *text, size_t len, struct buf *bin)
{
    (void)len;
    return put_points(text, 0, bin);
}

static bool text_vector(const char *text, size_t len, struct buf *bin)
{
    size_t n;
    (void)len;
    text_put(bin, 0, 4);
    n = put_numbers(text, true, bin);
    if (!bin->failed) {
        bin->data[0] = (uint8_t)(n >> 8);
        bin->data[1] = (uint8_t)n;
    }
    return n <= UINT16_MAX;
}

/* One quoted or bare word of an hstore or an array into `word`; where it ends, NULL if it does not. *bare: not quoted.
 */
static const char *read_word(const char *p, const char *stops, struct buf *word, bool *bare)
{
    *bare = *p != '"';
    p += !*bare;
    buf_reset(word);
    (void)buf_puts(word, "");
    while (*p && (*bare ? !strchr(stops, *p) : *p != '"')) {
        p += *p == '\\' && p[1];
        (void)buf_putc(word, *p++);
    }
    return *bare ? p : *p == '"' ? p + 1 : NULL;
}

/* "key"=>"value", "key"=>NULL */
static bool text_hstore(const char *text, size_t len, struct buf *bin)
{
    struct buf word;
    uint32_t n = 0;
    const char *p = text;
    bool bare, done = true;
    (void)len;
    buf_init(&word, SIZE_MAX / 2);
    text_put(bin, 0, 4);
    while (done && *p) {
        p = read_word(p, "=", &word, &bare);
        done = p && strncmp(p, "=>", 2) == 0;
        text_put(bin, word.len, 4);
        (void)buf_append(bin, word.data, word.len);
        p = done ? read_word(p + 2, ",", &word, &bare) : NULL;
        done = p != NULL;
        if (done && bare && word.len == 4 && memcmp(word.data, "NULL", 4) == 0) {
            text_put(bin, UINT32_MAX, 4);
        } else if (done) {
            text_put(bin, word.len, 4);
            (void)buf_append(bin, word.data, word.len);
        }
        n++;
        if (done) {
            p += strspn(p, ", ");
        }
    }
    for (size_t i = 0; i < 4 && !bin->failed; i++) {
        bin->data[i] = (uint8_t)(n >> (8 * (3 - i)));
    }
    done = done && !word.failed;
    buf_finish(&word);
    return done;
}

/* Readers by kind; a kind without one is shown as its text. PG_SPARSEVEC has no row here: its text is not read. */
static bool (*const readers[PG_KIND_COUNT])(const char *, size_t, struct buf *) = {
    [PG_BOOL] = text_bool,
    [PG_INT16] = text_int2,
    [PG_INT32] = text_int4,
    [PG_INT64] = text_int8,
    [PG_OID] = text_oid,
    [PG_FLOAT32] = text_float4,
    [PG_FLOAT64] = text_float8,
    [PG_BYTES] = text_bytea,
    [PG_DECIMAL] = text_numeric,
    [PG_VARIABLE] = text_numeric,
    [PG_MONEY] = text_money,
    [PG_DATE] = text_date,
    [PG_TIME_MILLIS] = text_time,
    [PG_TIME_MICROS] = text_time,
    [PG_TIMETZ] = text_timetz,
    [PG_TIMESTAMP_MILLIS] = text_timestamp,
    [PG_TIMESTAMP_MICROS] = text_timestamp,
    [PG_TIMESTAMPTZ] = text_timestamp,
    [PG_INTERVAL] = text_interval,
    [PG_BIT] = text_bits,
    [PG_BITS] = text_bits,
    [PG_POINT] = text_doubles,
    [PG_LINE] = text_doubles,
    [PG_LSEG] = text_doubles,
    [PG_BOX] = text_doubles,
    [PG_CIRCLE] = text_doubles,
    [PG_PATH] = text_path,
    [PG_POLYGON] = text_polygon,
    [PG_HSTORE] = text_hstore,
    [PG_GEOMETRY] = put_hex,
    [PG_GEOGRAPHY] = put_hex,
    [PG_VECTOR] = text_vector,
    [PG_HALFVEC] = text_vector,
};

static bool scalar_json(const struct pg_form *form, const char *text, size_t len, struct buf *out)
{
    struct pg_form binary = *form;
    struct buf bin;
    bool done;
    if (!readers[form->kind]) {
        json_escape(out, text, len);
        return form->kind != PG_SPARSEVEC;
    }
    if (strlen(text) != len) {
        return false; /* a NUL inside */
    }
    buf_init(&bin, SIZE_MAX / 2);
    binary.kind = form->kind == PG_HALFVEC ? PG_VECTOR : form->kind; /* read as wide as it goes */
    done = readers[form->kind](text, len, &bin) && !bin.failed;
    done = done && pg_form_json(&binary, bin.data ? bin.data : (const uint8_t *)"", bin.len, out);
    buf_finish(&bin);
    return done;
}

/* {a,"b c",NULL}, perhaps after "[2:3]="; braces inside mean several dimensions: null, as in binary. */
static bool array_json(const struct pg_form *form, const char *text, struct buf *out)
{
    const char *bounds = *text == '[' ? strchr(text, '=') : NULL, *p = bounds ? bounds + 1 : text;
    struct pg_form element = *form;
    struct buf word;
    bool done = *p++ == '{';
    element.array = 0;
    if (done && *p == '{') {
        return buf_puts(out, "null");
    }
    buf_init(&word, SIZE_MAX / 2);
    (void)buf_putc(out, '[');
    while (done && *p != '}') {
        bool bare;
        p = read_word(p, ",}", &word, &bare);
        done = p && !word.failed && (word.len || !bare) && (*p == '}' || (*p == ',' && p[1] != '}'));
        if (done && bare && strcmp((const char *)word.data, "NULL") == 0) {
            (void)buf_puts(out, "null");
        } else {
            done = done && scalar_json(&element, (const char *)word.data, word.len, out);
        }
        if (done && *p == ',') {
            (void)buf_putc(out, ',');
            p++;
        }
    }
    done = done && p && strcmp(p, "}") == 0;
    buf_finish(&word);
    return buf_putc(out, ']') && done;
}

bool pg_form_text_json(const struct pg_form *form, const void *data, size_t len, struct buf *out)
{
    struct buf text;
    bool done;
    buf_init(&text, SIZE_MAX / 2);
    done = buf_append(&text, data, len); /* ends it with a NUL */
    done = done && (form->array ? array_json(form, (const char *)text.data, out)
                                : scalar_json(form, (const char *)text.data, text.len, out));
    buf_finish(&text);
    return done && !out->failed;
}
