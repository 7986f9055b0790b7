/*
 * catalog.h: which plugins there are, and what they say of themselves. The list comes from ELF notes and is read anew
 * when asked for, so that a file dropped into the folder is there at once; what needs the plugin's code is asked of
 * probe children (design D16), a few at a time, and kept by file identity. One thread, the loop's.
 */
#ifndef SUPERVISOR_CATALOG_H
#define SUPERVISOR_CATALOG_H

#include "find.h"
#include "loop.h"

#include <jansson.h>

struct catalog;

hp_status catalog_create(struct loop *loop, const char *plugin_path, struct catalog **out, struct hp_error *err);
/* Questions that wait are answered with an error, and what runs is killed: not busy any more soon after. */
void catalog_close(struct catalog *c);
bool catalog_busy(const struct catalog *c);
void catalog_destroy(struct catalog *c); /* closed before, and not busy */

const char *catalog_path(const struct catalog *c);
/* Good until the next call. */
const struct plugin_list *catalog_list(struct catalog *c);
/* By any of its names; a list read less than a second ago is good enough if it holds the name. */
const struct plugin_file *catalog_find(struct catalog *c, const char *name, bool *ambiguous);

/* json NULL: *err tells. Both are borrowed for the call. */
typedef void (*catalog_fn)(void *arg, json_t *json, const struct hp_error *err);
/* The keys of a plugin under one of its names. */
void catalog_describe(struct catalog *c, const struct plugin_file *file, const char *name, catalog_fn done, void *arg);
/* The answer to {"do":"validate",...}, as in probe.h. */
void catalog_validate(struct catalog *c, const char *klass, const json_t *config, catalog_fn done, void *arg);
/* The answer to {"do":"position",...}: no plugin's business, but a probe's, too. */
void catalog_position(struct catalog *c, const char *streams, const char *stream, catalog_fn done, void *arg);

#endif
