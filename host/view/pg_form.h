/*
 * pg_form.h: which form a PostgreSQL column takes in Debezium's view (cdc-facts 1.4, default modes), and how a value in
 * the type's binary send form becomes JSON of that form. Values come from outside (a log, a server): every function is
 * pure, checks its bounds, and says "malformed" instead of guessing.
 */
#ifndef VIEW_PG_FORM_H
#define VIEW_PG_FORM_H

#include "buf.h"

/* The rows of the table in pg_form.c, in its order. */
enum pg_kind {
    PG_NOT_SHOWN, /* Debezium leaves such a column out */
    PG_BOOL,
    PG_INT16,
    PG_INT32,
    PG_INT64,
    PG_OID,
    PG_FLOAT32,
    PG_FLOAT64,
    PG_STRING,
    PG_CHAR,
    PG_BYTES,
    PG_DECIMAL,  /* numeric(p,s) */
    PG_VARIABLE, /* numeric without scale */
    PG_MONEY,
    PG_DATE,
    PG_TIME_MILLIS,
    PG_TIME_MICROS,
    PG_TIMETZ,
    PG_TIMESTAMP_MILLIS,
    PG_TIMESTAMP_MICROS,
    PG_TIMESTAMPTZ,
    PG_INTERVAL,
    PG_BIT, /* bit(1), varbit(1) */
    PG_BITS,
    PG_JSON,
    PG_JSONB,
    PG_XML,
    PG_UUID,
    PG_INET,
    PG_CIDR,
    PG_MACADDR,
    PG_RANGE, /* of form.bound */
    PG_TSVECTOR,
    PG_ENUM,
    PG_POINT,
    PG_LINE,
    PG_LSEG,
    PG_BOX,
    PG_PATH,
    PG_POLYGON,
    PG_CIRCLE,
    PG_HSTORE,
    PG_LTREE,
    PG_GEOMETRY,
    PG_GEOGRAPHY,
    PG_VECTOR,
    PG_HALFVEC,
    PG_SPARSEVEC,
    PG_KIND_COUNT
};

struct pg_form {
    uint8_t kind;     /* of the value, or of an array's elements */
    uint8_t array;    /* 1: an array of kind */
    uint8_t bound;    /* PG_RANGE: kind of its bounds */
    uint8_t optional; /* the column may be null */
    int32_t scale;    /* PG_DECIMAL: digits behind the point. PG_TIMESTAMPTZ: at least so many digits of a second */
    int32_t length;   /* PG_BITS: declared number of bits */
    uint32_t oid;     /* of the built-in value or element type, 0 for an extension's */
    struct hp_bytes labels; /* PG_ENUM: in sort order, separated by '\n' */
};

/* Never fails: what is not in the table is PG_NOT_SHOWN. */
void pg_form_of(const struct hp_column *column, struct pg_form *out);

/* Appends the JSON of one value. False: the bytes are not a value of that type, or out is full (out->failed). */
bool pg_form_json(const struct pg_form *form, const void *data, size_t len, struct buf *out);
/* The same for the type's text form (HP_CELL_TEXT). */
bool pg_form_text_json(const struct pg_form *form, const void *data, size_t len, struct buf *out);
/* What Debezium sends in place of an unchanged TOAST value that the server did not send. */
void pg_form_unavailable(const struct pg_form *form, struct buf *out);
/* What it sends for a column that may not be null and that the before image does not hold. */
void pg_form_fallback(const struct pg_form *form, struct buf *out);
/* The Connect schema of the column, as JsonConverter writes it; field: the column's name, NULL: none. */
void pg_form_schema(const struct pg_form *form, const struct hp_bytes *field, struct buf *out);

#endif
