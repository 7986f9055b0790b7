/*
 * connector.h: one connector in the supervisor's memory: what users want of it, its process, and what was told of it.
 * Owned by the supervisor (supervisor.c); everything runs on the loop's thread. The REST views read it.
 *
 * run.c starts, stops and buries its process; talk.c and words.c take what its worker says; observed.c says what users
 * see.
 */
#ifndef SUPERVISOR_CONNECTOR_H
#define SUPERVISOR_CONNECTOR_H

#include "buf.h"
#include "figures.h"
#include "lifecycle.h"
#include "outcome.h"
#include "process.h"
#include "props.h"
#include "relay.h"
#include "seen.h"

struct supervisor;

#define CONNECTOR_NAME_MAX 400u /* bytes: a key of the store has room for it */

enum task_state { TASK_UNASSIGNED, TASK_RUNNING, TASK_PAUSED, TASK_RESTARTING, TASK_FAILED };

/* A change of offsets under way (offsets.c). */
struct offsets_op {
    json_t *offsets; /* NULL: reset all */
    outcome_fn done;
    void *arg;
    char *message; /* the worker's answer, if one came */
    char *error;
};

struct connector {
    struct supervisor *sup;
    struct connector *next;
    char *name;
    char *who;           /* "connector NAME", for the log */
    struct props config; /* as sent, and name */
    uint64_t revision;   /* of the configuration: never the same twice, from 1 */
    enum target target;
    bool deleted;  /* gone for users; its process still ends */
    char *kind;    /* "source", "sink"; NULL: not known (its plugin is gone) */
    char *version; /* of its plugin; NULL: not known */

    enum phase phase;
    enum task_state task;
    bool restarting; /* there was a process before: RESTARTING rather than UNASSIGNED */
    char *trace;     /* why it is RESTARTING or FAILED; NULL: none */
    pid_t pid;       /* 0: no process */
    struct loop_child child;
    struct loop_fd control;
    struct buf in, out;
    struct relay relay;
    struct loop_timer timer; /* grace, backoff or limit of an op, by phase */
    int64_t alive_ms;        /* last sign of life */
    int64_t start_ms;
    bool hung;            /* killed for want of signs of life */
    char misbehaved[160]; /* killed for what it said */
    unsigned deaths;      /* since the last progress */
    uint64_t restarts;    /* starts after a death, ever */
    uint64_t errors;      /* times a task went RESTARTING or FAILED, or died */

    struct seen seen;
    struct figures figures;
    int64_t seen_saved_ms;
    char *stream_id;           /* of a source's stream, once its worker has told it; NULL: not known */
    int64_t floor;             /* last told to the worker ... */
    size_t floor_topics;       /* ... and of how many of its topics it was worked out */
    struct connector **covers; /* a sink's sources, see floor.c */
    size_t n_covers;
    struct offsets_op *op;
};

struct connector *connector_create(struct supervisor *sup, const char *name);
void connector_destroy(struct connector *c);             /* no process, not in any list */
bool connector_set_text(char **field, const char *text); /* copies; NULL clears. false: no memory */

/* run.c */
void connector_event(struct connector *c, enum event event);
void connector_start_queued(struct connector *c); /* phase QUEUED: now */
void connector_check_alive(struct connector *c, int64_t now_ms);
void connector_set_trace(struct connector *c, const char *text);
void connector_show_log(struct connector *c); /* no worker runs: the size of its log, as the last one left it */

/* talk.c */
void connector_say(struct connector *c, const char *line); /* to its worker; with the \n */

/* words.c: one line from the worker. False: it must not have said that; `why` tells. */
bool connector_hears(struct connector *c, const char *line, size_t len, char *why, size_t room);

/* What users see. Texts are borrowed. */
struct observed {
    const char *state;              /* of the connector */
    const char *task;               /* NULL: there are no tasks */
    const char *trace, *task_trace; /* or NULL */
};
struct observed connector_observed(const struct connector *c);

#endif
