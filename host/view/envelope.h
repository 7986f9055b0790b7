/* envelope.h: the parts that debezium.c puts together. All pure; text goes to out, whose `failed` tells what did not
   fit; errors of content are told by status and *err. */
#ifndef VIEW_ENVELOPE_H
#define VIEW_ENVELOPE_H

#include "debezium.h"

/* A change record and what belongs to it. */
struct change {
    const struct hp_batch *batch;
    const struct hp_record *rec;
    const struct hp_tx *tx; /* may be NULL */
    const struct view_options *options;
    const struct hp_schema *schema; /* NULL for op m without one */
};

/* row.c: a table's row as a struct. `other`: image to take unchanged TOAST values from, or NULL. */
hp_status row_json(const struct change *c, const struct hp_cell *cells, const struct hp_cell *other, bool after,
                   struct buf *out, struct hp_error *err);
/* The key columns in key order; false: the schema has none (nothing was written). */
bool row_has_key(const struct hp_schema *schema);
hp_status row_key_json(const struct change *c, const struct hp_cell *cells, struct buf *out, struct hp_error *err);
/* Do the two images hold different keys? */
bool row_key_differs(const struct change *c, const struct hp_cell *before, const struct hp_cell *after);
/* Schemas of the same; field: "before", "after" or NULL. */
void row_schema(const struct hp_schema *schema, const char *field, struct buf *out);
void row_key_schema(const struct hp_schema *schema, struct buf *out);
/* The name of a table's schema and a suffix, in quotes. Debezium derives it from the topic's name: what Kafka does not
   allow in one becomes '_'. */
void row_schema_name(const struct hp_schema *schema, const char *suffix, struct buf *out);

/* source_block.c: who sent it, and from where. */
void source_block_json(const struct change *c, struct buf *out);
void source_block_schema(const struct change *c, struct buf *out);
int64_t change_built_us(const struct change *c);  /* when the event was built */
void change_ns_json(int64_t us, struct buf *out); /* nanoseconds; null after 2262, which int64 cannot hold */

/* plain.c: records and columns that are no native values: Kafka Connect's JSON of a cell. */
hp_status plain_json(const struct change *c, const struct hp_schema *schema, const struct hp_cell *cell,
                     struct buf *out, struct hp_error *err);
void plain_schema(const struct hp_schema *schema, const struct hp_cell *cell, struct buf *out);
void plain_column_schema(const struct hp_column *column, bool optional, struct buf *out);

#endif
