/*
 * builder.h: the host's side of hp_builder (api/plugin/homeport/batch.h): the memory in which one
 * batch is built. One owner at a time; handed between the task's thread and the log's thread.
 */
#ifndef RECORD_BUILDER_H
#define RECORD_BUILDER_H

#include <homeport/homeport.h>

struct builder {
    struct hp_builder b; /* first member: what plugins see */
    uint64_t keep;       /* memory kept on reset; anything above is given back (rule E8) */
    uint64_t limit;      /* of the whole batch */
};

/* head: bytes left free before the first record, for the stored header (see stored.h). */
hp_status builder_init(struct builder *b, uint64_t keep, uint64_t max_record, struct hp_error *err);
void builder_finish(struct builder *b);
void builder_reset(struct builder *b);
/* The bytes built so far as a batch; names and schemas are the caller's to fill in. */
struct hp_batch builder_batch(const struct builder *b);

#endif
