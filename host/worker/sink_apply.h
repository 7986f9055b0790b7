/*
 * sink_apply.h: one batch on its way from the log to the sink's put: unwanted topics and what floors hide are left out,
 * then the transforms. [task]
 */
#ifndef WORKER_SINK_APPLY_H
#define WORKER_SINK_APPLY_H

#include "sink_stream.h"

struct sink_apply {
    struct builder filtered, adopted;
    bool has_filtered, has_adopted;
};

/* What remains of `in` for the sink, in *out (good until the next call). */
hp_status sink_apply_prepare(struct sink_apply *a, struct sink_stream *s, struct worker *w, const struct hp_batch *in,
                             struct hp_batch *out, struct hp_error *err);
/* For POISON: add topic and stream offset of record `index` of `batch` (as prepared from `in`) to the message. */
void sink_apply_name(const struct hp_batch *in, const struct hp_batch *batch, struct hp_error *err);
/* The same when commit() said it, of the batch last put, that was read at `first`: reads it again. The reader stands
   elsewhere then. */
void sink_apply_name_again(struct sink_apply *a, struct sink_stream *s, struct worker *w, uint64_t first,
                           struct hp_error *err);
void sink_apply_trim(struct sink_apply *a);

#endif
