/* buf.c: see buf.h. Growth doubles, so appends cost amortised constant time; the limit is checked before any
   memory is asked for. [any] thread, one owner per buf. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 64u

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_finish(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data) {
        b->data[0] = 0;
    }
}

/* Room for len more bytes and the NUL behind them. */
static bool buf_grow(struct buf *b, size_t len)
{
    size_t need, cap;
    uint8_t *data;
    if (len > b->max || b->len > b->max - len || b->len + len == SIZE_MAX) {
        b->failed = true;
        return false;
    }
    need = b->len + len + 1;
    if (b->data && need <= b->cap) {
        return true;
    }
    cap = b->cap > SIZE_MAX / 2 ? need : b->cap * 2;
    cap = cap < BUF_FIRST ? BUF_FIRST : cap;
    cap = cap < need ? need : cap;
    data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    b->data[b->len] = 0;
    return true;
}

bool buf_append(struct buf *b, const void *data, size_t len)
{
    if (!buf_grow(b, len)) {
        return false;
    }
    if (len) {
        memcpy(b->data + b->len, data, len);
    }
    buf_take(b, len);
    return true;
}

bool buf_puts(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}

bool buf_putc(struct buf *b, char c)
{
    return buf_append(b, &c, 1);
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    int len;
    bool done = false;
    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len >= 0 && buf_grow(b, (size_t)len)) {
        (void)vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
        done = true;
    }
    va_end(again);
    b->failed = b->failed || !done;
    return done;
}

void *buf_room(struct buf *b, size_t len)
{
    return buf_grow(b, len) ? b->data + b->len : NULL;
}

void buf_take(struct buf *b, size_t len)
{
    b->len += len;
    b->data[b->len] = 0;
}

void buf_consume(struct buf *b, size_t len)
{
    len = len < b->len ? len : b->len;
    if (len) {
        memmove(b->data, b->data + len, b->len - len);
        b->len -= len;
        b->data[b->len] = 0;
    }
}

char *buf_steal(struct buf *b)
{
    char *data;
    if (!b->data && !buf_grow(b, 0)) {
        return NULL;
    }
    data = (char *)b->data;
    *b = (struct buf){.max = b->max};
    return data;
}
