/*
 * builder.h: the host's side of hp_builder (api/plugin/homeport/batch.h): the memory in which one
 * batch is built. One owner at a time; handed between the task's thread and the log's thread.
 */
#ifndef RECORD_BUILDER_H
#define RECORD_BUILDER_H

#include "region.h"

#include <homeport/homeport.h>

struct builder {
    struct hp_builder b; /* first member: what plugins see */
    uint64_t keep;       /* memory kept on reset; anything above is given back (rule E8) */
    uint64_t limit;      /* of the whole batch: one largest record beside an ordinary batch */
    struct region memory;
};

/* The builder must not be moved or copied while records are built: plugins hold its address. */
hp_status builder_init(struct builder *b, uint64_t keep, uint64_t max_record, struct hp_error *err);
void builder_finish(struct builder *b);
void builder_reset(struct builder *b); /* empty; an open record is dropped */
/* The bytes built so far as a batch (an open record is not among them), built_us now; flags, tx, offsets, names and
   schemas are the caller's to fill in. Good until the builder is touched. */
struct hp_batch builder_batch(const struct builder *b);

#endif
