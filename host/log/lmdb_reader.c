/*
 * lmdb_reader.c: reading a stream from any process (design D12): find the batch, copy it out once, end the transaction,
 * check, hand out. A transaction that came in chunks is handed out chunk by chunk. One thread per reader.
 */
#include "lmdb_reader.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#define KEEP         ((uint64_t)4 << 20)  /* memory kept between reads; a larger batch's is given back */
#define RUN_MAX      ((uint64_t)64 << 20) /* batches are joined up to this, whatever the caller allows */
#define FORGET_EVERY ((uint64_t)16 << 20) /* bytes read through the map before its pages are let go */

hp_status log_reader_open(struct log *log, const char *stream, struct log_reader **out, struct hp_error *err)
{
    struct log_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory for a reader");
    }
    r->log = log;
    (void)snprintf(r->what, sizeof r->what, "stream %s", stream);
    r->name = strdup(stream);
    if (!r->name || stream_path(log, stream, r->path, err) != HP_OK || reader_attach(r, err) == HP_ERROR) {
        if (!r->name) {
            (void)hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory for a reader");
        }
        log_reader_close(r);
        return HP_ERROR;
    }
    *out = r;
    if (r->env) {
        r->next = log_reader_begin(r);
    }
    return HP_OK;
}

void log_reader_close(struct log_reader *r)
{
    if (r) {
        reader_end(r);
        reader_detach(r);
        region_finish(&r->memory);
        free(r->name);
        free(r);
    }
}

const char *log_reader_stream_id(const struct log_reader *r)
{
    return r->id ? r->id : "";
}

uint32_t *log_reader_word(struct log_reader *r)
{
    return r->wake ? r->wake : r->log->wake;
}

/* ---- places ---- */

/* Begin, end and bytes of the stream now; zeros while there is none or it cannot be read. */
static void reader_bounds(struct log_reader *r, uint64_t *begin, struct stored_totals *totals)
{
    struct hp_error ignored = {.size = sizeof ignored};
    *begin = 0;
    *totals = (struct stored_totals){0};
    if (r->env && reader_begin(r, &ignored) == HP_OK) {
        if (reader_totals(r, totals, &ignored) == HP_OK) {
            (void)reader_oldest(r, totals->end, begin, &ignored);
        }
        reader_end(r);
    }
}

uint64_t log_reader_end(struct log_reader *r)
{
    struct stored_totals totals;
    uint64_t begin;
    reader_bounds(r, &begin, &totals);
    return totals.end;
}

uint64_t log_reader_begin(struct log_reader *r)
{
    struct stored_totals totals;
    uint64_t begin;
    reader_bounds(r, &begin, &totals);
    return begin;
}

struct log_behind log_reader_behind(struct log_reader *r, uint64_t offset)
{
    struct hp_error ignored = {.size = sizeof ignored};
    struct log_behind behind = {0};
    struct stored_totals totals;
    struct stored_batch head;
    MDB_val v;
    if (r->env && reader_begin(r, &ignored) == HP_OK) {
        if (reader_totals(r, &totals, &ignored) == HP_OK && offset < totals.end &&
            reader_find(r, offset, &v, &head, &ignored) == HP_OK) {
            behind = (struct log_behind){totals.bytes - head.bytes_before, head.built_us};
        }
        reader_end(r);
    }
    return behind;
}

static hp_status out_of_range(const struct log_reader *r, uint64_t offset, uint64_t begin, uint64_t end,
                              struct hp_error *err)
{
    return hp_fail(
        err, HP_ERROR_FATAL, "OFFSET",
        "%.300s (%.200s) keeps offsets %llu to %llu, and %llu is wanted: %s. Reset the offsets and take a snapshot "
        "again, or set them to one that is there",
        r->what, log_reader_stream_id(r), (unsigned long long)begin, (unsigned long long)end,
        (unsigned long long)offset,
        offset < begin ? "retention has deleted what comes next" : "the log has lost what was read before");
}

