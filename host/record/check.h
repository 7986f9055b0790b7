/*
 * check.h: is this run of bytes a batch? Bounds, kinds, flags, cell types, schema and topic ids, row
 * widths, alignment. Pure; called on everything read from a log, on what plugins deliver in checking
 * mode, and by a fuzzer. After it passed, all reads through util.h stay inside the batch.
 */
#ifndef RECORD_CHECK_H
#define RECORD_CHECK_H

#include <homeport/homeport.h>

/* batch: data, len, schemas, n_schemas, n_topics are given; n_records is compared. */
hp_status batch_check(const struct hp_batch *batch, struct hp_error *err);

#endif
