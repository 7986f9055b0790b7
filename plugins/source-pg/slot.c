/* slot.c: see slot.h. */
#include "slot.h"

#include "no_memory.h"

#include <stdlib.h>
#include <time.h>

#define DROP_TRIES        50
#define DROP_PAUSE_MS     100
#define DROP_POLITE_TRIES 20 /* then whoever holds the slot is ended */

uint64_t slot_parse_lsn(const char *text)
{
    char *end = NULL;
    uint64_t high = strtoull(text, &end, 16);
    return end && *end == '/' ? (high << 32) | strtoull(end + 1, NULL, 16) : 0;
}

static bool is_state(const struct hp_error *err, const char *state)
{
    return strcmp(err->code, state) == 0;
}

/* Columns by server version: what the older ones lack is empty. */
static const char *slot_sql(int version)
{
    if (version >= 170000) {
        return "SELECT plugin, database, confirmed_flush_lsn, active, wal_status, COALESCE(invalidation_reason, ''), "
               "synced, two_phase"
               " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
    }
    return version >= 140000 ? "SELECT plugin, database, confirmed_flush_lsn, active, wal_status, '', false, two_phase"
                               " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1"
                             : "SELECT plugin, database, confirmed_flush_lsn, active, wal_status, '', false, false"
                               " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
}

