/* stream.c: streaming from the slot: reading with the right pace, cutting what comes into batches, and telling the
   server how far it may forget (performance 0.2; cdc-facts 2). What a message means is changes.c's. [task] */
#include "stream.h"

#include "changes.h"
#include "no_memory.h"
#include "rows.h"
#include "stream_give.h"
#include "wake.h"
#include "wire_read.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define XLOG_HEADER     25u /* 'w', start, end, clock */
#define KEEPALIVE_BYTES 18u /* 'k', end, clock, reply */
#define GATHER_BYTES    (64 * 1024)
#define GATHER_US       300 /* most that is added to the latency of thin traffic */
#define SETTLE_US       5000
#define BEHIND_US       20000 /* older than this: we are catching up */
#define DENSE_US        300   /* fills closer than this follow each other */
#define DENSE_FILLS     2u
#define ACK_GAP_US      1000 /* between two confirmations */
#define PARK_US         30000000
#define LAG_KNOWN_US    1000000      /* what is left in the socket says how far behind we are for so long */
#define BUSY_POLL_US    1000000      /* how long a full host is waited for at a time */
#define CATALOG_KEEP_US 5000000      /* the catalog connection is closed when unused for so long */
#define SEND_RESERVE    (64u * 1024) /* a message is longer than the record it becomes by no more than this */

/* ---- beginning ---- */

static hp_status start_command(struct source *s, struct text *sql, struct hp_error *err)
{
    int version = s->replication.version;
    char *slot = session_identifier(&s->replication, s->settings.slot);
    char *quoted = session_identifier(&s->replication, s->settings.publication);
    char *publication = quoted ? session_literal(&s->replication, quoted) : NULL;
    if (slot && publication) {
        text_put(sql, "START_REPLICATION SLOT %s LOGICAL %s (proto_version '%d', publication_names %s", slot,
                 lsn_text(s->position.lsn).s,
                 version >= 160000   ? 4
                 : version >= 150000 ? 3
                 : version >= 140000 ? 2
                                     : 1,
                 publication);
        if (version >= 140000) {
            text_put(sql, ", binary '%s', messages 'true'", s->no_binary ? "false" : "true");
        }
        if (s->stream.streaming) {
            text_put(sql, ", streaming '%s'", version >= 160000 ? "parallel" : "on");
        }
        text_put(sql, ")");
    }
    sql->failed = sql->failed || !slot || !publication;
    PQfreemem(slot);
    PQfreemem(quoted);
    PQfreemem(publication);
    return sql->failed ? no_memory(err) : HP_OK;
}

hp_status stream_begin(struct source *s, struct hp_error *err)
{
    struct stream *st = &s->stream;
    struct text sql = {0};
    uint64_t snapshot_lsn = position_snapshot_lsn(&s->position);
    hp_status status;
    stream_finish(s);
    st->scratch = malloc(sizeof *st->scratch);
    if (!st->scratch) {
        return no_memory(err);
    }
    st->begin_at = STREAM_NOWHERE;
    st->skip_below = s->position.lsn;
    st->server_end = s->server.wal_end;
    /* Tables that were read later than the slot began: which of their changes are in the snapshot shows only when
       their transaction's end is known, so transactions come whole until then (see renew). */
    st->streaming = s->replication.version >= 140000 && !s->no_streaming && s->position.lsn >= snapshot_lsn;
    st->mode.abort_has_lsn = st->streaming && s->replication.version >= 160000;
    status = start_command(s, &sql, err);
    if (status == HP_OK) {
        services_log(&s->services, HP_LOG_INFO, "streaming from slot \"%s\" at %s%s", s->settings.slot,
                     lsn_text(s->position.lsn).s, PQsslInUse(s->replication.conn) ? " over TLS" : "");
        status = wire_start(&st->wire, &s->replication, s->wake_fd, "streaming", sql.data, UINT32_MAX, err);
        feedback_asked(&s->feedback, services_now_us());
    }
    text_finish(&sql);
    s->phase = PHASE_STREAM;
    return status;
}

void stream_finish(struct source *s)
{
    struct stream *st = &s->stream;
    open_txs_finish(&st->open);
    open_tx_free(st->given_tx);
    wire_finish(&st->wire);
    free(st->scratch);
    free(st->carry);
    memset(st, 0, sizeof *st);
    st->begin_at = STREAM_NOWHERE;
    services_lag_unknown(&s->services);
}

