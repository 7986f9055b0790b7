/*
 * source.h: the interface of a source, "homeport.source/1".
 *
 * Life: create -> start -> (poll | commit)* -> stop -> [start again ...] -> destroy.
 *
 * Positions. `position` is JSON text of the plugin's own making, shown to users by
 * GET /connectors/C/offsets; the host stores it in the same transaction as the records (rule
 * E3) and gives the last stored one back to start(). `ticket` is any number that never falls;
 * once everything up to a position is durable, commit() is given that position's ticket, and
 * only then may the source tell its server so (rule E1).
 *
 * Large transactions. What fits into one batch comes as HP_POLL_BATCH, whole transactions only.
 * Anything larger, and anything whose end is not known yet, comes as HP_POLL_CHUNKs that nobody
 * sees, and then HP_POLL_COMMIT or HP_POLL_ABORT. Chunks of several transactions may interleave.
 * After start() no chunks of before exist any more: the source sends such transactions again.
 */
#ifndef HOMEPORT_SOURCE_H
#define HOMEPORT_SOURCE_H

#include "host.h"

#define HP_SOURCE "homeport.source/1"

#define HP_POLL_BATCH 0u /* whole transactions, or none and only a newer position */
#define HP_POLL_CHUNK 1u /* records of transaction `tx.id`; they stay unseen. `tx` as far as known */
#define HP_POLL_COMMIT                                                                                                 \
    2u                   /* transaction tx.id has ended: all its chunks but those records whose subxid                 \
                            is in `aborted` become visible here in the order; `tx` is complete now.                    \
                            The batch is empty */
#define HP_POLL_ABORT 3u /* transaction tx.id is void; forget its chunks. The batch is empty */

struct hp_poll {
    uint32_t size;
    uint32_t kind;            /* out: HP_POLL_* */
    uint64_t max_bytes;       /* in: stop adding to the batch at about this size. 0: no room now, only keep
                                 the connection alive (answer keepalives) and return HP_IDLE */
    int64_t wait_us;          /* in: how long to wait for a first record; 0: do not wait */
    struct hp_builder *batch; /* in: empty; the source appends to it */
    struct hp_tx tx;          /* out, unless HP_POLL_BATCH */
    const uint32_t *aborted;  /* out, HP_POLL_COMMIT: ascending; valid until the next call */
    uint64_t n_aborted;
    struct hp_bytes position; /* out, BATCH and COMMIT: the place after these records; empty: as before.
                                 Valid until the next call */
    uint64_t ticket;          /* out, with position */
};

struct hp_source {
    /* [task] Connect and get ready to poll from `position` (empty: never ran before). */
    hp_status (*start)(void *self, struct hp_bytes position, struct hp_error *err);
    /* [task] HP_OK: poll was filled. HP_IDLE: nothing came within wait_us. HP_END: a bounded source is
       through. An error leaves the batch's content void. */
    hp_status (*poll)(void *self, struct hp_poll *poll, struct hp_error *err);
    /* [task] Everything up to `ticket` is durable in the log. Cheap: it may be called after every batch. */
    hp_status (*commit)(void *self, uint64_t ticket, struct hp_error *err);
    /* [any] Make a poll that waits return soon. Sticky: if none waits, the next one returns at once. */
    void (*interrupt)(void *self);
    /* [task & started] Disconnect. With `final`, the connector was stopped or deleted for good. */
    void (*stop)(void *self, uint32_t final);
};

/*
 * "homeport.source-offsets/1", optional: what REST's PATCH and DELETE /connectors/C/offsets ask
 * before the host stores the change. Called on an instance that is created but not started. [task]
 */
#define HP_SOURCE_OFFSETS "homeport.source-offsets/1"
struct hp_source_offsets {
    /* partition: JSON of the one partition this source has, e.g. {"server":"prefix"}. */
    hp_status (*partition)(void *self, struct hp_bytes *out_json, struct hp_error *err);
    /* Check an offset a user wants to start from; its form becomes start()'s position. */
    hp_status (*alter)(void *self, struct hp_bytes offset_json, struct hp_error *err);
    /* Offsets are about to be forgotten: give up what the server holds for us (drop the slot). Idempotent. */
    hp_status (*reset)(void *self, struct hp_error *err);
};

#endif
