/*
 * relation.h: what is known of each relation of the stream: a Relation message's columns, met with the catalog's
 * facts (cdc-facts P12), as an interned schema; and which wire column becomes which cell. [task]
 */
#ifndef SOURCE_PG_RELATION_H
#define SOURCE_PG_RELATION_H

#include "catalog.h"
#include "pgoutput.h"

#define RELATION_LEFT_OUT UINT16_MAX

struct relation {
    uint32_t oid;
    bool wanted;          /* captured by the lists */
    uint16_t n_wire;      /* columns as they come */
    uint16_t n_cells;     /* columns of the schema */
    bool straight;        /* cell i is wire column i */
    uint16_t *cell_of;    /* wire column -> cell, or RELATION_LEFT_OUT */
    uint8_t *is_key;      /* by cell */
    uint8_t *in_identity; /* by cell: flagged in the Relation message */
    uint32_t topic, schema;
    const struct hp_schema *interned; /* that schema; NULL if not wanted */
    uint64_t snapshot_lsn;            /* changes committed before it are in the snapshot; 0: none */
    char identity;
    char *name;          /* "schema.table", for messages */
    uint8_t *definition; /* the Relation message's bytes from the oid on, to notice repetitions */
    size_t definition_len;
};

struct relations {
    struct relation **slots; /* open addressing by oid; capacity a power of two */
    size_t cap, n;
    struct relation *last; /* of the last lookup */
};

void relations_finish(struct relations *r);
struct relation *relations_find(struct relations *r, uint32_t oid); /* NULL: unknown */
/* Put `rel` in, in place of one with its oid, which is freed. */
hp_status relations_put(struct relations *r, struct relation *rel, struct hp_error *err);

/* A relation as a Relation message defines it, or the snapshot does from the catalog. */
struct relation_def {
    uint32_t oid;
    const char *schema, *table;
    char identity;
    uint16_t n_columns;
    const struct pgoutput_column *columns; /* flags: part of the replica identity */
};

hp_status relation_create(const struct services *services, const struct settings *settings,
                          const struct relation_def *def, const struct catalog_table *table, struct relation **out,
                          struct hp_error *err);
void relation_destroy(struct relation *rel);

#endif
