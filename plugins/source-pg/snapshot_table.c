/* snapshot_table.c: see snapshot.h. */
#include "no_memory.h"
#include "snapshot.h"

#include <stdlib.h>

#define TABLE_TX_BASE (UINT64_C(1) << 32) /* ids of pseudo transactions lie above all xids */

static const char rewritten_sql[] = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c WHERE c.relkind = 'r'"
                                    " AND (c.oid = $1::pg_catalog.oid OR c.oid IN (SELECT relid FROM "
                                    "pg_catalog.pg_partition_tree($1::pg_catalog.oid::pg_catalog.regclass)))"
                                    " AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid))";

static bool unread(const struct source *s, const struct captured_table *t)
{
    return position_table_lsn(&s->position, t->oid) == 0;
}

hp_status snapshot_list_tables(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct captured_table *tables = NULL;
    size_t count = 0, kept = 0, done = 0;
    if (publication_tables(&s->normal, &tables, &count, err) != HP_OK) {
        return HP_ERROR;
    }
    if (snapshot_order(&s->normal, tables, count, err) != HP_OK) {
        publication_tables_free(tables, count);
        return HP_ERROR;
    }
    for (size_t i = 0; i < count; i++) {
        if (tables[i].in_snapshot) {
            struct captured_table swap = tables[kept];
            tables[kept] = tables[i];
            tables[i] = swap;
            n->last = unread(s, &tables[kept]) ? kept : n->last;
            done += !unread(s, &tables[kept]);
            kept++;
        }
    }
    n->tables = tables;
    n->n_tables = count;
    n->at = 0;
    /* Those left out are behind the kept ones: forget them. */
    for (size_t i = kept; i < count; i++) {
        free(tables[i].schema);
        free(tables[i].table);
        free(tables[i].columns);
        free(tables[i].filter);
    }
    n->n_tables = kept;
    services_set(&s->services, FIG_SNAPSHOT_TABLES, (int64_t)kept);
    services_set(&s->services, FIG_SNAPSHOT_DONE, (int64_t)done);
    if (count == 0) {
        services_log(&s->services, HP_LOG_WARN,
                     "publication \"%s\" holds no table that the lists want: nothing is captured",
                     s->settings.publication);
    }
    services_log(&s->services, HP_LOG_INFO, "snapshot at %s: %zu tables, %zu of them read before", lsn_text(n->lsn).s,
                 kept, done);
    return HP_OK;
}

/* Is the column in a list as the server prints name[]: {a,"b c"}? No list: all of them. */
static bool in_name_list(const char *list, const char *name)
{
    if (!list) {
        return true;
    }
    for (list++; *list && *list != '}';) {
        const char *at = name;
        bool quoted = *list == '"', same = true;
        list += quoted;
        while (*list && (quoted ? *list != '"' : *list != ',' && *list != '}')) {
            list += quoted && *list == '\\';
            same = same && *at && *at == *list;
            at += *at != '\0';
            list++;
        }
        if (same && !*at) {
            return true;
        }
        list += quoted && *list;
        list += *list == ',';
    }
    return false;
}

/* A generated column is sent by servers that say so in their list only (P14). */
static bool published(const struct source *s, const struct captured_table *t, const struct catalog_column *c)
{
    return in_name_list(t->columns, c->name) && (!c->generated || (t->columns && s->normal.version >= 180000));
}

hp_status snapshot_relation(struct source *s, const struct captured_table *t, const struct catalog_table *facts,
                            struct relation **out, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct pgoutput_column *columns = calloc(facts->n_columns + 1, sizeof *columns);
    struct relation_def def = {t->oid, t->schema, t->table, facts->identity, 0, columns};
    hp_status st;
    if (!columns) {
        return no_memory(err);
    }
    for (size_t i = 0; i < facts->n_columns; i++) {
        const struct catalog_column *c = &facts->columns[i];
        struct pgoutput_column *to = &columns[def.n_columns];
        const struct catalog_type *type = catalog_type_find(facts, c->type_oid);
        bool flagged = facts->identity == 'f' || (facts->identity == 'd' && c->primary) ||
                       (facts->identity == 'i' && c->in_identity);
        if (!published(s, t, c)) {
            continue;
        }
        to->flags = flagged ? PGOUTPUT_RELATION_KEY : 0;
        to->name.data = c->name;
        to->name.len = strlen(c->name);
        to->type_oid = c->type_oid;
        to->typmod = c->typmod;
        if (n) {
            n->as_text[def.n_columns] = s->no_binary || (type && !type->portable);
            n->stream_as_text = n->stream_as_text || (type && type->sends_binary && !type->portable);
        }
        def.n_columns++;
    }
    st = relation_create(&s->services, &s->settings, &def, facts, out, err);
    free(columns);
    return st;
}