hp_status slot_read(struct session *normal, struct slot_state *out, struct hp_error *err)
{
    const char *param = normal->settings->slot;
    PGresult *res = NULL;
    struct slot_state s;
    memset(&s, 0, sizeof s);
    if (session_query(normal, "looking at the slot", slot_sql(normal->version), 1, &param, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    if (PQntuples(res)) {
        s.exists = true;
        (void)snprintf(s.plugin, sizeof s.plugin, "%s", PQgetvalue(res, 0, 0));
        (void)snprintf(s.database, sizeof s.database, "%s", PQgetvalue(res, 0, 1));
        s.confirmed = slot_parse_lsn(PQgetvalue(res, 0, 2));
        s.active = PQgetvalue(res, 0, 3)[0] == 't';
        s.lost = strcmp(PQgetvalue(res, 0, 4), "lost") == 0 || *PQgetvalue(res, 0, 5);
        s.synced = PQgetvalue(res, 0, 6)[0] == 't';
        s.two_phase = PQgetvalue(res, 0, 7)[0] == 't';
        (void)snprintf(s.reason, sizeof s.reason, "wal_status %s%s%s", PQgetvalue(res, 0, 4),
                       *PQgetvalue(res, 0, 5) ? ", invalidation_reason " : "", PQgetvalue(res, 0, 5));
    }
    PQclear(res);
    *out = s;
    return HP_OK;
}

/* The first timeline has no history; nor does one whose file somebody removed. */
static hp_status read_history(struct session *replication, uint32_t timeline, char **out, struct hp_error *err)
{
    char sql[64];
    struct hp_error failed = {.size = sizeof failed};
    PGresult *res = NULL;
    bool there = false;
    (void)snprintf(sql, sizeof sql, "TIMELINE_HISTORY %u", (unsigned)timeline);
    if (timeline > 1) {
        there = session_query(replication, "reading the timeline's history", sql, 0, NULL, &res, &failed) == HP_OK;
        if (!there && !is_state(&failed, "58P01")) {
            if (err) {
                *err = failed;
            }
            return HP_ERROR;
        }
    }
    *out = strdup(there && PQntuples(res) == 1 && PQnfields(res) == 2 ? PQgetvalue(res, 0, 1) : "");
    PQclear(res);
    return *out ? HP_OK : no_memory(err);
}

/* Where a line of the history says that `timeline` ended, or with 0, where the last line's ended; 0: nowhere. */
static uint64_t switch_point(const char *history, uint32_t timeline)
{
    uint64_t at = 0;
    while (*history) {
        char *end = NULL;
        unsigned long line = strtoul(history, &end, 10);
        if (end != history && (timeline == 0 || line == timeline)) {
            at = slot_parse_lsn(end + strspn(end, " \t"));
        }
        history += strcspn(history, "\n");
        history += *history == '\n';
    }
    return at;
}

hp_status slot_identify(struct session *normal, struct session *replication, struct server_identity *out,
                        char **history, struct hp_error *err)
{
    PGresult *res = NULL;
    hp_status st = HP_OK;
    if (session_query(normal, "asking who the server is", "SELECT pg_catalog.pg_is_in_recovery()", 0, NULL, &res,
                      err) != HP_OK) {
        return HP_ERROR;
    }
    out->in_recovery = PQntuples(res) && PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    if (session_query(replication, "asking who the server is", "IDENTIFY_SYSTEM", 0, NULL, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    if (PQntuples(res) == 1 && PQnfields(res) >= 3) {
        out->system_id = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
        out->timeline = (uint32_t)strtoul(PQgetvalue(res, 0, 1), NULL, 10);
        out->wal_end = slot_parse_lsn(PQgetvalue(res, 0, 2));
    } else {
        st = hp_fail(err, HP_ERROR_FATAL, "08P01", "the server's answer to IDENTIFY_SYSTEM is not understood");
    }
    PQclear(res);
    if (st == HP_OK && read_history(replication, out->timeline, history, err) == HP_OK) {
        out->branched = switch_point(*history, 0);
        return HP_OK;
    }
    return HP_ERROR;
}

#define WAY_OUT                                                                                                        \
    "stop the connector, reset its offsets and start it again for a new snapshot (or set snapshot.mode=when_needed)"

hp_status slot_judge(const struct position *stored, const struct slot_state *slot, const struct server_identity *server,
                     const char *slot_name, struct hp_error *err)
{
    if (stored->identified && stored->system_id != server->system_id) {
        return hp_fail(err, HP_ERROR_FATAL, "HP001",
                       "the server is another one: its system identifier is %llu, the stored offset %s belongs to "
                       "%llu; connect to "
                       "that server, or " WAY_OUT,
                       (unsigned long long)server->system_id, lsn_text(stored->lsn).s,
                       (unsigned long long)stored->system_id);
    }
    if (stored->identified && strcmp(stored->slot, slot_name) != 0) {
        return hp_fail(err, HP_ERROR_FATAL, "HP002",
                       "the stored offset %s belongs to slot \"%s\", the configuration names \"%s\"; name the old "
                       "slot, or " WAY_OUT,
                       lsn_text(stored->lsn).s, stored->slot, slot_name);
    }
    if (server->in_recovery && (!slot->exists || slot->synced)) {
        return hp_fail(
            err, HP_ERROR_RETRY, "25006",
            "the server is a standby, and slot \"%s\" %s: waiting for it to be promoted (or name the primary "
            "in database.hostname and database.port)",
            slot_name, slot->exists ? "is synchronized from its primary" : "is not there");
    }
    if (!slot->exists) {
        return hp_fail(
            err, HP_ERROR_FATAL, "HP003",
            "slot \"%s\" is gone, and with it the changes since the stored offset %s (the server is at %s); " WAY_OUT,
            slot_name, lsn_text(stored->lsn).s, lsn_text(server->wal_end).s);
    }
    if (stored->lsn > server->wal_end) {
        return hp_fail(
            err, HP_ERROR_FATAL, "HP007",
            "the stored offset %s lies beyond the end of the server's WAL, %s: the server was restored from an older "
            "state, or the offset was set wrong; " WAY_OUT,
            lsn_text(stored->lsn).s, lsn_text(server->wal_end).s);
    }
    if (slot->lost) {
        return hp_fail(err, HP_ERROR_FATAL, "HP004",
                       "slot \"%s\" was invalidated by the server (%s): changes since the stored offset %s are gone "
                       "(the slot was at "
                       "%s); " WAY_OUT,
                       slot_name, slot->reason, lsn_text(stored->lsn).s, lsn_text(slot->confirmed).s);
    }
    if (slot->confirmed > stored->lsn) {
        return hp_fail(err, HP_ERROR_FATAL, "HP005",
                       "slot \"%s\" was advanced or made anew by somebody else: it is confirmed up to %s, the stored "
                       "offset is %s, and "
                       "what lies between cannot be read any more; " WAY_OUT,
                       slot_name, lsn_text(slot->confirmed).s, lsn_text(stored->lsn).s);
    }
    return HP_OK;
}

/* Lines of a history file: timeline, tab, LSN at which it was left, tab, reason. Two standbys that were promoted both
   count on from the primary's timeline, so the same number may be another history: where it began tells them apart. */
hp_status slot_judge_timeline(const struct position *stored, const struct server_identity *server, const char *history,
                              struct hp_error *err)
{
    unsigned then = (unsigned)stored->timeline, now = (unsigned)server->timeline;
    uint64_t at = switch_point(history, stored->timeline);
    if (!stored->identified) {
        return HP_OK;
    }
    if (then == now) {
        return stored->branched == server->branched || !stored->branched || !server->branched
                   ? HP_OK
                   : hp_fail(err, HP_ERROR_FATAL, "HP006",
                             "the server is on another timeline %u than the one that the stored offset %s was read on: "
                             "it began at %s, that one at %s; connect to the server that has it, or " WAY_OUT,
                             now, lsn_text(stored->lsn).s, lsn_text(server->branched).s, lsn_text(stored->branched).s);
    }
    if (at == 0) {
        return hp_fail(err, HP_ERROR_FATAL, "HP006",
                       "the server is on timeline %u, whose history does not hold timeline %u, on which the stored "
                       "offset %s was read: what was read may never have happened there; connect to the server that "
                       "has it, or " WAY_OUT,
                       now, then, lsn_text(stored->lsn).s);
    }
    return stored->lsn <= at
               ? HP_OK
               : hp_fail(err, HP_ERROR_FATAL, "HP006",
                         "the server went from timeline %u to %u at %s, before the stored offset %s: changes that were "
                         "read no longer exist there; " WAY_OUT,
                         then, now, lsn_text(at).s, lsn_text(stored->lsn).s);
}

hp_status slot_usable(const struct slot_state *slot, const struct settings *settings, struct hp_error *err)
{
    if (slot->confirmed == 0 && strcmp(slot->plugin, "pgoutput") == 0) {
        return hp_fail(
            err, HP_ERROR_RETRY, "55006",
            "slot \"%s\" is still being made: an attempt that was given up waits on the server for transactions to end",
            settings->slot);
    }
    if (strcmp(slot->plugin, "pgoutput") != 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "slot \"%s\" exists with the output plugin \"%s\"; only pgoutput works: drop it, or choose "
                       "another slot.name",
                       settings->slot, *slot->plugin ? slot->plugin : "none (a physical slot)");
    }
    if (slot->two_phase) {
        return hp_fail(
            err, HP_ERROR_CONFIG, "",
            "slot \"%s\" was made with two_phase, so that the server sends prepared transactions before they "
            "commit; drop it, or choose another slot.name",
            settings->slot);
    }
    if (strcmp(slot->database, settings->dbname) != 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "slot \"%s\" belongs to database \"%s\", not to \"%s\"; choose another slot.name",
                       settings->slot, slot->database, settings->dbname);
    }
    return HP_OK;
}

static void pause_ms(long ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&ts, NULL);
}

hp_status slot_drop(struct session *normal, bool force, struct hp_error *err)
{
    const char *param = normal->settings->slot;
    struct hp_error failed = {.size = sizeof failed};
    PGresult *res = NULL;
    struct slot_state slot;
    if (slot_read(normal, &slot, err) != HP_OK) {
        return HP_ERROR;
    }
    if (slot.exists && slot_usable(&slot, normal->settings, &failed) != HP_OK) {
        services_log(normal->services, HP_LOG_WARN, "not dropped: %s", failed.message);
        return HP_OK;
    }
    for (int i = 0; i < DROP_TRIES; i++) {
        if (session_query(normal, "dropping the slot", "SELECT pg_catalog.pg_drop_replication_slot($1)", 1, &param,
                          &res, &failed) == HP_OK) {
            PQclear(res);
            services_log(normal->services, HP_LOG_INFO, "dropped slot \"%s\"", param);
            return HP_OK;
        }
        if (is_state(&failed, "42704")) {
            return HP_OK; /* there is none */
        }
        if (!is_state(&failed, "55006")) {
            break;
        }
        if (force && i >= DROP_POLITE_TRIES &&
            session_query(normal, "ending the slot's walsender",
                          "SELECT pg_catalog.pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots"
                          " WHERE slot_name = $1 AND active",
                          1, &param, &res, &failed) == HP_OK) {
            PQclear(res);
        }
        pause_ms(DROP_PAUSE_MS);
    }
    if (err) {
        *err = failed;
    }
    return HP_ERROR;
}
