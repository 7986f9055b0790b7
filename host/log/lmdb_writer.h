/* lmdb_writer.h: the inside of a log_writer, for the files that make it up. One thread. */
#ifndef LOG_LMDB_WRITER_H
#define LOG_LMDB_WRITER_H

#include "lmdb_disk.h"
#include "lmdb_env.h"
#include "lmdb_format.h"
#include "lmdb_load.h"
#include "lmdb_stream.h"

/* A topic's next offset: as committed, as this transaction leaves it; and a count while a batch is looked through. */
struct topic_state {
    uint64_t committed, end, count;
};

/* A transaction whose end is not known: its chunks so far, as committed and as this transaction leaves them. */
struct spool_sums {
    uint64_t n_chunks, bytes;
};
struct spool {
    uint64_t id, tx_id;
    struct spool_sums committed, now;
    bool fresh; /* made in this log transaction */
    bool ended; /* in this log transaction */
};

/* A spool whose chunks are to be deleted bit by bit. */
struct dead_spool {
    uint64_t id;
    bool fresh; /* died in this log transaction */
    bool gone;  /* its last chunk was deleted in this log transaction */
};

struct log_writer {
    struct log *log;
    char *name, *id;
    char what[320]; /* for messages */
    int lock_fd;
    struct env *env;
    uint32_t *wake;
    struct schema_pool *pool;
    struct disk disk;

    struct buf position, new_position;
    bool position_set;
    struct stored_totals committed, totals;
    uint32_t committed_schemas, schemas, committed_topics, topics; /* ids below these are stored */

    struct topic_state *topic_states; /* by id */
    uint32_t n_topic_states;
    uint32_t *touched; /* topics of the batch being looked at */
    uint32_t n_touched;
    uint32_t *moved; /* topics whose end moved in this transaction, with repetitions */
    size_t n_moved, cap_moved;

    struct spool *spools;
    size_t n_spools, cap_spools;
    struct dead_spool *dead;
    size_t n_dead, cap_dead;
    struct buf rows; /* a chunk's table while it is made */

    MDB_txn *txn;
    bool dirty;
    uint64_t looked; /* old values looked at through the map since its pages were let go */
};

/* An error of a step: the transaction is void from here on. Returns HP_ERROR. */
hp_status writer_void(struct log_writer *w);
hp_status writer_fail(struct log_writer *w, int rc, const char *doing, struct hp_error *err);
hp_status writer_ready(const struct log_writer *w, struct hp_error *err); /* in a transaction? */
hp_status writer_begin(struct log_writer *w, struct hp_error *err);
hp_status writer_commit(struct log_writer *w, struct hp_error *err);

/* lmdb_append.c */
/* Looks through records; fills touched and the counts, which append_entry() or append_counts_clear() clear. */
hp_status append_count(struct log_writer *w, const struct hp_batch *batch, uint64_t *out_n, struct hp_error *err);
void append_touch(struct log_writer *w, uint32_t topic, uint64_t count);
void append_counts_clear(struct log_writer *w);
hp_status append_names(struct log_writer *w, struct hp_error *err); /* store schemas and topics not stored yet */
/* One entry into the order: its body is two runs of bytes. Counts are those of `touched`. */
struct append {
    uint16_t flags;
    uint64_t n_records;
    uint64_t more_weight; /* of a marker's chunks */
    int64_t built_us;
    const void *head, *body;
    size_t head_len, body_len;
};
hp_status append_entry(struct log_writer *w, const struct append *a, struct hp_error *err);
hp_status append_topics_fit(struct log_writer *w, uint32_t n,
                            struct hp_error *err); /* room in topic_states for ids < n */
hp_status append_topics_load(struct log_writer *w, MDB_txn *txn, struct hp_error *err); /* at open */

/* lmdb_spool.c */
hp_status spools_load(struct log_writer *w, MDB_txn *txn, struct hp_error *err); /* at open: open ones are dead */
hp_status spool_kill(struct log_writer *w, uint64_t id, struct hp_error *err);
hp_status spools_collect(struct log_writer *w, unsigned max_chunks, struct hp_error *err);
void spools_committed(struct log_writer *w);
void spools_rolled_back(struct log_writer *w);
void spools_finish(struct log_writer *w);

#endif
