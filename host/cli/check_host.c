/* check_host.c: what checks share: a small host for instances, configurations, the form of errors. */
#include "plugin_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum check_result check_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return CHECK_FAILED;
}

struct plugin check_open(const struct check *c)
{
    struct plugin p;
    struct hp_error err = {.size = sizeof err};
    if (plugin_load(c->path, &p, &err) != HP_OK) {
        (void)check_fail("%s", err.message);
        if (c->result) {
            *c->result = CHECK_FAILED;
        }
        exit(CHECK_FAILED);
    }
    return p;
}

static struct check_host *host_of(const struct hp_host *host)
{
    return host->ctx;
}

static uint32_t topic(const struct hp_host *host, struct hp_bytes name, struct hp_error *err)
{
    return schema_pool_topic(host_of(host)->pool, name, err);
}

static const struct hp_schema *schema(const struct hp_host *host, const struct hp_schema *s, struct hp_error *err)
{
    return schema_pool_intern(host_of(host)->pool, s, err);
}

static void wait_begin(const struct hp_host *host, const char *for_what)
{
    (void)for_what;
    host_of(host)->waits++;
}

static void wait_end(const struct hp_host *host)
{
    host_of(host)->waits--;
}

static void alive(const struct hp_host *host)
{
    (void)host;
}

struct hp_metric {
    int64_t value;
};

static struct hp_metric *metric(const struct hp_host *host, const char *name, const char *labels, const char *help,
                                uint32_t kind)
{
    static struct hp_metric only;
    (void)host, (void)name, (void)labels, (void)help, (void)kind;
    return &only;
}

static void metric_ignore(struct hp_metric *m, int64_t value)
{
    m->value = value;
}

static int32_t failpoint_never(const struct hp_host *host, const char *name)
{
    (void)host, (void)name;
    return 0;
}

static const void *service(const struct hp_host *host, const char *id)
{
    static const struct hp_host_records records = {topic, schema};
    static const struct hp_host_waiting waiting = {wait_begin, wait_end, alive};
    static const struct hp_host_metrics metrics = {metric, metric_ignore, metric_ignore};
    static const struct hp_host_failpoint failpoints = {failpoint_never};
    static const struct {
        const char *id;
        const void *table;
    } all[] = {{HP_HOST_RECORDS, &records},
               {HP_HOST_WAITING, &waiting},
               {HP_HOST_METRICS, &metrics},
               {HP_HOST_FAILPOINT, &failpoints}};
    (void)host;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i].id, id) == 0) {
            return all[i].table;
        }
    }
    return NULL;
}

static void log_nothing(const struct hp_host *host, uint32_t level, const char *message)
{
    (void)host, (void)level, (void)message;
}

void check_host_init(struct check_host *h)
{
    h->pool = schema_pool_create();
    h->waits = 0;
    h->host = (struct hp_host){sizeof h->host, HP_ABI_MINOR, h, "check-plugin", service, log_nothing};
}

struct hp_config check_config(const struct check *c, const struct plugin *p)
{
    static const char *const samples[] = {
        [HP_CONFIG_BOOLEAN] = "true", [HP_CONFIG_STRING] = "127.0.0.1", [HP_CONFIG_INT] = "1",
        [HP_CONFIG_SHORT] = "1",      [HP_CONFIG_LONG] = "1",           [HP_CONFIG_DOUBLE] = "1",
        [HP_CONFIG_LIST] = "sample",  [HP_CONFIG_CLASS] = "sample",     [HP_CONFIG_PASSWORD] = "sample",
    };
    const struct hp_config_key *keys;
    uint32_t n_keys = plugin_keys(p, p->note.id, &keys), n = 0;
    struct hp_config_entry *entries = calloc((size_t)n_keys + c->n_given + 1, sizeof *entries);
    if (!entries) {
        exit(CHECK_FAILED);
    }
    for (uint32_t i = 0; i < c->n_given; i++) {
        entries[n++] = c->given[i];
    }
    for (uint32_t i = 0; i < n_keys; i++) {
        const struct hp_config_key *key = plugin_key_at(keys, i);
        struct hp_config so_far = {sizeof so_far, n, entries, p->note.id, "check"};
        if ((key->flags & HP_KEY_REQUIRED) && !hp_config_get(&so_far, key->name, NULL)) {
            const char *value = key->type < sizeof samples / sizeof samples[0] ? samples[key->type] : "sample";
            if (key->allowed && !strstr(key->allowed, "..")) {
                value = strndup(key->allowed, strcspn(key->allowed, "|"));
            }
            entries[n++] = (struct hp_config_entry){key->name, value};
        }
    }
    return (struct hp_config){sizeof(struct hp_config), n, entries, p->note.id, "check"};
}

enum check_result check_error(const struct hp_error *err, const char *call)
{
    if (err->klass < HP_ERROR_CONFIG || err->klass > HP_ERROR_FATAL) {
        return check_fail("%s failed with the error class %u; it must be CONFIG, RETRY, POISON or FATAL", call,
                          err->klass);
    }
    if (!memchr(err->message, 0, sizeof err->message) || !memchr(err->code, 0, sizeof err->code)) {
        return check_fail("%s failed with a message or code that is not NUL-terminated", call);
    }
    if (!err->message[0]) {
        return check_fail("%s failed without a message", call);
    }
    if (strpbrk(err->message, "\r\n")) {
        return check_fail("%s failed with a message of more than one line", call);
    }
    return CHECK_OK;
}

hp_status check_create(const struct plugin *p, struct check_host *h, const struct hp_config *config, void **out_self,
                       struct hp_error *err, enum check_result *result)
{
    static char mark;
    void *self = &mark;
    hp_status st;
    memset(err, 0, sizeof *err);
    err->size = sizeof *err;
    st = p->entry->create(&h->host, config, &self, err);
    *result = CHECK_OK;
    if (st < 0) {
        *result = self != &mark ? check_fail("create failed and yet changed *out_self") : check_error(err, "create");
    } else if (self == &mark) {
        *result = check_fail("create answered %d (done) and did not set *out_self", st);
        st = HP_ERROR;
    }
    *out_self = st < 0 ? NULL : self;
    return st;
}
