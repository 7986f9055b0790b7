/*
 * stream_give.h: what the builder holds becomes the answer of a poll: whole transactions, a chunk of one, or the end of
 * one that went in chunks. Called by stream.c. [task]
 */
#ifndef SOURCE_PG_STREAM_GIVE_H
#define SOURCE_PG_STREAM_GIVE_H

#include "source.h"

/* Records of a transaction whose end is not here yet go to the side until the next poll, ... */
hp_status stream_keep_tail(struct stream *st, struct hp_builder *b, struct hp_error *err);
/* ... which begins with them. */
hp_status stream_restore_tail(struct stream *st, struct hp_builder *b, struct hp_error *err);
/* The batch is full, or the next message needs an empty one. */
hp_status stream_give(struct source *s, struct hp_poll *poll, struct hp_error *err);
hp_status stream_give_chunk(struct source *s, struct hp_poll *poll);
hp_status stream_give_whole(struct source *s, struct hp_poll *poll, struct hp_error *err);
/* The COMMIT or ABORT that a message left to be given. */
hp_status stream_give_outcome(struct source *s, struct hp_poll *poll, struct hp_error *err);
/* Bring the instance's metrics up to date. */
void stream_figures(struct source *s, uint64_t records);

#endif
