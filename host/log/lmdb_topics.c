/*
 * lmdb_topics.c: between offsets of a stream and offsets of its topics. The index leads to the batch; inside it the
 * records are walked. For people's questions (REST, tail), not for the hot path. One thread per reader.
 */
#include "lmdb_reader.h"

#include <endian.h>
#include <string.h>

struct entry {
    uint64_t first; /* topic offset */
    struct stored_entry at;
};

/* The last index row of a topic that begins at or before topic offset `first`; HP_IDLE: none. */
static hp_status entry_before(struct log_reader *r, MDB_cursor *index, uint32_t topic, uint64_t first,
                              struct entry *out, struct hp_error *err)
{
    struct stored_index_key key = {htobe64(topic), htobe64(first)};
    MDB_val k = env_val(&key, sizeof key), v;
    int rc = mdb_cursor_get(index, &k, &v, MDB_SET_RANGE);
    if (rc == 0 && (k.mv_size != sizeof key || memcmp(k.mv_data, &key, sizeof key) != 0)) {
        rc = mdb_cursor_get(index, &k, &v, MDB_PREV);
    } else if (rc == MDB_NOTFOUND) {
        rc = mdb_cursor_get(index, &k, &v, MDB_LAST);
    }
    if (rc == MDB_NOTFOUND) {
        return HP_IDLE;
    }
    if (rc || k.mv_size != sizeof key || !stored_good(&v, sizeof out->at, k.mv_data, k.mv_size)) {
        return env_fail(err, rc ? rc : MDB_CORRUPTED, r->what, "read its topic index");
    }
    memcpy(&key, k.mv_data, sizeof key);
    if (be64toh(key.topic) != topic) {
        return HP_IDLE;
    }
    out->first = be64toh(key.first);
    memcpy(&out->at, v.mv_data, sizeof out->at);
    return HP_OK;
}

/* The first row of a topic; HP_IDLE: none. */
static hp_status entry_first(struct log_reader *r, MDB_cursor *index, uint32_t topic, struct entry *out,
                             struct hp_error *err)
{
    struct stored_index_key key = {htobe64(topic), 0};
    MDB_val k = env_val(&key, sizeof key), v;
    int rc = mdb_cursor_get(index, &k, &v, MDB_SET_RANGE);
    if (rc == 0 && k.mv_size == sizeof key && stored_good(&v, sizeof out->at, k.mv_data, k.mv_size)) {
        memcpy(&key, k.mv_data, sizeof key);
        out->first = be64toh(key.first);
        memcpy(&out->at, v.mv_data, sizeof out->at);
        return be64toh(key.topic) == topic ? HP_OK : HP_IDLE;
    }
    return rc == MDB_NOTFOUND ? HP_IDLE : env_fail(err, rc ? rc : MDB_CORRUPTED, r->what, "read its topic index");
}

static hp_status topic_base(struct log_reader *r, uint32_t topic, uint64_t *out, struct hp_error *err)
{
    struct stored_topic_name head;
    uint64_t key = topic;
    MDB_val k = env_val(&key, sizeof key), v;
    int rc = mdb_get(r->txn, r->env->db[DB_TOPICS], &k, &v);
    if (rc || !stored_good(&v, sizeof head, NULL, 0)) {
        return env_fail(err, rc ? rc : MDB_CORRUPTED, r->what, "read a topic");
    }
    memcpy(&head, v.mv_data, sizeof head);
    *out = head.base;
    return HP_OK;
}

static hp_status index_cursor(struct log_reader *r, MDB_cursor **out, struct hp_error *err)
{
    int rc = mdb_cursor_open(r->txn, r->env->db[DB_INDEX], out);
    return rc ? env_fail(err, rc, r->what, "read its topic index") : HP_OK;
}

static hp_status span_of(struct log_reader *r, MDB_cursor *index, uint32_t topic, struct topic_span *out,
                         struct hp_error *err)
{
    struct entry e = {0};
    hp_status status = entry_first(r, index, topic, &e, err);
    if (status == HP_IDLE) {
        if (topic_base(r, topic, &out->begin, err) != HP_OK) {
            return HP_ERROR;
        }
        out->end = out->begin;
        return HP_OK;
    }
    if (status == HP_OK) {
        out->begin = e.first;
        status = entry_before(r, index, topic, UINT64_MAX, &e, err);
        out->end = e.first + e.at.count;
    }
    return status;
}

