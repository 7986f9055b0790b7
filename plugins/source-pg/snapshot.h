/*
 * snapshot.h: the snapshot while it runs; shared by snapshot.c (the slot and the way through), snapshot_table.c (which
 * tables, which columns, by which statement) and snapshot_rows.c (reading them). [task]
 */
#ifndef SOURCE_PG_SNAPSHOT_H
#define SOURCE_PG_SNAPSHOT_H

#include "publication.h"
#include "source.h"

enum snapshot_step {
    SNAP_MAKE_SLOT,
    SNAP_WAIT_SLOT,
    SNAP_IMPORT,
    SNAP_NEXT_TABLE,
    SNAP_ROWS,
    SNAP_TABLE_END,
    SNAP_OVER
};

struct snapshot {
    enum snapshot_step step;
    bool make_slot, read_tables;
    char slot[72];  /* the permanent one's name, or a temporary one's */
    char name[64];  /* of the exported snapshot */
    char what[320]; /* "reading table x", for errors */
    uint64_t lsn;   /* at which tables are read now */
    int64_t began_us;
    bool complained;
    int64_t wall_us; /* time of the snapshot */
    struct captured_table *tables;
    size_t n_tables, at, last; /* last: the last one to be read */
    struct relation *rel;      /* of the table being read */
    struct wire wire;
    struct hp_tx tx;
    bool header_seen, trailer_seen, any_row, table_row;
    bool *as_text;       /* by column: cast to text, having no binary form that says the same elsewhere */
    bool overridden;     /* the table is read with a statement of the user's */
    bool stream_as_text; /* one of them would come in binary by the stream: text for all, then */
    uint32_t seq;
    struct pgoutput_value *values;
    uint64_t last_record; /* offset of the newest record in the builder */
    uint8_t *carry;       /* an unfinished batch between two polls */
    size_t carry_len;
    uint64_t carry_records;
};

/* snapshot_order.c: tables that others refer to come first. */
hp_status snapshot_order(struct session *catalog, struct captured_table *tables, size_t n, struct hp_error *err);

/* snapshot_table.c */
/* The relation that the snapshot makes of a table, and (while there is one) which columns it reads as text. */
hp_status snapshot_relation(struct source *s, const struct captured_table *t, const struct catalog_table *facts,
                            struct relation **out, struct hp_error *err);
hp_status snapshot_list_tables(struct source *s, struct hp_error *err);
hp_status snapshot_next_table(struct source *s, struct hp_error *err); /* to SNAP_ROWS, or SNAP_OVER after the last */
hp_status snapshot_table_end(struct source *s, struct hp_poll *poll,
                             struct hp_error *err); /* HP_IDLE: nothing to give */

/* snapshot_rows.c: HP_OK with a chunk, or HP_IDLE; to SNAP_TABLE_END at the end. */
hp_status snapshot_read_rows(struct source *s, struct hp_poll *poll, int64_t deadline, struct hp_error *err);

#endif
