/*
 * lmdb_info.c: a reader's view of a stream as a whole: attaching to it, its totals, names and places; and what log.h
 * answers about streams without reading records. Everything is read in short transactions. One thread per reader.
 */
#include "lmdb_disk.h"
#include "lmdb_reader.h"
#include "logging.h"
#include "wake.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- attaching ---- */

/* There was no data file: is there no stream (HP_IDLE), or has it lost it? */
static hp_status no_data_file(const char *path, const char *what, struct hp_error *err)
{
    char file[STREAM_PATH_MAX + 16];
    (void)snprintf(file, sizeof file, "%s/data.mdb", path);
    if (access(path, F_OK) != 0 || access(file, F_OK) == 0) { /* just made: asked again, it is found */
        return HP_IDLE;
    }
    return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: its folder %.400s holds no data file", what, path);
}

hp_status reader_attach(struct log_reader *r, struct hp_error *err)
{
    char *name = NULL;
    hp_status status = env_open(r->path, 0, r->log->map, r->what, &r->env, err);
    int rc;
    status = status == HP_IDLE ? no_data_file(r->path, r->what, err) : status;
    if (status != HP_OK) {
        return status;
    }
    status = stream_identity(r->env, r->what, &name, &r->id, err);
    free(name);
    status = status == HP_OK ? wake_open(r->path, "wake", false, &r->wake, err) : status;
    if (status == HP_OK) {
        r->pool = schema_pool_create();
        rc = r->pool ? mdb_txn_begin(r->env->mdb, NULL, MDB_RDONLY, &r->txn) : ENOMEM;
        if (rc == 0) {
            rc = mdb_cursor_open(r->txn, r->env->db[DB_BATCHES], &r->cursor);
            mdb_txn_reset(r->txn);
        } else {
            r->txn = NULL;
        }
        status = rc ? env_fail(err, rc, r->what, "read") : HP_OK;
    }
    if (status != HP_OK) {
        reader_detach(r);
    }
    return status;
}

void reader_detach(struct log_reader *r)
{
    if (r->cursor) {
        mdb_cursor_close(r->cursor);
    }
    if (r->txn) {
        mdb_txn_abort(r->txn);
    }
    env_close(r->env);
    wake_close(r->wake);
    schema_pool_destroy(r->pool);
    marker_finish(&r->marker);
    free(r->id);
    r->cursor = NULL;
    r->txn = NULL;
    r->env = NULL;
    r->wake = NULL;
    r->pool = NULL;
    r->id = NULL;
    r->reading = r->in_marker = false;
    r->next = r->skip = 0;
}

bool reader_stale(const struct log_reader *r)
{
    char path[STREAM_PATH_MAX + 16];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/data.mdb", r->path);
    return stat(path, &st) != 0 || st.st_ino != r->env->ino || st.st_dev != r->env->dev;
}

/* ---- short transactions ---- */

hp_status reader_begin(struct log_reader *r, struct hp_error *err)
{
    int rc;
    env_use(r->env);
    rc = mdb_txn_renew(r->txn);
    rc = rc ? rc : mdb_cursor_renew(r->txn, r->cursor);
    if (rc) {
        return env_fail(err, rc, r->what, "begin to read");
    }
    r->reading = true;
    return HP_OK;
}

void reader_end(struct log_reader *r)
{
    if (r->reading) {
        mdb_txn_reset(r->txn);
        r->reading = false;
    }
}

hp_status reader_corrupt(const struct log_reader *r, uint64_t offset, const char *wrong, struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: the batch at offset %llu cannot be used: %s", r->what,
                   (unsigned long long)offset, wrong);
}

hp_status reader_totals(struct log_reader *r, struct stored_totals *out, struct hp_error *err)
{
    MDB_val v;
    hp_status status = env_main_get(r->env, r->txn, "!totals", r->what, &v, err);
    if (status == HP_ERROR) {
        return status;
    }
    if (status != HP_OK || !stored_good(&v, sizeof *out, NULL, 0)) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: its totals are missing or damaged", r->what);
    }
    memcpy(out, v.mv_data, sizeof *out);
    return HP_OK;
}

hp_status reader_oldest(struct log_reader *r, uint64_t end, uint64_t *out, struct hp_error *err)
{
    MDB_val k, v;
    int rc = mdb_cursor_get(r->cursor, &k, &v, MDB_FIRST);
    *out = end;
    if (rc == 0 && k.mv_size == sizeof *out) {
        memcpy(out, k.mv_data, sizeof *out);
    }
    return rc == 0 || rc == MDB_NOTFOUND ? HP_OK : env_fail(err, rc, r->what, "read its oldest batch");
}

