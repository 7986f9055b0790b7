/* publication.c: see publication.h. */
#include "publication.h"

#include "no_memory.h"
#include "text.h"

#include <stdlib.h>

/* A row for the table itself and one for each partitioned table that it is part of, in this order: columns ln.nspname
   and lc.relname. */
#define LINEAGE_JOIN                                                                                                   \
    " CROSS JOIN LATERAL (SELECT c.oid, 0 UNION ALL SELECT a.relid::pg_catalog.oid, a.n"                               \
    "  FROM pg_catalog.pg_partition_ancestors(c.oid) WITH ORDINALITY a(relid, n) WHERE a.relid <> c.oid) l(relid, n)"  \
    " JOIN pg_catalog.pg_class lc ON lc.oid = l.relid JOIN pg_catalog.pg_namespace ln ON ln.oid = lc.relnamespace"

/* A table is in a publication by itself or, from 15 on, by its schema. */
#define CANDIDATES(BY_SCHEMA)                                                                                          \
    "SELECT c.oid, ln.nspname, lc.relname,"                                                                            \
    " EXISTS (SELECT 1 FROM pg_catalog.pg_publication_rel pr JOIN pg_catalog.pg_publication p ON p.oid = pr.prpubid"   \
    "  WHERE p.pubname = $1 AND pr.prrelid = c.oid)" BY_SCHEMA ","                                                     \
    " c.relreplident IN ('n') OR (c.relreplident = 'd' AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_index i"            \
    "  WHERE i.indrelid = c.oid AND i.indisprimary)), c.relreplident"                                                  \
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" LINEAGE_JOIN                \
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384"                                     \
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'"                  \
    " ORDER BY n.nspname, c.relname, l.n"

static const char *candidates_sql(int version)
{
    return version >= 150000
               ? CANDIDATES(
                     " OR EXISTS (SELECT 1 FROM pg_catalog.pg_publication_namespace pn JOIN pg_catalog.pg_publication p"
                     " ON p.oid = pn.pnpubid WHERE p.pubname = $1 AND pn.pnnspid = c.relnamespace)")
               : CANDIDATES("");
}

#define PUBLISHED(COLUMNS, FILTER)                                                                                     \
    "SELECT c.oid, ln.nspname, lc.relname, c.relkind, " COLUMNS ", " FILTER " FROM pg_catalog.pg_publication_tables t" \
    " JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"                                                      \
    " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename" LINEAGE_JOIN                   \
    " WHERE t.pubname = $1 ORDER BY n.nspname, c.relname, l.n"

static const char published_sql_15[] = PUBLISHED("t.attnames", "t.rowfilter");
static const char published_sql_old[] = PUBLISHED("NULL", "NULL");

/* The rows of one table, from *row on; *row is the next table's then. */
static struct lineage next_table(const PGresult *res, int *row)
{
    struct lineage l = {.n = 0};
    int first = *row;
    do {
        lineage_add(&l, PQgetvalue(res, *row, 1), PQgetvalue(res, *row, 2));
        ++*row;
    } while (*row < PQntuples(res) && strcmp(PQgetvalue(res, *row, 0), PQgetvalue(res, first, 0)) == 0);
    return l;
}

static void put_name(struct session *s, struct text *t, const char *name)
{
    char *quoted = session_identifier(s, name);
    if (quoted) {
        text_put(t, "%s", quoted);
    }
    t->failed = t->failed || !quoted;
    PQfreemem(quoted);
}

/* Runs it; a missing right gets its way out. */
static hp_status run_text(struct session *s, const char *what, struct text *sql, struct hp_error *err)
{
    hp_status st = sql->failed ? no_memory(err) : session_run(s, what, sql->data, err);
    if (st != HP_OK && err && strcmp(err->code, "42501") == 0) {
        size_t n = strlen(err->message);
        (void)snprintf(
            err->message + n, sizeof err->message - n,
            "; it takes the owner: let them do it once, and set publication.autocreate.mode=disabled or leave "
            "replica.identity.autoset.values out");
    }
    text_finish(sql);
    return st;
}

