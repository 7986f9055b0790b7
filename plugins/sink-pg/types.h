/*
 * types.h: which form a source's value travels in so that the target's column takes it (design D13). wire_choose and
 * wire_rebind are pure; the catalog's rows come in through types_add.
 */
#ifndef SINK_PG_TYPES_H
#define SINK_PG_TYPES_H

#include "mem.h"

/* OIDs that mean the same on every server. */
#define OID_BOOL           16u
#define OID_BYTEA          17u
#define OID_INT8           20u
#define OID_INT2           21u
#define OID_INT4           23u
#define OID_TEXT           25u
#define OID_JSON           114u
#define OID_FLOAT4         700u
#define OID_FLOAT8         701u
#define OID_TEXT_ARRAY     1009u
#define OID_BPCHAR         1042u
#define OID_VARCHAR        1043u
#define OID_DATE           1082u
#define OID_TIME           1083u
#define OID_TIMESTAMP      1114u
#define OID_TIMESTAMPTZ    1184u
#define OID_NUMERIC        1700u
#define OID_REGCLASS       2205u
#define OID_UUID           2950u
#define OID_TSQUERY        3615u
#define OID_JSONB          3802u
#define OID_FIRST_UNSTABLE 10000u /* from here on an OID means something on one server only */

/* A type of the target. */
struct pgtype {
    uint32_t oid;
    uint32_t array_oid; /* of arrays of it, 0: none */
    uint32_t elem;      /* of an array */
    uint32_t base;      /* of a domain */
    char kind;          /* pg_type.typtype */
    bool is_array;
    bool has_receive;
    char *sql;        /* "schema"."name" */
    char *shown;      /* as format_type() prints it */
    char *equals;     /* its = where that is not pg_catalog's: OPERATOR("ext".=); else NULL */
    uint32_t n_attrs; /* of a composite */
    uint32_t *attrs;
};

struct typemap {
    struct pgtype **types; /* by OID */
    size_t n, cap;
};

const struct pgtype *types_get(const struct typemap *m, uint32_t oid);
bool types_add(struct typemap *m, const struct pgtype *type); /* takes its texts and attrs, also on failure */
void types_finish(struct typemap *m);
const struct pgtype *types_without_domain(const struct typemap *m, const struct pgtype *t); /* NULL: not known */

/* How bytes equal means value equal, for keys. */
#define EQUAL_BYTES   0u /* equal bytes are equal values and the other way round */
#define EQUAL_NUMERIC 1u /* so, but for the display scale */
#define EQUAL_UNKNOWN 2u /* the server alone knows */
uint32_t types_equality(const struct typemap *m, const struct pgtype *type);

/* What has to be done to a cell. */
#define WIRE_SAME    0u /* its bytes as they are */
#define WIRE_REBIND  1u /* the type OIDs inside are replaced by the target's */
#define WIRE_CONVERT 2u /* a cell that is not native: convert.h */
#define WIRE_TSQUERY 3u /* text; a binary cell is the empty query, which servers send but do not read in binary */
#define WIRE_NULL    4u /* null alone: the target's type has no binary form, and a value comes as text */

struct wire {
    uint32_t oid;              /* parameter type */
    uint32_t array_oid;        /* of arrays of it; 0: cannot be unnested */
    uint32_t work;             /* WIRE_* */
    bool cast;                 /* needs a cast to the column's type: cannot be copied straight in */
    const struct pgtype *type; /* WIRE_REBIND */
};

static inline bool is_tsquery(const struct hp_column *source)
{
    return source->native_oid == OID_TSQUERY || (source->native_kind == 'd' && source->native_base == OID_TSQUERY);
}

/* Must this binary value be written in text form? */
static inline bool wire_needs_text(const struct hp_column *source, const struct hp_cell *cell)
{
    return cell->type == HP_NATIVE && cell->len == 4 && is_tsquery(source);
}

/*
 * out: for a cell of this column of the source, in binary or (text) in text form, into a column of type `target`.
 * CONFIG if there is no way; the message names both types.
 */
hp_status wire_choose(const struct typemap *m, const struct hp_schema *schema, const struct hp_column *source,
                      bool text, const struct pgtype *target, struct wire *out, struct hp_error *err);
/* out (of `len` bytes) = in with the OIDs of the target's types. false: not well-formed. */
bool wire_rebind(const struct typemap *m, const struct pgtype *type, const uint8_t *in, size_t len, uint8_t *out);

#endif
