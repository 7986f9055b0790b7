/*
 * words.c: what a worker says (host/worker/control.h), one line at a time. The worker ran foreign code: nothing is
 * believed that is not of the form agreed on, and a worker that breaks it is ended by the caller.
 */
#include "clock.h"
#include "inner.h"
#include "json.h"
#include "logging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_ID_MAX 1024u

static bool say_alive(struct connector *c, const json_t *m)
{
    (void)c;
    (void)m;
    return true;
}

static bool say_state(struct connector *c, const json_t *m)
{
    static const struct {
        const char *name;
        enum task_state task;
    } states[] = {
        {"RUNNING", TASK_RUNNING}, {"PAUSED", TASK_PAUSED}, {"RESTARTING", TASK_RESTARTING}, {"FAILED", TASK_FAILED}};
    const char *name = json_string_value(json_object_get(m, "state"));
    const char *trace = json_string_value(json_object_get(m, "trace"));
    for (size_t i = 0; name && i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(name, states[i].name) != 0) {
            continue;
        }
        bool bad = states[i].task == TASK_RESTARTING || states[i].task == TASK_FAILED;
        if (c->phase == PHASE_LEAVING || c->phase == PHASE_OP || c->phase == PHASE_FAILED) {
            return true; /* on its way out, or its failure stands */
        }
        c->errors += bad;
        c->task = states[i].task;
        c->restarting = false;
        connector_set_trace(c, bad ? (trace && *trace ? trace : "the worker gave no reason") : NULL);
        connector_event(c, states[i].task == TASK_FAILED ? EVENT_FAILS : EVENT_WORKS);
        return true;
    }
    return false;
}

static bool say_progress(struct connector *c, const json_t *m)
{
    (void)m;
    c->deaths = 0;
    return true;
}

static bool say_flushed(struct connector *c, const json_t *m)
{
    const json_t *offset = json_object_get(m, "offset");
    if (c->phase == PHASE_LEAVING || c->phase == PHASE_OP) {
        return true; /* perhaps of a target that the connector has no more: what is not known holds, see floor.c */
    }
    return json_is_integer(offset) && json_integer_value(offset) >= 0 &&
           seen_flushed(&c->seen, json_string_value(json_object_get(m, "stream")),
                        json_string_value(json_object_get(m, "id")), (uint64_t)json_integer_value(offset));
}

/* A stream made anew under the same name is another one: offsets of the old one say nothing about it (floor.c). */
static bool say_stream(struct connector *c, const json_t *m)
{
    const char *id = json_string_value(json_object_get(m, "id"));
    return id && *id && strlen(id) <= STREAM_ID_MAX && connector_set_text(&c->stream_id, id);
}

static bool say_offsets(struct connector *c, const json_t *m)
{
    return seen_offsets(&c->seen, json_object_get(m, "offsets"));
}

static bool say_topics(struct connector *c, const json_t *m)
{
    bool changed = false;
    if (!seen_topics(&c->seen, json_object_get(m, "topics"), &changed)) {
        return false;
    }
    c->sup->coverage_stale = c->sup->coverage_stale || changed;
    return true;
}

static bool say_metrics(struct connector *c, const json_t *m)
{
    if (!figures_take(&c->figures, json_object_get(m, "m")) && !c->figures.refused) {
        c->figures.refused = true;
        log_warn("%s: some of its metrics have a form that cannot be shown; they are left out", c->who);
    }
    return true;
}

static bool say_done(struct connector *c, const json_t *m)
{
    const json_t *error = json_object_get(m, "error");
    const char *message = json_string_value(json_object_get(m, "message"));
    if (!c->op || c->phase != PHASE_OP) {
        return false;
    }
    if (json_is_object(error)) {
        const char *text = json_string_value(json_object_get(error, "message"));
        return connector_set_text(&c->op->error, text && *text ? text : "the plugin gave no reason");
    }
    return connector_set_text(&c->op->message, message ? message : "");
}

static const struct {
    const char *name;
    bool (*say)(struct connector *c, const json_t *m);
} words[] = {
    {"alive", say_alive},     {"state", say_state},     {"progress", say_progress},
    {"flushed", say_flushed}, {"offsets", say_offsets}, {"topics", say_topics},
    {"metrics", say_metrics}, {"done", say_done},       {"stream", say_stream},
};

bool connector_hears(struct connector *c, const char *line, size_t len, char *why, size_t room)
{
    struct hp_error err = {.size = sizeof err};
    json_t *m = json_parse(line, len, &err);
    const char *name = json_string_value(json_object_get(m, "t"));
    bool ok = false;
    (void)snprintf(why, room, "%.90s", m ? "no known \"t\"" : err.message);
    for (size_t i = 0; name && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].name, name) == 0) {
            ok = words[i].say(c, m);
            (void)snprintf(why, room, "\"%s\" of a wrong form", words[i].name);
            c->alive_ms = clock_mono_ms();
            break;
        }
    }
    json_decref(m);
    return ok;
}
