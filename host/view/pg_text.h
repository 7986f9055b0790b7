/* pg_text.h: readers of text forms: what the server's output function prints (ISO dates, postgres intervals) into what
   its send function would have sent. `text` ends with a NUL at len. False: no such text. Pure. */
#ifndef VIEW_PG_TEXT_H
#define VIEW_PG_TEXT_H

#include "pg_form.h"

void text_put(struct buf *bin, uint64_t v, size_t n); /* n bytes, big-endian */

/* pg_text_time.c */
bool text_date(const char *text, size_t len, struct buf *bin);
bool text_time(const char *text, size_t len, struct buf *bin);
bool text_timetz(const char *text, size_t len, struct buf *bin);
bool text_timestamp(const char *text, size_t len, struct buf *bin); /* with or without an offset */
bool text_interval(const char *text, size_t len, struct buf *bin);

#endif
