/* start.c: from a stored position to a connection that is ready to be polled: what the server has, what we stored, and
   what follows from both (E5; README "What happens at start"). [task] */
#include "publication.h"
#include "snapshot.h"
#include "source.h"

#include <stdlib.h>
#include <unistd.h>

#define IDLE_US              1000000 /* a place without records is given that often at most, ... */
#define IDLE_SYNC_US         5000    /* ... unless commits on the server may wait for it */
#define SENDER_TIMEOUT_SHARE 4       /* the server hears from us that often within its wal_sender_timeout */
#define PATIENCE_TIMES       2 /* so many times that long is it waited for; while it decodes, it answers within one */
#define PATIENCE_LEAST_US    5000000

hp_status source_catalog(struct source *s, struct session **out, struct hp_error *err)
{
    if (s->normal.conn && PQstatus(s->normal.conn) != CONNECTION_OK) {
        session_close(&s->normal);
    }
    if (!s->normal.conn && session_open(&s->normal, &s->services, &s->settings, SESSION_NORMAL, err) != HP_OK) {
        return HP_ERROR;
    }
    s->normal_used_us = services_now_us();
    *out = &s->normal;
    return HP_OK;
}

/* A standby that is promoted sends on, from its new timeline. What was here while it still was a standby lies on the
   one that is stored with the position; the rest comes again after a new start, which sees where that one ends. */
static hp_status still_standby(struct source *s, struct hp_error *err)
{
    struct session *normal = NULL;
    PGresult *res = NULL;
    bool standby;
    if (source_catalog(s, &normal, err) != HP_OK ||
        session_query(normal, "asking who the server is", "SELECT pg_catalog.pg_is_in_recovery()", 0, NULL, &res,
                      err) != HP_OK) {
        return HP_ERROR;
    }
    standby = PQntuples(res) && PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    if (standby) {
        return HP_OK;
    }
    (void)hp_fail(err, HP_ERROR_RETRY, "", "the server was a standby and is promoted now: connecting again");
    if (err) {
        err->retry_after_ms = 1;
    }
    return HP_ERROR;
}

hp_status source_give(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    if (s->phase == PHASE_STREAM && s->server.in_recovery && still_standby(s, err) != HP_OK) {
        return HP_ERROR;
    }
    s->position.lsn = s->feedback.handled;
    position_forget_tables(&s->position);
    if (position_format(&s->position, &s->json, err) != HP_OK) {
        return HP_ERROR;
    }
    poll->position.data = s->json.data;
    poll->position.len = s->json.len;
    poll->ticket = s->feedback.handled;
    feedback_given(&s->feedback, services_now_us());
    return HP_OK;
}

/* ---- what the server is ---- */

