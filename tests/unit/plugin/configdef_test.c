/* configdef_test.c: values, ranges and messages in ConfigDef's own words. */
#include "configdef.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    uint32_t type;
    const char *allowed, *value, *why; /* why NULL: good */
} cases[] = {
    {HP_CONFIG_BOOLEAN, NULL, "true", NULL},
    {HP_CONFIG_BOOLEAN, NULL, " FALSE ", NULL},
    {HP_CONFIG_BOOLEAN, NULL, "yes", "Expected value to be either true or false"},
    {HP_CONFIG_BOOLEAN, NULL, "", "Expected value to be either true or false"},
    {HP_CONFIG_INT, NULL, "2147483647", NULL},
    {HP_CONFIG_INT, NULL, " -5 ", NULL},
    {HP_CONFIG_INT, NULL, "2147483648", "Not a number of type INT"},
    {HP_CONFIG_INT, NULL, "1.5", "Not a number of type INT"},
    {HP_CONFIG_INT, NULL, "1 5", "Not a number of type INT"},
    {HP_CONFIG_INT, NULL, "0x10", "Not a number of type INT"},
    {HP_CONFIG_INT, NULL, "", "Not a number of type INT"},
    {HP_CONFIG_INT, "1..", "0", "Value must be at least 1"},
    {HP_CONFIG_INT, "..10", "11", "Value must be no more than 10"},
    {HP_CONFIG_INT, "1..10", "10", NULL},
    {HP_CONFIG_SHORT, NULL, "32768", "Not a number of type SHORT"},
    {HP_CONFIG_LONG, NULL, "9223372036854775807", NULL},
    {HP_CONFIG_LONG, NULL, "9223372036854775808", "Not a number of type LONG"},
    {HP_CONFIG_LONG, "-1..", "-2", "Value must be at least -1"},
    {HP_CONFIG_DOUBLE, NULL, "1e3", NULL},
    {HP_CONFIG_DOUBLE, NULL, "x", "Not a number of type DOUBLE"},
    {HP_CONFIG_STRING, "none|all", "ALL", NULL},
    {HP_CONFIG_STRING, "none|all", "some", "String must be one of: none, all"},
    {HP_CONFIG_STRING, NULL, "", NULL},
    {HP_CONFIG_LIST, NULL, "a,,b", NULL},
    {HP_CONFIG_LIST, "c|u|d", "c, d", NULL},
    {HP_CONFIG_LIST, "c|u|d", "c,x", "String must be one of: c, u, d"},
};

Test(configdef, values)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hp_config_key key = {
            .size = sizeof key, .type = cases[i].type, .name = "k", .allowed = cases[i].allowed};
        char why[300] = "";
        bool bad = config_value_bad(&key, cases[i].value, why, sizeof why);
        cr_assert_eq(bad, cases[i].why != NULL, "case %zu: %s", i, why);
        cr_assert(!bad || strcmp(why, cases[i].why) == 0, "case %zu: %s", i, why);
    }
}

static json_t *judged(const struct hp_config_key *key, const char *value)
{
    struct config_infos infos;
    struct props config;
    json_t *json;
    config_infos_init(&infos);
    props_init(&config);
    if (value) {
        (void)props_set(&config, key->name, value);
    }
    cr_assert(config_infos_declare(&infos, key, "", NULL, &config));
    json = config_infos_json(&infos, "class");
    cr_assert(json && !infos.failed);
    props_finish(&config);
    config_infos_finish(&infos);
    return json;
}

static const char *error_of(json_t *infos)
{
    static char text[400];
    json_t *one = json_array_get(json_object_get(infos, "configs"), 0);
    const char *error = json_string_value(json_array_get(json_object_get(json_object_get(one, "value"), "errors"), 0));
    (void)snprintf(text, sizeof text, "%s", error ? error : "");
    json_decref(infos);
    return text;
}

Test(configdef, messages)
{
    struct hp_config_key required = {
        sizeof required, HP_CONFIG_STRING, HP_IMPORTANCE_HIGH, HP_KEY_REQUIRED, "x", NULL, NULL, "G", "doc"};
    struct hp_config_key number = {sizeof number, HP_CONFIG_INT, HP_IMPORTANCE_LOW, 0, "n", "5", "1..", "G", "doc"};
    struct hp_config_key secret = {
        sizeof secret, HP_CONFIG_PASSWORD, HP_IMPORTANCE_LOW, HP_KEY_UNSUPPORTED, "p", NULL, NULL, "G", "doc"};
    struct hp_config_key later = {
        sizeof later, HP_CONFIG_STRING, HP_IMPORTANCE_LOW, HP_KEY_UNSUPPORTED, "l", "none", "none|all", "G", "doc"};
    cr_assert_str_eq(error_of(judged(&required, NULL)),
                     "Missing required configuration \"x\" which has no default value.");
    cr_assert_str_eq(error_of(judged(&number, "0")), "Invalid value 0 for configuration n: Value must be at least 1");
    cr_assert_str_eq(error_of(judged(&number, NULL)), "");
    cr_assert_null(strstr(error_of(judged(&secret, "hunter2")), "hunter2"));
    cr_assert(strstr(error_of(judged(&later, "all")), "not supported yet"));
    cr_assert_str_eq(error_of(judged(&later, "NONE")), "");
}

