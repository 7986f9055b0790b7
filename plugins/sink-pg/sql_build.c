/* sql_build.c: see sql_build.h. */
#include "sql_build.h"

/* ---- pieces ---- */

static void separate(struct bytes *out, bool *first, const char *by)
{
    if (!*first) {
        bytes_text(out, by);
    }
    *first = false;
}

static void table(struct bytes *out, const struct sql_target *t)
{
    sql_qualified(out, t->schema, t->name);
}

/* ONLY: rows of inheritance children are changes of their own; a partitioned table has no rows itself. */
static void only_table(struct bytes *out, const struct sql_target *t)
{
    bytes_text(out, t->partitioned ? "" : "ONLY ");
    table(out, t);
}

static const char *cast_of(const struct sql_column *c, char half)
{
    return half == 'b' && c->wire_before ? c->cast_before : c->cast;
}

/* e.a3, with its cast. */
static void value(struct bytes *out, const struct sql_target *t, uint32_t i, char half)
{
    const char *cast = cast_of(&t->columns[i], half);
    bytes_printf(out, "e.%c%u", half, i);
    if (cast) {
        bytes_text(out, "::");
        bytes_text(out, cast);
    }
}

static void equal_as(struct bytes *out, const struct sql_column *c)
{
    if (c->equal_as) {
        bytes_text(out, "::");
        bytes_text(out, c->equal_as);
    }
}

/* x."column" = e.a3, or whatever else stands between them; `by` NULL: the type's equality. */
static void compare(struct bytes *out, const struct sql_target *t, char table_alias, uint32_t i, const char *by,
                    char half)
{
    const struct sql_column *c = &t->columns[i];
    bytes_printf(out, "%c.", table_alias);
    sql_name(out, c->name);
    equal_as(out, c);
    bytes_text(out, " ");
    bytes_text(out, by ? by : c->equals ? c->equals : "=");
    bytes_text(out, " ");
    value(out, t, i, half);
    equal_as(out, c);
}

static bool has(const struct sql_column *c, char half)
{
    return half == 'a' ? c->after : c->before;
}

/* The relation e; the text names its columns too. unnest stands without its schema: only so does the server take it
   with several arrays, and search_path is empty. */
static void rows(struct bytes *out, int variant, const struct sql_target *t)
{
    static const char halves[] = "ab";
    bool first = true;
    unsigned n = 0;
    if (variant == SQL_STAGE) {
        bytes_text(out, "\"pg_temp\".");
        sql_name(out, t->stage);
        bytes_text(out, " AS e");
        return;
    }
    bytes_text(out, variant == SQL_UNNEST ? "unnest(" : "(VALUES (");
    for (const char *half = halves; *half; half++) {
        for (uint32_t i = 0; i < t->n_columns; i++) {
            if (has(&t->columns[i], *half)) {
                separate(out, &first, ", ");
                bytes_printf(out, "$%u", ++n);
            }
        }
    }
    bytes_text(out, variant == SQL_UNNEST ? ") AS e(" : ")) AS e(");
    first = true;
    for (const char *half = halves; *half; half++) {
        for (uint32_t i = 0; i < t->n_columns; i++) {
            if (has(&t->columns[i], *half)) {
                separate(out, &first, ", ");
                bytes_printf(out, "%c%u", *half, i);
            }
        }
    }
    bytes_text(out, ")");
}

static void insert_columns(struct bytes *out, const struct sql_target *t)
{
    bool first = true;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].after) {
            separate(out, &first, ", ");
            sql_name(out, t->columns[i].name);
        }
    }
}

/* INSERT INTO t (...) OVERRIDING ... SELECT ... (without FROM) */
static void insert_select(struct bytes *out, const struct sql_target *t)
{
    bool first = true;
    bytes_text(out, "INSERT INTO ");
    table(out, t);
    bytes_text(out, " (");
    insert_columns(out, t);
    bytes_text(out, t->identity ? ") OVERRIDING SYSTEM VALUE SELECT " : ") SELECT ");
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].after) {
            separate(out, &first, ", ");
            value(out, t, i, 'a');
        }
    }
}

