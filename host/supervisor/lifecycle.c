/* lifecycle.c: see lifecycle.h. Pure. */
#include "lifecycle.h"

#include <stddef.h>
#include <strings.h>

#define STEP(phase, action)                                                                                            \
    {                                                                                                                  \
        PHASE_##phase, ACTION_##action                                                                                 \
    }

static const struct step table[PHASE_N][EVENT_N] =
    {
        [PHASE_OFF] =
            {
                [EVENT_WANT] = STEP(QUEUED, QUEUE),
                [EVENT_RENEW] = STEP(OFF, NONE), /* restart of a STOPPED connector (T16) */
                [EVENT_LEAVE] = STEP(OFF, SETTLE),
                [EVENT_OP] = STEP(OP, OP),
                [EVENT_SPAWNED] = STEP(OFF, BUG),
                [EVENT_REFUSED] = STEP(OFF, BUG),
                [EVENT_LATER] = STEP(OFF, BUG),
                [EVENT_WORKS] = STEP(OFF, BUG),
                [EVENT_FAILS] = STEP(OFF, BUG),
                [EVENT_ENDED] = STEP(OFF, BUG),
                [EVENT_SPENT] = STEP(OFF, BUG),
                [EVENT_DUE] = STEP(OFF, BUG),
            },
        [PHASE_QUEUED] =
            {
                [EVENT_WANT] = STEP(QUEUED, NONE),
                [EVENT_RENEW] = STEP(QUEUED, NONE),
                [EVENT_LEAVE] = STEP(OFF, SETTLE),
                [EVENT_OP] = STEP(QUEUED, BUG),
                [EVENT_SPAWNED] = STEP(STARTING, NONE),
                [EVENT_REFUSED] = STEP(DEAD, NONE),
                [EVENT_LATER] = STEP(BACKOFF, WAIT),
                [EVENT_WORKS] = STEP(QUEUED, BUG),
                [EVENT_FAILS] = STEP(QUEUED, BUG),
                [EVENT_ENDED] = STEP(QUEUED, BUG),
                [EVENT_SPENT] = STEP(QUEUED, BUG),
                [EVENT_DUE] = STEP(QUEUED, BUG),
            },
        [PHASE_STARTING] =
            {
                [EVENT_WANT] = STEP(STARTING, MODE),
                [EVENT_RENEW] = STEP(LEAVING, STOP),
                [EVENT_LEAVE] = STEP(LEAVING, STOP),
                [EVENT_OP] = STEP(STARTING, BUG),
                [EVENT_SPAWNED] = STEP(STARTING, BUG),
                [EVENT_REFUSED] = STEP(STARTING, BUG),
                [EVENT_LATER] = STEP(STARTING, BUG),
                [EVENT_WORKS] = STEP(UP, NONE),
                [EVENT_FAILS] = STEP(FAILED, NONE),
                [EVENT_ENDED] = STEP(BACKOFF, DIED),
                [EVENT_SPENT] = STEP(STARTING, BUG),
                [EVENT_DUE] = STEP(STARTING, BUG),
            },
        [PHASE_UP] =
            {
                [EVENT_WANT] = STEP(UP, MODE),
                [EVENT_RENEW] = STEP(LEAVING, STOP),
                [EVENT_LEAVE] = STEP(LEAVING, STOP),
                [EVENT_OP] = STEP(UP, BUG),
                [EVENT_SPAWNED] = STEP(UP, BUG),
                [EVENT_REFUSED] = STEP(UP, BUG),
                [EVENT_LATER] = STEP(UP, BUG),
                [EVENT_WORKS] = STEP(UP, NONE),
                [EVENT_FAILS] = STEP(FAILED, NONE),
                [EVENT_ENDED] = STEP(BACKOFF, DIED),
                [EVENT_SPENT] = STEP(UP, BUG),
                [EVENT_DUE] = STEP(UP, BUG),
            },
        [PHASE_FAILED] =
            {
                [EVENT_WANT] = STEP(FAILED, NONE), /* LC-04: pause and resume leave FAILED as it is */
                [EVENT_RENEW] = STEP(LEAVING, STOP),
                [EVENT_LEAVE] = STEP(LEAVING, STOP),
                [EVENT_OP] = STEP(FAILED, BUG),
                [EVENT_SPAWNED] = STEP(FAILED, BUG),
                [EVENT_REFUSED] = STEP(FAILED, BUG),
                [EVENT_LATER] = STEP(FAILED, BUG),
                [EVENT_WORKS] = STEP(FAILED, NONE), /* a word that was under way */
                [EVENT_FAILS] = STEP(FAILED, NONE),
                [EVENT_ENDED] = STEP(DEAD, NONE), /* the reason it gave stays */
                [EVENT_SPENT] = STEP(FAILED, BUG),
                [EVENT_DUE] = STEP(FAILED, BUG),
            },
        [PHASE_LEAVING] =
            {
                [EVENT_WANT] = STEP(LEAVING, NONE),
                [EVENT_RENEW] = STEP(LEAVING, NONE),
                [EVENT_LEAVE] = STEP(LEAVING, STOP), /* perhaps for good now */
                [EVENT_OP] = STEP(LEAVING, NONE),    /* waits; see SETTLE */
                [EVENT_SPAWNED] = STEP(LEAVING, BUG),
                [EVENT_REFUSED] = STEP(LEAVING, BUG),
                [EVENT_LATER] = STEP(LEAVING, BUG),
                [EVENT_WORKS] = STEP(LEAVING, NONE),
                [EVENT_FAILS] = STEP(LEAVING, NONE),
                [EVENT_ENDED] = STEP(OFF, SETTLE),
                [EVENT_SPENT] = STEP(LEAVING, BUG),
                [EVENT_DUE] = STEP(LEAVING, KILL),
            },
        [PHASE_BACKOFF] =
            {
                [EVENT_WANT] = STEP(BACKOFF, NONE),
                [EVENT_RENEW] = STEP(QUEUED, QUEUE),
                [EVENT_LEAVE] = STEP(OFF, SETTLE),
                [EVENT_OP] = STEP(BACKOFF, BUG),
                [EVENT_SPAWNED] = STEP(BACKOFF, BUG),
                [EVENT_REFUSED] = STEP(BACKOFF, BUG),
                [EVENT_LATER] = STEP(BACKOFF, BUG),
                [EVENT_WORKS] = STEP(BACKOFF, BUG),
                [EVENT_FAILS] = STEP(BACKOFF, BUG),
                [EVENT_ENDED] = STEP(BACKOFF, BUG),
                [EVENT_SPENT] = STEP(DEAD, NONE),
                [EVENT_DUE] = STEP(QUEUED, QUEUE),
            },
        [PHASE_DEAD] =
            {
                [EVENT_WANT] = STEP(DEAD, NONE), /* LC-04 */
                [EVENT_RENEW] = STEP(QUEUED, QUEUE),
                [EVENT_LEAVE] = STEP(OFF, SETTLE),
                [EVENT_OP] = STEP(DEAD, BUG),
                [EVENT_SPAWNED] = STEP(DEAD, BUG),
                [EVENT_REFUSED] = STEP(DEAD, BUG),
                [EVENT_LATER] = STEP(DEAD, BUG),
                [EVENT_WORKS] = STEP(DEAD, BUG),
                [EVENT_FAILS] = STEP(DEAD, BUG),
                [EVENT_ENDED] = STEP(DEAD, BUG),
                [EVENT_SPENT] = STEP(DEAD, BUG),
                [EVENT_DUE] = STEP(DEAD, BUG),
            },
        [PHASE_OP] =
            {
                [EVENT_WANT] = STEP(OP, NONE), /* started when the op has ended; see SETTLE */
                [EVENT_RENEW] = STEP(OP, NONE),
                [EVENT_LEAVE] = STEP(OP, NONE),
                [EVENT_OP] = STEP(OP, BUG),
                [EVENT_SPAWNED] = STEP(OP, NONE),
                [EVENT_REFUSED] = STEP(OFF, SETTLE),
                [EVENT_LATER] = STEP(OFF, SETTLE),
                [EVENT_WORKS] = STEP(OP, NONE),
                [EVENT_FAILS] = STEP(OP, NONE),
                [EVENT_ENDED] = STEP(OFF, SETTLE),
                [EVENT_SPENT] = STEP(OP, BUG),
                [EVENT_DUE] = STEP(OP, KILL),
            },
};

