/* snapshot.c: the slot is made, the tables are read as they were at its beginning (or, after an interruption, at the
   beginning of a temporary slot), and streaming takes over without gap or double. Each table travels as one pseudo
   transaction, so that an interrupted one leaves nothing behind; the position names the tables that are complete and
   the LSN at which each was read, so that the stream leaves out what is in them already.
   The publication exists before the slot (P10), and making a slot waits for every transaction that was open, so a
   writer that was open when a table was added to the publication has ended before the table is read (P11). [task] */
#include "snapshot.h"

#include "no_memory.h"
#include "wake.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_US 5000000 /* then it is said what is waited for */

hp_status snapshot_begin(struct source *s, bool make_slot, bool read_tables, struct hp_error *err)
{
    struct snapshot *n;
    snapshot_finish(s);
    n = calloc(1, sizeof *n);
    if (!n) {
        return no_memory(err);
    }
    s->snapshot = n;
    s->phase = PHASE_SNAPSHOT;
    n->make_slot = make_slot;
    n->read_tables = read_tables;
    if (make_slot) {
        (void)snprintf(n->slot, sizeof n->slot, "%s", s->settings.slot);
    } else {
        (void)snprintf(n->slot, sizeof n->slot, "%.40s_snap_%d", s->settings.slot, PQbackendPID(s->replication.conn));
    }
    s->position.snapshot_running = read_tables;
    s->position.snapshot_done = false;
    services_set(&s->services, FIG_SNAPSHOT_RUNNING, read_tables);
    return services_failpoint(&s->services, "snap.begin", err);
}

/* A server that makes a slot does not notice that nobody waits any more. */
static void give_up_slot(struct source *s)
{
    char reason[256];
    PGcancel *cancel = s->replication.conn ? PQgetCancel(s->replication.conn) : NULL;
    if (cancel) {
        (void)PQcancel(cancel, reason, sizeof reason);
        PQfreeCancel(cancel);
    }
}

void snapshot_finish(struct source *s)
{
    struct snapshot *n = s->snapshot;
    if (n) {
        if (n->step == SNAP_WAIT_SLOT) {
            give_up_slot(s);
        }
        publication_tables_free(n->tables, n->n_tables);
        relation_destroy(n->rel);
        wire_finish(&n->wire);
        free(n->as_text);
        free(n->values);
        free(n->carry);
        free(n);
        s->snapshot = NULL;
    }
}

/* ---- the slot ---- */

static hp_status make_slot(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct text sql = {0};
    bool failover = n->make_slot && s->settings.slot_failover;
    if (failover && s->replication.version < 170000) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "slot.failover needs server 17 or later");
    }
    text_put(&sql, "CREATE_REPLICATION_SLOT \"%s\"%s LOGICAL pgoutput", n->slot, n->make_slot ? "" : " TEMPORARY");
    if (s->replication.version >= 150000) {
        text_put(&sql, " (SNAPSHOT '%s'%s)", n->read_tables ? "export" : "nothing", failover ? ", FAILOVER true" : "");
    } else {
        text_put(&sql, " %s", n->read_tables ? "EXPORT_SNAPSHOT" : "NOEXPORT_SNAPSHOT");
    }
    if (sql.failed) {
        text_finish(&sql);
        return no_memory(err);
    }
    services_log(&s->services, HP_LOG_INFO, "making %sslot \"%s\"", n->make_slot ? "" : "temporary ", n->slot);
    if (!PQsendQuery(s->replication.conn, sql.data) || PQflush(s->replication.conn) < 0) {
        text_finish(&sql);
        return session_fail(&s->replication, "making the slot", NULL, err);
    }
    text_finish(&sql);
    n->began_us = services_now_us();
    n->step = SNAP_WAIT_SLOT;
    return HP_OK;
}