/* ---- feedback ---- */

static int64_t server_clock_us(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 - PGOUTPUT_EPOCH_US;
}

static hp_status tell_server(struct source *s, int64_t now_us, int64_t gap_us, struct hp_error *err)
{
    uint8_t message[FEEDBACK_BYTES];
    uint64_t before = s->feedback.confirmed;
    if (!s->stream.wire.copying || !feedback_wants_send(&s->feedback, now_us, gap_us)) {
        return HP_OK;
    }
    if (services_failpoint(&s->services, "src.before_ack", err) != HP_OK) {
        return HP_ERROR;
    }
    feedback_write(&s->feedback, message, now_us, server_clock_us());
    if (wire_send(&s->stream.wire, message, sizeof message, err) != HP_OK) {
        return HP_ERROR;
    }
    services_set(&s->services, FIG_CONFIRMED_LSN, (int64_t)s->feedback.confirmed);
    return s->feedback.confirmed > before ? services_failpoint(&s->services, "src.acked", err) : HP_OK;
}

/* The server keeps the last word on what is durable. */
void stream_end(struct source *s)
{
    if (s->phase == PHASE_STREAM) {
        (void)tell_server(s, services_now_us(), 0, NULL);
    }
    stream_finish(s);
}

hp_status stream_commit(struct source *s, uint64_t ticket, struct hp_error *err)
{
    feedback_durable(&s->feedback, ticket);
    return s->phase == PHASE_STREAM ? tell_server(s, services_now_us(), ACK_GAP_US, err) : HP_OK;
}

/* ---- one message ---- */

static enum step keepalive(struct source *s, const struct wire_msg *msg, struct hp_error *err)
{
    struct wire_read r = wire_read_of(msg->data + 1, msg->len - 1);
    uint64_t end = wire_u64(&r);
    int64_t clock = (int64_t)wire_u64(&r);
    bool reply = wire_u8(&r) != 0;
    if (r.failed) {
        (void)hp_fail(err, HP_ERROR_FATAL, "08P01", "the server sent a keepalive of %zu bytes", msg->len);
        return STEP_FAILED;
    }
    s->stream.server_clock_us = clock;
    s->stream.server_end = end > s->stream.server_end ? end : s->stream.server_end;
    feedback_keepalive(&s->feedback, end, reply, !s->stream.in_tx && !s->stream.current);
    return STEP_NEXT;
}

static enum step one_message(struct source *s, struct hp_builder *b, const struct wire_msg *msg, struct hp_error *err)
{
    struct stream *st = &s->stream;
    struct wire_read r = wire_read_of(msg->data, msg->len);
    uint64_t lsn;
    switch (wire_u8(&r)) {
    case 'w':
        lsn = wire_u64(&r);
        (void)wire_u64(&r);
        st->server_clock_us = (int64_t)wire_u64(&r);
        if (r.failed) {
            break;
        }
        st->server_end = lsn > st->server_end ? lsn : st->server_end;
        return changes_apply(s, b, r.at, wire_left(&r), lsn, err);
    case 'k':
        return keepalive(s, msg, err);
    default:
        break;
    }
    (void)hp_fail(err, HP_ERROR_FATAL, "08P01", "the server sent a replication message that is not understood");
    return STEP_FAILED;
}

static hp_status too_large(struct source *s, const struct wire_msg *msg, struct hp_error *err)
{
    uint32_t oid = pgoutput_peek_relation(msg->data + XLOG_HEADER, 32, &s->stream.mode);
    const struct relation *rel = oid ? relations_find(&s->relations, oid) : NULL;
    return rows_too_large(rel ? rel->name : "(unknown)", msg->len, s->stream.wire.max_message, err);
}

