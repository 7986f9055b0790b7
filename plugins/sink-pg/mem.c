/* mem.c: see mem.h. */
#include "mem.h"

#define ARENA_BLOCK ((size_t)256 << 10)

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(16) uint8_t data[];
};

bool bytes_grow(struct bytes *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 256;
    uint8_t *data;
    if (more > SIZE_MAX / 4 || b->len > SIZE_MAX / 4) {
        b->failed = true;
        return false;
    }
    /* Doubling up to 16 MiB, then by an eighth: a huge value must not cost twice its size. */
    while (cap - b->len < more) {
        cap += cap < ((size_t)16 << 20) ? cap : cap / 8;
    }
    data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void bytes_trim(struct bytes *b, size_t keep)
{
    b->len = 0;
    b->failed = false;
    if (b->cap > keep) {
        bytes_finish(b);
    }
}

void bytes_finish(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}

void bytes_append(struct bytes *b, const void *data, size_t len)
{
    uint8_t *p = bytes_room(b, len);
    if (p && len) {
        memcpy(p, data, len);
        b->len += len;
    }
}

void bytes_text(struct bytes *b, const char *text)
{
    bytes_append(b, text, strlen(text));
}

void bytes_printf(struct bytes *b, const char *format, ...)
{
    va_list args, again;
    int n;
    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    if (n < 0) {
        b->failed = true;
    } else if (bytes_room(b, (size_t)n + 1)) {
        (void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

char *bytes_steal_text(struct bytes *b)
{
    char *text = NULL;
    bytes_append(b, "", 1);
    if (b->failed) {
        bytes_finish(b);
        return NULL;
    }
    text = (char *)b->data;
    *b = (struct bytes){0};
    return text;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *block = a->blocks;
    void *p;
    if (size > SIZE_MAX / 2) {
        a->failed = true;
        return NULL;
    }
    size = (size + 15) & ~(size_t)15;
    if (!block || block->size - block->used < size) {
        size_t room = size > ARENA_BLOCK ? size : ARENA_BLOCK;
        block = malloc(sizeof *block + room);
        if (!block) {
            a->failed = true;
            return NULL;
        }
        block->next = a->blocks;
        block->used = 0;
        block->size = room;
        a->blocks = block;
    }
    p = block->data + block->used;
    block->used += size;
    return p;
}

char *arena_text(struct arena *a, const void *data, size_t len)
{
    char *p = arena_alloc(a, len + 1);
    if (p) {
        if (len) {
            memcpy(p, data, len);
        }
        p[len] = '\0';
    }
    return p;
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = NULL;
    for (struct arena_block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        if (!keep && b->size == ARENA_BLOCK) {
            keep = b;
        } else {
            free(b);
        }
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
    }
    a->blocks = keep;
    a->failed = false;
}

void arena_finish(struct arena *a)
{
    arena_reset(a);
    free(a->blocks);
    a->blocks = NULL;
}

char *copy_text(const void *data, size_t len)
{
    char *p = malloc(len + 1);
    if (p) {
        if (len) {
            memcpy(p, data, len);
        }
        p[len] = '\0';
    }
    return p;
}

hp_status out_of_memory(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
}
