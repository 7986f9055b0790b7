/* session.c: see session.h. */
#include "session.h"

#include "no_memory.h"

#include <stdlib.h>

#define CONNECT_TIMEOUT "10"
#define USER_TIMEOUT_MS "30000" /* F30, F31: a peer that vanished is noticed in half a minute */
#define OLDEST_VERSION  130000

/* SQLSTATEs, or their first two characters, that say what kind of failure it is. The first match counts. */
static const struct {
    const char *prefix;
    uint32_t klass;
} classes[] = {
    {"28", HP_ERROR_CONFIG},    /* authentication */
    {"3D", HP_ERROR_CONFIG},    /* no such database */
    {"42501", HP_ERROR_CONFIG}, /* not allowed */
    {"42", HP_ERROR_CONFIG},    /* no such object, bad statement */
    {"22", HP_ERROR_CONFIG},    /* bad option value */
    {"0A", HP_ERROR_CONFIG},    /* not supported */
    {"55000", HP_ERROR_FATAL},  /* slot invalidated, wal_level */
    {"58P01", HP_ERROR_FATAL},  /* WAL segment removed */
    {"XX001", HP_ERROR_FATAL},  /* data corrupted */
    {"", HP_ERROR_RETRY},
};

static uint32_t class_of(const char *sqlstate)
{
    size_t i = 0;
    while (strncmp(sqlstate, classes[i].prefix, strlen(classes[i].prefix)) != 0) {
        i++;
    }
    return classes[i].klass;
}

/* One line; libpq ends messages with newlines and puts some into them. */
static void one_line(char *text)
{
    size_t n = strlen(text);
    while (n && (text[n - 1] == '\n' || text[n - 1] == ' ')) {
        text[--n] = '\0';
    }
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20) {
            *text = ' ';
        }
    }
}

hp_status session_fail_parts(const struct session *s, const char *what, const char *sqlstate, const char *message,
                             const char *detail, const char *hint, struct hp_error *err)
{
    const char *state = sqlstate ? sqlstate : "";
    uint32_t klass = class_of(state);
    (void)hp_fail(err, klass, state, "%s at %s:%s: %s%s%s%s%s%s", what, s->settings->host, s->settings->port,
                  message ? message : "the connection was lost", detail ? " (" : "", detail ? detail : "",
                  detail ? ")" : "", hint ? "; " : "", hint ? hint : "");
    if (err) {
        one_line(err->message);
        if (klass == HP_ERROR_RETRY) {
            err->retry_after_ms =
                strcmp(state, "55006") == 0 ? s->settings->slot_retry_ms : s->settings->retry_after_ms;
        }
    }
    return HP_ERROR;
}

hp_status session_fail(const struct session *s, const char *what, const PGresult *res, struct hp_error *err)
{
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    if (state) {
        return session_fail_parts(s, what, state, PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY),
                                  PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL),
                                  PQresultErrorField(res, PG_DIAG_MESSAGE_HINT), err);
    }
    return session_fail_parts(s, what, NULL, s->conn ? PQerrorMessage(s->conn) : NULL, NULL, NULL, err);
}

/* libpq tells no SQLSTATE of a failed connect; its text has the server's words. */
static hp_status connect_failed(struct session *s, struct hp_error *err)
{
    char text[512]; /* each attempt (TLS, then without) has its line: the last one counts */
    static const char *const config_words[] = {"password authentication failed",
                                               "no pg_hba.conf entry",
                                               "does not exist",
                                               "certificate",
                                               "must be superuser or replication role",
                                               "permission denied",
                                               "no password supplied",
                                               "SSL was required",
                                               "is not permitted to log in",
                                               "Only roles with"};
    const char *state = NULL, *line = PQerrorMessage(s->conn);
    size_t len = strlen(line);
    while (len && line[len - 1] == '\n') {
        len--;
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)len, line);
    line = strstr(text, "\nconnection to server");
    if (line) {
        memmove(text, line + 1, strlen(line + 1) + 1);
    }
    for (size_t i = 0; i < sizeof config_words / sizeof config_words[0]; i++) {
        if (strstr(text, config_words[i])) {
            state = "28000";
        }
    }
    return session_fail_parts(s, "connecting", state, text, NULL, NULL, err);
}

static void quiet(void *arg, const PGresult *res)
{
    (void)arg;
    (void)res;
}

