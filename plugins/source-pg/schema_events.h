/* schema_events.h: a Relation message becomes a relation, with the help of the catalog. Called by changes.c. [task] */
#ifndef SOURCE_PG_SCHEMA_EVENTS_H
#define SOURCE_PG_SCHEMA_EVENTS_H

#include "source.h"

hp_status schema_relation(struct source *s, const struct pgoutput_msg *m, const uint8_t *data, size_t len,
                          struct hp_error *err);

#endif
