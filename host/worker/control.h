/*
 * control.h: what supervisor and worker say to each other, over a SOCK_STREAM socketpair (descriptor 3 in the worker),
 * one JSON object per line, at most CONTROL_LINE_MAX bytes. Both sides refuse what they cannot parse; the supervisor
 * treats a worker's words as hostile (it ran foreign code).
 *
 * supervisor -> worker
 *   {"t":"start", ...}      first and once, see struct control_start for the members
 *   {"t":"pause"} {"t":"resume"}
 *   {"t":"stop","final":false,"ms":5000}   drain within ms, then exit 0. final: stopped or deleted, not restarted
 *   {"t":"floor","offset":N,"topics":M}   (sources) retention may not pass N: what all existing sinks have flushed; -1:
 *                              no sinks. Which sinks there are was worked out from the M topics that the worker had
 * told: while its stream has more, nothing may be deleted
 *
 * worker -> supervisor
 *   {"t":"alive"}              at least once a second, from the control thread
 *   {"t":"state","state":"RUNNING|PAUSED|RESTARTING|FAILED","trace":"..."}     of the task; trace may be absent.
 *                              FAILED: the worker stays until told to stop, so that its state can be looked at
 *   {"t":"progress"}           a batch was committed since the last message (resets the restart counter, D17)
 *   {"t":"flushed","stream":"NAME","id":"STREAM-ID","offset":N}     (sinks) on change, at most every 100 ms
 *   {"t":"offsets","offsets":[{"partition":{...},"offset":{...}},...]}  (sinks) as GET /connectors/C/offsets answers;
 *                              on change, soon, and before a clean exit
 *   {"t":"stream","id":"STREAM-ID"}      (sources) what they write into; once, before anything else of theirs
 *   {"t":"topics","topics":["a","b"]}    that it has read or written; on change
 *   {"t":"metrics","m":[["name","labels","help",kind,value],...]}   once a second if anything changed
 *   {"t":"done","message":"...","error":{"class":1,"code":"","message":""}}   answer of an `op`; error absent on
 * success
 *
 * End of the stream on either side means the other is gone: a worker then ends at once, whatever its task is doing.
 */
#ifndef WORKER_CONTROL_H
#define WORKER_CONTROL_H

#include "props.h"

#include <jansson.h>

#define CONTROL_FD       3
#define CONTROL_LINE_MAX (4u << 20)

/* Exit statuses of a worker besides 0 (told to stop, or an op is done). The reason is also its last log line. */
#define CONTROL_EXIT_FAILED 1  /* it could not even begin */
#define CONTROL_EXIT_HANG   70 /* a plugin call gave no sign of life within worker.hang.timeout.ms */
#define CONTROL_EXIT_MEMORY 71 /* worker.memory.max.bytes is used up */
#define CONTROL_EXIT_ORPHAN 72 /* the supervisor is gone */

/* The "start" message, as both sides have it in memory. Member names are the JSON's. */
struct control_start {
    char *op; /* "run"; or "reset-offsets", "alter-offsets": do that on the connector's plugin and stream, answer
                 "done" and exit */
    char *connector;
    char *kind;        /* "source" or "sink" */
    char *plugin;      /* path of the .so */
    char *dialect;     /* connector.class as given */
    char *plugin_path; /* for transforms */
    char *data_dir;
    struct props config;   /* the connector's, as sent */
    struct props settings; /* the worker settings of homeport.properties that concern workers, all filled in */
    uint64_t epoch;        /* grows with every start of this connector (fencing, D15) */
    int64_t floor;
    uint32_t floor_topics; /* the M of the floor above */
    bool paused;
    json_t *offsets; /* alter-offsets: the request's list */
};
/* One line of JSON with its newline; the caller frees it. */
hp_status control_start_encode(const struct control_start *s, char **out_line, struct hp_error *err);
hp_status control_start_decode(const json_t *message, struct control_start *out, struct hp_error *err);
void control_start_finish(struct control_start *s);

#endif
