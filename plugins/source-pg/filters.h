/*
 * filters.h: Debezium's include and exclude lists: comma separated regular expressions, each matched against the
 * whole name without regard to case; a backslash before a comma keeps it, and the comma of {1,3} needs none. PCRE2 with
 * limits (SEC-15): an expression that needs too many steps on a name is an error, not a wait. Built by settings.c;
 * [task].
 */
#ifndef SOURCE_PG_FILTERS_H
#define SOURCE_PG_FILTERS_H

#include <homeport/homeport.h>

#include <stdbool.h>

struct filter; /* one list */

/* `list` may be NULL or empty: *out is NULL then. key names it in errors. */
hp_status filter_create(const char *key, const char *list, struct filter **out, struct hp_error *err);
void filter_destroy(struct filter *f);
/* Does any expression match the whole of name. *out only on success. */
hp_status filter_match(const struct filter *f, const char *name, size_t len, bool *out, struct hp_error *err);

struct filters {
    struct filter *include, *exclude; /* NULL: not given. Never both, see validate.c */
};
/* Is it wanted: included, or not excluded, or no list at all. */
hp_status filters_wants(const struct filters *f, const char *name, size_t len, bool *out, struct hp_error *err);
void filters_finish(struct filters *f);

/* Splits at `separator` outside of backslash pairs (and of {1,3}, if it is a comma), trims blanks; items
   NUL-terminated; *out_items and its memory are freed by one free(). A backslash before the separator is dropped, other
   backslashes stay. 0 items is fine. */
bool list_split(const char *list, char separator, char ***out_items, size_t *out_n);

#endif