static hp_status seek_in(struct log_reader *r, uint64_t offset, struct hp_error *err)
{
    struct stored_totals totals;
    struct stored_batch head;
    uint64_t begin;
    MDB_val v;
    if (reader_totals(r, &totals, err) != HP_OK || reader_oldest(r, totals.end, &begin, err) != HP_OK) {
        return HP_ERROR;
    }
    if (offset < begin || offset > totals.end) {
        return out_of_range(r, offset, begin, totals.end, err);
    }
    if (offset < totals.end && reader_find(r, offset, &v, &head, err) != HP_OK) {
        return HP_ERROR;
    }
    r->next = offset < totals.end ? head.first_offset : offset;
    r->skip = offset - r->next;
    r->in_marker = false;
    marker_finish(&r->marker);
    return HP_OK;
}

hp_status log_reader_seek(struct log_reader *r, uint64_t offset, struct hp_error *err)
{
    hp_status status;
    if (!r->env) {
        return hp_fail(err, HP_ERROR_RETRY, "NOSTREAM", "there is no %.300s yet", r->what);
    }
    if (reader_begin(r, err) != HP_OK) {
        return HP_ERROR;
    }
    status = seek_in(r, offset, err);
    reader_end(r);
    return status;
}

/* ---- handing out ---- */

static const struct hp_record *record_at(const uint8_t *data, uint64_t at)
{
    return (const struct hp_record *)(const void *)(data + at);
}

/* Leaves out the first `skip` records of a checked batch; the BEGIN that holds for the rest moves in front of it. */
static void skip_records(struct hp_batch *batch, uint8_t *memory, uint64_t skip)
{
    uint64_t at = 0, begin = UINT64_MAX;
    batch->n_records -= skip;
    batch->first_offset += skip;
    for (;;) {
        const struct hp_record *rec = record_at(memory, at);
        if (rec->kind == HP_RECORD_BEGIN) {
            begin = at;
        } else if (skip-- == 0) {
            break;
        }
        at += rec->size;
    }
    if (begin != UINT64_MAX) {
        uint32_t size = record_at(memory, begin)->size;
        at -= size;
        memmove(memory + at, memory + begin, size);
    }
    batch->data = memory + at;
    batch->len -= at;
}

static struct hp_batch batch_of(struct log_reader *r, uint64_t len, uint64_t n_records, uint64_t first,
                                int64_t built_us)
{
    struct hp_batch batch = {.size = sizeof batch,
                             .data = r->memory.base,
                             .len = len,
                             .n_records = n_records,
                             .first_offset = first,
                             .built_us = built_us,
                             .stream = {r->name, strlen(r->name)}};
    schema_pool_view(r->pool, &batch);
    return batch;
}

static hp_status check(const struct log_reader *r, const struct hp_batch *batch, struct hp_error *err)
{
    struct hp_error inner = {.size = sizeof inner};
    return batch_check(batch, &inner) == HP_OK ? HP_OK : reader_corrupt(r, batch->first_offset, inner.message, err);
}

static hp_status fetch(struct log_reader *r, const MDB_val *v, uint64_t len, uint32_t crc, uint64_t at,
                       struct hp_error *err)
{
    bool retry = false;
    const char *wrong = fetch_records(r->env, v, len, crc, &r->memory, at, &retry);
    if (retry) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%.300s: no memory for a batch of %llu bytes", r->what,
                       (unsigned long long)len);
    }
    r->mapped += v->mv_size;
    return wrong ? reader_corrupt(r, r->next, wrong, err) : HP_OK;
}

/* ---- chunks ---- */

/* Takes the records of aborted sub-transactions out of a checked chunk. */
static void drop_aborted(const struct marker *m, struct hp_batch *batch, uint8_t *memory)
{
    uint64_t to = 0;
    for (uint64_t at = 0; at < batch->len;) {
        const struct hp_record *rec = record_at(memory, at);
        uint32_t size = rec->size;
        if (is_aborted(m->aborted, m->n_aborted, rec->subxid)) {
            batch->n_records--;
        } else {
            if (to != at) {
                memmove(memory + to, memory + at, size);
            }
            to += size;
        }
        at += size;
    }
    batch->len = to;
}

