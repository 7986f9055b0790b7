/* judge_test.c: every combination of images through the whole transform, as a host would call it. */
#include "residency_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define POLICY_FORMAT                                                                                                  \
    "{\"policy_version\":1,\"destinations\":[\"us\"],\"classes\":{\"open\":{\"us\":\"allow\"},\"mask\":{\"us\":"       \
    "\"mask\"},"                                                                                                       \
    "\"secret\":{}},\"tables\":{\"app.users\":{\"columns\":{\"id\":\"open\",\"email\":\"mask\",\"dna\":\"secret\","    \
    "\"residency\":\"open\"}%s}},\"messages\":{\"ok\":[\"us\"]}}"
#define BY_RESIDENCY ",\"rows\":{\"us\":{\"column\":\"residency\",\"in\":[\"us\",\"any\"]}}"
#define BY_ID        ",\"rows\":{\"us\":{\"column\":\"id\",\"in\":[1,2]}}"

struct run {
    struct users u;
    void *self;
    struct hp_error err;
    char text[2048];
};

/* rows: BY_RESIDENCY, BY_ID or "": judged by the columns alone. */
static hp_status run_begin(struct run *r, const char *rows, uint32_t identity, const char *table)
{
    char policy[2048], *path, pair[256];
    const char *pairs[] = {pair, "destination=us"};
    struct mock_config config;
    hp_status status;
    (void)snprintf(policy, sizeof policy, POLICY_FORMAT, rows);
    path = policy_write(policy);
    memset(r, 0, sizeof *r);
    r->err.size = sizeof r->err;
    users_init(&r->u, identity, "app", table);
    (void)snprintf(pair, sizeof pair, "policy.file=%s", path);
    cr_assert(mock_config_init(&config, "transform-residency", "c", 2, pairs));
    status = hp_plugin_entry_v1.create(mock_host_face(r->u.host), &config.config, &r->self, &r->err);
    mock_config_finish(&config);
    policy_remove(path);
    return status;
}

static hp_status run_apply(struct run *r)
{
    const struct hp_transform *t = hp_plugin_entry_v1.interface(HP_TRANSFORM);
    struct hp_batch in = mock_host_batch(r->u.host, &r->u.in);
    hp_status status = t->apply(r->self, &in, &r->u.out.b, &r->err);
    if (status == HP_OK) {
        users_text(&r->u, r->text, sizeof r->text);
    }
    return status;
}

static void run_end(struct run *r)
{
    hp_plugin_entry_v1.destroy(r->self);
    users_finish(&r->u);
}

