/*
 * debezium.h: a record as the JSON that Debezium's connector would have sent (design D2, D13; cdc-facts 1.3, 1.4),
 * computed on demand. Pure.
 */
#ifndef VIEW_DEBEZIUM_H
#define VIEW_DEBEZIUM_H

#include "buf.h"

struct view_options {
    uint32_t size;
    bool schemas;               /* schemas.enable: {"schema":...,"payload":...} */
    const char *connector_version;
};

/* Key and value texts of one record; "null" where there is none (a key of a keyless table). */
hp_status view_key(const struct hp_batch *batch, const struct hp_record *rec, const struct hp_tx *tx,
                   const struct view_options *options, struct buf *out, struct hp_error *err);
hp_status view_value(const struct hp_batch *batch, const struct hp_record *rec, const struct hp_tx *tx,
                     const struct view_options *options, struct buf *out, struct hp_error *err);

#endif
