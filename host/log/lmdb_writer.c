/*
 * lmdb_writer.c: a stream's writer: opening, and the frame of a log transaction. Everything that a transaction changes
 * exists twice in memory, as committed and as it will be, so that a rollback leaves no trace. One thread.
 */
#include "lmdb_writer.h"

#include "failpoint.h"
#include "futex.h"
#include "lmdb_marker.h"
#include "logging.h"
#include "wake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POSITION_MAX       (16u << 20)
#define FORGET_EVERY       64u /* each may have brought 64 KiB of the file into our memory */
#define COLLECT_PER_COMMIT 8u  /* chunks of void transactions deleted beside the work of an ordinary commit */

/* ---- opening ---- */

/* Do the totals agree with the last batch? If not, the file is not what a writer left. */
static hp_status check_end(struct log_writer *w, MDB_txn *txn, struct hp_error *err)
{
    struct stored_batch head;
    const char *wrong;
    uint64_t key = 0;
    MDB_cursor *cursor;
    MDB_val k, v;
    int rc = mdb_cursor_open(txn, w->env->db[DB_BATCHES], &cursor);
    if (rc) {
        return env_fail(err, rc, w->what, "read");
    }
    rc = mdb_cursor_get(cursor, &k, &v, MDB_LAST);
    mdb_cursor_close(cursor);
    if (rc == MDB_NOTFOUND) {
        return HP_OK;
    }
    if (rc) {
        return env_fail(err, rc, w->what, "read its last batch");
    }
    memcpy(&key, k.mv_data, k.mv_size < sizeof key ? k.mv_size : sizeof key);
    wrong = batch_head(&v, key, &head);
    if (wrong) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%s: its last batch, at offset %llu, cannot be used: %s",
                       w->what, (unsigned long long)key, wrong);
    }
    if (head.first_offset + head.n_records != w->committed.end ||
        head.bytes_before + head.weight != w->committed.bytes) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%s: its last batch ends at offset %llu, its totals say %llu",
                       w->what, (unsigned long long)(head.first_offset + head.n_records),
                       (unsigned long long)w->committed.end);
    }
    return HP_OK;
}

static hp_status load_schemas(struct log_writer *w, MDB_txn *txn, struct hp_error *err)
{
    hp_status status = HP_OK;
    MDB_cursor *cursor;
    MDB_val k, v;
    int rc = mdb_cursor_open(txn, w->env->db[DB_SCHEMAS], &cursor);
    if (rc) {
        return env_fail(err, rc, w->what, "read its schemas");
    }
    for (rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST); rc == 0 && status == HP_OK;
         rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        status = schema_load(w->pool, &v, schema_pool_n_schemas(w->pool), w->what, err);
    }
    mdb_cursor_close(cursor);
    if (status == HP_OK && rc != MDB_NOTFOUND) {
        return env_fail(err, rc, w->what, "read its schemas");
    }
    w->committed_schemas = w->schemas = schema_pool_n_schemas(w->pool);
    return status;
}

static hp_status load_main(struct log_writer *w, MDB_txn *txn, struct hp_error *err)
{
    MDB_val v;
    hp_status status = env_main_get(w->env, txn, "!totals", w->what, &v, err);
    if (status != HP_OK || !stored_good(&v, sizeof w->committed, NULL, 0)) {
        return status == HP_ERROR
                   ? status
                   : hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%s: its totals are missing or damaged", w->what);
    }
    memcpy(&w->committed, v.mv_data, sizeof w->committed);
    w->totals = w->committed;
    return position_load(w->env, txn, w->what, &w->position, err);
}

static hp_status writer_load(struct log_writer *w, struct hp_error *err)
{
    /* A writer's transaction, though it only reads: a writer that was killed behind its commit, before it told the
       other processes' lock table, leaves that table one transaction behind while readers keep it in use. A reader here
       would be given the state before that commit. Taking the writers' lock mends the table. */
    MDB_txn *txn;
    int rc = mdb_txn_begin(w->env->mdb, NULL, 0, &txn);
    hp_status status;
    if (rc) {
        return env_fail(err, rc, w->what, "read");
    }
    status = load_main(w, txn, err);
    status = status == HP_OK ? check_end(w, txn, err) : status;
    status = status == HP_OK ? load_schemas(w, txn, err) : status;
    status = status == HP_OK ? append_topics_load(w, txn, err) : status;
    status = status == HP_OK ? spools_load(w, txn, err) : status;
    mdb_txn_abort(txn);
    return status;
}