Test(judge, both_images)
{
    static const struct {
        const char *rows;
        uint32_t identity;
        char op;
        const char *before, *after, *expected;
    } cases[] = {
        /* columns only */
        {"", 'd', 'c', NULL, "1|a@b|ACGT|us", "c -> id=1 email=**** residency=us"},
        {"", 'd', 'r', NULL, "1|a@b|ACGT|\\N", "r -> id=1 email=**** residency=\\N"},
        {"", 'd', 'u', NULL, "1|~|ACGT|us", "u -> id=1 email=~ residency=us"},
        {"", 'd', 'u', "1|-|-|-", "2|a@b|~|us", "u id=1 email=- residency=- -> id=2 email=**** residency=us"},
        {"", 'f', 'u', "1|x|ACGT|us", "1|y|ACGT|us", "u id=1 email=**** residency=us -> id=1 email=**** residency=us"},
        {"", 'd', 'd', "1|-|-|-", NULL, "d id=1 email=- residency=- ->"},
        /* rows, judged by a column that only REPLICA IDENTITY FULL sends */
        {BY_RESIDENCY, 'f', 'c', NULL, "1|a|b|us", "c -> id=1 email=**** residency=us"},
        {BY_RESIDENCY, 'f', 'c', NULL, "1|a|b|eu", ""},
        {BY_RESIDENCY, 'f', 'r', NULL, "1|a|b|\\N", ""},
        {BY_RESIDENCY, 'f', 'd', "1|a|b|any", NULL, "d id=1 email=**** residency=any ->"},
        {BY_RESIDENCY, 'f', 'd', "1|a|b|eu", NULL, ""},
        {BY_RESIDENCY, 'f', 'u', "1|a|b|us", "1|c|b|any",
         "u id=1 email=**** residency=us -> id=1 email=**** residency=any"},
        {BY_RESIDENCY, 'f', 'u', "1|a|b|eu", "1|a|b|us", "c -> id=1 email=**** residency=us"},
        {BY_RESIDENCY, 'f', 'u', "1|a|b|eu", "1|~|~|us", "c -> id=1 email=**** residency=us"},
        {BY_RESIDENCY, 'f', 'u', "1|a|b|us", "1|a|b|eu", "d! id=1 email=**** residency=us ->"},
        {BY_RESIDENCY, 'f', 'u', "1|a|b|us", "1|a|b|\\N", "d! id=1 email=**** residency=us ->"},
        {BY_RESIDENCY, 'f', 'u', "1|a|b|eu", "1|a|b|de", ""},
        {BY_RESIDENCY, 'f', 'u', "1|a|b|us", "1|c|b|~",
         "u id=1 email=**** residency=us -> id=1 email=**** residency=~"},
        {BY_RESIDENCY, 'f', 'u', "1|a|b|eu", "1|c|b|~", ""},
        /* rows, judged by the key */
        {BY_ID, 'd', 'u', NULL, "1|~|b|us", "u -> id=1 email=~ residency=us"},
        {BY_ID, 'd', 'u', NULL, "3|a|b|us", ""},
        {BY_ID, 'd', 'u', "1|-|-|-", "3|a|b|us", "d! id=1 email=- residency=- ->"},
        {BY_ID, 'd', 'u', "3|-|-|-", "2|a|b|us", "c -> id=2 email=**** residency=us"},
        {BY_ID, 'd', 'd', "2|-|-|-", NULL, "d id=2 email=- residency=- ->"},
        {BY_ID, 'd', 'd', "3|-|-|-", NULL, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run r;
        cr_assert_eq(run_begin(&r, cases[i].rows, cases[i].identity, "users"), HP_OK, "case %zu: %s", i, r.err.message);
        users_add(&r.u, cases[i].op, cases[i].before, cases[i].after);
        cr_expect_eq(run_apply(&r), HP_OK, "case %zu: %s", i, r.err.message);
        cr_expect_str_eq(r.text, cases[i].expected, "case %zu: is \"%s\", should be \"%s\"", i, r.text,
                         cases[i].expected);
        run_end(&r);
    }
}

Test(judge, refuses_what_the_replica_identity_does_not_send)
{
    static const uint32_t identities[] = {'d', 'n', 'i'};
    for (size_t i = 0; i < 3; i++) {
        struct run r;
        cr_assert_eq(run_begin(&r, BY_RESIDENCY, identities[i], "users"), HP_OK);
        users_add(&r.u, 'c', NULL, "1|a|b|us");
        cr_expect_eq(run_apply(&r), HP_ERROR);
        cr_expect_eq(r.err.klass, HP_ERROR_CONFIG);
        cr_expect_not_null(strstr(r.err.message, "app.users"));
        cr_expect_not_null(strstr(r.err.message, "REPLICA IDENTITY FULL"));
        cr_expect_eq(r.u.out.b.n_records, 0u, "not one record passed");
        run_end(&r);
    }
}

Test(judge, never_guesses)
{
    static const struct {
        const char *rows;
        uint32_t identity;
        char op;
        const char *before, *after;
    } cases[] = {
        {BY_RESIDENCY, 'f', 'u', NULL, "1|a|b|us"}, /* identity says FULL, the record does not */
        {BY_RESIDENCY, 'f', 'd', "1|-|-|-", NULL},
        {BY_RESIDENCY, 'f', 'u', "1|-|-|-", "1|a|b|us"},
        {BY_ID, 'd', 'u', "3|-|-|-", "1|~|b|us"}, /* comes into sight with a value that was not sent */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run r;
        cr_assert_eq(run_begin(&r, cases[i].rows, cases[i].identity, "users"), HP_OK);
        users_add(&r.u, cases[i].op, cases[i].before, cases[i].after);
        cr_expect_eq(run_apply(&r), HP_ERROR, "case %zu: %s", i, r.text);
        cr_expect_eq(r.err.klass, HP_ERROR_FATAL, "case %zu", i);
        cr_expect_not_null(strstr(r.err.message, "app.users"));
        run_end(&r);
    }
}

Test(judge, unknown_table_and_kinds)
{
    struct run r;
    struct hp_tx tx = {.size = sizeof tx, .id = 9};
    struct hp_builder *b;
    uint32_t row;
    cr_assert_eq(run_begin(&r, "", 'd', "orders"), HP_OK);
    b = &r.u.in.b;
    cr_assert_eq(hp_builder_tx(b, &tx), HP_OK);
    users_add(&r.u, 'c', NULL, "1|a|b|us");
    users_add(&r.u, 't', NULL, NULL);
    (void)hp_record_begin(b, HP_RECORD_PLAIN, 0); /* a record of no table */
    row = hp_record_row(b, 1);
    hp_record_bytes(b, row, 0, HP_STRING, 0, "x", 1);
    hp_record_open(b)->after = row;
    hp_record_open(b)->topic = 1;
    cr_assert_eq(hp_record_end(b), HP_OK);
    cr_expect_eq(run_apply(&r), HP_OK, "%s", r.err.message);
    cr_expect_str_eq(r.text, "");
    cr_expect_gt(r.u.out.b.len, 0u, "the transaction's BEGIN goes on");
    cr_expect_eq(mock_host_metric(r.u.host, "residency_records_total", "table=\"app.orders\",action=\"drop\""), 2);
    cr_expect_eq(mock_host_metric(r.u.host, "residency_records_total", "table=\"\",action=\"drop\""), 1);
    cr_expect(mock_host_logged(r.u.host, "app.orders"));
    run_end(&r);
}

static void add_message(struct hp_builder *b, const char *prefix)
{
    uint32_t row;
    (void)hp_record_begin(b, HP_RECORD_CHANGE, HP_OP_MESSAGE);
    row = hp_record_row(b, 1);
    hp_record_bytes(b, row, 0, HP_STRING, 0, prefix, (uint32_t)strlen(prefix));
    hp_record_open(b)->before = row;
    row = hp_record_row(b, 1);
    hp_record_bytes(b, row, 0, HP_BYTES, 0, "content", 7);
    hp_record_open(b)->after = row;
    hp_record_open(b)->topic = 1;
    cr_assert_eq(hp_record_end(b), HP_OK);
}

Test(judge, messages)
{
    struct run r;
    const struct hp_transform *t = hp_plugin_entry_v1.interface(HP_TRANSFORM);
    struct hp_batch in;
    cr_assert_eq(run_begin(&r, "", 'd', "users"), HP_OK);
    add_message(&r.u.in.b, "ok");
    add_message(&r.u.in.b, "other");
    in = mock_host_batch(r.u.host, &r.u.in);
    cr_expect_eq(t->apply(r.self, &in, &r.u.out.b, &r.err), HP_OK);
    cr_expect_eq(r.u.out.b.n_records, 1u);
    cr_expect_eq(mock_host_metric(r.u.host, "residency_records_total", "table=\"\",action=\"drop\""), 1);
    cr_expect_eq(mock_host_metric(r.u.host, "residency_records_total", "table=\"\",action=\"pass\""), 1);
    run_end(&r);
}

/* A sink's transform sees several streams, whose ids are their own: the same id is another table there. */
Test(judge, ids_belong_to_their_stream)
{
    struct run r;
    struct users other;
    struct hp_batch in;
    const struct hp_transform *t = hp_plugin_entry_v1.interface(HP_TRANSFORM);
    cr_assert_eq(run_begin(&r, "", 'd', "users"), HP_OK);
    users_init(&other, 'd', "app", "orders");
    cr_assert_eq(other.schema->id, r.u.schema->id);
    users_add(&r.u, 'c', NULL, "1|a|b|us");
    cr_expect_eq(run_apply(&r), HP_OK);
    cr_expect_eq(r.u.out.b.n_records, 1u);
    builder_reset(&r.u.out);
    users_add(&other, 'c', NULL, "1|a|b|us");
    in = mock_host_batch(other.host, &other.in);
    cr_expect_eq(t->apply(r.self, &in, &r.u.out.b, &r.err), HP_OK);
    cr_expect_eq(r.u.out.b.n_records, 0u, "a table that the policy does not name has passed");
    builder_reset(&r.u.out);
    cr_expect_eq(run_apply(&r), HP_OK);
    cr_expect_str_eq(r.text, "c -> id=1 email=**** residency=us");
    users_finish(&other);
    run_end(&r);
}

Test(judge, counts_every_record_once)
{
    struct run r;
    int64_t sum = 0;
    static const char *const actions[] = {"pass", "redact", "insert", "evict", "drop"};
    cr_assert_eq(run_begin(&r, BY_RESIDENCY, 'f', "users"), HP_OK);
    users_add(&r.u, 'c', NULL, "1|a|b|us");
    users_add(&r.u, 'c', NULL, "2|a|b|eu");
    users_add(&r.u, 'u', "1|a|b|us", "1|a|b|eu");
    users_add(&r.u, 'u', "2|a|b|eu", "2|a|b|us");
    users_add(&r.u, 't', NULL, NULL);
    cr_expect_eq(run_apply(&r), HP_OK);
    for (size_t i = 0; i < 5; i++) {
        char label[128];
        int64_t n;
        (void)snprintf(label, sizeof label, "table=\"app.users\",action=\"%s\"", actions[i]);
        n = mock_host_metric(r.u.host, "residency_records_total", label);
        cr_expect_eq(n, 1, "%s: %lld", actions[i], (long long)n);
        sum += n;
    }
    cr_expect_eq(sum, 5);
    cr_expect_not(mock_host_logged(r.u.host, "a|b"), "values are not logged");
    run_end(&r);
}