/* A wanted partition of which a partitioned table is wanted itself: that one brings it. */
static hp_status wants_by_itself(const struct settings *c, const struct lineage *l, bool *out, struct hp_error *err)
{
    struct lineage above = {.n = 0};
    bool brought = false;
    for (size_t i = 1; i < l->n; i++) {
        lineage_add(&above, l->names[i].schema, l->names[i].table);
    }
    if (settings_wants_table(c, l, out, err) != HP_OK || settings_wants_table(c, &above, &brought, err) != HP_OK) {
        return HP_ERROR;
    }
    *out = *out && !brought;
    return HP_OK;
}

/* What filtered mode compares. */
struct comparison {
    struct text wanted, missing; /* "schema"."table", ... */
    size_t n_wanted, n_missing, n_extra;
};

static void put_table(struct session *s, struct text *t, const char *schema, const char *table)
{
    if (t->len) {
        text_put(t, ", ");
    }
    put_name(s, t, schema);
    text_put(t, ".");
    put_name(s, t, table);
}

static hp_status compare(struct session *s, struct comparison *out, struct hp_error *err)
{
    const char *param = s->settings->publication;
    PGresult *res = NULL;
    hp_status st = HP_OK;
    memset(out, 0, sizeof *out);
    if (session_query(s, "listing tables", candidates_sql(s->version), 1, &param, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    for (int i = 0; st == HP_OK && i < PQntuples(res);) {
        bool wanted = false, there = PQgetvalue(res, i, 3)[0] == 't', keyless = PQgetvalue(res, i, 4)[0] == 't';
        struct lineage l = next_table(res, &i);
        const char *schema = l.names[0].schema, *table = l.names[0].table;
        st = wants_by_itself(s->settings, &l, &wanted, err);
        if (st == HP_OK && wanted) {
            put_table(s, &out->wanted, schema, table);
            out->n_wanted++;
            if (!there) {
                put_table(s, &out->missing, schema, table);
                out->n_missing++;
            }
        }
        out->n_extra += there && !wanted;
        if (st == HP_OK && wanted && keyless) {
            services_log(
                s->services, HP_LOG_WARN,
                "table %s.%s has no primary key and no replica identity: while published, the server refuses its "
                "updates and deletes; give it a key or REPLICA IDENTITY FULL",
                schema, table);
        }
    }
    PQclear(res);
    return st;
}

static const char *publish_options(const struct settings *c, struct text *t)
{
    static const struct {
        unsigned bit;
        const char *word;
    } words[] = {
        {SKIP_CREATE, "insert"}, {SKIP_UPDATE, "update"}, {SKIP_DELETE, "delete"}, {SKIP_TRUNCATE, "truncate"}};
    bool any = false;
    text_put(t, " WITH (publish_via_partition_root = %s, publish = '", c->via_root ? "true" : "false");
    for (size_t i = 0; i < 4; i++) {
        if (!(c->skip & words[i].bit)) {
            text_put(t, "%s%s", any ? ", " : "", words[i].word);
            any = true;
        }
    }
    text_put(t, "')");
    return t->data;
}

static hp_status create(struct session *s, const char *tables, struct hp_error *err)
{
    struct text sql = {0};
    text_put(&sql, "CREATE PUBLICATION ");
    put_name(s, &sql, s->settings->publication);
    text_put(&sql, "%s", tables);
    (void)publish_options(s->settings, &sql);
    services_log(s->services, HP_LOG_INFO, "creating publication \"%s\"", s->settings->publication);
    return run_text(s, "creating the publication", &sql, err);
}

static hp_status create_for_wanted(struct session *s, const struct comparison *c, struct hp_error *err)
{
    struct text tables = {0};
    hp_status st;
    if (c->n_wanted == 0 && s->settings->java) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "publication.autocreate.mode is filtered, but no table matches the lists");
    }
    if (c->n_wanted) {
        text_put(&tables, " FOR TABLE %s", c->wanted.data);
    }
    st = tables.failed ? no_memory(err) : create(s, tables.data ? tables.data : "", err);
    text_finish(&tables);
    return st;
}

/* Under the Java name the publication is made to match the lists, as Debezium does; under our own a publication that
   somebody else may have filled is only added to. */
