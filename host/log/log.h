/*
 * log.h: the durable log, whichever engine keeps it (design D3, D11, D12, D14, D19, D20).
 *
 * A log holds streams. Each stream is written by one connector at a time and is one ordered run of
 * records, numbered from 0 without gaps: the offset. Topics are views on a stream: each record belongs to
 * one topic, and has an offset of its own there. Records arrive in batches; a reader gets them in batches,
 * checked, in memory of its own.
 *
 * A stream may come, go and be made anew at any time. A reader of a stream that is not there waits for it: its id is
 * "" until then. See log_reader_next().
 *
 * Roles: a writer belongs to one thread (the log thread of a source's worker), a reader to one thread. Any
 * number of processes may read a stream while one writes it.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include "buf.h"
#include "schema_pool.h"

/* ---- a place that holds streams ---- */

struct log;

struct log_config {
    const char *dir;     /* embedded engine: folder, one sub-folder per stream */
    uint64_t max_record; /* max.record.bytes */
    uint64_t reserve;    /* bytes of disk kept allocated ahead of need, per stream */
    uint64_t map;        /* address space per stream; 0: default */
    bool read_only;      /* only readers: the file system may be read-only */
};

hp_status log_open(const struct log_config *config, struct log **out, struct hp_error *err);
void log_close(struct log *log);

struct log_stream_info {
    char *name;          /* the connector's */
    char *id;            /* name plus a random part made when the stream was: positions in sinks hang on this, so a
                            stream made anew under an old name is not taken for the old one */
    uint64_t begin, end; /* offsets of the oldest kept record and of the next to come */
    uint64_t bytes;      /* of kept batches and chunks */
    uint64_t disk_bytes; /* taken on disk */
};
/* What these are called as figures, whoever measures them. */
#define LOG_BYTES_HELP      "Bytes of the records that the log keeps."
#define LOG_DISK_BYTES_HELP "Bytes that the log takes on disk."
struct log_topic_info {
    char *name;
    uint64_t begin, end; /* topic offsets */
};
/* Names of all streams. Caller frees with log_names_free. */
hp_status log_streams(struct log *log, char ***out_names, size_t *out_n, struct hp_error *err);
void log_names_free(char **names, size_t n);
/* The word that moves when a stream comes or goes, or has a topic that it had not: as log_reader_word(), for who looks
   for streams to read. */
uint32_t *log_word(struct log *log);
hp_status log_stream_info(struct log *log, const char *name, struct log_stream_info *out, struct hp_error *err);
void log_stream_info_finish(struct log_stream_info *info);
hp_status log_topics(struct log *log, const char *stream, struct log_topic_info **out, size_t *out_n,
                     struct hp_error *err);
void log_topics_free(struct log_topic_info *topics, size_t n);
hp_status log_stream_delete(struct log *log, const char *name, struct hp_error *err); /* refused while written */
/* The stored source position (JSON) of a stream; empty if none. For GET /offsets, read from outside. */
hp_status log_position_read(struct log *log, const char *stream, struct buf *out, struct hp_error *err);

/* ---- writing ---- */

struct log_writer;

/* Creates the stream if it is not there. A second writer anywhere fails (RETRY, it names the holder). Chunks
   of transactions that never committed are dropped here. */
hp_status log_writer_open(struct log *log, const char *stream, struct log_writer **out, struct hp_error *err);
void log_writer_close(struct log_writer *w);
struct schema_pool *log_writer_pool(struct log_writer *w); /* names and schemas; may be used from another thread */
const char *log_writer_stream_id(const struct log_writer *w);
/* The stored position; valid until the next commit. */
struct hp_bytes log_writer_position(const struct log_writer *w);

/*
 * One log transaction: begin, any number of the steps, commit. What was appended becomes visible and durable at
 * commit, together with the position; an error of any step voids the whole transaction. A full disk fails with
 * RETRY and code "ENOSPC" before anything is lost, and the same steps can be tried again later. A failed
 * fsync ends the process (rule E6). Records appended in one transaction are held in memory once until its commit: keep
 * it to some tens of MiB (one larger record apart).
 * log_append: whole transactions, or records of none; without records it does nothing. log_chunk: records of the open
 * transaction tx->id; a batch without BEGIN records. log_chunks_commit and _abort of an id without chunks do nothing.
 */
hp_status log_begin(struct log_writer *w, struct hp_error *err);
hp_status log_append(struct log_writer *w, const struct hp_batch *batch, struct hp_error *err);
hp_status log_chunk(struct log_writer *w, const struct hp_tx *tx, const struct hp_batch *batch, struct hp_error *err);
hp_status log_chunks_commit(struct log_writer *w, const struct hp_tx *tx, const uint32_t *aborted, uint64_t n_aborted,
                            struct hp_error *err);
hp_status log_chunks_abort(struct log_writer *w, uint64_t tx_id, struct hp_error *err);
hp_status log_position(struct log_writer *w, struct hp_bytes position, struct hp_error *err); /* empty: forget */
hp_status log_commit(struct log_writer *w, struct hp_error *err);
void log_rollback(struct log_writer *w);
uint64_t log_writer_end(const struct log_writer *w);    /* next offset, as committed */
uint32_t log_writer_topics(const struct log_writer *w); /* how many topics the stream has, as committed */

