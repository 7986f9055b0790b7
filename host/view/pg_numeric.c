/* pg_numeric.c: numeric and money as Connect's Decimal and Debezium's VariableScaleDecimal: the unscaled integer as
   big-endian two's complement. See pg_values.h; called by pg_form.c. */
#include "json_out.h"
#include "pg_values.h"

#include <stdlib.h>

#define NUMERIC_POS        0x0000u
#define NUMERIC_NEG        0x4000u
#define NUMERIC_NAN        0xC000u
#define NUMERIC_PINF       0xD000u
#define NUMERIC_NINF       0xF000u
#define NUMERIC_DSCALE_MAX 0x3FFF

struct numeric {
    const uint8_t *digits; /* n big-endian u16, base 10000 */
    int32_t n;
    int32_t weight; /* of the first digit, in powers of 10000 */
    int32_t dscale;
    uint16_t sign;
};

static bool numeric_read(struct wire w, struct numeric *num)
{
    num->n = wire_u16(&w);
    num->weight = (int16_t)wire_u16(&w);
    num->sign = wire_u16(&w);
    num->dscale = wire_u16(&w);
    num->digits = wire_take(&w, (size_t)num->n * 2);
    if (!wire_done(&w) || num->dscale > NUMERIC_DSCALE_MAX || num->n > INT16_MAX) {
        return false;
    }
    for (int32_t i = 0; i < num->n; i++) {
        if ((num->digits[2 * i] << 8 | num->digits[2 * i + 1]) > 9999) {
            return false;
        }
    }
    return num->sign == NUMERIC_POS || num->sign == NUMERIC_NEG ||
           ((num->sign == NUMERIC_NAN || num->sign == NUMERIC_PINF || num->sign == NUMERIC_NINF) && num->n == 0);
}

static uint32_t digit(const struct numeric *num, int32_t i)
{
    return i >= 0 && i < num->n ? (uint32_t)(num->digits[2 * i] << 8 | num->digits[2 * i + 1]) : 0;
}

static bool numeric_finite(const struct numeric *num)
{
    return num->sign == NUMERIC_POS || num->sign == NUMERIC_NEG;
}

/* A natural number of little-endian 64-bit limbs in memory of the caller's. */
struct natural {
    uint64_t *limbs;
    size_t n, cap;
};

static void natural_muladd(struct natural *a, uint64_t factor, uint64_t more)
{
    unsigned __int128 carry = more;
    for (size_t i = 0; i < a->n; i++) {
        carry += (unsigned __int128)a->limbs[i] * factor;
        a->limbs[i] = (uint64_t)carry;
        carry >>= 64;
    }
    if (carry && a->n < a->cap) {
        a->limbs[a->n++] = (uint64_t)carry;
    }
}

static uint64_t power_of_ten(int32_t e)
{
    uint64_t v = 1;
    while (e-- > 0) {
        v *= 10;
    }
    return v;
}

/* The number as Java's BigInteger.toByteArray() gives it, in base64. */
static void natural_json(const struct natural *a, bool negative, struct buf *out)
{
    size_t len = a->n * 8 + 1, skip = 0;
    uint8_t small[8 * 32 + 1], *bytes = len <= sizeof small ? small : malloc(len);
    unsigned carry = negative;
    if (!bytes) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < len; i++) { /* least significant first, from the end */
        unsigned byte = i / 8 < a->n ? (unsigned)(a->limbs[i / 8] >> (i % 8 * 8)) & 0xff : 0;
        unsigned v = (negative ? byte ^ 0xff : byte) + carry;
        carry = v >> 8;
        bytes[len - 1 - i] = (uint8_t)v;
    }
    while (skip + 1 < len && bytes[skip] == (bytes[skip + 1] & 0x80 ? 0xff : 0)) {
        skip++;
    }
    json_out_base64(out, bytes + skip, len - skip);
    if (bytes != small) {
        free(bytes);
    }
}

