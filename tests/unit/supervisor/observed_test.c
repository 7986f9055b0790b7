/* What users see, by phase, target and what the worker told (D17, LC-04, LC-05). */
#include "connector.h"

#include <criterion/criterion.h>

static struct connector *make(enum phase phase, enum target target, enum task_state task)
{
    struct connector *c = connector_create(NULL, "c");
    c->phase = phase;
    c->target = target;
    c->task = task;
    return c;
}

static void expect(struct connector *c, const char *state, const char *task)
{
    struct observed o = connector_observed(c);
    cr_assert_str_eq(o.state, state, "phase %s", phase_name(c->phase));
    if (task) {
        cr_assert_not_null(o.task);
        cr_assert_str_eq(o.task, task, "phase %s", phase_name(c->phase));
    } else {
        cr_assert_null(o.task);
    }
    connector_destroy(c);
}

Test(observed, states)
{
    expect(make(PHASE_OFF, TARGET_STOPPED, TASK_RUNNING), "STOPPED", NULL);
    expect(make(PHASE_OP, TARGET_STOPPED, TASK_UNASSIGNED), "STOPPED", NULL);
    expect(make(PHASE_QUEUED, TARGET_RUNNING, TASK_UNASSIGNED), "UNASSIGNED", "UNASSIGNED");
    expect(make(PHASE_STARTING, TARGET_PAUSED, TASK_UNASSIGNED), "UNASSIGNED", "UNASSIGNED");
    expect(make(PHASE_UP, TARGET_RUNNING, TASK_RUNNING), "RUNNING", "RUNNING");
    expect(make(PHASE_UP, TARGET_PAUSED, TASK_PAUSED), "PAUSED", "PAUSED");
    expect(make(PHASE_UP, TARGET_RUNNING, TASK_RESTARTING), "RUNNING", "RESTARTING");
    expect(make(PHASE_FAILED, TARGET_RUNNING, TASK_FAILED), "RUNNING", "FAILED");
    expect(make(PHASE_FAILED, TARGET_PAUSED, TASK_FAILED), "PAUSED", "FAILED");
    expect(make(PHASE_BACKOFF, TARGET_RUNNING, TASK_RUNNING), "RESTARTING", "RESTARTING");
    expect(make(PHASE_DEAD, TARGET_PAUSED, TASK_RUNNING), "FAILED", "FAILED");
}

Test(observed, a_restart_is_not_a_first_start)
{
    struct connector *c = make(PHASE_STARTING, TARGET_RUNNING, TASK_UNASSIGNED);
    c->restarting = true;
    expect(c, "RESTARTING", "RESTARTING");
    c = make(PHASE_LEAVING, TARGET_RUNNING, TASK_RUNNING);
    c->restarting = true;
    expect(c, "RESTARTING", "RESTARTING");
}

/* The reason of a failed task is the task's, that of a dead process is both's. */
Test(observed, traces)
{
    struct connector *c = make(PHASE_FAILED, TARGET_RUNNING, TASK_FAILED);
    connector_set_text(&c->trace, "why");
    cr_assert_null(connector_observed(c).trace);
    cr_assert_str_eq(connector_observed(c).task_trace, "why");
    c->phase = PHASE_DEAD;
    cr_assert_str_eq(connector_observed(c).trace, "why");
    connector_destroy(c);
}
