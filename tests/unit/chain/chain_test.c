/* chain_test.c: transforms in order, in place where nothing changes, errors that name the transform. */
#include "chain.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct schema_pool *pool;
static char dir[64];
static unsigned calls, depth;

static uint32_t topic(const struct hp_host *host, struct hp_bytes name, struct hp_error *err)
{
    (void)host;
    return schema_pool_topic(pool, name, err);
}

static const struct hp_schema *schema(const struct hp_host *host, const struct hp_schema *s, struct hp_error *err)
{
    (void)host;
    return schema_pool_intern(pool, s, err);
}

static const void *service(const struct hp_host *host, const char *id)
{
    static const struct hp_host_records records = {topic, schema};
    (void)host;
    return strcmp(id, HP_HOST_RECORDS) == 0 ? &records : NULL;
}

static void log_nothing(const struct hp_host *host, uint32_t level, const char *message)
{
    (void)host, (void)level, (void)message;
}

static const struct hp_host *host(void *arg, const char *alias)
{
    static const struct hp_host h = {sizeof h, HP_ABI_MINOR, NULL, "test", service, log_nothing};
    (void)arg, (void)alias;
    return &h;
}

static void enter(void *arg, const char *call, const char *alias)
{
    (void)arg, (void)call, (void)alias;
    calls++;
    depth++;
}

static void leave(void *arg)
{
    (void)arg;
    depth--;
}

static const struct chain_env env = {NULL, host, enter, leave, 4096, 1u << 20};
static struct props config;

static void begin(void)
{
    char command[600];
    (void)strcpy(dir, "/tmp/homeport-chain-XXXXXX");
    cr_assert(mkdtemp(dir));
    (void)snprintf(command, sizeof command, "cp %s/sieve.so %s && chmod 755 %s/sieve.so", PLUGINS, dir, dir);
    cr_assert_eq(system(command), 0);
    pool = schema_pool_create();
    props_init(&config);
    calls = depth = 0;
}

static void end(void)
{
    char command[100];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    (void)!system(command);
    props_finish(&config);
    schema_pool_destroy(pool);
    cr_assert_eq(depth, 0);
}

TestSuite(chain, .init = begin, .fini = end);

static struct chain *make(void)
{
    struct hp_error err = {.size = sizeof err};
    struct chain *c;
    cr_assert_eq(chain_create(&config, dir, "c", &env, &c, &err), HP_OK, "%s", err.message);
    cr_assert_eq(chain_start(c, &err), HP_OK);
    return c;
}

static struct builder numbers(int64_t n)
{
    struct builder b;
    struct hp_error err = {.size = sizeof err};
    struct hp_tx tx = {.size = sizeof tx, .id = 3};
    uint32_t t = schema_pool_topic(pool, hp_bytes_of("numbers"), &err);
    cr_assert_eq(builder_init(&b, 4096, 1u << 20, &err), HP_OK);
    b.b.host = NULL;
    cr_assert_eq(hp_builder_tx(&b.b, &tx), HP_OK);
    for (int64_t i = 0; i < n; i++) {
        (void)hp_record_begin(&b.b, HP_RECORD_PLAIN, 0);
        uint32_t row = hp_record_row(&b.b, 1);
        hp_record_put(&b.b, row, 0, HP_INT64)->u.i64 = i;
        hp_record_open(&b.b)->after = row;
        hp_record_open(&b.b)->topic = t;
        cr_assert_eq(hp_record_end(&b.b), HP_OK);
    }
    return b;
}

static void sieve_by(const char *alias, const char *by)
{
    char key[64];
    (void)snprintf(key, sizeof key, "transforms.%s.type", alias);
    (void)props_set(&config, key, "test-sieve");
    (void)snprintf(key, sizeof key, "transforms.%s.by", alias);
    (void)props_set(&config, key, by);
}

