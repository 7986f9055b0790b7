/*
 * rows.h: row changes into records: the wire's values straight into cells, one bound check per record. Called by
 * stream.c and snapshot.c per row. [task]
 */
#ifndef SOURCE_PG_ROWS_H
#define SOURCE_PG_ROWS_H

#include "relation.h"

struct row_change {
    const struct relation *rel;
    char op;        /* HP_OP_CREATE, UPDATE, DELETE or READ */
    uint16_t flags; /* HP_REC_* known beforehand */
    uint32_t subxid, seq;
    uint64_t pos;
    const struct pgoutput_tuple *before, *after; /* kind 0: not there */
    size_t wire_bytes;                           /* length of the message: bounds the record's size */
};

/* FATAL if it does not fit, naming the table and the size. */
hp_status rows_append(struct hp_builder *b, const struct row_change *change, struct hp_error *err);
/* One record of a TRUNCATE. */
hp_status rows_append_truncate(struct hp_builder *b, const struct row_change *change, struct hp_error *err);
hp_status rows_too_large(const char *table, uint64_t size, uint64_t max, struct hp_error *err);

#endif
