/* root.c: GET /, /health and /metrics. */
#include "handlers.h"
#include "prometheus.h"

#include <stdlib.h>

/* Clients read the leading numbers as Kafka's, to know what may be asked (AC-01). */
#define KAFKA_LEVEL "4.1.0"

void root_get(struct request *rq)
{
    reply_json(rq, 200,
               json_pack("{s:s, s:s, s:s}", "version", KAFKA_LEVEL "-homeport" HOMEPORT_VERSION, "commit",
                         "homeport " HOMEPORT_VERSION, "kafka_cluster_id", supervisor_cluster_id(rq->sup)));
}

void health_get(struct request *rq)
{
    if (supervisor_closing(rq->sup)) {
        reply_json(rq, 503, json_pack("{s:s, s:s}", "status", "unhealthy", "message", "Worker is shutting down."));
        return;
    }
    reply_json(rq, 200,
               json_pack("{s:s, s:s}", "status", "healthy", "message",
                         "Worker has completed startup and is ready to handle requests."));
}

void metrics_get(struct request *rq)
{
    struct buf out;
    size_t len;
    char *text;
    buf_init(&out, 256u << 20);
    prometheus_write(rq->sup, &out);
    len = out.len;
    text = out.failed ? NULL : buf_steal(&out);
    buf_finish(&out);
    if (text) {
        reply_text(rq, 200, "text/plain; version=0.0.4; charset=utf-8", text, len);
    } else {
        reply_error(rq, 500, "out of memory");
    }
}
