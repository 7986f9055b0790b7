/*
 * schema.h: what the cells of a row mean.
 *
 * Schemas are interned by the host: equal schema, equal id and equal pointer, within one
 * stream. They are immutable and stay valid until the instance is stopped. Ids are small
 * and dense. A sink, and a transform before one, may meet several streams (hp_batch.stream):
 * what it keeps by id it must keep by stream, too, or by pointer.
 */
#ifndef HOMEPORT_SCHEMA_H
#define HOMEPORT_SCHEMA_H

#include "abi.h"

#define HP_NO_SCHEMA 0u /* ids start at 1 */

#define HP_COLUMN_KEY       1u /* part of the record's key: primary key or replica identity index */
#define HP_COLUMN_OPTIONAL  2u /* may be null */
#define HP_COLUMN_IDENTITY  4u /* generated as identity */
#define HP_COLUMN_GENERATED 8u /* computed by the source; a target that computes it too skips it */

struct hp_column {
    uint32_t size;
    uint32_t flags; /* HP_COLUMN_* */
    struct hp_bytes name;
    uint32_t type;               /* HP_* of value.h; HP_NATIVE: see native_* */
    uint32_t native_oid;         /* "pg": type OID at the source */
    int32_t native_typmod;       /* "pg": as in pg_attribute.atttypmod, -1 if none; of a domain: what it
                                    fixes for its base type (numeric(6,2)), which the values keep to */
    uint32_t native_base;        /* "pg": base type OID of a domain, element OID of an array, else 0 */
    struct hp_bytes native_name; /* "pg": qualified type name as format_type() prints it, so that a
                                    target without that OID can find or name it ("public.mood") */
    uint32_t native_kind;        /* "pg": pg_type.typtype as a character: b c d e r m p; for a domain
                                    the kind of the domain is 'd'; arrays are 'A' */
    uint32_t key_position;       /* 1-based position in the key if HP_COLUMN_KEY, else 0 */
    struct hp_bytes logical;     /* Connect logical type name for non-native columns, or empty */
    struct hp_bytes extra;       /* "pg" enum: labels in sort order separated by '\n'; else empty */
};

/* Replica identity of a table: which columns the before image holds. */
#define HP_IDENTITY_KEY     'd' /* DEFAULT: the primary key */
#define HP_IDENTITY_NOTHING 'n'
#define HP_IDENTITY_FULL    'f'
#define HP_IDENTITY_INDEX   'i'

struct hp_schema {
    uint32_t size;
    uint32_t id;              /* set by the host when interned */
    uint32_t version;         /* 1, 2, ...: of this name, in order of appearance; set by the host */
    uint32_t identity;        /* HP_IDENTITY_* for tables, else 0 */
    struct hp_bytes name;     /* "prefix.schema.table": Debezium adds ".Key", ".Value", ".Envelope" */
    struct hp_bytes native;   /* form of HP_NATIVE cells: "pg", or empty */
    struct hp_bytes database; /* for tables: where it lives */
    struct hp_bytes namespace_;
    struct hp_bytes table;
    uint32_t n_columns;
    uint32_t column_size; /* stride of columns */
    const struct hp_column *columns;
};

#endif
