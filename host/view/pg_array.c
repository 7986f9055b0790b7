/* pg_array.c: arrays of one dimension as JSON arrays. Connect's schema cannot say how many dimensions an array has, so
   one with several is null. See pg_values.h; called by pg_form.c. */
#include "pg_values.h"

#define ARRAY_MAX_DIMENSIONS 6

bool pg_array_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int32_t dimensions = wire_i32(&w), n = 0;
    struct pg_form element = *form;
    (void)wire_i32(&w); /* has nulls */
    (void)wire_i32(&w); /* type of the elements: the schema knows it */
    element.array = 0;
    if (dimensions < 0 || dimensions > ARRAY_MAX_DIMENSIONS) {
        return false;
    }
    for (int32_t i = 0; i < dimensions; i++) {
        n = wire_i32(&w);
        (void)wire_i32(&w); /* lower bound */
        if (n < 0) {
            return false;
        }
    }
    if (dimensions > 1) {
        return !w.bad && buf_puts(out, "null");
    }
    (void)buf_putc(out, '[');
    for (int32_t i = 0; i < n && !w.bad; i++) {
        int32_t len = wire_i32(&w);
        const uint8_t *p = len < 0 ? NULL : wire_take(&w, (size_t)len);
        (void)buf_puts(out, i ? "," : "");
        if (len == -1 && !w.bad) {
            (void)buf_puts(out, "null");
        } else if (!p || !pg_form_json(&element, p, (size_t)len, out)) {
            return false;
        }
    }
    return buf_putc(out, ']') && wire_done(&w);
}