/* All complete messages that are here, until the batch is full. *status is WIRE_NONE when nothing is left. */
static enum step drain(struct source *s, struct hp_builder *b, uint64_t max_bytes, enum wire_status *status,
                       struct hp_error *err)
{
    struct stream *st = &s->stream;
    for (;;) {
        struct wire_msg msg = {NULL, 0};
        enum step step;
        if (wire_peek(&st->wire, &msg, status, err) != HP_OK) {
            return STEP_FAILED;
        }
        if (*status == WIRE_NONE) {
            return STEP_NEXT;
        }
        if (*status == WIRE_OVER) {
            (void)hp_fail(err, HP_ERROR_RETRY, "57P01", "the server ended streaming (it shuts down, perhaps)");
            return STEP_FAILED;
        }
        if (*status == WIRE_TOO_LARGE) {
            (void)too_large(s, &msg, err);
            return STEP_FAILED;
        }
        step = one_message(s, b, &msg, err);
        if (step == STEP_FLUSH || step == STEP_FAILED) {
            return step;
        }
        st->n_bytes += (int64_t)msg.len;
        wire_take(&st->wire);
        if (step == STEP_OUTCOME) {
            return step;
        }
        if (b->len >= max_bytes) {
            return STEP_FLUSH;
        }
    }
}

/* ---- waiting ---- */

/* Nothing complete is here. Wait for more in the way that costs least: heavy traffic is let come together. */
static hp_status wait_for_more(struct source *s, int64_t wait_us, struct hp_error *err)
{
    struct stream *st = &s->stream;
    int64_t before = services_now_us(), now;
    if (st->wire.last_fill && st->lag_us > BEHIND_US) {
        return wire_settle(&st->wire, SETTLE_US, err);
    }
    if (st->wire.last_fill >= GATHER_BYTES / 2) {
        return wire_gather(&st->wire, GATHER_US, GATHER_BYTES, err);
    }
    if (wire_wait(&st->wire, wait_us, err) != HP_OK) {
        return HP_ERROR;
    }
    now = services_now_us();
    if (st->wire.last_fill == 0) {
        st->dense = 0;
        return HP_OK;
    }
    st->dense = now - before < DENSE_US ? st->dense + 1 : 0;
    if (st->dense >= DENSE_FILLS) {
        size_t first = st->wire.last_fill;
        hp_status status = wire_gather(&st->wire, GATHER_US, GATHER_BYTES, err);
        st->wire.last_fill += first;
        return status;
    }
    return HP_OK;
}

static void clear_wake(struct source *s)
{
    if (s->stream.wire.woken) {
        s->stream.wire.woken = false;
        wake_clear(s->wake_fd);
    }
}

static void at_rest(struct source *s, int64_t now_us)
{
    wire_shrink(&s->stream.wire);
    if (s->normal.conn && now_us - s->normal_used_us > CATALOG_KEEP_US) {
        session_close(&s->normal);
    }
    if (s->stream.carry_len == 0 && s->stream.carry) {
        free(s->stream.carry);
        s->stream.carry = NULL;
        s->stream.carry_cap = 0;
    }
    if (!s->stream.in_tx && !s->stream.current) {
        s->stream.lag_us = 0;
    }
    stream_figures(s, 0);
}

/* No room at the host (paused, or its disk is full): only keep the connection alive, for a while. Then it is closed: a
   server that shuts down waits for each walsender's client to take all, and would wait for ever. */
static hp_status poll_without_room(struct source *s, const struct hp_poll *poll, struct hp_error *err)
{
    struct stream *st = &s->stream;
    int64_t now = services_now_us();
    if (!st->no_room_us) {
        st->no_room_us = now;
    }
    if (now - st->no_room_us > LAG_KNOWN_US) {
        services_lag_unknown(&s->services);
    }
    if (now - st->no_room_us > PARK_US) {
        services_log(&s->services, HP_LOG_INFO, "no room for %d s: the connection is closed until there is some",
                     (int)(PARK_US / 1000000));
        stream_finish(s);
        session_close(&s->replication);
        session_close(&s->normal);
        s->phase = PHASE_PARKED;
        return HP_IDLE;
    }
    s->feedback.reply = s->feedback.reply || now - s->feedback.sent_us >= BUSY_POLL_US;
    if (tell_server(s, now, ACK_GAP_US, err) != HP_OK) {
        return HP_ERROR;
    }
    wake_wait(s->wake_fd, poll->wait_us < BUSY_POLL_US ? poll->wait_us : BUSY_POLL_US);
    return HP_IDLE;
}

