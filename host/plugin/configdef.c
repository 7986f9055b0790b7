/*
 * configdef.c: declarations, their values, errors and warnings, and all of it as JSON. Filled by framework_keys.c,
 * transform_keys.c and probe.c in the probe's process. Pure; one owner.
 */
#include "configdef.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HIDDEN "[hidden]"

void config_infos_init(struct config_infos *infos)
{
    memset(infos, 0, sizeof *infos);
    infos->groups = json_array();
    infos->warnings = json_array();
    infos->failed = !infos->groups || !infos->warnings;
}

void config_infos_finish(struct config_infos *infos)
{
    for (size_t i = 0; i < infos->n; i++) {
        free(infos->items[i].name);
        free(infos->items[i].group);
        free(infos->items[i].value);
        json_decref(infos->items[i].errors);
    }
    free(infos->items);
    json_decref(infos->groups);
    json_decref(infos->warnings);
    memset(infos, 0, sizeof *infos);
}

static struct config_item *add(struct config_infos *infos, const char *name)
{
    struct config_item *items = realloc(infos->items, (infos->n + 1) * sizeof *items), *item;
    if (!items) {
        infos->failed = true;
        return NULL;
    }
    infos->items = items;
    item = &items[infos->n];
    memset(item, 0, sizeof *item);
    item->name = strdup(name);
    item->errors = json_array();
    if (!item->name || !item->errors) {
        free(item->name);
        json_decref(item->errors);
        infos->failed = true;
        return NULL;
    }
    infos->n++;
    return item;
}

struct config_item *config_infos_find(const struct config_infos *infos, const char *name)
{
    for (size_t i = 0; i < infos->n; i++) {
        if (strcmp(infos->items[i].name, name) == 0) {
            return &infos->items[i];
        }
    }
    return NULL;
}

void config_infos_error(struct config_infos *infos, const char *name, const char *message)
{
    struct config_item *item = config_infos_find(infos, name);
    if (!item) {
        item = add(infos, name);
    }
    if (!item || json_array_append_new(item->errors, json_said(message)) != 0) {
        infos->failed = true;
        return;
    }
    infos->n_errors++;
}

void config_infos_plugin_error(struct config_infos *infos, const char *name, const char *message)
{
    char *named = NULL;
    if (!strstr(message, name) && asprintf(&named, "%s: %s", name, message) < 0) {
        named = NULL;
    }
    config_infos_error(infos, name, named ? named : message);
    free(named);
}

/* A URL or connection string with a password in it. */
static bool holds_password(const char *value)
{
    const char *authority = strstr(value, "://");
    size_t len = authority ? strcspn(authority + 3, "/?#") : 0;
    const char *at = authority ? memchr(authority + 3, '@', len) : NULL;
    for (const char *p = value; (p = strcasestr(p, "password")) != NULL;) {
        p += sizeof "password" - 1;
        if (p[strspn(p, " \t")] == '=') {
            return true;
        }
    }
    return at && memchr(authority + 3, ':', (size_t)(at - authority - 3));
}

static bool is_secret(const struct config_item *item, const char *value)
{
    return value && ((item && item->key && item->key->type == HP_CONFIG_PASSWORD) || holds_password(value));
}

void config_infos_invalid(struct config_infos *infos, const char *name, const char *value, const char *message)
{
    bool secret = is_secret(config_infos_find(infos, name), value);
    char text[1024];
    (void)snprintf(text, sizeof text, "Invalid value %.300s for configuration %.200s: %.450s",
                   secret ? HIDDEN : (value ? value : "null"), name, message);
    config_infos_error(infos, name, text);
}

void config_infos_warning(struct config_infos *infos, const char *name, const char *message)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "configuration key \"%.300s\" %.600s", name, message);
    if (json_array_append_new(infos->warnings, json_said(text)) != 0) {
        infos->failed = true;
    }
}

/* Same value, for keys whose only accepted value is the default? */
static bool is_default(const struct hp_config_key *key, const char *value)
{
    const char *otherwise = key->default_value ? key->default_value : "";
    return strcasecmp(value, otherwise) == 0;
}

/* Does it hold a reference to a configuration provider, ${provider:...}? Taken for the value itself it would become a
   password, or a key of a hash, that everybody can read in the configuration. */
static bool has_reference(const char *value)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    for (const char *at = value; (at = strstr(at, "${")) != NULL; at += 2) {
        size_t len = strspn(at + 2, word);
        if (len > 0 && at[2 + len] == ':' && strchr(at + 2 + len, '}')) {
            return true;
        }
    }
    return false;
}

static void judge(struct config_infos *infos, const struct hp_config_key *key, const char *name, const char *value)
{
    char why[512];
    if (!value) {
        if (key->flags & HP_KEY_REQUIRED) {
            (void)snprintf(why, sizeof why, "Missing required configuration \"%.300s\" which has no default value.",
                           name);
            config_infos_error(infos, name, why);
        }
        return;
    }
    if (config_value_bad(key, value, why, sizeof why)) {
        config_infos_invalid(infos, name, value, why);
        if (key->allowed && strncmp(why, "Not a number", 12) == 0) { /* Connect's range check sees null then (T16) */
            config_infos_invalid(infos, name, NULL, "Value must be non-null");
        }
    } else if ((key->flags & HP_KEY_UNSUPPORTED) && !is_default(key, value)) {
        (void)snprintf(why, sizeof why, "not supported yet by this version; leave it out%s%.200s",
                       key->default_value && key->default_value[0] ? " or set it to " : "",
                       key->default_value ? key->default_value : "");
        config_infos_invalid(infos, name, value, why);
    } else if (key->flags & HP_KEY_IGNORED) {
        config_infos_warning(infos, name, "has no meaning here and is ignored");
    } else if (has_reference(value)) {
        config_infos_invalid(infos, name, value,
                             "references to configuration providers are not supported yet by this version; give the "
                             "value itself");
    }
}

