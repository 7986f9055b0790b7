/* buf.h: a growing run of bytes with a hard upper limit. Not thread-safe; one owner. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <homeport/homeport.h>

#include <stdbool.h>
#include <stddef.h>

struct buf {
    uint8_t *data; /* NUL-terminated behind len whenever not NULL */
    size_t len;
    size_t cap;
    size_t max;  /* growing beyond fails */
    bool failed; /* sticky: an append did not fit or memory ran out */
};

void buf_init(struct buf *b, size_t max);
void buf_finish(struct buf *b);
void buf_reset(struct buf *b); /* empty, memory kept, failed cleared */
/* All appends: false (and failed set) beyond max or without memory; then nothing was appended. */
bool buf_append(struct buf *b, const void *data, size_t len);
bool buf_puts(struct buf *b, const char *text);
bool buf_putc(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *buf_room(struct buf *b, size_t len); /* room for len bytes at the end, or NULL; then buf_take() */
void buf_take(struct buf *b, size_t len);
void buf_consume(struct buf *b, size_t len); /* drop from the front */
char *buf_steal(struct buf *b);              /* the bytes, NUL-terminated; caller frees; buf is empty after */

#endif
