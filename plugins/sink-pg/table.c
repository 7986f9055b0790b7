/* table.c: see table.h. */
#include "table.h"

#include "sql_build.h"

static void table_free(struct table *t)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        free(t->columns[i].name);
    }
    for (uint32_t i = 0; i < t->n_uniques; i++) {
        free(t->uniques[i].attnums);
        free(t->uniques[i].name);
    }
    free(t->schema);
    free(t->name);
    free(t->quoted);
    free(t->columns);
    free(t->uniques);
    free(t->parents);
    free(t);
}

static void tables_free(struct table **list)
{
    while (*list) {
        struct table *t = *list;
        *list = t->next;
        table_free(t);
    }
}

void catalog_retire(struct catalog *c, struct table *t)
{
    struct table **at = &c->tables;
    while (*at && *at != t) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = t->next;
        t->next = c->retired;
        c->retired = t;
    }
}

void catalog_forget(struct catalog *c)
{
    tables_free(&c->tables);
    tables_free(&c->retired);
    while (c->marks) {
        struct table_mark *m = c->marks;
        c->marks = m->next;
        free(m);
    }
    types_finish(&c->types);
    c->any_deferrable = false;
}

void catalog_finish(struct catalog *c)
{
    catalog_forget(c);
    free(c->default_schema);
    c->default_schema = NULL;
}

/* One catalog query; a refusal is reported as such. */
static hp_status ask(struct catalog *c, const char *sql, const char *const *values, int n, PGresult **out,
                     struct hp_error *err)
{
    hp_status st = link_query(c->link, sql, n, values, out, err);
    return st == HP_IDLE ? link_report(c->link, "reading the target's catalog", err) : st;
}

static uint32_t field_u32(const PGresult *r, int row, int col)
{
    return (uint32_t)strtoul(PQgetvalue(r, row, col), NULL, 10);
}

static bool field_true(const PGresult *r, int row, int col)
{
    return *PQgetvalue(r, row, col) == 't';
}

static char *field_text(const PGresult *r, int row, int col)
{
    const char *text = PQgetvalue(r, row, col);
    return copy_text(text, strlen(text));
}

/* Numbers separated by blanks or commas. */
static bool read_numbers(const char *text, uint32_t **out, uint32_t *out_n, uint32_t max)
{
    uint32_t n = 0, *list = calloc(strlen(text) / 2 + 1, sizeof *list);
    char *end;
    if (!list) {
        return false;
    }
    while (*text && n < max) {
        unsigned long v = strtoul(text, &end, 10);
        if (end == text) {
            text++;
            continue;
        }
        list[n++] = (uint32_t)v;
        text = end;
    }
    *out = list;
    *out_n = n;
    return true;
}

/* ---- types ---- */

/* 403 and 405 are btree and hash, in which 3 and 1 is equality. */
static const char type_query[] =
    "WITH RECURSIVE r(oid) AS (SELECT unnest($1::oid[]) UNION SELECT x.o FROM r"
    " JOIN pg_catalog.pg_type t ON t.oid = r.oid CROSS JOIN LATERAL ("
    "  SELECT t.typelem WHERE t.typelem <> 0 UNION ALL SELECT t.typbasetype WHERE t.typbasetype <> 0"
    "  UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a"
    "   WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) x(o))"
    " SELECT t.oid, t.typarray, t.typelem, t.typbasetype, t.typtype,"
    "  t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1 AND t.typtype = 'b', t.typreceive <> 0,"
    "  n.nspname, t.typname, pg_catalog.format_type(t.oid, NULL),"
    "  (SELECT pg_catalog.string_agg(a.atttypid::text, ' ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a"
    "    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),"
    " (SELECT pg_catalog.format('OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_catalog.pg_opclass c"
    "   JOIN pg_catalog.pg_amop m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype"
    "    AND m.amoprighttype = c.opcintype AND m.amopstrategy = CASE c.opcmethod WHEN 403 THEN 3 ELSE 1 END"
    "   JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace"
    "  WHERE c.opcdefault AND c.opcmethod IN (403, 405) AND c.opcintype = t.oid AND n.nspname <> 'pg_catalog'"
    "  ORDER BY c.opcmethod LIMIT 1)"
    " FROM r JOIN pg_catalog.pg_type t ON t.oid = r.oid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace";

static bool add_type(struct catalog *c, const PGresult *r, int row)
{
    struct bytes name = {0};
    struct pgtype t = {
        .oid = field_u32(r, row, 0),
        .array_oid = field_u32(r, row, 1),
        .elem = field_u32(r, row, 2),
        .base = field_u32(r, row, 3),
        .kind = *PQgetvalue(r, row, 4),
        .is_array = field_true(r, row, 5),
        .has_receive = field_true(r, row, 6),
        .shown = field_text(r, row, 9),
    };
    sql_qualified(&name, PQgetvalue(r, row, 7), PQgetvalue(r, row, 8));
    t.sql = bytes_steal_text(&name);
    t.equals = PQgetisnull(r, row, 11) ? NULL : field_text(r, row, 11);
    if (!t.shown || !t.sql || (!t.equals && !PQgetisnull(r, row, 11)) ||
        !read_numbers(PQgetvalue(r, row, 10), &t.attrs, &t.n_attrs, 1600)) {
        free(t.shown);
        free(t.sql);
        free(t.equals);
        return false;
    }
    return types_add(&c->types, &t);
}