Test(configdef, references_to_providers_are_refused)
{
    static const char *const bad[] = {"${file:/etc/secrets:pw}", "x${env:A}y", "${vault-1:}", "${}${env:A}"};
    static const char *const good[] = {"${topic}", "${source.schema}.${source.table}", "${env:", "$", "${", "${a b:c}",
                                       "p:${}"};
    struct hp_config_key key = {.size = sizeof key, .type = HP_CONFIG_PASSWORD, .name = "password"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *json = judged(&key, bad[i]);
        cr_assert_eq(json_integer_value(json_object_get(json, "error_count")), 1, "%s", bad[i]);
        json_decref(json);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        json_t *json = judged(&key, good[i]);
        cr_assert_eq(json_integer_value(json_object_get(json, "error_count")), 0, "%s", good[i]);
        json_decref(json);
    }
}

Test(configdef, secrets_are_hidden_in_the_answer)
{
    struct hp_config_key secret = {sizeof secret, HP_CONFIG_PASSWORD, HP_IMPORTANCE_LOW, 0, "p", "sesame", NULL, "G",
                                   "doc"};
    json_t *json = judged(&secret, "hunter2");
    char *text = json_dumps(json, 0);
    cr_assert_null(strstr(text, "hunter2"));
    cr_assert_null(strstr(text, "sesame"));
    cr_assert(strstr(text, "[hidden]"));
    free(text);
    json_decref(json);
}

Test(configdef, passwords_within_a_url_are_hidden)
{
    static const char *const values[] = {"jdbc:postgresql://h/db?password=hunter2&x=${env:A}",
                                         "postgresql://u:hunter2@h/${env:A}", "host=${env:A} password=hunter2"};
    struct hp_config_key key = {.size = sizeof key, .type = HP_CONFIG_STRING, .name = "url"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const char *error = error_of(judged(&key, values[i]));
        cr_assert(strstr(error, "[hidden]") && !strstr(error, "hunter2"), "%s", error);
    }
    cr_assert(strstr(error_of(judged(&key, "postgresql://h/${env:A}")), "postgresql://h/"));
    cr_assert(strstr(error_of(judged(&key, "public.passwords,${env:A}")), "public.passwords"));
    json_t *json = judged(&key, "jdbc:postgresql://h/db?user=u&password=hunter2");
    char *text = json_dumps(json, 0);
    cr_assert(strstr(text, "[hidden]") && !strstr(text, "hunter2"), "nor where the value stands in the answer");
    free(text);
    json_decref(json);
}

Test(configdef, errors_of_plugins_name_their_key)
{
    struct config_infos infos;
    json_t *json, *configs;
    config_infos_init(&infos);
    config_infos_plugin_error(&infos, "how.many", "too few");
    config_infos_plugin_error(&infos, "how.much", "how.much=3 is too little");
    json = config_infos_json(&infos, "x");
    configs = json_object_get(json, "configs");
    static const char *const wanted[] = {"how.many: too few", "how.much=3 is too little"};
    for (size_t i = 0; i < 2; i++) {
        json_t *value = json_object_get(json_array_get(configs, i), "value");
        cr_assert_str_eq(json_string_value(json_array_get(json_object_get(value, "errors"), 0)), wanted[i]);
    }
    json_decref(json);
    config_infos_finish(&infos);
}

Test(configdef, shape_of_the_answer)
{
    static const char *const members[] = {"name",         "type",          "required", "default_value",
                                          "importance",   "documentation", "group",    "width",
                                          "display_name", "dependents",    "order",    "order_in_group"};
    struct hp_config_key number = {sizeof number, HP_CONFIG_INT, HP_IMPORTANCE_LOW, 0, "n", "5", "1..", "G", "doc"};
    json_t *json = judged(&number, "7"), *one = json_array_get(json_object_get(json, "configs"), 0);
    json_t *definition = json_object_get(one, "definition"), *value = json_object_get(one, "value");
    cr_assert_eq(json_object_size(definition), sizeof members / sizeof members[0]);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        cr_assert(json_object_get(definition, members[i]), "%s", members[i]);
    }
    cr_assert_eq(json_object_size(value), 5);
    cr_assert_str_eq(json_string_value(json_object_get(value, "value")), "7");
    cr_assert(json_is_true(json_object_get(value, "visible")));
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(json, "groups"), 0)), "G");
    json_decref(json);
}
