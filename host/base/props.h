/*
 * props.h: flat string maps: Java .properties files, and the key/value lists that configs are. Order of
 * first appearance is kept. Values are owned copies.
 */
#ifndef BASE_PROPS_H
#define BASE_PROPS_H

#include <homeport/homeport.h>

#include <stdbool.h>
#include <stddef.h>

struct props_entry {
    char *key;
    char *value;
};
struct props {
    struct props_entry *entries;
    size_t n, cap;
};

void props_init(struct props *p);
void props_finish(struct props *p);
bool props_set(struct props *p, const char *key, const char *value); /* false: no memory */
bool props_remove(struct props *p, const char *key);
const char *props_get(const struct props *p, const char *key); /* NULL: not there */
bool props_copy(struct props *to, const struct props *from);   /* to is initialised and empty */
/* java.util.Properties.load: comments # and !, = : or blank between, \ escapes and continuation, \uXXXX.
   A repeated key: the last one counts, as there. Errors name the line. */
hp_status props_parse(struct props *p, const char *text, size_t len, struct hp_error *err);
hp_status props_load(struct props *p, const char *path, struct hp_error *err);

#endif
