/*
 * position.c: how far the rows go (design D15, D19, rule E2): one row per connector and stream in the target, written
 * in the transaction of the rows. A worker takes a row over with its epoch; the update that moves the position names
 * that epoch and fails if it is not there any more, so that a replaced worker can commit nothing.
 */
#include "sink.h"
#include "sql_build.h"

#include <time.h>

#define OID_LSN      3220u
#define ASK_FLUSH_MS 50

static char *position_name(const struct sink *s)
{
    struct bytes name = {0};
    sql_qualified(&name, s->config.position_schema, s->config.position_table);
    return bytes_steal_text(&name);
}

/* One statement with the table's name in it at %s (any number of times up to three). */
static hp_status query(struct sink *s, const char *format, int n, const char *const *values, PGresult **out,
                       struct hp_error *err)
{
    char *name = position_name(s), *sql = NULL;
    struct bytes b = {0};
    hp_status st;
    for (const char *p = format; name && *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            bytes_text(&b, name);
            p++;
        } else {
            bytes_append(&b, p, 1);
        }
    }
    sql = bytes_steal_text(&b);
    st = name && sql ? link_query(&s->link, sql, n, values, out, err) : out_of_memory(err);
    free(name);
    free(sql);
    return st;
}

/* ---- the table ---- */

#define DDL                                                                                                            \
    " (connector text NOT NULL, stream text NOT NULL, next_offset bigint, epoch bigint NOT NULL,"                      \
    " updated_at timestamptz NOT NULL, PRIMARY KEY (connector, stream)) WITH (fillfactor = 50)"

static hp_status not_created(struct sink *s, struct hp_error *err)
{
    if (strcmp(s->link.failure.state, "42501") == 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "42501",
                       "the role may not create the table of positions. Have it created: CREATE SCHEMA IF NOT EXISTS "
                       "%s; CREATE TABLE %s.%s" DDL "; and grant USAGE on the schema and SELECT, INSERT, UPDATE, "
                       "DELETE on the table",
                       s->config.position_schema, s->config.position_schema, s->config.position_table);
    }
    (void)link_report(&s->link, "creating the table of positions", err);
    err->klass = err->klass == HP_ERROR_POISON ? HP_ERROR_RETRY : err->klass; /* made by another at the same time */
    return HP_ERROR;
}

static hp_status ensure_table(struct sink *s, bool create, struct hp_error *err)
{
    const char *values[2] = {s->config.position_schema, s->config.position_table};
    struct bytes sql = {0};
    char *text;
    PGresult *r;
    bool has_schema, has_table;
    hp_status st = link_query(&s->link,
                              "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1), EXISTS (SELECT "
                              "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                              "WHERE n.nspname = $1 AND c.relname = $2)",
                              2, values, &r, err);
    if (st != HP_OK) {
        return st == HP_IDLE ? link_report(&s->link, "looking for the table of positions", err) : st;
    }
    has_schema = *PQgetvalue(r, 0, 0) == 't';
    has_table = *PQgetvalue(r, 0, 1) == 't';
    PQclear(r);
    if (has_table || !create) {
        return has_table ? HP_OK : HP_IDLE;
    }
    if (!has_schema) {
        bytes_text(&sql, "CREATE SCHEMA IF NOT EXISTS ");
        sql_name(&sql, s->config.position_schema);
        text = bytes_steal_text(&sql);
        st = text ? link_query(&s->link, text, 0, NULL, NULL, err) : out_of_memory(err);
        free(text);
    }
    if (st == HP_OK) {
        st = query(s, "CREATE TABLE IF NOT EXISTS %s" DDL, 0, NULL, NULL, err);
    }
    return st == HP_IDLE ? not_created(s, err) : st;
}

/* ---- taking over ---- */

hp_status position_fenced(struct sink *s, const struct hp_sink_position *at, struct hp_error *err)
{
    struct hp_error ignored = {.size = sizeof ignored};
    char *stream = copy_text(at->stream.data, at->stream.len);
    const char *values[2] = {s->config.connector, stream};
    char newer[24] = "unknown";
    PGresult *r = NULL;
    s->link.failed = false;
    if (stream && !s->link.broken && link_query(&s->link, "ROLLBACK", 0, NULL, NULL, &ignored) == HP_OK) {
        s->in_tx = false;
        if (query(s, "SELECT epoch FROM %s WHERE connector = $1 AND stream = $2", 2, values, &r, &ignored) == HP_OK &&
            PQntuples(r) == 1) {
            (void)snprintf(newer, sizeof newer, "%s", PQgetvalue(r, 0, 0));
        }
        PQclear(r);
    }
    free(stream);
    return hp_fail(err, HP_ERROR_FATAL, "FENCED",
                   "another worker has taken over the position of connector %s in stream %.*s: its epoch is %s, ours "
                   "%llu. Nothing of this one was committed. If no other host runs this connector, restart it",
                   s->config.connector, (int)at->stream.len, (const char *)at->stream.data, newer,
                   (unsigned long long)at->epoch);
}

