/*
 * lmdb_append.c: one entry into a stream's order: names and schemas first used, the batch itself (copied once, straight
 * into LMDB's page), and one index row per topic in it. One thread.
 */
#include "crc32c.h"
#include "failpoint.h"
#include "lmdb_marker.h"
#include "lmdb_writer.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* ---- topics ---- */

hp_status append_topics_fit(struct log_writer *w, uint32_t n, struct hp_error *err)
{
    uint32_t cap = w->n_topic_states ? w->n_topic_states : 64;
    struct topic_state *states;
    uint32_t *touched;
    if (n <= w->n_topic_states) {
        return HP_OK;
    }
    while (cap < n) {
        cap *= 2;
    }
    states = realloc(w->topic_states, cap * sizeof *states);
    w->topic_states = states ? states : w->topic_states;
    touched = realloc(w->touched, cap * sizeof *touched);
    w->touched = touched ? touched : w->touched;
    if (!states || !touched) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%s: no memory for %u topics", w->what, n);
    }
    memset(states + w->n_topic_states, 0, (cap - w->n_topic_states) * sizeof *states);
    w->n_topic_states = cap;
    return HP_OK;
}

/* A topic's end: behind its last index row, or the base kept for a topic without any. */
static int topic_end(MDB_cursor *index, uint32_t id, uint64_t base, uint64_t *out)
{
    struct stored_index_key key = {htobe64((uint64_t)id + 1), 0};
    MDB_val k = env_val(&key, sizeof key), v;
    int rc = mdb_cursor_get(index, &k, &v, MDB_SET_RANGE);
    struct stored_entry entry;
    rc = rc == MDB_NOTFOUND ? mdb_cursor_get(index, &k, &v, MDB_LAST)
         : rc               ? rc
                            : mdb_cursor_get(index, &k, &v, MDB_PREV);
    *out = base;
    if (rc == 0 && (k.mv_size != sizeof key || !stored_good(&v, sizeof entry, k.mv_data, k.mv_size))) {
        return MDB_CORRUPTED;
    }
    if (rc == 0) {
        memcpy(&key, k.mv_data, sizeof key);
        memcpy(&entry, v.mv_data, sizeof entry);
        if (be64toh(key.topic) == id) {
            *out = be64toh(key.first) + entry.count;
        }
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

hp_status append_topics_load(struct log_writer *w, MDB_txn *txn, struct hp_error *err)
{
    MDB_cursor *topics = NULL, *index = NULL;
    MDB_val k, v;
    hp_status status = HP_OK;
    uint32_t n = 1;
    int rc = mdb_cursor_open(txn, w->env->db[DB_TOPICS], &topics);
    rc = rc ? rc : mdb_cursor_open(txn, w->env->db[DB_INDEX], &index);
    for (rc = rc ? rc : mdb_cursor_get(topics, &k, &v, MDB_FIRST); rc == 0 && status == HP_OK;
         rc = rc ? rc : mdb_cursor_get(topics, &k, &v, MDB_NEXT)) {
        struct stored_topic_name head;
        struct hp_bytes name;
        if (v.mv_size == sizeof head || !stored_good(&v, sizeof head, NULL, 0)) {
            status = hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%s: damaged name of topic %u", w->what, n);
            break;
        }
        memcpy(&head, v.mv_data, sizeof head);
        name = (struct hp_bytes){(uint8_t *)v.mv_data + sizeof head, v.mv_size - sizeof head};
        if (schema_pool_topic(w->pool, name, err) != n || append_topics_fit(w, n + 1, err) != HP_OK) {
            status = hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%s: topic names are not in order at %u", w->what, n);
            break;
        }
        rc = topic_end(index, n, head.base, &w->topic_states[n].end);
        w->topic_states[n].committed = w->topic_states[n].end;
        n++;
    }
    if (index) {
        mdb_cursor_close(index);
    }
    if (topics) {
        mdb_cursor_close(topics);
    }
    w->committed_topics = w->topics = n;
    return status != HP_OK ? status : rc != MDB_NOTFOUND ? env_fail(err, rc, w->what, "read its topics") : HP_OK;
}

/* ---- names and schemas ---- */

/* The head of a fresh one is all zeros but for its checksum. */
static hp_status put_id(struct log_writer *w, enum env_db db, uint32_t id, size_t head_len, struct hp_bytes data,
                        struct hp_error *err)
{
    uint64_t key = id;
    MDB_val k = env_val(&key, sizeof key), v = {head_len + data.len, NULL};
    int rc;
    if (disk_need(&w->disk, v.mv_size, 1, false, err) != HP_OK) {
        return writer_void(w);
    }
    rc = mdb_put(w->txn, w->env->db[db], &k, &v, MDB_APPEND | MDB_RESERVE);
    if (rc) {
        return writer_fail(w, rc, "store a name or schema", err);
    }
    memset(v.mv_data, 0, head_len);
    memcpy((uint8_t *)v.mv_data + head_len, data.data, data.len);
    stored_seal(v.mv_data, v.mv_size, NULL, 0);
    w->dirty = true;
    return HP_OK;
}

hp_status append_names(struct log_writer *w, struct hp_error *err)
{
    uint32_t n_schemas = schema_pool_n_schemas(w->pool), n_topics = schema_pool_n_topics(w->pool);
    for (; w->schemas < n_schemas; w->schemas++) {
        if (put_id(w, DB_SCHEMAS, w->schemas, sizeof(struct stored_sum), schema_pool_encoded(w->pool, w->schemas),
                   err) != HP_OK) {
            return HP_ERROR;
        }
    }
    for (; w->topics < n_topics; w->topics++) {
        if (put_id(w, DB_TOPICS, w->topics, sizeof(struct stored_topic_name),
                   schema_pool_topic_name(w->pool, w->topics), err) != HP_OK) {
            return HP_ERROR;
        }
    }
    return HP_OK;
}

/* ---- counting ---- */

void append_counts_clear(struct log_writer *w)
{
    for (uint32_t i = 0; i < w->n_touched; i++) {
        w->topic_states[w->touched[i]].count = 0;
    }
    w->n_touched = 0;
}

void append_touch(struct log_writer *w, uint32_t topic, uint64_t count)
{
    if (w->topic_states[topic].count == 0) {
        w->touched[w->n_touched++] = topic;
    }
    w->topic_states[topic].count += count;
}

/* Enough to walk on safely; everything else is for batch_check(), with whoever took the batch from a plugin. */
static bool storable(const struct hp_record *rec, uint64_t left, bool chunk, uint32_t n_topics, uint32_t n_schemas)
{
    if (left < sizeof *rec || rec->size < sizeof *rec || rec->size % 8 || rec->size > left) {
        return false;
    }
    return rec->kind == HP_RECORD_BEGIN
               ? !chunk
               : rec->topic && rec->topic < n_topics && rec->schema < n_schemas && rec->key_schema < n_schemas;
}

hp_status append_count(struct log_writer *w, const struct hp_batch *batch, uint64_t *out_n, struct hp_error *err)
{
    uint32_t n_topics = schema_pool_n_topics(w->pool), n_schemas = schema_pool_n_schemas(w->pool);
    uint64_t n = 0;
    if (append_topics_fit(w, n_topics, err) != HP_OK) {
        return writer_void(w);
    }
    for (uint64_t at = 0; at < batch->len;) {
        const struct hp_record *rec = (const struct hp_record *)(const void *)(batch->data + at);
        if (!storable(rec, batch->len - at, batch->flags & HP_BATCH_CHUNK, n_topics, n_schemas)) {
            (void)hp_fail(err, HP_ERROR_FATAL, "", "%s: record %llu of the batch to be stored is not well formed",
                          w->what, (unsigned long long)n);
            return writer_void(w);
        }
        at += rec->size;
        if (rec->kind == HP_RECORD_BEGIN) {
            continue;
        }
        append_touch(w, rec->topic, 1);
        n++;
    }
    *out_n = n;
    return HP_OK;
}

/* ---- entries ---- */

static hp_status note_moved(struct log_writer *w, struct hp_error *err)
{
    size_t need = w->n_moved + w->n_touched;
    if (need > w->cap_moved) {
        size_t cap = need * 2;
        uint32_t *moved = realloc(w->moved, cap * sizeof *moved);
        if (!moved) {
            (void)hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%s: no memory", w->what);
            return writer_void(w);
        }
        w->moved = moved;
        w->cap_moved = cap;
    }
    memcpy(w->moved + w->n_moved, w->touched, w->n_touched * sizeof *w->moved);
    w->n_moved = need;
    return HP_OK;
}

/* An index row per topic of the entry; moves the topics' ends. */
static int put_index(struct log_writer *w)
{
    for (uint32_t i = 0; i < w->n_touched; i++) {
        struct topic_state *t = &w->topic_states[w->touched[i]];
        struct stored_index_key key = {htobe64(w->touched[i]), htobe64(t->end)};
        struct stored_entry entry = {.batch = w->totals.end, .count = t->count};
        MDB_val k = env_val(&key, sizeof key), v = env_val(&entry, sizeof entry);
        int rc;
        stored_seal(&entry, sizeof entry, &key, sizeof key);
        rc = mdb_put(w->txn, w->env->db[DB_INDEX], &k, &v, 0);
        if (rc) {
            return rc;
        }
        t->end += t->count;
    }
    return 0;
}

static void fill_entry(struct log_writer *w, const struct append *a, uint8_t *to, const struct stored_batch *head)
{
    struct stored_batch final = *head;
    struct stored_topic row = {0};
    uint8_t *p = to + sizeof final;
    for (uint32_t i = 0; i < w->n_touched; i++, p += sizeof row) {
        const struct topic_state *t = &w->topic_states[w->touched[i]];
        row = (struct stored_topic){w->touched[i], 0, t->end, t->count};
        memcpy(p, &row, sizeof row);
    }
    if (a->head_len) {
        memcpy(p, a->head, a->head_len);
    }
    if (a->body_len) {
        memcpy(p + a->head_len, a->body, a->body_len);
    }
    final.crc = crc32c(0, p, a->head_len + a->body_len);
    memcpy(to, &final, sizeof final);
    head_seal(to, (size_t)(p - to));
}

hp_status append_entry(struct log_writer *w, const struct append *a, struct hp_error *err)
{
    uint64_t len = a->head_len + a->body_len;
    uint64_t size = sizeof(struct stored_batch) + w->n_touched * sizeof(struct stored_topic) + len;
    struct stored_batch head = {.magic = BATCH_MAGIC,
                                .version = VALUE_VERSION,
                                .flags = a->flags,
                                .n_topics = w->n_touched,
                                .first_offset = w->totals.end,
                                .n_records = a->n_records,
                                .bytes_before = w->totals.bytes,
                                .weight = size + a->more_weight,
                                .built_us = a->built_us,
                                .len = len,
                                .n_schemas = w->schemas,
                                .n_topic_ids = w->topics};
    MDB_val k = env_val(&head.first_offset, sizeof head.first_offset), v = {size, NULL};
    int rc;
    if (size > UINT32_MAX) {
        (void)hp_fail(err, HP_ERROR_FATAL, "", "%s: a batch of %llu bytes", w->what, (unsigned long long)size);
        return writer_void(w);
    }
    if (disk_need(&w->disk, size, 1 + (uint64_t)w->n_touched, false, err) != HP_OK) {
        return writer_void(w);
    }
    rc = mdb_put(w->txn, w->env->db[DB_BATCHES], &k, &v, MDB_APPEND | MDB_RESERVE);
    if (rc) {
        return writer_fail(w, rc, "store a batch", err);
    }
    fill_entry(w, a, v.mv_data, &head);
    if (note_moved(w, err) != HP_OK) {
        return HP_ERROR;
    }
    rc = put_index(w);
    if (rc) {
        return writer_fail(w, rc, "store the index of a batch", err);
    }
    append_counts_clear(w);
    w->totals.end += a->n_records;
    w->totals.bytes += head.weight;
    w->dirty = true;
    return HP_OK;
}

hp_status log_append(struct log_writer *w, const struct hp_batch *batch, struct hp_error *err)
{
    struct append a = {.built_us = batch->built_us, .body = batch->data, .body_len = batch->len};
    if (writer_ready(w, err) != HP_OK) {
        return HP_ERROR;
    }
    if (failpoint("log.append")) {
        (void)hp_fail(err, HP_ERROR_RETRY, "ENOSPC", "%s: fail point log.append", w->what);
        return writer_void(w);
    }
    if (append_count(w, batch, &a.n_records, err) != HP_OK) {
        return HP_ERROR;
    }
    if (a.n_records == 0) {
        return HP_OK;
    }
    return append_names(w, err) == HP_OK ? append_entry(w, &a, err) : HP_ERROR;
}
