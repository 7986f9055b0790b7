/* changes.c: see changes.h. */
#include "changes.h"

#include "no_memory.h"
#include "rows.h"
#include "schema_events.h"

#define LOOP_PREFIX "homeport_" /* origins of our own sinks (design D15) */

/* The transaction that a row message belongs to, seen alike for B..C and S..E. */
struct scope {
    struct hp_tx *tx;
    bool skip;
    uint32_t *seq;
    uint32_t subxid;
};

static struct scope scope_of(struct stream *st, const struct pgoutput_msg *m)
{
    struct scope sc = {&st->tx, st->skip, &st->seq, 0};
    if (st->current) {
        sc = (struct scope){&st->current->tx, st->current->skip, &st->current->seq,
                            m->xid != st->current->tx.id ? m->xid : 0};
    }
    return sc;
}

static enum step out_of_order(const struct pgoutput_msg *m, struct hp_error *err)
{
    (void)hp_fail(err, HP_ERROR_FATAL, "08P01", "the server sent a pgoutput message '%c' out of order", m->type);
    return STEP_FAILED;
}

static enum step stuck(struct hp_error *err)
{
    (void)no_memory(err);
    return STEP_FAILED;
}

/* The builder is ready for a record of this transaction: a BEGIN record before its first, none in chunks. */
static bool open_batch(struct stream *st, struct hp_builder *b, const struct scope *sc)
{
    if (st->current || st->chunked) {
        st->content = CONTENT_CHUNK;
        st->chunk_tx = *sc->tx;
        return true;
    }
    if (st->begin_at == STREAM_NOWHERE) {
        st->begin_at = b->len;
        st->content = CONTENT_WHOLE;
        return hp_builder_tx(b, sc->tx) == HP_OK;
    }
    return true;
}

static enum step row(struct source *s, struct hp_builder *b, const struct pgoutput_msg *m, size_t len, uint64_t lsn,
                     struct hp_error *err)
{
    struct stream *st = &s->stream;
    struct scope sc = scope_of(st, m);
    const struct relation *rel = relations_find(&s->relations, m->oid);
    unsigned skip = m->type == 'I' ? SKIP_CREATE : m->type == 'U' ? SKIP_UPDATE : SKIP_DELETE;
    struct row_change c = {.rel = rel,
                           .op = m->type == 'I'   ? HP_OP_CREATE
                                 : m->type == 'U' ? HP_OP_UPDATE
                                                  : HP_OP_DELETE,
                           .subxid = sc.subxid,
                           .seq = (*sc.seq)++,
                           .pos = lsn,
                           .before = &m->before,
                           .after = &m->after,
                           .wire_bytes = len};
    if (sc.skip) {
        st->n_looped++;
        return STEP_NEXT;
    }
    if (!rel || !(st->in_tx || st->current)) {
        return out_of_order(m, err);
    }
    if (!rel->wanted || (s->settings.skip & skip) ||
        (rel->snapshot_lsn && sc.tx->commit_pos && sc.tx->commit_pos < rel->snapshot_lsn)) {
        st->n_filtered++;
        return STEP_NEXT;
    }
    if (!open_batch(st, b, &sc)) {
        return stuck(err);
    }
    return rows_append(b, &c, err) == HP_OK ? STEP_NEXT : STEP_FAILED;
}