static hp_status writer_open(struct log_writer *w, const char *stream, struct hp_error *err)
{
    char path[STREAM_PATH_MAX], *name = NULL;
    hp_status status;
    if (stream_path(w->log, stream, path, err) != HP_OK ||
        stream_lock(w->log, stream, path, &w->lock_fd, err) != HP_OK) {
        return HP_ERROR;
    }
    status = env_open(path, ENV_WRITE, w->log->map, w->what, &w->env, err);
    if (status == HP_IDLE) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%s: its folder %.400s holds no data file", w->what, path);
    }
    if (status != HP_OK || stream_identity(w->env, w->what, &name, &w->id, err) != HP_OK) {
        return HP_ERROR;
    }
    status = strcmp(name, stream) == 0 ? HP_OK
                                       : hp_fail(err, HP_ERROR_FATAL, "",
                                                 "%s: its folder %.400s belongs to stream %.200s", w->what, path, name);
    free(name);
    status = status == HP_OK ? wake_open(path, "wake", true, &w->wake, err) : status;
    status = status == HP_OK ? writer_load(w, err) : status;
    if (status == HP_OK) {
        disk_init(&w->disk, w->env, w->what, w->log->reserve);
    }
    return status;
}

hp_status log_writer_open(struct log *log, const char *stream, struct log_writer **out, struct hp_error *err)
{
    struct log_writer *w = calloc(1, sizeof *w);
    if (!w) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory for a writer");
    }
    w->log = log;
    w->lock_fd = -1;
    (void)snprintf(w->what, sizeof w->what, "stream %s", stream);
    buf_init(&w->position, POSITION_MAX);
    buf_init(&w->new_position, POSITION_MAX);
    buf_init(&w->rows, UINT32_MAX);
    w->name = strdup(stream);
    w->pool = schema_pool_create();
    if (!w->name || !w->pool) {
        log_writer_close(w);
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory for a writer");
    }
    if (writer_open(w, stream, err) != HP_OK) {
        log_writer_close(w);
        return HP_ERROR;
    }
    futex_bump(w->wake);   /* a writer killed between commit and wake-up left its readers waiting ... */
    futex_bump(log->wake); /* ... and who looks for topics */
    *out = w;
    return HP_OK;
}

void log_writer_close(struct log_writer *w)
{
    if (!w) {
        return;
    }
    log_rollback(w);
    env_close(w->env);
    wake_close(w->wake);
    if (w->lock_fd >= 0) {
        (void)close(w->lock_fd);
    }
    schema_pool_destroy(w->pool);
    spools_finish(w);
    buf_finish(&w->position);
    buf_finish(&w->new_position);
    buf_finish(&w->rows);
    free(w->topic_states);
    free(w->touched);
    free(w->moved);
    free(w->name);
    free(w->id);
    free(w);
}

struct schema_pool *log_writer_pool(struct log_writer *w)
{
    return w->pool;
}

const char *log_writer_stream_id(const struct log_writer *w)
{
    return w->id;
}

struct hp_bytes log_writer_position(const struct log_writer *w)
{
    return (struct hp_bytes){w->position.data, w->position.len};
}

uint64_t log_writer_end(const struct log_writer *w)
{
    return w->committed.end;
}

uint32_t log_writer_topics(const struct log_writer *w)
{
    return w->committed_topics - 1; /* ids begin at 1 */
}

/* ---- the frame of a transaction ---- */

hp_status writer_void(struct log_writer *w)
{
    log_rollback(w);
    return HP_ERROR;
}

hp_status writer_fail(struct log_writer *w, int rc, const char *doing, struct hp_error *err)
{
    (void)env_fail(err, rc, w->what, doing);
    return writer_void(w);
}

hp_status writer_ready(const struct log_writer *w, struct hp_error *err)
{
    return w->txn ? HP_OK
                  : hp_fail(err, HP_ERROR_FATAL, "",
                            "%s: there is no log transaction (an earlier step failed or none began)", w->what);
}

hp_status writer_begin(struct log_writer *w, struct hp_error *err)
{
    int rc;
    if (w->txn) {
        return hp_fail(err, HP_ERROR_FATAL, "", "%s: a log transaction is open already", w->what);
    }
    env_use(w->env);
    rc = mdb_txn_begin(w->env->mdb, NULL, 0, &w->txn);
    if (rc) {
        w->txn = NULL;
        return env_fail(err, rc, w->what, "begin a transaction");
    }
    disk_begin(&w->disk);
    return HP_OK;
}

hp_status log_begin(struct log_writer *w, struct hp_error *err)
{
    if (failpoint("log.begin")) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOSPC", "%s: fail point log.begin", w->what);
    }
    return writer_begin(w, err);
}

