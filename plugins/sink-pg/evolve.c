/*
 * evolve.c: schema.evolution=basic: tables and columns that the target lacks are created with the source's types.
 * Nothing is ever dropped or retyped. Names and labels come from outside and are quoted here; type names are those
 * that the target itself prints. See sink.h.
 */
#include "name.h"
#include "sink.h"

static hp_status ask_text(struct sink *s, const char *sql, int n, const char *const *values, char **out,
                          struct hp_error *err)
{
    PGresult *r;
    hp_status st = link_query(&s->link, sql, n, values, &r, err);
    if (st != HP_OK) {
        return st == HP_IDLE ? link_report(&s->link, "looking for a type in the target", err) : st;
    }
    *out = PQntuples(r) && !PQgetisnull(r, 0, 0) ? copy_text(PQgetvalue(r, 0, 0), strlen(PQgetvalue(r, 0, 0))) : NULL;
    PQclear(r);
    return HP_OK;
}

static hp_status run(struct sink *s, struct bytes *sql, const char *what, struct hp_error *err)
{
    char *text = bytes_steal_text(sql);
    hp_status st = text ? link_query(&s->link, text, 0, NULL, NULL, err) : out_of_memory(err);
    free(text);
    if (st == HP_IDLE) {
        st = link_report(&s->link, what, err);
        /* Made by somebody else a moment ago. */
        err->klass =
            err->klass == HP_ERROR_POISON || strncmp(err->code, "42P0", 4) == 0 || strcmp(err->code, "42710") == 0
                ? HP_ERROR_RETRY
                : err->klass;
    }
    s->tx_ddl = s->tx_ddl || s->in_tx;
    return st;
}

/* ---- schemas and types ---- */

static hp_status ensure_schema(struct sink *s, const char *schema, struct hp_error *err)
{
    const char *values[1] = {schema};
    struct bytes sql = {0};
    char *found = NULL;
    hp_status st = ask_text(s, "SELECT 'x' FROM pg_catalog.pg_namespace WHERE nspname = $1", 1, values, &found, err);
    bool there = found != NULL;
    free(found);
    if (st != HP_OK || there) {
        return st;
    }
    bytes_text(&sql, "CREATE SCHEMA IF NOT EXISTS ");
    sql_name(&sql, schema);
    sink_log(s, HP_LOG_INFO, "creating schema %s in the target", schema);
    return run(s, &sql, "creating a schema in the target", err);
}

static hp_status create_enum(struct sink *s, const struct hp_column *c, struct hp_error *err)
{
    char schema[64], name[64];
    const char *p = c->extra.data, *end = p + c->extra.len;
    struct bytes sql = {0};
    hp_status st;
    if (!name_split_type(c->native_name, schema, name)) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "the source names an enum type in a way that cannot be read");
    }
    st = ensure_schema(s, schema[0] ? schema : s->catalog.default_schema, err);
    if (st != HP_OK) {
        return st;
    }
    bytes_text(&sql, "CREATE TYPE ");
    sql_qualified(&sql, schema[0] ? schema : s->catalog.default_schema, name);
    bytes_text(&sql, " AS ENUM (");
    for (bool first = true; p <= end; first = false) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        struct hp_bytes label = {p, (uint64_t)((stop ? stop : end) - p)};
        bytes_text(&sql, first ? "" : ", ");
        sql_literal(&sql, label);
        p = (stop ? stop : end) + 1;
    }
    bytes_text(&sql, ")");
    sink_log(s, HP_LOG_INFO, "creating enum type %s in the target", name);
    return run(s, &sql, "creating an enum type in the target", err);
}

/* A type that only names identify: as it is called, or under its bare name anywhere (an extension's schema may differ).
 */
static hp_status find_named(struct sink *s, const struct hp_column *c, const char *typmod, char **out,
                            struct hp_error *err)
{
    static const char by_name[] =
        "SELECT pg_catalog.format_type(t.oid, $3::int4) FROM (SELECT e.oid, e.typarray, n.nspname FROM"
        " pg_catalog.pg_type e JOIN pg_catalog.pg_namespace n ON n.oid = e.typnamespace WHERE e.typname = $2"
        " AND e.typtype <> 'p' AND n.nspname NOT LIKE 'pg\\_toast%') x JOIN pg_catalog.pg_type t ON"
        " t.oid = CASE WHEN $4::bool THEN x.typarray ELSE x.oid END ORDER BY x.nspname <> $1, t.oid LIMIT 1";
    char schema[64], name[64];
    /* A domain takes no modifier: the one that came is what it fixes for its base type. */
    const char *values[4] = {schema, name, c->native_kind == 'd' ? "-1" : typmod, c->native_kind == 'A' ? "t" : "f"};
    if (!name_split_type(c->native_name, schema, name)) {
        *out = NULL;
        return HP_OK;
    }
    return ask_text(s, by_name, 4, values, out, err);
}

