/*
 * shape.h: how the rows of one source schema map onto one target table: columns, keys, and the column sets that occur
 * among its records, each with its prepared statements. shape.c is pure; shape_build.c asks the catalog. [task]
 */
#ifndef SINK_PG_SHAPE_H
#define SINK_PG_SHAPE_H

#include "sql_build.h"
#include "table.h"

#define NO_SRC UINT32_MAX

struct shape_col {
    const struct column *target;
    const struct hp_column *source;
    const struct hp_schema *source_schema;
    uint32_t after_src;  /* index among the cells of the new row; NO_SRC: there only in the key */
    uint32_t before_src; /* among those of the old row, or of a plain record's key */
    uint32_t equality;   /* EQUAL_* */
    bool key;
};

/* What a row holds of a column. */
#define FORM_ABSENT    0
#define FORM_BINARY    1 /* or null, or not native */
#define FORM_TEXT      2
#define FORM_UNCHANGED 3

struct param {
    uint32_t col;
    char half; /* 'a': new value, 'b': old value */
    struct wire wire;
};

/* A set of columns in certain forms, as rows have them: rows of one set go into one statement. */
struct colset {
    struct colset *next;
    uint32_t n_params;
    bool complete;        /* nothing is unchanged: the row can be inserted */
    bool direct;          /* no casts: can be copied straight in */
    bool unnestable;      /* no arrays */
    char stage[16];       /* temporary table */
    uint32_t stage_epoch; /* sink.stage_epoch when it was created: it is still there if that is the same */
    uint32_t stage_tx;    /* number of the transaction that used it last */
    struct param *params;
    struct statement *statements[SQL_KINDS][SQL_VARIANTS];
    uint8_t forms[]; /* n of the new values, n of the old */
};

struct shape {
    struct shape *next; /* of the same schema id */
    const struct hp_schema *schema, *key_schema;
    uint32_t topic;
    uint8_t kind;      /* HP_RECORD_* */
    bool scalar_value; /* a plain record whose value is one cell */
    bool scalar_key;
    bool has_value; /* plain: built from a record with a value */
    struct table *table;
    struct hp_bytes topic_name; /* copied */
    uint32_t n;
    struct shape_col *cols;
    uint32_t n_keys;
    uint32_t *keys;  /* indexes into cols */
    bool insertable; /* rows that are missing may be inserted (insert.mode is not update) */
    bool mergeable;  /* bytes of its keys tell whether they are equal */
    const struct unique *arbiter;
    bool doubled; /* the only unique index on the keys is deferrable */
    bool lacks;   /* a column of the target that no source column feeds is required */
    struct colset *sets;
    const char **others; /* names of insertable target columns that no source column feeds */
    uint32_t n_others;
    struct hp_column pseudo[2]; /* scalar value and key */
    char *pseudo_key;           /* name of the scalar key's column */
};

void shape_free(struct shape *s);

/* The rows of a record: arrays of cells as after_src and before_src index them; NULL: none. */
void shape_rows(const struct shape *s, const struct hp_record *rec, const struct hp_cell **out_after,
                const struct hp_cell **out_before);

/* The column set with these forms (2n); NULL with err. */
struct colset *shape_set(struct shape *s, const struct typemap *types, const uint8_t *forms, struct hp_error *err);

/* Its statement, built when first asked for. sql "" : there is nothing to do. NULL without memory. */
struct statement *shape_statement(struct shape *s, const struct typemap *types, struct colset *set, int kind,
                                  int variant);
/* COPY into the table, or CREATE and COPY of the stage. Caller frees. */
char *shape_copy_sql(struct shape *s, const struct typemap *types, struct colset *set);
char *shape_stage_sql(struct shape *s, const struct typemap *types, struct colset *set, bool create);

#define CELL_HASH_START 0x9e3779b97f4a7c15u
uint64_t cell_hash(uint64_t hash, const struct hp_record *rec, const struct hp_cell *cell, uint32_t equality);
bool cell_same(const struct hp_record *rec_a, const struct hp_cell *a, const struct hp_record *rec_b,
               const struct hp_cell *b, uint32_t equality);

static inline bool cell_here(const struct hp_cell *cell)
{
    return cell->type != HP_NONE;
}

#endif