/* The next chunk that has something to hand out, copied and checked against its checksum; in a transaction. */
static hp_status fetch_chunk(struct log_reader *r, struct stored_chunk *head, uint64_t *visible, struct hp_error *err)
{
    MDB_val v;
    for (;; r->chunk++) {
        if (r->chunk >= r->marker.n_chunks) {
            return reader_corrupt(r, r->next, "its transaction has fewer records than it says", err);
        }
        if (reader_chunk(r, &r->marker, r->chunk, &v, head, err) != HP_OK) {
            return HP_ERROR;
        }
        *visible = chunk_visible(&v, head, 0, r->marker.aborted, r->marker.n_aborted);
        if (*visible > r->skip) {
            break;
        }
        r->skip -= *visible;
        r->given += *visible;
    }
    if (fetch(r, &v, head->len, head->crc, 0, err) != HP_OK) {
        return HP_ERROR;
    }
    return reader_names(r, head->n_schemas, head->n_topic_ids, err);
}

static hp_status next_chunk(struct log_reader *r, struct log_read *out, struct hp_error *err)
{
    const struct stored_batch *entry = &r->marker_head;
    struct stored_chunk head;
    struct hp_batch batch;
    uint64_t visible = 0;
    if (fetch_chunk(r, &head, &visible, err) != HP_OK) {
        return HP_ERROR;
    }
    reader_end(r);
    batch = batch_of(r, head.len, head.n_records, entry->first_offset + r->given, entry->built_us);
    batch.flags = HP_BATCH_CHUNK;
    if (check(r, &batch, err) != HP_OK) {
        return HP_ERROR;
    }
    if (r->marker.n_aborted) {
        drop_aborted(&r->marker, &batch, r->memory.base);
    }
    if (batch.n_records != visible || r->given + visible > entry->n_records) {
        return reader_corrupt(r, r->next, "a part of its transaction has other records than it says", err);
    }
    if (r->skip) {
        skip_records(&batch, r->memory.base, r->skip);
    }
    r->given += visible;
    r->chunk++;
    r->skip = 0;
    r->tx = r->marker.tx;
    batch.tx = &r->tx;
    *out = (struct log_read){batch, entry->first_offset + r->given, r->given == entry->n_records};
    if (out->boundary) {
        r->next = out->next;
        r->in_marker = false;
        marker_finish(&r->marker);
    }
    return HP_OK;
}

static hp_status enter_marker(struct log_reader *r, const MDB_val *v, const struct stored_batch *head,
                              struct hp_error *err)
{
    if (marker_read(v, head, r->what, &r->marker, err) != HP_OK) {
        return HP_ERROR;
    }
    r->marker_head = *head;
    r->in_marker = true;
    r->chunk = r->given = 0;
    return HP_OK;
}

/* ---- plain batches ---- */

static bool starts_with_begin(const MDB_val *v, const struct stored_batch *head)
{
    struct hp_record rec;
    if (head->len < sizeof rec) {
        return false;
    }
    memcpy(&rec, (const uint8_t *)v->mv_data + (v->mv_size - head->len), sizeof rec);
    return rec.kind == HP_RECORD_BEGIN;
}

/* May this batch follow the ones already copied? Its records must not fall into the transaction before. */
static bool joins(const struct log_reader *r, uint64_t len, const MDB_val *v, const struct stored_batch *head)
{
    if (starts_with_begin(v, head)) {
        return true;
    }
    for (uint64_t at = 0; at + sizeof(struct hp_record) <= len; at += record_at(r->memory.base, at)->size) {
        if (record_at(r->memory.base, at)->kind == HP_RECORD_BEGIN || record_at(r->memory.base, at)->size == 0) {
            return false;
        }
    }
    return true;
}

/* Copies neighbouring batches, the first of which the cursor stands on; in a transaction. */
static hp_status fetch_run(struct log_reader *r, MDB_val *v, struct stored_batch *head, uint64_t max_bytes,
                           struct hp_batch *run, struct hp_error *err)
{
    uint64_t len = 0, n = 0, first = head->first_offset;
    int64_t built_us = head->built_us;
    uint64_t next;
    for (;;) {
        MDB_val k;
        uint64_t key;
        if (fetch(r, v, head->len, head->crc, len, err) != HP_OK ||
            reader_names(r, head->n_schemas, head->n_topic_ids, err) != HP_OK) {
            return HP_ERROR;
        }
        len += head->len;
        n += head->n_records;
        next = head->first_offset + head->n_records;
        if (len >= max_bytes || mdb_cursor_get(r->cursor, &k, v, MDB_NEXT) != 0 || k.mv_size != sizeof key) {
            break;
        }
        memcpy(&key, k.mv_data, sizeof key);
        /* Anything wrong with the next one is told when it is the first. */
        if (key != next || batch_head(v, key, head) || head->flags & BATCH_MARKER || len + head->len > max_bytes ||
            !joins(r, len, v, head)) {
            break;
        }
    }
    *run = batch_of(r, len, n, first, built_us);
    r->run_next = next;
    return HP_OK;
}