hp_status catalog_types(struct catalog *c, const uint32_t *oids, size_t n, struct hp_error *err)
{
    struct bytes list = {0};
    const char *values[1];
    PGresult *r;
    hp_status st;
    bool all = true;
    bytes_text(&list, "{");
    for (size_t i = 0; i < n; i++) {
        all = all && types_get(&c->types, oids[i]);
        bytes_printf(&list, i ? ",%u" : "%u", oids[i]);
    }
    bytes_append(&list, "}", 2);
    if (all || list.failed) {
        bool failed = list.failed;
        bytes_finish(&list);
        return failed ? out_of_memory(err) : HP_OK;
    }
    values[0] = (const char *)list.data;
    st = ask(c, type_query, values, 1, &r, err);
    bytes_finish(&list);
    if (st != HP_OK) {
        return st;
    }
    for (int i = 0; st == HP_OK && i < PQntuples(r); i++) {
        if (!add_type(c, r, i)) {
            st = out_of_memory(err);
        }
    }
    PQclear(r);
    return st;
}

/* ---- tables ---- */

static const char table_query[] =
    "SELECT c.oid, c.relkind, c.relrowsecurity OR c.relhasrules,"
    " EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid = c.oid),"
    " EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.condeferrable AND"
    "  (k.conrelid = c.oid OR (k.contype = 'f' AND k.confrelid = c.oid))),"
    " (SELECT pg_catalog.string_agg(DISTINCT k.confrelid::text, ' ') FROM pg_catalog.pg_constraint k"
    "  WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.confrelid <> c.oid)"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2";

static const char column_query[] =
    "SELECT a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',"
    " a.attgenerated <> '', a.attidentity <> '',"
    " a.attidentity = 'a', coalesce(o.collisdeterministic, true)"
    " FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation"
    " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

static const char unique_query[] =
    "SELECT x.relname, i.indimmediate, i.indkey::text, i.indnkeyatts"
    " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
    " WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL"
    " ORDER BY i.indisprimary DESC, i.indexrelid";

static hp_status load_columns(struct catalog *c, struct table *t, const char *oid, struct hp_error *err)
{
    const char *values[1] = {oid};
    uint32_t *oids = NULL;
    PGresult *r;
    hp_status st = ask(c, column_query, values, 1, &r, err);
    uint32_t n;
    if (st != HP_OK) {
        return st;
    }
    n = (uint32_t)PQntuples(r);
    t->columns = calloc(n ? n : 1, sizeof *t->columns);
    oids = calloc(n ? n : 1, sizeof *oids);
    if (!t->columns || !oids) {
        st = out_of_memory(err);
    }
    for (uint32_t i = 0; st == HP_OK && i < n; i++) {
        struct column *col = &t->columns[i];
        int row = (int)i;
        t->n_columns++;
        *col = (struct column){
            .name = field_text(r, row, 1),
            .attnum = field_u32(r, row, 0),
            .typmod = (int32_t)strtol(PQgetvalue(r, row, 3), NULL, 10),
            .required = field_true(r, row, 4),
            .generated = field_true(r, row, 5),
            .identity = field_true(r, row, 6),
            .identity_always = field_true(r, row, 7),
            .deterministic = field_true(r, row, 8),
        };
        t->has_identity = t->has_identity || col->identity;
        oids[i] = field_u32(r, row, 2);
        st = col->name ? HP_OK : out_of_memory(err);
    }
    PQclear(r);
    if (st == HP_OK) {
        st = catalog_types(c, oids, n, err);
    }
    for (uint32_t i = 0; st == HP_OK && i < n; i++) {
        t->columns[i].type = types_get(&c->types, oids[i]);
        if (!t->columns[i].type) {
            st = hp_fail(err, HP_ERROR_RETRY, "", "the type of column %s of %s is just being changed",
                         t->columns[i].name, t->quoted);
        }
    }
    free(oids);
    return st;
}

static hp_status load_uniques(struct catalog *c, struct table *t, const char *oid, struct hp_error *err)
{
    const char *values[1] = {oid};
    PGresult *r;
    hp_status st = ask(c, unique_query, values, 1, &r, err);
    if (st != HP_OK) {
        return st;
    }
    t->uniques = calloc((size_t)PQntuples(r) + 1, sizeof *t->uniques);
    for (int i = 0; t->uniques && i < PQntuples(r); i++) {
        struct unique *u = &t->uniques[t->n_uniques++];
        u->name = field_text(r, i, 0);
        u->immediate = field_true(r, i, 1);
        if (!u->name || !read_numbers(PQgetvalue(r, i, 2), &u->attnums, &u->n, field_u32(r, i, 3))) {
            st = out_of_memory(err);
            break;
        }
    }
    PQclear(r);
    return t->uniques ? st : out_of_memory(err);
}

