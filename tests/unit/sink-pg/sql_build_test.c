/* sql_build_test.c: the text of every kind of statement. */
#include "sql_build.h"

#include <criterion/criterion.h>

static struct sql_column columns[] = {
    {.name = "id", .wire = "I", .key = 1, .after = 1, .comparable = 1},
    {.name = "a\"b", .wire = "T", .after = 1, .comparable = 1},
    {.name = "c", .cast = "\"s\".\"t\"", .wire = "X", .after = 1},
};

static struct sql_target target(void)
{
    struct sql_target t = {.schema = "S",
                           .name = "x\"; DROP",
                           .arbiter = true,
                           .complete = true,
                           .columns = columns,
                           .n_columns = 3,
                           .stage = "st"};
    return t;
}

static void expect(int kind, int variant, const struct sql_target *t, const char *want)
{
    char *sql = sql_build(kind, variant, t);
    cr_assert_str_eq(sql, want);
    free(sql);
}

#define T   "\"S\".\"x\"\"; DROP\""
#define UN  "unnest($1, $2, $3) AS e(a0, a1, a2)"
#define ROW "(VALUES ($1, $2, $3)) AS e(a0, a1, a2)"

Test(sql_build, insert_and_upsert)
{
    struct sql_target t = target();
    expect(SQL_INSERT, SQL_UNNEST, &t,
           "INSERT INTO " T " (\"id\", \"a\"\"b\", \"c\") SELECT e.a0, e.a1, e.a2::\"s\".\"t\" FROM " UN);
    t.identity = true;
    expect(SQL_UPSERT, SQL_ROW, &t,
           "INSERT INTO " T " (\"id\", \"a\"\"b\", \"c\") OVERRIDING SYSTEM VALUE SELECT e.a0, e.a1, e.a2::\"s\".\"t\" "
           "FROM " ROW " ON CONFLICT (\"id\") DO UPDATE SET \"a\"\"b\" = EXCLUDED.\"a\"\"b\", \"c\" = EXCLUDED.\"c\"");
    t.n_columns = 1;
    expect(SQL_UPSERT, SQL_STAGE, &t,
           "INSERT INTO " T " (\"id\") OVERRIDING SYSTEM VALUE SELECT e.a0 FROM \"pg_temp\".\"st\" AS e ON CONFLICT "
           "(\"id\") DO NOTHING");
    t.n_columns = 0;
    expect(SQL_INSERT, SQL_ROW, &t, "INSERT INTO " T " DEFAULT VALUES");
}

Test(sql_build, upsert_without_an_index)
{
    struct sql_target t = target();
    t.arbiter = false;
    t.n_columns = 2;
    expect(SQL_UPSERT, SQL_ROW, &t,
           "WITH e AS MATERIALIZED (SELECT * FROM (VALUES ($1, $2)) AS e(a0, a1)), u AS (UPDATE ONLY " T " AS t SET "
           "\"a\"\"b\" = e.a1 FROM e WHERE t.\"id\" = e.a0 RETURNING e.a0) INSERT INTO " T
           " (\"id\", \"a\"\"b\") SELECT "
           "e.a0, e.a1 FROM e WHERE NOT EXISTS (SELECT FROM u WHERE u.a0 = e.a0)");
}

Test(sql_build, update_delete)
{
    struct sql_target t = target();
    struct sql_column old[] = {{.name = "id", .wire = "I", .wire_before = "I", .key = 1, .before = 1, .comparable = 1}};
    expect(SQL_UPDATE, SQL_UNNEST, &t,
           "UPDATE ONLY " T " AS t SET \"a\"\"b\" = e.a1, \"c\" = e.a2::\"s\".\"t\" FROM " UN " WHERE t.\"id\" = e.a0");
    t.partitioned = true;
    t.n_columns = 1;
    expect(SQL_UPDATE, SQL_UNNEST, &t, "");
    t.columns = old;
    expect(SQL_DELETE, SQL_UNNEST, &t, "DELETE FROM " T " AS t USING unnest($1) AS e(b0) WHERE t.\"id\" = e.b0");
}

