/*
 * feedback.h: what may be confirmed to the server, and when (E1, E4; cdc-facts P1, P5, P6). The rule: a place is
 * handled once all before it is in a batch or needs none; it is given to the host with a batch; it is durable when the
 * host says so; and only then it is confirmed, exactly. A place that has nothing to give (keepalive, filtered
 * transactions) is given by itself, now and then. Pure; times are monotonic microseconds.
 */
#ifndef SOURCE_PG_FEEDBACK_H
#define SOURCE_PG_FEEDBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEEDBACK_BYTES 34u /* of a standby status update, inside CopyData */

struct feedback {
    uint64_t handled, given, durable, confirmed;
    int64_t given_us;    /* when a place was last given */
    int64_t sent_us;     /* when the server was last told */
    int64_t interval_us; /* to tell it at least that often */
    int64_t idle_us;     /* least time between two places given for nothing but themselves */
    bool urgent;         /* the server asked: give and tell at once */
    bool reply;          /* the server asked: tell at once, whatever it is */
    int64_t asked_us;    /* since when an answer of the server is waited for; 0: it owes none */
    int64_t patience_us; /* how long it is waited for; 0: for ever */
};

void feedback_init(struct feedback *f, uint64_t lsn, int64_t interval_us, int64_t idle_us, int64_t patience_us,
                   int64_t now_us);
/* Everything up to lsn is handled. Never goes back. */
void feedback_handled(struct feedback *f, uint64_t lsn);
/* A keepalive. `level`: no transaction is open or half read, so its end of WAL is handled too. */
void feedback_keepalive(struct feedback *f, uint64_t wal_end, bool reply, bool level);
/* A place without records should be given now. */
bool feedback_wants_give(const struct feedback *f, int64_t now_us);
void feedback_given(struct feedback *f, int64_t now_us);
void feedback_durable(struct feedback *f, uint64_t lsn);
/* The server should be told now; `gap_us`: least time between two messages that only say more. */
bool feedback_wants_send(const struct feedback *f, int64_t now_us, int64_t gap_us);
/* When either will be wanted next if nothing else happens. */
int64_t feedback_due_us(const struct feedback *f);
/* The message's bytes; it counts as sent. One that is due for nothing but the interval asks for an answer. */
void feedback_write(struct feedback *f, uint8_t out[FEEDBACK_BYTES], int64_t now_us, int64_t server_clock_us);
/* The server was asked to begin. */
void feedback_asked(struct feedback *f, int64_t now_us);
/* The server said something, whatever it is. */
void feedback_heard(struct feedback *f);
/* It has not answered for longer than is waited: a line that swallows what is sent, without a word to either end. */
bool feedback_unanswered(const struct feedback *f, int64_t now_us);

#endif