Test(chain, empty_leaves_batches_alone)
{
    struct chain *c = make();
    struct builder b = numbers(10), *result = &b;
    struct hp_batch in = builder_batch(&b);
    struct hp_error err = {.size = sizeof err};
    cr_assert(chain_is_empty(c));
    cr_assert_eq(chain_apply(c, pool, &in, &result, &err), HP_OK);
    cr_assert_null(result);
    chain_destroy(c);
    builder_finish(&b);
}

Test(chain, runs_in_order)
{
    struct builder b = numbers(40), *result;
    struct hp_batch in = builder_batch(&b), out;
    struct hp_error err = {.size = sizeof err};
    struct chain *c;
    int64_t expected = 0;
    (void)props_set(&config, "transforms", "x,y,z");
    sieve_by("x", "2");
    sieve_by("y", "3");
    sieve_by("z", "5");
    c = make();
    for (unsigned round = 0; round < 3; round++) {
        expected = 0;
        cr_assert_eq(chain_apply(c, pool, &in, &result, &err), HP_OK);
        out = chain_view(pool, &in, result);
        struct hp_iter it = hp_batch_iter(&out);
        while (hp_iter_next(&it)) {
            do {
                expected++;
            } while (expected % 2 == 0 || expected % 3 == 0 || expected % 5 == 0);
            cr_assert_eq(hp_record_after(it.rec)->u.i64, expected);
            cr_assert_eq(it.tx->id, 3, "BEGIN went with it");
        }
        cr_assert_eq(expected, 37);
    }
    chain_destroy(c);
    builder_finish(&b);
}

Test(chain, a_result_can_be_taken_away)
{
    struct builder *mine = malloc(sizeof *mine), *result;
    struct hp_error err = {.size = sizeof err};
    struct chain *c;
    (void)props_set(&config, "transforms", "x");
    sieve_by("x", "2");
    c = make();
    *mine = numbers(10);
    for (unsigned round = 0; round < 5; round++) {
        struct builder b = numbers(10);
        struct hp_batch in = builder_batch(&b);
        cr_assert_eq(chain_apply(c, pool, &in, &result, &err), HP_OK);
        cr_assert_eq(result->b.n_records, 5);
        cr_assert_neq(result, mine);
        chain_swap(c, result, mine);
        mine = result;
        builder_finish(&b);
    }
    chain_destroy(c);
    builder_finish(mine);
    free(mine);
}

Test(chain, errors_name_the_transform)
{
    struct builder b = numbers(10), *result;
    struct hp_batch in = builder_batch(&b);
    struct hp_error err = {.size = sizeof err};
    struct chain *c;
    const char *alias;
    (void)props_set(&config, "transforms", "x,mask");
    sieve_by("x", "2");
    sieve_by("mask", "100");
    (void)props_set(&config, "transforms.mask.poison", "7");
    c = make();
    cr_assert_eq(chain_apply(c, pool, &in, &result, &err), HP_ERROR);
    cr_assert_eq(err.klass, HP_ERROR_POISON);
    cr_assert(strstr(err.message, "transform mask"));
    cr_assert_eq(chain_failed(c, &alias)->n_records, 5);
    cr_assert_str_eq(alias, "mask");
    cr_assert_eq(err.record, 3);
    chain_destroy(c);
    builder_finish(&b);
}

static void refused(uint32_t klass, const char *why)
{
    struct hp_error err = {.size = sizeof err};
    struct chain *c;
    cr_assert_eq(chain_create(&config, dir, "c", &env, &c, &err), HP_ERROR);
    cr_assert_eq(err.klass, klass);
    cr_assert(strstr(err.message, why), "%s", err.message);
}

Test(chain, bad_configurations_are_refused)
{
    (void)props_set(&config, "transforms", "x");
    refused(HP_ERROR_CONFIG, "transforms.x.type");
    (void)props_set(&config, "transforms.x.type", "nobody");
    refused(HP_ERROR_RETRY, "nobody"); /* its file may be on its way */
    (void)props_set(&config, "transforms.x.type", "org.test.Sieve");
    refused(HP_ERROR_CONFIG, "by must be");
    (void)props_set(&config, "transforms", "x,x");
    refused(HP_ERROR_CONFIG, "Duplicate");
}
