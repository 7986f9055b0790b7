/* config.c: see config.h. */
#include "config.h"

#include <ctype.h>
#include <strings.h>

static const char *const insert_modes[] = {"insert", "upsert", "update"};
static const char *const key_modes[] = {"none", "record_key", "record_value"};

static int index_of(const char *const *names, int n, const char *value)
{
    for (int i = 0; value && i < n; i++) {
        if (strcasecmp(names[i], value) == 0) {
            return i;
        }
    }
    return -1;
}

static bool is_true(const struct hp_config *config, const char *key)
{
    const char *value = config_value(config, key);
    return value && strcasecmp(value, "true") == 0;
}

static bool is_set(const struct hp_config *config, const char *key)
{
    const char *value = hp_config_get(config, key, NULL);
    return value && *value;
}

/* A key that may also be given under an older name. */
static const char *renamed(const struct hp_config *config, const char *name, const char *older)
{
    return !is_set(config, name) && is_set(config, older) ? hp_config_get(config, older, "")
                                                          : config_value(config, name);
}

static const char *format_of(const struct hp_config *config)
{
    return renamed(config, "collection.name.format", "table.name.format");
}

/* NULL, or what is wrong with it. */
static const char *format_problem(const char *format)
{
    static const char *const fields[] = {"${topic}",     "${source.schema}", "${source.table}",
                                         "${source.db}", "${source.name}",   "${source.collection}"};
    int dots = 0;
    if (!*format) {
        return "must not be empty";
    }
    for (const char *p = format; *p; p++) {
        dots += *p == '.';
        if (p[0] == '$' && p[1] == '{') {
            size_t i = 0, n = sizeof fields / sizeof *fields;
            while (i < n && strncmp(p, fields[i], strlen(fields[i])) != 0) {
                i++;
            }
            if (i == n) {
                return "knows ${topic}, ${source.schema}, ${source.table}, ${source.db} and ${source.name} only";
            }
            p += strlen(fields[i]) - 1;
        }
    }
    return dots > 1 ? "may hold one dot, between schema and table" : NULL;
}

/* "schema.table"; both at most 63 bytes. */
static const char *position_problem(const char *value)
{
    const char *dot = strchr(value, '.');
    size_t schema = dot ? (size_t)(dot - value) : 0, table = dot ? strlen(dot + 1) : 0;
    return dot && schema && schema < 64 && table && table < 64 && !strchr(dot + 1, '.')
               ? NULL
               : "must be schema.table, each part at most 63 bytes";
}

static const char *key_mode_problem(const char *mode)
{
    return index_of(key_modes, 3, mode) < 0 && mode &&
                   (strcasecmp(mode, "kafka") == 0 || strcasecmp(mode, "record_header") == 0)
               ? "cannot be kafka or record_header in this version; use record_key, record_value or none"
               : NULL;
}

void config_validate(const struct hp_config *config, const struct hp_config_report *report)
{
    const char *url = hp_config_get(config, "connection.url", NULL);
    const char *problem = format_problem(format_of(config));
    int insert_mode = index_of(insert_modes, 3, config_value(config, "insert.mode"));
    int key_mode = index_of(key_modes, 3, config_value(config, "primary.key.mode"));
    struct hp_error err = {.size = sizeof err};
    struct url parsed;
    if (url && *url) {
        if (url_parse(url, &parsed, &err) != HP_OK) {
            report->error(report, "connection.url", err.message);
        } else {
            const char *mode = url_get(&parsed, "sslmode");
            if (parsed.ignored.len) {
                char text[512];
                (void)snprintf(text, sizeof text, "connection.url: parameters without a meaning here: %s",
                               (const char *)parsed.ignored.data);
                report->warning(report, "connection.url", text);
            }
            if (mode && !url_is_loopback(&parsed) && strcmp(mode, "verify-full") != 0) {
                report->warning(report, "connection.url",
                                "connection.url: sslmode is weaker than verify-full, so the server is not verified");
            }
            url_finish(&parsed);
        }
    }
    if (problem) {
        report->error(report, "collection.name.format", problem);
    }
    problem = position_problem(config_value(config, "position.table"));
    if (problem) {
        report->error(report, "position.table", problem);
    }
    problem = key_mode_problem(config_value(config, "primary.key.mode"));
    if (problem) {
        report->error(report, "primary.key.mode", problem);
    }
    if (insert_mode > MODE_INSERT && key_mode == KEY_MODE_NONE) {
        report->error(report, "primary.key.mode",
                      "insert.mode upsert and update need a key: primary.key.mode "
                      "record_key or record_value");
    }
    if (is_true(config, "delete.enabled") && key_mode >= 0 && key_mode != KEY_MODE_RECORD_KEY &&
        (config_is_java(config->dialect) || is_set(config, "delete.enabled"))) {
        report->error(report, "delete.enabled", "deletes need primary.key.mode=record_key");
    }
    if (key_mode == KEY_MODE_RECORD_VALUE && !is_set(config, "primary.key.fields")) {
        report->error(report, "primary.key.fields", "primary.key.mode=record_value needs the names of the key fields");
    }
    if (is_set(config, "field.include.list") && is_set(config, "field.exclude.list")) {
        report->error(report, "field.exclude.list", "not together with field.include.list");
    }
}

