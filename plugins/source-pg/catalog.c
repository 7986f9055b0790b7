/* catalog.c: see catalog.h. */
#include "catalog.h"

#include "no_memory.h"

#include <inttypes.h>
#include <stdlib.h>

/* A unique index serves as a key if it is complete, immediate, whole (no expression, no predicate) and on columns that
   are never null; of several the oldest. */
static const char columns_sql[] =
    "WITH u AS (SELECT i.indkey FROM pg_catalog.pg_index i WHERE i.indrelid = $1::pg_catalog.oid AND i.indisunique"
    " AND NOT i.indisprimary AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, n)"
    "  JOIN pg_catalog.pg_attribute x ON x.attrelid = i.indrelid AND x.attnum = k.attnum"
    "  WHERE k.n <= i.indnkeyatts AND NOT x.attnotnull)"
    " ORDER BY i.indexrelid LIMIT 1),"
    " un AS (SELECT i.indnkeyatts FROM pg_catalog.pg_index i, u WHERE i.indrelid = $1::pg_catalog.oid"
    "  AND i.indisunique AND NOT i.indisprimary AND i.indkey = u.indkey LIMIT 1),"
    " p AS (SELECT i.indkey, i.indnkeyatts FROM pg_catalog.pg_index i"
    "  WHERE i.indrelid = $1::pg_catalog.oid AND i.indisprimary)"
    " SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attidentity <> '', a.attgenerated <> '',"
    "  COALESCE((SELECT k.n FROM p, pg_catalog.unnest(p.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, n)"
    "   WHERE k.attnum = a.attnum AND k.n <= p.indnkeyatts), 0),"
    "  COALESCE((SELECT k.n FROM u, un, pg_catalog.unnest(u.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, n)"
    "   WHERE k.attnum = a.attnum AND k.n <= un.indnkeyatts), 0),"
    "  EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisreplident"
    "   AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]))"
    " FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attnum";

static const char table_sql[] = "SELECT c.relkind, c.relreplident, an.nspname, ac.relname FROM pg_catalog.pg_class c"
                                " LEFT JOIN pg_catalog.pg_partition_ancestors($1::pg_catalog.oid::pg_catalog.regclass)"
                                "  WITH ORDINALITY a(relid, n) ON a.relid <> c.oid"
                                " LEFT JOIN pg_catalog.pg_class ac ON ac.oid = a.relid"
                                " LEFT JOIN pg_catalog.pg_namespace an ON an.oid = ac.relnamespace"
                                " WHERE c.oid = $1::pg_catalog.oid ORDER BY a.n";

/* A domain's base is the type at the bottom, its typmod the first that says anything on the way down. The binary form
   of a type says nothing elsewhere if it, or a type inside of it, has none or is an OID that stands for a name
   (regproc, regoper, ... regcollation); nor if a tsquery is inside of it, since no server reads an empty one. */
