/*
 * batch.h: records, and batches of them.
 *
 * A batch is one run of memory: record after record, each a multiple of eight bytes, each
 * with its cells and bytes behind it. Everything inside a record is referred to by distance
 * from that record's start, so a record is moved, kept or dropped with one memcpy.
 *
 *   | hp_record | cells of before | cells of after | headers | bytes ... | hp_record | ...
 *
 * A transaction starts with a record of kind HP_RECORD_BEGIN (an hp_tx behind the header);
 * the records up to the next BEGIN or the end of the batch belong to it. Records that belong
 * to no transaction (a file's lines) need none.
 *
 * The host has checked every bound before a plugin sees a batch, also one read from the log.
 */
#ifndef HOMEPORT_BATCH_H
#define HOMEPORT_BATCH_H

#include "schema.h"
#include "status.h"
#include "value.h"

#define HP_RECORD_BEGIN  1u /* an hp_tx follows the header; not counted as a record */
#define HP_RECORD_CHANGE 2u /* a row's change: before and after are rows of `schema` */
#define HP_RECORD_PLAIN  3u /* before is one cell, the key; after is one cell, the value */

/* hp_record.op, with Debezium's letters; 0 in a plain record. */
#define HP_OP_CREATE   'c'
#define HP_OP_UPDATE   'u'
#define HP_OP_DELETE   'd'
#define HP_OP_READ     'r' /* a snapshot's row */
#define HP_OP_TRUNCATE 't' /* no rows; one record per table */
#define HP_OP_MESSAGE  'm' /* pg_logical_emit_message: before is the prefix (string), after the content */

#define HP_REC_KEY_CHANGED      1u /* update that changed the key: before holds the old key */
#define HP_REC_BEFORE_KEY       2u /* before holds key columns only; the others are ABSENT */
#define HP_REC_SNAP_FIRST       4u /* op r: first of the snapshot, ... */
#define HP_REC_SNAP_LAST        8u /* ... last of the snapshot, ... */
#define HP_REC_SNAP_TABLE_FIRST 16u
#define HP_REC_SNAP_TABLE_LAST  32u
#define HP_REC_CASCADE          64u /* op t: TRUNCATE ... CASCADE */
#define HP_REC_RESTART_IDENTITY 128u
#define HP_REC_TX_CONTINUES     256u /* op t: the next record is part of the same statement */

struct hp_record {
    uint32_t size;       /* to the next record; multiple of 8 */
    uint8_t kind;        /* HP_RECORD_* */
    uint8_t op;          /* HP_OP_* */
    uint16_t flags;      /* HP_REC_* */
    uint32_t topic;      /* id of its name, given by hp_host_records.topic */
    uint32_t schema;     /* CHANGE: of both rows. PLAIN: of the value, may be HP_NO_SCHEMA */
    uint32_t key_schema; /* PLAIN: of the key, may be HP_NO_SCHEMA */
    uint32_t subxid;     /* chunk of an open transaction: subtransaction that made it, else 0 */
    uint32_t seq;        /* position in its transaction, counted before any filter: with the
                            transaction's commit position it is the event's stable id */
    uint32_t before;     /* distance to the first cell of the row; 0: none */
    uint32_t after;
    uint32_t headers; /* distance to n_headers times {string cell, value cell}; 0: none */
    uint32_t n_headers;
    int32_t partition;    /* -1: the host decides */
    uint64_t pos;         /* where the source has this change (PostgreSQL: its LSN) */
    int64_t timestamp_us; /* PLAIN: the record's time. CHANGE: 0, the transaction's commit time counts */
};

/* Behind the header of a BEGIN record, and beside a chunk of an open transaction. */
struct hp_tx {
    uint32_t size;
    uint32_t flags;      /* HP_TX_* */
    uint64_t id;         /* PostgreSQL: top-level xid */
    uint64_t commit_pos; /* PostgreSQL: LSN of the commit record; 0 while unknown */
    uint64_t end_pos;    /* PostgreSQL: end of the commit record; 0 while unknown */
    int64_t commit_us;   /* microseconds since 1970 UTC; 0 while unknown */
    uint64_t origin_pos; /* replication origin, if the change came from elsewhere */
    char origin[64];     /* NUL-terminated, cut if longer; "" = written here */
};
#define HP_TX_SNAPSHOT 1u /* not a transaction of the source: a consistent read of one table */

/* A batch as a plugin sees it. Immutable; borrowed until the call returns. */
struct hp_batch {
    uint32_t size;
    uint32_t flags;      /* HP_BATCH_* */
    const uint8_t *data; /* first record; 8-byte aligned */
    uint64_t len;
    uint64_t n_records;                     /* without BEGIN records */
    uint64_t first_offset;                  /* of the stream, if it comes from the log */
    int64_t built_us;                       /* when the source built it */
    struct hp_bytes stream;                 /* name of the stream it belongs to: the connector that wrote it */
    const struct hp_schema *const *schemas; /* by id; [0] is NULL */
    uint32_t n_schemas;
    uint32_t n_topics;
    const struct hp_bytes *topics; /* by id; [0] is empty */
    const struct hp_tx *tx;        /* HP_BATCH_CHUNK: the transaction that all records belong to */
};
#define HP_BATCH_CHUNK 1u /* part of one transaction, more may follow; else whole transactions only */

/*
 * The memory in which a source or a transform builds records; the host made it and keeps it.
 * Fill it through the inline functions of util.h: they never call the host unless the memory
 * has to grow.
 */
struct hp_builder {
    uint32_t size;
    uint32_t open; /* offset of the record under construction, UINT32_MAX if none;
                      kept by util.h */
    uint8_t *base;
    uint64_t len; /* bytes used */
    uint64_t cap;
    uint64_t n_records;                                    /* without BEGIN records */
    uint64_t max_record;                                   /* largest record allowed (max.record.bytes) */
    hp_status (*grow)(struct hp_builder *, uint64_t more); /* [task] cap - len >= more afterwards, or
                             HP_ERROR: base may move */
    void *host;                                            /* the host's own */
};

#endif
