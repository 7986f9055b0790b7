/* text.c: see text.h. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_put(struct text *t, const char *format, ...)
{
    while (!t->failed) {
        va_list args;
        int n;
        va_start(args, format);
        n = vsnprintf(t->data ? t->data + t->len : NULL, t->cap - t->len, format, args);
        va_end(args);
        if (n >= 0 && (size_t)n < t->cap - t->len) {
            t->len += (size_t)n;
            return;
        }
        size_t cap = t->cap * 2 + (size_t)(n < 0 ? 0 : n) + 512;
        char *more = n < 0 ? NULL : realloc(t->data, cap);
        if (!more) {
            t->failed = true;
            return;
        }
        t->data = more;
        t->cap = cap;
    }
}

void text_reset(struct text *t)
{
    t->len = 0;
    t->failed = false;
}

void text_finish(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}
