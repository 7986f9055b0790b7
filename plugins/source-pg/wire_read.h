/*
 * wire_read.h: bounds-checked reading of PostgreSQL's big-endian wire data. A read beyond the end gives zero and
 * makes the reader fail; one check of `failed` per message is enough. Pure.
 */
#ifndef SOURCE_PG_WIRE_READ_H
#define SOURCE_PG_WIRE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire_read {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct wire_read wire_read_of(const void *data, size_t len)
{
    const uint8_t *at = data;
    struct wire_read r = {at, at + len, false};
    return r;
}

static inline size_t wire_left(const struct wire_read *r)
{
    return (size_t)(r->end - r->at);
}

static inline const uint8_t *wire_bytes(struct wire_read *r, size_t len)
{
    const uint8_t *at = r->at;
    if (wire_left(r) < len) {
        r->failed = true;
        r->at = r->end;
        return NULL;
    }
    r->at += len;
    return at;
}

static inline uint8_t wire_u8(struct wire_read *r)
{
    const uint8_t *p = wire_bytes(r, 1);
    return p ? *p : 0;
}

static inline uint16_t wire_u16(struct wire_read *r)
{
    const uint8_t *p = wire_bytes(r, 2);
    uint16_t v = 0;
    if (p) {
        memcpy(&v, p, sizeof v);
    }
    return __builtin_bswap16(v);
}

static inline uint32_t wire_u32(struct wire_read *r)
{
    const uint8_t *p = wire_bytes(r, 4);
    uint32_t v = 0;
    if (p) {
        memcpy(&v, p, sizeof v);
    }
    return __builtin_bswap32(v);
}

static inline uint64_t wire_u64(struct wire_read *r)
{
    const uint8_t *p = wire_bytes(r, 8);
    uint64_t v = 0;
    if (p) {
        memcpy(&v, p, sizeof v);
    }
    return __builtin_bswap64(v);
}

/* A NUL-terminated string, without its NUL in *out_len; "" on failure. */
static inline const char *wire_text(struct wire_read *r, size_t *out_len)
{
    const uint8_t *at = r->at, *nul = wire_left(r) ? memchr(at, 0, wire_left(r)) : NULL;
    if (!nul) {
        r->failed = true;
        r->at = r->end;
        *out_len = 0;
        return "";
    }
    *out_len = (size_t)(nul - at);
    r->at = nul + 1;
    return (const char *)at;
}

static inline void wire_put32(uint8_t *to, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(to, &v, sizeof v);
}

static inline void wire_put64(uint8_t *to, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(to, &v, sizeof v);
}

#endif
