/*
 * catalog.h: the facts about a table that the stream does not tell: primary key, nullability, type names, kinds and
 * labels (cdc-facts P12). Read through an ordinary session; what it says may be newer than the row at hand, so
 * relation.c lets the Relation message win. [task]
 */
#ifndef SOURCE_PG_CATALOG_H
#define SOURCE_PG_CATALOG_H

#include "session.h"

struct catalog_column {
    char *name;
    uint32_t type_oid;
    int32_t typmod;
    bool not_null, identity, generated;
    bool in_identity;         /* in the index named by REPLICA IDENTITY USING INDEX */
    uint32_t primary, unique; /* 1-based position in the primary key, in the chosen unique index; 0: not in it */
};

struct catalog_type {
    uint32_t oid, base; /* base of a domain, element of an array */
    int32_t typmod;     /* of a domain */
    char kind;          /* typtype; 'A' for arrays */
    bool sends_binary;
    bool portable; /* the binary form says the same elsewhere, for all that is in it; else it has to go as text */
    char *name;    /* as format_type() */
    char *labels;  /* enum (or element of an array of one): '\n' between; or "" */
};

struct catalog_table {
    bool found;
    char relkind, identity; /* identity: relreplident */
    struct {
        char *schema, *table;
    } * above; /* of a partition: the partitioned tables that it is part of, nearest first */
    size_t n_above;
    struct catalog_column *columns; /* by attnum */
    size_t n_columns;
    struct catalog_type *types;
    size_t n_types;
};

/* Columns of the table `oid`, and the types in `type_oids` besides those of the columns. */
hp_status catalog_table_read(struct session *s, uint32_t oid, const uint32_t *type_oids, size_t n_type_oids,
                             struct catalog_table *out, struct hp_error *err);
void catalog_table_finish(struct catalog_table *t);
const struct catalog_column *catalog_column_find(const struct catalog_table *t, const char *name, size_t len);
const struct catalog_type *catalog_type_find(const struct catalog_table *t, uint32_t oid);

#endif
