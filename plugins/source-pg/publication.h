/*
 * publication.h: the publication, and the tables it captures. Runs at start, before the slot (cdc-facts P10). [task]
 */
#ifndef SOURCE_PG_PUBLICATION_H
#define SOURCE_PG_PUBLICATION_H

#include "session.h"

struct captured_table {
    uint32_t oid;
    char relkind;     /* r, p (with publish_via_partition_root) */
    bool in_snapshot; /* its rows of before are wanted too */
    char *schema, *table;
    char *columns; /* "{a,b}" as the server prints name[], NULL: all that are published by default */
    char *filter;  /* row filter, or NULL */
};

/* Make or complete it as publication.autocreate.mode says. *created: it was not there before. */
hp_status publication_ensure(struct session *s, bool *created, struct hp_error *err);
/* What it publishes and the lists want, by name. Free with publication_tables_free. */
hp_status publication_tables(struct session *s, struct captured_table **out, size_t *out_n, struct hp_error *err);
void publication_tables_free(struct captured_table *tables, size_t n);
/* ALTER TABLE ... REPLICA IDENTITY as replica.identity.autoset.values says, where it differs. */
hp_status publication_set_identities(struct session *s, struct hp_error *err);

#endif
