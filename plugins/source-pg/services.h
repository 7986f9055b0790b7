/*
 * services.h: the host's services as the rest of the plugin uses them, each optional one replaced by doing
 * nothing, and the figures of the instance. Made once per instance by plugin.c.
 */
#ifndef SOURCE_PG_SERVICES_H
#define SOURCE_PG_SERVICES_H

#include <homeport/homeport.h>

#include <stdbool.h>

enum figure {
    FIG_RECORDS,
    FIG_BYTES,
    FIG_TRANSACTIONS,
    FIG_FILTERED,
    FIG_LOOPED,
    FIG_LAG_BYTES,
    FIG_LAG_MS,
    FIG_CONFIRMED_LSN,
    FIG_SNAPSHOT_RUNNING,
    FIG_SNAPSHOT_TABLES,
    FIG_SNAPSHOT_DONE,
    FIG_SNAPSHOT_ROWS,
    FIG_CONNECTS,
    FIG_CATALOG_LOOKUPS,
    FIG_COUNT
};

struct services {
    const struct hp_host *host;
    const struct hp_host_records *records;
    const struct hp_host_schemas *schemas; /* NULL: nobody wants to know them before their records */
    const struct hp_host_waiting *waiting;
    const struct hp_host_metrics *metrics;
    const struct hp_host_failpoint *failpoints;
    struct hp_metric *figures[FIG_COUNT];
};

hp_status services_init(struct services *s, const struct hp_host *host, struct hp_error *err);

void services_log(const struct services *s, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void services_wait_begin(const struct services *s, const char *for_what);
void services_wait_end(const struct services *s);
void services_add(const struct services *s, enum figure f, int64_t n);
void services_set(const struct services *s, enum figure f, int64_t n);
void services_lag_unknown(const struct services *s); /* the server is not listened to */
/* A named place where a test can make the step fail: HP_ERROR (RETRY) then. */
hp_status services_failpoint(const struct services *s, const char *name, struct hp_error *err);

int64_t services_now_us(void); /* monotonic */

#endif
