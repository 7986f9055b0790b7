/*
 * lmdb_spool.c: transactions that come in chunks (design D14). Chunks go below a spool number that no reader looks at;
 * the end of the transaction is one small marker in the order. Void ones are deleted a few chunks at a time beside
 * other work, so that neither an abort nor a start has to wait for gigabytes. One thread.
 */
#include "clock.h"
#include "crc32c.h"
#include "failpoint.h"
#include "lmdb_marker.h"
#include "lmdb_writer.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* ---- spools in memory ---- */

static struct spool *spool_of(struct log_writer *w, uint64_t tx_id)
{
    for (size_t i = 0; i < w->n_spools; i++) {
        if (w->spools[i].tx_id == tx_id && !w->spools[i].ended) {
            return &w->spools[i];
        }
    }
    return NULL;
}

static hp_status put_state(struct log_writer *w, uint64_t id, uint64_t tx_id, uint32_t state, struct hp_error *err)
{
    struct stored_spool stored = {.state = state, .tx_id = tx_id};
    MDB_val k = env_val(&id, sizeof id), v = env_val(&stored, sizeof stored);
    int rc;
    if (disk_need(&w->disk, sizeof stored, 1, true, err) != HP_OK) {
        return writer_void(w);
    }
    stored_seal(&stored, sizeof stored, &id, sizeof id);
    rc = mdb_put(w->txn, w->env->db[DB_SPOOLS], &k, &v, 0);
    w->dirty = true;
    return rc ? writer_fail(w, rc, "store the state of a transaction", err) : HP_OK;
}

static struct spool *spool_make(struct log_writer *w, uint64_t tx_id, struct hp_error *err)
{
    struct spool *s;
    if (w->n_spools == w->cap_spools) {
        size_t cap = w->cap_spools ? w->cap_spools * 2 : 8;
        struct spool *spools = realloc(w->spools, cap * sizeof *spools);
        if (!spools) {
            (void)hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%s: no memory for another open transaction", w->what);
            (void)writer_void(w);
            return NULL;
        }
        w->spools = spools;
        w->cap_spools = cap;
    }
    if (put_state(w, w->totals.next_spool, tx_id, SPOOL_OPEN, err) != HP_OK) {
        return NULL;
    }
    s = &w->spools[w->n_spools++];
    *s = (struct spool){.id = w->totals.next_spool++, .tx_id = tx_id, .fresh = true};
    return s;
}

static hp_status dead_add(struct log_writer *w, uint64_t id, bool fresh, struct hp_error *err)
{
    if (w->n_dead == w->cap_dead) {
        size_t cap = w->cap_dead ? w->cap_dead * 2 : 8;
        struct dead_spool *dead = realloc(w->dead, cap * sizeof *dead);
        if (!dead) {
            return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%s: no memory for the list of void transactions", w->what);
        }
        w->dead = dead;
        w->cap_dead = cap;
    }
    w->dead[w->n_dead++] = (struct dead_spool){.id = id, .fresh = fresh};
    return HP_OK;
}

hp_status spool_kill(struct log_writer *w, uint64_t id, struct hp_error *err)
{
    if (put_state(w, id, 0, SPOOL_DEAD, err) != HP_OK) {
        return HP_ERROR;
    }
    return dead_add(w, id, true, err) == HP_OK ? HP_OK : writer_void(w);
}

void spools_committed(struct log_writer *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_spools; i++) {
        if (!w->spools[i].ended) {
            w->spools[i].committed = w->spools[i].now;
            w->spools[i].fresh = false;
            w->spools[n++] = w->spools[i];
        }
    }
    w->n_spools = n;
    n = 0;
    for (size_t i = 0; i < w->n_dead; i++) {
        if (!w->dead[i].gone) {
            w->dead[i].fresh = false;
            w->dead[n++] = w->dead[i];
        }
    }
    w->n_dead = n;
}

