/*
 * sink.h: one instance of the sink, and the steps its files offer each other. Everything is [task] but
 * link_interrupt.
 *
 *   plugin.c       the vtables            apply.c        put, commit, fall-backs
 *   plan*.c        batch -> steps         write.c        steps -> statements
 *   shape*.c       source -> target       position.c     how far the rows go; fencing; what is flushed
 *   table.c        target's catalog       origin.c       the mark on our transactions
 *   evolve.c       CREATE and ALTER       link*.c, pipeline.c   the connection
 *   encode.c       rows -> bytes          types.c, convert.c    in which form a value travels
 *   failure.c      what a refusal means   sql_*.c, name.c   texts and names
 *   freed.c        rows that were replaced
 */
#ifndef SINK_PG_SINK_H
#define SINK_PG_SINK_H

#include "encode.h"

/* What is known of one stream that feeds us. */
struct stream {
    struct stream *next;
    char *name; /* as in hp_batch.stream, or the id of hp_sink_position: whatever was asked with */
    size_t len;
    struct shape **shapes; /* by schema id: first of its list */
    uint32_t n_shapes;
    /* What of the committed is durable (flushed()): everything below mark_offset is when mark_lsn is flushed. */
    bool positioned;
    uint64_t committed;
    uint64_t mark_offset, mark_lsn;
    uint64_t flushed;
    bool has_committed, has_mark, has_flushed;
};

/* Figures of one open transaction, added to the metrics when it has committed. */
struct tally {
    int64_t rows, missing, copied, unnested, single, staged;
};

struct sink_metrics {
    const struct hp_host_metrics *table; /* NULL: the host has none */
    struct hp_metric *rows, *missing, *skipped, *coalesced, *commits, *copy_fallbacks, *order_fallbacks, *stale_retries,
        *evolved;
    struct hp_metric *form_copy, *form_unnest, *form_row, *form_stage;
};

struct sink {
    const struct hp_host *host;
    const struct hp_host_failpoint *failpoints; /* NULL: none */
    struct sink_metrics metrics;
    struct sink_config config;
    struct link link;
    struct catalog catalog;
    struct stream *streams;
    struct plan plan;
    struct encoder encoder;
    struct tally tally;
    /* the open transaction */
    bool in_tx;
    bool tx_void;     /* a put or the commit failed: it waits for rollback() */
    bool tx_deferred; /* deferrable constraints wait for the commit */
    bool tx_ddl;      /* it created or altered something */
    bool tx_stage;    /* it created a temporary table */
    uint32_t tx_puts; /* applied within it */
    uint32_t tx_number;
    uint64_t last_pos; /* of the newest source transaction in it, for the origin */
    int64_t last_us;
    /* a small batch that waits for commit(), so that all goes in one flush */
    struct hp_batch held;
    uint8_t *held_data;
    size_t held_cap;
    struct hp_tx held_tx;
    const struct hp_schema **held_schemas;
    struct hp_bytes *held_topics;
    uint32_t held_cap_schemas, held_cap_topics;
    bool holds;
    /* the batch being applied */
    bool free_keys; /* a changed key may take the place of a row that is there */
    const struct hp_batch *batch;
    struct stream *batch_stream;
    /* Hashes of the keys whose rows were replaced so, while the rest of the source's transaction is not known. */
    uint64_t *freed;
    uint32_t n_freed, kept_freed, cap_freed; /* kept: by earlier batches */
    uint64_t freed_tx;
    uint32_t stage_number, stage_epoch;
    /* position.c, origin.c */
    bool position_ready, has_origin;
    struct statement position_statement, commit_statement;
    char origin[64];
    int64_t asked_flush_ms;
};

/* fail(name): a fail point was hit: *err is filled. */
bool sink_failpoint(struct sink *s, const char *name, struct hp_error *err);
void sink_count(struct sink *s, struct hp_metric *m, int64_t by);
void sink_log(struct sink *s, uint32_t level, const char *format, ...) __attribute__((format(printf, 3, 4)));
struct stream *sink_stream(struct sink *s, struct hp_bytes name, struct hp_error *err);
void sink_forget(struct sink *s); /* shapes and catalog */
hp_status sink_connect(struct sink *s, struct hp_error *err);

/* shape_build.c: a plan_shape_fn; arg is the sink. */
hp_status sink_shape(void *arg, const struct hp_batch *batch, const struct hp_record *rec, struct shape **out,
                     struct hp_error *err);

/* evolve.c */
struct missing_column {
    const struct hp_column *source;
    const struct hp_schema *schema;
    bool key;
};
hp_status evolve_create(struct sink *s, const char *schema, const char *name, const struct missing_column *cols,
                        size_t n, struct hp_error *err);
hp_status evolve_add(struct sink *s, const struct table *t, const struct missing_column *cols, size_t n,
                     struct hp_error *err);

/* write.c: queue or carry out the steps of the plan. HP_IDLE: the server refused one (link.failed). */
hp_status write_steps(struct sink *s, bool ordered, struct hp_error *err);
void write_result(void *arg, const struct command *c, uint64_t rows);

/* freed.c: a key whose row was replaced must not be left by a row later in the same transaction. */
void freed_begin(struct sink *s);                            /* a batch */
void freed_note(struct sink *s, const struct command *c);    /* a row was replaced */
hp_status freed_check(struct sink *s, struct hp_error *err); /* the plan */

/* apply.c */
hp_status apply_put(struct sink *s, const struct hp_batch *batch, struct hp_error *err);
hp_status apply_commit(struct sink *s, const struct hp_sink_position *at, struct hp_error *err);
void apply_rollback(struct sink *s);
void apply_finish(struct sink *s);

/* position.c */
hp_status position_take(struct sink *s, struct hp_sink_position *at, struct hp_error *err);
hp_status position_queue(struct sink *s, const struct hp_sink_position *at, struct hp_error *err);
hp_status position_fenced(struct sink *s, const struct hp_sink_position *at, struct hp_error *err);
void position_committed(struct sink *s, const struct hp_sink_position *at);
hp_status position_flushed(struct sink *s, struct hp_bytes stream, uint64_t *out_offset, struct hp_error *err);
hp_status position_get(struct sink *s, struct hp_sink_position *at, struct hp_error *err);
hp_status position_set(struct sink *s, const struct hp_sink_position *at, struct hp_error *err);
void position_finish(struct sink *s);

/* origin.c */
hp_status origin_setup(struct sink *s, struct hp_bytes stream, struct hp_error *err);
void origin_drop(struct sink *s, struct hp_bytes stream); /* best effort */

#endif
