/* mock_host.c: see mock_host.h. */
#include "mock_host.h"

#include "failpoint.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MOCK_METRICS_MAX 512

struct hp_metric {
    char name[64];
    char labels[192];
    int64_t value;
};

struct mock_host {
    struct hp_host host;
    struct schema_pool *pool;
    bool verbose;
    pthread_mutex_t lock;
    struct buf lines;
    const char *waiting;
    size_t n_metrics;
    struct hp_metric metrics[MOCK_METRICS_MAX];
};

static struct mock_host *self_of(const struct hp_host *host)
{
    return host->ctx;
}

static void mock_log(const struct hp_host *host, uint32_t level, const char *message)
{
    static const char *const names[] = {"?", "ERROR", "WARN", "INFO", "DEBUG"};
    struct mock_host *m = self_of(host);
    pthread_mutex_lock(&m->lock);
    (void)buf_puts(&m->lines, message);
    (void)buf_putc(&m->lines, '\n');
    pthread_mutex_unlock(&m->lock);
    if (m->verbose) {
        (void)fprintf(stderr, "%s %s\n", names[level <= HP_LOG_DEBUG ? level : 0], message);
    }
}

static uint32_t mock_topic(const struct hp_host *host, struct hp_bytes name, struct hp_error *err)
{
    return schema_pool_topic(self_of(host)->pool, name, err);
}

static const struct hp_schema *mock_schema(const struct hp_host *host, const struct hp_schema *s, struct hp_error *err)
{
    return schema_pool_intern(self_of(host)->pool, s, err);
}

static void mock_wait_begin(const struct hp_host *host, const char *for_what)
{
    self_of(host)->waiting = for_what;
}

static void mock_wait_end(const struct hp_host *host)
{
    self_of(host)->waiting = NULL;
}

static void mock_alive(const struct hp_host *host)
{
    (void)host;
}

static struct hp_metric *find_metric(struct mock_host *m, const char *name, const char *labels)
{
    for (size_t i = 0; i < m->n_metrics; i++) {
        if (strcmp(m->metrics[i].name, name) == 0 && strcmp(m->metrics[i].labels, labels) == 0) {
            return &m->metrics[i];
        }
    }
    return NULL;
}

static struct hp_metric *mock_metric_get(const struct hp_host *host, const char *name, const char *labels,
                                         const char *help, uint32_t kind)
{
    struct mock_host *m = self_of(host);
    struct hp_metric *found;
    (void)help;
    (void)kind;
    pthread_mutex_lock(&m->lock);
    found = find_metric(m, name, labels);
    if (!found && m->n_metrics < MOCK_METRICS_MAX) {
        found = &m->metrics[m->n_metrics++];
        (void)snprintf(found->name, sizeof found->name, "%s", name);
        (void)snprintf(found->labels, sizeof found->labels, "%s", labels);
    }
    pthread_mutex_unlock(&m->lock);
    return found;
}

static void mock_metric_add(struct hp_metric *metric, int64_t n)
{
    if (metric) {
        __atomic_fetch_add(&metric->value, n, __ATOMIC_RELAXED);
    }
}

static void mock_metric_set(struct hp_metric *metric, int64_t n)
{
    if (metric) {
        __atomic_store_n(&metric->value, n, __ATOMIC_RELAXED);
    }
}

static int32_t mock_failpoint(const struct hp_host *host, const char *name)
{
    (void)host;
    return failpoint(name);
}

static const void *mock_service(const struct hp_host *host, const char *id)
{
    static const struct hp_host_records records = {mock_topic, mock_schema};
    static const struct hp_host_waiting waiting = {mock_wait_begin, mock_wait_end, mock_alive};
    static const struct hp_host_metrics metrics = {mock_metric_get, mock_metric_add, mock_metric_set};
    static const struct hp_host_failpoint failpoints = {mock_failpoint};
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

struct mock_host *mock_host_create(bool verbose)
{
    struct mock_host *m = calloc(1, sizeof *m);
    if (!m) {
        return NULL;
    }
    m->pool = schema_pool_create();
    if (!m->pool) {
        free(m);
        return NULL;
    }
    m->host = (struct hp_host){.size = sizeof m->host,
                               .abi_minor = HP_ABI_MINOR,
                               .ctx = m,
                               .version = "mock",
                               .service = mock_service,
                               .log = mock_log};
    m->verbose = verbose;
    pthread_mutex_init(&m->lock, NULL);
    buf_init(&m->lines, 16u << 20);
    failpoints_init();
    return m;
}

void mock_host_destroy(struct mock_host *m)
{
    if (m) {
        schema_pool_destroy(m->pool);
        buf_finish(&m->lines);
        pthread_mutex_destroy(&m->lock);
        free(m);
    }
}

const struct hp_host *mock_host_face(struct mock_host *m)
{
    return &m->host;
}

struct schema_pool *mock_host_pool(struct mock_host *m)
{
    return m->pool;
}

struct hp_batch mock_host_batch(struct mock_host *m, const struct builder *b)
{
    struct hp_batch batch = builder_batch(b);
    schema_pool_view(m->pool, &batch);
    return batch;
}

int64_t mock_host_metric(struct mock_host *m, const char *name, const char *labels)
{
    const struct hp_metric *found;
    pthread_mutex_lock(&m->lock);
    found = find_metric(m, name, labels);
    pthread_mutex_unlock(&m->lock);
    return found ? __atomic_load_n(&found->value, __ATOMIC_RELAXED) : -1;
}

bool mock_host_logged(struct mock_host *m, const char *part)
{
    bool found;
    pthread_mutex_lock(&m->lock);
    found = m->lines.data && strstr((const char *)m->lines.data, part);
    pthread_mutex_unlock(&m->lock);
    return found;
}

const char *mock_host_waiting(struct mock_host *m)
{
    return m->waiting;
}

bool mock_config_init(struct mock_config *c, const char *dialect, const char *connector, size_t n,
                      const char *const *pairs)
{
    memset(c, 0, sizeof *c);
    c->entries = calloc(n + 1, sizeof *c->entries);
    c->texts = calloc(n + 1, sizeof *c->texts);
    if (!c->entries || !c->texts) {
        mock_config_finish(c);
        return false;
    }
    c->config =
        (struct hp_config){.size = sizeof c->config, .entries = c->entries, .dialect = dialect, .connector = connector};
    for (size_t i = 0; i < n; i++) {
        char *text = strdup(pairs[i]), *equals = text ? strchr(text, '=') : NULL;
        c->texts[i] = text;
        if (!equals) {
            mock_config_finish(c);
            return false;
        }
        *equals = '\0';
        c->entries[i] = (struct hp_config_entry){text, equals + 1};
        c->config.n_entries++;
    }
    return true;
}

void mock_config_finish(struct mock_config *c)
{
    for (size_t i = 0; c->texts && c->texts[i]; i++) {
        free(c->texts[i]);
    }
    free(c->texts);
    free(c->entries);
    memset(c, 0, sizeof *c);
}

const struct hp_plugin_entry *mock_plugin_load(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct hp_plugin_entry *entry = handle ? dlsym(handle, "hp_plugin_entry_v1") : NULL;
    if (!entry) {
        (void)fprintf(stderr, "%s: %s\n", path, dlerror());
    }
    return entry;
}