void spools_rolled_back(struct log_writer *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_spools; i++) {
        if (!w->spools[i].fresh) {
            w->spools[i].now = w->spools[i].committed;
            w->spools[i].ended = false;
            w->spools[n++] = w->spools[i];
        }
    }
    w->n_spools = n;
    n = 0;
    for (size_t i = 0; i < w->n_dead; i++) {
        if (!w->dead[i].fresh) {
            w->dead[i].gone = false;
            w->dead[n++] = w->dead[i];
        }
    }
    w->n_dead = n;
}

void spools_finish(struct log_writer *w)
{
    free(w->spools);
    free(w->dead);
}

/* ---- chunks ---- */

/* The chunk's table: how many records of which topic by which sub-transaction. A pair may have several rows. */
static bool count_rows(struct log_writer *w, const struct hp_batch *batch)
{
    uint32_t recent[64] = {0}; /* row number + 1 of a pair seen lately */
    buf_reset(&w->rows);
    for (uint64_t at = 0; at < batch->len;) {
        const struct hp_record *rec = (const struct hp_record *)(const void *)(batch->data + at);
        uint32_t *slot = &recent[(rec->topic * 31 + rec->subxid) & 63];
        struct stored_count *row = NULL, fresh = {rec->topic, rec->subxid, 1};
        if (*slot) {
            row = (struct stored_count *)(void *)w->rows.data + (*slot - 1);
        }
        if (row && row->topic == rec->topic && row->subxid == rec->subxid) {
            row->count++;
        } else {
            if (!buf_append(&w->rows, &fresh, sizeof fresh)) {
                return false;
            }
            *slot = (uint32_t)(w->rows.len / sizeof fresh);
        }
        at += rec->size;
    }
    return true;
}

static hp_status put_chunk(struct log_writer *w, struct spool *s, const struct hp_batch *batch, uint64_t n_records,
                           struct hp_error *err)
{
    struct stored_chunk_key key = {htobe64(s->id), htobe64(s->now.n_chunks)};
    struct stored_chunk head = {.magic = CHUNK_MAGIC,
                                .version = VALUE_VERSION,
                                .n_rows = (uint32_t)(w->rows.len / sizeof(struct stored_count)),
                                .spool = s->id,
                                .number = s->now.n_chunks,
                                .n_records = n_records,
                                .len = batch->len,
                                .built_us = batch->built_us,
                                .n_schemas = w->schemas,
                                .n_topic_ids = w->topics};
    uint64_t size = sizeof head + w->rows.len + batch->len;
    MDB_val k = env_val(&key, sizeof key), v = {size, NULL};
    uint8_t *to;
    int rc;
    if (size > UINT32_MAX) {
        (void)hp_fail(err, HP_ERROR_FATAL, "", "%s: a chunk of %llu bytes", w->what, (unsigned long long)size);
        return writer_void(w);
    }
    if (disk_need(&w->disk, size, 1, false, err) != HP_OK) {
        return writer_void(w);
    }
    rc = mdb_put(w->txn, w->env->db[DB_CHUNKS], &k, &v, MDB_RESERVE);
    if (rc) {
        return writer_fail(w, rc, "store a chunk", err);
    }
    to = v.mv_data;
    memcpy(to + sizeof head, w->rows.data, w->rows.len);
    memcpy(to + sizeof head + w->rows.len, batch->data, batch->len);
    head.crc = crc32c(0, to + sizeof head + w->rows.len, batch->len);
    memcpy(to, &head, sizeof head);
    head_seal(to, sizeof head + w->rows.len);
    s->now.n_chunks++;
    s->now.bytes += size;
    w->dirty = true;
    return HP_OK;
}

