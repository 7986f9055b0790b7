/*
 * lmdb_format.h: what stands in a stream's file. One LMDB environment per stream; numbers are in the machine's order,
 * but keys that LMDB compares as bytes are big-endian.
 *
 *   main     "!stream"   struct stored_stream, name, id          written once
 *            "!totals"   struct stored_totals                    with every commit that moves them
 *            "!position" struct stored_sum, the source's position (JSON)
 *   batches  first offset (integer key)  -> struct stored_batch, topic table, body: records, or a marker
 *   chunks   spool, number               -> struct stored_chunk, table, records
 *   index    topic, first topic offset   -> struct stored_entry: the batch that holds them
 *   schemas  id (integer key)            -> struct stored_sum, schema_encode()
 *   topics   id (integer key)            -> struct stored_topic_name, name
 *   spools   id (integer key)            -> struct stored_spool
 *
 * A marker stands in the order for a transaction that came in chunks: its body names the spool and the sub-transactions
 * whose records do not count. Chunks of a spool without marker are seen by nobody.
 *
 * LMDB 0.9 has no checksums of its own, so every value carries CRC-32C: of its head and table, which are used without
 * the body, and of the body.
 */
#ifndef LOG_LMDB_FORMAT_H
#define LOG_LMDB_FORMAT_H

#include <stdint.h>

#define STREAM_MAGIC   0x31535048u /* "HPS1" */
#define STREAM_VERSION 1u          /* of the whole file: another one is refused before anything is touched */
#define BATCH_MAGIC    0x31425048u /* "HPB1" */
#define CHUNK_MAGIC    0x31435048u /* "HPC1" */
#define VALUE_VERSION  1u

struct stored_sum { /* begins small values */
    uint32_t crc;   /* of everything behind this struct; in the index, of the key too */
    uint32_t magic; /* STREAM_MAGIC in "!stream", else 0 */
};

struct stored_stream { /* every version: sum and version as here */
    struct stored_sum sum;
    uint32_t version;
    uint32_t zero;
    uint32_t name_len, id_len;
    int64_t created_us;
};

struct stored_totals {
    struct stored_sum sum;
    uint64_t end;   /* next offset */
    uint64_t bytes; /* ever appended: what a batch's bytes_before counts */
    uint64_t next_spool;
};

#define BATCH_MARKER 1u
struct stored_batch {
    uint32_t magic;
    uint32_t head_crc; /* of what follows in this struct, and of the table */
    uint16_t version;
    uint16_t flags;    /* BATCH_MARKER */
    uint32_t crc;      /* of the body */
    uint32_t n_topics; /* rows of the table behind this struct */
    uint32_t zero;
    uint64_t first_offset;
    uint64_t n_records;
    uint64_t bytes_before; /* weight of all batches before, since the stream was made */
    uint64_t weight;       /* bytes of this value, of a marker's chunks too */
    int64_t built_us;
    uint64_t len;       /* of the body */
    uint32_t n_schemas; /* ids below these are in use so far */
    uint32_t n_topic_ids;
};
struct stored_topic { /* row of a batch's table */
    uint32_t topic;
    uint32_t zero;
    uint64_t first; /* topic offset */
    uint64_t count;
};
struct stored_marker { /* body of a marker; behind it hp_tx, then the aborted sub-transactions (uint32_t), ascending */
    uint64_t spool;
    uint64_t n_chunks;
    uint64_t n_aborted;
    uint32_t tx_size; /* rounded up to 8 */
    uint32_t zero;
};

struct stored_chunk {
    uint32_t magic;
    uint32_t head_crc; /* as above */
    uint16_t version;
    uint16_t flags;
    uint32_t crc;    /* of the records */
    uint32_t n_rows; /* rows of the table behind this struct */
    uint32_t zero;
    uint64_t spool;
    uint64_t number;
    uint64_t n_records;
    uint64_t len; /* of the records */
    int64_t built_us;
    uint32_t n_schemas;
    uint32_t n_topic_ids;
};
struct stored_count { /* row of a chunk's table: so many records of that topic by that sub-transaction */
    uint32_t topic;
    uint32_t subxid;
    uint64_t count;
};
struct stored_chunk_key { /* big-endian */
    uint64_t spool;
    uint64_t number;
};

struct stored_index_key { /* big-endian */
    uint64_t topic;
    uint64_t first;
};
struct stored_entry {
    struct stored_sum sum;
    uint64_t batch; /* its first offset */
    uint64_t count;
};

struct stored_topic_name {
    struct stored_sum sum;
    uint64_t base; /* topic offset that comes next if the index holds nothing of this topic */
};

#define SPOOL_OPEN      1u /* its transaction has not ended; void once the writer is gone */
#define SPOOL_COMMITTED 2u /* a marker refers to it */
#define SPOOL_DEAD      3u /* its chunks are being deleted */
struct stored_spool {
    struct stored_sum sum;
    uint32_t state;
    uint32_t zero;
    uint64_t tx_id;
};

#define HEAD_CRC_AT 8u /* in batches and chunks: the head's checksum covers what begins here */

#endif