static const char types_sql[] =
    "WITH RECURSIVE d AS (SELECT t.oid AS top, t.oid, t.typtype, t.typbasetype, t.typtypmod FROM pg_catalog.pg_type t"
    "  WHERE t.oid = ANY ($1::pg_catalog.oid[])"
    " UNION ALL SELECT d.top, b.oid, b.typtype, b.typbasetype,"
    "  CASE WHEN d.typtypmod >= 0 THEN d.typtypmod ELSE b.typtypmod END"
    "  FROM d JOIN pg_catalog.pg_type b ON d.typtype = 'd' AND b.oid = d.typbasetype),"
    " w AS (SELECT t.oid AS top, t.oid, false AS inside FROM pg_catalog.pg_type t"
    "   WHERE t.oid = ANY ($1::pg_catalog.oid[])"
    "  UNION SELECT w.top, x.o, w.inside OR x.deeper FROM w JOIN pg_catalog.pg_type t ON t.oid = w.oid"
    "   CROSS JOIN LATERAL (SELECT t.typelem, true WHERE t.typelem <> 0"
    "    UNION ALL SELECT t.typbasetype, false WHERE t.typbasetype <> 0"
    "    UNION ALL SELECT a.atttypid, true FROM pg_catalog.pg_attribute a"
    "     WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) x(o, deeper))"
    " SELECT t.oid, CASE WHEN t.typtype = 'd' THEN d.oid WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem "
    "ELSE 0 END,"
    "  CASE WHEN t.typtype = 'd' THEN d.typtypmod ELSE -1 END,"
    "  CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 AND t.typtype = 'b' THEN 'A'"
    "   ELSE t.typtype::pg_catalog.text END,"
    "  t.typsend <> 0,"
    "  NOT EXISTS (SELECT 1 FROM w JOIN pg_catalog.pg_type x ON x.oid = w.oid WHERE w.top = t.oid AND (x.typsend = 0"
    "   OR x.oid IN (24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191)"
    "   OR (x.oid = 3615 AND w.inside))),"
    "  pg_catalog.format_type(t.oid, NULL),"
    "  COALESCE((SELECT pg_catalog.string_agg(e.enumlabel, E'\\n' ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e"
    "   WHERE e.enumtypid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem ELSE t.oid END), '')"
    " FROM d JOIN pg_catalog.pg_type t ON t.oid = d.top WHERE d.typtype <> 'd'";

static uint32_t get_u32(const PGresult *res, int row, int column)
{
    return (uint32_t)strtoul(PQgetvalue(res, row, column), NULL, 10);
}

static bool get_bool(const PGresult *res, int row, int column)
{
    return PQgetvalue(res, row, column)[0] == 't';
}

static hp_status read_table(struct catalog_table *t, const PGresult *res, struct hp_error *err)
{
    t->found = PQntuples(res) > 0;
    if (!t->found) {
        return HP_OK;
    }
    t->relkind = PQgetvalue(res, 0, 0)[0];
    t->identity = PQgetvalue(res, 0, 1)[0];
    t->above = calloc((size_t)PQntuples(res), sizeof *t->above);
    if (!t->above) {
        return no_memory(err);
    }
    for (int i = 0; i < PQntuples(res) && !PQgetisnull(res, i, 3); i++) {
        t->above[i].schema = strdup(PQgetvalue(res, i, 2));
        t->above[i].table = strdup(PQgetvalue(res, i, 3));
        t->n_above++;
        if (!t->above[i].schema || !t->above[i].table) {
            return no_memory(err);
        }
    }
    return HP_OK;
}

static hp_status read_columns(struct catalog_table *t, const PGresult *res, struct hp_error *err)
{
    size_t n = (size_t)PQntuples(res);
    t->columns = calloc(n + 1, sizeof *t->columns);
    if (!t->columns) {
        return no_memory(err);
    }
    for (int i = 0; i < (int)n; i++) {
        struct catalog_column *c = &t->columns[t->n_columns];
        c->name = strdup(PQgetvalue(res, i, 0));
        if (!c->name) {
            return no_memory(err);
        }
        t->n_columns++;
        c->type_oid = get_u32(res, i, 1);
        c->typmod = (int32_t)strtol(PQgetvalue(res, i, 2), NULL, 10);
        c->not_null = get_bool(res, i, 3);
        c->identity = get_bool(res, i, 4);
        c->generated = get_bool(res, i, 5);
        c->primary = get_u32(res, i, 6);
        c->unique = get_u32(res, i, 7);
        c->in_identity = get_bool(res, i, 8);
    }
    return HP_OK;
}

