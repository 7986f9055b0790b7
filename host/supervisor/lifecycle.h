/*
 * lifecycle.h: the state machine of one connector's process (design D17; LC-01 to LC-12). Pure: a table of (phase,
 * event) -> phase, what to do. What users see (RUNNING, FAILED, ...) follows from it in observed.c.
 */
#ifndef SUPERVISOR_LIFECYCLE_H
#define SUPERVISOR_LIFECYCLE_H

#include <stdint.h>

/* What users want; kept in the store. */
enum target { TARGET_RUNNING, TARGET_PAUSED, TARGET_STOPPED };

enum phase {
    PHASE_OFF,      /* no process, and none wanted */
    PHASE_QUEUED,   /* wanted; started in the next turns of the loop */
    PHASE_STARTING, /* process there, has not told the state of its task yet */
    PHASE_UP,       /* process there, task RUNNING, PAUSED or RESTARTING */
    PHASE_FAILED,   /* process there, task FAILED: kept so that it can be looked at */
    PHASE_LEAVING,  /* told to stop; what comes after is decided when it has ended */
    PHASE_BACKOFF,  /* died; waits for its next start */
    PHASE_DEAD,     /* no process; FAILED until somebody restarts or changes it */
    PHASE_OP,       /* a process of its own changes the offsets */
    PHASE_N
};

enum event {
    EVENT_WANT,    /* should run: created, resumed, paused, at start-up */
    EVENT_RENEW,   /* restart asked for, or a new configuration */
    EVENT_LEAVE,   /* stopped, deleted, or the host ends */
    EVENT_OP,      /* the offsets of a stopped connector are to be changed */
    EVENT_SPAWNED, /* a queued start happened */
    EVENT_REFUSED, /* a start failed in a way that trying again does not mend */
    EVENT_LATER,   /* a start failed for want of something that may come back: memory, disk */
    EVENT_WORKS,   /* the task is RUNNING, PAUSED or RESTARTING */
    EVENT_FAILS,   /* the task is FAILED */
    EVENT_ENDED,   /* the process ended */
    EVENT_SPENT,   /* ... once too often */
    EVENT_DUE,     /* the timer: backoff, grace */
    EVENT_N
};

enum action {
    ACTION_NONE,
    ACTION_QUEUE, /* put into the line of starts */
    ACTION_MODE,  /* tell the worker whether it is paused */
    ACTION_STOP,  /* tell the worker to stop, arm the grace timer */
    ACTION_KILL,
    ACTION_WAIT,   /* arm the backoff */
    ACTION_DIED,   /* count the death; arm the backoff, or EVENT_SPENT */
    ACTION_SETTLE, /* the process is gone: delete, run what waits, start again, or rest */
    ACTION_OP,     /* start the process that changes the offsets */
    ACTION_BUG,    /* cannot happen; logged */
};

struct step {
    uint8_t phase;  /* enum phase */
    uint8_t action; /* enum action */
};
struct step lifecycle_step(enum phase from, enum event event);

const char *phase_name(enum phase phase);
const char *event_name(enum event event);
const char *target_name(enum target target);          /* STARTED, PAUSED, STOPPED: the store's words */
int target_parse(const char *text, enum target *out); /* also RUNNING; any case; 0: not one */

/* How long to wait before start number `deaths` + 1: doubles from a quarter of a second to half a minute; `random`
   takes off up to a half, so that many that fell together do not rise together. */
int64_t restart_delay_ms(unsigned deaths, uint32_t random);

#endif