/* c = ..., of all columns that an update may set; false if there are none. */
static bool assignments(struct bytes *out, const struct sql_target *t, bool keys, bool excluded)
{
    bool first = true;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct sql_column *c = &t->columns[i];
        if (!c->after || c->fixed || (c->key && !keys)) {
            continue;
        }
        separate(out, &first, ", ");
        sql_name(out, c->name);
        bytes_text(out, " = ");
        if (excluded) {
            bytes_text(out, "EXCLUDED.");
            sql_name(out, c->name);
        } else {
            value(out, t, i, 'a');
        }
    }
    return !first;
}

/* t.k = e.k and ... */
static void key_matches(struct bytes *out, const struct sql_target *t, char half)
{
    bool first = true;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].key) {
            separate(out, &first, " AND ");
            compare(out, t, 't', i, NULL, half);
        }
    }
}

static void on_conflict(struct bytes *out, const struct sql_target *t)
{
    bool first = true;
    struct bytes set = {0};
    bytes_text(out, " ON CONFLICT (");
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].key) {
            separate(out, &first, ", ");
            sql_name(out, t->columns[i].name);
        }
    }
    if (assignments(&set, t, false, true)) {
        bytes_text(out, ") DO UPDATE SET ");
        bytes_append(out, set.data, set.len);
    } else {
        bytes_text(out, ") DO NOTHING");
    }
    out->failed |= set.failed;
    bytes_finish(&set);
}

/* WITH e AS (...), */
static void with_rows(struct bytes *out, int variant, const struct sql_target *t)
{
    bytes_text(out, "WITH e AS MATERIALIZED (SELECT * FROM ");
    rows(out, variant, t);
    bytes_text(out, "), ");
}

/* ---- statements ---- */

static void build_insert(struct bytes *out, int variant, const struct sql_target *t)
{
    bool any = false;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        any = any || t->columns[i].after;
    }
    if (!any) {
        bytes_text(out, "INSERT INTO ");
        table(out, t);
        bytes_text(out, " DEFAULT VALUES");
        return;
    }
    insert_select(out, t);
    bytes_text(out, " FROM ");
    rows(out, variant, t);
}

static void build_update(struct bytes *out, int variant, const struct sql_target *t)
{
    size_t start = out->len;
    bytes_text(out, "UPDATE ");
    only_table(out, t);
    bytes_text(out, " AS t SET ");
    if (!assignments(out, t, false, false)) {
        out->len = start;
        return;
    }
    bytes_text(out, " FROM ");
    rows(out, variant, t);
    bytes_text(out, " WHERE ");
    key_matches(out, t, 'a');
}

/* Without an index for ON CONFLICT: update what is there, insert the rest. */
static void build_merge(struct bytes *out, int variant, const struct sql_target *t)
{
    bool first = true;
    struct bytes set = {0};
    with_rows(out, variant, t);
    bytes_text(out, "u AS (");
    if (assignments(&set, t, false, false)) {
        bytes_text(out, "UPDATE ");
        only_table(out, t);
        bytes_text(out, " AS t SET ");
        bytes_append(out, set.data, set.len);
        bytes_text(out, " FROM e WHERE ");
        key_matches(out, t, 'a');
        bytes_text(out, " RETURNING ");
    } else {
        bytes_text(out, "SELECT ");
    }
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].key) {
            separate(out, &first, ", ");
            value(out, t, i, 'a'); /* a cast keeps its column's name */
        }
    }
    if (set.len == 0) {
        bytes_text(out, " FROM ");
        only_table(out, t);
        bytes_text(out, " AS t, e WHERE ");
        key_matches(out, t, 'a');
    }
    bytes_text(out, ") ");
    insert_select(out, t);
    bytes_text(out, " FROM e WHERE NOT EXISTS (SELECT FROM u WHERE ");
    first = true;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].key) {
            const struct sql_column *c = &t->columns[i];
            separate(out, &first, " AND ");
            bytes_printf(out, "u.a%u", i);
            equal_as(out, c);
            bytes_printf(out, " %s ", c->equals ? c->equals : "=");
            value(out, t, i, 'a');
            equal_as(out, c);
        }
    }
    bytes_text(out, ")");
    out->failed |= set.failed;
    bytes_finish(&set);
}

static void build_upsert(struct bytes *out, int variant, const struct sql_target *t)
{
    if (!t->arbiter) {
        build_merge(out, variant, t);
        return;
    }
    build_insert(out, variant, t);
    on_conflict(out, t);
}