static hp_status next_run(struct log_reader *r, MDB_val *v, struct stored_batch *head, uint64_t max_bytes,
                          struct log_read *out, struct hp_error *err)
{
    struct hp_batch run;
    if (fetch_run(r, v, head, max_bytes, &run, err) != HP_OK) {
        return HP_ERROR;
    }
    reader_end(r);
    if (check(r, &run, err) != HP_OK) {
        return HP_ERROR;
    }
    if (r->skip) {
        skip_records(&run, r->memory.base, r->skip);
    }
    r->next = r->run_next;
    r->skip = 0;
    *out = (struct log_read){run, r->next, true};
    return HP_OK;
}

/* ---- the next read ---- */

/* Nothing stands at r->next: the end, or a gap. */
static hp_status at_end(struct log_reader *r, struct hp_error *err)
{
    struct stored_totals totals;
    uint64_t begin;
    if (reader_totals(r, &totals, err) != HP_OK || reader_oldest(r, totals.end, &begin, err) != HP_OK) {
        return HP_ERROR;
    }
    if (r->next == totals.end) {
        return HP_IDLE;
    }
    return r->next < begin || r->next > totals.end ? out_of_range(r, r->next, begin, totals.end, err)
                                                   : reader_corrupt(r, r->next, "it is missing", err);
}

static hp_status next_in(struct log_reader *r, uint64_t max_bytes, struct log_read *out, struct hp_error *err)
{
    struct stored_batch head;
    MDB_val k = env_val(&r->next, sizeof r->next), v;
    const char *wrong;
    int rc;
    if (r->in_marker) {
        return next_chunk(r, out, err);
    }
    rc = mdb_cursor_get(r->cursor, &k, &v, MDB_SET_KEY);
    if (rc == MDB_NOTFOUND) {
        return at_end(r, err);
    }
    if (rc) {
        return env_fail(err, rc, r->what, "read");
    }
    wrong = batch_head(&v, r->next, &head);
    if (wrong) {
        return reader_corrupt(r, r->next, wrong, err);
    }
    if (head.flags & BATCH_MARKER) {
        return enter_marker(r, &v, &head, err) == HP_OK ? next_chunk(r, out, err) : HP_ERROR;
    }
    return next_run(r, &v, &head, max_bytes < RUN_MAX ? max_bytes : RUN_MAX, out, err);
}

/* To the stream that is at our path now: HP_END if there is another one, or none where there was one. */
static hp_status reattach(struct log_reader *r, struct hp_error *err)
{
    bool had = r->env != NULL;
    hp_status status;
    reader_detach(r);
    status = reader_attach(r, err);
    if (status == HP_OK) {
        r->next = log_reader_begin(r);
    }
    return status == HP_ERROR ? status : status == HP_OK || had ? HP_END : HP_IDLE;
}

void log_reader_trim(struct log_reader *r)
{
    region_finish(&r->memory);
}

hp_status log_reader_next(struct log_reader *r, uint64_t max_bytes, struct log_read *out, struct hp_error *err)
{
    hp_status status;
    if (!r->env) {
        return reattach(r, err);
    }
    region_shrink(&r->memory, KEEP);
    if (r->mapped > FORGET_EVERY) {
        env_forget(r->env);
        r->mapped = 0;
    }
    if (reader_begin(r, err) != HP_OK) {
        return HP_ERROR;
    }
    status = next_in(r, max_bytes, out, err);
    reader_end(r);
    return status == HP_IDLE && reader_stale(r) ? reattach(r, err) : status;
}
