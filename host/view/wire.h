/* wire.h: bounded reads of big-endian fields, PostgreSQL's wire order. Pure. */
#ifndef VIEW_WIRE_H
#define VIEW_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire {
    const uint8_t *p;
    size_t left;
    bool bad; /* sticky: something was read beyond the end; what was read since is zero */
};

static inline struct wire wire_of(const void *data, size_t len)
{
    return (struct wire){data, len, false};
}

/* The next n bytes, or NULL. */
static inline const uint8_t *wire_take(struct wire *w, size_t n)
{
    const uint8_t *p = w->p;
    if (w->bad || n > w->left) {
        w->bad = true;
        return NULL;
    }
    w->p += n;
    w->left -= n;
    return p;
}

static inline uint64_t wire_uint(struct wire *w, size_t n)
{
    const uint8_t *p = wire_take(w, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static inline uint8_t wire_u8(struct wire *w)
{
    return (uint8_t)wire_uint(w, 1);
}

static inline uint16_t wire_u16(struct wire *w)
{
    return (uint16_t)wire_uint(w, 2);
}

static inline int32_t wire_i32(struct wire *w)
{
    return (int32_t)(uint32_t)wire_uint(w, 4);
}

static inline int64_t wire_i64(struct wire *w)
{
    return (int64_t)wire_uint(w, 8);
}

static inline double wire_f64(struct wire *w)
{
    uint64_t bits = wire_uint(w, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline float wire_f32(struct wire *w)
{
    uint32_t bits = (uint32_t)wire_uint(w, 4);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Everything was read, and nothing beyond. */
static inline bool wire_done(const struct wire *w)
{
    return !w->bad && w->left == 0;
}

#endif