/* The rows of a table of names from id `from` on, in order. */
static hp_status each_id(struct log_reader *r, enum env_db db, uint32_t from, uint32_t to,
                         hp_status (*take)(struct log_reader *, uint32_t, const MDB_val *, struct hp_error *),
                         struct hp_error *err)
{
    for (uint64_t id = from; id < to; id++) {
        MDB_val k = env_val(&id, sizeof id), v;
        int rc = mdb_get(r->txn, r->env->db[db], &k, &v);
        if (rc) {
            return env_fail(err, rc, r->what, "read a name or schema that its records use");
        }
        if (take(r, (uint32_t)id, &v, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    return HP_OK;
}

static hp_status take_schema(struct log_reader *r, uint32_t id, const MDB_val *v, struct hp_error *err)
{
    return schema_load(r->pool, v, id, r->what, err);
}

static hp_status take_topic(struct log_reader *r, uint32_t id, const MDB_val *v, struct hp_error *err)
{
    const size_t head = sizeof(struct stored_topic_name);
    struct hp_bytes name = {(const uint8_t *)v->mv_data + head, v->mv_size - head};
    if (!stored_good(v, head + 1, NULL, 0) || schema_pool_topic(r->pool, name, err) != id) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: the name of topic %u is damaged", r->what, id);
    }
    return HP_OK;
}

hp_status reader_names(struct log_reader *r, uint32_t n_schemas, uint32_t n_topics, struct hp_error *err)
{
    hp_status status = each_id(r, DB_SCHEMAS, schema_pool_n_schemas(r->pool), n_schemas, take_schema, err);
    return status == HP_OK ? each_id(r, DB_TOPICS, schema_pool_n_topics(r->pool), n_topics, take_topic, err) : status;
}

/* ---- places ---- */

hp_status reader_find(struct log_reader *r, uint64_t offset, MDB_val *out, struct stored_batch *head,
                      struct hp_error *err)
{
    uint64_t key = offset;
    MDB_val k = env_val(&key, sizeof key);
    const char *wrong;
    int rc = mdb_cursor_get(r->cursor, &k, out, MDB_SET_RANGE);
    if (rc == 0 && k.mv_size == sizeof key) {
        memcpy(&key, k.mv_data, sizeof key);
    }
    if (rc == MDB_NOTFOUND) {
        rc = mdb_cursor_get(r->cursor, &k, out, MDB_LAST);
    } else if (rc == 0 && key > offset) {
        rc = mdb_cursor_get(r->cursor, &k, out, MDB_PREV);
    }
    if (rc) {
        return env_fail(err, rc, r->what, "find a batch");
    }
    memcpy(&key, k.mv_data, sizeof key);
    wrong = batch_head(out, key, head);
    if (wrong) {
        return reader_corrupt(r, key, wrong, err);
    }
    if (offset < key || offset - key >= head->n_records) {
        return reader_corrupt(r, offset, "it is missing", err);
    }
    return HP_OK;
}

hp_status reader_chunk(struct log_reader *r, const struct marker *m, uint64_t number, MDB_val *out,
                       struct stored_chunk *head, struct hp_error *err)
{
    struct stored_chunk_key key = {htobe64(m->spool), htobe64(number)};
    MDB_val k = env_val(&key, sizeof key);
    int rc = mdb_get(r->txn, r->env->db[DB_CHUNKS], &k, out);
    if (rc == MDB_NOTFOUND) {
        return reader_corrupt(r, r->next, "a part of its transaction is missing (deleted by retention, or lost)", err);
    }
    if (rc) {
        return env_fail(err, rc, r->what, "read a part of a transaction");
    }
    return chunk_head(out, m->spool, number, head)
               ? HP_OK
               : reader_corrupt(r, r->next, "a part of its transaction is damaged", err);
}

/* ---- what log.h answers about streams ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211); /* FNV-1a */
    }
    return hash;
}

/* Sinks list the streams every second: a damaged one is told once, and again only for another reason; at most
   STREAMS_TOLD of them. */
static void warn_left_out(struct log *log, const char *path, const char *reason)
{
    uint64_t hash = hash_text(hash_text(UINT64_C(14695981039346656037), path), reason);
    for (size_t i = 0; i < STREAMS_TOLD; i++) {
        _Atomic uint64_t *slot = &log->told[(hash + i) % STREAMS_TOLD];
        uint64_t none = 0;
        if (atomic_compare_exchange_strong_explicit(slot, &none, hash, memory_order_relaxed, memory_order_relaxed)) {
            log_warn("%s is left out of the list of streams: %s", path, reason);
            return;
        }
        if (none == hash) {
            return;
        }
    }
}

hp_status log_streams(struct log *log, char ***out_names, size_t *out_n, struct hp_error *err)
{
    DIR *dir = opendir(log->dir);
    char **names = NULL;
    size_t n = 0;
    if (!dir) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "cannot open folder %.400s: %s", log->dir, strerror(errno));
    }
    for (struct dirent *e; (e = readdir(dir));) {
        char path[STREAM_PATH_MAX], *name = NULL, *id = NULL, **more;
        struct hp_error wrong = {.size = sizeof wrong};
        struct env *env;
        hp_status status;
        if (e->d_name[0] == '.' || snprintf(path, sizeof path, "%s/%s", log->dir, e->d_name) >= (int)sizeof path) {
            continue;
        }
        status = env_open(path, 0, log->map, e->d_name, &env, &wrong);
        status = status == HP_IDLE ? no_data_file(path, e->d_name, &wrong) : status;
        if (status == HP_OK) {
            status = stream_identity(env, e->d_name, &name, &id, &wrong);
            env_close(env);
            free(id);
        }
        if (status == HP_ERROR) {
            warn_left_out(log, path, wrong.message);
        }
        more = status == HP_OK ? realloc(names, (n + 1) * sizeof *names) : NULL;
        if (more) {
            names = more;
            names[n++] = name;
        } else {
            free(name);
        }
    }
    (void)closedir(dir);
    *out_names = names;
    *out_n = n;
    return HP_OK;
}

