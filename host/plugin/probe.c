/*
 * probe.c: answers one question about plugins, or of a stream's position, in a process of its own, and ends. Whatever a
 * plugin or a damaged file does to this process is seen by the one who asked as a missing answer. Started by the
 * supervisor and by commands.
 */
#include "probe.h"

#include "buf.h"
#include "find.h"
#include "framework_keys.h"
#include "json.h"
#include "load.h"
#include "log.h"
#include "transform_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define REQUEST_MAX  (16u << 20)
#define POSITION_MAX (16u << 20)

static json_t *error_json(const struct hp_error *err)
{
    return json_pack("{s:{s:i, s:o, s:o}}", "error", "class", (int)err->klass, "code", json_said(err->code), "message",
                     json_said(err->message));
}

/* The keys of one plugin, and of the framework if it is a connector. */
static json_t *describe(const json_t *request)
{
    const char *path = json_string_value(json_object_get(request, "plugin"));
    const char *name = json_string_value(json_object_get(request, "class"));
    struct hp_error err = {.size = sizeof err};
    struct plugin plugin;
    struct config_infos infos;
    const struct hp_config_key *keys;
    json_t *list;
    char *dialect;
    if (!path || !name) {
        (void)hp_fail(&err, HP_ERROR_CONFIG, "", "describe: \"plugin\" and \"class\" must be strings");
        return error_json(&err);
    }
    if (plugin_load(path, &plugin, &err) != HP_OK) {
        return error_json(&err);
    }
    dialect = plugin_dialect(plugin.note.id, plugin.note.aliases, name);
    config_infos_init(&infos);
    uint32_t n = dialect ? plugin_keys(&plugin, dialect, &keys) : 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct hp_config_key *key = plugin_key_at(keys, i);
        if (!(key->flags & HP_KEY_PREFIX)) {
            (void)config_infos_declare(&infos, key, "", NULL, NULL);
        }
    }
    if (plugin.desc->kind != HP_KIND_TRANSFORM) {
        framework_keys_declare(&infos, plugin.desc->kind, keys, n, NULL);
    }
    list = json_array();
    for (size_t i = 0; i < infos.n && list; i++) {
        if (json_array_append_new(list, config_key_json(&infos.items[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    if (infos.failed || !list || !dialect) {
        json_decref(list);
        list = NULL;
    }
    config_infos_finish(&infos);
    plugin_finish(&plugin);
    free(dialect);
    return list ? json_pack("{s:o}", "keys", list) : NULL;
}

static void report_error(const struct hp_config_report *r, const char *key, const char *message)
{
    config_infos_plugin_error(r->host, key, message);
}

static void report_warning(const struct hp_config_report *r, const char *key, const char *message)
{
    config_infos_warning(r->host, key, message);
}

/* Everything that nobody declares is named once. */
static void warn_unknown(struct config_infos *infos, uint32_t kind, const struct hp_config_key *keys, uint32_t n,
                         const struct props *config)
{
    for (size_t i = 0; i < config->n; i++) {
        const char *name = config->entries[i].key;
        bool transform = strncmp(name, "transforms.", sizeof "transforms." - 1) == 0;
        bool known = transform ? transform_key_known(config, name) : framework_key_known(kind, name);
        for (uint32_t k = 0; k < n && !known; k++) {
            known = config_key_covers(plugin_key_at(keys, k), name);
        }
        if (!known) {
            config_infos_warning(infos, name, "is not known and is ignored");
        }
    }
}

/* Keys that are known by their prefix have no item; a prefix that means something unsupported or nothing says so. */
static void judge_prefixed(struct config_infos *infos, const struct hp_config_key *key, const struct props *config)
{
    for (size_t i = 0; i < config->n; i++) {
        const char *name = config->entries[i].key, *value = config->entries[i].value;
        char why[512];
        if (!config_key_covers(key, name) || config_infos_find(infos, name)) {
            continue;
        }
        if (key->flags & HP_KEY_UNSUPPORTED) {
            if (!key->default_value || !value || strcasecmp(value, key->default_value) != 0) {
                config_infos_invalid(infos, name, value, "not supported yet by this version; leave it out");
            }
        } else if (config_value_bad(key, value, why, sizeof why)) {
            config_infos_invalid(infos, name, value, why);
        } else if (key->flags & HP_KEY_IGNORED) {
            config_infos_warning(infos, name, "has no meaning here and is ignored");
        }
    }
}

static void judge(struct config_infos *infos, const struct plugin *plugin, const char *dialect,
                  const struct plugin_list *plugins, const struct props *config)
{
    const struct hp_config_key *keys;
    const char *name = props_get(config, "name");
    uint32_t kind = plugin->desc->kind, n = plugin_keys(plugin, dialect, &keys), n_given;
    struct hp_config_entry *entries = framework_keys_rest(kind, keys, n, config, &n_given);
    struct hp_config given = {sizeof given, n_given, entries, dialect, name ? name : ""};
    struct hp_config_report r = {sizeof r, 0, infos, report_error, report_warning};
    framework_keys_declare(infos, kind, keys, n, config);
    transform_keys_declare(infos, plugins, config, given.connector);
    for (uint32_t i = 0; i < n; i++) {
        const struct hp_config_key *key = plugin_key_at(keys, i);
        if (key->flags & HP_KEY_PREFIX) {
            judge_prefixed(infos, key, config);
        } else {
            (void)config_infos_declare(infos, key, "", NULL, config);
        }
    }
    if (entries && plugin->desc->validate) {
        plugin->desc->validate(&given, &r);
    }
    warn_unknown(infos, kind, keys, n, config);
    infos->failed = infos->failed || !entries;
    free(entries);
}

/* The text Connect answers with when there is no such connector. */
static void not_found(const struct plugin_list *plugins, const char *name, bool ambiguous, struct hp_error *err)
{
    struct buf b;
    buf_init(&b, sizeof err->message);
    for (size_t i = 0; i < plugins->n; i++) {
        const struct plugin_file *f = &plugins->files[i];
        if (!f->refused && strcmp(f->kind, "transformation") != 0) {
            (void)buf_printf(&b, "%s%s (%s)", b.len ? ", " : "", f->id, f->kind);
        }
    }
    (void)hp_fail(err, HP_ERROR_CONFIG, "",
                  ambiguous ? "More than one connector matches alias %.200s. Please use full package and class name "
                              "instead. Classes found: %s"
                            : "Failed to find any class that implements Connector and which name matches %.200s, "
                              "available connectors are: %s",
                  name, b.data ? (const char *)b.data : "none");
    buf_finish(&b);
}

/* The configuration as text values. A null is an error of its key (V2), and so is an array or an object. */
static bool read_config(struct config_infos *infos, const json_t *config, struct props *out)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)config, key, value)
    {
        struct hp_error err = {.size = sizeof err};
        json_t *one;
        if (json_is_null(value)) {
            config_infos_error(infos, key, "Null value can not be supplied as the configuration value.");
            continue;
        }
        one = json_pack("{s:O}", key, value);
        if (!one || json_to_props(one, out, &err) != HP_OK) {
            config_infos_error(infos, key, err.message);
        }
        json_decref(one);
    }
    return !infos->failed;
}

static json_t *validate_with(const struct plugin_list *plugins, const char *name, const json_t *config)
{
    bool ambiguous;
    const struct plugin_file *file = plugin_list_find(plugins, name, &ambiguous);
    struct hp_error err = {.size = sizeof err};
    struct plugin plugin;
    struct config_infos infos;
    struct props values;
    json_t *answer = NULL;
    char *dialect;
    if (!file || strcmp(file->kind, "transformation") == 0) {
        not_found(plugins, name, ambiguous, &err);
        return error_json(&err);
    }
    if (plugin_load(file->path, &plugin, &err) != HP_OK) {
        return error_json(&err);
    }
    dialect = plugin_dialect(file->id, file->aliases, name);
    config_infos_init(&infos);
    props_init(&values);
    if (dialect && read_config(&infos, config, &values)) {
        judge(&infos, &plugin, dialect, plugins, &values);
    }
    if (dialect && !infos.failed) {
        answer = json_pack("{s:o, s:O}", "infos", config_infos_json(&infos, name), "warnings", infos.warnings);
    }
    props_finish(&values);
    config_infos_finish(&infos);
    plugin_finish(&plugin);
    free(dialect);
    return answer;
}

static json_t *validate(const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "class"));
    const char *path = json_string_value(json_object_get(request, "plugin_path"));
    const json_t *config = json_object_get(request, "config");
    struct hp_error err = {.size = sizeof err};
    struct plugin_list plugins;
    json_t *answer;
    if (!name || !path || !json_is_object(config)) {
        (void)hp_fail(&err, HP_ERROR_CONFIG, "",
                      "validate: \"class\" and \"plugin_path\" must be strings, \"config\" an object");
        return error_json(&err);
    }
    if (plugin_list_scan(path, &plugins, &err) != HP_OK) {
        return error_json(&err);
    }
    answer = validate_with(&plugins, name, config);
    plugin_list_finish(&plugins);
    return answer;
}