static void build_delete(struct bytes *out, int variant, const struct sql_target *t)
{
    bytes_text(out, "DELETE FROM ");
    only_table(out, t);
    bytes_text(out, " AS t USING ");
    rows(out, variant, t);
    bytes_text(out, " WHERE ");
    key_matches(out, t, 'b');
}

/* A key column that is GENERATED ALWAYS cannot be updated: take the row out and put it in again. */
static void build_key_move(struct bytes *out, int variant, const struct sql_target *t)
{
    bool first = true;
    with_rows(out, variant, t);
    bytes_text(out, "d AS (DELETE FROM ");
    only_table(out, t);
    bytes_text(out, " AS t USING e WHERE ");
    key_matches(out, t, 'b');
    bytes_text(out, " RETURNING t.*) INSERT INTO ");
    table(out, t);
    bytes_text(out, " (");
    for (uint32_t i = 0; i < t->n_columns + t->n_others; i++) {
        separate(out, &first, ", ");
        sql_name(out, i < t->n_columns ? t->columns[i].name : t->others[i - t->n_columns]);
    }
    bytes_text(out, ") OVERRIDING SYSTEM VALUE SELECT ");
    first = true;
    for (uint32_t i = 0; i < t->n_columns + t->n_others; i++) {
        separate(out, &first, ", ");
        if (i < t->n_columns && t->columns[i].after) {
            value(out, t, i, 'a');
        } else {
            bytes_text(out, "d.");
            sql_name(out, i < t->n_columns ? t->columns[i].name : t->others[i - t->n_columns]);
        }
    }
    bytes_text(out, t->complete ? " FROM e LEFT JOIN d ON true" : " FROM e, d");
}

/* Under a deferrable constraint two rows may have the key for a moment: the one that has had it for longer. */
static void the_older_row(struct bytes *out, const struct sql_target *t)
{
    bool first = true;
    bytes_text(out, t->partitioned ? " AND (t.tableoid, t.ctid) = (SELECT o.tableoid, o.ctid FROM "
                                   : " AND t.ctid = (SELECT o.ctid FROM ");
    only_table(out, t);
    bytes_text(out, " AS o WHERE ");
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].key) {
            separate(out, &first, " AND ");
            compare(out, t, 'o', i, NULL, 'b');
        }
    }
    bytes_text(out, " ORDER BY pg_catalog.age(o.xmin) DESC, o.cmin::pg_catalog.text::pg_catalog.int8 LIMIT 1)");
}

/* UPDATE ... of the row that has the old key */
static void move_row(struct bytes *out, int variant, const struct sql_target *t, bool rows_named)
{
    bytes_text(out, "UPDATE ");
    only_table(out, t);
    bytes_text(out, " AS t SET ");
    (void)assignments(out, t, true, false);
    bytes_text(out, " FROM ");
    if (rows_named) {
        bytes_text(out, "e");
    } else {
        rows(out, variant, t);
    }
    bytes_text(out, " WHERE ");
    key_matches(out, t, 'b');
    if (t->doubled) {
        the_older_row(out, t);
    }
}

static void build_key_change(struct bytes *out, int variant, const struct sql_target *t)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].key && t->columns[i].fixed) {
            build_key_move(out, variant, t);
            return;
        }
    }
    if (t->complete) {
        with_rows(out, variant, t);
        bytes_text(out, "u AS (");
    }
    move_row(out, variant, t, t->complete);
    if (t->complete) {
        bytes_text(out, " RETURNING 1) ");
        insert_select(out, t);
        bytes_text(out, " FROM e WHERE NOT EXISTS (SELECT FROM u)");
        if (t->arbiter) {
            on_conflict(out, t);
        }
    }
}

static void build_key_free(struct bytes *out, int variant, const struct sql_target *t)
{
    bool first = true;
    bytes_text(out, "DELETE FROM ");
    only_table(out, t);
    bytes_text(out, " AS t USING ");
    rows(out, variant, t);
    bytes_text(out, " WHERE ");
    key_matches(out, t, 'a');
    bytes_text(out, " AND EXISTS (SELECT FROM ");
    only_table(out, t);
    bytes_text(out, " AS o WHERE ");
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].key) {
            separate(out, &first, " AND ");
            compare(out, t, 'o', i, NULL, 'b');
        }
    }
    bytes_text(out, ")");
}

