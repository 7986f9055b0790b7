/* services.c: see services.h. */
#include "services.h"

#include <time.h>

static const struct {
    const char *name, *help;
    uint32_t kind;
} figures[FIG_COUNT] = {
    [FIG_RECORDS] = {"source_records_total", "Records read from the source", HP_METRIC_COUNTER},
    [FIG_BYTES] = {"source_bytes_total", "Bytes of changes and snapshot rows received", HP_METRIC_COUNTER},
    [FIG_TRANSACTIONS] = {"source_transactions_total", "Committed transactions handled", HP_METRIC_COUNTER},
    [FIG_FILTERED] = {"source_filtered_total", "Changes left out by the connector's lists", HP_METRIC_COUNTER},
    [FIG_LOOPED] = {"source_looped_total", "Changes left out because a Homeport sink made them", HP_METRIC_COUNTER},
    [FIG_LAG_BYTES] = {"source_lag_bytes", "Bytes of WAL between the server's end and what is confirmed",
                       HP_METRIC_GAUGE},
    [FIG_LAG_MS] = {"source_lag_ms", "Age of the newest handled commit while behind, 0 when level", HP_METRIC_GAUGE},
    [FIG_CONFIRMED_LSN] = {"source_confirmed_lsn", "LSN confirmed to the server", HP_METRIC_GAUGE},
    [FIG_SNAPSHOT_RUNNING] = {"snapshot_running", "1 while the snapshot runs", HP_METRIC_GAUGE},
    [FIG_SNAPSHOT_TABLES] = {"snapshot_tables_total", "Tables to snapshot", HP_METRIC_GAUGE},
    [FIG_SNAPSHOT_DONE] = {"snapshot_tables_done", "Tables whose snapshot is complete", HP_METRIC_GAUGE},
    [FIG_SNAPSHOT_ROWS] = {"snapshot_rows", "Rows read by the snapshot", HP_METRIC_COUNTER},
    [FIG_CONNECTS] = {"source_connects_total", "Replication connections made", HP_METRIC_COUNTER},
    [FIG_CATALOG_LOOKUPS] = {"source_catalog_lookups_total", "Tables looked up in the catalog", HP_METRIC_COUNTER},
};

hp_status services_init(struct services *s, const struct hp_host *host, struct hp_error *err)
{
    memset(s, 0, sizeof *s);
    s->host = host;
    s->records = host->service(host, HP_HOST_RECORDS);
    s->schemas = host->service(host, HP_HOST_SCHEMAS);
    s->waiting = host->service(host, HP_HOST_WAITING);
    s->metrics = host->service(host, HP_HOST_METRICS);
    s->failpoints = host->service(host, HP_HOST_FAILPOINT);
    if (!s->records) {
        return hp_fail(err, HP_ERROR_FATAL, "", "the host does not offer %s; it is older than this plugin",
                       HP_HOST_RECORDS);
    }
    for (size_t i = 0; s->metrics && i < FIG_COUNT; i++) {
        s->figures[i] = s->metrics->get(host, figures[i].name, "", figures[i].help, figures[i].kind);
    }
    services_lag_unknown(s);
    return HP_OK;
}

void services_log(const struct services *s, uint32_t level, const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    s->host->log(s->host, level, line);
}

void services_wait_begin(const struct services *s, const char *for_what)
{
    if (s->waiting) {
        s->waiting->begin(s->host, for_what);
    }
}

void services_wait_end(const struct services *s)
{
    if (s->waiting) {
        s->waiting->end(s->host);
    }
}

void services_add(const struct services *s, enum figure f, int64_t n)
{
    if (s->figures[f] && n) {
        s->metrics->add(s->figures[f], n);
    }
}

void services_set(const struct services *s, enum figure f, int64_t n)
{
    if (s->figures[f]) {
        s->metrics->set(s->figures[f], n);
    }
}

void services_lag_unknown(const struct services *s)
{
    services_set(s, FIG_LAG_BYTES, HP_METRIC_UNKNOWN);
    services_set(s, FIG_LAG_MS, HP_METRIC_UNKNOWN);
}

hp_status services_failpoint(const struct services *s, const char *name, struct hp_error *err)
{
    if (s->failpoints && s->failpoints->hit(s->host, name)) {
        return hp_fail(err, HP_ERROR_RETRY, "failpoint", "the step %s was made to fail", name);
    }
    return HP_OK;
}

int64_t services_now_us(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