static hp_status native_type(struct sink *s, const struct hp_column *c, char **out, struct hp_error *err)
{
    static const char by_oid[] =
        "SELECT pg_catalog.format_type(oid, $2::int4) FROM pg_catalog.pg_type WHERE oid = $1::oid";
    char oid[16], typmod[16];
    const char *values[2] = {oid, typmod};
    hp_status st;
    (void)snprintf(oid, sizeof oid, "%u", c->native_oid);
    (void)snprintf(typmod, sizeof typmod, "%d", c->native_typmod);
    *out = NULL;
    if (c->native_oid < OID_FIRST_UNSTABLE) {
        return ask_text(s, by_oid, 2, values, out, err);
    }
    st = find_named(s, c, typmod, out, err);
    if (st == HP_OK && !*out && c->extra.len) {
        st = create_enum(s, c, err);
        st = st == HP_OK ? find_named(s, c, typmod, out, err) : st;
    }
    if (st == HP_OK && !*out && c->native_kind == 'd' && c->native_base && c->native_base < OID_FIRST_UNSTABLE) {
        (void)snprintf(oid, sizeof oid, "%u", c->native_base);
        st = ask_text(s, by_oid, 2, values, out, err);
    }
    return st;
}

static const char *plain_type(const struct hp_column *c)
{
    static const char *const names[HP_TYPE_COUNT] = {
        [HP_NONE] = "text",     [HP_NULL] = "text",      [HP_BOOLEAN] = "boolean",
        [HP_INT8] = "smallint", [HP_INT16] = "smallint", [HP_INT32] = "integer",
        [HP_INT64] = "bigint",  [HP_FLOAT32] = "real",   [HP_FLOAT64] = "double precision",
        [HP_STRING] = "text",   [HP_BYTES] = "bytea",    [HP_ARRAY] = "jsonb",
        [HP_MAP] = "jsonb",     [HP_STRUCT] = "jsonb",   [HP_NATIVE] = "text",
    };
    static const struct {
        const char *logical, *name;
    } logicals[] = {
        {"org.apache.kafka.connect.data.Date", "date"},
        {"org.apache.kafka.connect.data.Time", "time"},
        {"org.apache.kafka.connect.data.Timestamp", "timestamptz"},
        {"io.debezium.time.Date", "date"},
        {"io.debezium.time.Time", "time"},
        {"io.debezium.time.MicroTime", "time"},
        {"io.debezium.time.NanoTime", "time"},
        {"io.debezium.time.Timestamp", "timestamp"},
        {"io.debezium.time.MicroTimestamp", "timestamp"},
        {"io.debezium.time.NanoTimestamp", "timestamp"},
        {"io.debezium.time.ZonedTimestamp", "timestamptz"},
        {"io.debezium.time.ZonedTime", "timetz"},
        {"io.debezium.time.Interval", "interval"},
        {"io.debezium.data.Json", "json"},
        {"io.debezium.data.Uuid", "uuid"},
        {"io.debezium.data.Xml", "xml"},
    };
    for (size_t i = 0; c->logical.len && i < sizeof logicals / sizeof *logicals; i++) {
        if (bytes_are(c->logical, logicals[i].logical)) {
            return logicals[i].name;
        }
    }
    return c->type < HP_TYPE_COUNT ? names[c->type] : "text";
}

static hp_status append_type(struct sink *s, struct bytes *sql, const char *table, const struct missing_column *m,
                             struct hp_error *err)
{
    const struct hp_column *c = m->source;
    char *name = NULL;
    hp_status st;
    if (c->type != HP_NATIVE) {
        bytes_text(sql, plain_type(c));
        return HP_OK;
    }
    st = native_type(s, c, &name, err);
    if (st == HP_OK && !name) {
        st = hp_fail(err, HP_ERROR_CONFIG, "42704",
                     "the target has no type %.*s for column %.*s of %s; create it there, or leave the column out with "
                     "field.exclude.list",
                     (int)c->native_name.len, (const char *)c->native_name.data, (int)c->name.len,
                     (const char *)c->name.data, table);
    }
    if (st == HP_OK) {
        bytes_text(sql, name);
    }
    free(name);
    return st;
}

