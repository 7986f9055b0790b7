/*
 * store.h: what the supervisor knows across restarts, in data.dir/state (design D11): configurations, target states,
 * fencing epochs, and what was last seen of a connector's offsets. Every change is one durable, atomic write that is
 * over before the call returns (invariant I5). Single-threaded.
 *
 * Keys: "config/NAME" object of strings; "target/NAME" STARTED, PAUSED or STOPPED; "seen/NAME" object, see seen.h;
 * "epoch" number; "cluster" text; "format" 1.
 */
#ifndef SUPERVISOR_STORE_H
#define SUPERVISOR_STORE_H

#include "lifecycle.h"
#include "props.h"

#include <jansson.h>

struct store;

hp_status store_open(const char *dir, struct store **out, struct hp_error *err);
void store_close(struct store *s);
const char *store_cluster_id(const struct store *s); /* made once for a data folder */

/* Calls `each` for every connector; config is the callee's to take (props_finish otherwise), seen is borrowed. */
typedef hp_status (*store_each_fn)(void *arg, const char *name, struct props *config, enum target target,
                                   const json_t *seen, struct hp_error *err);
hp_status store_each(struct store *s, store_each_fn each, void *arg, struct hp_error *err);

/* One change. Absent parts stay as they are. No room on disk: RETRY with code ENOSPC, nothing changed. */
struct store_change {
    const char *name;
    const struct props *config; /* or NULL */
    const enum target *target;  /* or NULL */
    const json_t *seen;         /* or NULL */
    bool remove;                /* config and target go; what was seen stays, as offsets outlive a connector */
};
hp_status store_apply(struct store *s, const struct store_change *change, struct hp_error *err);
/* What was seen of a connector, also of one that was deleted. NULL: nothing. New reference. */
json_t *store_seen(struct store *s, const char *name);
/* Never the same number twice, and always growing. */
hp_status store_next_epoch(struct store *s, uint64_t *out, struct hp_error *err);

#endif
