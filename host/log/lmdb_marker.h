/* lmdb_marker.h: the pure parts of stored values that writer and readers share: checksums, heads and markers. */
#ifndef LOG_LMDB_MARKER_H
#define LOG_LMDB_MARKER_H

#include "lmdb_env.h"
#include "lmdb_format.h"

/* Small values: fill in the checksum of a value that begins with stored_sum; is it right, and is the value at least
   `min` long? `key` goes into it, if there is one. */
void stored_seal(void *value, size_t len, const void *key, size_t key_len);
bool stored_good(const MDB_val *v, size_t min, const void *key, size_t key_len);
/* Batches and chunks: the same for head and table, once they stand in the value. */
void head_seal(void *value, size_t len);

/* Copies the head out of a value after checking that the value can hold what the head says. NULL, or what is wrong. */
const char *batch_head(const MDB_val *v, uint64_t key, struct stored_batch *out);
bool chunk_head(const MDB_val *v, uint64_t spool, uint64_t number, struct stored_chunk *out);

bool is_aborted(const uint32_t *aborted, uint64_t n_aborted, uint32_t subxid); /* aborted is ascending */
/* What a chunk's table says is visible: of one topic, or of all (0). */
uint64_t chunk_visible(const MDB_val *v, const struct stored_chunk *head, uint32_t topic, const uint32_t *aborted,
                       uint64_t n_aborted);

/* A marker's content. */
struct marker {
    uint64_t spool, n_chunks, n_aborted;
    struct hp_tx tx;
    uint32_t *aborted; /* owned */
};
hp_status marker_read(const MDB_val *v, const struct stored_batch *head, const char *what, struct marker *out,
                      struct hp_error *err);
void marker_finish(struct marker *m);

#endif
