/*
 * origin.c: the replication origin that marks what we write as ours (design D15): sources cut loops by the prefix of
 * its name. One session at a time may use an origin, so its name comes from connector and stream.
 */
#include "name.h"
#include "sink.h"

#define GRANTS                                                                                                         \
    "GRANT EXECUTE ON FUNCTION pg_replication_origin_create(text), pg_replication_origin_oid(text), "                  \
    "pg_replication_origin_session_setup(text), pg_replication_origin_session_reset(), "                               \
    "pg_replication_origin_xact_setup(pg_lsn, timestamptz) TO the sink's role"

static hp_status query(struct sink *s, const char *sql, bool named, PGresult **out, struct hp_error *err)
{
    const char *values[1] = {s->origin};
    return link_query(&s->link, sql, named ? 1 : 0, values, out, err);
}

/* HP_IDLE: refused. */
static hp_status create_and_use(struct sink *s, struct hp_error *err)
{
    PGresult *r = NULL;
    hp_status st = query(s, "SELECT pg_catalog.pg_replication_origin_oid($1)", true, &r, err);
    bool known = st == HP_OK && !PQgetisnull(r, 0, 0);
    PQclear(r);
    if (st == HP_OK && !known) {
        st = query(s, "SELECT pg_catalog.pg_replication_origin_create($1)", true, NULL, err);
    }
    return st == HP_OK ? query(s, "SELECT pg_catalog.pg_replication_origin_session_setup($1)", true, NULL, err) : st;
}

/* The session that has our origin: an older one of this connector and stream, fenced by now, that the server has not
   missed yet (its line is silent, or something in between keeps it open). Whoever is behind it comes back by itself. */
static void end_holder(struct sink *s)
{
    const char *message = s->link.failure.message, *number = message + strlen(message);
    const char *values[1];
    char pid[16];
    struct hp_error ignored = {.size = sizeof ignored};
    PGresult *r = NULL;
    while (number > message && number[-1] >= '0' && number[-1] <= '9') { /* "... for PID 4711" */
        number--;
    }
    (void)snprintf(pid, sizeof pid, "%.10s", number);
    values[0] = pid;
    if (*pid &&
        link_query(&s->link,
                   "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid::text = $1"
                   " AND usename = current_user AND pid <> pg_catalog.pg_backend_pid()",
                   1, values, &r, &ignored) == HP_OK &&
        PQntuples(r) == 1) {
        sink_log(s, HP_LOG_WARN, "ended an older session of this connector (process %s of the server)", pid);
    }
    PQclear(r);
}

hp_status origin_setup(struct sink *s, struct hp_bytes stream, struct hp_error *err)
{
    hp_status st;
    if (stream.data) {
        if (s->has_origin) {
            return HP_OK;
        }
        name_origin(s->config.connector, stream, s->origin);
    }
    st = create_and_use(s, err);
    if (st == HP_OK) {
        s->has_origin = true;
        return HP_OK;
    }
    s->has_origin = false;
    if (st < 0) {
        return st;
    }
    if (strcmp(s->link.failure.state, "42501") != 0) {
        (void)link_report(&s->link, "setting up the replication origin", err);
        if (stream.data && strcmp(err->code, "55006") == 0) {
            end_holder(s);
        }
        if (strcmp(err->code, "53400") == 0) {
            return hp_fail(err, HP_ERROR_CONFIG, "53400",
                           "setting up the replication origin %s: the target has no room for another origin; raise "
                           "max_replication_slots (max_active_replication_origins since 18) or drop origins "
                           "homeport_... of connectors that are gone",
                           s->origin);
        }
        return HP_ERROR;
    }
    if (s->config.origin_required) {
        return hp_fail(err, HP_ERROR_CONFIG, "42501",
                       "the role may not use replication origins, so a source on this database would send our rows "
                       "back. Either " GRANTS ", or set origin.required=false");
    }
    sink_log(s, HP_LOG_WARN,
             "rows are not marked with a replication origin (origin.required=false, and the role may "
             "not use one): a source on this database sends them back");
    return HP_OK;
}

void origin_drop(struct sink *s, struct hp_bytes stream)
{
    struct hp_error ignored = {.size = sizeof ignored};
    name_origin(s->config.connector, stream, s->origin);
    if (query(s,
              "SELECT pg_catalog.pg_replication_origin_drop(roname) FROM pg_catalog.pg_replication_origin"
              " WHERE roname = $1",
              true, NULL, &ignored) != HP_OK) {
        sink_log(s, HP_LOG_INFO, "the replication origin %s stays in the target database: %s", s->origin,
                 "pg_replication_origin_drop(text) is not granted, or it is in use");
    }
}