/* Tell who is waited for: transactions older than the slot. */
static void complain(struct source *s)
{
    struct session *catalog = NULL;
    PGresult *res = NULL;
    if (source_catalog(s, &catalog, NULL) == HP_OK &&
        session_query(
            catalog, "looking for open transactions",
            "SELECT COALESCE(pg_catalog.string_agg(DISTINCT w, ', '), 'none') FROM"
            " (SELECT 'process ' || pid FROM pg_catalog.pg_locks WHERE locktype = 'transactionid'"
            "  AND mode = 'ExclusiveLock' AND granted AND pid IS NOT NULL UNION ALL"
            "  SELECT 'prepared transaction ' || pg_catalog.quote_literal(gid) FROM pg_catalog.pg_prepared_xacts"
            "  LIMIT 10) a(w)",
            0, NULL, &res, NULL) == HP_OK) {
        services_log(
            &s->services, HP_LOG_WARN,
            s->server.in_recovery
                ? "making slot \"%s\" on this standby waits for its primary to log its open transactions: SELECT "
                  "pg_log_standby_snapshot() there, and if that does not help, let them end%.0s"
                : "making slot \"%s\" waits for transactions that began before it to end; writing ones now: %s",
            s->snapshot->slot, PQgetvalue(res, 0, 0));
        PQclear(res);
    }
}

/* HP_OK: the answer is there. HP_IDLE: not yet. */
static hp_status wait_slot(struct source *s, int64_t wait_us, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct pollfd fds[2] = {{.fd = PQsocket(s->replication.conn), .events = POLLIN},
                            {.fd = s->wake_fd, .events = POLLIN}};
    struct timespec ts = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    if (PQisBusy(s->replication.conn)) {
        if (ppoll(fds, 2, &ts, NULL) > 0 && fds[1].revents) {
            wake_clear(s->wake_fd);
        }
        if (fds[0].revents && !PQconsumeInput(s->replication.conn)) {
            return session_fail(&s->replication, "making the slot", NULL, err);
        }
    }
    if (PQisBusy(s->replication.conn)) {
        if (!n->complained && services_now_us() - n->began_us > PATIENCE_US) {
            n->complained = true;
            complain(s);
        }
        return HP_IDLE;
    }
    return HP_OK;
}

static hp_status slot_made(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    PGresult *res = PQgetResult(s->replication.conn), *more;
    hp_status st = HP_OK;
    if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1 || PQnfields(res) < 3) {
        st = session_fail(&s->replication, "making the slot", res, err);
    } else {
        n->lsn = slot_parse_lsn(PQgetvalue(res, 0, 1));
        (void)snprintf(n->name, sizeof n->name, "%s", PQgetvalue(res, 0, 2));
    }
    PQclear(res);
    while ((more = PQgetResult(s->replication.conn))) {
        PQclear(more);
    }
    if (st != HP_OK) {
        return st;
    }
    if (n->make_slot) {
        s->position.known = s->position.identified = true;
        s->position.lsn = s->position.slot_lsn = n->lsn;
        s->position.system_id = s->server.system_id;
        s->position.timeline = s->server.timeline;
        (void)snprintf(s->position.slot, sizeof s->position.slot, "%s", s->settings.slot);
        services_log(&s->services, HP_LOG_INFO, "slot \"%s\" begins at %s", n->slot, lsn_text(n->lsn).s);
    }
    if (!s->position.known) { /* a snapshot without a slot of its own */
        s->position.known = true;
        s->position.lsn = n->lsn;
        s->position.system_id = s->server.system_id;
        s->position.timeline = s->server.timeline;
    }
    feedback_handled(&s->feedback, s->position.lsn);
    n->step = n->read_tables ? SNAP_IMPORT : SNAP_OVER;
    return services_failpoint(&s->services, "snap.slot", err);
}

/* ---- the snapshot ---- */