static hp_status read_types(struct catalog_table *t, const PGresult *res, struct hp_error *err)
{
    size_t n = (size_t)PQntuples(res);
    t->types = calloc(n + 1, sizeof *t->types);
    if (!t->types) {
        return no_memory(err);
    }
    for (int i = 0; i < (int)n; i++) {
        struct catalog_type *y = &t->types[t->n_types++];
        y->oid = get_u32(res, i, 0);
        y->base = get_u32(res, i, 1);
        y->typmod = (int32_t)strtol(PQgetvalue(res, i, 2), NULL, 10);
        y->kind = PQgetvalue(res, i, 3)[0];
        y->sends_binary = get_bool(res, i, 4);
        y->portable = get_bool(res, i, 5);
        y->name = strdup(PQgetvalue(res, i, 6));
        y->labels = strdup(PQgetvalue(res, i, 7));
        if (!y->name || !y->labels) {
            return no_memory(err);
        }
    }
    return HP_OK;
}

/* "{1,2,3}" of the types asked for and those of the columns. */
static char *type_list(const struct catalog_table *t, const uint32_t *oids, size_t n)
{
    size_t size = (n + t->n_columns) * 11 + 3;
    char *list = malloc(size), *to = list;
    if (!list) {
        return NULL;
    }
    *to++ = '{';
    for (size_t i = 0; i < n + t->n_columns; i++) {
        to += snprintf(to, size - (size_t)(to - list), "%s%" PRIu32, i ? "," : "",
                       i < n ? oids[i] : t->columns[i - n].type_oid);
    }
    *to++ = '}';
    *to = '\0';
    return list;
}

static hp_status read_all(struct session *s, uint32_t oid, const uint32_t *type_oids, size_t n_type_oids,
                          struct catalog_table *t, struct hp_error *err)
{
    static const char what[] = "reading the catalog";
    char number[16], *list;
    const char *param = number;
    PGresult *res = NULL;
    hp_status st;
    (void)snprintf(number, sizeof number, "%" PRIu32, oid);
    if (session_query(s, what, table_sql, 1, &param, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    st = read_table(t, res, err);
    PQclear(res);
    if (st != HP_OK || session_query(s, what, columns_sql, 1, &param, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    st = read_columns(t, res, err);
    PQclear(res);
    if (st != HP_OK) {
        return st;
    }
    list = type_list(t, type_oids, n_type_oids);
    param = list;
    st = list ? session_query(s, what, types_sql, 1, &param, &res, err) : no_memory(err);
    free(list);
    if (st == HP_OK) {
        st = read_types(t, res, err);
        PQclear(res);
    }
    return st;
}

hp_status catalog_table_read(struct session *s, uint32_t oid, const uint32_t *type_oids, size_t n_type_oids,
                             struct catalog_table *out, struct hp_error *err)
{
    struct catalog_table t;
    memset(&t, 0, sizeof t);
    services_add(s->services, FIG_CATALOG_LOOKUPS, 1);
    if (read_all(s, oid, type_oids, n_type_oids, &t, err) != HP_OK) {
        catalog_table_finish(&t);
        return HP_ERROR;
    }
    *out = t;
    return HP_OK;
}

void catalog_table_finish(struct catalog_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        free(t->columns[i].name);
    }
    for (size_t i = 0; i < t->n_types; i++) {
        free(t->types[i].name);
        free(t->types[i].labels);
    }
    free(t->columns);
    free(t->types);
    for (size_t i = 0; i < t->n_above; i++) {
        free(t->above[i].schema);
        free(t->above[i].table);
    }
    free(t->above);
    memset(t, 0, sizeof *t);
}

const struct catalog_column *catalog_column_find(const struct catalog_table *t, const char *name, size_t len)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (strlen(t->columns[i].name) == len && memcmp(t->columns[i].name, name, len) == 0) {
            return &t->columns[i];
        }
    }
    return NULL;
}

const struct catalog_type *catalog_type_find(const struct catalog_table *t, uint32_t oid)
{
    for (size_t i = 0; i < t->n_types; i++) {
        if (t->types[i].oid == oid) {
            return &t->types[i];
        }
    }
    return NULL;
}
