/*
 * settings.c: see settings.h. The table below is the whole truth about homeport.properties; everything else walks it.
 * Used at start by the supervisor and by commands; single-threaded.
 */
#include "settings.h"

#include "logging.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum kind {
    TEXT,   /* min: the least length */
    LONG,   /* min..max */
    CHOICE, /* one of `allowed`, separated by '|' */
    MOOT,   /* Kafka Connect's, accepted; ignored with one warning: no meaning for this host, or what `doc` says */
    MOOT_PREFIX,
};

struct setting {
    const char *key;
    enum kind kind;
    const char *value; /* the default */
    int64_t min, max;
    const char *allowed;
    const char *doc;
};

#define MS_MAX    INT64_C(31536000000000) /* a thousand years: no sum of two overflows */
#define BYTES_MAX (INT64_C(1) << 46)
#define LATER     "is not supported yet by this version"

static const struct setting table[] = {
    /* the host */
    {"listeners", TEXT, "http://127.0.0.1:8083", 0, 0, NULL,
     "where REST listens: one http://HOST:PORT on loopback; port 0: any free one, see data.dir/listen"},
    {"rest.advertised.host.name", TEXT, "", 0, 0, NULL,
     "name of this host in worker_id; also accepted in Host headers"},
    {"rest.advertised.port", LONG, "0", 0, 65535, NULL, "port of this host in worker_id; 0: the listener's"},
    {"rest.advertised.listener", CHOICE, "http", 0, 0, "http", "for compatibility"},
    {"plugin.path", TEXT, NULL, 0, 0, NULL,
     "folders of plugins, separated by commas; default: the installed one"}, /* computed: default_plugin_path() */
    {"data.dir", TEXT, "homeport-data", 1, 0, NULL,
     "folder of configurations, offsets and the log; one host at a time"},
    {"log.level", CHOICE, "INFO", 0, 0, "ERROR|WARN|INFO|DEBUG", "what is written to stderr"},
    /* workers */
    {"offset.flush.interval.ms", LONG, "60000", 1, MS_MAX, NULL,
     "for compatibility: sinks commit wherever transactions end"},
    {"offset.flush.timeout.ms", LONG, "5000", 1, MS_MAX, NULL,
     "for compatibility: a stopping task has task.shutdown.graceful.timeout.ms"},
    {"task.shutdown.graceful.timeout.ms", LONG, "5000", 0, 3600000, NULL,
     "how long a worker may take to stop before it is killed"},
    {"worker.hang.timeout.ms", LONG, "30000", 1000, 86400000, NULL,
     "a worker without a sign of life for so long is killed"},
    {"worker.restart.max", LONG, "5", 1, 1000000, NULL, "deaths without progress after which a connector is FAILED"},
    {"worker.memory.max.bytes", LONG, "1073741824", INT64_C(32) << 20, BYTES_MAX, NULL,
     "memory that one worker may take"},
    {"max.record.bytes", LONG, "268435456", 1024, INT64_C(1) << 40, NULL,
     "largest record; beyond it is an error that names the record"},
    /* the embedded log */
    {"log.retention.ms", LONG, "604800000", -1, MS_MAX, NULL,
     "age beyond which records go, if every sink has flushed them; -1: none"},
    {"log.retention.bytes", LONG, "-1", -1, BYTES_MAX, NULL,
     "size per stream beyond which the oldest records go, likewise; -1: none"},
    {"log.reserve.bytes", LONG, "16777216", 0, BYTES_MAX, NULL, "disk kept allocated ahead of need, per stream"},
    /* Kafka Connect's worker keys that have to wait, and those that say nothing to a host without brokers */
    {"config.providers", MOOT_PREFIX, NULL, 0, 0, NULL, LATER},
    {"rest.extension.classes", MOOT, NULL, 0, 0, NULL, LATER},
    {"access.control.", MOOT_PREFIX, NULL, 0, 0, NULL, LATER},
    {"admin.listeners", MOOT, NULL, 0, 0, NULL, LATER},
    {"response.http.headers.config", MOOT, NULL, 0, 0, NULL, LATER},
    {"listeners.https.", MOOT_PREFIX, NULL, 0, 0, NULL, LATER},
    {"topic.tracking.", MOOT_PREFIX, NULL, 0, 0, NULL, LATER},
    {"connector.client.config.override.", MOOT_PREFIX, NULL, 0, 0, NULL, LATER},
    {"bootstrap.servers", MOOT, NULL, 0, 0, NULL, NULL},
    {"group.id", MOOT, NULL, 0, 0, NULL, NULL},
    {"client.dns.lookup", MOOT, NULL, 0, 0, NULL, NULL},
    {"client.id", MOOT, NULL, 0, 0, NULL, NULL},
    {"plugin.discovery", MOOT, NULL, 0, 0, NULL, NULL},
    {"connect.protocol", MOOT, NULL, 0, 0, NULL, NULL},
    {"exactly.once.source.support", MOOT, NULL, 0, 0, NULL, NULL},
    {"offset.storage.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"config.storage.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"status.storage.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"key.converter", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"value.converter", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"header.converter", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"internal.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"producer.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"consumer.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"admin.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"metrics.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"metric.reporters", MOOT, NULL, 0, 0, NULL, NULL},
    {"session.timeout.ms", MOOT, NULL, 0, 0, NULL, NULL},
    {"heartbeat.interval.ms", MOOT, NULL, 0, 0, NULL, NULL},
    {"rebalance.timeout.ms", MOOT, NULL, 0, 0, NULL, NULL},
    {"scheduled.rebalance.max.delay.ms", MOOT, NULL, 0, 0, NULL, NULL},
    {"worker.sync.timeout.ms", MOOT, NULL, 0, 0, NULL, NULL},
    {"worker.unsync.backoff.ms", MOOT, NULL, 0, 0, NULL, NULL},
    {"inter.worker.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"topic.creation.enable", MOOT, NULL, 0, 0, NULL, NULL},
    {"request.timeout.ms", MOOT, NULL, 0, 0, NULL, NULL},
    {"retry.backoff.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"reconnect.backoff.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"metadata.max.age.ms", MOOT, NULL, 0, 0, NULL, NULL},
    {"connections.max.idle.ms", MOOT, NULL, 0, 0, NULL, NULL},
    {"send.buffer.bytes", MOOT, NULL, 0, 0, NULL, NULL},
    {"receive.buffer.bytes", MOOT, NULL, 0, 0, NULL, NULL},
    {"security.protocol", MOOT, NULL, 0, 0, NULL, NULL},
    {"sasl.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
    {"ssl.", MOOT_PREFIX, NULL, 0, 0, NULL, NULL},
};
#define TABLE_N (sizeof table / sizeof table[0])

static const struct setting *find(const char *key)
{
    for (size_t i = 0; i < TABLE_N; i++) {
        const struct setting *s = &table[i];
        if (s->kind == MOOT_PREFIX ? strncmp(key, s->key, strlen(s->key)) == 0 : strcmp(key, s->key) == 0) {
            return s;
        }
    }
    return NULL;
}

static bool parse_long(const char *text, int64_t *out)
{
    char *end;
    long long v;
    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno || end == text || *end || (*text != '-' && (*text < '0' || *text > '9'))) {
        return false;
    }
    *out = v;
    return true;
}

static bool in_choice(const char *allowed, const char *value)
{
    size_t len = strlen(value);
    for (const char *p = allowed; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL) {
        if (strncasecmp(p, value, len) == 0 && (p[len] == '|' || p[len] == '\0')) {
            return len > 0;
        }
    }
    return false;
}

static hp_status check(const struct setting *s, const char *value, struct hp_error *err)
{
    int64_t v;
    switch (s->kind) {
    case LONG:
        if (!parse_long(value, &v) || v < s->min || v > s->max) {
            return hp_fail(err, HP_ERROR_CONFIG, "", "%s=%.200s: a whole number from %lld to %lld is allowed", s->key,
                           value, (long long)s->min, (long long)s->max);
        }
        break;
    case CHOICE:
        if (!in_choice(s->allowed, value)) {
            return hp_fail(err, HP_ERROR_CONFIG, "", "%s=%.200s: one of %s is allowed", s->key, value, s->allowed);
        }
        break;
    default:
        if (s->kind == TEXT && strlen(value) < (size_t)s->min) {
            return hp_fail(err, HP_ERROR_CONFIG, "", "%s=: a value is needed", s->key);
        }
        break;
    }
    return HP_OK;
}

/* The installed folder beside the binary's, else plugins/ beside the binary (a build tree). */
static hp_status default_plugin_path(char out[PATH_MAX], struct hp_error *err)
{
    char exe[PATH_MAX - 64], resolved[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    char *slash;
    if (n <= 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "plugin.path is not set, and the place of the binary cannot be read: %s", strerror(errno));
    }
    exe[n] = '\0';
    slash = strrchr(exe, '/');
    if (slash) {
        *slash = '\0';
    }
    (void)snprintf(out, PATH_MAX, "%s/../lib/homeport/plugins", exe);
    if (realpath(out, resolved)) {
        (void)snprintf(out, PATH_MAX, "%s", resolved);
    } else {
        (void)snprintf(out, PATH_MAX, "%s/plugins", exe);
    }
    return HP_OK;
}

static hp_status take_given(const struct props *given, struct props *out, struct hp_error *err)
{
    for (size_t i = 0; i < given->n; i++) {
        const char *key = given->entries[i].key, *value = given->entries[i].value;
        const struct setting *s = find(key);
        if (!s) {
            log_warn("unknown key %s in the properties file; it is ignored", key);
        } else if (s->kind == MOOT || s->kind == MOOT_PREFIX) {
            log_warn("key %s %s; it is ignored", key, s->doc ? s->doc : "has no meaning for this host");
        } else if (check(s, value, err) != HP_OK) {
            return HP_ERROR;
        } else if (!props_set(out, key, value)) {
            return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
        }
    }
    return HP_OK;
}

static hp_status fill_defaults(struct props *out, struct hp_error *err)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < TABLE_N; i++) {
        if (table[i].kind < MOOT && table[i].value && !props_get(out, table[i].key) &&
            !props_set(out, table[i].key, table[i].value)) {
            return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
        }
    }
    if (!props_get(out, "plugin.path")) {
        if (default_plugin_path(path, err) != HP_OK) {
            return HP_ERROR;
        }
        if (!props_set(out, "plugin.path", path)) {
            return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
        }
    }
    return HP_OK;
}