static hp_status import_snapshot(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct session *normal = NULL;
    struct timespec ts;
    char sql[160];
    if (source_catalog(s, &normal, err) != HP_OK ||
        session_run(normal, "beginning the snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) !=
            HP_OK) {
        return HP_ERROR;
    }
    (void)snprintf(sql, sizeof sql, "SET TRANSACTION SNAPSHOT '%s'", n->name);
    if (session_run(normal, "taking over the slot's snapshot", sql, err) != HP_OK ||
        session_run(normal, "beginning the snapshot", "SET LOCAL statement_timeout = 0", err) != HP_OK ||
        session_run(normal, "beginning the snapshot", "SET LOCAL row_security = off", err) != HP_OK) {
        return HP_ERROR;
    }
    if (!n->make_slot) {
        (void)snprintf(sql, sizeof sql, "DROP_REPLICATION_SLOT \"%s\"", n->slot);
        if (session_run(&s->replication, "dropping the temporary slot", sql, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    n->wall_us = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
    n->values = calloc(PGOUTPUT_MAX_COLUMNS, sizeof *n->values);
    n->as_text = calloc(PGOUTPUT_MAX_COLUMNS, sizeof *n->as_text);
    if (!n->values || !n->as_text) {
        return no_memory(err);
    }
    n->step = SNAP_NEXT_TABLE;
    return snapshot_list_tables(s, err);
}

/* ---- the way through ---- */

static hp_status over(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    bool read_tables = s->snapshot->read_tables;
    if (services_failpoint(&s->services, "snap.handover", err) != HP_OK) {
        return HP_ERROR;
    }
    s->position.snapshot_running = false;
    s->no_binary = s->no_binary || s->snapshot->stream_as_text;
    if (read_tables) {
        s->position.snapshot_done = true;
        (void)session_run(&s->normal, "ending the snapshot", "COMMIT", NULL);
        session_close(&s->normal);
        services_set(&s->services, FIG_SNAPSHOT_RUNNING, 0);
        services_log(&s->services, HP_LOG_INFO, "the snapshot is complete");
    }
    snapshot_finish(s);
    poll->kind = HP_POLL_BATCH;
    if (s->settings.snapshot_mode == SNAPSHOT_INITIAL_ONLY) {
        s->phase = PHASE_END;
    } else if (stream_begin(s, err) != HP_OK) {
        return HP_ERROR;
    }
    return source_give(s, poll, err);
}

hp_status snapshot_poll(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    int64_t now = services_now_us(), deadline = now + poll->wait_us;
    hp_status st = HP_OK;
    if (poll->max_bytes == 0) {
        wake_wait(s->wake_fd, poll->wait_us); /* the server waits too: a full socket stops its COPY */
        return HP_IDLE;
    }
    for (;;) {
        switch (n->step) {
        case SNAP_MAKE_SLOT:
            st = make_slot(s, err);
            break;
        case SNAP_WAIT_SLOT:
            st = wait_slot(s, deadline > now ? deadline - now : 0, err);
            if (st == HP_OK) {
                st = slot_made(s, err);
                if (st == HP_OK && n->step == SNAP_IMPORT) {
                    /* The slot's identity is stored before anything else happens to it (E5). */
                    poll->kind = HP_POLL_BATCH;
                    return source_give(s, poll, err);
                }
            }
            break;
        case SNAP_IMPORT:
            st = import_snapshot(s, err);
            break;
        case SNAP_NEXT_TABLE:
            st = snapshot_next_table(s, err);
            break;
        case SNAP_ROWS:
            st = snapshot_read_rows(s, poll, deadline, err);
            if (n->step == SNAP_ROWS || st != HP_IDLE) {
                return st;
            }
            st = HP_OK;
            break;
        case SNAP_TABLE_END:
            st = snapshot_table_end(s, poll, err);
            if (st != HP_IDLE) {
                return st;
            }
            st = HP_OK;
            break;
        case SNAP_OVER:
            return over(s, poll, err);
        }
        if (st != HP_OK) {
            return st;
        }
    }
}
