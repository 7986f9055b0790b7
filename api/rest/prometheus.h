/* prometheus.h: the figures of all connectors in Prometheus' text form: names that public dashboards of Kafka Connect
   query (ecosystem 2.2), and our own under homeport_. Pure apart from reading the supervisor. */
#ifndef REST_PROMETHEUS_H
#define REST_PROMETHEUS_H

#include "supervisor.h"

void prometheus_write(struct supervisor *s, struct buf *out);

#endif
