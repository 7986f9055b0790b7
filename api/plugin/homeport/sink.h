/*
 * sink.h: the interface of a sink, "homeport.sink/1".
 *
 * Life: create -> start -> position -> (put* commit | rollback)* -> stop -> destroy.
 *
 * put() applies a batch inside one transaction of the target, opened when needed; commit() ends
 * it together with the new position (rule E2). The host calls commit() only where the source's
 * transactions end, and groups several of them as it sees fit. rollback() undoes every put since
 * the last commit; the host will put those records again.
 */
#ifndef HOMEPORT_SINK_H
#define HOMEPORT_SINK_H

#include "host.h"

#define HP_SINK "homeport.sink/1"

/* Where a sink stands in one stream: the offset of the next record it wants. */
struct hp_sink_position {
    uint32_t size;
    uint32_t reserved;
    struct hp_bytes stream; /* of this one life of a stream, "connector/1f6c2a90": a connector that was deleted and made
                               again writes another, with offsets of its own. At most 500 bytes of UTF-8, without NUL */
    uint64_t offset;
    uint64_t epoch; /* of the worker. A sink whose stored epoch is newer than its own was replaced:
                       commit must fail with FATAL and change nothing */
};

struct hp_sink {
    /* [task] Connect. */
    hp_status (*start)(void *self, struct hp_error *err);
    /* [task & started] Read the stored position of at->stream into at->offset (left alone if there is
       none) and take the stream over for at->epoch: an older worker's commit fails from here on. */
    hp_status (*position)(void *self, struct hp_sink_position *at, struct hp_error *err);
    /* [task & started] A batch belongs to one stream; between commits all batches are of one stream. A POISON that is
       of an earlier batch has `record` HP_RECORD_EARLIER, and its message names the record. */
    hp_status (*put)(void *self, const struct hp_batch *batch, struct hp_error *err);
    /* [task & started] A sink may write only now what was put; `record` of a POISON counts in the last batch put, or is
       HP_RECORD_EARLIER as above. The host reads that batch again to name the record. */
    hp_status (*commit)(void *self, const struct hp_sink_position *at, struct hp_error *err);
    /* [task & started] Never fails: a broken connection counts as rolled back. */
    void (*rollback)(void *self);
    /* [task & started] *out_offset is what was last committed of that stream: lower it to what the target has made
       durable, or leave it where a commit is durable at once. The log keeps what lies behind it (design D19).
       HP_IDLE: not known yet; ask later. */
    hp_status (*flushed)(void *self, struct hp_bytes stream, uint64_t *out_offset, struct hp_error *err);
    /* [any] Make a call that waits return soon, with RETRY. */
    void (*interrupt)(void *self);
    /* [task & started] */
    void (*stop)(void *self);
};

/*
 * "homeport.sink-offsets/1", optional: REST's PATCH and DELETE /connectors/C/offsets of a stopped
 * sink. Called on an instance that is created, not started. offset UINT64_MAX: forget the row. [task]
 */
#define HP_SINK_OFFSETS "homeport.sink-offsets/1"
struct hp_sink_offsets {
    hp_status (*get)(void *self, struct hp_sink_position *at, struct hp_error *err);
    hp_status (*set)(void *self, const struct hp_sink_position *at, struct hp_error *err);
};

#endif
