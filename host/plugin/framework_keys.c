/*
 * framework_keys.c: one table of the framework's keys and the few rules that types cannot say. A key whose meaning
 * this version cannot honour is an error that says so; one without a meaning here is a warning. Pure. [any] thread.
 */
#include "framework_keys.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOTH   ((1u << HP_KIND_SOURCE) | (1u << HP_KIND_SINK))
#define SOURCE (1u << HP_KIND_SOURCE)
#define SINK   (1u << HP_KIND_SINK)

struct framework_key {
    uint32_t kinds; /* bits 1 << HP_KIND_* */
    bool shown;     /* in the lists that clients see (V4, V5); else only when given */
    const char *display;
    void (*rule)(struct config_infos *infos, const char *name, const char *value);
    struct hp_config_key key;
};

static void rule_name(struct config_infos *infos, const char *name, const char *value)
{
    if (!value[0]) {
        config_infos_invalid(infos, name, value, "String may not be empty");
    }
    for (const char *c = value; *c; c++) {
        if (iscntrl((unsigned char)*c)) {
            char why[128];
            (void)snprintf(why, sizeof why,
                           "String may not contain control sequences but had the following ASCII chars: %d", *c);
            config_infos_invalid(infos, name, value, why);
            return;
        }
    }
}

/* The last part of a Java class name. */
static const char *simple_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static void rule_converter(struct config_infos *infos, const char *name, const char *value)
{
    if (value[0] && strcmp(simple_name(value), "JsonConverter") != 0) {
        config_infos_invalid(infos, name, value,
                             "not supported yet by this version: records are kept in their native form and shown as "
                             "JSON; leave it out or use org.apache.kafka.connect.json.JsonConverter");
    }
}

static void rule_header_converter(struct config_infos *infos, const char *name, const char *value)
{
    const char *simple = simple_name(value);
    if (value[0] && strcmp(simple, "SimpleHeaderConverter") != 0 && strcmp(simple, "JsonConverter") != 0) {
        config_infos_invalid(infos, name, value,
                             "not supported yet by this version; leave it out or use "
                             "org.apache.kafka.connect.storage.SimpleHeaderConverter");
    }
}

static void rule_retry_timeout(struct config_infos *infos, const char *name, const char *value)
{
    if (strcmp(value, "-1") != 0) {
        config_infos_warning(infos, name,
                             "has no effect: an error that may pass is retried until it does, with the reason in the "
                             "task's trace");
    }
}

static void rule_log_messages(struct config_infos *infos, const char *name, const char *value)
{
    if (strcasecmp(value, "true") == 0) {
        config_infos_warning(infos, name, "names topic and offset of a failed record in the log, never its content");
    }
}

static void rule_tasks_max(struct config_infos *infos, const char *name, const char *value)
{
    if (strtol(value, NULL, 10) > 1) {
        config_infos_warning(infos, name, "is more than 1; a connector has one task here");
    }
}

static void rule_offset_reset(struct config_infos *infos, const char *name, const char *value)
{
    if (strcasecmp(value, "earliest") != 0) {
        config_infos_invalid(infos, name, value,
                             "not supported yet by this version: a sink without a position starts at the earliest "
                             "record");
    }
}

static void rule_topics_list(struct config_infos *infos, const char *name, const char *value)
{
    bool blank = value[strspn(value, " \t")] == '\0'; /* as if it were not given */
    for (const char *item = value; !blank && item; item = strchr(item, ',') ? strchr(item, ',') + 1 : NULL) {
        item += strspn(item, " \t");
        if (*item == ',' || *item == '\0') {
            config_infos_invalid(infos, name, value, "Configuration 'topics' values must not be empty.");
            return;
        }
    }
}

