/*
 * host.h: what the host offers a plugin. Services are fetched by id with hp_host.service();
 * an id the host does not know gives NULL. Fetched tables stay valid for the instance's life.
 */
#ifndef HOMEPORT_HOST_H
#define HOMEPORT_HOST_H

#include "batch.h"

#define HP_LOG_ERROR 1u
#define HP_LOG_WARN  2u
#define HP_LOG_INFO  3u
#define HP_LOG_DEBUG 4u

struct hp_host {
    uint32_t size;
    uint32_t abi_minor;
    void *ctx;
    const char *version;                                                      /* the host's own, for logs */
    const void *(*service)(const struct hp_host *, const char *id);           /* [any] */
    void (*log)(const struct hp_host *, uint32_t level, const char *message); /* [any] one line */
};

/*
 * "homeport.records/1": names and schemas of the stream that a source writes, or into which a
 * transform's output goes. [task]
 */
#define HP_HOST_RECORDS "homeport.records/1"
struct hp_host_records {
    /* The id of a topic name; the same name always gives the same id. 0 on failure. */
    uint32_t (*topic)(const struct hp_host *, struct hp_bytes name, struct hp_error *err);
    /* The host's copy of an equal schema; `id` and `version` of the argument are ignored. NULL on failure. */
    const struct hp_schema *(*schema)(const struct hp_host *, const struct hp_schema *, struct hp_error *err);
};

/*
 * "homeport.schemas/1": offered to a source whose connector has transforms: shows them (transform.h) a schema of
 * hp_host_records.schema() before the first record of it, so that one which cannot treat a table refuses at the start
 * and not in mid-stream. A source calls it from start() for each schema that it knows to be coming, and returns an
 * error as start()'s own. [task]
 */
#define HP_HOST_SCHEMAS "homeport.schemas/1"
struct hp_host_schemas {
    hp_status (*announce)(const struct hp_host *, const struct hp_schema *, struct hp_error *err);
};

/*
 * "homeport.waiting/1": a call that waits for something outside (a lock, a server, a long query)
 * says so, or the host takes it for an endless loop after worker.hang.timeout.ms. begin and end
 * pair up and do not nest; alive() says instead that long work is moving on. [any]
 */
#define HP_HOST_WAITING "homeport.waiting/1"
struct hp_host_waiting {
    void (*begin)(const struct hp_host *, const char *for_what);
    void (*end)(const struct hp_host *);
    void (*alive)(const struct hp_host *);
};

/*
 * "homeport.metrics/1": figures of the instance, shown at /metrics. Register once, then set or
 * add without any call per record. Names are snake case without prefix ("source_lag_bytes");
 * kind: HP_METRIC_COUNTER only grows, HP_METRIC_GAUGE is set. labels: "" or `table="a"`. A gauge is shown while
 * the process lives that keeps it: set it to HP_METRIC_UNKNOWN when nobody can say how much it is now (the lag behind a
 * server that is not asked), and it is not shown until it is set again. [any]
 */
#define HP_HOST_METRICS   "homeport.metrics/1"
#define HP_METRIC_COUNTER 1u
#define HP_METRIC_GAUGE   2u
#define HP_METRIC_UNKNOWN INT64_MIN
struct hp_metric; /* the host's */
struct hp_host_metrics {
    struct hp_metric *(*get)(const struct hp_host *, const char *name, const char *labels, const char *help,
                             uint32_t kind);
    void (*add)(struct hp_metric *, int64_t);
    void (*set)(struct hp_metric *, int64_t);
};

/*
 * "homeport.failpoint/1": hit(name) does nothing unless HOMEPORT_FAILPOINTS names the point (see
 * the developers' guide); it may then end the process, or return nonzero: fail as if the step failed. [any]
 */
#define HP_HOST_FAILPOINT "homeport.failpoint/1"
struct hp_host_failpoint {
    int32_t (*hit)(const struct hp_host *, const char *name);
};

#endif
