/*
 * supervisor.h: connectors as users see them, and the processes that run them (design D4, D16, D17). REST calls in
 * here; nothing in here knows HTTP. One thread, the loop's.
 *
 * Calls that need a plugin's word (a validation, a change of offsets) answer later through `done`, others at once.
 * `done` is called exactly once, possibly before the call returns.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "catalog.h"
#include "connector.h"
#include "loop.h"
#include "outcome.h"

struct supervisor;

/* Locks data.dir, reads the store, queues the starts. settings outlives the supervisor. */
hp_status supervisor_create(struct loop *loop, const struct props *settings, struct supervisor **out,
                            struct hp_error *err);
void supervisor_destroy(struct supervisor *s); /* all processes have ended */
/* Drains all workers in parallel, then stops the loop. A second call kills what is left. */
void supervisor_close(struct supervisor *s);

/* What the process that serves knows of itself. */
const struct props *supervisor_settings(const struct supervisor *s);
const char *supervisor_cluster_id(const struct supervisor *s);
void supervisor_set_worker_id(struct supervisor *s, const char *host_port);
const char *supervisor_worker_id(const struct supervisor *s);
struct catalog *supervisor_catalog(struct supervisor *s);
struct loop *supervisor_loop(struct supervisor *s);
bool supervisor_closing(const struct supervisor *s);

/* Connectors that exist for users. */
const struct connector *supervisor_find(const struct supervisor *s, const char *name);
const struct connector *supervisor_next(const struct supervisor *s, const struct connector *c); /* NULL: the first */

/* REST-29: outcome's json is the ConfigInfos. config: what was sent, nulls included. */
void supervisor_validate(struct supervisor *s, const json_t *config, outcome_fn done, void *arg);
/* REST-28: outcome's json is the list of keys. */
void supervisor_describe(struct supervisor *s, const char *plugin, outcome_fn done, void *arg);

/* REST-05, 09, 10. The configuration holds name and connector.class. */
struct supervisor_put {
    const char *name;
    const json_t *config; /* strings, numbers, booleans; nulls are errors of the configuration */
    enum target initial;  /* of a new connector */
    bool replace;         /* an existing one is changed, else that is OUTCOME_EXISTS */
    uint64_t revision;    /* if not 0: only that revision of the connector is changed, else that is OUTCOME_STALE */
};
void supervisor_put(struct supervisor *s, const struct supervisor_put *put, outcome_fn done, void *arg);
/* The other changes are over when `done` is called: durable, and under way in the worker. */
void supervisor_target(struct supervisor *s, const char *name, enum target target, outcome_fn done, void *arg);
void supervisor_delete(struct supervisor *s, const char *name, outcome_fn done, void *arg);
void supervisor_restart(struct supervisor *s, const char *name, bool include_tasks, bool only_failed, outcome_fn done,
                        void *arg);
void supervisor_restart_task(struct supervisor *s, const char *name, outcome_fn done, void *arg);

/* REST-23: new reference to the list; NULL: *err. */
void supervisor_offsets(struct supervisor *s, const char *name, outcome_fn done, void *arg); /* json: the list */
/* REST-24, 25. offsets NULL: all are reset. */
void supervisor_offsets_change(struct supervisor *s, const char *name, json_t *offsets, outcome_fn done, void *arg);

#endif
