/* feedback.c: see feedback.h. */
#include "feedback.h"

#include "wire_read.h"

void feedback_init(struct feedback *f, uint64_t lsn, int64_t interval_us, int64_t idle_us, int64_t patience_us,
                   int64_t now_us)
{
    *f = (struct feedback){.handled = lsn,
                           .given = lsn,
                           .durable = lsn,
                           .confirmed = 0,
                           .given_us = now_us - idle_us,
                           .sent_us = now_us - interval_us,
                           .interval_us = interval_us,
                           .idle_us = idle_us,
                           .patience_us = patience_us};
}

void feedback_handled(struct feedback *f, uint64_t lsn)
{
    if (lsn > f->handled) {
        f->handled = lsn;
    }
}

void feedback_keepalive(struct feedback *f, uint64_t wal_end, bool reply, bool level)
{
    if (level) {
        feedback_handled(f, wal_end);
    }
    f->reply = f->reply || reply;
    f->urgent = f->urgent || (reply && f->handled > f->given);
}

bool feedback_wants_give(const struct feedback *f, int64_t now_us)
{
    return f->handled > f->given && (f->urgent || now_us - f->given_us >= f->idle_us);
}

void feedback_given(struct feedback *f, int64_t now_us)
{
    f->given = f->handled;
    f->given_us = now_us;
#ifdef HOMEPORT_SABOTAGE /* the planted bug: what was only given counts as durable. tests/crash has to find it */
    f->durable = f->given;
#endif
}

void feedback_durable(struct feedback *f, uint64_t lsn)
{
    if (lsn > f->durable) {
        f->durable = lsn;
    }
}

bool feedback_wants_send(const struct feedback *f, int64_t now_us, int64_t gap_us)
{
    return f->reply || now_us - f->sent_us >= f->interval_us ||
           (f->durable > f->confirmed && now_us - f->sent_us >= gap_us);
}

int64_t feedback_due_us(const struct feedback *f)
{
    int64_t due = f->sent_us + f->interval_us;
    if (f->handled > f->given && f->given_us + f->idle_us < due) {
        due = f->given_us + f->idle_us;
    }
    return due;
}

void feedback_write(struct feedback *f, uint8_t out[FEEDBACK_BYTES], int64_t now_us, int64_t server_clock_us)
{
    bool ask = now_us - f->sent_us >= f->interval_us;
    out[0] = 'r';
    wire_put64(out + 1, f->durable);  /* written */
    wire_put64(out + 9, f->durable);  /* flushed: this one moves the slot */
    wire_put64(out + 17, f->durable); /* applied */
    wire_put64(out + 25, (uint64_t)server_clock_us);
    out[33] = ask;
    f->asked_us = ask && !f->asked_us ? now_us : f->asked_us;
    f->confirmed = f->durable;
    f->sent_us = now_us;
    f->reply = false;
    if (f->durable >= f->given && f->given >= f->handled) {
        f->urgent = false;
    }
}

void feedback_asked(struct feedback *f, int64_t now_us)
{
    f->asked_us = now_us;
}

void feedback_heard(struct feedback *f)
{
    f->asked_us = 0;
}

bool feedback_unanswered(const struct feedback *f, int64_t now_us)
{
    return f->patience_us && f->asked_us && now_us - f->asked_us > f->patience_us;
}