static hp_status complete(struct session *s, const struct comparison *c, struct hp_error *err)
{
    struct text sql = {0};
    bool set = s->settings->java && c->n_extra && c->n_wanted;
    if (!c->n_missing && !set) {
        return HP_OK;
    }
    text_put(&sql, "ALTER PUBLICATION ");
    put_name(s, &sql, s->settings->publication);
    text_put(&sql, set ? " SET TABLE %s" : " ADD TABLE %s", set ? c->wanted.data : c->missing.data);
    services_log(s->services, HP_LOG_INFO, "publication \"%s\": %s %zu tables", s->settings->publication,
                 set ? "set to" : "adding", set ? c->n_wanted : c->n_missing);
    return run_text(s, "completing the publication", &sql, err);
}

static hp_status filtered(struct session *s, bool exists, bool all_tables, struct hp_error *err)
{
    struct comparison c;
    hp_status st;
    if (exists && all_tables) {
        return s->settings->java
                   ? hp_fail(err, HP_ERROR_CONFIG, "",
                             "publication \"%s\" is FOR ALL TABLES, but publication.autocreate.mode is filtered; drop "
                             "it, or use the mode all_tables or disabled",
                             s->settings->publication)
                   : HP_OK;
    }
    st = compare(s, &c, err);
    if (st == HP_OK && (c.wanted.failed || c.missing.failed)) {
        st = no_memory(err);
    }
    if (st == HP_OK) {
        st = exists ? complete(s, &c, err) : create_for_wanted(s, &c, err);
    }
    text_finish(&c.wanted);
    text_finish(&c.missing);
    return st;
}

static hp_status check_root(struct session *s, bool via_root, struct hp_error *err)
{
    struct text sql = {0};
    if (via_root == s->settings->via_root || s->settings->publication_mode == PUBLICATION_DISABLED) {
        return HP_OK;
    }
    services_log(s->services, HP_LOG_INFO, "publication \"%s\": setting publish_via_partition_root to %s",
                 s->settings->publication, s->settings->via_root ? "true" : "false");
    text_put(&sql, "ALTER PUBLICATION ");
    put_name(s, &sql, s->settings->publication);
    text_put(&sql, " SET (publish_via_partition_root = %s)", s->settings->via_root ? "true" : "false");
    return run_text(s, "altering the publication", &sql, err);
}

/* The publication is somebody else's: what the lists name and it does not hold will never come. Worth a word. */
static hp_status warn_missing(struct session *s, struct hp_error *err)
{
    struct comparison c;
    hp_status st;
    if (!s->settings->tables.include) {
        return HP_OK;
    }
    st = compare(s, &c, err);
    if (st == HP_OK && c.n_missing && !c.missing.failed) {
        services_log(
            s->services, HP_LOG_WARN,
            "publication \"%s\" does not hold %zu of the tables that table.include.list names: %.1000s; add them with "
            "ALTER PUBLICATION ... ADD TABLE",
            s->settings->publication, c.n_missing, c.missing.data);
    }
    text_finish(&c.wanted);
    text_finish(&c.missing);
    return st;
}

hp_status publication_ensure(struct session *s, bool *created, struct hp_error *err)
{
    const char *param = s->settings->publication;
    PGresult *res = NULL;
    bool exists, all_tables, via_root;
    if (session_query(s, "looking for the publication",
                      "SELECT puballtables, pubviaroot FROM pg_catalog.pg_publication WHERE pubname = $1", 1, &param,
                      &res, err) != HP_OK) {
        return HP_ERROR;
    }
    exists = PQntuples(res) == 1;
    all_tables = exists && PQgetvalue(res, 0, 0)[0] == 't';
    via_root = exists && PQgetvalue(res, 0, 1)[0] == 't';
    PQclear(res);
    *created = !exists;
    if (exists && check_root(s, via_root, err) != HP_OK) {
        return HP_ERROR;
    }
    if (exists && !all_tables && s->settings->publication_mode != PUBLICATION_FILTERED &&
        warn_missing(s, err) != HP_OK) {
        return HP_ERROR;
    }
    switch (s->settings->publication_mode) {
    case PUBLICATION_FILTERED:
        return filtered(s, exists, all_tables, err);
    case PUBLICATION_ALL_TABLES:
        return exists ? HP_OK : create(s, " FOR ALL TABLES", err);
    case PUBLICATION_NO_TABLES:
        return exists ? HP_OK : create(s, "", err);
    default:
        return exists ? HP_OK
                      : hp_fail(err, HP_ERROR_CONFIG, "",
                                "publication \"%s\" does not exist, and publication.autocreate.mode is disabled; "
                                "create it before the "
                                "slot: CREATE PUBLICATION ... FOR TABLE ...",
                                param);
    }
}