static hp_status show(struct session *normal, const char *name, char *out, size_t size, struct hp_error *err)
{
    PGresult *res = NULL;
    char sql[80];
    (void)snprintf(sql, sizeof sql, "SHOW %s", name);
    if (session_query(normal, "reading a setting", sql, 0, NULL, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    (void)snprintf(out, size, "%s", PQntuples(res) ? PQgetvalue(res, 0, 0) : "");
    PQclear(res);
    return HP_OK;
}

static hp_status check_server(struct source *s, struct hp_error *err)
{
    char value[256];
    if (show(&s->normal, "wal_level", value, sizeof value, err) != HP_OK) {
        return HP_ERROR;
    }
    if (strcmp(value, "logical") != 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "the server at %s:%s has wal_level=%s; set wal_level=logical there and restart it",
                       s->settings.host, s->settings.port, value);
    }
    s->no_binary =
        s->no_binary || s->normal.version < 140000; /* its stream knows text only: the snapshot goes with it */
    /* Writers of an unpublished table may wait for us too. */
    if (show(&s->normal, "synchronous_standby_names", value, sizeof value, err) != HP_OK) {
        return HP_ERROR;
    }
    s->idle_us = *value ? IDLE_SYNC_US : IDLE_US;
    return HP_OK;
}

static hp_status feedback_start(struct source *s, struct hp_error *err)
{
    int64_t interval = s->settings.status_interval_ms * 1000, timeout, patience;
    PGresult *res = NULL;
    if (session_query(&s->normal, "reading a setting",
                      "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'", 0, NULL, &res,
                      err) != HP_OK) {
        return HP_ERROR;
    }
    timeout = PQntuples(res) ? strtoll(PQgetvalue(res, 0, 0), NULL, 10) * 1000 : 0;
    PQclear(res);
    interval = timeout > 0 && timeout / SENDER_TIMEOUT_SHARE < interval ? timeout / SENDER_TIMEOUT_SHARE : interval;
    patience = timeout * PATIENCE_TIMES; /* a server without a timeout looks at answers only when it sends */
    patience = timeout > 0 && patience < PATIENCE_LEAST_US ? PATIENCE_LEAST_US : patience;
    feedback_init(&s->feedback, s->position.known ? s->position.lsn : 0, interval, (int64_t)s->idle_us, patience,
                  services_now_us());
    return HP_OK;
}

/* ---- what follows ---- */

static bool wants_snapshot(const struct settings *c)
{
    return c->snapshot_mode != SNAPSHOT_NO_DATA;
}

/* There is no offset. A slot of that name may be there all the same: left by a start that ended before its offset was
   stored, or made by the user to start from there. */
static hp_status first_start(struct source *s, const struct slot_state *slot, bool publication_is_new,
                             struct hp_error *err)
{
    if (s->settings.snapshot_mode == SNAPSHOT_INITIAL_ONLY) {
        return snapshot_begin(s, false, true, err);
    }
    if (!slot->exists) {
        return snapshot_begin(s, true, wants_snapshot(&s->settings), err);
    }
    if (slot_usable(slot, &s->settings, err) != HP_OK) {
        return HP_ERROR;
    }
    if (publication_is_new) {
        return hp_fail(
            err, HP_ERROR_CONFIG, "",
            "slot \"%s\" is older than publication \"%s\", which was made just now: what the server wrote in between "
            "cannot be decoded. Drop the slot, or choose another slot.name",
            s->settings.slot, s->settings.publication);
    }
    if (slot->lost) {
        return hp_fail(err, HP_ERROR_FATAL, "HP004", "slot \"%s\" was invalidated by the server (%s); drop it",
                       s->settings.slot, slot->reason);
    }
    services_log(&s->services, HP_LOG_WARN,
                 "there is no offset, but slot \"%s\" exists already, confirmed up to %s: going on from "
                 "there%s",
                 s->settings.slot, lsn_text(slot->confirmed).s,
                 wants_snapshot(&s->settings) ? ", after a snapshot" : "");
    s->position.known = s->position.identified = true;
    s->position.lsn = s->position.slot_lsn = slot->confirmed;
    s->position.system_id = s->server.system_id;
    s->position.timeline = s->server.timeline;
    (void)snprintf(s->position.slot, sizeof s->position.slot, "%s", s->settings.slot);
    feedback_handled(&s->feedback, s->position.lsn);
    return wants_snapshot(&s->settings) ? snapshot_begin(s, false, true, err) : stream_begin(s, err);
}

/* snapshot.mode=when_needed: what cannot go on begins anew. */
static hp_status start_over(struct source *s, struct slot_state *slot, const struct hp_error *why, struct hp_error *err)
{
    services_log(&s->services, HP_LOG_WARN, "a new snapshot is needed: %s", why->message);
    position_finish(&s->position);
    if (slot->exists && slot_drop(&s->normal, false, err) != HP_OK) {
        return HP_ERROR;
    }
    memset(slot, 0, sizeof *slot);
    feedback_init(&s->feedback, 0, s->feedback.interval_us, s->feedback.idle_us, s->feedback.patience_us,
                  services_now_us());
    return first_start(s, slot, false, err);
}

/* There is an offset. */
static hp_status go_on(struct source *s, struct slot_state *slot, const char *history, struct hp_error *err)
{
    struct hp_error why = {.size = sizeof why};
    hp_status st;
    if (s->settings.snapshot_mode == SNAPSHOT_INITIAL_ONLY) {
        if (s->position.snapshot_done) {
            s->phase = PHASE_END;
            return HP_OK;
        }
        return snapshot_begin(s, false, true, err);
    }
    st = slot_judge(&s->position, slot, &s->server, s->settings.slot, &why);
    if (st == HP_OK) {
        st = slot_usable(slot, &s->settings, &why);
    }
    if (st == HP_OK) {
        st = slot_judge_timeline(&s->position, &s->server, history, &why);
    }
    if (st != HP_OK) {
        if (s->settings.snapshot_mode == SNAPSHOT_WHEN_NEEDED && why.klass == HP_ERROR_FATAL) {
            return start_over(s, slot, &why, err);
        }
        if (err) {
            *err = why;
        }
        return HP_ERROR;
    }
    if (!s->position.identified) {
        s->position.identified = true;
        s->position.slot_lsn = slot->confirmed;
        (void)snprintf(s->position.slot, sizeof s->position.slot, "%s", s->settings.slot);
    }
    if (s->position.timeline != s->server.timeline) {
        services_log(&s->services, HP_LOG_WARN,
                     "the server is on timeline %u now, was on %u: the stored offset %s lies before the switch",
                     (unsigned)s->server.timeline, (unsigned)s->position.timeline, lsn_text(s->position.lsn).s);
    }
    s->position.system_id = s->server.system_id;
    s->position.timeline = s->server.timeline;
    if (s->settings.snapshot_mode == SNAPSHOT_ALWAYS && !s->started_once && !s->position.snapshot_running) {
        position_drop_tables(&s->position);
        return snapshot_begin(s, false, true, err);
    }
    if (s->position.snapshot_running && wants_snapshot(&s->settings)) {
        services_log(&s->services, HP_LOG_INFO, "the snapshot was interrupted: going on with the tables that are left");
        return snapshot_begin(s, false, true, err);
    }
    s->position.snapshot_running = false;
    return stream_begin(s, err);
}

static hp_status connect_all(struct source *s, char **history, struct hp_error *err)
{
    struct session *normal = NULL;
    if (source_catalog(s, &normal, err) != HP_OK || check_server(s, err) != HP_OK ||
        session_open(&s->replication, &s->services, &s->settings, SESSION_REPLICATION, err) != HP_OK) {
        return HP_ERROR;
    }
    services_add(&s->services, FIG_CONNECTS, 1);
    return slot_identify(&s->normal, &s->replication, &s->server, history, err);
}

/* Transforms that want to know what is coming are told of each table. */
static hp_status announce(struct source *s, const struct captured_table *t, struct hp_error *err)
{
    struct catalog_table facts;
    struct relation *rel = NULL;
    hp_status st = catalog_table_read(&s->normal, t->oid, NULL, 0, &facts, err);
    if (st != HP_OK) {
        return st;
    }
    if (facts.found) {
        st = snapshot_relation(s, t, &facts, &rel, err);
    }
    catalog_table_finish(&facts);
    if (rel && rel->interned) {
        st = s->services.schemas->announce(s->services.host, rel->interned, err);
    }
    relation_destroy(rel);
    return st;
}

/* Lists that match nothing are mostly misspelt; a table that they want may still be made. */
static hp_status look_at_tables(struct source *s, struct hp_error *err)
{
    struct captured_table *tables;
    size_t n;
    hp_status st = publication_tables(&s->normal, &tables, &n, err);
    if (st != HP_OK) {
        return st;
    }
    for (size_t i = 0; st == HP_OK && s->services.schemas && i < n; i++) {
        st = announce(s, &tables[i], err);
    }
    publication_tables_free(tables, n);
    if (n == 0) {
        services_log(
            &s->services, HP_LOG_WARN,
            "no table is captured: publication \"%s\" has none that the include and exclude lists want; look at "
            "table.include.list and its siblings, and restart the connector when there are tables",
            s->settings.publication);
    }
    return st;
}

static hp_status start(struct source *s, struct hp_bytes position, struct hp_error *err)
{
    struct slot_state slot;
    char *history = NULL;
    bool publication_is_new = false;
    hp_status st = HP_ERROR;
    if (position_parse(position, &s->position, err) == HP_OK && connect_all(s, &history, err) == HP_OK &&
        publication_ensure(&s->normal, &publication_is_new, err) == HP_OK &&
        publication_set_identities(&s->normal, err) == HP_OK && look_at_tables(s, err) == HP_OK &&
        slot_read(&s->normal, &slot, err) == HP_OK && feedback_start(s, err) == HP_OK) {
        st = s->position.known ? go_on(s, &slot, history, err) : first_start(s, &slot, publication_is_new, err);
    }
    free(history);
    if (st == HP_OK) {
        s->position.branched = s->server.branched;
        s->started_once = true;
    }
    return st;
}

static void disconnect(struct source *s)
{
    stream_finish(s);
    snapshot_finish(s);
    relations_finish(&s->relations);
    session_close(&s->replication);
    session_close(&s->normal);
    position_finish(&s->position);
    s->phase = PHASE_STOPPED;
}

hp_status source_start(struct source *s, struct hp_bytes position, struct hp_error *err)
{
    disconnect(s);
    if (start(s, position, err) != HP_OK) {
        disconnect(s);
        return HP_ERROR;
    }
    return HP_OK;
}

static void drop_at_stop(struct source *s)
{
    struct hp_error err = {.size = sizeof err};
    struct session *normal = NULL;
    session_close(&s->replication); /* its walsender holds the slot */
    if (source_catalog(s, &normal, &err) != HP_OK || slot_drop(normal, true, &err) != HP_OK) {
        services_log(&s->services, HP_LOG_ERROR, "slot \"%s\" could not be dropped and remains: %s", s->settings.slot,
                     err.message);
    }
}

void source_stop(struct source *s, bool final)
{
    stream_end(s);
    if (final && s->settings.slot_drop) {
        drop_at_stop(s);
    } else if (final && s->settings.snapshot_mode != SNAPSHOT_INITIAL_ONLY) {
        services_log(&s->services, HP_LOG_WARN,
                     "slot \"%s\" remains on %s:%s in database \"%s\" and keeps WAL; if it is not needed any more: "
                     "SELECT pg_drop_replication_slot('%s')",
                     s->settings.slot, s->settings.host, s->settings.port, s->settings.dbname, s->settings.slot);
    }
    disconnect(s);
}