hp_status log_chunk(struct log_writer *w, const struct hp_tx *tx, const struct hp_batch *batch, struct hp_error *err)
{
    struct hp_batch chunk = *batch;
    struct spool *s;
    uint64_t n = 0;
    if (writer_ready(w, err) != HP_OK) {
        return HP_ERROR;
    }
    if (failpoint("log.append")) {
        (void)hp_fail(err, HP_ERROR_RETRY, "ENOSPC", "%s: fail point log.append", w->what);
        return writer_void(w);
    }
    chunk.flags |= HP_BATCH_CHUNK;
    if (append_count(w, &chunk, &n, err) != HP_OK) {
        return HP_ERROR;
    }
    append_counts_clear(w); /* they count when the transaction commits */
    if (n == 0) {
        return HP_OK;
    }
    if (append_names(w, err) != HP_OK) {
        return HP_ERROR;
    }
    if (!count_rows(w, batch)) {
        (void)hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%s: no memory for the table of a chunk", w->what);
        return writer_void(w);
    }
    s = spool_of(w, tx->id);
    s = s ? s : spool_make(w, tx->id, err);
    return s ? put_chunk(w, s, batch, n, err) : HP_ERROR;
}

/* ---- the end of a transaction ---- */

/* Sums up, per topic, what its chunks' tables say is visible. */
static hp_status count_visible(struct log_writer *w, const struct spool *s, const uint32_t *aborted, uint64_t n_aborted,
                               uint64_t *out_n, struct hp_error *err)
{
    uint64_t total = 0;
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(w->txn, w->env->db[DB_CHUNKS], &cursor);
    if (rc) {
        return writer_fail(w, rc, "read back the chunks of a transaction", err);
    }
    for (uint64_t i = 0; rc == 0 && i < s->now.n_chunks; i++) {
        struct stored_chunk_key key = {htobe64(s->id), htobe64(i)};
        MDB_val k = env_val(&key, sizeof key), v;
        struct stored_chunk head;
        rc = mdb_cursor_get(cursor, &k, &v, MDB_SET);
        rc = rc ? rc : mdb_cursor_get(cursor, &k, &v, MDB_GET_CURRENT);
        if (rc == 0 && !chunk_head(&v, s->id, i, &head)) {
            rc = MDB_CORRUPTED;
        }
        for (uint32_t r = 0; rc == 0 && r < head.n_rows; r++) {
            struct stored_count row;
            memcpy(&row, (const uint8_t *)v.mv_data + sizeof head + r * sizeof row, sizeof row);
            if (row.topic == 0 || row.topic >= w->n_topic_states) {
                rc = MDB_CORRUPTED;
            } else if (!is_aborted(aborted, n_aborted, row.subxid)) {
                append_touch(w, row.topic, row.count);
                total += row.count;
            }
        }
    }
    mdb_cursor_close(cursor);
    w->looked += s->now.n_chunks;
    *out_n = total;
    return rc ? writer_fail(w, rc, "read back the chunks of a transaction", err) : HP_OK;
}

static hp_status put_marker(struct log_writer *w, const struct spool *s, const struct hp_tx *tx,
                            const uint32_t *aborted, uint64_t n_aborted, uint64_t n_records, struct hp_error *err)
{
    struct {
        struct stored_marker marker;
        struct hp_tx tx;
    } head = {{s->id, s->now.n_chunks, n_aborted, sizeof(struct hp_tx), 0}, *tx};
    struct append a = {.flags = BATCH_MARKER,
                       .n_records = n_records,
                       .more_weight = s->now.bytes,
                       .built_us = clock_wall_us(),
                       .head = &head,
                       .head_len = sizeof head,
                       .body = aborted,
                       .body_len = n_aborted * sizeof *aborted};
    _Static_assert(sizeof head == sizeof(struct stored_marker) + sizeof(struct hp_tx), "no gap");
    head.tx.size = sizeof head.tx;
    return append_entry(w, &a, err);
}

hp_status log_chunks_commit(struct log_writer *w, const struct hp_tx *tx, const uint32_t *aborted, uint64_t n_aborted,
                            struct hp_error *err)
{
    struct spool *s;
    uint64_t n = 0;
    if (writer_ready(w, err) != HP_OK) {
        return HP_ERROR;
    }
    s = spool_of(w, tx->id);
    if (!s) {
        return HP_OK;
    }
    if (count_visible(w, s, aborted, n_aborted, &n, err) != HP_OK) {
        return HP_ERROR;
    }
    s->ended = true;
    if (n == 0) {
        return spool_kill(w, s->id, err);
    }
    return put_state(w, s->id, tx->id, SPOOL_COMMITTED, err) == HP_OK ? put_marker(w, s, tx, aborted, n_aborted, n, err)
                                                                      : HP_ERROR;
}