/* Nothing more comes for now: give what is complete, or else keep it for the next poll. */
static hp_status give_or_idle(struct source *s, struct hp_poll *poll, int64_t now_us, struct hp_error *err)
{
    struct stream *st = &s->stream;
    bool chunk = st->content == CONTENT_CHUNK && poll->batch->len;
    clear_wake(s);
    if ((chunk || st->done_len) && services_failpoint(&s->services, "src.decoded", err) != HP_OK) {
        return HP_ERROR;
    }
    if (chunk) {
        return stream_give_chunk(s, poll);
    }
    if (st->done_len || feedback_wants_give(&s->feedback, now_us)) {
        return stream_give_whole(s, poll, err);
    }
    if (stream_keep_tail(st, poll->batch, err) != HP_OK) {
        return HP_ERROR;
    }
    at_rest(s, now_us);
    return HP_IDLE;
}

/* Behind the newest snapshot, transactions may come while they are open: ask for that. A walsender can stream a slot
   once only (it never resets its flags), so it takes a new connection; ending the old one in good order frees the slot.
   A new connection is also the only way to have the memory back that libpq took for a huge message (E8): at rest. */
static hp_status renew(struct source *s, struct hp_error *err)
{
    struct stream *st = &s->stream;
    bool may_stream = !st->streaming && !s->no_streaming && s->replication.version >= 140000 &&
                      position_snapshot_lsn(&s->position) <= s->position.lsn;
    if (!may_stream && !(st->wire.bulky && st->wire.last_fill == 0)) {
        return HP_OK;
    }
    if (st->in_tx || st->open.n || st->carry_len || !st->wire.copying || s->feedback.given < s->feedback.handled) {
        return HP_OK;
    }
    if (wire_end(&st->wire, err) != HP_OK) {
        return HP_ERROR;
    }
    session_close(&s->replication);
    if (session_open(&s->replication, &s->services, &s->settings, SESSION_REPLICATION, err) != HP_OK) {
        return HP_ERROR;
    }
    return stream_begin(s, err);
}

hp_status stream_poll(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    struct stream *st = &s->stream;
    int64_t now = services_now_us(), deadline = now + poll->wait_us, first_us = 0;
    if (services_failpoint(&s->services, "src.read", err) != HP_OK) {
        return HP_ERROR;
    }
    if (poll->max_bytes == 0) {
        return poll_without_room(s, poll, err);
    }
    st->no_room_us = 0;
    if (tell_server(s, now, ACK_GAP_US, err) != HP_OK) {
        return HP_ERROR;
    }
    if (st->outcome) {
        return stream_give_outcome(s, poll, err);
    }
    if (renew(s, err) != HP_OK || stream_restore_tail(st, poll->batch, err) != HP_OK) {
        return HP_ERROR;
    }
    st->wire.max_message = poll->batch->max_record + SEND_RESERVE;
    for (;;) {
        enum wire_status status;
        int64_t due;
        bool complete, late;
        switch (drain(s, poll->batch, poll->max_bytes, &status, err)) {
        case STEP_FAILED:
            return HP_ERROR;
        case STEP_OUTCOME:
            return stream_give_outcome(s, poll, err);
        case STEP_FLUSH:
            return stream_give(s, poll, err);
        default:
            break;
        }
        now = services_now_us();
        complete = st->done_len > 0 && st->begin_at == STREAM_NOWHERE;
        first_us = st->done_len && !first_us ? now : first_us;
        late = first_us && now - first_us >= SETTLE_US;
        if (late || (complete && st->lag_us <= BEHIND_US && st->wire.last_fill < GATHER_BYTES / 2) || st->wire.woken ||
            now >= deadline || (!poll->batch->len && feedback_wants_give(&s->feedback, now))) {
            return give_or_idle(s, poll, now, err);
        }
        if (tell_server(s, now, ACK_GAP_US, err) != HP_OK) {
            return HP_ERROR;
        }
        due = st->wire.copying ? feedback_due_us(&s->feedback)
                               : deadline; /* until the server answers, there is nothing to say */
        due = due > now ? due : now;
        if (wait_for_more(s, (due < deadline ? due : deadline) - now, err) != HP_OK) {
            return HP_ERROR;
        }
        if (st->wire.last_fill) {
            feedback_heard(&s->feedback);
        } else if (feedback_unanswered(&s->feedback, services_now_us())) {
            return hp_fail(err, HP_ERROR_RETRY, "", "the server at %s:%s has not answered for %lld s: connecting again",
                           s->settings.host, s->settings.port, (long long)(s->feedback.patience_us / 1000000));
        }
    }
}
