/* pg_geo.c: the geometric types as Debezium's Point, Geometry (well-known binary), Circle and Line, and PostGIS values.
   See pg_values.h; called by pg_form.c. */
#include "json_out.h"
#include "pg_values.h"

#include <math.h>

#define WKB_POINT       1u
#define WKB_LINE_STRING 2u
#define WKB_POLYGON     3u
#define WKB_POINT_SIZE  21u
#define EWKB_SRID       0x20000000u

struct point {
    double x, y;
};

static struct point read_point(struct wire *w)
{
    struct point p;
    p.x = wire_f64(w);
    p.y = wire_f64(w);
    return p;
}

static void put_le(struct buf *wkb, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)buf_putc(wkb, (char)(uint8_t)(v >> (8 * i)));
    }
}

static void put_le_point(struct buf *wkb, struct point p)
{
    double parts[] = {p.x, p.y};
    for (size_t i = 0; i < 2; i++) {
        uint64_t bits;
        memcpy(&bits, &parts[i], sizeof bits);
        put_le(wkb, isnan(parts[i]) ? UINT64_C(0x7ff8000000000000) : bits, 8); /* Java knows one NaN */
    }
}

/* Header of a little-endian WKB value. */
static void wkb_begin(struct buf *wkb, uint32_t type)
{
    buf_init(wkb, SIZE_MAX / 2);
    put_le(wkb, 1, 1);
    put_le(wkb, type, 4);
}

static void put_member(const char *name, double v, struct buf *out)
{
    (void)buf_puts(out, name);
    json_out_double(out, v);
}

static void put_point(struct point p, struct buf *out)
{
    struct buf wkb;
    wkb_begin(&wkb, WKB_POINT);
    put_le_point(&wkb, p);
    put_member("{\"x\":", p.x, out);
    put_member(",\"y\":", p.y, out);
    (void)buf_puts(out, ",\"wkb\":");
    json_out_base64(out, wkb.data, wkb.len);
    (void)buf_puts(out, ",\"srid\":null}");
    out->failed = out->failed || wkb.failed;
    buf_finish(&wkb);
}

/* The end of a Geometry: takes the points out of wkb and frees it. */
static bool put_geometry(struct buf *wkb, const char *extensions, struct buf *out)
{
    (void)buf_puts(out, "{\"wkb\":");
    json_out_base64(out, wkb->data, wkb->len);
    (void)buf_printf(out, ",\"srid\":null,\"extensions\":{%s}}", extensions);
    out->failed = out->failed || wkb->failed;
    buf_finish(wkb);
    return !out->failed;
}

bool pg_point_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    struct point p = read_point(&w);
    (void)form;
    if (!wire_done(&w)) {
        return false;
    }
    put_point(p, out);
    return true;
}

bool pg_line_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    double a = wire_f64(&w), b = wire_f64(&w), c = wire_f64(&w);
    (void)form;
    put_member("{\"a\":", a, out);
    put_member(",\"b\":", b, out);
    put_member(",\"c\":", c, out);
    return buf_putc(out, '}') && wire_done(&w);
}

bool pg_circle_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    struct point center = read_point(&w);
    double radius = wire_f64(&w);
    (void)form;
    (void)buf_puts(out, "{\"center\":");
    put_point(center, out);
    put_member(",\"radius\":", radius, out);
    return buf_putc(out, '}') && wire_done(&w);
}

bool pg_lseg_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    struct point a = read_point(&w), b = read_point(&w);
    struct buf wkb;
    (void)form;
    if (!wire_done(&w)) {
        return false;
    }
    wkb_begin(&wkb, WKB_LINE_STRING);
    put_le(&wkb, 2, 4);
    put_le_point(&wkb, a);
    put_le_point(&wkb, b);
    return put_geometry(&wkb, "\"type\":\"lseg\"", out);
}

/* The two corners become a closed ring of five points. */
bool pg_box_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    struct point a = read_point(&w), b = read_point(&w);
    const struct point ring[] = {a, {a.x, b.y}, b, {b.x, a.y}, a};
    struct buf wkb;
    (void)form;
    if (!wire_done(&w)) {
        return false;
    }
    wkb_begin(&wkb, WKB_POLYGON);
    put_le(&wkb, 1, 4);
    put_le(&wkb, 5, 4);
    for (size_t i = 0; i < 5; i++) {
        put_le_point(&wkb, ring[i]);
    }
    return put_geometry(&wkb, "\"type\":\"box\"", out);
}

/* n points of 16 bytes must be all that is left. */
static bool points_fit(const struct wire *w, int32_t n)
{
    return !w->bad && n >= 0 && w->left % 16 == 0 && w->left / 16 == (size_t)n;
}

bool pg_path_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    bool closed = wire_u8(&w) != 0;
    int32_t n = wire_i32(&w);
    struct buf wkb;
    (void)form;
    if (!points_fit(&w, n)) {
        return false;
    }
    wkb_begin(&wkb, WKB_LINE_STRING);
    put_le(&wkb, (uint32_t)n, 4);
    for (int32_t i = 0; i < n; i++) {
        put_le_point(&wkb, read_point(&w));
    }
    return put_geometry(
        &wkb, closed ? "\"type\":\"path\",\"closed\":\"true\"" : "\"type\":\"path\",\"closed\":\"false\"", out);
}

/* The ring is closed if it is not already. */
bool pg_polygon_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int32_t n = wire_i32(&w);
    struct point first = {0, 0}, last = {0, 0};
    struct buf wkb;
    (void)form;
    if (!points_fit(&w, n)) {
        return false;
    }
    wkb_begin(&wkb, WKB_POLYGON);
    put_le(&wkb, 1, 4);
    put_le(&wkb, 0, 4); /* the count, once it is known */
    for (int32_t i = 0; i < n; i++) {
        last = read_point(&w);
        first = i == 0 ? last : first;
        put_le_point(&wkb, last);
    }
    if (n >= 2 && (first.x != last.x || first.y != last.y)) {
        put_le_point(&wkb, first);
        n++;
    }
    for (size_t i = 0; i < 4 && !wkb.failed; i++) {
        wkb.data[9 + i] = (uint8_t)((uint32_t)n >> (8 * i));
    }
    return put_geometry(&wkb, "\"type\":\"polygon\"", out);
}

/* PostGIS sends EWKB: WKB whose type may carry the SRID. Debezium passes the bytes on as they are. */
bool pg_postgis_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    struct wire whole = w;
    bool little = wire_u8(&w) == 1;
    uint32_t type = (uint32_t)wire_i32(&w), srid = (uint32_t)wire_i32(&w);
    if (whole.left < 5) {
        return false;
    }
    type = little ? __builtin_bswap32(type) : type;
    srid = little ? __builtin_bswap32(srid) : srid;
    (void)buf_puts(out, "{\"wkb\":");
    json_out_base64(out, whole.p, whole.left);
    if (type & EWKB_SRID) {
        (void)buf_printf(out, ",\"srid\":%d", (int32_t)srid);
    } else {
        (void)buf_puts(out, ",\"srid\":null");
    }
    (void)buf_puts(out, form->kind == PG_GEOMETRY ? ",\"extensions\":null}" : "}");
    return !(type & EWKB_SRID) || !w.bad;
}