hp_status position_take(struct sink *s, struct hp_sink_position *at, struct hp_error *err)
{
    char epoch[24], *stream = copy_text(at->stream.data, at->stream.len);
    const char *values[3] = {s->config.connector, stream, epoch};
    struct stream *t = sink_stream(s, at->stream, err);
    PGresult *r = NULL;
    hp_status st = t && stream ? HP_OK : out_of_memory(err);
    if (!s->in_tx && !s->holds) {
        sink_forget(s); /* the stream may be another one under an old name, with other schemas */
    }
    if (st == HP_OK && !s->position_ready) {
        st = ensure_table(s, true, err);
        s->position_ready = st == HP_OK;
    }
    (void)snprintf(epoch, sizeof epoch, "%lld", (long long)at->epoch);
    if (st == HP_OK) {
        st = query(s,
                   "INSERT INTO %s AS p (connector, stream, epoch, updated_at) VALUES ($1, $2, $3::bigint, "
                   "pg_catalog.now()) ON CONFLICT (connector, stream) DO UPDATE SET epoch = EXCLUDED.epoch, updated_at "
                   "= EXCLUDED.updated_at WHERE p.epoch <= EXCLUDED.epoch RETURNING next_offset",
                   3, values, &r, err);
        st = st == HP_IDLE ? link_report(&s->link, "reading the position", err) : st;
    }
    free(stream);
    if (st != HP_OK) {
        return st;
    }
    if (PQntuples(r) == 0) {
        PQclear(r);
        return position_fenced(s, at, err);
    }
    t->positioned = true;
    t->has_committed = t->has_flushed = t->has_mark = false;
    if (!PQgetisnull(r, 0, 0)) {
        at->offset = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
        t->committed = at->offset; /* whether that is flushed is asked for like that of our own commits */
        t->has_committed = true;
    }
    PQclear(r);
    return origin_setup(s, at->stream, err);
}

/* ---- moving ---- */

static hp_status build_statement(struct sink *s, struct hp_error *err)
{
    static const uint32_t types[6] = {OID_TEXT, OID_TEXT, OID_INT8, OID_INT8, OID_LSN, OID_TIMESTAMPTZ};
    struct statement *st = &s->position_statement;
    struct bytes sql = {0};
    char *name = position_name(s);
    free(st->sql);
    free(st->types);
    /* Dividing by the number of rows updated: if another worker has taken over, the statement fails, and the COMMIT
       behind it in the pipeline is not carried out. */
    bytes_text(&sql, "WITH u AS (UPDATE ");
    bytes_text(&sql, name ? name : "");
    bytes_text(&sql, " SET next_offset = $3, updated_at = pg_catalog.now() WHERE connector = $1 AND stream = $2 AND "
                     "epoch = $4 RETURNING 1) SELECT 1 / (SELECT pg_catalog.count(*) FROM u)");
    if (s->has_origin) {
        bytes_text(&sql, ", pg_catalog.pg_replication_origin_xact_setup($5, $6)");
    }
    st->sql = bytes_steal_text(&sql);
    st->n_params = s->has_origin ? 6 : 4;
    st->types = malloc(sizeof types);
    st->generation = 0;
    if (!name || !st->sql || !st->types) {
        free(name);
        return out_of_memory(err);
    }
    memcpy(st->types, types, sizeof types);
    free(name);
    return HP_OK;
}

hp_status position_queue(struct sink *s, const struct hp_sink_position *at, struct hp_error *err)
{
    struct command c = {.what = CMD_POSITION, .statement = &s->position_statement};
    struct stream *t = sink_stream(s, at->stream, err);
    const char *values[6];
    int lengths[6];
    uint8_t numbers[4][8];
    int64_t us = s->last_us;
    if (!t) {
        return HP_ERROR;
    }
    if (!t->positioned) {
        return hp_fail(err, HP_ERROR_FATAL, "", "commit of stream %s, whose position was never taken over", t->name);
    }
    if (s->position_statement.n_params != (s->has_origin ? 6u : 4u) && build_statement(s, err) != HP_OK) {
        return HP_ERROR;
    }
    if (us == 0) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    }
    put_u64(numbers[0], at->offset);
    put_u64(numbers[1], at->epoch);
    put_u64(numbers[2], s->last_pos);
    put_u64(numbers[3], (uint64_t)(us - INT64_C(946684800000000)));
    values[0] = s->config.connector;
    lengths[0] = (int)strlen(s->config.connector);
    values[1] = t->name;
    lengths[1] = (int)t->len;
    for (int i = 0; i < 4; i++) {
        values[2 + i] = (const char *)numbers[i];
        lengths[2 + i] = 8;
    }
    return link_send(&s->link, &c, (int)s->position_statement.n_params, values, lengths, err);
}

void position_committed(struct sink *s, const struct hp_sink_position *at)
{
    struct hp_error ignored = {.size = sizeof ignored};
    struct stream *t = sink_stream(s, at->stream, &ignored);
    if (t) {
        t->committed = at->offset;
        t->has_committed = true;
        if (s->config.durable_at_commit) {
            t->flushed = at->offset;
            t->has_flushed = true;
        }
    }
}