Test(sql_build, key_change)
{
    struct sql_column c[] = {
        {.name = "id", .wire = "I", .wire_before = "I", .key = 1, .after = 1, .before = 1, .comparable = 1},
        {.name = "v", .wire = "T", .after = 1, .comparable = 1},
        {.name = "big", .wire = "T", .comparable = 1},
    };
    const char *others[] = {"own"};
    struct sql_target t = target();
    t.columns = c;
    t.complete = false;
    expect(SQL_KEY_CHANGE, SQL_ROW, &t,
           "UPDATE ONLY " T " AS t SET \"id\" = e.a0, \"v\" = e.a1 FROM (VALUES ($1, $2, $3)) AS e(a0, a1, b0) WHERE "
           "t.\"id\" = e.b0");
    t.n_columns = 2;
    t.complete = true;
    expect(
        SQL_KEY_CHANGE, SQL_ROW, &t,
        "WITH e AS MATERIALIZED (SELECT * FROM (VALUES ($1, $2, $3)) AS e(a0, a1, b0)), u AS (UPDATE ONLY " T " AS t "
        "SET \"id\" = e.a0, \"v\" = e.a1 FROM e WHERE t.\"id\" = e.b0 RETURNING 1) INSERT INTO " T " (\"id\", \"v\") "
        "SELECT e.a0, e.a1 FROM e WHERE NOT EXISTS (SELECT FROM u) ON CONFLICT (\"id\") DO UPDATE SET \"v\" = "
        "EXCLUDED.\"v\"");
    expect(SQL_KEY_FREE, SQL_ROW, &t,
           "DELETE FROM ONLY " T " AS t USING (VALUES ($1, $2, $3)) AS e(a0, a1, b0) WHERE t.\"id\" = e.a0 AND EXISTS "
           "(SELECT FROM ONLY " T " AS o WHERE o.\"id\" = e.b0)");
    expect(SQL_KEY_STRICT, SQL_ROW, &t,
           "WITH u AS (UPDATE ONLY " T " AS t SET \"id\" = e.a0, \"v\" = e.a1 FROM (VALUES ($1, $2, $3)) AS e(a0, a1, "
           "b0) WHERE t.\"id\" = e.b0 RETURNING 1) SELECT 1 / (SELECT pg_catalog.count(*) FROM u)");
    expect(SQL_KEY_OUT, SQL_ROW, &t,
           "WITH u AS (DELETE FROM ONLY " T " AS t USING (VALUES ($1, $2, $3)) AS e(a0, a1, b0) WHERE t.\"id\" = e.b0 "
           "RETURNING 1) SELECT 1 / (SELECT pg_catalog.count(*) FROM u)");
    t.complete = false;
    t.doubled = t.partitioned = true;
    expect(SQL_KEY_CHANGE, SQL_ROW, &t,
           "UPDATE " T " AS t SET \"id\" = e.a0, \"v\" = e.a1 FROM (VALUES ($1, $2, $3)) AS e(a0, a1, b0) WHERE "
           "t.\"id\" = e.b0 AND (t.tableoid, t.ctid) = (SELECT o.tableoid, o.ctid FROM " T " AS o WHERE o.\"id\" = "
           "e.b0 ORDER BY pg_catalog.age(o.xmin) DESC, o.cmin::pg_catalog.text::pg_catalog.int8 LIMIT 1)");
    t.doubled = t.partitioned = false;
    /* GENERATED ALWAYS AS IDENTITY cannot be updated */
    c[0].fixed = 1;
    t.complete = false;
    t.n_columns = 3;
    t.others = others;
    t.n_others = 1;
    expect(SQL_KEY_CHANGE, SQL_ROW, &t,
           "WITH e AS MATERIALIZED (SELECT * FROM (VALUES ($1, $2, $3)) AS e(a0, a1, b0)), d AS (DELETE FROM ONLY " T
           " AS t USING e WHERE t.\"id\" = e.b0 RETURNING t.*) INSERT INTO " T " (\"id\", \"v\", \"big\", \"own\") "
           "OVERRIDING SYSTEM VALUE SELECT e.a0, e.a1, d.\"big\", d.\"own\" FROM e, d");
}