static PGconn *connect(const struct settings *c, unsigned kind)
{
    const char *keys[24], *values[24];
    size_t n = 0;
#define PUT(key, value)                                                                                                \
    do {                                                                                                               \
        keys[n] = (key);                                                                                               \
        values[n++] = (value);                                                                                         \
    } while (0)
    PUT("host", c->host);
    PUT("port", c->port);
    PUT("user", c->user);
    PUT("password", c->password);
    PUT("dbname", c->dbname);
    PUT("sslmode", c->sslmode);
    PUT("sslcert", c->sslcert);
    PUT("sslkey", c->sslkey);
    PUT("sslpassword", c->sslpassword);
    PUT("sslrootcert", c->sslrootcert);
    PUT("ssl_min_protocol_version", "TLSv1.2");
    PUT("gssencmode", "disable");
    PUT("connect_timeout", CONNECT_TIMEOUT);
    PUT("keepalives", c->keepalive ? "1" : "0");
    PUT("keepalives_idle", "10");
    PUT("keepalives_interval", "5");
    PUT("keepalives_count", "3");
    PUT("tcp_user_timeout", c->keepalive ? USER_TIMEOUT_MS : NULL);
    PUT("client_encoding", "UTF8");
    /* The walsender's name is the slot's, so that synchronous_standby_names can name it. */
    PUT("application_name", kind == SESSION_REPLICATION ? c->slot : c->connector);
    PUT("options", "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c timezone=UTC "
                   "-c bytea_output=hex -c search_path=");
    if (kind == SESSION_REPLICATION) {
        PUT("replication", "database");
    }
    PUT(NULL, NULL);
#undef PUT
    return PQconnectdbParams(keys, values, 0);
}

static hp_status run_initial(struct session *s, struct hp_error *err)
{
    const char *text = s->settings->initial_statements;
    char *statement, *to;
    hp_status st = HP_OK;
    if (!text) {
        return HP_OK;
    }
    statement = to = malloc(strlen(text) + 1);
    if (!statement) {
        return no_memory(err);
    }
    for (; st == HP_OK; text++) {
        if (*text == ';' && text[1] == ';') {
            *to++ = *text++;
        } else if (*text == ';' || *text == '\0') {
            *to = '\0';
            if (strspn(statement, " \t\r\n") != strlen(statement)) {
                st = session_run(s, "running database.initial.statements", statement, err);
            }
            to = statement;
            if (!*text) {
                break;
            }
        } else {
            *to++ = *text;
        }
    }
    free(statement);
    return st;
}

static hp_status set_up(struct session *s, unsigned kind, struct hp_error *err)
{
    /* As pg_dump does: limits that a role or a database has for its users would end a long snapshot each time anew. */
    static const char no_limits[] =
        "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('lock_timeout',"
        " 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')";
    char sql[96];
    s->version = PQserverVersion(s->conn);
    if (s->version < OLDEST_VERSION) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "the server at %s:%s has version %d; 13 is the oldest that works",
                       s->settings->host, s->settings->port, s->version / 10000);
    }
    if (session_run(s, "connecting", no_limits, err) != HP_OK) {
        return HP_ERROR;
    }
    if (kind == SESSION_REPLICATION) {
        return HP_OK;
    }
    (void)snprintf(sql, sizeof sql, "SET statement_timeout = %lld", (long long)s->settings->query_timeout_ms);
    if (session_run(s, "connecting", sql, err) != HP_OK || run_initial(s, err) != HP_OK) {
        return HP_ERROR;
    }
    return session_run(s, "connecting", "SELECT pg_catalog.set_config('search_path', '', false)", err);
}

hp_status session_open(struct session *s, const struct services *services, const struct settings *settings,
                       unsigned kind, struct hp_error *err)
{
    hp_status st;
    memset(s, 0, sizeof *s);
    s->services = services;
    s->settings = settings;
    services_wait_begin(services, "a connection to the source");
    s->conn = connect(settings, kind);
    services_wait_end(services);
    if (PQstatus(s->conn) != CONNECTION_OK) {
        st = connect_failed(s, err);
    } else {
        (void)PQsetNoticeReceiver(s->conn, quiet, NULL);
        st = set_up(s, kind, err);
    }
    if (st != HP_OK) {
        session_close(s);
    }
    return st;
}

void session_close(struct session *s)
{
    PQfinish(s->conn);
    s->conn = NULL;
}

hp_status session_query(struct session *s, const char *what, const char *sql, int n_params, const char *const *params,
                        PGresult **out, struct hp_error *err)
{
    PGresult *res;
    ExecStatusType status;
    services_wait_begin(s->services, what);
    /* A walsender knows the simple protocol only. */
    res = n_params ? PQexecParams(s->conn, sql, n_params, NULL, params, NULL, NULL, 0) : PQexec(s->conn, sql);
    services_wait_end(s->services);
    status = PQresultStatus(res);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        hp_status st = session_fail(s, what, res, err);
        PQclear(res);
        return st;
    }
    *out = res;
    return HP_OK;
}

hp_status session_run(struct session *s, const char *what, const char *sql, struct hp_error *err)
{
    PGresult *res = NULL;
    if (session_query(s, what, sql, 0, NULL, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    PQclear(res);
    return HP_OK;
}

char *session_identifier(struct session *s, const char *name)
{
    return PQescapeIdentifier(s->conn, name, strlen(name));
}

char *session_literal(struct session *s, const char *text)
{
    return PQescapeLiteral(s->conn, text, strlen(text));
}
