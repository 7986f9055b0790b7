/*
 * plan.h: a batch turned into steps: per table and form, which rows to write. Pure: shapes and records in, steps out,
 * no I/O. [task]
 *
 * Between two barriers (truncate, key change, change of a row without key, change of a table's schema) the changes of
 * one key are reduced to the last state; tables then follow each other so that foreign keys hold: deletes of tables
 * that nothing refers to, then new and changed rows, referred-to tables first, then deletes of referred-to tables.
 * With `ordered`, every record is a step of its own, in its order.
 *
 * A step is the place where a verdict per row (apply, skip, merge) belongs: its entries can be thinned out or
 * replaced before the step is written; nothing behind it assumes that a record has an entry.
 */
#ifndef SINK_PG_PLAN_H
#define SINK_PG_PLAN_H

#include "shape.h"

#define STEP_TRUNCATE SQL_KINDS /* other kinds are those of sql_build.h */
#define NO_ENTRY      UINT32_MAX

struct entry {
    const struct hp_record *rec;
    const struct hp_cell *after, *before;
    struct colset *set;
    const struct hp_tx *tx; /* the source's transaction; of it only the address counts */
    uint64_t hash;
    uint32_t index; /* of the record in its batch */
    uint32_t older; /* entry whose row supplies the unchanged columns, NO_ENTRY: none */
    uint32_t next;  /* of the same table in this segment */
    uint32_t first; /* plan_tangle.c: the change that is written last of a path, ... */
    uint32_t needs; /* ... and the one that needs this one's place; NO_ENTRY: none */
    uint8_t kind;   /* SQL_*, or STEP_NOTHING: superseded */
    uint8_t born;   /* made and deleted within the segment: not missed if it is not there */
};
#define STEP_NOTHING 0xff

struct step {
    uint8_t kind;   /* SQL_* or STEP_TRUNCATE */
    uint8_t fresh;  /* INSERT: the source says that these rows are new; else any insert is meant */
    uint16_t flags; /* TRUNCATE: the record's */
    struct shape *shape;
    struct colset *set;
    uint32_t n;
    uint32_t *entries;     /* indexes */
    struct shape **shapes; /* TRUNCATE: n tables */
};

struct plan_options {
    int insert_mode;
    bool deletes, truncates;
    bool ordered;
};

struct plan {
    struct arena arena;
    struct entry *entries;
    uint32_t n_entries, cap_entries;
    struct step *steps;
    uint32_t n_steps, cap_steps;
    uint32_t *slots;         /* hash table: entry + 1, 0 empty */
    uint32_t n_slots;        /* power of two */
    struct pending *pending; /* tables of the open segment */
    uint32_t n_pending, cap_pending;
    uint32_t segment;       /* number of the open one */
    uint32_t segment_start; /* its first entry */
    uint8_t *forms;
    size_t cap_forms;
    uint64_t skipped_deletes, skipped_truncates, skipped_messages;
    uint64_t coalesced; /* records superseded */
    bool marked;        /* marks hold for this batch */
    uint8_t *marks;     /* by record */
    uint32_t wrong_guesses;
};

/* Gives the shape of a record; may talk to the server. */
typedef hp_status plan_shape_fn(void *arg, const struct hp_batch *batch, const struct hp_record *rec,
                                struct shape **out, struct hp_error *err);

void plan_finish(struct plan *p);
/* Steps of the batch. An error that is one record's is POISON with its index. */
hp_status plan_build(struct plan *p, const struct hp_batch *batch, const struct plan_options *options,
                     const struct typemap *types, plan_shape_fn *shape_of, void *arg, struct hp_error *err);

/* The cell of an entry for a parameter, and the record it lies in; NULL: none. */
const struct hp_cell *plan_cell(const struct plan *p, const struct entry *e, const struct shape_col *c, char half,
                                const struct hp_record **out_rec);

/* Of the old row, or of a plain record's key; NULL: none. */
const struct hp_cell *plan_old_cell(const struct entry *e, const struct shape_col *c);
/* The column set of an entry that writes its new row (or not) and looks for an old one by nothing, key, or all of it.
 */
#define OLD_NONE 0
#define OLD_KEY  1
#define OLD_ALL  2
hp_status plan_find_set(struct plan *p, const struct typemap *types, struct shape *s, struct entry *e, bool new_row,
                        int old, struct hp_error *err);

/* half a: the new row's key; half b: the old one's. false: a key column is not there. */
bool plan_hash_key(const struct plan *p, const struct shape *s, const struct entry *e, char half, uint64_t *out);
bool plan_same_key(const struct plan *p, const struct shape *s, const struct entry *a, char half_a,
                   const struct entry *b, char half_b);

/* plan_tangle.c: n entries, changes of keys and deletes that follow each other, become steps. */
bool plan_untangle(struct plan *p, struct shape *s, uint32_t from, uint32_t n);
/* What the target said: e was refused, because its new key is there, or (missing) because its old one is not. true: the
   next plan of the batch heeds it; false: it would not help. */
bool plan_refused(struct plan *p, const struct shape *s, const struct entry *e, uint64_t n_records, bool missing);
/* Does a row leave the new key of e within the source's transaction? */
bool plan_gives_way(const struct plan *p, const struct shape *s, const struct entry *e);

/* plan_emit.c: end the segment: its entries become steps. */
bool plan_emit(struct plan *p);
struct step *plan_step(struct plan *p, uint8_t kind, struct shape *shape, struct colset *set, uint32_t n);

struct pending {
    struct shape *shape;
    uint32_t head, tail; /* entries */
};

#endif