/* value * 10^scale as bytes; "null" if that is not an integer. n: digits without trailing zeros. */
static void unscaled_json(const struct numeric *num, int32_t n, int32_t scale, struct buf *out)
{
    uint64_t small[32];
    int32_t exponent = 4 * (num->weight - (n - 1)) + scale; /* of the last digit, after scaling */
    int32_t whole = exponent < 0 ? n - 1 : n;
    size_t decimals = (size_t)(4 * n + (exponent > 0 ? exponent : 0));
    struct natural a = {small, 0, decimals * 107 / 2048 + 2}; /* 107/2048 > log2(10)/64 */
    if (n > 0 && (exponent <= -4 || (exponent < 0 && digit(num, n - 1) % power_of_ten(-exponent) != 0))) {
        (void)buf_puts(out, "null");
        return;
    }
    if (a.cap > sizeof small / sizeof small[0] && !(a.limbs = malloc(a.cap * sizeof *a.limbs))) {
        out->failed = true;
        return;
    }
    for (int32_t i = 0; i < whole;) {
        uint64_t chunk = 0, factor = 1;
        for (int k = 0; k < 4 && i < whole; k++, i++) {
            chunk = chunk * 10000 + digit(num, i);
            factor *= 10000;
        }
        natural_muladd(&a, factor, chunk);
    }
    if (n > 0 && exponent < 0) {
        natural_muladd(&a, power_of_ten(4 + exponent), digit(num, n - 1) / power_of_ten(-exponent));
    }
    for (int32_t left = n > 0 ? exponent : 0; left > 0; left -= 18) {
        natural_muladd(&a, power_of_ten(left < 18 ? left : 18), 0);
    }
    natural_json(&a, num->sign == NUMERIC_NEG && a.n > 0, out);
    if (a.limbs != small) {
        free(a.limbs);
    }
}

static int32_t significant(const struct numeric *num)
{
    int32_t n = num->n;
    while (n > 0 && digit(num, n - 1) == 0) {
        n--;
    }
    return n;
}

bool pg_decimal_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    struct numeric num;
    if (!numeric_read(w, &num)) {
        return false;
    }
    if (numeric_finite(&num)) {
        unscaled_json(&num, significant(&num), form->scale, out);
    } else {
        (void)buf_puts(out, "null");
    }
    return true;
}

bool pg_variable_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    struct numeric num;
    int32_t n, scale = 0;
    (void)form;
    if (!numeric_read(w, &num)) {
        return false;
    }
    if (!numeric_finite(&num)) {
        (void)buf_puts(out, "null");
        return true;
    }
    n = significant(&num);
    if (n > 0 && num.weight < n - 1) { /* as few decimals as the value needs */
        uint32_t last = digit(&num, n - 1);
        scale = 4 * (n - 1 - num.weight);
        for (; last % 10 == 0; last /= 10) {
            scale--;
        }
    }
    (void)buf_printf(out, "{\"scale\":%d,\"value\":", scale);
    unscaled_json(&num, n, scale, out);
    (void)buf_putc(out, '}');
    return true;
}

bool pg_money_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int64_t cents = wire_i64(&w);
    uint64_t limb = cents < 0 ? 0 - (uint64_t)cents : (uint64_t)cents;
    struct natural a = {&limb, limb != 0, 1};
    (void)form;
    if (!wire_done(&w)) {
        return false;
    }
    natural_json(&a, cents < 0, out);
    return true;
}

bool pg_numeric_text(struct wire w, struct buf *out)
{
    struct numeric num;
    if (!numeric_read(w, &num)) {
        return false;
    }
    if (!numeric_finite(&num)) {
        (void)buf_puts(out, num.sign == NUMERIC_NAN ? "NaN" : num.sign == NUMERIC_PINF ? "Infinity" : "-Infinity");
        return true;
    }
    if (num.sign == NUMERIC_NEG) {
        (void)buf_putc(out, '-');
    }
    if (num.weight < 0) {
        (void)buf_putc(out, '0');
    }
    for (int32_t i = 0; i <= num.weight; i++) {
        (void)buf_printf(out, i ? "%04u" : "%u", digit(&num, i));
    }
    for (int32_t i = 0; i < num.dscale; i++) { /* decimal i is in digit weight + 1 + i / 4 */
        uint32_t four = digit(&num, num.weight + 1 + i / 4);
        if (i == 0) {
            (void)buf_putc(out, '.');
        }
        (void)buf_putc(out, (char)('0' + four / power_of_ten(3 - i % 4) % 10));
    }
    return true;
}