Test(sql_build, keyless)
{
    struct sql_column c[] = {
        {.name = "a", .wire = "I", .wire_before = "I", .after = 1, .before = 1, .comparable = 1},
        {.name = "j", .wire = "J", .wire_before = "J", .before = 1},
    };
    struct sql_target t = target();
    t.columns = c;
    t.n_columns = 2;
    expect(SQL_KEYLESS_UPDATE, SQL_ROW, &t,
           "UPDATE ONLY " T " AS t SET \"a\" = e.a0 FROM (VALUES ($1, $2, $3)) AS e(a0, b0, b1) WHERE t.ctid = (SELECT "
           "x.ctid FROM ONLY " T " AS x WHERE x.\"a\" IS NOT DISTINCT FROM e.b0 AND (x.\"j\")::pg_catalog.text IS NOT "
           "DISTINCT FROM (e.b1)::pg_catalog.text LIMIT 1)");
    c[0].after = 0;
    t.partitioned = true;
    expect(
        SQL_KEYLESS_DELETE, SQL_ROW, &t,
        "DELETE FROM " T " AS t USING (VALUES ($1, $2)) AS e(b0, b1) WHERE (t.tableoid, t.ctid) = (SELECT x.tableoid, "
        "x.ctid FROM " T " AS x WHERE x.\"a\" IS NOT DISTINCT FROM e.b0 AND (x.\"j\")::pg_catalog.text IS NOT DISTINCT "
        "FROM (e.b1)::pg_catalog.text LIMIT 1)");
}

Test(sql_build, copy_and_stage)
{
    struct sql_target t = target();
    char *copy = sql_copy(&t), *create = sql_stage_create(&t), *fill = sql_stage_copy(&t);
    cr_assert_str_eq(copy, "COPY " T " (\"id\", \"a\"\"b\", \"c\") FROM STDIN (FORMAT binary)");
    cr_assert_str_eq(create, "CREATE TEMPORARY TABLE \"pg_temp\".\"st\" (a0 I, a1 T, a2 X) ON COMMIT DELETE ROWS");
    cr_assert_str_eq(fill, "COPY \"pg_temp\".\"st\" FROM STDIN (FORMAT binary)");
    free(copy);
    free(create);
    free(fill);
}

Test(sql_build, quoting)
{
    struct bytes b = {0};
    char *text;
    sql_qualified(&b, "a\"", "\"\"");
    sql_literal(&b, hp_bytes_of("it's \\ ''"));
    text = bytes_steal_text(&b);
    cr_assert_str_eq(text, "\"a\"\"\".\"\"\"\"\"\"'it''s \\ '''''");
    free(text);
}

/* Types whose = is not pg_catalog's, and domains over enums, of which = knows nothing. */
Test(sql_build, equality_of_the_type)
{
    static const struct sql_column own[] = {
        {.name = "k", .wire = "T", .cast = "seg", .equals = "OPERATOR(ext.=)", .key = 1, .after = 1, .before = 1},
        {.name = "d", .wire = "D", .equal_as = "mood", .key = 1, .after = 1, .before = 1, .comparable = 1},
    };
    struct sql_target t = target();
    t.columns = own;
    t.n_columns = 2;
    expect(SQL_DELETE, SQL_STAGE, &t,
           "DELETE FROM ONLY " T " AS t USING \"pg_temp\".\"st\" AS e WHERE t.\"k\" OPERATOR(ext.=) e.b0::seg AND "
           "t.\"d\"::mood = e.b1::mood");
    expect(SQL_KEYLESS_DELETE, SQL_STAGE, &t,
           "DELETE FROM ONLY " T " AS t USING \"pg_temp\".\"st\" AS e WHERE t.ctid = (SELECT x.ctid FROM ONLY " T
           " AS x WHERE (x.\"k\")::pg_catalog.text IS NOT DISTINCT FROM (e.b0::seg)::pg_catalog.text AND "
           "x.\"d\"::mood IS NOT DISTINCT FROM e.b1::mood LIMIT 1)");
    t.arbiter = false;
    expect(SQL_UPSERT, SQL_STAGE, &t,
           "WITH e AS MATERIALIZED (SELECT * FROM \"pg_temp\".\"st\" AS e), u AS (SELECT e.a0::seg, e.a1 FROM ONLY " T
           " AS t, e WHERE t.\"k\" OPERATOR(ext.=) e.a0::seg AND t.\"d\"::mood = e.a1::mood) INSERT INTO " T
           " (\"k\", \"d\") SELECT e.a0::seg, e.a1 FROM e WHERE NOT EXISTS (SELECT FROM u WHERE u.a0 OPERATOR(ext.=) "
           "e.a0::seg AND u.a1::mood = e.a1::mood)");
}