hp_status log_position(struct log_writer *w, struct hp_bytes position, struct hp_error *err)
{
    if (writer_ready(w, err) != HP_OK) {
        return HP_ERROR;
    }
    buf_reset(&w->new_position);
    if (!buf_append(&w->new_position, position.data, position.len)) {
        (void)hp_fail(err, HP_ERROR_FATAL, "", "%s: a position of %llu bytes", w->what,
                      (unsigned long long)position.len);
        return writer_void(w);
    }
    w->position_set =
        position.len != w->position.len || (position.len && memcmp(position.data, w->position.data, position.len) != 0);
    return HP_OK;
}

/* Stores a value behind its checksum. */
static hp_status put_main(struct log_writer *w, const char *key, const void *data, size_t len, struct hp_error *err)
{
    MDB_val k = env_val(key, strlen(key)), v = {sizeof(struct stored_sum) + len, NULL};
    int rc = disk_need(&w->disk, len, 1, true, err) != HP_OK ? -1 : 0;
    if (rc) {
        return writer_void(w);
    }
    rc = mdb_put(w->txn, w->env->main, &k, &v, MDB_RESERVE);
    if (rc) {
        return writer_fail(w, rc, "store", err);
    }
    memset(v.mv_data, 0, sizeof(struct stored_sum));
    if (len) {
        memcpy((uint8_t *)v.mv_data + sizeof(struct stored_sum), data, len);
    }
    stored_seal(v.mv_data, v.mv_size, NULL, 0);
    return HP_OK;
}

static void writer_settle(struct log_writer *w)
{
    for (size_t i = 0; i < w->n_moved; i++) {
        w->topic_states[w->moved[i]].committed = w->topic_states[w->moved[i]].end;
    }
    w->n_moved = 0;
    if (w->position_set) {
        struct buf old = w->position;
        w->position = w->new_position;
        w->new_position = old;
    }
    w->position_set = false;
    w->dirty = false;
    w->committed = w->totals;
    w->committed_schemas = w->schemas;
    w->committed_topics = w->topics;
    spools_committed(w);
}

hp_status writer_commit(struct log_writer *w, struct hp_error *err)
{
    MDB_txn *txn = w->txn;
    if (!w->dirty && !w->position_set) {
        log_rollback(w); /* nothing to keep: nothing to sync */
        return HP_OK;
    }
    if (spools_collect(w, COLLECT_PER_COMMIT, err) != HP_OK ||
        (w->position_set && put_main(w, "!position", w->new_position.data, w->new_position.len, err) != HP_OK) ||
        (memcmp(&w->totals, &w->committed, sizeof w->totals) != 0 &&
         put_main(w, "!totals", &w->totals.end, sizeof w->totals - sizeof w->totals.sum, err) != HP_OK)) {
        return HP_ERROR;
    }
    w->txn = NULL;
    if (env_commit(txn, w->what, err) != HP_OK) {
        return writer_void(w);
    }
    writer_settle(w);
    if (w->looked > FORGET_EVERY) {
        env_forget(w->env);
        w->looked = 0;
    }
    return HP_OK;
}

hp_status log_commit(struct log_writer *w, struct hp_error *err)
{
    uint64_t before = w->committed.end;
    uint32_t topics = w->committed_topics;
    if (writer_ready(w, err) != HP_OK) {
        return HP_ERROR;
    }
    if (failpoint("log.before_commit")) {
        (void)hp_fail(err, HP_ERROR_RETRY, "ENOSPC", "%s: fail point log.before_commit", w->what);
        return writer_void(w);
    }
    if (writer_commit(w, err) != HP_OK) {
        return HP_ERROR;
    }
    (void)failpoint("log.synced"); /* what is durable can only be followed by a death, not by an error */
    if (w->committed.end != before) {
        futex_bump(w->wake);
    }
    if (w->committed_topics != topics) {
        futex_bump(w->log->wake);
    }
    return HP_OK;
}

void log_rollback(struct log_writer *w)
{
    if (w->txn) {
        mdb_txn_abort(w->txn);
        w->txn = NULL;
    }
    for (size_t i = 0; i < w->n_moved; i++) {
        w->topic_states[w->moved[i]].end = w->topic_states[w->moved[i]].committed;
    }
    w->n_moved = 0;
    w->position_set = false;
    w->dirty = false;
    w->totals = w->committed;
    w->schemas = w->committed_schemas;
    w->topics = w->committed_topics;
    append_counts_clear(w);
    spools_rolled_back(w);
}