void log_names_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(names[i]);
    }
    free(names);
}

/* A reader that exists for one question, in a transaction; end with log_reader_close(). HP_IDLE: no such stream. */
static hp_status ask(struct log *log, const char *stream, struct log_reader **out, struct hp_error *err)
{
    struct log_reader *r;
    if (log_reader_open(log, stream, &r, err) != HP_OK) {
        return HP_ERROR;
    }
    if (!r->env) {
        log_reader_close(r);
        return HP_IDLE;
    }
    if (reader_begin(r, err) != HP_OK) {
        log_reader_close(r);
        return HP_ERROR;
    }
    *out = r;
    return HP_OK;
}

static hp_status no_stream(const char *name, struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "NOSTREAM", "there is no stream %.300s", name);
}

static hp_status info_of(struct log_reader *r, struct log_stream_info *info, struct hp_error *err)
{
    struct stored_totals totals;
    struct stored_batch head;
    MDB_val v;
    if (reader_totals(r, &totals, err) != HP_OK || reader_oldest(r, totals.end, &info->begin, err) != HP_OK) {
        return HP_ERROR;
    }
    if (info->begin < totals.end) {
        if (reader_find(r, info->begin, &v, &head, err) != HP_OK) {
            return HP_ERROR;
        }
        info->bytes = totals.bytes - head.bytes_before;
    }
    info->end = totals.end;
    info->disk_bytes = disk_taken(r->env);
    return HP_OK;
}

hp_status log_stream_info(struct log *log, const char *name, struct log_stream_info *out, struct hp_error *err)
{
    struct log_stream_info info = {0};
    struct log_reader *r;
    hp_status status;
    status = ask(log, name, &r, err);
    if (status != HP_OK) {
        return status == HP_IDLE ? no_stream(name, err) : status;
    }
    status = info_of(r, &info, err);
    if (status == HP_OK) {
        info.name = strdup(name);
        info.id = strdup(r->id);
        if (info.name && info.id) {
            *out = info;
        } else {
            log_stream_info_finish(&info);
            status = hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory");
        }
    }
    log_reader_close(r);
    return status;
}

void log_stream_info_finish(struct log_stream_info *info)
{
    free(info->name);
    free(info->id);
    *info = (struct log_stream_info){0};
}

hp_status log_position_read(struct log *log, const char *stream, struct buf *out, struct hp_error *err)
{
    struct log_reader *r;
    hp_status status = ask(log, stream, &r, err);
    if (status != HP_OK) {
        return status == HP_IDLE ? HP_OK : status; /* what never ran has no position */
    }
    status = position_load(r->env, r->txn, r->what, out, err);
    log_reader_close(r);
    return status;
}

/* ---- topics ---- */

hp_status reader_all_topics(struct log_reader *r, struct hp_error *err)
{
    MDB_stat stat;
    int rc = mdb_stat(r->txn, r->env->db[DB_TOPICS], &stat);
    if (rc) {
        return env_fail(err, rc, r->what, "read its topics");
    }
    return reader_names(r, 0, (uint32_t)stat.ms_entries + 1, err);
}

static hp_status topics_of(struct log_reader *r, struct log_topic_info **out, size_t *out_n, struct hp_error *err)
{
    struct log_topic_info *topics;
    uint32_t n;
    if (reader_all_topics(r, err) != HP_OK) {
        return HP_ERROR;
    }
    n = schema_pool_n_topics(r->pool) - 1;
    topics = calloc((size_t)n + 1, sizeof *topics);
    for (uint32_t i = 0; topics && i < n; i++) {
        struct topic_span span;
        topics[i].name = strdup(schema_pool_topic_name(r->pool, i + 1).data);
        if (!topics[i].name || topic_span(r, i + 1, &span, err) != HP_OK) {
            hp_status status = topics[i].name ? HP_ERROR : hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory");
            log_topics_free(topics, n);
            return status;
        }
        topics[i].begin = span.begin;
        topics[i].end = span.end;
    }
    if (!topics) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory");
    }
    *out = topics;
    *out_n = n;
    return HP_OK;
}

hp_status log_topics(struct log *log, const char *stream, struct log_topic_info **out, size_t *out_n,
                     struct hp_error *err)
{
    struct log_reader *r;
    hp_status status = ask(log, stream, &r, err);
    if (status != HP_OK) {
        return status == HP_IDLE ? no_stream(stream, err) : status;
    }
    status = topics_of(r, out, out_n, err);
    log_reader_close(r);
    return status;
}

void log_topics_free(struct log_topic_info *topics, size_t n)
{
    for (size_t i = 0; topics && i < n; i++) {
        free(topics[i].name);
    }
    free(topics);
}
