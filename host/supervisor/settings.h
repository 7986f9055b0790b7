/*
 * settings.h: homeport.properties: the keys of the host, one table with type, default, range and meaning. Unknown keys
 * are warned about by name; a bad value is an error that names key, value and what is allowed. Also used by the
 * commands that look into a data folder.
 */
#ifndef SUPERVISOR_SETTINGS_H
#define SUPERVISOR_SETTINGS_H

#include "props.h"

#include <stdio.h>

/* Reads `path` (NULL: only defaults), fills in every default. */
hp_status settings_load(const char *path, struct props *out, struct hp_error *err);
/* One key set from a command line, checked as in the file. */
hp_status settings_override(struct props *settings, const char *key, const char *value, struct hp_error *err);
void settings_print(FILE *to); /* the keys with a meaning, for --help */
/* Typed reads of a loaded set; the key must be one of the table's. */
int64_t settings_long(const struct props *settings, const char *key);
const char *settings_text(const struct props *settings, const char *key);

#endif