/* ---- what it publishes ---- */

static char *copy_or_null(const PGresult *res, int row, int column, bool *failed)
{
    char *text = PQgetisnull(res, row, column) ? NULL : strdup(PQgetvalue(res, row, column));
    *failed = *failed || (!text && !PQgetisnull(res, row, column));
    return text;
}

void publication_tables_free(struct captured_table *tables, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(tables[i].schema);
        free(tables[i].table);
        free(tables[i].columns);
        free(tables[i].filter);
    }
    free(tables);
}

hp_status publication_tables(struct session *s, struct captured_table **out, size_t *out_n, struct hp_error *err)
{
    const char *param = s->settings->publication;
    PGresult *res = NULL;
    struct captured_table *tables;
    size_t n = 0;
    bool failed = false;
    hp_status st = HP_OK;
    if (session_query(s, "listing the publication's tables",
                      s->version >= 150000 ? published_sql_15 : published_sql_old, 1, &param, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    tables = calloc((size_t)PQntuples(res) + 1, sizeof *tables);
    failed = !tables;
    for (int i = 0; st == HP_OK && !failed && i < PQntuples(res);) {
        bool wanted = false;
        int row = i;
        struct captured_table *t = &tables[n];
        struct lineage l = next_table(res, &i);
        st = settings_wants_table(s->settings, &l, &wanted, err);
        if (st == HP_OK && wanted) {
            n++;
            t->oid = (uint32_t)strtoul(PQgetvalue(res, row, 0), NULL, 10);
            t->relkind = PQgetvalue(res, row, 3)[0];
            t->schema = copy_or_null(res, row, 1, &failed);
            t->table = copy_or_null(res, row, 2, &failed);
            t->columns = copy_or_null(res, row, 4, &failed);
            t->filter = copy_or_null(res, row, 5, &failed);
            st = settings_wants_snapshot(s->settings, &l, &t->in_snapshot, err);
        }
    }
    PQclear(res);
    if (st == HP_OK && failed) {
        st = no_memory(err);
    }
    if (st != HP_OK) {
        publication_tables_free(tables, n);
        return st;
    }
    *out = tables;
    *out_n = n;
    return HP_OK;
}

/* ---- replica identities ---- */

static hp_status set_identity(struct session *s, const char *schema, const char *table, const char *now,
                              const char *rule, struct hp_error *err)
{
    static const struct {
        const char *word;
        char code;
    } words[] = {{"FULL", 'f'}, {"DEFAULT", 'd'}, {"NOTHING", 'n'}};
    struct text sql = {0};
    text_put(&sql, "ALTER TABLE ");
    put_name(s, &sql, schema);
    text_put(&sql, ".");
    put_name(s, &sql, table);
    for (size_t i = 0; i < 3; i++) {
        if (strcasecmp(rule, words[i].word) == 0) {
            if (*now == words[i].code) {
                text_finish(&sql);
                return HP_OK;
            }
            text_put(&sql, " REPLICA IDENTITY %s", words[i].word);
            return run_text(s, "setting a replica identity", &sql, err);
        }
    }
    text_put(&sql, " REPLICA IDENTITY USING INDEX ");
    put_name(s, &sql, rule + 6 + strspn(rule + 6, " "));
    return run_text(s, "setting a replica identity", &sql, err);
}

hp_status publication_set_identities(struct session *s, struct hp_error *err)
{
    const char *param = s->settings->publication;
    PGresult *res = NULL;
    hp_status st = HP_OK;
    if (s->settings->n_identities == 0) {
        return HP_OK;
    }
    if (session_query(s, "listing tables", candidates_sql(s->version), 1, &param, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    for (int i = 0; st == HP_OK && i < PQntuples(res);) {
        const char *now = PQgetvalue(res, i, 5), *rule = NULL;
        struct lineage l = next_table(res, &i);
        bool wanted = false;
        st = settings_wants_table(s->settings, &l, &wanted, err);
        if (st == HP_OK && wanted) {
            st = settings_rule(s->settings->identities, s->settings->n_identities, &l, &rule, err);
        }
        if (st == HP_OK && rule) {
            st = set_identity(s, l.names[0].schema, l.names[0].table, now, rule, err);
        }
    }
    PQclear(res);
    return st;
}