static enum step truncate_tables(struct source *s, struct hp_builder *b, const struct pgoutput_msg *m, uint64_t lsn,
                                 struct hp_error *err)
{
    struct stream *st = &s->stream;
    struct scope sc = scope_of(st, m);
    struct hp_record *last = NULL;
    static const struct pgoutput_tuple none;
    for (uint32_t i = 0; i < m->n_oids; i++) {
        const struct relation *rel = relations_find(&s->relations, pgoutput_truncated(m, i));
        struct row_change c = {.rel = rel,
                               .op = HP_OP_TRUNCATE,
                               .subxid = sc.subxid,
                               .seq = (*sc.seq)++,
                               .pos = lsn,
                               .before = &none,
                               .after = &none};
        if (sc.skip) {
            st->n_looped++;
            continue;
        }
        if (!rel || !(st->in_tx || st->current)) {
            return out_of_order(m, err);
        }
        if (!rel->wanted || (s->settings.skip & SKIP_TRUNCATE) ||
            (rel->snapshot_lsn && sc.tx->commit_pos && sc.tx->commit_pos < rel->snapshot_lsn)) {
            st->n_filtered++;
            continue;
        }
        c.flags =
            (uint16_t)((m->flags & PGOUTPUT_TRUNCATE_CASCADE ? HP_REC_CASCADE : 0) |
                       (m->flags & PGOUTPUT_TRUNCATE_RESTART ? HP_REC_RESTART_IDENTITY : 0) | HP_REC_TX_CONTINUES);
        if (!open_batch(st, b, &sc)) {
            return stuck(err);
        }
        uint64_t at = b->len;
        if (rows_append_truncate(b, &c, err) != HP_OK) {
            return STEP_FAILED;
        }
        last = (struct hp_record *)(void *)(b->base + at);
    }
    if (last) {
        last->flags &= (uint16_t)~HP_REC_TX_CONTINUES;
    }
    return STEP_NEXT;
}

/* ---- pg_logical_emit_message ---- */

static hp_status append_message(struct source *s, struct hp_builder *b, const struct pgoutput_msg *m, uint32_t subxid,
                                uint32_t seq, struct hp_error *err)
{
    char topic[640];
    uint32_t before, after, id;
    struct hp_record *rec;
    (void)snprintf(topic, sizeof topic, "%s%smessage", s->settings.prefix, s->settings.delimiter);
    id = s->services.records->topic(s->services.host, hp_bytes_of(topic), err);
    if (!id) {
        return HP_ERROR;
    }
    (void)hp_record_begin(b, HP_RECORD_CHANGE, HP_OP_MESSAGE);
    before = hp_record_row(b, 1);
    after = hp_record_row(b, 1);
    hp_record_bytes(b, before, 0, HP_STRING, 0, m->name.data, (uint32_t)m->name.len);
    hp_record_bytes(b, after, 0, HP_BYTES, 0, m->content.data, (uint32_t)m->content.len);
    if (before && after) {
        rec = hp_record_open(b);
        rec->before = before;
        rec->after = after;
        rec->topic = id;
        rec->subxid = subxid;
        rec->seq = seq;
        rec->pos = m->lsn;
    }
    return hp_record_end(b) == HP_OK ? HP_OK
                                     : rows_too_large("(logical decoding message)", m->content.len, b->max_record, err);
}

/* A message outside of any transaction: a transaction of its own without an xid, once (P18). */
static enum step loose_message(struct source *s, struct hp_builder *b, const struct pgoutput_msg *m,
                               struct hp_error *err)
{
    struct stream *st = &s->stream;
    struct hp_tx tx = {.size = sizeof tx,
                       .commit_pos = m->lsn,
                       .end_pos = m->lsn,
                       .commit_us = st->server_clock_us + PGOUTPUT_EPOCH_US};
    if (st->content == CONTENT_CHUNK || st->begin_at != STREAM_NOWHERE) {
        return STEP_FLUSH;
    }
    if (m->lsn <= s->position.message_lsn) {
        return STEP_NEXT;
    }
    if (hp_builder_tx(b, &tx) != HP_OK) {
        return stuck(err);
    }
    st->content = CONTENT_WHOLE;
    if (append_message(s, b, m, 0, 0, err) != HP_OK) {
        return STEP_FAILED;
    }
    s->position.message_lsn = m->lsn;
    st->done_len = b->len;
    st->done_records = b->n_records;
    return STEP_NEXT;
}

