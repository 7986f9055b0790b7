/* name.h: which table a record goes to, by collection.name.format. Pure. */
#ifndef SINK_PG_NAME_H
#define SINK_PG_NAME_H

#include "mem.h"

#define NAME_MAX_BYTES 63 /* of an identifier in PostgreSQL; longer ones would be cut silently */

/*
 * The format's parts, each expanded by itself, so that a dot inside a name separates nothing. schema: of the record,
 * NULL if it has none. *out_schema is NULL if the format names no schema. Caller frees both.
 */
hp_status name_expand(const char *format, const struct hp_schema *schema, struct hp_bytes topic, char **out_schema,
                      char **out_table, struct hp_error *err);
/* A-Z become a-z, as PostgreSQL folds a name without quotes. */
void name_fold(char *name);
/* Does a field list ("field" or "topic:field") name this field? */
bool name_listed(char *const *items, size_t n, struct hp_bytes topic, struct hp_bytes field);
/* A type's name as format_type() prints it (public."Mood"[]), taken apart; the array brackets are left out. schema is
   "" if it names none. false: not well-formed. */
bool name_split_type(struct hp_bytes shown, char schema[64], char name[64]);
/* A name of up to 63 bytes for a replication origin: homeport_<connector>_<8 hex of connector and stream>. */
void name_origin(const char *connector, struct hp_bytes stream, char out[64]);

#endif
