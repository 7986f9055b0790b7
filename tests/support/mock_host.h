/*
 * mock_host.h: the services of hp_host without a worker, so that a test can drive a plugin through its own
 * interface: schemas and topics go to a real schema pool, records to real builders, log lines and metrics are kept
 * to be looked at. Used by unit tests and by the drivers beside this file. One thread, unless a service says [any].
 */
#ifndef SUPPORT_MOCK_HOST_H
#define SUPPORT_MOCK_HOST_H

#include "builder.h"
#include "schema_pool.h"

#include <stdbool.h>

struct mock_host;

/* verbose: log lines also go to stderr. */
struct mock_host *mock_host_create(bool verbose);
void mock_host_destroy(struct mock_host *m);
/* What a plugin is given. Valid until destroy. */
const struct hp_host *mock_host_face(struct mock_host *m);
struct schema_pool *mock_host_pool(struct mock_host *m);

/* Everything built so far, with the names and schemas of the pool; borrowed from both. */
struct hp_batch mock_host_batch(struct mock_host *m, const struct builder *b);

int64_t mock_host_metric(struct mock_host *m, const char *name, const char *labels); /* -1: never registered */
bool mock_host_logged(struct mock_host *m, const char *part);                        /* did any log line contain it */
const char *mock_host_waiting(struct mock_host *m); /* what the plugin waits for now, or NULL */

/* A configuration out of "key=value" texts, which are copied. */
struct mock_config {
    struct hp_config config; /* what a plugin is given */
    struct hp_config_entry *entries;
    char **texts;
};
bool mock_config_init(struct mock_config *c, const char *dialect, const char *connector, size_t n,
                      const char *const *pairs);
void mock_config_finish(struct mock_config *c);

/* dlopen and fetch the entry; NULL with a line on stderr. The plugin stays loaded. */
const struct hp_plugin_entry *mock_plugin_load(const char *path);

#endif
