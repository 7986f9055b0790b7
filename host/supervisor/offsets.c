/*
 * offsets.c: reading and changing the offsets of a connector (REST-23 to REST-25, T11). Reading needs no worker: a
 * source's position lies in its stream, a sink's was told by its worker. Changing is the plugin's business too (a slot
 * is dropped, a row in the target changes), so a process of its own does it. One thread, the loop's.
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

static json_t *source_offsets(struct supervisor *s, const struct connector *c, struct hp_error *err)
{
    struct buf position;
    json_t *offset = NULL, *list = NULL;
    bool exists = false;
    char **names;
    size_t n;
    if (log_streams(s->log, &names, &n, err) != HP_OK) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        exists = exists || strcmp(names[i], c->name) == 0;
    }
    log_names_free(names, n);
    if (!exists) {
        return json_array(); /* it has not written anything yet */
    }
    buf_init(&position, 1u << 20);
    if (log_position_read(s->log, c->name, &position, err) >= 0) {
        if (position.len == 0) {
            list = json_array();
        } else if ((offset = json_parse((char *)position.data, position.len, err)) != NULL) {
            list = json_pack("[{s:o, s:o}]", "partition", source_partition(c), "offset", offset);
        }
    }
    buf_finish(&position);
    return list;
}

json_t *supervisor_offsets(struct supervisor *s, const struct connector *c, struct hp_error *err)
{
    if (c->kind && strcmp(c->kind, "source") == 0) {
        return source_offsets(s, c, err);
    }
    return c->seen.offsets ? json_incref(c->seen.offsets) : json_array();
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
