/*
 * sql_build.h: the SQL of every statement that writes rows. Pure: descriptions in, text out. Names are always quoted
 * and schema-qualified; values never appear, only parameters.
 *
 * Every statement reads its rows from one relation `e`, whose columns are a<i> (new value of column i) and b<i> (old
 * value of column i), in three variants: arrays that unnest() turns into rows, one row of parameters, or a temporary
 * table that was filled by COPY. Parameters are numbered: a-columns in order, then b-columns in order.
 */
#ifndef SINK_PG_SQL_BUILD_H
#define SINK_PG_SQL_BUILD_H

#include "mem.h"

/* Kinds of statement. */
#define SQL_INSERT         0 /* a */
#define SQL_UPSERT         1 /* a, keys among them */
#define SQL_UPDATE         2 /* a: SET ... WHERE key = a-key */
#define SQL_DELETE         3 /* b: the key */
#define SQL_KEY_CHANGE     4 /* a, and b: the old key */
#define SQL_KEYLESS_UPDATE 5 /* a, and b: the whole old row */
#define SQL_KEYLESS_DELETE 6 /* b: the whole old row */
#define SQL_KEY_FREE       7 /* as KEY_CHANGE: delete the row that has the new key, if there is one with the old */
#define SQL_KEY_STRICT     8 /* as KEY_CHANGE, never inserting: division by zero if the old row is not there */
#define SQL_KEY_OUT        9 /* as DELETE: division by zero if the row is not there */
#define SQL_KINDS          10

/* Variants of `e`. */
#define SQL_UNNEST   0
#define SQL_ROW      1
#define SQL_STAGE    2
#define SQL_VARIANTS 3

struct sql_column {
    const char *name;        /* in the target */
    const char *cast;        /* what a parameter is cast to, quoted; NULL: nothing to do */
    const char *wire;        /* type in which it travels, quoted */
    const char *wire_before; /* the same of b, and its cast: NULL: as a */
    const char *cast_before;
    const char *equals;   /* operator; NULL: = */
    const char *equal_as; /* both sides are cast to this type first; NULL: as they are */
    uint8_t key;
    uint8_t fixed;         /* GENERATED ALWAYS AS IDENTITY: can be inserted, not updated */
    uint8_t comparable;    /* equal bytes and nothing else are equal to the type's = */
    uint8_t after, before; /* is there an a, a b */
};

struct sql_target {
    const char *schema, *name;
    bool partitioned;
    bool identity; /* has identity columns */
    bool arbiter;  /* a unique index on exactly the key columns can serve ON CONFLICT */
    bool doubled;  /* ... cannot, for it is deferrable: two rows may have a key until it is checked */
    bool complete; /* the a-columns are a whole row, so that it can be inserted */
    const struct sql_column *columns;
    uint32_t n_columns;
    const char *const *others; /* the target's further columns that can be inserted */
    uint32_t n_others;
    const char *stage; /* SQL_STAGE: name of the temporary table */
};

void sql_name(struct bytes *out, const char *name);                          /* "name" */
void sql_qualified(struct bytes *out, const char *schema, const char *name); /* "schema"."name" */
void sql_literal(struct bytes *out, struct hp_bytes text);                   /* 'text', standard_conforming_strings */

/* The statement's text, for the caller to free; NULL without memory. "" (empty): there is nothing to do. */
char *sql_build(int kind, int variant, const struct sql_target *t);
char *sql_copy(const struct sql_target *t);         /* COPY of the a-columns straight into the table */
char *sql_stage_create(const struct sql_target *t); /* the temporary table */
char *sql_stage_copy(const struct sql_target *t);

#endif