hp_status topic_span(struct log_reader *r, uint32_t topic, struct topic_span *out, struct hp_error *err)
{
    struct topic_span span = {0};
    MDB_cursor *index;
    hp_status status = index_cursor(r, &index, err);
    if (status == HP_OK) {
        status = span_of(r, index, topic, &span, err);
        mdb_cursor_close(index);
    }
    if (status == HP_OK) {
        *out = span;
    }
    return status;
}

/* ---- walking ---- */

/* A walk through the visible records of one batch, until a stream offset or the n-th record of a topic. */
struct walk {
    uint32_t topic;
    uint64_t until_offset, until_count;
    uint64_t offset, count; /* where it stands */
    const struct marker *marker;
};

static bool walk_done(const struct walk *w)
{
    return w->offset == w->until_offset;
}

/* True: the walk has ended in these records. */
static bool walk_records(struct walk *w, const uint8_t *data, uint64_t len)
{
    for (uint64_t at = 0; len - at >= sizeof(struct hp_record);) {
        const struct hp_record *rec = (const struct hp_record *)(const void *)(data + at);
        bool ours = rec->topic == w->topic;
        if (rec->size < sizeof *rec || rec->size > len - at) {
            break;
        }
        at += rec->size;
        if (rec->kind == HP_RECORD_BEGIN ||
            (w->marker && is_aborted(w->marker->aborted, w->marker->n_aborted, rec->subxid))) {
            continue;
        }
        if (walk_done(w) || (ours && w->count == w->until_count)) {
            return true;
        }
        w->offset++;
        w->count += ours;
    }
    return walk_done(w);
}

static hp_status walk_value(struct log_reader *r, struct walk *w, const MDB_val *v, uint64_t len, uint32_t crc,
                            struct region *memory, bool *out_done, struct hp_error *err)
{
    bool retry = false;
    const char *wrong = fetch_records(r->env, v, len, crc, memory, 0, &retry);
    if (wrong) {
        return retry ? hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%.300s: no memory for a batch", r->what)
                     : reader_corrupt(r, w->offset, wrong, err);
    }
    *out_done = walk_records(w, memory->base, len);
    return HP_OK;
}

static hp_status walk_marker(struct log_reader *r, struct walk *w, const MDB_val *v, const struct stored_batch *entry,
                             struct region *memory, struct hp_error *err)
{
    struct marker m;
    hp_status status = marker_read(v, entry, r->what, &m, err);
    bool done = false;
    if (status != HP_OK) {
        return status;
    }
    w->marker = &m;
    for (uint64_t i = 0; status == HP_OK && !done && i < m.n_chunks; i++) {
        struct stored_chunk head;
        MDB_val chunk;
        status = reader_chunk(r, &m, i, &chunk, &head, err);
        if (status == HP_OK) {
            uint64_t all = chunk_visible(&chunk, &head, 0, m.aborted, m.n_aborted);
            uint64_t ours = chunk_visible(&chunk, &head, w->topic, m.aborted, m.n_aborted);
            if (w->until_offset - w->offset >= all && (ours == 0 || w->until_count - w->count >= ours)) {
                w->offset += all;
                w->count += ours;
            } else {
                status = walk_value(r, w, &chunk, head.len, head.crc, memory, &done, err);
            }
        }
    }
    w->marker = NULL;
    marker_finish(&m);
    return status;
}

/* Walk the batch that begins at stream offset `batch`. */
static hp_status walk_batch(struct log_reader *r, struct walk *w, uint64_t batch, struct hp_error *err)
{
    struct region memory = {0};
    struct stored_batch head;
    hp_status status;
    bool done;
    MDB_val v;
    if (reader_find(r, batch, &v, &head, err) != HP_OK) {
        return HP_ERROR;
    }
    w->offset = head.first_offset;
    w->until_offset =
        w->until_offset < head.first_offset + head.n_records ? w->until_offset : head.first_offset + head.n_records;
    status = head.flags & BATCH_MARKER ? walk_marker(r, w, &v, &head, &memory, err)
                                       : walk_value(r, w, &v, head.len, head.crc, &memory, &done, err);
    region_finish(&memory);
    return status;
}

/* ---- questions ---- */

/* The last row whose batch begins at or before stream offset `at`; the first row if none does. The topic has rows. */
static hp_status entry_at(struct log_reader *r, MDB_cursor *index, uint32_t topic, struct topic_span span, uint64_t at,
                          struct entry *out, struct hp_error *err)
{
    uint64_t lo = span.begin, hi = span.end - 1;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo + 1) / 2;
        if (entry_before(r, index, topic, mid, out, err) != HP_OK) {
            return HP_ERROR;
        }
        if (out->at.batch <= at) {
            lo = mid;
        } else {
            hi = out->first > lo ? out->first - 1 : lo;
        }
    }
    return entry_before(r, index, topic, lo, out, err);
}

