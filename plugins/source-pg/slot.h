/*
 * slot.h: the replication slot and its identity (E5): what the server says about it, whether that fits what we stored,
 * and dropping it. The judgement is pure. [task]
 */
#ifndef SOURCE_PG_SLOT_H
#define SOURCE_PG_SLOT_H

#include "position.h"
#include "session.h"

struct slot_state {
    bool exists, active, lost;
    bool synced;    /* a standby's copy of its primary's: it is of use once that standby was promoted */
    bool two_phase; /* somebody else made it: we never ask for that */
    char plugin[64], database[64];
    char reason[128];   /* why it is lost */
    uint64_t confirmed; /* confirmed_flush_lsn */
};

struct server_identity {
    uint64_t system_id;
    uint32_t timeline;
    uint64_t branched; /* where the timeline began; 0: with the server, or not known */
    uint64_t wal_end;
    bool in_recovery; /* a standby */
};

hp_status slot_read(struct session *normal, struct slot_state *out, struct hp_error *err);
/* Who the server is; *history is the text of its timeline's history, to be freed. */
hp_status slot_identify(struct session *normal, struct session *replication, struct server_identity *out,
                        char **history, struct hp_error *err);

/* Can streaming go on from the stored position without a gap? HP_OK, or FATAL with the reason and the way out. Pure. */
hp_status slot_judge(const struct position *stored, const struct slot_state *slot, const struct server_identity *server,
                     const char *slot_name, struct hp_error *err);
/* Is our position part of the history that the server goes on from? `history` is the text of the file of its timeline,
   "" for the first. HP_OK, or FATAL as above. Pure. */
hp_status slot_judge_timeline(const struct position *stored, const struct server_identity *server, const char *history,
                              struct hp_error *err);
/* Is it ours to use at all: a logical pgoutput slot of our database. Pure. */
hp_status slot_usable(const struct slot_state *slot, const struct settings *settings, struct hp_error *err);

/* Drop it if it is there and of our make. Who still uses it is waited for, and then ended if `force` (our own dying
   walsender, usually). */
hp_status slot_drop(struct session *normal, bool force, struct hp_error *err);

uint64_t slot_parse_lsn(const char *text); /* 0 if it is none */

#endif
