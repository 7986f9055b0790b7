/* framework_test.c: the framework's own keys: which there are (V4, V5), and what becomes of each. */
#include "framework_keys.h"
#include "transform_keys.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct config_infos infos;
static struct props config;

static void begin(void)
{
    config_infos_init(&infos);
    props_init(&config);
    (void)props_set(&config, "name", "c");
    (void)props_set(&config, "connector.class", "x");
}

static void end(void)
{
    config_infos_finish(&infos);
    props_finish(&config);
}

TestSuite(framework, .init = begin, .fini = end);

static const char *errors_of(const char *name)
{
    const struct config_item *item = config_infos_find(&infos, name);
    const char *text = item ? json_string_value(json_array_get(item->errors, 0)) : NULL;
    return text ? text : "";
}

static bool warned(const char *name)
{
    size_t i;
    json_t *one;
    char quoted[200];
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", name);
    json_array_foreach(infos.warnings, i, one)
    {
        if (strstr(json_string_value(one), quoted)) {
            return true;
        }
    }
    return false;
}

static void names_are(uint32_t kind, const char *const *names)
{
    size_t n = 0;
    framework_keys_declare(&infos, kind, NULL, 0, NULL);
    for (; names[n]; n++) {
        cr_assert(config_infos_find(&infos, names[n]), "%s", names[n]);
    }
    cr_assert_eq(infos.n, n);
}

Test(framework, keys_of_a_source)
{
    static const char *const names[] = {"name",
                                        "connector.class",
                                        "tasks.max",
                                        "tasks.max.enforce",
                                        "key.converter",
                                        "value.converter",
                                        "header.converter",
                                        "transforms",
                                        "predicates",
                                        "config.action.reload",
                                        "errors.retry.timeout",
                                        "errors.retry.delay.max.ms",
                                        "errors.tolerance",
                                        "errors.log.enable",
                                        "errors.log.include.messages",
                                        "topic.creation.groups",
                                        "exactly.once.support",
                                        "transaction.boundary",
                                        "transaction.boundary.interval.ms",
                                        "offsets.storage.topic",
                                        NULL};
    names_are(HP_KIND_SOURCE, names);
}

Test(framework, keys_of_a_sink)
{
    static const char *const names[] = {"name",
                                        "connector.class",
                                        "tasks.max",
                                        "tasks.max.enforce",
                                        "key.converter",
                                        "value.converter",
                                        "header.converter",
                                        "transforms",
                                        "predicates",
                                        "config.action.reload",
                                        "errors.retry.timeout",
                                        "errors.retry.delay.max.ms",
                                        "errors.tolerance",
                                        "errors.log.enable",
                                        "errors.log.include.messages",
                                        "topics",
                                        "topics.regex",
                                        "errors.deadletterqueue.topic.name",
                                        "errors.deadletterqueue.topic.replication.factor",
                                        "errors.deadletterqueue.context.headers.enable",
                                        NULL};
    names_are(HP_KIND_SINK, names);
}

static const struct {
    uint32_t kind;
    const char *name, *value;
    char what; /* 'o' fine, 'e' error, 'w' warning */
} cases[] = {
    {HP_KIND_SOURCE, "value.converter", "org.apache.kafka.connect.json.JsonConverter", 'o'},
    {HP_KIND_SOURCE, "value.converter", "JsonConverter", 'o'},
    {HP_KIND_SOURCE, "value.converter", "org.apache.kafka.connect.storage.StringConverter", 'e'},
    {HP_KIND_SOURCE, "key.converter", "io.confluent.connect.avro.AvroConverter", 'e'},
    {HP_KIND_SOURCE, "value.converter.schemas.enable", "false", 'o'},
    {HP_KIND_SOURCE, "value.converter.schemas.enable", "maybe", 'e'},
    {HP_KIND_SOURCE, "value.converter.schema.registry.url", "http://x", 'w'},
    {HP_KIND_SOURCE, "header.converter", "org.apache.kafka.connect.storage.SimpleHeaderConverter", 'o'},
    {HP_KIND_SOURCE, "errors.tolerance", "none", 'o'},
    {HP_KIND_SOURCE, "errors.tolerance", "all", 'e'},
    {HP_KIND_SOURCE, "errors.tolerance", "some", 'e'},
    {HP_KIND_SOURCE, "predicates", "p", 'e'},
    {HP_KIND_SOURCE, "tasks.max", "1", 'o'},
    {HP_KIND_SOURCE, "tasks.max", "8", 'w'},
    {HP_KIND_SOURCE, "tasks.max", "0", 'e'},
    {HP_KIND_SOURCE, "exactly.once.support", "required", 'o'},
    {HP_KIND_SOURCE, "exactly.once.support", "never", 'e'},
    {HP_KIND_SOURCE, "topic.creation.default.partitions", "3", 'w'},
    {HP_KIND_SOURCE, "producer.override.linger.ms", "3", 'w'},
    {HP_KIND_SOURCE, "config.action.reload", "restart", 'o'},
    {HP_KIND_SOURCE, "name", "a\nb", 'e'},
    {HP_KIND_SOURCE, "name", "", 'e'},
    {HP_KIND_SOURCE, "name", "a/b \xc3\xa4", 'o'},
    {HP_KIND_SINK, "errors.deadletterqueue.topic.name", "dlq", 'e'},
    {HP_KIND_SINK, "errors.deadletterqueue.topic.name", "", 'o'},
    {HP_KIND_SINK, "errors.deadletterqueue.topic.replication.factor", "1", 'w'},
    {HP_KIND_SINK, "consumer.override.auto.offset.reset", "earliest", 'o'},
    {HP_KIND_SINK, "consumer.override.auto.offset.reset", "latest", 'e'},
    {HP_KIND_SINK, "errors.retry.timeout", "60000", 'w'},
    {HP_KIND_SINK, "errors.retry.timeout", "-1", 'o'},
};