static hp_status offset_in(struct log_reader *r, MDB_cursor *index, uint32_t topic, uint64_t at, uint64_t *out,
                           struct hp_error *err)
{
    struct topic_span span = {0};
    struct walk walk = {.topic = topic, .until_offset = at, .until_count = UINT64_MAX};
    struct entry e = {0};
    if (span_of(r, index, topic, &span, err) != HP_OK) {
        return HP_ERROR;
    }
    *out = span.begin;
    if (span.begin == span.end) {
        return HP_OK;
    }
    if (entry_at(r, index, topic, span, at, &e, err) != HP_OK) {
        return HP_ERROR;
    }
    *out = e.first;
    if (e.at.batch >= at) {
        return HP_OK;
    }
    if (walk_batch(r, &walk, e.at.batch, err) != HP_OK) {
        return HP_ERROR;
    }
    *out = e.first + walk.count;
    return HP_OK;
}

static hp_status seek_in(struct log_reader *r, MDB_cursor *index, uint32_t topic, uint64_t topic_offset, uint64_t *out,
                         struct hp_error *err)
{
    struct topic_span span = {0};
    struct stored_totals totals;
    struct walk walk = {.topic = topic, .until_offset = UINT64_MAX};
    struct entry e = {0};
    if (span_of(r, index, topic, &span, err) != HP_OK || reader_totals(r, &totals, err) != HP_OK) {
        return HP_ERROR;
    }
    topic_offset = topic_offset == LOG_OLDEST ? span.begin : topic_offset;
    if (topic_offset < span.begin || topic_offset > span.end) {
        return hp_fail(err, HP_ERROR_FATAL, "OFFSET",
                       "%.300s keeps offsets %llu to %llu of topic %.300s, and %llu is wanted", r->what,
                       (unsigned long long)span.begin, (unsigned long long)span.end,
                       (const char *)schema_pool_topic_name(r->pool, topic).data, (unsigned long long)topic_offset);
    }
    *out = totals.end;
    if (topic_offset == span.end) {
        return HP_OK;
    }
    if (entry_before(r, index, topic, topic_offset, &e, err) != HP_OK) {
        return HP_ERROR;
    }
    walk.until_count = topic_offset - e.first;
    if (walk_batch(r, &walk, e.at.batch, err) != HP_OK) {
        return HP_ERROR;
    }
    *out = walk.offset;
    return HP_OK;
}

static hp_status ask_topic(struct log_reader *r, const char *topic, uint64_t at, uint64_t *out,
                           hp_status (*answer)(struct log_reader *, MDB_cursor *, uint32_t, uint64_t, uint64_t *,
                                               struct hp_error *),
                           struct hp_error *err)
{
    hp_status status;
    MDB_cursor *index;
    uint32_t id = 0;
    uint64_t found = 0;
    if (!r->env) {
        return hp_fail(err, HP_ERROR_RETRY, "NOSTREAM", "there is no %.300s yet", r->what);
    }
    if (reader_begin(r, err) != HP_OK) {
        return HP_ERROR;
    }
    status = reader_all_topics(r, err);
    if (status == HP_OK) {
        id = schema_pool_find_topic(r->pool, hp_bytes_of(topic));
        status = id ? index_cursor(r, &index, err)
                    : hp_fail(err, HP_ERROR_CONFIG, "NOTOPIC", "%.300s has no topic %.300s", r->what, topic);
    }
    if (status == HP_OK) {
        status = answer(r, index, id, at, &found, err);
        mdb_cursor_close(index);
    }
    reader_end(r);
    if (status == HP_OK) {
        *out = found;
    }
    return status == HP_IDLE ? hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: its topic index has gaps", r->what)
                             : status;
}

hp_status log_topic_offset(struct log_reader *r, const char *topic, uint64_t at, uint64_t *out, struct hp_error *err)
{
    return ask_topic(r, topic, at, out, offset_in, err);
}

hp_status log_topic_seek(struct log_reader *r, const char *topic, uint64_t topic_offset, uint64_t *out_at,
                         struct hp_error *err)
{
    return ask_topic(r, topic, topic_offset, out_at, seek_in, err);
}