static bool append_name(struct sink *s, struct bytes *sql, const struct hp_column *c)
{
    char name[NAME_MAX_BYTES + 1];
    if (c->name.len > NAME_MAX_BYTES || c->name.len == 0) {
        return false;
    }
    memcpy(name, c->name.data, c->name.len);
    name[c->name.len] = '\0';
    if (!s->config.exact_names) {
        name_fold(name);
    }
    sql_name(sql, name);
    return true;
}

static hp_status bad_name(const char *table, struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_CONFIG, "42622", "%s: a column's name has more than 63 bytes or none", table);
}

/* ---- tables and columns ---- */

static uint32_t position_in_key(const struct missing_column *m, size_t i)
{
    return m->source->key_position ? m->source->key_position : (uint32_t)i + 1;
}

hp_status evolve_create(struct sink *s, const char *schema, const char *name, const struct missing_column *cols,
                        size_t n, struct hp_error *err)
{
    struct bytes sql = {0};
    uint32_t keys = 0, last = 0;
    hp_status st;
    schema = schema ? schema : s->catalog.default_schema;
    st = ensure_schema(s, schema, err);
    bytes_text(&sql, "CREATE TABLE IF NOT EXISTS ");
    sql_qualified(&sql, schema, name);
    bytes_text(&sql, " (");
    for (size_t i = 0; st == HP_OK && i < n; i++) {
        bytes_text(&sql, i ? ", " : "");
        st = append_name(s, &sql, cols[i].source) ? HP_OK : bad_name(name, err);
        bytes_text(&sql, " ");
        st = st == HP_OK ? append_type(s, &sql, name, &cols[i], err) : st;
        bytes_text(&sql, cols[i].key || !(cols[i].source->flags & HP_COLUMN_OPTIONAL) ? " NOT NULL" : "");
        keys += cols[i].key;
    }
    if (keys) {
        bytes_text(&sql, ", PRIMARY KEY (");
    }
    for (uint32_t done = 0; done < keys; done++) { /* in the order of their positions */
        size_t next = n;
        for (size_t i = 0; i < n; i++) {
            if (cols[i].key && position_in_key(&cols[i], i) > last &&
                (next == n || position_in_key(&cols[i], i) < position_in_key(&cols[next], next))) {
                next = i;
            }
        }
        if (next == n) {
            break;
        }
        last = position_in_key(&cols[next], next);
        bytes_text(&sql, done ? ", " : "");
        (void)append_name(s, &sql, cols[next].source);
    }
    bytes_text(&sql, keys ? "))" : ")");
    if (st != HP_OK) {
        bytes_finish(&sql);
        return st;
    }
    sink_log(s, HP_LOG_INFO, "creating table \"%s\".\"%s\" in the target (schema.evolution=basic)", schema, name);
    st = run(s, &sql, "creating a table in the target (schema.evolution=basic)", err);
    sink_count(s, s->metrics.evolved, st == HP_OK);
    return st;
}

hp_status evolve_add(struct sink *s, const struct table *t, const struct missing_column *cols, size_t n,
                     struct hp_error *err)
{
    struct bytes sql = {0};
    hp_status st = HP_OK;
    bytes_text(&sql, "ALTER TABLE ");
    bytes_text(&sql, t->quoted);
    for (size_t i = 0; st == HP_OK && i < n; i++) {
        bytes_text(&sql, i ? ", ADD COLUMN IF NOT EXISTS " : " ADD COLUMN IF NOT EXISTS ");
        st = append_name(s, &sql, cols[i].source) ? HP_OK : bad_name(t->quoted, err);
        bytes_text(&sql, " ");
        st = st == HP_OK ? append_type(s, &sql, t->quoted, &cols[i], err) : st;
    }
    if (st != HP_OK) {
        bytes_finish(&sql);
        return st;
    }
    sink_log(s, HP_LOG_INFO, "adding %zu column(s) to %s in the target (schema.evolution=basic)", n, t->quoted);
    st = run(s, &sql, "adding columns in the target (schema.evolution=basic)", err);
    sink_count(s, s->metrics.evolved, st == HP_OK);
    return st;
}
