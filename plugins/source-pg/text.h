/* text.h: a text that grows; for SQL and positions. `failed` is sticky: check it once at the end. Pure. */
#ifndef SOURCE_PG_TEXT_H
#define SOURCE_PG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data; /* NUL-terminated unless NULL */
    size_t len, cap;
    bool failed; /* out of memory */
};

void text_put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_reset(struct text *t);
void text_finish(struct text *t);

#endif
