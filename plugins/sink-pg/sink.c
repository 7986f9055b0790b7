/* sink.c: what all files of an instance need: logging, figures, streams, the session. See sink.h. */
#include "sink.h"

bool sink_failpoint(struct sink *s, const char *name, struct hp_error *err)
{
    if (s->failpoints && s->failpoints->hit(s->host, name)) {
        (void)hp_fail(err, HP_ERROR_RETRY, "FAILPOINT", "fail point %s", name);
        return true;
    }
    return false;
}

void sink_count(struct sink *s, struct hp_metric *m, int64_t by)
{
    if (m && by) {
        s->metrics.table->add(m, by);
    }
}

void sink_log(struct sink *s, uint32_t level, const char *format, ...)
{
    char line[800];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    s->host->log(s->host, level, line);
}

struct stream *sink_stream(struct sink *s, struct hp_bytes name, struct hp_error *err)
{
    struct stream *t;
    for (t = s->streams; t; t = t->next) {
        if (t->len == name.len && (name.len == 0 || memcmp(t->name, name.data, name.len) == 0)) {
            return t;
        }
    }
    t = calloc(1, sizeof *t);
    if (t) {
        t->name = copy_text(name.data, name.len);
    }
    if (!t || !t->name) {
        free(t);
        (void)out_of_memory(err);
        return NULL;
    }
    t->len = name.len;
    t->next = s->streams;
    s->streams = t;
    return t;
}

void sink_forget(struct sink *s)
{
    for (struct stream *t = s->streams; t; t = t->next) {
        for (uint32_t i = 0; i < t->n_shapes; i++) {
            while (t->shapes[i]) {
                struct shape *shape = t->shapes[i];
                t->shapes[i] = shape->next;
                shape_free(shape);
            }
        }
        free(t->shapes);
        t->shapes = NULL;
        t->n_shapes = 0;
    }
    catalog_forget(&s->catalog);
    s->plan.n_steps = s->plan.n_entries = 0;
}

/* ---- the session ---- */

/* Set once: names resolve to nothing but what is qualified, statements are planned once and by index where there is
   one (a target that was never analyzed must not be scanned for every row), and no timeout of the role's cuts a wait
   for a lock, a large transaction or an idle session short. What a server does not know yet is left out. The last ones
   are for a sink that has gone without a word: its session, which holds the origin and locks, ends within a minute,
   waiting for a lock or not. */
static const char session_query[] =
    "SELECT pg_catalog.set_config(n, v, false) FROM (VALUES ('search_path', ''), ('standard_conforming_strings', 'on'),"
    " ('DateStyle', 'ISO'), ('IntervalStyle', 'postgres'), ('extra_float_digits', '1'), ('bytea_output', 'hex'),"
    " ('xmloption', 'content'), ('default_transaction_isolation', 'read committed'),"
    " ('plan_cache_mode', 'force_generic_plan'), ('enable_seqscan', 'off'), ('enable_mergejoin', 'off'), ('jit', "
    "'off'),"
    " ('statement_timeout', '0'), ('lock_timeout', '0'), ('transaction_timeout', '0'), ('idle_session_timeout', '0'),"
    " ('idle_in_transaction_session_timeout', '0'), ('synchronous_commit', $1), ('TimeZone', $2),"
    " ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'),"
    " ('client_connection_check_interval', CASE WHEN pg_catalog.version() LIKE '%linux%' THEN '10s' ELSE '0' END)"
    ") AS s(n, v) WHERE pg_catalog.current_setting(n, true) IS NOT NULL";

static hp_status learn_session(struct sink *s, struct hp_error *err)
{
    PGresult *r;
    hp_status st =
        link_query(&s->link, "SELECT pg_catalog.current_schema(), pg_catalog.pg_is_in_recovery()", 0, NULL, &r, err);
    const char *schema;
    if (st != HP_OK) {
        return st == HP_IDLE ? link_report(&s->link, "connecting", err) : st;
    }
    schema = s->config.url.schema ? s->config.url.schema : PQgetisnull(r, 0, 0) ? "public" : PQgetvalue(r, 0, 0);
    free(s->catalog.default_schema);
    s->catalog.default_schema = copy_text(schema, strlen(schema));
    if (*PQgetvalue(r, 0, 1) == 't') {
        st = hp_fail(err, HP_ERROR_RETRY, "25006", "the target server is in recovery: waiting for it to be a primary");
    } else if (!s->catalog.default_schema) {
        st = out_of_memory(err);
    }
    PQclear(r);
    return st;
}

static hp_status set_session(struct sink *s, struct hp_error *err)
{
    const char *values[2] = {s->config.synchronous_commit, s->config.time_zone};
    const char *role[1] = {s->config.replication_role};
    hp_status st = link_query(&s->link, session_query, 2, values, NULL, err);
    if (st == HP_IDLE && strcmp(s->link.failure.state, "22023") == 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "22023", "use.time.zone: the target does not know the time zone \"%s\"",
                       s->config.time_zone);
    }
    if (st == HP_OK && strcmp(s->config.replication_role, "origin") != 0) {
        st = link_query(&s->link, "SELECT pg_catalog.set_config('session_replication_role', $1, false)", 1, role, NULL,
                        err);
    }
    return st == HP_IDLE ? link_report(&s->link, "setting up the session", err) : st;
}

static void warn_weak_tls(struct sink *s)
{
    const char *mode = url_get(&s->config.url, "sslmode");
    if (!s->config.loopback && mode && strcmp(mode, "verify-full") != 0) {
        sink_log(s, HP_LOG_WARN, "sslmode=%s: the target server is not verified; use verify-full", mode);
    }
}

hp_status sink_connect(struct sink *s, struct hp_error *err)
{
    bool again = s->link.pg != NULL;
    hp_status st;
    if (again && !s->link.broken && s->has_origin) { /* or the server may still hold it when we are back */
        (void)link_query(&s->link, "SELECT pg_catalog.pg_replication_origin_session_reset()", 0, NULL, NULL, err);
    }
    st = link_open(&s->link, &s->config, err);
    s->stage_epoch++;
    s->in_tx = s->tx_void = false;
    s->position_ready = false; /* a crash of the server may have undone its creation, which nobody waited for */
    if (st == HP_OK && !again) {
        warn_weak_tls(s);
    }
    st = st == HP_OK ? learn_session(s, err) : st;
    st = st == HP_OK ? set_session(s, err) : st;
    if (st == HP_OK && s->has_origin) {
        st = origin_setup(s, (struct hp_bytes){NULL, 0}, err);
    }
    if (st != HP_OK) {
        link_close(&s->link);
    }
    return st;
}