static enum step message(struct source *s, struct hp_builder *b, const struct pgoutput_msg *m, struct hp_error *err)
{
    struct stream *st = &s->stream;
    bool transactional = m->flags & PGOUTPUT_MESSAGE_TRANSACTIONAL, wanted = false;
    struct scope sc = scope_of(st, m);
    uint32_t seq = 0;
    if (transactional) {
        if (!(st->in_tx || st->current)) {
            return out_of_order(m, err);
        }
        seq = (*sc.seq)++;
        if (sc.skip) {
            st->n_looped++;
            return STEP_NEXT;
        }
    }
    if (filters_wants(&s->settings.messages, m->name.data, m->name.len, &wanted, err) != HP_OK) {
        return STEP_FAILED;
    }
    if (!wanted) {
        st->n_filtered++;
        return STEP_NEXT;
    }
    if (!transactional) {
        return loose_message(s, b, m, err);
    }
    if (!open_batch(st, b, &sc)) {
        return stuck(err);
    }
    return append_message(s, b, m, sc.subxid, seq, err) == HP_OK ? STEP_NEXT : STEP_FAILED;
}

/* ---- transactions ---- */

/* An origin that tells no time of its commits makes it 0 on the wire (P16): unknown. */
static int64_t commit_time(const struct pgoutput_msg *m)
{
    return m->time_us ? m->time_us + PGOUTPUT_EPOCH_US : 0;
}

static enum step begin(struct source *s, const struct pgoutput_msg *m, struct hp_error *err)
{
    struct stream *st = &s->stream;
    if (st->in_tx || st->current) {
        return out_of_order(m, err);
    }
    if (st->content == CONTENT_CHUNK) {
        return STEP_FLUSH;
    }
    st->in_tx = true;
    st->chunked = false;
    st->seq = 0;
    st->begin_at = STREAM_NOWHERE;
    st->skip = m->lsn < st->skip_below;
    memset(&st->tx, 0, sizeof st->tx);
    st->tx.size = sizeof st->tx;
    st->tx.id = m->xid;
    st->tx.commit_pos = m->lsn;
    st->tx.commit_us = commit_time(m);
    st->lag_us = m->time_us ? st->server_clock_us - m->time_us : st->lag_us;
    return STEP_NEXT;
}

static void handled(struct source *s, const struct pgoutput_msg *m, uint64_t xid)
{
    feedback_handled(&s->feedback, m->end_lsn);
    s->position.xid = (uint32_t)xid;
    s->position.commit_us = commit_time(m);
    s->stream.n_tx++;
}

static enum step commit(struct source *s, struct hp_builder *b, const struct pgoutput_msg *m, struct hp_error *err)
{
    struct stream *st = &s->stream;
    if (!st->in_tx) {
        return out_of_order(m, err);
    }
    if (st->chunked && b->len) {
        return STEP_FLUSH;
    }
    st->in_tx = false;
    st->tx.end_pos = m->end_lsn;
    handled(s, m, st->tx.id);
    if (st->chunked) {
        struct open_tx *tx = open_txs_add(&st->open, 0);
        if (!tx) {
            return stuck(err);
        }
        tx->tx = st->tx;
        st->outcome = true;
        st->outcome_kind = HP_POLL_COMMIT;
        st->outcome_tx = tx;
        st->chunked = false;
        return STEP_OUTCOME;
    }
    if (st->begin_at != STREAM_NOWHERE) {
        struct hp_tx *tx = (struct hp_tx *)(void *)(b->base + st->begin_at + sizeof(struct hp_record));
        tx->end_pos = m->end_lsn;
        st->begin_at = STREAM_NOWHERE;
        st->done_len = b->len;
        st->done_records = b->n_records;
    }
    return STEP_NEXT;
}

static void set_origin(struct hp_tx *tx, bool *skip, const struct pgoutput_msg *m)
{
    (void)snprintf(tx->origin, sizeof tx->origin, "%s", m->name.data);
    tx->origin_pos = m->lsn;
    *skip = *skip || strncmp(m->name.data, LOOP_PREFIX, sizeof LOOP_PREFIX - 1) == 0;
}

static enum step origin(struct source *s, const struct pgoutput_msg *m, struct hp_error *err)
{
    struct stream *st = &s->stream;
    if (st->current) {
        set_origin(&st->current->tx, &st->current->skip, m);
    } else if (st->in_tx) {
        set_origin(&st->tx, &st->skip, m);
    } else {
        return out_of_order(m, err);
    }
    return STEP_NEXT;
}