/* "COPY table (columns)" where that is enough, since it costs least; else of a query. */
static hp_status copy_command(struct source *s, const struct captured_table *t, const struct catalog_table *facts,
                              struct text *sql, struct hp_error *err)
{
    const char *override = NULL;
    char *schema = session_identifier(&s->normal, t->schema), *table = session_identifier(&s->normal, t->table);
    bool plain = t->relkind == 'r' && !t->filter;
    struct text columns = {0};
    uint16_t at = 0;
    struct lineage own = {.n = 0};
    hp_status st;
    lineage_add(&own, t->schema, t->table);
    st = settings_rule(s->settings.overrides, s->settings.n_overrides, &own, &override, err);
    for (size_t i = 0; i < facts->n_columns; i++) {
        const struct catalog_column *c = &facts->columns[i];
        char *quoted = published(s, t, c) ? session_identifier(&s->normal, c->name) : NULL;
        if (quoted) {
            bool cast = s->snapshot->as_text[at++];
            text_put(&columns, "%s%s%s", columns.len ? ", " : "", quoted, cast ? "::pg_catalog.text" : "");
            plain = plain && !cast && !c->generated;
        }
        PQfreemem(quoted);
    }
    s->snapshot->overridden = override != NULL;
    if (override) { /* a line of its own: it may end with a comment */
        text_put(sql, "COPY (SELECT %s FROM (%s\n) q)", columns.data ? columns.data : "", override);
    } else if (plain && columns.len) {
        text_put(sql, "COPY %s.%s (%s)", schema, table, columns.data);
    } else {
        text_put(sql, "COPY (SELECT %s FROM %s%s.%s%s%s%s)", columns.data ? columns.data : "",
                 t->relkind == 'p' ? "" : "ONLY ", schema, table, t->filter ? " WHERE (" : "",
                 t->filter ? t->filter : "", t->filter ? ")" : "");
    }
    text_put(sql, " TO STDOUT (FORMAT binary)");
    sql->failed = sql->failed || columns.failed || !schema || !table;
    text_finish(&columns);
    PQfreemem(schema);
    PQfreemem(table);
    return st != HP_OK ? st : sql->failed ? no_memory(err) : HP_OK;
}

hp_status snapshot_next_table(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    const struct captured_table *t;
    struct catalog_table facts;
    struct text sql = {0};
    hp_status st;
    while (n->at < n->n_tables && !unread(s, &n->tables[n->at])) {
        n->at++;
    }
    if (n->at == n->n_tables) {
        n->step = SNAP_OVER;
        return HP_OK;
    }
    if (services_failpoint(&s->services, "snap.table", err) != HP_OK) {
        return HP_ERROR;
    }
    t = &n->tables[n->at];
    if (catalog_table_read(&s->normal, t->oid, NULL, 0, &facts, err) != HP_OK) {
        return HP_ERROR;
    }
    relation_destroy(n->rel);
    n->rel = NULL;
    st = snapshot_relation(s, t, &facts, &n->rel, err);
    if (st == HP_OK) {
        st = copy_command(s, t, &facts, &sql, err);
    }
    catalog_table_finish(&facts);
    if (st == HP_OK) {
        (void)snprintf(n->what, sizeof n->what, "reading table %s", n->rel->name);
        st = wire_start(&n->wire, &s->normal, s->wake_fd, n->what, sql.data, UINT32_MAX, err);
    }
    text_finish(&sql);
    n->header_seen = n->trailer_seen = n->table_row = false;
    n->seq = 0;
    n->tx = (struct hp_tx){.size = sizeof n->tx,
                           .flags = HP_TX_SNAPSHOT,
                           .id = TABLE_TX_BASE + t->oid,
                           .commit_pos = n->lsn,
                           .end_pos = n->lsn,
                           .commit_us = n->wall_us};
    n->step = SNAP_ROWS;
    return st;
}

/* ALTER TABLE that rewrites (and TRUNCATE) leave nothing to see for a snapshot taken before: such a table looks empty.
   The catalog as of the snapshot names another file then than the one that was read. */
static hp_status check_rewrite(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    char oid[16];
    const char *param = oid;
    PGresult *res = NULL;
    bool rewritten;
    (void)snprintf(oid, sizeof oid, "%u", (unsigned)n->tables[n->at].oid);
    if (session_query(&s->normal, "checking for a rewrite", rewritten_sql, 1, &param, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    rewritten = PQntuples(res) != 1 || PQgetvalue(res, 0, 0)[0] != 'f';
    PQclear(res);
    return rewritten ? hp_fail(err, HP_ERROR_RETRY, "",
                               "table %s was rewritten while its snapshot was taken; it is read again", n->rel->name)
                     : HP_OK;
}

hp_status snapshot_table_end(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    if (check_rewrite(s, err) != HP_OK ||
        position_add_table(&s->position, n->lsn, n->tables[n->at].oid, err) != HP_OK) {
        return HP_ERROR;
    }
    services_log(&s->services, HP_LOG_INFO, "snapshot of table %s is complete: %lu rows", n->rel->name,
                 (unsigned long)n->seq);
    n->at++;
    services_set(&s->services, FIG_SNAPSHOT_DONE, (int64_t)n->at);
    n->step = SNAP_NEXT_TABLE;
    if (!n->table_row) {
        return HP_IDLE; /* nothing to commit; the position comes with the next */
    }
    poll->kind = HP_POLL_COMMIT;
    poll->tx = n->tx;
    return source_give(s, poll, err);
}