/* Delete the oldest batches beyond the limits, never any record at or above `floor`, and what is left of dropped
   chunks. Own transaction, of bounded size: call it every second or so. */
struct log_retention {
    int64_t bytes; /* -1: unlimited */
    int64_t ms;    /* -1: unlimited */
    uint64_t floor;
};
hp_status log_trim(struct log_writer *w, const struct log_retention *limits, struct hp_error *err);

/* ---- reading ---- */

struct log_reader;

/* What one read gave. */
struct log_read {
    struct hp_batch batch; /* good until the next read or close */
    uint64_t next;         /* offset behind the batch */
    bool boundary;         /* a source transaction ends here: a sink may commit */
};

hp_status log_reader_open(struct log *log, const char *stream, struct log_reader **out, struct hp_error *err);
void log_reader_close(struct log_reader *r);
const char *log_reader_stream_id(const struct log_reader *r); /* "" while there is no such stream */
/* Offsets below the oldest kept record give FATAL with both numbers (rule E7): nothing is skipped silently; so do
   offsets beyond the end (the log lost what the target has). Code "OFFSET". RETRY, code "NOSTREAM", while there is no
   stream. Within a batch, the records before the offset are left out of the first read. */
hp_status log_reader_seek(struct log_reader *r, uint64_t offset, struct hp_error *err);
/* HP_OK; HP_IDLE at the end of the stream, or while it does not exist; corrupt bytes are FATAL and name stream, offset
   and what is wrong. HP_END: the stream is another one now (it appeared, was made anew, or is gone): look at
   log_reader_stream_id(), which is "" if there is none, and log_reader_seek() to where that one is to be read from;
   without that the reader stands at its oldest record. Neighbouring small batches come together as one, of at most
   max_bytes; a larger stored batch comes whole. */
hp_status log_reader_next(struct log_reader *r, uint64_t max_bytes, struct log_read *out, struct hp_error *err);
uint64_t log_reader_end(struct log_reader *r);   /* next offset to come, as committed now */
uint64_t log_reader_begin(struct log_reader *r); /* oldest kept */
/* What lies between an offset and the end: its bytes, about, and when the oldest of it was made; zeros if nothing does,
   or if it cannot be said. */
struct log_behind {
    uint64_t bytes;
    int64_t since_us;
};
struct log_behind log_reader_behind(struct log_reader *r, uint64_t offset);
void log_reader_trim(
    struct log_reader *r); /* gives the memory of the last read back, and with it its batch: for idle times */
/* The word that moves with every commit that brings records: futex_wait_any() on it after HP_IDLE (load it before
   reading; ask for it again after HP_END). A writer killed between commit and wake-up moves it only when it opens
   again, so wait with a timeout. */
uint32_t *log_reader_word(struct log_reader *r);
/* Topic offset of the first record of `topic` at or after stream offset `at` (its end if there is none); and the way
   back. LOG_OLDEST: the oldest record that is kept, which retention moves at any time. Failures: code "OFFSET" as in
   seek, "NOTOPIC" (CONFIG) for a topic the stream does not know. */
#define LOG_OLDEST UINT64_MAX
hp_status log_topic_offset(struct log_reader *r, const char *topic, uint64_t at, uint64_t *out, struct hp_error *err);
hp_status log_topic_seek(struct log_reader *r, const char *topic, uint64_t topic_offset, uint64_t *out_at,
                         struct hp_error *err);

/* What the calling thread read or wrote last ("stream orders"; "" nothing): a damaged page may crash whoever reads it,
   and a report of the crash should say where. Async-signal-safe. */
const char *log_in_use(void);

/* ---- small durable maps, for configs, states and the like ---- */

struct log_map;

/* Text keys to byte values. Every put/delete is durable when it returns. One process at a time has it open; another is
   told who has (RETRY, "LOCKED"). Opening makes it if there is nothing in its place, and looks at every entry: a data
   file that is missing, cut or damaged is an error (FATAL, "CORRUPT"), never taken for a new one. */
hp_status log_map_open(const char *dir, struct log_map **out, struct hp_error *err);
void log_map_close(struct log_map *m);
hp_status log_map_put(struct log_map *m, const char *key, const void *data, size_t len,
                      struct hp_error *err); /* data NULL: delete */
/* Several at once, atomically. */
struct log_map_op {
    const char *key;
    const void *data; /* NULL: delete */
    size_t len;
};
hp_status log_map_apply(struct log_map *m, const struct log_map_op *ops, size_t n, struct hp_error *err);
hp_status log_map_get(struct log_map *m, const char *key, struct buf *out,
                      struct hp_error *err); /* HP_IDLE: not there */
/* `each` may not use the map. */
hp_status log_map_each(struct log_map *m, const char *prefix,
                       hp_status (*each)(void *arg, const char *key, struct hp_bytes value, struct hp_error *err),
                       void *arg, struct hp_error *err);

#endif
