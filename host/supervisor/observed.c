/*
 * observed.c: what users see of a connector (design D17, LC-04, LC-05), from the phase of its process, what is wanted
 * of it, and what its worker told of its task. Pure.
 */
#include "connector.h"

struct observed connector_observed(const struct connector *c)
{
    static const char *const task_names[] = {"UNASSIGNED", "RUNNING", "PAUSED", "RESTARTING", "FAILED"};
    const char *instance = c->target == TARGET_PAUSED ? "PAUSED" : "RUNNING";
    const char *pending = c->restarting ? "RESTARTING" : "UNASSIGNED";
    switch (c->phase) {
    case PHASE_QUEUED:
    case PHASE_STARTING:
        return (struct observed){pending, pending, NULL, c->trace};
    case PHASE_UP:
    case PHASE_FAILED:
        return (struct observed){instance, task_names[c->task], NULL, c->trace};
    case PHASE_LEAVING:
        if (c->target != TARGET_STOPPED) {
            return (struct observed){pending, pending, NULL, c->trace};
        }
        return (struct observed){instance, task_names[c->task], NULL, c->trace}; /* STOPPED when it has ended */
    case PHASE_BACKOFF:
        return (struct observed){"RESTARTING", "RESTARTING", c->trace, c->trace};
    case PHASE_DEAD:
        return (struct observed){"FAILED", "FAILED", c->trace, c->trace};
    default: /* OFF, OP */
        return c->target == TARGET_STOPPED ? (struct observed){"STOPPED", NULL, NULL, NULL}
                                           : (struct observed){"UNASSIGNED", "UNASSIGNED", NULL, NULL};
    }
}
