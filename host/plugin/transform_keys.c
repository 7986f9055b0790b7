/*
 * transform_keys.c: the transforms of a connector as its configuration names them. Used by the probe (validation) and
 * by the chain in a worker. [task]
 */
#include "transform_keys.h"

#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hp_config_key own_keys[] = {
    {sizeof(struct hp_config_key), HP_CONFIG_CLASS, HP_IMPORTANCE_HIGH, HP_KEY_REQUIRED, "type", NULL, NULL, NULL,
     "The transformation's plugin."},
    {sizeof(struct hp_config_key), HP_CONFIG_STRING, HP_IMPORTANCE_MEDIUM, HP_KEY_UNSUPPORTED, "predicate", "", NULL,
     NULL, "Predicates are not supported yet."},
    {sizeof(struct hp_config_key), HP_CONFIG_BOOLEAN, HP_IMPORTANCE_MEDIUM, HP_KEY_UNSUPPORTED, "negate", "false", NULL,
     NULL, "Predicates are not supported yet."},
};
#define N_OWN       (sizeof own_keys / sizeof own_keys[0])
#define VERSION_KEY "plugin.version"

static bool is_own(const char *name)
{
    for (size_t i = 0; i < N_OWN; i++) {
        if (strcmp(own_keys[i].name, name) == 0) {
            return true;
        }
    }
    return strcmp(name, VERSION_KEY) == 0;
}

/* What stands behind "transforms.ALIAS." in a key, or NULL. */
static const char *behind(const char *key, const char *alias)
{
    static const char start[] = "transforms.";
    size_t len = strlen(alias);
    if (strncmp(key, start, sizeof start - 1) != 0) {
        return NULL;
    }
    key += sizeof start - 1;
    return strncmp(key, alias, len) == 0 && key[len] == '.' && key[len + 1] ? key + len + 1 : NULL;
}

hp_status transform_aliases(const struct props *config, char ***out, size_t *out_n, struct hp_error *err)
{
    const char *text = props_get(config, "transforms");
    size_t room = sizeof(char *) * TRANSFORMS_MAX, n = 0;
    char **aliases, *copy;
    text = text ? text : "";
    aliases = malloc(room + strlen(text) + 1);
    if (!aliases) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    copy = (char *)aliases + room;
    memcpy(copy, text, strlen(text) + 1);
    for (char *rest = copy, *one; (one = strsep(&rest, ",")) != NULL;) {
        size_t len;
        one += strspn(one, " \t\r\n");
        len = strcspn(one, " \t\r\n");
        one[len] = '\0';
        if (len == 0) {
            continue;
        }
        if (n == TRANSFORMS_MAX) {
            free(aliases);
            return hp_fail(err, HP_ERROR_CONFIG, "", "at most %u transforms are possible", TRANSFORMS_MAX);
        }
        for (size_t i = 0; i < n; i++) {
            if (strcmp(aliases[i], one) == 0) {
                free(aliases);
                return hp_fail(err, HP_ERROR_CONFIG, "", "Duplicate alias provided.");
            }
        }
        aliases[n++] = one;
    }
    *out = aliases;
    *out_n = n;
    return HP_OK;
}

struct hp_config_entry *transform_config(const struct props *config, const char *alias, uint32_t *out_n)
{
    struct hp_config_entry *entries = calloc(config->n + 1, sizeof *entries);
    uint32_t n = 0;
    for (size_t i = 0; entries && i < config->n; i++) {
        const char *name = behind(config->entries[i].key, alias);
        if (name && !is_own(name)) {
            entries[n++] = (struct hp_config_entry){name, config->entries[i].value};
        }
    }
    *out_n = n;
    return entries;
}

bool transform_key_known(const struct props *config, const char *name)
{
    struct hp_error ignored = {.size = sizeof ignored};
    char **aliases;
    size_t n;
    bool known = false;
    if (transform_aliases(config, &aliases, &n, &ignored) != HP_OK) {
        return true;
    }
    for (size_t i = 0; i < n && !known; i++) {
        known = behind(name, aliases[i]) != NULL;
    }
    free(aliases);
    return known;
}

/* What a transform's validate() reports through: names get the alias's prefix. */
struct reporter {
    struct config_infos *infos;
    const char *prefix;
};