hp_status settings_load(const char *path, struct props *out, struct hp_error *err)
{
    struct props given, made;
    props_init(&given);
    props_init(&made);
    hp_status status = path ? props_load(&given, path, err) : HP_OK;
    if (status == HP_OK) {
        struct hp_error inner = {.size = sizeof inner};
        status = take_given(&given, &made, &inner);
        if (status != HP_OK) {
            status = hp_fail(err, inner.klass, inner.code, "%.300s: %.600s", path, inner.message);
        }
    }
    if (status == HP_OK) {
        status = fill_defaults(&made, err);
    }
    props_finish(&given);
    if (status != HP_OK) {
        props_finish(&made);
        return status;
    }
    *out = made;
    return HP_OK;
}

hp_status settings_override(struct props *settings, const char *key, const char *value, struct hp_error *err)
{
    const struct setting *s = find(key);
    if (!s || s->kind >= MOOT) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "%s is not a key of this host", key);
    }
    if (check(s, value, err) != HP_OK) {
        return HP_ERROR;
    }
    return props_set(settings, key, value) ? HP_OK : hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
}

void settings_print(FILE *to)
{
    for (size_t i = 0; i < TABLE_N && table[i].kind < MOOT; i++) {
        const struct setting *s = &table[i];
        (void)fprintf(to, "  %s\n      %s%s%s%s%s\n", s->key, s->doc, s->value && *s->value ? "; default " : "",
                      s->value ? s->value : "", s->allowed ? "; one of " : "", s->allowed ? s->allowed : "");
    }
}

int64_t settings_long(const struct props *settings, const char *key)
{
    const char *text = props_get(settings, key);
    int64_t v = 0;
    if (!text || !parse_long(text, &v)) {
        log_error("setting %s was asked for as a number and is none", key);
        abort();
    }
    return v;
}

const char *settings_text(const struct props *settings, const char *key)
{
    const char *text = props_get(settings, key);
    if (!text) {
        log_error("setting %s was asked for and is not in the table", key);
        abort();
    }
    return text;
}
