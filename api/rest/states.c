/* states.c: status, target states, restarts, tasks and topics of a connector (REST-11 to REST-22). */
#include "handlers.h"
#include "views.h"

#include <string.h>

void status_get(struct request *rq)
{
    const struct connector *c = named_connector(rq, "No status found for connector ", "");
    if (c) {
        reply_json(rq, 200, view_status(rq->sup, c));
    }
}

/* ---- target states ---- */

static void accepted(void *arg, const struct outcome *o)
{
    if (o->kind == OUTCOME_DONE) {
        reply_empty(arg, 202);
    } else {
        reply_outcome(arg, o);
    }
}

static void no_content(void *arg, const struct outcome *o)
{
    if (o->kind == OUTCOME_DONE) {
        reply_empty(arg, 204);
    } else {
        reply_outcome(arg, o);
    }
}

void pause_put(struct request *rq)
{
    if (named_connector(rq, "Unknown connector ", "")) {
        supervisor_target(rq->sup, rq->params[0], TARGET_PAUSED, accepted, rq);
    }
}

void resume_put(struct request *rq)
{
    if (named_connector(rq, "Unknown connector ", "")) {
        supervisor_target(rq->sup, rq->params[0], TARGET_RUNNING, accepted, rq);
    }
}

void stop_put(struct request *rq)
{
    if (named_connector(rq, "Unknown connector ", "")) {
        supervisor_target(rq->sup, rq->params[0], TARGET_STOPPED, no_content, rq);
    }
}

/* ---- restarts ---- */

/* The plan as REST-16 answers it: RESTARTING on what will restart, which is so from the moment it was asked for. */
static json_t *restart_plan(const struct request *rq, bool instance, bool task)
{
    const struct connector *c = supervisor_find(rq->sup, rq->params[0]);
    json_t *status = view_status(rq->sup, c);
    json_t *tasks = json_object_get(status, "tasks");
    if (instance) {
        json_t *state = json_object_get(status, "connector");
        (void)json_object_set_new(state, "state", json_string("RESTARTING"));
        (void)json_object_del(state, "trace");
    }
    if (task && json_array_size(tasks)) {
        json_t *state = json_array_get(tasks, 0);
        (void)json_object_set_new(state, "state", json_string("RESTARTING"));
        (void)json_object_del(state, "trace");
    }
    return status;
}

struct planned {
    struct request *rq;
    json_t *plan;
};

static void planned_done(void *arg, const struct outcome *o)
{
    struct planned *p = arg;
    if (o->kind == OUTCOME_DONE) {
        reply_json(p->rq, 202, json_incref(p->plan));
    } else {
        reply_outcome(p->rq, o);
    }
}

void restart_post(struct request *rq)
{
    bool tasks = url_flag(&rq->url, "includeTasks"), failed = url_flag(&rq->url, "onlyFailed");
    const struct connector *c = named_connector(rq, "Unknown connector: ", "");
    struct observed o;
    struct planned p = {rq, NULL};
    if (!c) {
        return;
    }
    if (!tasks && !failed) {
        supervisor_restart(rq->sup, rq->params[0], false, false, no_content, rq);
        return;
    }
    o = connector_observed(c);
    p.plan = restart_plan(rq, !failed || strcmp(o.state, "FAILED") == 0,
                          tasks && o.task && (!failed || strcmp(o.task, "FAILED") == 0));
    supervisor_restart(rq->sup, rq->params[0], tasks, failed, planned_done, &p); /* answers before it returns */
    json_decref(p.plan);
}

/* ---- tasks ---- */

void tasks_get(struct request *rq)
{
    const struct connector *c = named_connector(rq, "Connector ", " not found");
    if (c) {
        reply_json(rq, 200, view_tasks(c));
    }
}

/* Does the path's {task} name a task that there is? Else it is replied to: not a number (G8), or `not_found`. */
static bool task_exists(struct request *rq, const struct connector *c, const char *not_found)
{
    const char *number = rq->params[1] + (rq->params[1][0] == '-');
    size_t digits = strspn(number, "0123456789");
    if (digits == 0 || digits > 9 || number[digits]) {
        reply_error(rq, 404, "HTTP 404 Not Found");
        return false;
    }
    if (!c || strspn(number, "0") != digits || !connector_observed(c).task) {
        reply_error(rq, 404, "%s %s-%s", not_found, rq->params[0], rq->params[1]);
        return false;
    }
    return true;
}

void task_status_get(struct request *rq)
{
    const struct connector *c = supervisor_find(rq->sup, rq->params[0]);
    if (task_exists(rq, c, "No status found for task")) {
        reply_json(rq, 200, view_task_status(rq->sup, c));
    }
}

void task_restart_post(struct request *rq)
{
    const struct connector *c = named_connector(rq, "Unknown connector: ", "");
    if (c && task_exists(rq, c, "Unknown task:")) {
        supervisor_restart_task(rq->sup, rq->params[0], no_content, rq);
    }
}

/* ---- topics ---- */

/* T5: a connector that does not exist has used no topics. */
void topics_get(struct request *rq)
{
    const struct connector *c = supervisor_find(rq->sup, rq->params[0]);
    json_t *topics = json_array();
    for (size_t i = 0; c && i < c->seen.n_topics; i++) {
        (void)json_array_append_new(topics, json_string(c->seen.topics[i]));
    }
    reply_json(rq, 200, json_pack("{s:{s:o}}", rq->params[0], "topics", topics));
}
