/*
 * change.c: what users change of a connector besides its configuration: target state, being there, restarts. Each
 * change is durable before it is answered and before anything acts on it (LC-01, invariant I5). Also the answers that
 * changes have in common. One thread, the loop's.
 */
#include "inner.h"
#include "logging.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void supervisor_answer(outcome_fn done, void *arg, enum outcome_kind kind, const char *format, ...)
{
    struct outcome o = {.kind = kind};
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    o.message = n < 0 ? "out of memory" : text;
    done(arg, &o);
    if (n >= 0) {
        free(text);
    }
}

void supervisor_answer_store(outcome_fn done, void *arg, const struct hp_error *err)
{
    log_error("a change could not be stored: %s", err->message);
    if (strcmp(err->code, "ENOSPC") == 0) {
        supervisor_answer(done, arg, OUTCOME_NO_ROOM, "The disk of the data folder is full; nothing was changed");
    } else if (strcmp(err->code, "EROFS") == 0) {
        supervisor_answer(done, arg, OUTCOME_FAILED,
                          "The file system of the data folder is read-only; nothing was changed");
    } else {
        supervisor_answer(done, arg, OUTCOME_FAILED, "The change could not be stored; the host's log says why");
    }
}

void supervisor_answer_connector(outcome_fn done, void *arg, enum outcome_kind kind, const struct connector *c)
{
    struct outcome o = {.kind = kind, .message = "", .connector = c};
    done(arg, &o);
}

/* The existing connector that a change is meant for; else it is answered. */
static struct connector *subject(struct supervisor *s, const char *name, outcome_fn done, void *arg)
{
    struct connector *c = supervisor_live(s, name);
    if (!c) {
        supervisor_answer(done, arg, OUTCOME_NOT_FOUND, "Unknown connector: %s", name);
    } else if (s->closing) {
        supervisor_answer(done, arg, OUTCOME_CLOSING, "the host ends");
        c = NULL;
    }
    return c;
}

/* ---- states ---- */

void supervisor_target(struct supervisor *s, const char *name, enum target target, outcome_fn done, void *arg)
{
    struct connector *c = subject(s, name, done, arg);
    struct hp_error err = {.size = sizeof err};
    if (!c) {
        return;
    }
    if (c->target != target) {
        if (store_apply(s->store, &(struct store_change){.name = name, .target = &target}, &err) != HP_OK) {
            supervisor_answer_store(done, arg, &err);
            return;
        }
        log_info("%s: target state %s", c->who, target_name(target));
        c->target = target;
    }
    connector_event(c, target == TARGET_STOPPED ? EVENT_LEAVE : EVENT_WANT);
    supervisor_answer_connector(done, arg, OUTCOME_DONE, c);
}

void supervisor_delete(struct supervisor *s, const char *name, outcome_fn done, void *arg)
{
    struct connector *c = subject(s, name, done, arg);
    struct hp_error err = {.size = sizeof err};
    if (!c) {
        return;
    }
    if (store_apply(s->store, &(struct store_change){.name = name, .remove = true}, &err) != HP_OK) {
        supervisor_answer_store(done, arg, &err);
        return;
    }
    log_info("%s: deleted; its offsets are kept", c->who);
    c->deleted = true;
    c->target = TARGET_STOPPED;
    s->coverage_stale = true;
    supervisor_answer_connector(done, arg, OUTCOME_DONE, c);
    connector_event(c, EVENT_LEAVE);
}

void supervisor_restart(struct supervisor *s, const char *name, bool include_tasks, bool only_failed, outcome_fn done,
                        void *arg)
{
    struct connector *c = subject(s, name, done, arg);
    if (!c) {
        return;
    }
    struct observed o = connector_observed(c);
    bool instance = !only_failed || strcmp(o.state, "FAILED") == 0;
    bool task = include_tasks && o.task && (!only_failed || strcmp(o.task, "FAILED") == 0);
    bool down = c->phase == PHASE_DEAD || c->phase == PHASE_BACKOFF;
    /* Connector and task live in one process. Restarting the Connector instance alone touches no running task; it
       matters only when there is no process. */
    if (task || (instance && down)) {
        log_info("%s: restart asked for", c->who);
        connector_event(c, EVENT_RENEW);
    }
    supervisor_answer_connector(done, arg, OUTCOME_DONE, c);
}

void supervisor_restart_task(struct supervisor *s, const char *name, outcome_fn done, void *arg)
{
    struct connector *c = subject(s, name, done, arg);
    if (c) {
        log_info("%s: restart of its task asked for", c->who);
        connector_event(c, EVENT_RENEW);
        supervisor_answer_connector(done, arg, OUTCOME_DONE, c);
    }
}
