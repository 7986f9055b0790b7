/*
 * debezium.h: a record as the JSON that Debezium's connector would have sent (design D2, D13; cdc-facts 1.3, 1.4),
 * computed on demand. Pure: bytes in, bytes appended to a buf, or an error and the buf as it was.
 *
 * One record can be several messages there: a delete is followed by a tombstone (the same key, no value), and a change
 * of the key is a delete of the old one, its tombstone, and a create of the new one. view_messages() tells them all.
 *
 * What differs from Debezium's, because the native log is the wiser one (values and reasons, each compared with what
 * Debezium sent: tests/integration/debezium/cases.py):
 *   - a value that Debezium's form cannot hold is null, as with its event.converting.failure.handling.mode=warn; the
 * log and native sinks keep it. So are numeric NaN and infinities, timestamps after the year 294246, and arrays of
 *     several dimensions. Arrays of bits, which are always null there, are left out.
 *   - source.sequence pairs the transaction's own commit LSN with the change's LSN (Debezium: the commit LSN of the
 *     transaction before). Both orders are the same, and this one does not depend on where a reader starts.
 *   - source.txId is null in a snapshot: its rows are no transaction's.
 *   - schemas carry no column defaults and comments, and a null is not replaced by a default: the record's schema does
 *     not know them.
 *   - box, lseg, path, polygon, line and circle have the forms of Debezium 3.7; 3.6 leaves them out.
 */
#ifndef VIEW_DEBEZIUM_H
#define VIEW_DEBEZIUM_H

#include "buf.h"

struct view_options {
    uint32_t size;
    bool schemas;                  /* schemas.enable: {"schema":...,"payload":...} */
    bool no_tombstones;            /* tombstones.on.delete=false */
    const char *connector_version; /* source.version; NULL: this program's */
};

/* Key and value texts of one record; "null" where there is none (a key of a keyless table). For a record that changes
   its key these are those of the update as one event: the new key, both images, op u. */
hp_status view_key(const struct hp_batch *batch, const struct hp_record *rec, const struct hp_tx *tx,
                   const struct view_options *options, struct buf *out, struct hp_error *err);
hp_status view_value(const struct hp_batch *batch, const struct hp_record *rec, const struct hp_tx *tx,
                     const struct view_options *options, struct buf *out, struct hp_error *err);

/* One message as a Kafka topic would hold it; good until the callback returns. */
struct view_message {
    struct hp_bytes key;          /* JSON, or "null" */
    struct hp_bytes value;        /* JSON; len 0: a tombstone */
    const char *header;           /* "__debezium.newkey", "__debezium.oldkey", or NULL: none */
    struct hp_bytes header_value; /* JSON of that key */
};

/* Calls each() for every message of a record, in order; stops at the first that does not return HP_OK and returns
   that. scratch is the caller's (its memory is reused from record to record); what it holds is lost. */
hp_status view_messages(const struct hp_batch *batch, const struct hp_record *rec, const struct hp_tx *tx,
                        const struct view_options *options, struct buf *scratch,
                        hp_status (*each)(void *arg, const struct view_message *message, struct hp_error *err),
                        void *arg, struct hp_error *err);

#endif
