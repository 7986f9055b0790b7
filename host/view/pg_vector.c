/* pg_vector.c: the types of the pgvector extension as Debezium's DoubleVector, FloatVector and SparseDoubleVector. See
   pg_values.h; called by pg_form.c. */
#include "json_out.h"
#include "pg_values.h"

#include <math.h>

static float read_half(struct wire *w)
{
    uint16_t bits = wire_u16(w);
    int exponent = bits >> 10 & 31;
    float fraction = (float)(bits & 1023);
    float v = exponent == 31 ? (bits & 1023 ? NAN : INFINITY)
              : exponent     ? ldexpf(1024 + fraction, exponent - 25)
                             : ldexpf(fraction, -24);
    return bits & 0x8000 ? -v : v;
}

static bool put_elements(struct wire *w, float (*read)(struct wire *), struct buf *out)
{
    uint16_t n = wire_u16(w);
    (void)wire_u16(w); /* unused by the type */
    (void)buf_putc(out, '[');
    for (uint16_t i = 0; i < n && !w->bad; i++) {
        (void)buf_puts(out, i ? "," : "");
        json_out_float(out, read(w));
    }
    return buf_putc(out, ']') && wire_done(w);
}

bool pg_vector_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    (void)form;
    return put_elements(&w, wire_f32, out);
}

bool pg_halfvec_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    (void)form;
    return put_elements(&w, read_half, out);
}

/* Debezium's form counts dimensions in an int16; a map whose keys are not strings is an array of pairs. */
bool pg_sparsevec_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int32_t dimensions = wire_i32(&w), n = wire_i32(&w);
    struct wire values;
    (void)form;
    (void)wire_i32(&w); /* unused by the type */
    if (w.bad || n < 0 || w.left % 8 != 0 || w.left / 8 != (size_t)n) {
        return false;
    }
    if (dimensions > INT16_MAX) {
        return buf_puts(out, "null");
    }
    values = wire_of(w.p + (size_t)n * 4, (size_t)n * 4);
    (void)buf_printf(out, "{\"dimensions\":%d,\"vector\":[", dimensions);
    for (int32_t i = 0; i < n; i++) {
        (void)buf_printf(out, "%s[%d,", i ? "," : "", (int)((uint32_t)wire_i32(&w) + 1));
        json_out_float(out, wire_f32(&values));
        (void)buf_putc(out, ']');
    }
    return buf_puts(out, "]}");
}
