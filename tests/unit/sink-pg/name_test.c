/* name_test.c: table names by format, folding, field lists, type names, origin names. */
#include "name.h"

#include <criterion/criterion.h>

static struct hp_schema schema_of(const char *ns, const char *table)
{
    struct hp_schema s = {.size = sizeof s, .name = hp_bytes_of("pre.public.t"), .database = hp_bytes_of("db")};
    s.namespace_ = hp_bytes_of(ns);
    s.table = hp_bytes_of(table);
    return s;
}

static void expect(const char *format, const char *want_schema, const char *want_table)
{
    struct hp_schema s = schema_of("Sch.ema", "Ta.ble");
    struct hp_error err = {.size = sizeof err};
    char *schema, *table;
    cr_assert_eq(name_expand(format, &s, hp_bytes_of("pre.public.T"), &schema, &table, &err), HP_OK, "%s", err.message);
    cr_assert_eq(schema == NULL, want_schema == NULL);
    cr_assert(!schema || strcmp(schema, want_schema) == 0, "%s", schema);
    cr_assert_str_eq(table, want_table);
    free(schema);
    free(table);
}

Test(name, formats)
{
    expect("${topic}", NULL, "pre_public_T");
    expect("${source.schema}.${source.table}", "Sch.ema", "Ta.ble"); /* a dot in a name separates nothing */
    expect("x.${source.db}_${source.name}_${topic}", "x", "db_pre_pre_public_T");
    expect("fixed", NULL, "fixed");
    expect("a$b{c}", NULL, "a$b{c}");
}

Test(name, refuses)
{
    struct hp_schema plain = {.size = sizeof plain},
                     s = schema_of("public", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    struct hp_error err = {.size = sizeof err};
    char *schema = NULL, *table = NULL;
    cr_assert_eq(name_expand("${source.schema}.${source.table}", &plain, hp_bytes_of("t"), &schema, &table, &err),
                 HP_ERROR);
    cr_assert_eq(name_expand("${source.table}", NULL, hp_bytes_of("t"), &schema, &table, &err), HP_ERROR);
    cr_assert_eq(name_expand("${source.table}", &s, hp_bytes_of("t"), &schema, &table, &err), HP_ERROR);
    cr_assert_not_null(strstr(err.message, "63"));
    cr_assert_eq(name_expand("a.", &s, hp_bytes_of("t"), &schema, &table, &err), HP_ERROR);
    cr_assert_eq(name_expand(".a", &s, hp_bytes_of("t"), &schema, &table, &err), HP_ERROR);
    cr_assert(schema == NULL && table == NULL, "out-parameters stay untouched");
}

Test(name, lists_and_folding)
{
    char *const items[] = {"id", "pre.t:v"};
    char text[] = "AbC_\303\204";
    cr_assert(name_listed(items, 2, hp_bytes_of("x"), hp_bytes_of("id")));
    cr_assert(name_listed(items, 2, hp_bytes_of("pre.t"), hp_bytes_of("v")));
    cr_assert_not(name_listed(items, 2, hp_bytes_of("pre.u"), hp_bytes_of("v")));
    cr_assert_not(name_listed(items, 2, hp_bytes_of("x"), hp_bytes_of("ID")));
    name_fold(text);
    cr_assert_str_eq(text, "abc_\303\204");
}

Test(name, types)
{
    char schema[64], name[64];
    cr_assert(name_split_type(hp_bytes_of("public.mood[]"), schema, name));
    cr_assert_str_eq(schema, "public");
    cr_assert_str_eq(name, "mood");
    cr_assert(name_split_type(hp_bytes_of("\"S.x\".\"a\"\"b\""), schema, name));
    cr_assert_str_eq(schema, "S.x");
    cr_assert_str_eq(name, "a\"b");
    cr_assert(name_split_type(hp_bytes_of("citext"), schema, name));
    cr_assert_str_eq(schema, "");
    cr_assert_str_eq(name, "citext");
    cr_assert_not(name_split_type(hp_bytes_of(""), schema, name));
    cr_assert_not(name_split_type(hp_bytes_of("a.b.c"), schema, name));
    cr_assert_not(name_split_type(hp_bytes_of(".b"), schema, name));
    cr_assert_not(name_split_type(
        hp_bytes_of("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), schema, name));
}

Test(name, origins)
{
    char a[64], b[64], c[64], long_name[300];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    name_origin("orders/eu", hp_bytes_of("src/1a2b3c4d"), a);
    name_origin("orders eu", hp_bytes_of("src/1a2b3c4d"), b);
    cr_assert_eq(strncmp(a, "homeport_orders_eu_", 19), 0);
    cr_assert_str_neq(a, b);
    name_origin("orders/eu", hp_bytes_of("src/99999999"), b);
    cr_assert_str_neq(a, b, "the same connector of another host");
    name_origin(long_name, hp_bytes_of("src/1"), c);
    cr_assert_leq(strlen(c), 63);
}
