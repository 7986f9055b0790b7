/* settings.c: see settings.h. */
#include "settings.h"

#include "keys.h"
#include "no_memory.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>

#define NAME_MAX_BYTES 63u /* of an identifier */

/* Where we are while reading the configuration. */
struct reading {
    struct settings *s;
    const struct hp_config *config;
    const char *key; /* being read */
    struct hp_error *err;
};

static const char *value_of(struct reading *r, const char *key)
{
    r->key = key;
    return keys_value(r->config, key);
}

static hp_status copy(struct reading *r, const char *key, char **out)
{
    const char *value = value_of(r, key);
    if (value && *value && !(*out = strdup(value))) {
        return no_memory(r->err);
    }
    return HP_OK;
}

/* Numbers and booleans were checked by the host; an instance made without it gets the nearest sense. */
static int64_t number(struct reading *r, const char *key)
{
    const char *value = value_of(r, key);
    return value ? strtoll(value, NULL, 10) : 0;
}

static bool flag(struct reading *r, const char *key)
{
    const char *value = value_of(r, key);
    return value && strcasecmp(value, "true") == 0;
}

static int choice(struct reading *r, const char *key, const char *const *names, size_t n)
{
    const char *value = value_of(r, key);
    for (size_t i = 0; value && i < n; i++) {
        if (names[i] && strcasecmp(value, names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static hp_status filter_of(struct reading *r, const char *key, struct filter **out)
{
    return filter_create(key, value_of(r, key), out, r->err);
}

static hp_status filters_of(struct reading *r, const char *include, const char *exclude, struct filters *out)
{
    if (filter_of(r, include, &out->include) != HP_OK || filter_of(r, exclude, &out->exclude) != HP_OK) {
        return HP_ERROR;
    }
    if (out->include && out->exclude) {
        return hp_fail(r->err, HP_ERROR_CONFIG, "", "%s and %s exclude each other; give one of them", include, exclude);
    }
    return HP_OK;
}

static hp_status add_rule(struct reading *r, struct rule **rules, size_t *n, const char *tables, const char *value)
{
    struct rule *more = realloc(*rules, (*n + 1) * sizeof **rules);
    if (!more) {
        return no_memory(r->err);
    }
    *rules = more;
    more[*n].tables = NULL;
    more[*n].value = NULL;
    if (filter_create(r->key, tables, &more[*n].tables, r->err) != HP_OK) {
        return HP_ERROR;
    }
    (*n)++;
    more[*n - 1].value = strdup(value);
    return more[*n - 1].value ? HP_OK : no_memory(r->err);
}

/* "expression:value" items separated by `separator`. */
static hp_status rules_of(struct reading *r, const char *key, char separator, struct rule **out, size_t *out_n)
{
    const char *value = value_of(r, key);
    char **items = NULL;
    size_t n = 0;
    hp_status st = HP_OK;
    if (!value || !*value) {
        return HP_OK;
    }
    if (!list_split(value, separator, &items, &n)) {
        return no_memory(r->err);
    }
    for (size_t i = 0; st == HP_OK && i < n; i++) {
        char *colon = strrchr(items[i], ':');
        if (!colon || colon == items[i] || !colon[1]) {
            st = hp_fail(r->err, HP_ERROR_CONFIG, "", "%s: \"%.100s\" is not of the form expression:value", key,
                         items[i]);
        } else {
            *colon = '\0';
            st = add_rule(r, out, out_n, items[i], colon + 1);
        }
    }
    free(items);
    return st;
}

static hp_status check_identities(struct reading *r)
{
    static const char *const words[] = {"FULL", "DEFAULT", "NOTHING"};
    for (size_t i = 0; i < r->s->n_identities; i++) {
        const char *value = r->s->identities[i].value;
        bool known = strncasecmp(value, "INDEX ", 6) == 0 && value[6 + strspn(value + 6, " ")];
        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
            known = known || strcasecmp(value, words[k]) == 0;
        }
        if (!known) {
            return hp_fail(r->err, HP_ERROR_CONFIG, "", "%s: \"%.64s\" is not FULL, DEFAULT, NOTHING or INDEX name",
                           r->key, value);
        }
    }
    return HP_OK;
}

/* A statement as people write it may end with a semicolon. */
static void cut_semicolon(char *select)
{
    size_t n = strlen(select);
    while (n && strchr("; \t\r\n", select[n - 1])) {
        select[--n] = '\0';
    }
}

static hp_status overrides_of(struct reading *r)
{
    static const char base[] = "snapshot.select.statement.overrides";
    const char *value = value_of(r, base);
    char **items = NULL;
    size_t n = 0;
    hp_status st = HP_OK;
    if (!value || !*value) {
        return HP_OK;
    }
    if (!list_split(value, ',', &items, &n)) {
        return no_memory(r->err);
    }
    for (size_t i = 0; st == HP_OK && i < n; i++) {
        char key[512], quoted[512];
        const char *select;
        (void)snprintf(key, sizeof key, "%s.%s", base, items[i]);
        (void)snprintf(quoted, sizeof quoted, "\\Q%s\\E", items[i]);
        select = hp_config_get(r->config, key, NULL);
        st = select && *select ? add_rule(r, &r->s->overrides, &r->s->n_overrides, quoted, select)
                               : hp_fail(r->err, HP_ERROR_CONFIG, "", "%s names %.100s, but %.200s is not given", base,
                                         items[i], key);
        if (st == HP_OK) {
            cut_semicolon(r->s->overrides[r->s->n_overrides - 1].value);
        }
    }
    free(items);
    return st;
}

static hp_status skipped_of(struct reading *r)
{
    const char *value = value_of(r, "skipped.operations");
    for (; value && *value && strcasecmp(value, "none") != 0; value++) {
        switch (*value) {
        case 'c':
            r->s->skip |= SKIP_CREATE;
            break;
        case 'u':
            r->s->skip |= SKIP_UPDATE;
            break;
        case 'd':
            r->s->skip |= SKIP_DELETE;
            break;
        case 't':
            r->s->skip |= SKIP_TRUNCATE;
            break;
        case 'r':
        case ',':
        case ' ':
            break; /* Debezium takes r and ignores it */
        default:
            return hp_fail(r->err, HP_ERROR_CONFIG, "", "skipped.operations: a list of c, u, d and t, or none");
        }
    }
    return HP_OK;
}

/* "homeport_" and the connector's name, reduced to what a slot's name may hold. */
static char *default_name(const char *connector)
{
    char name[NAME_MAX_BYTES + 1];
    size_t n = (size_t)snprintf(name, sizeof name, "homeport_%s", connector ? connector : "");
    for (size_t i = 0; name[i] && i < n; i++) {
        int c = tolower((unsigned char)name[i]);
        name[i] = (char)((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_');
    }
    return strdup(name);
}

static bool is_loopback(const char *host)
{
    return host[0] == '/' || strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

static bool only_chars(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

static hp_status read_connection(struct reading *r)
{
    struct settings *s = r->s;
    static const struct {
        const char *key;
        size_t at;
    } texts[] = {{"database.hostname", offsetof(struct settings, host)},
                 {"database.port", offsetof(struct settings, port)},
                 {"database.user", offsetof(struct settings, user)},
                 {"database.password", offsetof(struct settings, password)},
                 {"database.dbname", offsetof(struct settings, dbname)},
                 {"database.sslmode", offsetof(struct settings, sslmode)},
                 {"database.sslcert", offsetof(struct settings, sslcert)},
                 {"database.sslkey", offsetof(struct settings, sslkey)},
                 {"database.sslpassword", offsetof(struct settings, sslpassword)},
                 {"database.sslrootcert", offsetof(struct settings, sslrootcert)},
                 {"database.initial.statements", offsetof(struct settings, initial_statements)}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (copy(r, texts[i].key, (char **)(void *)((char *)s + texts[i].at)) != HP_OK) {
            return HP_ERROR;
        }
    }
    for (size_t i = 0; i < 5; i++) {
        r->key = texts[i].key;
        if (i != 3 && !*(char **)(void *)((char *)s + texts[i].at)) {
            return hp_fail(r->err, HP_ERROR_CONFIG, "", "%s is missing", r->key);
        }
    }
    r->key = "database.hostname";
    if (strchr(s->host, ',')) {
        return hp_fail(r->err, HP_ERROR_CONFIG, "",
                       "database.hostname: one host, not a list: a slot lives on one server");
    }
    if (!s->sslmode && !(s->sslmode = strdup(is_loopback(s->host) ? "allow" : "verify-full"))) {
        return no_memory(r->err);
    }
    s->keepalive = flag(r, "database.tcpKeepAlive");
    s->query_timeout_ms = number(r, "database.query.timeout.ms");
    return HP_OK;
}

static hp_status read_names(struct reading *r)
{
    struct settings *s = r->s;
    static const char slot_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    static const char prefix_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    if (copy(r, "topic.delimiter", &s->delimiter) != HP_OK || copy(r, "slot.name", &s->slot) != HP_OK ||
        copy(r, "publication.name", &s->publication) != HP_OK || copy(r, "topic.prefix", &s->prefix) != HP_OK) {
        return HP_ERROR;
    }
    if (!s->prefix && s->java) {
        return hp_fail(r->err, HP_ERROR_CONFIG, "", "topic.prefix is missing");
    }
    s->connector = strdup(r->config->connector ? r->config->connector : "");
    if (!s->connector || (!s->delimiter && !(s->delimiter = strdup("."))) ||
        (!s->prefix && !(s->prefix = strdup(s->connector))) || (!s->slot && !(s->slot = default_name(s->connector))) ||
        (!s->publication && !(s->publication = default_name(s->connector)))) {
        return no_memory(r->err);
    }
    r->key = "topic.prefix";
    if (!*s->prefix || !only_chars(s->prefix, prefix_chars)) {
        return hp_fail(r->err, HP_ERROR_CONFIG, "", "topic.prefix: letters, digits, '.', '_' and '-' only%s",
                       s->java ? "" : "; its default is the connector's name");
    }
    r->key = "slot.name";
    if (!only_chars(s->slot, slot_chars) || strlen(s->slot) > NAME_MAX_BYTES) {
        return hp_fail(r->err, HP_ERROR_CONFIG, "", "slot.name: at most %u lower case letters, digits and '_'",
                       NAME_MAX_BYTES);
    }
    r->key = "publication.name";
    if (strlen(s->publication) > NAME_MAX_BYTES) {
        return hp_fail(r->err, HP_ERROR_CONFIG, "", "publication.name: at most %u bytes", NAME_MAX_BYTES);
    }
    return HP_OK;
}

static hp_status read_modes(struct reading *r)
{
    struct settings *s = r->s;
    static const char *const snapshots[] = {"initial", "always", "initial_only", "no_data", "when_needed", "never"};
    static const char *const publications[] = {"all_tables", "disabled", "filtered", "no_tables"};
    int mode = choice(r, "snapshot.mode", snapshots, 6);
    if (mode < 0) {
        return hp_fail(
            r->err, HP_ERROR_CONFIG, "",
            "snapshot.mode: this version can do initial, always, initial_only, no_data, never and when_needed");
    }
    s->snapshot_mode = mode == 5 ? SNAPSHOT_NO_DATA : (enum snapshot_mode)mode;
    mode = choice(r, "publication.autocreate.mode", publications, 4);
    if (mode < 0) {
        return hp_fail(r->err, HP_ERROR_CONFIG, "",
                       "publication.autocreate.mode: all_tables, disabled, filtered or no_tables");
    }
    s->publication_mode = (enum publication_mode)mode;
    s->slot_drop = flag(r, "slot.drop.on.stop");
    s->slot_failover = flag(r, "slot.failover");
    s->via_root = flag(r, "publish.via.partition.root");
    s->status_interval_ms = number(r, "status.update.interval.ms");
    if (hp_config_get(r->config, "retriable.restart.connector.wait.ms", NULL)) {
        s->retry_after_ms = (uint32_t)number(r, "retriable.restart.connector.wait.ms");
    }
    if (hp_config_get(r->config, "slot.retry.delay.ms", NULL)) {
        s->slot_retry_ms = (uint32_t)number(r, "slot.retry.delay.ms");
    }
    return skipped_of(r);
}

static hp_status read_lists(struct reading *r)
{
    struct settings *s = r->s;
    if (filters_of(r, "schema.include.list", "schema.exclude.list", &s->schemas) != HP_OK ||
        filters_of(r, "table.include.list", "table.exclude.list", &s->tables) != HP_OK ||
        filters_of(r, "column.include.list", "column.exclude.list", &s->columns) != HP_OK ||
        filters_of(r, "message.prefix.include.list", "message.prefix.exclude.list", &s->messages) != HP_OK ||
        filter_of(r, "snapshot.include.collection.list", &s->snapshot_tables) != HP_OK ||
        rules_of(r, "replica.identity.autoset.values", ',', &s->identities, &s->n_identities) != HP_OK ||
        check_identities(r) != HP_OK || rules_of(r, "message.key.columns", ';', &s->keys, &s->n_keys) != HP_OK) {
        return HP_ERROR;
    }
    return overrides_of(r);
}

hp_status settings_init(struct settings *out, const struct hp_config *config, const char **out_key,
                        struct hp_error *err)
{
    struct settings s;
    struct reading r = {&s, config, "", err};
    memset(&s, 0, sizeof s);
    s.java = keys_is_java(config->dialect);
    if (read_names(&r) != HP_OK || read_connection(&r) != HP_OK || read_modes(&r) != HP_OK || read_lists(&r) != HP_OK) {
        settings_finish(&s);
        if (out_key) {
            *out_key = r.key;
        }
        return HP_ERROR;
    }
    *out = s;
    return HP_OK;
}

static void rules_finish(struct rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        filter_destroy(rules[i].tables);
        free(rules[i].value);
    }
    free(rules);
}

static void wipe(char *secret)
{
    if (secret) {
        explicit_bzero(secret, strlen(secret));
        free(secret);
    }
}

void settings_finish(struct settings *s)
{
    char *const texts[] = {s->connector, s->prefix,     s->delimiter, s->host,   s->port,        s->user,
                           s->dbname,    s->sslmode,    s->sslcert,   s->sslkey, s->sslrootcert, s->initial_statements,
                           s->slot,      s->publication};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
    wipe(s->password);
    wipe(s->sslpassword);
    filters_finish(&s->schemas);
    filters_finish(&s->tables);
    filters_finish(&s->columns);
    filters_finish(&s->messages);
    filter_destroy(s->snapshot_tables);
    rules_finish(s->identities, s->n_identities);
    rules_finish(s->keys, s->n_keys);
    rules_finish(s->overrides, s->n_overrides);
    memset(s, 0, sizeof *s);
}

/* "a.b" or "a.b.c". A server that sends names longer than names can be gets them cut. */
struct full_name {
    char s[3 * 256];
    size_t len;
};

static struct full_name full_name(const char *schema, const char *table, const char *column)
{
    struct full_name n;
    (void)snprintf(n.s, sizeof n.s, "%.255s.%.255s%s%.255s", schema, table, column ? "." : "", column ? column : "");
    n.len = strlen(n.s);
    return n;
}

void lineage_add(struct lineage *l, const char *schema, const char *table)
{
    if (l->n < LINEAGE_MAX) {
        l->names[l->n].schema = schema;
        l->names[l->n++].table = table;
    }
}

/* Matches the list the name at `at` of a lineage? Without `table` names of schemas are meant. No list: *out stays. */
static hp_status listed(const struct filter *f, const struct lineage *l, size_t at, bool table, const char *column,
                        bool *out, struct hp_error *err)
{
    struct full_name name = full_name(l->names[at].schema, l->names[at].table, column);
    const char *text = table ? name.s : l->names[at].schema;
    return f ? filter_match(f, text, table ? name.len : strlen(text), out, err) : HP_OK;
}

hp_status settings_wants_table(const struct settings *s, const struct lineage *table, bool *out, struct hp_error *err)
{
    bool included = false;
    for (size_t i = 0; i < table->n; i++) {
        bool by_schema = true, by_name = true, no_schema = false, no_name = false;
        if (listed(s->schemas.include, table, i, false, NULL, &by_schema, err) != HP_OK ||
            listed(s->tables.include, table, i, true, NULL, &by_name, err) != HP_OK ||
            listed(s->schemas.exclude, table, i, false, NULL, &no_schema, err) != HP_OK ||
            listed(s->tables.exclude, table, i, true, NULL, &no_name, err) != HP_OK) {
            return HP_ERROR;
        }
        if (no_schema || no_name) {
            *out = false;
            return HP_OK;
        }
        included = included || (by_schema && by_name);
    }
    *out = included;
    return HP_OK;
}

hp_status settings_wants_column(const struct settings *s, const struct lineage *table, const char *column, bool *out,
                                struct hp_error *err)
{
    bool included = false;
    for (size_t i = 0; i < table->n; i++) {
        bool in = true, no = false;
        if (listed(s->columns.include, table, i, true, column, &in, err) != HP_OK ||
            listed(s->columns.exclude, table, i, true, column, &no, err) != HP_OK) {
            return HP_ERROR;
        }
        if (no) {
            *out = false;
            return HP_OK;
        }
        included = included || in;
    }
    *out = included;
    return HP_OK;
}

hp_status settings_wants_snapshot(const struct settings *s, const struct lineage *table, bool *out,
                                  struct hp_error *err)
{
    bool hit = !s->snapshot_tables;
    for (size_t i = 0; !hit && i < table->n; i++) {
        if (listed(s->snapshot_tables, table, i, true, NULL, &hit, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    *out = hit;
    return HP_OK;
}

hp_status settings_rule(const struct rule *rules, size_t n, const struct lineage *table, const char **out,
                        struct hp_error *err)
{
    *out = NULL;
    for (size_t at = 0; !*out && at < table->n; at++) {
        for (size_t i = 0; !*out && i < n; i++) {
            bool hit = false;
            if (listed(rules[i].tables, table, at, true, NULL, &hit, err) != HP_OK) {
                return HP_ERROR;
            }
            *out = hit ? rules[i].value : NULL;
        }
    }
    return HP_OK;
}
