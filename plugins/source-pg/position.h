/*
 * position.h: where a source stands, and its JSON, which the host stores with the records (E3) and users see at
 * GET /connectors/C/offsets: Debezium's members, and ours for the slot's identity (E5) and a snapshot under way.
 *
 *   {"transaction_id":null,"lsn_proc":N,"lsn_commit":N,"lsn":N,"txId":N,"ts_usec":N,"messageType":"COMMIT",
 *    "slot":"S","slot_lsn":N,"system_id":"N","timeline":N[,"timeline_lsn":N][,"message_lsn":N]
 *    [,"snapshot":true | ,"snapshot_completed":true][,"snapshot_tables":[{"lsn":N,"oids":[N,...]},...]]}
 *
 * An offset of Debezium's own has no slot identity: it is taken as it is, and the identity is filled in at start.
 * Pure.
 */
#ifndef SOURCE_PG_POSITION_H
#define SOURCE_PG_POSITION_H

#include "text.h"

#include <homeport/homeport.h>

/* Tables whose snapshot was read at one LSN. Changes that committed before it are in the snapshot already. */
struct snapshot_run {
    uint64_t lsn;
    uint32_t *oids;
    size_t n;
};

struct position {
    bool known;           /* there is one */
    uint64_t lsn;         /* every transaction that ended up to here is handled */
    uint64_t message_lsn; /* of the newest non-transactional message handled */
    uint32_t xid;         /* of the newest transaction */
    int64_t commit_us;    /* since 1970 */
    bool identified;      /* the four that follow are known */
    char slot[64];
    uint64_t slot_lsn; /* where the slot began */
    uint64_t system_id;
    uint32_t timeline;
    uint64_t branched; /* where that timeline began; 0: with the server, or not known */
    bool snapshot_running, snapshot_done;
    struct snapshot_run *runs;
    size_t n_runs;
};

hp_status position_parse(struct hp_bytes json, struct position *out, struct hp_error *err);
/* Replaces what `out` holds; its memory is reused. */
hp_status position_format(const struct position *p, struct text *out, struct hp_error *err);
void position_finish(struct position *p);
/* Note that the table was read at lsn. */
hp_status position_add_table(struct position *p, uint64_t lsn, uint32_t oid, struct hp_error *err);
/* The LSN at which the table was read; 0: it was not. */
uint64_t position_table_lsn(const struct position *p, uint32_t oid);
/* The newest LSN at which any table was read. */
uint64_t position_snapshot_lsn(const struct position *p);
void position_drop_tables(struct position *p); /* none was read */
/* Once a finished snapshot lies behind, its tables need no longer be remembered. */
void position_forget_tables(struct position *p);

/* "16/B374D848" */
struct lsn_text {
    char s[24];
};
struct lsn_text lsn_text(uint64_t lsn);

#endif