/* As the worker compiles it (sink_topics.c), so that what it would refuse is refused when the connector is made. */
static void rule_topics_regex(struct config_infos *infos, const char *name, const char *value)
{
    PCRE2_SIZE at = 0;
    int code = 0;
    pcre2_code *pattern =
        pcre2_compile((PCRE2_SPTR)value, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (!pattern) {
        PCRE2_UCHAR reason[160] = "";
        char why[256];
        (void)pcre2_get_error_message(code, reason, sizeof reason);
        (void)snprintf(why, sizeof why, "Invalid regex: %s at character %zu", (const char *)reason, (size_t)at);
        config_infos_invalid(infos, name, value, why);
    }
    pcre2_code_free(pattern);
}

#define KEY(type_, importance_, flags_, name_, default_, allowed_, group_, doc_)                                       \
    {                                                                                                                  \
        sizeof(struct hp_config_key), HP_CONFIG_##type_, HP_IMPORTANCE_##importance_, flags_, name_, default_,         \
            allowed_, group_, doc_                                                                                     \
    }

static const struct framework_key table[] = {
    {BOTH, true, "Connector name", rule_name,
     KEY(STRING, HIGH, HP_KEY_REQUIRED, "name", NULL, NULL, "Common", "Name of the connector, unique in this host.")},
    {BOTH, true, "Connector class", NULL,
     KEY(STRING, HIGH, HP_KEY_REQUIRED, "connector.class", NULL, NULL, "Common",
         "The plugin: its own name (source-pg) or the name of the Java connector that it stands for. The name also "
         "picks keys and defaults.")},
    {BOTH, true, "Tasks max", rule_tasks_max,
     KEY(INT, HIGH, 0, "tasks.max", "1", "1..", "Common", "Accepted for compatibility; a connector has one task.")},
    {BOTH, true, "Enforce tasks max", NULL,
     KEY(BOOLEAN, LOW, 0, "tasks.max.enforce", "true", NULL, "Common", "Accepted for compatibility.")},
    {BOTH, true, "Key converter class", rule_converter,
     KEY(CLASS, LOW, 0, "key.converter", NULL, NULL, "Common",
         "JsonConverter is accepted: records are kept in their native form and shown as JSON to who asks.")},
    {BOTH, true, "Value converter class", rule_converter,
     KEY(CLASS, LOW, 0, "value.converter", NULL, NULL, "Common",
         "JsonConverter is accepted: records are kept in their native form and shown as JSON to who asks.")},
    {BOTH, true, "Header converter class", rule_header_converter,
     KEY(CLASS, LOW, 0, "header.converter", NULL, NULL, "Common", "SimpleHeaderConverter is accepted.")},
    {BOTH, true, "Transforms", NULL,
     KEY(LIST, LOW, 0, "transforms", "", NULL, "Transforms",
         "Aliases of the transformations that each record passes, in this order; transforms.ALIAS.type names the "
         "plugin.")},
    {BOTH, true, "Predicates", NULL,
     KEY(LIST, LOW, HP_KEY_UNSUPPORTED, "predicates", "", NULL, "Predicates",
         "Aliases of predicates on transformations. Not supported yet.")},
    {BOTH, true, "Reload Action", NULL,
     KEY(STRING, LOW, 0, "config.action.reload", "restart", "none|restart", "Common",
         "What to do when a configuration provider's value changes; no provider changes values here.")},
    {BOTH, true, "Retry Timeout for Errors", rule_retry_timeout,
     KEY(LONG, MEDIUM, 0, "errors.retry.timeout", "0", "-1..", "Error Handling",
         "Errors that may pass are retried until they do.")},
    {BOTH, true, "Maximum Delay Between Retries for Errors", NULL,
     KEY(LONG, MEDIUM, 0, "errors.retry.delay.max.ms", "60000", "1..", "Error Handling",
         "Longest wait between two attempts, in milliseconds; never more than 30 seconds here.")},
    {BOTH, true, "Error Tolerance", NULL,
     KEY(STRING, MEDIUM, HP_KEY_UNSUPPORTED, "errors.tolerance", "none", "none|all", "Error Handling",
         "none: a record that cannot be processed fails the task. all is not supported yet.")},
    {BOTH, true, "Log Errors", NULL,
     KEY(BOOLEAN, MEDIUM, 0, "errors.log.enable", "false", NULL, "Error Handling",
         "Accepted; a failed record is always logged.")},
    {BOTH, true, "Log Error Details", rule_log_messages,
     KEY(BOOLEAN, MEDIUM, 0, "errors.log.include.messages", "false", NULL, "Error Handling",
         "Accepted; topic and offset of a failed record are always logged, its content never.")},
    {SOURCE, true, "Topic Creation Groups", NULL,
     KEY(LIST, LOW, HP_KEY_IGNORED, "topic.creation.groups", "", NULL, "Topic Creation",
         "Topics of the embedded log need no settings.")},
    {SOURCE, true, "Exactly once support", NULL,
     KEY(STRING, MEDIUM, 0, "exactly.once.support", "requested", "requested|required", "Exactly Once Support",
         "Exactly once is always on.")},
    {SOURCE, true, "Transaction Boundary", NULL,
     KEY(STRING, MEDIUM, HP_KEY_IGNORED, "transaction.boundary", "poll", "poll|interval|connector",
         "Exactly Once Support", "The source's own transactions are never split.")},
    {SOURCE, true, "Transaction boundary interval", NULL,
     KEY(LONG, LOW, HP_KEY_IGNORED, "transaction.boundary.interval.ms", NULL, "0..", "Exactly Once Support",
         "The source's own transactions are never split.")},
    {SOURCE, true, "Offsets topic", NULL,
     KEY(STRING, LOW, HP_KEY_IGNORED, "offsets.storage.topic", NULL, NULL, "offsets.topic",
         "The embedded log keeps offsets beside the records.")},
    {SINK, true, "Topics", rule_topics_list,
     KEY(LIST, HIGH, 0, "topics", "", NULL, "Common", "Topics to read, separated by commas.")},
    {SINK, true, "Topics regex", rule_topics_regex,
     KEY(STRING, HIGH, 0, "topics.regex", "", NULL, "Common",
         "Regular expression of the topics to read; it must match the whole name.")},
    {SINK, true, "Dead Letter Queue Topic Name", NULL,
     KEY(STRING, MEDIUM, HP_KEY_UNSUPPORTED, "errors.deadletterqueue.topic.name", "", NULL, "Error Handling",
         "Dead letter queues are not supported yet.")},
    {SINK, true, "Dead Letter Queue Topic Replication Factor", NULL,
     KEY(SHORT, MEDIUM, HP_KEY_IGNORED, "errors.deadletterqueue.topic.replication.factor", "3", NULL, "Error Handling",
         "The embedded log has no replicas.")},
    {SINK, true, "Enable Error Context Headers", NULL,
     KEY(BOOLEAN, MEDIUM, HP_KEY_UNSUPPORTED, "errors.deadletterqueue.context.headers.enable", "false", NULL,
         "Error Handling", "Dead letter queues are not supported yet.")},
    /* Not in the lists of keys, but judged when given. */
    {BOTH, false, NULL, NULL,
     KEY(STRING, LOW, HP_KEY_UNSUPPORTED, "connector.plugin.version", NULL, NULL, "Common",
         "The newest version of a plugin is used.")},
    {BOTH, false, NULL, NULL,
     KEY(STRING, LOW, HP_KEY_IGNORED, "key.converter.plugin.version", NULL, NULL, "Common", "")},
    {BOTH, false, NULL, NULL,
     KEY(STRING, LOW, HP_KEY_IGNORED, "value.converter.plugin.version", NULL, NULL, "Common", "")},
    {BOTH, false, NULL, NULL,
     KEY(STRING, LOW, HP_KEY_IGNORED, "header.converter.plugin.version", NULL, NULL, "Common", "")},
    {BOTH, false, NULL, NULL,
     KEY(BOOLEAN, HIGH, 0, "key.converter.schemas.enable", "true", NULL, "Common",
         "Include schemas within each of the serialized keys.")},
    {BOTH, false, NULL, NULL,
     KEY(BOOLEAN, HIGH, 0, "value.converter.schemas.enable", "true", NULL, "Common",
         "Include schemas within each of the serialized values.")},
    {BOTH, false, NULL, NULL,
     KEY(INT, LOW, 0, "key.converter.schemas.cache.size", "1000", "0..", "Common", "Accepted for compatibility.")},
    {BOTH, false, NULL, NULL,
     KEY(INT, LOW, 0, "value.converter.schemas.cache.size", "1000", "0..", "Common", "Accepted for compatibility.")},
    {BOTH, false, NULL, NULL,
     KEY(STRING, LOW, 0, "key.converter.decimal.format", "BASE64", "BASE64|NUMERIC", "Common",
         "Accepted for compatibility.")},
    {BOTH, false, NULL, NULL,
     KEY(STRING, LOW, 0, "value.converter.decimal.format", "BASE64", "BASE64|NUMERIC", "Common",
         "Accepted for compatibility.")},
    {BOTH, false, NULL, NULL,
     KEY(BOOLEAN, LOW, HP_KEY_IGNORED, "key.converter.replace.null.with.default", "true", NULL, "Common", "")},
    {BOTH, false, NULL, NULL,
     KEY(BOOLEAN, LOW, HP_KEY_IGNORED, "value.converter.replace.null.with.default", "true", NULL, "Common", "")},
    {SINK, false, NULL, rule_offset_reset,
     KEY(STRING, LOW, 0, "consumer.override.auto.offset.reset", NULL, NULL, "Common",
         "A sink without a position starts at the earliest record.")},
};

/* Families of keys, after the table: known by their beginning. A warning names each one given, but those of a
   family whose keys are judged elsewhere. */
static const struct {
    const char *prefix;
    const char *warning;
} families[] = {
    {"transforms.", NULL}, /* transform_keys.c */
    {"predicates.", NULL}, /* only with `predicates`, which is refused */
    {"key.converter.", "is not a key of JsonConverter and is ignored"},
    {"value.converter.", "is not a key of JsonConverter and is ignored"},
    {"header.converter.", "has no meaning here and is ignored"},
    {"topic.creation.", "has no meaning here and is ignored: topics of the embedded log need no settings"},
    {"producer.override.", "has no meaning here and is ignored: the embedded log has no client settings"},
    {"consumer.override.", "has no meaning here and is ignored: the embedded log has no client settings"},
    {"admin.override.", "has no meaning here and is ignored: the embedded log has no client settings"},
};

#define N_TABLE    (sizeof table / sizeof table[0])
#define N_FAMILIES (sizeof families / sizeof families[0])

static const struct framework_key *find(uint32_t kind, const char *name)
{
    for (size_t i = 0; i < N_TABLE; i++) {
        if ((table[i].kinds & (1u << kind)) && strcmp(table[i].key.name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static size_t family_of(const char *name)
{
    size_t i = 0;
    while (i < N_FAMILIES && strncmp(name, families[i].prefix, strlen(families[i].prefix)) != 0) {
        i++;
    }
    return i;
}

bool framework_key_known(uint32_t kind, const char *name)
{
    return find(kind, name) || family_of(name) < N_FAMILIES;
}

static bool declares(const struct hp_config_key *keys, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct hp_config_key *key =
            (const struct hp_config_key *)(const void *)((const uint8_t *)keys + (uint64_t)i * keys->size);
        if (config_key_covers(key, name)) {
            return true;
        }
    }
    return false;
}

/* A sink has topics or a pattern of them, not both. */
static void rule_topics(struct config_infos *infos, const struct props *config)
{
    const char *topics = props_get(config, "topics"), *regex = props_get(config, "topics.regex");
    bool list = topics && topics[strspn(topics, " ,\t")], pattern = regex && regex[strspn(regex, " \t")];
    if (list && pattern) {
        static const char why[] = "topics and topics.regex are mutually exclusive options, but both are set.";
        config_infos_invalid(infos, "topics", topics, why);
        config_infos_invalid(infos, "topics.regex", regex, why);
    } else if (!list && !pattern) {
        static const char why[] = "Must configure one of topics or topics.regex";
        config_infos_invalid(infos, "topics", topics, why);
        config_infos_invalid(infos, "topics.regex", regex, why);
    }
}

void framework_keys_declare(struct config_infos *infos, uint32_t kind, const struct hp_config_key *own, uint32_t n_own,
                            const struct props *config)
{
    for (size_t i = 0; i < N_TABLE; i++) {
        const struct framework_key *f = &table[i];
        const char *value = config ? props_get(config, f->key.name) : NULL;
        struct config_item *item;
        size_t errors = infos->n_errors;
        if (!(f->kinds & (1u << kind)) || (!f->shown && !value) || declares(own, n_own, f->key.name)) {
            continue;
        }
        item = config_infos_declare(infos, &f->key, "", NULL, config);
        if (item) {
            item->display = f->display;
        }
        if (value && f->rule && infos->n_errors == errors) {
            f->rule(infos, f->key.name, value);
        }
    }
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->n; i++) {
        const char *name = config->entries[i].key;
        size_t family = family_of(name);
        if (family < N_FAMILIES && families[family].warning && !find(kind, name) && !declares(own, n_own, name)) {
            config_infos_warning(infos, name, families[family].warning);
        }
    }
    if (kind == HP_KIND_SINK) {
        rule_topics(infos, config);
    }
}

struct hp_config_entry *framework_keys_rest(uint32_t kind, const struct hp_config_key *own, uint32_t n_own,
                                            const struct props *config, uint32_t *out_n)
{
    struct hp_config_entry *entries = calloc(config->n + 1, sizeof *entries);
    uint32_t n = 0;
    for (size_t i = 0; entries && i < config->n; i++) {
        const struct props_entry *e = &config->entries[i];
        if (!framework_key_known(kind, e->key) || declares(own, n_own, e->key)) {
            entries[n++] = (struct hp_config_entry){e->key, e->value};
        }
    }
    *out_n = n;
    return entries;
}
