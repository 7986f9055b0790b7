/* policy_test.c: what a policy file may say, what it may not, and that everything unsaid is denied. */
#include "policy.h"

#include <criterion/criterion.h>

#define GOOD                                                                                                           \
    "{\"policy_version\": 3, \"destinations\": [\"eu\", \"us\"], \"connectors\": {\"c\": \"us\"},"                     \
    " \"classes\": {\"open\": {\"eu\": \"allow\", \"us\": \"allow\"}, \"pii\": {\"us\": \"mask\", \"eu\": \"hash\"}}," \
    " \"tables\": {\"app.users\": {\"columns\": {\"id\": \"open\", \"email\": \"pii\", \"r\": \"open\"},"              \
    "   \"rows\": {\"us\": {\"column\": \"r\", \"in\": [\"us\", 5, true]}}}, \"app.a.b\": {\"columns\": {}}},"         \
    " \"messages\": {\"m\": [\"us\"]}}"

Test(policy, answers)
{
    struct policy p;
    struct hp_error err = {.size = sizeof err};
    const json_t *users;
    cr_assert_eq(policy_parse(GOOD, strlen(GOOD), &p, &err), HP_OK, "%s", err.message);
    cr_expect_eq(p.version, 3);
    cr_expect_str_eq(policy_connector(&p, "c"), "us");
    cr_expect_null(policy_connector(&p, "other"));
    cr_expect(policy_destination(&p, "eu"));
    cr_expect_not(policy_destination(&p, "ap"));
    cr_expect(policy_hashes(&p, "eu"));
    cr_expect_not(policy_hashes(&p, "us"));
    users = policy_table(&p, hp_bytes_of("app"), hp_bytes_of("users"));
    cr_assert_not_null(users);
    cr_expect_eq(policy_column(&p, users, hp_bytes_of("id"), "us"), POLICY_ALLOW);
    cr_expect_eq(policy_column(&p, users, hp_bytes_of("email"), "us"), POLICY_MASK);
    cr_expect_eq(policy_column(&p, users, hp_bytes_of("email"), "eu"), POLICY_HASH);
    cr_expect_str_eq(policy_rows(users, "us").column, "r");
    cr_expect_eq(json_array_size(policy_rows(users, "us").values), 3u);
    cr_expect(policy_message(&p, hp_bytes_of("m"), "us"));
    policy_finish(&p);
}

Test(policy, denies_what_it_does_not_know)
{
    struct policy p;
    struct hp_error err = {.size = sizeof err};
    const json_t *users;
    struct hp_bytes with_nul = {"users\0x", 7}, long_name = {NULL, 0};
    char many[1000];
    cr_assert_eq(policy_parse(GOOD, strlen(GOOD), &p, &err), HP_OK);
    memset(many, 'a', sizeof many);
    long_name.data = many;
    long_name.len = sizeof many;
    cr_expect_null(policy_table(&p, hp_bytes_of("app"), hp_bytes_of("orders")));
    cr_expect_null(policy_table(&p, hp_bytes_of("App"), hp_bytes_of("users")));
    cr_expect_null(policy_table(&p, hp_bytes_of("app"), hp_bytes_of("users ")));
    cr_expect_null(policy_table(&p, hp_bytes_of("app"), with_nul));
    cr_expect_null(policy_table(&p, hp_bytes_of("app"), long_name));
    cr_expect_null(policy_table(&p, hp_bytes_of(""), hp_bytes_of("app.users")));
    cr_expect_not_null(policy_table(&p, hp_bytes_of("app"), hp_bytes_of("a.b")));
    cr_expect_null(policy_table(&p, hp_bytes_of("app.a"), hp_bytes_of("b")), "the first dot ends the schema");
    users = policy_table(&p, hp_bytes_of("app"), hp_bytes_of("users"));
    cr_expect_eq(policy_column(&p, users, hp_bytes_of("new"), "us"), POLICY_DROP);
    cr_expect_eq(policy_column(&p, users, hp_bytes_of("id"), "ap"), POLICY_DROP);
    cr_expect_not_null(policy_rows(users, "eu").column, "rows are judged, ...");
    cr_expect_null(policy_rows(users, "eu").values, "... and none may go");
    cr_expect_not(policy_message(&p, hp_bytes_of("m"), "eu"));
    cr_expect_not(policy_message(&p, hp_bytes_of("mm"), "us"));
    policy_finish(&p);
}