static void report(const struct hp_config_report *r, const char *key, const char *message,
                   void (*to)(struct config_infos *, const char *, const char *))
{
    const struct reporter *reporter = r->host;
    char *name;
    if (asprintf(&name, "%s%s", reporter->prefix, key) >= 0) {
        to(reporter->infos, name, message);
        free(name);
    }
}

static void report_error(const struct hp_config_report *r, const char *key, const char *message)
{
    report(r, key, message, config_infos_plugin_error);
}

static void report_warning(const struct hp_config_report *r, const char *key, const char *message)
{
    report(r, key, message, config_infos_warning);
}

static void declare_plugin(struct config_infos *infos, const struct plugin *plugin, const char *dialect,
                           const char *alias, const char *prefix, const char *group, const struct props *config,
                           const char *connector)
{
    const struct hp_config_key *keys;
    uint32_t n_keys = plugin_keys(plugin, dialect, &keys), n;
    struct hp_config_entry *entries = transform_config(config, alias, &n);
    struct hp_config given = {sizeof given, n, entries, dialect, connector};
    struct reporter reporter = {infos, prefix};
    struct hp_config_report r = {sizeof r, 0, &reporter, report_error, report_warning};
    for (uint32_t i = 0; i < n_keys; i++) {
        const struct hp_config_key *key = plugin_key_at(keys, i);
        if (!(key->flags & HP_KEY_PREFIX)) {
            (void)config_infos_declare(infos, key, prefix, group, config);
        }
    }
    for (uint32_t k = 0; entries && k < n; k++) {
        bool known = false;
        for (uint32_t i = 0; i < n_keys && !known; i++) {
            known = config_key_covers(plugin_key_at(keys, i), entries[k].key);
        }
        if (!known) {
            report_warning(&r, entries[k].key, "is not known to the transform's plugin and is ignored");
        }
    }
    if (entries && plugin->desc->validate) {
        plugin->desc->validate(&given, &r);
    }
    free(entries);
}

static void declare_one(struct config_infos *infos, const struct plugin_list *plugins, const char *alias,
                        const struct props *config, const char *connector)
{
    char *prefix = NULL, *group = NULL, *type_key = NULL, *dialect = NULL;
    if (asprintf(&prefix, "transforms.%s.", alias) < 0 || asprintf(&group, "Transforms: %s", alias) < 0 ||
        asprintf(&type_key, "transforms.%s.type", alias) < 0) {
        infos->failed = true;
        return;
    }
    for (size_t i = 0; i < N_OWN; i++) {
        (void)config_infos_declare(infos, &own_keys[i], prefix, group, config);
    }
    const char *type = props_get(config, type_key);
    bool ambiguous = false;
    const struct plugin_file *file = type ? plugin_list_find(plugins, type, &ambiguous) : NULL;
    struct plugin plugin;
    struct hp_error err = {.size = sizeof err};
    if (type && (!file || strcmp(file->kind, "transformation") != 0)) {
        char why[600];
        (void)snprintf(why, sizeof why,
                       "Class %.300s could not be found. GET /connector-plugins?connectorsOnly=false "
                       "lists the transformations that there are",
                       type);
        config_infos_invalid(infos, type_key, type, why);
    } else if (file && plugin_load(file->path, &plugin, &err) != HP_OK) {
        config_infos_invalid(infos, type_key, type, err.message);
    } else if (file) {
        dialect = plugin_dialect(file->id, file->aliases, type);
        if (dialect) {
            declare_plugin(infos, &plugin, dialect, alias, prefix, group, config, connector);
        }
        plugin_finish(&plugin);
    }
    free(dialect);
    free(prefix);
    free(group);
    free(type_key);
}

void transform_keys_declare(struct config_infos *infos, const struct plugin_list *plugins, const struct props *config,
                            const char *connector)
{
    struct hp_error err = {.size = sizeof err};
    char **aliases;
    size_t n;
    if (transform_aliases(config, &aliases, &n, &err) != HP_OK) {
        config_infos_invalid(infos, "transforms", props_get(config, "transforms"), err.message);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        declare_one(infos, plugins, aliases[i], config, connector);
    }
    free(aliases);
}