/* Parents before children, as far as the known tables go. Each round lifts tables above their parents; a cycle ends
   with the bound on rounds, and then any order will do. */
static void rank_tables(struct catalog *c)
{
    uint32_t n = 0;
    bool moved = true;
    for (struct table *t = c->tables; t; t = t->next) {
        t->rank = 0;
        n++;
    }
    for (uint32_t round = 0; moved && round < n; round++) {
        moved = false;
        for (struct table *t = c->tables; t; t = t->next) {
            for (struct table *p = t->n_parents ? c->tables : NULL; p; p = p->next) {
                for (uint32_t i = 0; i < t->n_parents; i++) {
                    if (t->parents[i] == p->oid && t->rank <= p->rank) {
                        t->rank = p->rank + 1;
                        moved = true;
                    }
                }
            }
        }
    }
}

static hp_status load_table(struct catalog *c, struct table *t, const char *schema, const char *name,
                            struct hp_error *err)
{
    const char *values[2] = {schema, name};
    struct bytes quoted = {0};
    char oid[16], kind;
    PGresult *r;
    hp_status st = ask(c, table_query, values, 2, &r, err);
    if (st != HP_OK) {
        return st;
    }
    if (PQntuples(r) == 0) {
        PQclear(r);
        return HP_IDLE;
    }
    kind = *PQgetvalue(r, 0, 1);
    t->oid = field_u32(r, 0, 0);
    (void)snprintf(oid, sizeof oid, "%u", t->oid);
    t->partitioned = kind == 'p';
    t->copyable = !field_true(r, 0, 2);
    t->referenced = field_true(r, 0, 3);
    t->deferrable = field_true(r, 0, 4);
    t->schema = copy_text(schema, strlen(schema));
    t->name = copy_text(name, strlen(name));
    sql_qualified(&quoted, schema, name);
    t->quoted = bytes_steal_text(&quoted);
    if (!t->schema || !t->name || !t->quoted || !read_numbers(PQgetvalue(r, 0, 5), &t->parents, &t->n_parents, 10000)) {
        st = out_of_memory(err);
    }
    PQclear(r);
    if (st == HP_OK && kind != 'r' && kind != 'p' && kind != 'f') {
        st = hp_fail(err, HP_ERROR_CONFIG, "42809", "the target's %s is not a table", t->quoted);
    }
    if (st == HP_OK) {
        st = load_columns(c, t, oid, err);
    }
    return st == HP_OK ? load_uniques(c, t, oid, err) : st;
}

static bool give_mark(struct catalog *c, struct table *t)
{
    for (const struct table *r = c->retired; r; r = r->next) {
        if (strcmp(r->quoted, t->quoted) == 0) {
            t->mark = r->mark;
            return true;
        }
    }
    t->mark = calloc(1, sizeof *t->mark);
    if (t->mark) {
        t->mark->next = c->marks;
        c->marks = t->mark;
    }
    return t->mark != NULL;
}

hp_status catalog_table(struct catalog *c, const char *schema, const char *name, struct table **out,
                        struct hp_error *err)
{
    struct table *t;
    hp_status st;
    schema = schema ? schema : c->default_schema;
    for (t = c->tables; t; t = t->next) {
        if (strcmp(t->schema, schema) == 0 && strcmp(t->name, name) == 0) {
            *out = t;
            return HP_OK;
        }
    }
    t = calloc(1, sizeof *t);
    if (!t) {
        return out_of_memory(err);
    }
    st = load_table(c, t, schema, name, err);
    if (st == HP_OK && !give_mark(c, t)) {
        st = out_of_memory(err);
    }
    if (st != HP_OK) {
        table_free(t);
        return st;
    }
    t->next = c->tables;
    c->tables = t;
    c->any_deferrable = c->any_deferrable || t->deferrable;
    rank_tables(c);
    *out = t;
    return HP_OK;
}

const struct column *table_column(const struct table *t, const char *name, size_t len)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (strlen(t->columns[i].name) == len && memcmp(t->columns[i].name, name, len) == 0) {
            return &t->columns[i];
        }
    }
    return NULL;
}

const struct unique *table_unique_on(const struct table *t, const uint32_t *attnums, uint32_t n, bool immediate)
{
    for (uint32_t i = 0; i < t->n_uniques; i++) {
        const struct unique *u = &t->uniques[i];
        uint32_t found = 0;
        for (uint32_t k = 0; u->immediate == immediate && u->n == n && k < n; k++) {
            for (uint32_t a = 0; a < n; a++) {
                found += u->attnums[k] == attnums[a];
            }
        }
        if (n && found == n) {
            return u;
        }
    }
    return NULL;
}
