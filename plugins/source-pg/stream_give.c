/* stream_give.c: see stream_give.h. */
#include "stream_give.h"

#include "no_memory.h"

#include <stdlib.h>

#define CARRY_KEEP (4u * 1024 * 1024) /* memory kept for an unfinished transaction's records between polls */

/* Records of a transaction whose end is not here yet go to the side until the next poll. */
hp_status stream_keep_tail(struct stream *st, struct hp_builder *b, struct hp_error *err)
{
    size_t len = (size_t)(b->len - st->done_len);
    if (len > st->carry_cap) {
        uint8_t *more = realloc(st->carry, len);
        if (!more) {
            return no_memory(err);
        }
        st->carry = more;
        st->carry_cap = len;
    }
    if (len) {
        memcpy(st->carry, b->base + st->done_len, len);
    }
    st->carry_len = len;
    st->carry_records = b->n_records - st->done_records;
    b->len = st->done_len;
    b->n_records = st->done_records;
    return HP_OK;
}

hp_status stream_restore_tail(struct stream *st, struct hp_builder *b, struct hp_error *err)
{
    st->done_len = st->done_records = 0;
    st->content = CONTENT_NONE;
    if (!st->carry_len) {
        return HP_OK;
    }
    if (!hp_builder_room(b, st->carry_len)) {
        return hp_fail(err, HP_ERROR_RETRY, "", "no memory for a batch");
    }
    memcpy(b->base + b->len, st->carry, st->carry_len);
    b->len += st->carry_len;
    b->n_records += st->carry_records;
    st->carry_len = 0;
    if (st->carry_cap > CARRY_KEEP) {
        free(st->carry);
        st->carry = NULL;
        st->carry_cap = 0;
    }
    if (st->chunked || st->current) {
        st->content = CONTENT_CHUNK;
        st->chunk_tx = st->current ? st->current->tx : st->tx;
    } else {
        st->content = CONTENT_WHOLE;
        st->begin_at = 0;
    }
    return HP_OK;
}

/* A transaction that fills a batch by itself goes on in chunks, which have no BEGIN record. */
static void turn_into_chunk(struct stream *st, struct hp_builder *b)
{
    const struct hp_record *begin = (const struct hp_record *)(const void *)b->base;
    uint32_t size = begin->size;
    memmove(b->base, b->base + size, b->len - size);
    b->len -= size;
    st->begin_at = STREAM_NOWHERE;
    st->chunked = true;
    st->content = CONTENT_CHUNK;
    st->chunk_tx = st->tx;
}

void stream_figures(struct source *s, uint64_t records)
{
    struct stream *st = &s->stream;
    uint64_t known = s->feedback.handled > st->server_end ? s->feedback.handled : st->server_end;
    services_add(&s->services, FIG_RECORDS, (int64_t)records);
    services_add(&s->services, FIG_BYTES, st->n_bytes);
    services_add(&s->services, FIG_TRANSACTIONS, st->n_tx);
    services_add(&s->services, FIG_FILTERED, st->n_filtered);
    services_add(&s->services, FIG_LOOPED, st->n_looped);
    st->n_bytes = st->n_tx = st->n_filtered = st->n_looped = 0;
    services_set(&s->services, FIG_LAG_BYTES, known > s->feedback.durable ? (int64_t)(known - s->feedback.durable) : 0);
    services_set(&s->services, FIG_LAG_MS, st->lag_us > 0 ? st->lag_us / 1000 : 0);
}

hp_status stream_give_chunk(struct source *s, struct hp_poll *poll)
{
    struct stream *st = &s->stream;
    struct open_tx *tx = st->current ? st->current : open_txs_find(&st->open, st->chunk_tx.id);
    if (tx && !st->in_tx) {
        tx->chunked = true;
    }
    poll->kind = HP_POLL_CHUNK;
    poll->tx = st->chunk_tx;
    stream_figures(s, poll->batch->n_records);
    st->content = CONTENT_NONE;
    return HP_OK;
}

hp_status stream_give_whole(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    struct stream *st = &s->stream;
    if (st->begin_at != STREAM_NOWHERE && stream_keep_tail(st, poll->batch, err) != HP_OK) {
        return HP_ERROR;
    }
    poll->kind = HP_POLL_BATCH;
    stream_figures(s, poll->batch->n_records);
    st->content = CONTENT_NONE;
    return source_give(s, poll, err);
}

hp_status stream_give(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    struct stream *st = &s->stream;
    if (services_failpoint(&s->services, "src.decoded", err) != HP_OK) {
        return HP_ERROR;
    }
    if (st->content == CONTENT_WHOLE && st->begin_at == 0) {
        turn_into_chunk(st, poll->batch);
    }
    return st->content == CONTENT_CHUNK ? stream_give_chunk(s, poll) : stream_give_whole(s, poll, err);
}

hp_status stream_give_outcome(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    struct stream *st = &s->stream;
    struct open_tx *tx = st->outcome_tx;
    open_tx_free(st->given_tx);
    st->given_tx = tx; /* its list of aborted ones is borrowed until the next call */
    open_txs_remove(&st->open, tx);
    st->outcome = false;
    st->outcome_tx = NULL;
    poll->kind = st->outcome_kind;
    poll->tx = tx->tx;
    stream_figures(s, 0);
    if (poll->kind == HP_POLL_ABORT) {
        return HP_OK;
    }
    poll->aborted = tx->aborted;
    poll->n_aborted = tx->n_aborted;
    return source_give(s, poll, err);
}
