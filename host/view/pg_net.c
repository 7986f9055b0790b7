/* pg_net.c: inet, cidr, macaddr, macaddr8 and uuid as the text that PostgreSQL prints. See pg_values.h; called by
   pg_form.c. None of these texts needs escaping. */
#include "pg_values.h"

#define FAMILY_V4 2
#define FAMILY_V6 3

static void put_v4(const uint8_t *a, struct buf *out)
{
    (void)buf_printf(out, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
}

/* The longest run of zero words, if two or more, becomes "::"; embedded IPv4 addresses are dotted, by the rules of
   PostgreSQL's inet_net_ntop. */
static void put_v6(const uint8_t *a, struct buf *out)
{
    unsigned words[8];
    int best = -1, best_len = 1;
    for (int i = 0; i < 8; i++) {
        words[i] = (unsigned)(a[2 * i] << 8 | a[2 * i + 1]);
    }
    for (int i = 0; i < 8; i++) {
        int len = 0;
        while (i + len < 8 && words[i + len] == 0) {
            len++;
        }
        if (len > best_len) {
            best = i;
            best_len = len;
        }
        i += len;
    }
    for (int i = 0; i < 8; i++) {
        if (best >= 0 && i >= best && i < best + best_len) {
            (void)buf_puts(out, i == best ? ":" : "");
            continue;
        }
        (void)buf_puts(out, i ? ":" : "");
        if (i == 6 && best == 0 &&
            (best_len == 6 || (best_len == 7 && words[7] != 1) || (best_len == 5 && words[5] == 0xffff))) {
            put_v4(a + 12, out);
            return;
        }
        (void)buf_printf(out, "%x", words[i]);
    }
    (void)buf_puts(out, best >= 0 && best + best_len == 8 ? ":" : "");
}

bool pg_inet_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    uint8_t family = wire_u8(&w), bits = wire_u8(&w), is_cidr = wire_u8(&w), len = wire_u8(&w);
    const uint8_t *address = wire_take(&w, len);
    unsigned full = len * 8u;
    if (!wire_done(&w) || !((family == FAMILY_V4 && len == 4) || (family == FAMILY_V6 && len == 16)) || bits > full ||
        is_cidr > 1) {
        return false;
    }
    (void)buf_putc(out, '"');
    (family == FAMILY_V4 ? put_v4 : put_v6)(address, out);
    if (bits < full || form->kind == PG_CIDR) {
        (void)buf_printf(out, "/%u", bits);
    }
    return buf_putc(out, '"');
}

bool pg_macaddr_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    (void)form;
    if (w.left != 6 && w.left != 8) {
        return false;
    }
    for (size_t i = 0; i < w.left; i++) {
        (void)buf_printf(out, "%s%02x", i ? ":" : "\"", w.p[i]);
    }
    return buf_putc(out, '"');
}

bool pg_uuid_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    char text[38], *to = text;
    (void)form;
    if (w.left != 16) {
        return false;
    }
    *to++ = '"';
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *to++ = '-';
        }
        *to++ = hex[w.p[i] >> 4];
        *to++ = hex[w.p[i] & 15];
    }
    *to++ = '"';
    return buf_append(out, text, sizeof text);
}
