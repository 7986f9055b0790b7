/*
 * json_read.h: reads the small JSON texts of positions: objects, arrays, strings, integers, true, false and null,
 * to a depth of 8. A cursor, not a tree: the caller walks members in the order of the text. Pure.
 */
#ifndef SOURCE_PG_JSON_READ_H
#define SOURCE_PG_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_read {
    const char *at, *end;
    bool failed;
};

struct json_read json_read_of(const void *text, size_t len);
/* Begin an object or array: false (and failed) if the next value is none. */
bool json_enter(struct json_read *j, char bracket);
/* Next member of an object (its key, unescaped, cut to size) or element of an array (key NULL): false at the end. */
bool json_next(struct json_read *j, char *key, size_t size, bool *first);
/* The next value. json_number takes "123" in quotes as well, and null as 0. */
bool json_number(struct json_read *j, int64_t *out);
bool json_string(struct json_read *j, char *out, size_t size);
bool json_skip(struct json_read *j);
/* Nothing but blanks is left, and nothing failed. */
bool json_done(struct json_read *j);

#endif
