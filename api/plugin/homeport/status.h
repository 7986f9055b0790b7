/* status.h: what a call may return, and the error that goes with a failure. */
#ifndef HOMEPORT_STATUS_H
#define HOMEPORT_STATUS_H

#include <stdint.h>

/* 0: done. > 0: nothing went wrong, but there is something to know. < 0: *err was filled. */
typedef int32_t hp_status;
#define HP_OK    0
#define HP_IDLE  1 /* nothing to do now; call again */
#define HP_END   2 /* a bounded source has delivered everything it ever will */
#define HP_ERROR (-1)

/*
 * The class decides what the host does; the plugin never sleeps and retries on its own.
 *   CONFIG  the configuration cannot work. Task FAILED at once.
 *   RETRY   a server does not answer, a deadlock, ... The host stops the instance, shows
 *           RESTARTING with the message as trace, waits (backoff with jitter, at least
 *           retry_after_ms) and starts it again from the last durable position.
 *   POISON  one record cannot be processed; `record` tells which of the batch.
 *   FATAL   going on would lose or damage data (a slot was recreated, ...). Task FAILED.
 */
#define HP_ERROR_CONFIG 1u
#define HP_ERROR_RETRY  2u
#define HP_ERROR_POISON 3u
#define HP_ERROR_FATAL  4u

#define HP_RECORD_EARLIER UINT64_MAX /* as `record`: of an earlier batch; the message names it */

struct hp_error {
    uint32_t size;           /* set by the caller */
    uint32_t klass;          /* HP_ERROR_* */
    uint32_t retry_after_ms; /* RETRY: not before */
    uint32_t reserved;
    uint64_t record;   /* POISON: index in the batch given to put or apply, see also sink.h */
    char code[16];     /* SQLSTATE or the like, NUL-terminated, may be empty */
    char message[976]; /* one line of UTF-8, NUL-terminated: what failed, which object,
                          what to do. Never a secret, never a row's values */
};

#endif
