/*
 * sink_topics.h: which topics does a sink want? topics=a,b names them, topics.regex is a Java-style expression that
 * must match the whole name. Pure. [task]
 */
#ifndef WORKER_SINK_TOPICS_H
#define WORKER_SINK_TOPICS_H

#include "props.h"

struct sink_topics;

hp_status sink_topics_create(const struct props *config, struct sink_topics **out, struct hp_error *err);
void sink_topics_destroy(struct sink_topics *t);
bool sink_topics_want(const struct sink_topics *t, const char *name);

#endif