static enum step stream_start(struct source *s, struct hp_builder *b, const struct pgoutput_msg *m,
                              struct hp_error *err)
{
    struct stream *st = &s->stream;
    if (st->in_tx || st->current) {
        return out_of_order(m, err);
    }
    if (b->len && !(st->content == CONTENT_CHUNK && st->chunk_tx.id == m->xid)) {
        return STEP_FLUSH;
    }
    st->current = open_txs_find(&st->open, m->xid);
    if (!st->current && !(st->current = open_txs_add(&st->open, m->xid))) {
        return stuck(err);
    }
    st->mode.in_stream = true;
    return STEP_NEXT;
}

static enum step stream_stop(struct source *s)
{
    s->stream.current = NULL;
    s->stream.mode.in_stream = false;
    return STEP_NEXT;
}

static enum step give_outcome(struct stream *st, struct open_tx *tx, uint32_t kind)
{
    st->outcome = true;
    st->outcome_kind = kind;
    st->outcome_tx = tx;
    return STEP_OUTCOME;
}

static enum step stream_commit_message(struct source *s, struct hp_builder *b, const struct pgoutput_msg *m)
{
    struct stream *st = &s->stream;
    struct open_tx *tx = open_txs_find(&st->open, m->xid);
    if (b->len) {
        return STEP_FLUSH;
    }
    handled(s, m, m->xid);
    if (!tx) {
        return STEP_NEXT;
    }
    tx->tx.commit_pos = m->lsn;
    tx->tx.end_pos = m->end_lsn;
    tx->tx.commit_us = commit_time(m);
    if (tx->chunked) {
        open_tx_sort(tx);
        return give_outcome(st, tx, HP_POLL_COMMIT);
    }
    open_txs_remove(&st->open, tx);
    open_tx_free(tx);
    return STEP_NEXT;
}

static enum step stream_abort(struct source *s, struct hp_builder *b, const struct pgoutput_msg *m,
                              struct hp_error *err)
{
    struct stream *st = &s->stream;
    struct open_tx *tx = open_txs_find(&st->open, m->xid);
    if (!tx) {
        return STEP_NEXT;
    }
    if (m->subxid != m->xid) {
        return open_tx_abort_sub(tx, m->subxid) ? STEP_NEXT : stuck(err);
    }
    if (b->len && !(st->content == CONTENT_CHUNK && st->chunk_tx.id == m->xid)) {
        return STEP_FLUSH;
    }
    b->len = b->n_records = 0; /* what was not given yet need not be */
    st->content = CONTENT_NONE;
    if (tx->chunked) {
        return give_outcome(st, tx, HP_POLL_ABORT);
    }
    open_txs_remove(&st->open, tx);
    open_tx_free(tx);
    return STEP_NEXT;
}

enum step changes_apply(struct source *s, struct hp_builder *b, const uint8_t *data, size_t len, uint64_t lsn,
                        struct hp_error *err)
{
    struct stream *st = &s->stream;
    struct pgoutput_msg m;
    if (pgoutput_decode(data, len, &st->mode, st->scratch, &m, err) != HP_OK) {
        return STEP_FAILED;
    }
    switch (m.type) {
    case 'I':
    case 'U':
    case 'D':
        return row(s, b, &m, len, lsn, err);
    case 'B':
        return begin(s, &m, err);
    case 'C':
        return commit(s, b, &m, err);
    case 'O':
        return origin(s, &m, err);
    case 'R':
        return schema_relation(s, &m, data, len, err) == HP_OK ? STEP_NEXT : STEP_FAILED;
    case 'T':
        return truncate_tables(s, b, &m, lsn, err);
    case 'M':
        return message(s, b, &m, err);
    case 'S':
        return stream_start(s, b, &m, err);
    case 'E':
        return stream_stop(s);
    case 'c':
        return stream_commit_message(s, b, &m);
    case 'A':
        return stream_abort(s, b, &m, err);
    default: /* Y: types are looked up by their OIDs (P22) */
        return STEP_NEXT;
    }
}