Test(policy, errors_name_the_place)
{
#define HEAD "{\"policy_version\":1,\"destinations\":[\"us\"],\"classes\":{\"o\":{\"us\":\"allow\"}},"
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", "line 1, column 0"},
        {"{\n  \"a\": }", "line 2, column 8"},
        {"[]", "policy: an object is expected"},
        {"{\"policy_version\":1,\"policy_version\":2}", "duplicate"},
        {"{\"version\":1}", "version: no such member"},
        {"{\"policy_version\":\"1\"}", "policy_version: a number"},
        {"{\"policy_version\":0}", "policy_version: a number"},
        {"{\"policy_version\":1,\"destinations\":\"us\"}", "destinations: a list"},
        {"{\"policy_version\":1,\"destinations\":[1]}", "destinations: holds something"},
        {"{\"policy_version\":1,\"destinations\":[]}", "classes: an object"},
        {"{\"policy_version\":1,\"destinations\":[\"us\"],\"classes\":{\"o\":\"allow\"}}", "classes.o: an object"},
        {"{\"policy_version\":1,\"destinations\":[\"us\"],\"classes\":{\"o\":{\"eu\":\"allow\"}}}",
         "classes.o.eu: no destination"},
        {"{\"policy_version\":1,\"destinations\":[\"us\"],\"classes\":{\"o\":{\"us\":\"Allow\"}}}",
         "classes.o.us: allow, mask"},
        {HEAD "\"connectors\":{\"c\":\"eu\"}}", "connectors.c: no destination \"eu\""},
        {HEAD "\"messages\":{\"m\":[\"us\",\"eu\"]}}", "messages.m: no destination \"eu\""},
        {HEAD "\"connectors\":{\"c\":[\"us\"]}}", "connectors.c: the name of a destination"},
        {HEAD "\"messages\":{\"m\":\"us\"}}", "messages.m: a list"},
        {HEAD "\"tables\":[]}", "tables: an object"},
        {HEAD "\"tables\":{\"users\":{}}}", "tables.users: schema.table"},
        {HEAD "\"tables\":{\"a.u\":[]}}", "tables.a.u: an object"},
        {HEAD "\"tables\":{\"a.u\":{}}}", "tables.a.u.columns: an object"},
        {HEAD "\"tables\":{\"a.u\":{\"columns\":{},\"row\":{}}}}", "tables.a.u.row: no such member"},
        {HEAD "\"tables\":{\"a.u\":{\"columns\":{\"id\":\"x\"}}}}", "tables.a.u.columns.id: the name of a class"},
        {HEAD "\"tables\":{\"a.u\":{\"columns\":{\"id\":\"o\"},\"rows\":{\"eu\":{}}}}}",
         "tables.a.u.rows.eu: no destination"},
        {HEAD "\"tables\":{\"a.u\":{\"columns\":{\"id\":\"o\"},\"rows\":{\"us\":{}}}}}",
         "tables.a.u.rows.us: {\"column\""},
        {HEAD "\"tables\":{\"a.u\":{\"columns\":{\"id\":\"o\"},\"rows\":{\"us\":{\"column\":\"x\",\"in\":[]}}}}}",
         "\"column\" is not among"},
        {HEAD "\"tables\":{\"a.u\":{\"columns\":{\"id\":\"o\"},\"rows\":{\"us\":{\"column\":\"id\",\"in\":[1.5]}}}}}",
         "\"in\" holds something"},
        {HEAD "\"tables\":{\"a.u\":{\"columns\":{\"id\":\"o\"},\"rows\":{\"us\":{\"column\":\"id\",\"in\":[null]}}}}}",
         "\"in\" holds something"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hp_error err = {.size = sizeof err};
        struct policy p;
        cr_expect_eq(policy_parse(rows[i].text, strlen(rows[i].text), &p, &err), HP_ERROR, "%s", rows[i].text);
        cr_expect_eq(err.klass, HP_ERROR_CONFIG);
        cr_expect_not_null(strstr(err.message, rows[i].expected), "%s: \"%s\" is not in \"%s\"", rows[i].text,
                           rows[i].expected, err.message);
    }
}
