/*
 * offsets.c: reading and changing the offsets of a connector (REST-23 to REST-25, T11). Reading needs no worker: a
 * source's position lies in its stream, where a probe reads it; a sink's was told by its worker. Changing is the
 * plugin's business too (a slot is dropped, a row in the target changes), so a process of its own does it. One thread,
 * the loop's.
 */
#include "inner.h"
#include "json.h"
#include "logging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

/* The partition that the worker told; else the source's name for its one partition is made of what is known. */
static json_t *source_partition(const struct connector *c)
{
    json_t *told = json_object_get(json_array_get(c->seen.offsets, 0), "partition");
    const char *prefix = props_get(&c->config, "topic.prefix");
    if (told) {
        return json_incref(told);
    }
    return json_pack("{s:s}", prefix ? "server" : "connector", prefix ? prefix : c->name);
}

/* A source's position is read by a child: a damaged stream must not take the host with it that only wants to tell of
 * it.
 */
struct reading {
    char *name;
    json_t *partition;
    outcome_fn done;
    void *arg;
};

static void reading_free(struct reading *r)
{
    free(r->name);
    json_decref(r->partition);
    free(r);
}

static void answer_list(outcome_fn done, void *arg, json_t *list)
{
    struct outcome o = {.kind = OUTCOME_DONE, .message = "", .json = list};
    done(arg, &o);
    json_decref(list);
}

static void position_read(void *arg, json_t *json, const struct hp_error *err)
{
    struct reading *r = arg;
    json_t *position = json_object_get(json, "position");
    const char *why = json_string_value(json_object_get(json_object_get(json, "error"), "message"));
    if (json_is_object(position)) {
        answer_list(r->done, r->arg, json_pack("[{s:O, s:O}]", "partition", r->partition, "offset", position));
    } else if (json_is_null(position)) {
        answer_list(r->done, r->arg, json_array()); /* it has not written anything yet */
    } else {
        supervisor_answer(r->done, r->arg, OUTCOME_FAILED, "The offsets of connector %s cannot be read: %s", r->name,
                          why                      ? why
                          : err && err->message[0] ? err->message
                                                   : "no proper answer");
    }
    reading_free(r);
}

static void source_offsets(struct supervisor *s, const struct connector *c, outcome_fn done, void *arg)
{
    struct reading *r = calloc(1, sizeof *r);
    char *streams;
    if (asprintf(&streams, "%s/streams", settings_text(s->settings, "data.dir")) < 0) {
        streams = NULL;
    }
    if (!r || !streams || !(r->name = strdup(c->name)) || !(r->partition = source_partition(c))) {
        supervisor_answer(done, arg, OUTCOME_FAILED, "out of memory");
        if (r) {
            reading_free(r);
        }
    } else {
        r->done = done;
        r->arg = arg;
        catalog_position(s->catalog, streams, c->name, position_read, r);
    }
    free(streams);
}

void supervisor_offsets(struct supervisor *s, const char *name, outcome_fn done, void *arg)
{
    const struct connector *c = supervisor_live(s, name);
    if (!c) {
        supervisor_answer(done, arg, OUTCOME_NOT_FOUND, "Connector %s not found", name);
    } else if (c->kind && strcmp(c->kind, "source") == 0) {
        source_offsets(s, c, done, arg);
    } else {
        answer_list(done, arg, c->seen.offsets ? json_incref(c->seen.offsets) : json_array());
    }
}

/* ---- changing ---- */

#define NOT_STOPPED                                                                                                    \
    "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the "          \
    "specified "                                                                                                       \
    "connector by issuing a 'PUT' request to the '/connectors/%s/stop' endpoint"

static void op_free(struct offsets_op *op)
{
    json_decref(op->offsets);
    free(op->message);
    free(op->error);
    free(op);
}

/* What the worker answered, as users get it. */
static void op_answer(struct connector *c, struct offsets_op *op, const char *death)
{
    const char *what = op->offsets ? "altered" : "reset";
    if (op->error) {
        supervisor_answer(op->done, op->arg, OUTCOME_FAILED, "%s",
                          op->error); /* as Connect: 500, whoever is to blame */
    } else if (op->message && *op->message) {
        supervisor_answer(op->done, op->arg, OUTCOME_DONE, "%s", op->message);
    } else if (op->message) {
        supervisor_answer(op->done, op->arg, OUTCOME_DONE, "The offsets for this connector have been %s successfully",
                          what);
    } else if (c->sup->closing) {
        supervisor_answer(op->done, op->arg, OUTCOME_CLOSING, "the host ends");
    } else if (c->deleted) {
        supervisor_answer(op->done, op->arg, OUTCOME_NOT_FOUND, "Connector %s not found", c->name);
    } else if (death) {
        supervisor_answer(op->done, op->arg, OUTCOME_FAILED, "The offsets have not been %s: %.*s", what,
                          (int)strcspn(death, "\n"), death);
    } else {
        supervisor_answer(op->done, op->arg, OUTCOME_INVALID, NOT_STOPPED, c->name);
    }
}

void offsets_op_end(struct connector *c, const char *death)
{
    struct offsets_op *op = c->op;
    c->op = NULL;
    if (op) {
        if (op->message && c->kind && strcmp(c->kind, "sink") == 0) {
            seen_changed_offsets(&c->seen, op->offsets);
        }
        op_answer(c, op, death);
        op_free(op);
    }
}

bool offsets_op_launch(struct connector *c)
{
    struct hp_error err = {.size = sizeof err};
    /* From here on nobody knows where the connector stands: retention holds everything until it says so again. */
    seen_forget_flushed(&c->seen);
    supervisor_save_seen(c);
    log_info("%s: its offsets are to be %s", c->who, c->op->offsets ? "altered" : "reset");
    if (connector_launch(c, c->op->offsets ? "alter-offsets" : "reset-offsets", c->op->offsets, &err) == HP_OK) {
        return true;
    }
    (void)connector_set_text(&c->op->error, err.message);
    offsets_op_end(c, err.message);
    return false;
}

void supervisor_offsets_change(struct supervisor *s, const char *name, json_t *offsets, outcome_fn done, void *arg)
{
    struct connector *c = supervisor_live(s, name);
    if (!c) {
        supervisor_answer(done, arg, OUTCOME_NOT_FOUND, "Connector %s not found", name);
    } else if (s->closing) {
        supervisor_answer(done, arg, OUTCOME_CLOSING, "the host ends");
    } else if (c->target != TARGET_STOPPED) {
        supervisor_answer(done, arg, OUTCOME_INVALID, NOT_STOPPED, name);
    } else if (c->op) {
        supervisor_answer(done, arg, OUTCOME_BUSY, "another change of the offsets of connector %s is under way", name);
    } else if (!(c->op = calloc(1, sizeof *c->op))) {
        supervisor_answer(done, arg, OUTCOME_FAILED, "out of memory");
    } else {
        c->op->offsets = json_incref(offsets);
        c->op->done = done;
        c->op->arg = arg;
        connector_event(c, EVENT_OP); /* at once, or when its worker has ended */
    }
}
