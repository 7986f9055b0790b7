/* pg_composed.c: ranges, tsvector and hstore as the text that PostgreSQL prints (hstore: as a JSON object). See
   pg_values.h; called by pg_form.c, which escapes the text into JSON. */
#include "json.h"
#include "json_out.h"
#include "pg_values.h"

#define RANGE_EMPTY  0x01u
#define RANGE_LB_INC 0x02u
#define RANGE_UB_INC 0x04u
#define RANGE_LB_INF 0x08u
#define RANGE_UB_INF 0x10u
#define RANGE_KNOWN  0x1fu

/* One bound, in double quotes if it holds a blank; the texts of the built-in subtypes hold nothing else to escape. */
static bool put_bound(const struct pg_form *form, struct wire *w, struct buf *out)
{
    int32_t len = wire_i32(w);
    const uint8_t *p = len < 0 ? NULL : wire_take(w, (size_t)len);
    size_t at = out->len;
    struct wire v;
    bool done = false;
    if (!p) {
        return false;
    }
    v = wire_of(p, (size_t)len);
    switch (form->bound) {
    case PG_INT32:
    case PG_INT64: {
        int64_t number = form->bound == PG_INT32 ? wire_i32(&v) : wire_i64(&v);
        json_out_int(out, number);
        done = wire_done(&v);
        break;
    }
    case PG_VARIABLE:
        done = pg_numeric_text(v, out);
        break;
    case PG_DATE:
        done = pg_date_text(v, out);
        break;
    case PG_TIMESTAMP_MICROS:
    case PG_TIMESTAMPTZ:
        done = pg_timestamp_text(v, form->bound == PG_TIMESTAMPTZ, out);
        break;
    default:
        break;
    }
    if (done && !out->failed && memchr(out->data + at, ' ', out->len - at) && buf_puts(out, "\"\"")) {
        memmove(out->data + at + 1, out->data + at, out->len - at - 2);
        out->data[at] = '"';
    }
    return done;
}

bool pg_range_text(const struct pg_form *form, struct wire w, struct buf *out)
{
    uint8_t flags = wire_u8(&w);
    if (w.bad || (flags & ~RANGE_KNOWN)) {
        return false;
    }
    if (flags & RANGE_EMPTY) {
        return wire_done(&w) && buf_puts(out, "empty");
    }
    (void)buf_putc(out, flags & RANGE_LB_INC ? '[' : '(');
    if (!(flags & RANGE_LB_INF) && !put_bound(form, &w, out)) {
        return false;
    }
    (void)buf_putc(out, ',');
    if (!(flags & RANGE_UB_INF) && !put_bound(form, &w, out)) {
        return false;
    }
    (void)buf_putc(out, flags & RANGE_UB_INC ? ']' : ')');
    return wire_done(&w);
}

bool pg_tsvector_text(const struct pg_form *form, struct wire w, struct buf *out)
{
    int32_t n = wire_i32(&w);
    (void)form;
    for (int32_t i = 0; i < n && !w.bad; i++) {
        const uint8_t *end = memchr(w.p, 0, w.left);
        const uint8_t *word = end ? wire_take(&w, (size_t)(end - w.p) + 1) : NULL;
        uint16_t positions;
        if (!word) {
            return false;
        }
        (void)buf_puts(out, i ? " '" : "'");
        for (; *word; word++) {
            if (*word == '\'' || *word == '\\') {
                (void)buf_putc(out, (char)*word);
            }
            (void)buf_putc(out, (char)*word);
        }
        (void)buf_putc(out, '\'');
        positions = wire_u16(&w);
        for (uint16_t k = 0; k < positions && !w.bad; k++) {
            uint16_t position = wire_u16(&w);
            (void)buf_printf(out, "%c%u", k ? ',' : ':', position & 0x3fffu);
            if (position >> 14) { /* weights D (unsaid), C, B, A */
                (void)buf_putc(out, "DCBA"[position >> 14]);
            }
        }
    }
    return n >= 0 && wire_done(&w);
}

bool pg_hstore_text(const struct pg_form *form, struct wire w, struct buf *out)
{
    int32_t n = wire_i32(&w);
    (void)form;
    (void)buf_putc(out, '{');
    for (int32_t i = 0; i < n && !w.bad; i++) {
        for (int part = 0; part < 2; part++) { /* key, value */
            int32_t len = wire_i32(&w);
            const uint8_t *p = len < 0 ? NULL : wire_take(&w, (size_t)len);
            (void)buf_puts(out, part ? ":" : i ? "," : "");
            if (p) {
                json_escape(out, p, (size_t)len);
            } else if (part && len == -1) {
                (void)buf_puts(out, "null");
            } else {
                return false;
            }
        }
    }
    (void)buf_putc(out, '}');
    return n >= 0 && wire_done(&w);
}