Test(framework, what_becomes_of_each)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        end();
        begin();
        (void)props_set(&config, "topics", cases[i].kind == HP_KIND_SINK ? "t" : "");
        (void)props_set(&config, cases[i].name, cases[i].value);
        framework_keys_declare(&infos, cases[i].kind, NULL, 0, &config);
        cr_assert_eq(infos.n_errors, cases[i].what == 'e', "%s=%s: %s", cases[i].name, cases[i].value,
                     errors_of(cases[i].name));
        cr_assert_eq(warned(cases[i].name), cases[i].what == 'w', "%s=%s", cases[i].name, cases[i].value);
    }
}

Test(framework, a_sink_has_topics_or_a_pattern)
{
    framework_keys_declare(&infos, HP_KIND_SINK, NULL, 0, &config);
    cr_assert(strstr(errors_of("topics"), "Must configure one of"));
    end();
    begin();
    (void)props_set(&config, "topics", "a");
    (void)props_set(&config, "topics.regex", "a.*");
    framework_keys_declare(&infos, HP_KIND_SINK, NULL, 0, &config);
    cr_assert(strstr(errors_of("topics.regex"), "mutually exclusive"));
}

Test(framework, a_list_of_topics_has_no_holes)
{
    static const char *const bad[] = {",a", "a,", "a,,b", "a, ,b", ","};
    (void)props_set(&config, "topics", " a , b");
    framework_keys_declare(&infos, HP_KIND_SINK, NULL, 0, &config);
    cr_assert_eq(infos.n_errors, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        end();
        begin();
        (void)props_set(&config, "topics", bad[i]);
        framework_keys_declare(&infos, HP_KIND_SINK, NULL, 0, &config);
        cr_assert(strstr(errors_of("topics"), "must not be empty"), "%s", bad[i]);
    }
}

Test(framework, a_pattern_of_topics_is_compiled)
{
    (void)props_set(&config, "topics.regex", "a\\.(b|c)");
    framework_keys_declare(&infos, HP_KIND_SINK, NULL, 0, &config);
    cr_assert_eq(infos.n_errors, 0);
    end();
    begin();
    (void)props_set(&config, "topics.regex", "a.(b");
    framework_keys_declare(&infos, HP_KIND_SINK, NULL, 0, &config);
    cr_assert(strstr(errors_of("topics.regex"), "Invalid regex: missing closing parenthesis at character 4"));
}

Test(framework, the_rest_is_the_plugins)
{
    static const struct hp_config_key own[] = {
        {sizeof own[0], HP_CONFIG_LIST, HP_IMPORTANCE_HIGH, 0, "topics", NULL, NULL, NULL, "seen by the plugin too"},
    };
    struct hp_config_entry *entries;
    uint32_t n;
    (void)props_set(&config, "topics", "t");
    (void)props_set(&config, "transforms.a.type", "t");
    (void)props_set(&config, "value.converter.schemas.enable", "t");
    (void)props_set(&config, "database.hostname", "h");
    (void)props_set(&config, "exactly.once.support", "not a sink's");
    entries = framework_keys_rest(HP_KIND_SINK, own, 1, &config, &n);
    cr_assert_eq(n, 3);
    cr_assert_str_eq(entries[0].key, "topics");
    cr_assert_str_eq(entries[1].key, "database.hostname");
    cr_assert_str_eq(entries[2].key, "exactly.once.support");
    free(entries);
}

Test(framework, transforms_have_configurations_of_their_own)
{
    struct hp_config_entry *entries;
    struct hp_error err = {.size = sizeof err};
    char **aliases;
    size_t n_aliases;
    uint32_t n;
    (void)props_set(&config, "transforms", " a, ab ,");
    (void)props_set(&config, "transforms.a.type", "t");
    (void)props_set(&config, "transforms.a.x", "1");
    (void)props_set(&config, "transforms.ab.x", "2");
    (void)props_set(&config, "transforms.a.y.z", "3");
    cr_assert_eq(transform_aliases(&config, &aliases, &n_aliases, &err), HP_OK);
    cr_assert_eq(n_aliases, 2);
    cr_assert_str_eq(aliases[1], "ab");
    free(aliases);
    entries = transform_config(&config, "a", &n);
    cr_assert_eq(n, 2);
    cr_assert_str_eq(entries[0].key, "x");
    cr_assert_str_eq(entries[1].key, "y.z");
    free(entries);
    cr_assert(transform_key_known(&config, "transforms.ab.q"));
    cr_assert(!transform_key_known(&config, "transforms.b.q"));
    (void)props_set(&config, "transforms", "a,b,a");
    cr_assert_eq(transform_aliases(&config, &aliases, &n_aliases, &err), HP_ERROR);
    cr_assert(strstr(err.message, "Duplicate alias"));
}