static bool list_parse(const char *value, struct text_list *out)
{
    size_t cap = 1;
    for (const char *p = value; p && *p; p++) {
        cap += *p == ',';
    }
    out->n = 0;
    out->items = calloc(cap, sizeof *out->items);
    while (out->items && value && *value) {
        const char *end = value + strcspn(value, ","), *next = *end ? end + 1 : end;
        while (value < end && isspace((unsigned char)*value)) {
            value++;
        }
        while (end > value && isspace((unsigned char)end[-1])) {
            end--;
        }
        if (end > value) {
            out->items[out->n] = copy_text(value, (size_t)(end - value));
            if (!out->items[out->n]) {
                return false;
            }
            out->n++;
        }
        value = next;
    }
    return out->items != NULL;
}

static void list_finish(struct text_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (struct text_list){0};
}

/* User, password, sslmode and the like, where the URL does not have them. */
static bool complete_url(const struct hp_config *config, struct sink_config *c)
{
    /* A server that has gone without a word is noticed within a minute. */
    static const char *const timeouts[][2] = {{"connect_timeout", "10"},
                                              {"keepalives_idle", "30"},
                                              {"keepalives_interval", "10"},
                                              {"keepalives_count", "3"},
                                              {"tcp_user_timeout", "60000"}};
    const char *user = hp_config_get(config, "connection.username", NULL);
    const char *password = hp_config_get(config, "connection.password", NULL);
    char name[64];
    bool ok = (!user || !*user || url_set(&c->url, "user", user)) &&
              (!password || url_set(&c->url, "password", password)) && url_set(&c->url, "client_encoding", "UTF8");
    c->loopback = url_is_loopback(&c->url);
    if (ok && !url_get(&c->url, "sslmode")) {
        ok = url_set(&c->url, "sslmode", c->java || c->loopback ? "prefer" : "verify-full");
    }
    for (size_t i = 0; ok && i < sizeof timeouts / sizeof *timeouts; i++) {
        ok = url_get(&c->url, timeouts[i][0]) || url_set(&c->url, timeouts[i][0], timeouts[i][1]);
    }
    if (ok && !url_get(&c->url, "application_name")) {
        (void)snprintf(name, sizeof name, "homeport %s", c->connector);
        ok = url_set(&c->url, "application_name", name);
    }
    return ok;
}

static hp_status parse_into(const struct hp_config *config, struct sink_config *c, struct hp_error *err)
{
    const char *position = config_value(config, "position.table"), *dot = strchr(position, '.');
    const char *format = format_of(config), *problem;
    const char *rows = config_value(config, "batch.size"),
               *zone = renamed(config, "use.time.zone", "database.time_zone");
    c->java = config_is_java(config->dialect);
    if (url_parse(hp_config_get(config, "connection.url", ""), &c->url, err) != HP_OK) {
        return HP_ERROR;
    }
    problem = format_problem(format);
    if (problem) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "collection.name.format %s", problem);
    }
    problem = position_problem(position);
    if (problem) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "position.table %s", problem);
    }
    c->insert_mode = index_of(insert_modes, 3, config_value(config, "insert.mode"));
    c->key_mode = index_of(key_modes, 3, config_value(config, "primary.key.mode"));
    if (c->insert_mode < 0 || c->key_mode < 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "%s has a value that is not supported",
                       c->insert_mode < 0 ? "insert.mode" : "primary.key.mode");
    }
    c->delete_enabled = is_true(config, "delete.enabled") && c->key_mode != KEY_MODE_NONE;
    c->truncate_enabled = is_true(config, "truncate.enabled");
    c->evolve = strcasecmp(config_value(config, "schema.evolution"), "basic") == 0;
    c->exact_names = is_true(config, "quote.identifiers");
    c->origin_required = is_true(config, "origin.required");
    c->coalesce = is_true(config, "apply.coalesce");
    c->batch_rows = (uint32_t)strtoul(rows, NULL, 10);
    if (c->batch_rows == 0) {
        c->batch_rows = 1;
    }
    c->connector = copy_text(config->connector, strlen(config->connector));
    c->collection_format = copy_text(format, strlen(format));
    c->position_schema = copy_text(position, (size_t)(dot - position));
    c->position_table = copy_text(dot + 1, strlen(dot + 1));
    c->time_zone = copy_text(zone, strlen(zone));
    c->synchronous_commit =
        copy_text(config_value(config, "synchronous.commit"), strlen(config_value(config, "synchronous.commit")));
    c->replication_role = copy_text(config_value(config, "session.replication.role"),
                                    strlen(config_value(config, "session.replication.role")));
    if (!c->connector || !c->collection_format || !c->position_schema || !c->position_table || !c->time_zone ||
        !c->synchronous_commit || !c->replication_role ||
        !list_parse(config_value(config, "primary.key.fields"), &c->key_fields) ||
        !list_parse(config_value(config, "field.include.list"), &c->include) ||
        !list_parse(config_value(config, "field.exclude.list"), &c->exclude) || !complete_url(config, c)) {
        return out_of_memory(err);
    }
    c->durable_at_commit = strcasecmp(c->synchronous_commit, "off") != 0;
    return HP_OK;
}

hp_status config_parse(const struct hp_config *config, struct sink_config *out, struct hp_error *err)
{
    struct sink_config c = {0};
    if (parse_into(config, &c, err) != HP_OK) {
        config_finish(&c);
        return HP_ERROR;
    }
    *out = c;
    return HP_OK;
}

void config_finish(struct sink_config *c)
{
    free(c->connector);
    url_finish(&c->url);
    list_finish(&c->key_fields);
    list_finish(&c->include);
    list_finish(&c->exclude);
    free(c->collection_format);
    free(c->position_schema);
    free(c->position_table);
    free(c->time_zone);
    free(c->synchronous_commit);
    free(c->replication_role);
    *c = (struct sink_config){0};
}
