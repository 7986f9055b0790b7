/* json_out.c: see json_out.h. Called by everything in this folder, on the caller's thread. */
#include "json_out.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

void json_out_base64(struct buf *out, const void *data, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = data;
    size_t text = len / 3 * 4 + (len % 3 ? 4 : 0);
    char *to;
    if (len > SIZE_MAX / 2 || !(to = buf_room(out, text + 2))) {
        out->failed = true;
        return;
    }
    *to++ = '"';
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v = (uint32_t)p[i] << 16;
        v |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        v |= left > 2 ? p[i + 2] : 0;
        *to++ = letters[v >> 18];
        *to++ = letters[(v >> 12) & 63];
        *to++ = left > 1 ? letters[(v >> 6) & 63] : '=';
        *to++ = left > 2 ? letters[v & 63] : '=';
    }
    *to = '"';
    buf_take(out, text + 2);
}

void json_out_int(struct buf *out, int64_t value)
{
    char text[24], *p = text + sizeof text;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--p = (char)('0' + left % 10);
    } while (left /= 10);
    if (value < 0) {
        *--p = '-';
    }
    (void)buf_append(out, p, (size_t)(text + sizeof text - p));
}

/* "5" would be read as an integer: "5.0". */
static void put_number(struct buf *out, const char *text)
{
    (void)buf_puts(out, text);
    if (!strpbrk(text, ".e")) {
        (void)buf_puts(out, ".0");
    }
}

static bool put_special(struct buf *out, double value)
{
    if (isfinite(value)) {
        return false;
    }
    (void)buf_puts(out, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return true;
}

void json_out_double(struct buf *out, double value)
{
    char text[32];
    if (put_special(out, value)) {
        return;
    }
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) { /* below, fewer are exact */
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    put_number(out, text);
}

void json_out_float(struct buf *out, float value)
{
    char text[32];
    if (put_special(out, (double)value)) {
        return;
    }
    for (int digits = fabsf(value) < FLT_MIN ? 1 : 6; digits <= 9; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) {
            break;
        }
    }
    put_number(out, text);
}
