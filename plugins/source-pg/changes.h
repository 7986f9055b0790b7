/*
 * changes.h: what one pgoutput message does to the batch: pure bookkeeping of transactions plus rows.h. Called by
 * stream.c per message. [task]
 */
#ifndef SOURCE_PG_CHANGES_H
#define SOURCE_PG_CHANGES_H

#include "source.h"

enum step {
    STEP_NEXT,    /* done with this message */
    STEP_FLUSH,   /* give what the builder holds first, then come again with the same message */
    STEP_OUTCOME, /* done with it; a COMMIT or ABORT is to be given now (the builder is empty) */
    STEP_FAILED
};

/* data: a pgoutput message that began at WAL position lsn. */
enum step changes_apply(struct source *s, struct hp_builder *b, const uint8_t *data, size_t len, uint64_t lsn,
                        struct hp_error *err);

#endif
