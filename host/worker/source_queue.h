/*
 * source_queue.h: what a source's task hands to its log thread: what each poll gave, in order, bounded in number and
 * bytes (rule E8). The task pushes, the log thread takes everything there is, writes it in one log transaction and
 * gives the builders back.
 */
#ifndef WORKER_SOURCE_QUEUE_H
#define WORKER_SOURCE_QUEUE_H

#include "builder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define QUEUE_ITEMS 32u
/* No further poll is made beyond this, beside what the log thread is writing meanwhile; one batch may be larger. */
#define QUEUE_BYTES (4u << 20)

struct queue_item {
    uint32_t kind;           /* HP_POLL_* */
    struct builder *builder; /* NULL: no records */
    uint64_t bytes, records;
    int64_t built_us;
    struct hp_tx tx;
    uint32_t *aborted; /* owned */
    uint64_t n_aborted;
    char *position; /* owned; NULL: as before */
    uint64_t position_len;
    uint64_t ticket; /* with position */
};

struct source_queue {
    pthread_mutex_t lock;
    pthread_cond_t work; /* for the log thread */
    pthread_cond_t idle; /* for who waits until all is written */
    struct queue_item items[QUEUE_ITEMS];
    unsigned n;
    uint64_t bytes; /* queued */
    bool writing;   /* the log thread has taken items that are not durable yet */
    bool closed;    /* no more will come */
    struct builder *spare[QUEUE_ITEMS];
    unsigned n_spare;
    uint64_t keep, max_record;
    _Atomic uint64_t durable; /* highest ticket that is durable, plus one; 0: none yet */
    bool failed;              /* the log thread gave up: err */
    struct hp_error err;
};

hp_status queue_init(struct source_queue *q, uint64_t keep, uint64_t max_record, struct hp_error *err);
/* [task] Is there room for another batch? */
bool queue_has_room(struct source_queue *q);
/* [task] An empty builder, or NULL without memory. */
struct builder *queue_builder(struct source_queue *q);
void queue_give_back(struct source_queue *q, struct builder *b);
/* [task] Takes the item over. There is room: nobody else pushes. HP_ERROR: the log thread has failed. */
hp_status queue_push(struct source_queue *q, struct queue_item *item, struct hp_error *err);
/* [task] Wait until everything is durable, at most until `by_ms` (monotonic; < 0: for ever). HP_IDLE: not yet. */
hp_status queue_wait_written(struct source_queue *q, int64_t by_ms, struct hp_error *err);
/* [task] HP_ERROR: the log thread has failed. */
hp_status queue_check(struct source_queue *q, struct hp_error *err);
void queue_close(struct source_queue *q);
void queue_trim(struct source_queue *q); /* [task] free spare builders */

/* [log] Wait for items, at most ms; their number, moved to out. */
unsigned queue_take(struct source_queue *q, struct queue_item out[QUEUE_ITEMS], int64_t ms, bool *out_closed);
/* [log] They are durable (err NULL) or will never be. */
void queue_written(struct source_queue *q, struct queue_item *items, unsigned n, const struct hp_error *err);

#endif
