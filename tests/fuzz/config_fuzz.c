/* config_fuzz.c: any properties as the configuration of a source and of a sink: judged, and the answer is JSON. */
#include "framework_keys.h"
#include "transform_keys.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hp_config_key own[] = {
    {sizeof own[0], HP_CONFIG_INT, HP_IMPORTANCE_HIGH, 0, "i", "1", "1..10", "G", "doc"},
    {sizeof own[0], HP_CONFIG_DOUBLE, HP_IMPORTANCE_HIGH, HP_KEY_REQUIRED, "d", NULL, "..5", "G", "doc"},
    {sizeof own[0], HP_CONFIG_LIST, HP_IMPORTANCE_HIGH, HP_KEY_UNSUPPORTED, "l", "a", "a|b", "G", "doc"},
    {sizeof own[0], HP_CONFIG_PASSWORD, HP_IMPORTANCE_LOW, HP_KEY_IGNORED, "p", NULL, NULL, "G", "doc"},
};

static void judge(uint32_t kind, const struct props *config)
{
    struct config_infos infos;
    struct hp_error err = {.size = sizeof err};
    struct hp_config_entry *rest;
    char **aliases;
    size_t n_aliases;
    uint32_t n;
    json_t *json;
    config_infos_init(&infos);
    framework_keys_declare(&infos, kind, own, 4, config);
    for (size_t i = 0; i < 4; i++) {
        (void)config_infos_declare(&infos, &own[i], "", NULL, config);
    }
    json = config_infos_json(&infos, "fuzz");
    json_decref(json);
    rest = framework_keys_rest(kind, own, 4, config, &n);
    free(rest);
    if (transform_aliases(config, &aliases, &n_aliases, &err) == HP_OK) {
        for (size_t i = 0; i < n_aliases; i++) {
            rest = transform_config(config, aliases[i], &n);
            free(rest);
        }
        free(aliases);
    }
    config_infos_finish(&infos);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct props config;
    struct hp_error err = {.size = sizeof err};
    if (size > 4096) {
        return 0;
    }
    props_init(&config);
    if (props_parse(&config, (const char *)data, size, &err) == HP_OK) {
        judge(HP_KIND_SOURCE, &config);
        judge(HP_KIND_SINK, &config);
    }
    props_finish(&config);
    return 0;
}
