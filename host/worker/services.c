/*
 * services.c: what plugins ask the host for. All of it is thread-safe but records/1, which belongs to the task.
 */
#include "services.h"

#include "failpoint.h"
#include "logging.h"

#include <stdlib.h>
#include <string.h>

struct instance {
    struct hp_host host; /* first: what the plugin sees */
    struct worker *w;
    char *who;
    bool builds;
};

static struct worker *worker_of(const struct hp_host *host)
{
    return ((const struct instance *)(const void *)host)->w;
}

static void host_log(const struct hp_host *host, uint32_t level, const char *message)
{
    static const enum log_level levels[] = {[HP_LOG_ERROR] = LOG_LEVEL_ERROR,
                                            [HP_LOG_WARN] = LOG_LEVEL_WARN,
                                            [HP_LOG_INFO] = LOG_LEVEL_INFO,
                                            [HP_LOG_DEBUG] = LOG_LEVEL_DEBUG};
    log_line(level >= HP_LOG_ERROR && level <= HP_LOG_DEBUG ? levels[level] : LOG_LEVEL_INFO, "%s: %s",
             ((const struct instance *)(const void *)host)->who, message);
}

static uint32_t records_topic(const struct hp_host *host, struct hp_bytes name, struct hp_error *err)
{
    return schema_pool_topic(worker_of(host)->pool, name, err);
}

static const struct hp_schema *records_schema(const struct hp_host *host, const struct hp_schema *schema,
                                              struct hp_error *err)
{
    return schema_pool_intern(worker_of(host)->pool, schema, err);
}

/* Within source.start: the time is the source's. */
static hp_status schemas_announce(const struct hp_host *host, const struct hp_schema *schema, struct hp_error *err)
{
    const struct worker *w = worker_of(host);
    return w->chain ? chain_announce(w->chain, schema, err) : HP_OK;
}

static void waiting_begin(const struct hp_host *host, const char *for_what)
{
    life_wait_begin(&worker_of(host)->life, for_what);
}

static void waiting_end(const struct hp_host *host)
{
    life_wait_end(&worker_of(host)->life);
}

static void waiting_alive(const struct hp_host *host)
{
    life_alive(&worker_of(host)->life);
}

static struct hp_metric *metrics_of(const struct hp_host *host, const char *name, const char *labels, const char *help,
                                    uint32_t kind)
{
    return metrics_figure(&worker_of(host)->metrics, name, labels, help, kind);
}

static int32_t failpoint_of(const struct hp_host *host, const char *name)
{
    (void)host;
    return failpoint(name);
}

static const struct hp_host_records records = {records_topic, records_schema};
static const struct hp_host_schemas schemas = {schemas_announce};
static const struct hp_host_waiting waiting = {waiting_begin, waiting_end, waiting_alive};
static const struct hp_host_metrics metrics = {metrics_of, metric_add, metric_set};
static const struct hp_host_failpoint failpoints = {failpoint_of};

static const void *host_service(const struct hp_host *host, const char *id)
{
    static const struct {
        const char *id;
        const void *table;
    } services[] = {
        {HP_HOST_RECORDS, &records}, {HP_HOST_SCHEMAS, &schemas},      {HP_HOST_WAITING, &waiting},
        {HP_HOST_METRICS, &metrics}, {HP_HOST_FAILPOINT, &failpoints},
    };
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (strcmp(services[i].id, id) == 0) {
            const void *table = services[i].table;
            bool refused = (table == &records && !((const struct instance *)(const void *)host)->builds) ||
                           (table == &schemas && !props_get(&worker_of(host)->start.config, "transforms"));
            return refused ? NULL : table;
        }
    }
    return NULL;
}

const struct hp_host *services_host(struct worker *w, const char *who, bool builds)
{
    struct instance *in = calloc(1, sizeof *in);
    if (!in) {
        return NULL;
    }
    in->who = strdup(who);
    if (!in->who) {
        free(in);
        return NULL;
    }
    in->w = w;
    in->builds = builds;
    in->host = (struct hp_host){sizeof in->host, HP_ABI_MINOR, in, HOMEPORT_VERSION, host_service, host_log};
    return &in->host;
}
