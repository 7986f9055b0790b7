/* props.c: the map of props.h. Configs have tens of keys, so a list searched in order is the whole data structure.
   [any] thread, one owner. */
#include "props.h"

#include <stdlib.h>
#include <string.h>

void props_init(struct props *p)
{
    *p = (struct props){0};
}

void props_finish(struct props *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->entries[i].key);
        free(p->entries[i].value);
    }
    free(p->entries);
    *p = (struct props){0};
}

static struct props_entry *props_find(const struct props *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->entries[i].key, key) == 0) {
            return &p->entries[i];
        }
    }
    return NULL;
}

bool props_set(struct props *p, const char *key, const char *value)
{
    struct props_entry *e = props_find(p, key);
    char *v = strdup(value), *k;
    if (!v) {
        return false;
    }
    if (e) {
        free(e->value);
        e->value = v;
        return true;
    }
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 16;
        struct props_entry *entries = realloc(p->entries, cap * sizeof *entries);
        if (!entries) {
            free(v);
            return false;
        }
        p->entries = entries;
        p->cap = cap;
    }
    k = strdup(key);
    if (!k) {
        free(v);
        return false;
    }
    p->entries[p->n++] = (struct props_entry){k, v};
    return true;
}

bool props_remove(struct props *p, const char *key)
{
    struct props_entry *e = props_find(p, key);
    if (!e) {
        return false;
    }
    free(e->key);
    free(e->value);
    p->n--;
    memmove(e, e + 1, (size_t)(p->entries + p->n - e) * sizeof *e);
    return true;
}

const char *props_get(const struct props *p, const char *key)
{
    const struct props_entry *e = props_find(p, key);
    return e ? e->value : NULL;
}

bool props_copy(struct props *to, const struct props *from)
{
    for (size_t i = 0; i < from->n; i++) {
        if (!props_set(to, from->entries[i].key, from->entries[i].value)) {
            return false;
        }
    }
    return true;
}
