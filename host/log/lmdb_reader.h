/* lmdb_reader.h: the inside of a log_reader, for the files that make it up. One thread. */
#ifndef LOG_LMDB_READER_H
#define LOG_LMDB_READER_H

#include "lmdb_env.h"
#include "lmdb_fetch.h"
#include "lmdb_load.h"
#include "lmdb_marker.h"
#include "lmdb_stream.h"

struct log_reader {
    struct log *log;
    char *name;
    char path[STREAM_PATH_MAX];
    char what[320];

    /* while attached to a stream that exists */
    struct env *env;
    char *id;
    uint32_t *wake;
    struct schema_pool *pool;
    MDB_txn *txn;       /* reset between reads */
    MDB_cursor *cursor; /* on batches */
    bool reading;       /* txn is live */

    uint64_t next; /* key of the next batch */
    uint64_t skip; /* records of it that were read before, or are not wanted */
    bool in_marker;
    struct marker marker;
    struct stored_batch marker_head;
    uint64_t chunk, given; /* next chunk; visible records of those before it */

    uint64_t run_next; /* next, behind the batches just copied */

    struct region memory;
    uint64_t mapped; /* bytes of values touched since the map's pages were let go */
    struct hp_tx tx;
};

hp_status reader_attach(struct log_reader *r, struct hp_error *err); /* HP_IDLE: there is no such stream */
void reader_detach(struct log_reader *r);
bool reader_stale(const struct log_reader *r); /* is the stream at our path another one by now, or gone? */

/* A short read transaction around each use of the map. */
hp_status reader_begin(struct log_reader *r, struct hp_error *err);
void reader_end(struct log_reader *r);
hp_status reader_totals(struct log_reader *r, struct stored_totals *out, struct hp_error *err);
hp_status reader_oldest(struct log_reader *r, uint64_t end, uint64_t *out, struct hp_error *err);
/* Bring the pool up to the ids that a stored value uses. */
hp_status reader_names(struct log_reader *r, uint32_t n_schemas, uint32_t n_topics, struct hp_error *err);
/* The batch that holds `offset` (not at the end): cursor on it, its value and head. */
hp_status reader_find(struct log_reader *r, uint64_t offset, MDB_val *out, struct stored_batch *head,
                      struct hp_error *err);
/* A chunk of a marker, its head checked. */
hp_status reader_chunk(struct log_reader *r, const struct marker *m, uint64_t number, MDB_val *out,
                       struct stored_chunk *head, struct hp_error *err);
hp_status reader_all_topics(struct log_reader *r, struct hp_error *err);
/* Topic offsets: of the oldest kept record and of the next to come. */
struct topic_span {
    uint64_t begin, end;
};
hp_status topic_span(struct log_reader *r, uint32_t topic, struct topic_span *out, struct hp_error *err);
hp_status reader_corrupt(const struct log_reader *r, uint64_t offset, const char *wrong, struct hp_error *err);

#endif
