/*
 * table.h: what the target's catalog says about the tables written to, read once and kept until something hints that
 * it has changed. [task & started]
 */
#ifndef SINK_PG_TABLE_H
#define SINK_PG_TABLE_H

#include "link.h"
#include "types.h"

struct shape;

struct column {
    char *name;
    uint32_t attnum;
    const struct pgtype *type;
    int32_t typmod;
    bool required;  /* must be given: not null, and nothing of its own to be filled with */
    bool generated; /* computed here: never written */
    bool identity;
    bool identity_always;
    bool deterministic; /* its collation: equal texts have equal bytes */
};

/* A unique index on plain columns that can serve ON CONFLICT. */
struct unique {
    uint32_t n;
    uint32_t *attnums;
    char *name;
    bool immediate;
};

struct table {
    struct table *next;
    char *schema, *name; /* as the target has them */
    char *quoted;        /* "schema"."name" */
    uint32_t oid;
    bool partitioned;
    bool copyable; /* no rules, no row security: COPY may write to it */
    bool has_identity;
    bool referenced; /* by a foreign key */
    bool deferrable; /* has a constraint that can be deferred */
    uint32_t n_columns;
    struct column *columns;
    uint32_t n_uniques;
    struct unique *uniques;
    uint32_t n_parents;
    uint32_t *parents;   /* OIDs of tables that its foreign keys name */
    uint32_t rank;       /* parents have lower ranks, as far as known and free of cycles */
    uint32_t copy_pause; /* runs left to be written without COPY since a key was there already */
    uint32_t copy_penalty;
    struct table_mark *mark;
};

/* plan.c: whose rows the open segment holds. One per table of the target, shared by what was known of it before and
   after an ALTER. */
struct table_mark {
    struct table_mark *next;
    const struct shape *shape;
    uint32_t segment;
    uint32_t slot;
};

struct catalog {
    struct link *link;
    struct typemap types;
    struct table *tables;
    struct table *retired; /* as they were before an ALTER: shapes still point to them */
    struct table_mark *marks;
    char *default_schema; /* of names without one */
    bool any_deferrable;
};

void catalog_finish(struct catalog *c);
void catalog_forget(struct catalog *c); /* all tables and types */
/* HP_IDLE: there is no such table. */
hp_status catalog_table(struct catalog *c, const char *schema, const char *name, struct table **out,
                        struct hp_error *err);
/* It was altered: what is asked for next is read anew. */
void catalog_retire(struct catalog *c, struct table *t);
/* Make sure that the types with these OIDs, and those inside them, are known. */
hp_status catalog_types(struct catalog *c, const uint32_t *oids, size_t n, struct hp_error *err);
const struct column *table_column(const struct table *t, const char *name, size_t len); /* NULL: none */
/* A unique index on exactly these columns, in any order, that is checked at once, or one that can wait. */
const struct unique *table_unique_on(const struct table *t, const uint32_t *attnums, uint32_t n, bool immediate);

#endif