void position_finish(struct sink *s)
{
    free(s->position_statement.sql);
    free(s->position_statement.types);
    free(s->commit_statement.types);
    memset(&s->position_statement, 0, sizeof s->position_statement);
}

/* ---- what is durable ---- */

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whatever was committed before this question lies below the insert position that it answers; it is durable once the
   server has flushed that far. So commits cost nothing here, and one question now and then settles all of them. */
static hp_status ask_flush(struct sink *s, struct hp_error *err)
{
    PGresult *r;
    uint64_t insert, flush;
    hp_status st;
    if (s->in_tx || s->holds || s->link.broken) {
        return HP_IDLE;
    }
    st = link_query(&s->link,
                    "SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0'),"
                    " pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_flush_lsn(), '0/0')",
                    0, NULL, &r, err);
    if (st != HP_OK) {
        return st == HP_IDLE ? link_report(&s->link, "asking for the flushed position", err) : st;
    }
    insert = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
    flush = strtoull(PQgetvalue(r, 0, 1), NULL, 10);
    PQclear(r);
    for (struct stream *t = s->streams; t; t = t->next) {
        if (t->has_mark && t->mark_lsn <= flush) {
            t->flushed = t->mark_offset;
            t->has_flushed = true;
            t->has_mark = false;
        }
        if (t->has_committed && !t->has_mark && !(t->has_flushed && t->flushed == t->committed)) {
            if (insert <= flush) {
                t->flushed = t->committed;
                t->has_flushed = true;
            } else {
                t->mark_offset = t->committed;
                t->mark_lsn = insert;
                t->has_mark = true;
            }
        }
    }
    return st;
}

hp_status position_flushed(struct sink *s, struct hp_bytes stream, uint64_t *out_offset, struct hp_error *err)
{
    struct stream *t = sink_stream(s, stream, err);
    if (!t) {
        return HP_ERROR;
    }
    if (t->has_committed && !(t->has_flushed && t->flushed == t->committed) &&
        now_ms() - s->asked_flush_ms >= ASK_FLUSH_MS) {
        hp_status st = ask_flush(s, err);
        if (st < 0) {
            return st;
        }
        s->asked_flush_ms = now_ms();
    }
    if (!t->has_flushed) {
        return HP_IDLE;
    }
    if (*out_offset > t->flushed) {
        *out_offset = t->flushed;
    }
    return HP_OK;
}

/* ---- of a stopped connector ---- */

hp_status position_get(struct sink *s, struct hp_sink_position *at, struct hp_error *err)
{
    char *stream = copy_text(at->stream.data, at->stream.len);
    const char *values[2] = {s->config.connector, stream};
    PGresult *r = NULL;
    hp_status st = stream ? ensure_table(s, false, err) : out_of_memory(err);
    if (st == HP_OK) {
        st = query(s, "SELECT next_offset, epoch FROM %s WHERE connector = $1 AND stream = $2", 2, values, &r, err);
        st = st == HP_IDLE ? link_report(&s->link, "reading the position", err) : st;
    } else if (st == HP_IDLE) {
        st = HP_OK; /* no table: no position */
    }
    if (st == HP_OK && r && PQntuples(r) == 1 && !PQgetisnull(r, 0, 0)) {
        at->offset = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
        at->epoch = strtoull(PQgetvalue(r, 0, 1), NULL, 10);
    }
    PQclear(r);
    free(stream);
    return st;
}

hp_status position_set(struct sink *s, const struct hp_sink_position *at, struct hp_error *err)
{
    bool forget = at->offset == UINT64_MAX;
    char offset[24], epoch[24], *stream = copy_text(at->stream.data, at->stream.len);
    const char *values[4] = {s->config.connector, stream, offset, epoch};
    hp_status st = stream ? ensure_table(s, !forget, err) : out_of_memory(err);
    (void)snprintf(offset, sizeof offset, "%lld", (long long)at->offset);
    (void)snprintf(epoch, sizeof epoch, "%lld", (long long)at->epoch);
    if (st == HP_OK && forget) {
        st = query(s, "DELETE FROM %s WHERE connector = $1 AND stream = $2", 2, values, NULL, err);
    } else if (st == HP_OK) {
        st = query(s,
                   "INSERT INTO %s AS p (connector, stream, next_offset, epoch, updated_at) VALUES ($1, $2, $3::bigint,"
                   " $4::bigint, pg_catalog.now()) ON CONFLICT (connector, stream) DO UPDATE SET next_offset = "
                   "EXCLUDED.next_offset, epoch = greatest(p.epoch, EXCLUDED.epoch), updated_at = EXCLUDED.updated_at",
                   4, values, NULL, err);
    } else if (st == HP_IDLE) {
        st = HP_OK; /* nothing to forget */
        forget = true;
    }
    if (st == HP_IDLE) {
        st = link_report(&s->link, "writing the position", err);
    }
    if (st == HP_OK && forget) {
        origin_drop(s, at->stream);
    }
    free(stream);
    return st;
}