static unsigned next_order(struct config_infos *infos, const char *group)
{
    unsigned order = 1;
    bool known = false;
    size_t i;
    json_t *one;
    for (i = 0; i < infos->n; i++) {
        order += infos->items[i].group && strcmp(infos->items[i].group, group) == 0;
    }
    json_array_foreach(infos->groups, i, one)
    {
        known = known || strcmp(json_string_value(one), group) == 0;
    }
    if (!known && json_array_append_new(infos->groups, json_string(group)) != 0) {
        infos->failed = true;
    }
    return order;
}

struct config_item *config_infos_declare(struct config_infos *infos, const struct hp_config_key *key,
                                         const char *prefix, const char *group, const struct props *config)
{
    struct config_item *item;
    char *name;
    const char *value, *effective;
    unsigned order;
    if (asprintf(&name, "%s%s", prefix, key->name) < 0) {
        infos->failed = true;
        return NULL;
    }
    if (!group) {
        group = key->group ? key->group : "Common";
    }
    order = next_order(infos, group);
    item = config_infos_find(infos, name); /* a null value was an error before the declaration */
    item = item ? item : add(infos, name);
    value = config ? props_get(config, name) : NULL;
    free(name);
    if (!item) {
        return NULL;
    }
    effective = value ? value : key->default_value;
    item->key = key;
    item->order = order;
    item->given = value != NULL;
    item->group = strdup(group);
    item->value = effective ? strdup(effective) : NULL;
    if (!item->group || (effective && !item->value)) {
        infos->failed = true;
        return NULL;
    }
    if (config && json_array_size(item->errors) == 0) {
        judge(infos, key, item->name, value);
    }
    return item;
}

static const struct {
    const char *name, *width;
} types[] = {
    [HP_CONFIG_BOOLEAN] = {"BOOLEAN", "SHORT"},
    [HP_CONFIG_STRING] = {"STRING", "MEDIUM"},
    [HP_CONFIG_INT] = {"INT", "SHORT"},
    [HP_CONFIG_SHORT] = {"SHORT", "SHORT"},
    [HP_CONFIG_LONG] = {"LONG", "SHORT"},
    [HP_CONFIG_DOUBLE] = {"DOUBLE", "SHORT"},
    [HP_CONFIG_LIST] = {"LIST", "LONG"},
    [HP_CONFIG_CLASS] = {"CLASS", "MEDIUM"},
    [HP_CONFIG_PASSWORD] = {"PASSWORD", "MEDIUM"},
};
static const char *const importances[] = {
    [HP_IMPORTANCE_HIGH] = "HIGH", [HP_IMPORTANCE_MEDIUM] = "MEDIUM", [HP_IMPORTANCE_LOW] = "LOW"};

json_t *config_key_json(const struct config_item *item)
{
    const struct hp_config_key *key = item->key;
    uint32_t type = key->type >= 1 && key->type < sizeof types / sizeof types[0] ? key->type : HP_CONFIG_STRING;
    uint32_t importance =
        key->importance >= 1 && key->importance <= HP_IMPORTANCE_LOW ? key->importance : HP_IMPORTANCE_LOW;
    const char *otherwise = key->default_value && type == HP_CONFIG_PASSWORD ? HIDDEN : key->default_value;
    return json_pack("{s:s, s:s, s:b, s:s?, s:s, s:s, s:s, s:s, s:s, s:[], s:i, s:i}", "name", item->name, "type",
                     types[type].name, "required", (key->flags & HP_KEY_REQUIRED) != 0, "default_value", otherwise,
                     "importance", importances[importance], "documentation", key->doc ? key->doc : "", "group",
                     item->group, "width", types[type].width, "display_name",
                     item->display ? item->display : item->name, "dependents", "order", (int)item->order,
                     "order_in_group", (int)item->order); /* its name from 4.2 on (T6) */
}

static json_t *item_json(const struct config_item *item)
{
    return json_pack("{s:o, s:{s:s, s:s?, s:[], s:O, s:b}}", "definition",
                     item->key ? config_key_json(item) : json_null(), "value", "name", item->name, "value",
                     is_secret(item, item->value) ? HIDDEN : item->value, "recommended_values", "errors", item->errors,
                     "visible", 1);
}

json_t *config_infos_json(const struct config_infos *infos, const char *name)
{
    json_t *configs = json_array();
    for (size_t i = 0; configs && i < infos->n; i++) {
        if (json_array_append_new(configs, item_json(&infos->items[i])) != 0) {
            json_decref(configs);
            configs = NULL;
        }
    }
    return configs ? json_pack("{s:s, s:i, s:O, s:o}", "name", name, "error_count", (int)infos->n_errors, "groups",
                               infos->groups, "configs", configs)
                   : NULL;
}
