/*
 * json.h: jansson behind limits (SEC-13): depth 32, 10,000 members, duplicate keys and invalid UTF-8
 * refused, NUL in strings refused. Errors name line and column.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <homeport/homeport.h>

#include <jansson.h>

struct props;
struct buf;

json_t *json_parse(const char *text, size_t len, struct hp_error *err); /* any JSON value; new reference */
char *json_text(const json_t *json);            /* compact, keys in insertion order; caller frees */
json_t *json_from_props(const struct props *p); /* object of strings */
/* Strings as they are, numbers and booleans by their text (as Connect takes them); null, arrays and
   objects are errors that name the key. */
hp_status json_to_props(const json_t *object, struct props *out, struct hp_error *err);
/* A text that somebody else made, perhaps in another encoding or cut within a character, as a string all the same: what
   is not UTF-8 becomes U+FFFD. New reference; NULL: no memory. */
json_t *json_said(const char *text);
void json_escape(struct buf *out, const void *text, size_t len); /* with the quotes; bad UTF-8 becomes U+FFFD */

#endif