static json_t *position(const json_t *request)
{
    struct log_config config = {.dir = json_string_value(json_object_get(request, "streams")), .read_only = true};
    const char *stream = json_string_value(json_object_get(request, "stream"));
    struct hp_error err = {.size = sizeof err};
    json_t *answer = NULL, *json = NULL;
    struct log *log;
    struct buf text;
    if (!config.dir || !stream) {
        (void)hp_fail(&err, HP_ERROR_CONFIG, "", "position: \"streams\" and \"stream\" must be strings");
        return error_json(&err);
    }
    buf_init(&text, POSITION_MAX);
    if (log_open(&config, &log, &err) == HP_OK) {
        if (log_position_read(log, stream, &text, &err) == HP_OK) {
            json = text.len ? json_parse((const char *)text.data, text.len, &err) : json_null();
            answer = json ? json_pack("{s:o}", "position", json) : NULL;
        }
        log_close(log);
    }
    buf_finish(&text);
    return answer ? answer : error_json(&err);
}

static json_t *answer_to(const json_t *request)
{
    const char *what = json_string_value(json_object_get(request, "do"));
    struct hp_error err = {.size = sizeof err};
    if (what && strcmp(what, "describe") == 0) {
        return describe(request);
    }
    if (what && strcmp(what, "validate") == 0) {
        return validate(request);
    }
    if (what && strcmp(what, "position") == 0) {
        return position(request);
    }
    (void)hp_fail(&err, HP_ERROR_CONFIG, "", "\"do\" must be \"describe\", \"validate\" or \"position\"");
    return error_json(&err);
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        text += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_all(int fd, struct buf *to)
{
    for (;;) {
        void *room = buf_room(to, 16384);
        ssize_t n = room ? read(fd, room, 16384) : -1;
        if (n == 0) {
            return true;
        }
        if (n > 0) {
            buf_take(to, (size_t)n);
        } else if (!room || errno != EINTR) {
            return false;
        }
    }
}

int probe_main(void)
{
    struct hp_error err = {.size = sizeof err};
    struct buf text;
    json_t *request, *answer;
    char *line;
    bool ok;
    /* A plugin that prints must not spoil the answer: stdout is kept aside and becomes stderr. */
    int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    struct rlimit no_core = {0, 0};
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    buf_init(&text, REQUEST_MAX);
    if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || !read_all(STDIN_FILENO, &text)) {
        return 1;
    }
    request = json_parse((const char *)text.data, text.len, &err);
    answer = request ? answer_to(request) : error_json(&err);
    line = answer ? json_text(answer) : NULL;
    ok = line && write_all(out, line, strlen(line)) && write_all(out, "\n", 1);
    free(line);
    json_decref(answer);
    json_decref(request);
    buf_finish(&text);
    return ok ? 0 : 1;
}