/* Fails unless u returned something. */
static void or_fail(struct bytes *out)
{
    bytes_text(out, " RETURNING 1) SELECT 1 / (SELECT pg_catalog.count(*) FROM u)");
}

static void build_key_strict(struct bytes *out, int variant, const struct sql_target *t)
{
    bytes_text(out, "WITH u AS (");
    move_row(out, variant, t, false);
    or_fail(out);
}

static void build_key_out(struct bytes *out, int variant, const struct sql_target *t)
{
    bytes_text(out, "WITH u AS (");
    build_delete(out, variant, t);
    or_fail(out);
}

/* Exactly one row that equals the whole old row. */
static void one_row_like(struct bytes *out, const struct sql_target *t)
{
    bool first = true;
    bytes_text(out, t->partitioned ? "(t.tableoid, t.ctid) = (SELECT x.tableoid, x.ctid FROM "
                                   : "t.ctid = (SELECT x.ctid FROM ");
    only_table(out, t);
    bytes_text(out, " AS x WHERE ");
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct sql_column *c = &t->columns[i];
        if (!c->before) {
            continue;
        }
        separate(out, &first, " AND ");
        if (c->comparable) {
            compare(out, t, 'x', i, "IS NOT DISTINCT FROM", 'b');
            continue;
        }
        bytes_text(out, "(x.");
        sql_name(out, c->name);
        bytes_text(out, ")::pg_catalog.text IS NOT DISTINCT FROM (");
        value(out, t, i, 'b');
        bytes_text(out, ")::pg_catalog.text");
    }
    bytes_text(out, first ? "true LIMIT 1)" : " LIMIT 1)");
}

static void build_keyless_update(struct bytes *out, int variant, const struct sql_target *t)
{
    size_t start = out->len;
    bytes_text(out, "UPDATE ");
    only_table(out, t);
    bytes_text(out, " AS t SET ");
    if (!assignments(out, t, true, false)) {
        out->len = start;
        return;
    }
    bytes_text(out, " FROM ");
    rows(out, variant, t);
    bytes_text(out, " WHERE ");
    one_row_like(out, t);
}

static void build_keyless_delete(struct bytes *out, int variant, const struct sql_target *t)
{
    bytes_text(out, "DELETE FROM ");
    only_table(out, t);
    bytes_text(out, " AS t USING ");
    rows(out, variant, t);
    bytes_text(out, " WHERE ");
    one_row_like(out, t);
}

char *sql_build(int kind, int variant, const struct sql_target *t)
{
    static void (*const builders[SQL_KINDS])(struct bytes *, int, const struct sql_target *) = {
        build_insert,         build_upsert,         build_update,   build_delete,     build_key_change,
        build_keyless_update, build_keyless_delete, build_key_free, build_key_strict, build_key_out,
    };
    struct bytes out = {0};
    builders[kind](&out, variant, t);
    return bytes_steal_text(&out);
}

char *sql_copy(const struct sql_target *t)
{
    struct bytes out = {0};
    bytes_text(&out, "COPY ");
    table(&out, t);
    bytes_text(&out, " (");
    insert_columns(&out, t);
    bytes_text(&out, ") FROM STDIN (FORMAT binary)");
    return bytes_steal_text(&out);
}

char *sql_stage_create(const struct sql_target *t)
{
    static const char halves[] = "ab";
    struct bytes out = {0};
    bool first = true;
    bytes_text(&out, "CREATE TEMPORARY TABLE \"pg_temp\".");
    sql_name(&out, t->stage);
    bytes_text(&out, " (");
    for (const char *half = halves; *half; half++) {
        for (uint32_t i = 0; i < t->n_columns; i++) {
            const struct sql_column *c = &t->columns[i];
            if (has(c, *half)) {
                separate(&out, &first, ", ");
                bytes_printf(&out, "%c%u ", *half, i);
                bytes_text(&out, *half == 'b' && c->wire_before ? c->wire_before : c->wire);
            }
        }
    }
    bytes_text(&out, ") ON COMMIT DELETE ROWS");
    return bytes_steal_text(&out);
}

char *sql_stage_copy(const struct sql_target *t)
{
    struct bytes out = {0};
    bytes_text(&out, "COPY \"pg_temp\".");
    sql_name(&out, t->stage);
    bytes_text(&out, " FROM STDIN (FORMAT binary)");
    return bytes_steal_text(&out);
}
