/*
 * mem.h: the sink's three kinds of memory: a growing run of bytes, growing text, and an arena that is emptied after
 * every batch. None is shared between threads. Failure is sticky, so that one check at the end is enough.
 */
#ifndef SINK_PG_MEM_H
#define SINK_PG_MEM_H

#include <homeport/homeport.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Growing bytes. */
struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool failed;
};

bool bytes_grow(struct bytes *b, size_t more);
void bytes_trim(struct bytes *b, size_t keep); /* empty it; give back what exceeds keep */
void bytes_finish(struct bytes *b);

/* Room for more bytes at the end; NULL without memory. */
static inline uint8_t *bytes_room(struct bytes *b, size_t more)
{
    if ((!b->data || b->cap - b->len < more) && !bytes_grow(b, more)) {
        return NULL;
    }
    return b->data + b->len;
}

static inline void put_u16(uint8_t *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

static inline void put_u64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

static inline uint32_t get_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

void bytes_append(struct bytes *b, const void *data, size_t len);
void bytes_text(struct bytes *b, const char *text);
void bytes_printf(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The bytes as NUL-terminated text for the caller to free; NULL if anything failed. b is empty then. */
char *bytes_steal_text(struct bytes *b);

/* Memory given back all at once. */
struct arena_block;
struct arena {
    struct arena_block *blocks;
    bool failed;
};

void *arena_alloc(struct arena *a, size_t size); /* 16-byte aligned, not cleared; NULL without memory */
char *arena_text(struct arena *a, const void *data, size_t len);
void arena_reset(struct arena *a); /* keeps one block of ordinary size */
void arena_finish(struct arena *a);

char *copy_text(const void *data, size_t len); /* malloc'ed, NUL-terminated */

static inline bool bytes_equal(struct hp_bytes a, struct hp_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool bytes_are(struct hp_bytes a, const char *text)
{
    return bytes_equal(a, hp_bytes_of(text));
}

hp_status out_of_memory(struct hp_error *err);

#endif