hp_status log_chunks_abort(struct log_writer *w, uint64_t tx_id, struct hp_error *err)
{
    struct spool *s;
    if (writer_ready(w, err) != HP_OK) {
        return HP_ERROR;
    }
    s = spool_of(w, tx_id);
    if (!s) {
        return HP_OK;
    }
    s->ended = true;
    return spool_kill(w, s->id, err);
}

/* ---- deleting ---- */

/* Deletes up to *left chunks of one spool; *out_gone if none is left. */
static int delete_chunks(struct log_writer *w, uint64_t spool, unsigned *left, bool *out_gone)
{
    struct stored_chunk_key key = {htobe64(spool), 0};
    struct hp_error full = {.size = sizeof full};
    MDB_val k = env_val(&key, sizeof key), v;
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(w->txn, w->env->db[DB_CHUNKS], &cursor);
    if (rc) {
        return rc;
    }
    *out_gone = false;
    for (rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE); rc == 0; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        memcpy(&key, k.mv_data, sizeof key);
        if (k.mv_size != sizeof key || be64toh(key.spool) != spool) {
            rc = MDB_NOTFOUND;
            break;
        }
        /* 8 bytes in the free list per page; without room even for that, later. */
        if (*left == 0 || disk_need(&w->disk, v.mv_size / 512, 1, true, &full) != HP_OK) {
            break;
        }
        rc = mdb_cursor_del(cursor, 0);
        if (rc) {
            break;
        }
        --*left;
        w->dirty = true;
    }
    mdb_cursor_close(cursor);
    *out_gone = rc == MDB_NOTFOUND;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

hp_status spools_collect(struct log_writer *w, unsigned max_chunks, struct hp_error *err)
{
    unsigned left = max_chunks;
    for (size_t i = 0; i < w->n_dead && left > 0; i++) {
        struct dead_spool *d = &w->dead[i];
        MDB_val k = env_val(&d->id, sizeof d->id);
        bool gone = false;
        int rc = d->gone ? 0 : delete_chunks(w, d->id, &left, &gone);
        if (rc == 0 && gone) {
            rc = mdb_del(w->txn, w->env->db[DB_SPOOLS], &k, NULL);
            rc = rc == MDB_NOTFOUND ? 0 : rc;
            d->gone = true;
            w->dirty = true;
        }
        if (rc) {
            return writer_fail(w, rc, "delete the chunks of a void transaction", err);
        }
        if (!d->gone) {
            break;
        }
    }
    return HP_OK;
}

/* At open: what has no marker is void. Nothing is written: an open spool without a writer is as good as dead. */
hp_status spools_load(struct log_writer *w, MDB_txn *txn, struct hp_error *err)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    hp_status status = HP_OK;
    int rc = mdb_cursor_open(txn, w->env->db[DB_SPOOLS], &cursor);
    if (rc) {
        return env_fail(err, rc, w->what, "read its open transactions");
    }
    for (rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST); rc == 0 && status == HP_OK;
         rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        struct stored_spool stored = {0};
        uint64_t id = 0;
        if (k.mv_size != sizeof id || !stored_good(&v, sizeof stored, k.mv_data, k.mv_size)) {
            rc = MDB_CORRUPTED;
            break;
        }
        memcpy(&id, k.mv_data, sizeof id);
        memcpy(&stored, v.mv_data, sizeof stored);
        if (stored.state != SPOOL_COMMITTED) {
            status = dead_add(w, id, false, err);
        }
    }
    mdb_cursor_close(cursor);
    return status == HP_OK && rc != MDB_NOTFOUND ? env_fail(err, rc, w->what, "read its open transactions") : status;
}