struct step lifecycle_step(enum phase from, enum event event)
{
    return table[from][event];
}

const char *phase_name(enum phase phase)
{
    static const char *const names[PHASE_N] = {"off",     "queued",  "starting", "up", "failed",
                                               "leaving", "backoff", "dead",     "op"};
    return names[phase];
}

const char *event_name(enum event event)
{
    static const char *const names[EVENT_N] = {"want",  "renew", "leave", "op",    "spawned", "refused",
                                               "later", "works", "fails", "ended", "spent",   "due"};
    return names[event];
}

static const char *const target_names[] = {"STARTED", "PAUSED", "STOPPED"};

const char *target_name(enum target target)
{
    return target_names[target];
}

int target_parse(const char *text, enum target *out)
{
    if (strcasecmp(text, "RUNNING") == 0) {
        *out = TARGET_RUNNING;
        return 1;
    }
    for (size_t i = 0; i < sizeof target_names / sizeof target_names[0]; i++) {
        if (strcasecmp(text, target_names[i]) == 0) {
            *out = (enum target)i;
            return 1;
        }
    }
    return 0;
}

int64_t restart_delay_ms(unsigned deaths, uint32_t random)
{
    const int64_t first = 250, most = 30000;
    int64_t delay = deaths > 8 ? most : first << (deaths ? deaths - 1 : 0);
    delay = delay > most ? most : delay;
    return delay - (int64_t)(random % (uint32_t)(delay / 2 + 1));
}
