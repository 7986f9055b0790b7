/*
 * lmdb_trim.c: retention (design D19). Deletes whole batches from the old end, with their index rows; a trimmed
 * transaction's chunks die with its marker and go bit by bit. LMDB uses the freed pages again. One thread.
 */
#include "clock.h"
#include "failpoint.h"
#include "lmdb_marker.h"
#include "lmdb_writer.h"
#include "logging.h"

#include <endian.h>
#include <string.h>

#define BATCHES_PER_CALL 2048u
#define BYTES_PER_CALL   ((uint64_t)256 << 20)
#define CHUNKS_PER_CALL  256u

/* Remember where a topic goes on although the index holds nothing of it any more. */
static int keep_base(struct log_writer *w, uint32_t topic)
{
    struct stored_topic_name head = {.base = w->topic_states[topic].end};
    struct hp_bytes name = schema_pool_topic_name(w->pool, topic);
    uint64_t key = topic;
    MDB_val k = env_val(&key, sizeof key), v = {sizeof head + name.len, NULL};
    int rc = mdb_put(w->txn, w->env->db[DB_TOPICS], &k, &v, MDB_RESERVE);
    if (rc == 0) {
        memcpy(v.mv_data, &head, sizeof head);
        memcpy((uint8_t *)v.mv_data + sizeof head, name.data, name.len);
        stored_seal(v.mv_data, v.mv_size, NULL, 0);
    }
    return rc;
}

static int drop_index(struct log_writer *w, const MDB_val *v, const struct stored_batch *head)
{
    for (uint32_t i = 0; i < head->n_topics; i++) {
        struct stored_topic row;
        struct stored_index_key key;
        MDB_val k = env_val(&key, sizeof key);
        int rc;
        memcpy(&row, (const uint8_t *)v->mv_data + sizeof *head + i * sizeof row, sizeof row);
        if (row.topic == 0 || row.topic >= w->topics) {
            return MDB_CORRUPTED;
        }
        key = (struct stored_index_key){htobe64(row.topic), htobe64(row.first)};
        rc = mdb_del(w->txn, w->env->db[DB_INDEX], &k, NULL);
        if (rc == 0 && row.first + row.count == w->topic_states[row.topic].end) {
            rc = keep_base(w, row.topic);
        }
        if (rc) {
            return rc;
        }
    }
    return 0;
}

/* A batch's value lies in the map, and stays as it is while other trees change: it is deleted last. */
static hp_status trim_batch(struct log_writer *w, MDB_cursor *cursor, const MDB_val *v, const struct stored_batch *head,
                            struct hp_error *err)
{
    int rc = drop_index(w, v, head);
    if (rc == 0 && head->flags & BATCH_MARKER) {
        uint64_t spool;
        struct marker m;
        if (marker_read(v, head, w->what, &m, err) != HP_OK) {
            return writer_void(w);
        }
        spool = m.spool;
        marker_finish(&m);
        if (spool_kill(w, spool, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    rc = rc ? rc : mdb_cursor_del(cursor, 0);
    w->dirty = true;
    return rc ? writer_fail(w, rc, "delete an old batch", err) : HP_OK;
}

static bool too_old(const struct log_writer *w, const struct stored_batch *head, const struct log_retention *limits)
{
    if (head->first_offset + head->n_records > limits->floor) {
        return false;
    }
    if (limits->bytes >= 0 && w->totals.bytes - head->bytes_before > (uint64_t)limits->bytes) {
        return true;
    }
    return limits->ms >= 0 && (clock_wall_us() - head->built_us) / 1000 >= limits->ms;
}

static hp_status trim_batches(struct log_writer *w, const struct log_retention *limits, uint64_t *out_n,
                              struct hp_error *err)
{
    uint64_t bytes = 0;
    hp_status status = HP_OK;
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(w->txn, w->env->db[DB_BATCHES], &cursor);
    if (rc) {
        return writer_fail(w, rc, "read its batches", err);
    }
    while (status == HP_OK && *out_n < BATCHES_PER_CALL && bytes < BYTES_PER_CALL) {
        struct hp_error full = {.size = sizeof full};
        struct stored_batch head;
        const char *wrong;
        uint64_t key = 0;
        MDB_val k, v;
        rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
        if (rc) {
            break;
        }
        memcpy(&key, k.mv_data, k.mv_size < sizeof key ? k.mv_size : sizeof key);
        wrong = batch_head(&v, key, &head);
        if (wrong) {
            mdb_cursor_close(cursor);
            (void)hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%s: the batch at offset %llu is damaged: %s", w->what,
                          (unsigned long long)key, wrong);
            return writer_void(w);
        }
        if (!too_old(w, &head, limits) ||
            disk_need(&w->disk, v.mv_size / 512, 2 + (uint64_t)head.n_topics, true, &full) != HP_OK) {
            break;
        }
        status = trim_batch(w, cursor, &v, &head, err);
        bytes += v.mv_size;
        *out_n += 1;
        w->looked++;
    }
    if (status != HP_OK) {
        return status; /* the transaction is gone, and its cursors with it */
    }
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? writer_fail(w, rc, "read its batches", err) : HP_OK;
}

hp_status log_trim(struct log_writer *w, const struct log_retention *limits, struct hp_error *err)
{
    uint64_t n = 0;
    int dead;
    (void)mdb_reader_check(w->env->mdb,
                           &dead); /* a reader killed in the middle would keep pages from being used again */
    if (writer_begin(w, err) != HP_OK || trim_batches(w, limits, &n, err) != HP_OK ||
        spools_collect(w, CHUNKS_PER_CALL, err) != HP_OK) {
        return HP_ERROR;
    }
    if (failpoint("log.trim")) {
        (void)hp_fail(err, HP_ERROR_RETRY, "ENOSPC", "%s: fail point log.trim", w->what);
        return writer_void(w);
    }
    if (n > 0) {
        log_debug("%s: retention deletes %llu batches", w->what, (unsigned long long)n);
    }
    return writer_commit(w, err);
}
