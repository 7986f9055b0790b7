/*
 * lmdb_map.c: the small durable maps of log.h. One process at a time has one open. Keys may be longer than LMDB takes:
 * such a one is stored by its beginning and a hash, and its full text stands before the value. [any] thread; LMDB
 * serialises writers.
 */
#include "crc32c.h"
#include "fs.h"
#include "id_index.h"
#include "lmdb_disk.h"
#include "lmdb_env.h"
#include "lmdb_make.h"
#include "log.h"

#include <dirent.h>
#include <endian.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAP_SIZE    ((uint64_t)4 << 30)
#define RESERVE     (1u << 20)
#define MAP_VERSION 1u
#define KEY_MAX     65535u
#define KEY_PLAIN   480u /* longer ones are cut here; LMDB's limit is 511 */

struct log_map {
    struct env *env;
    char *what;
    struct disk disk;
    int lock_fd;          /* keeps other processes away */
    pthread_mutex_t lock; /* over everything: there is no lock file to tell who still reads a page */
};

struct stored_pair { /* then the key, then the value */
    uint16_t version;
    uint16_t key_len;
    uint32_t crc; /* of key and value */
};

/* ---- keys ---- */

struct map_key {
    uint8_t bytes[KEY_PLAIN + 8];
    size_t len;
};

static hp_status map_key(const struct log_map *m, const char *key, struct map_key *out, struct hp_error *err)
{
    size_t len = strlen(key);
    if (len == 0 || len > KEY_MAX) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "%.300s: a key of %zu bytes (1 to %u are allowed)", m->what, len,
                       KEY_MAX);
    }
    out->len = len <= KEY_PLAIN ? len : KEY_PLAIN;
    memcpy(out->bytes, key, out->len);
    if (len > KEY_PLAIN) {
        uint64_t hash = htobe64(id_hash(key, len));
        memcpy(out->bytes + KEY_PLAIN, &hash, sizeof hash);
        out->len += sizeof hash;
    }
    return HP_OK;
}

/* Takes a stored pair apart after checking it. */
static hp_status pair_open(const struct log_map *m, const MDB_val *v, struct hp_bytes *key, struct hp_bytes *value,
                           struct hp_error *err)
{
    const uint8_t *p = v->mv_data;
    struct stored_pair head;
    if (v->mv_size < sizeof head) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: an entry is cut short", m->what);
    }
    memcpy(&head, p, sizeof head);
    if (head.version != MAP_VERSION) {
        return hp_fail(err, HP_ERROR_CONFIG, "VERSION",
                       "%.300s: an entry has form %u, this version of Homeport knows form %u; "
                       "use a newer one",
                       m->what, head.version, MAP_VERSION);
    }
    if (v->mv_size - sizeof head < head.key_len || crc32c(0, p + sizeof head, v->mv_size - sizeof head) != head.crc) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT",
                       "%.300s: an entry has a wrong checksum: its bytes changed on disk", m->what);
    }
    *key = (struct hp_bytes){p + sizeof head, head.key_len};
    *value = (struct hp_bytes){p + sizeof head + head.key_len, v->mv_size - sizeof head - head.key_len};
    return HP_OK;
}

/* ---- opening ---- */

static bool is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    bool empty = true;
    for (struct dirent *e; d && (e = readdir(d));) {
        empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
    }
    if (d) {
        (void)closedir(d);
    }
    return empty;
}

static hp_status map_make(const char *dir, struct hp_error *err)
{
    char aside[MAKE_PATH_ROOM], parent[MAKE_PATH_ROOM];
    const char *slash = strrchr(dir, '/');
    if (!is_empty(dir)) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT",
                       "%.300s: its data file data.mdb is missing: put it back from a copy. Without one, remove the "
                       "folder; what it held is lost then",
                       dir);
    }
    (void)snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - dir) : 1, slash ? dir : ".");
    if (snprintf(aside, sizeof aside, "%s/.new-%s", parent, slash ? slash + 1 : dir) >= (int)sizeof aside) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "path of a folder is too long: %.300s", dir);
    }
    return make_env(&(struct make){.path = dir, .aside = aside, .flags = ENV_PLAIN, .map = MAP_SIZE, .what = dir}, err);
}

/* Every entry is looked at: a damaged page may as well hide some, and nobody would miss them by name. */
static hp_status map_check(struct log_map *m, MDB_txn *txn, MDB_cursor *cursor, struct hp_error *err)
{
    MDB_val k, v;
    MDB_stat stat;
    size_t n = 0;
    int rc = mdb_stat(txn, m->env->main, &stat);
    for (rc = rc ? rc : mdb_cursor_get(cursor, &k, &v, MDB_FIRST); rc == 0 && n <= stat.ms_entries;
         rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        struct hp_bytes key, value;
        if (pair_open(m, &v, &key, &value, err) != HP_OK) {
            return HP_ERROR;
        }
        n++;
    }
    if (rc && rc != MDB_NOTFOUND) {
        return env_fail(err, rc, m->what, "read");
    }
    return n == stat.ms_entries ? HP_OK
                                : hp_fail(err, HP_ERROR_FATAL, "CORRUPT",
                                          "%.300s: its data file is damaged: it has %zu entries that can be found, and "
                                          "says that they are %zu",
                                          m->what, n, stat.ms_entries);
}

static hp_status map_open(struct log_map *m, struct hp_error *err)
{
    char data[MAKE_PATH_ROOM], lock[MAKE_PATH_ROOM];
    MDB_cursor *cursor;
    MDB_txn *txn;
    hp_status status;
    int rc;
    if (snprintf(data, sizeof data, "%s/data.mdb", m->what) >= (int)sizeof data) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "path of a folder is too long: %.300s", m->what);
    }
    (void)snprintf(lock, sizeof lock, "%s/lock", m->what);
    if ((access(data, F_OK) != 0 && map_make(m->what, err) != HP_OK) || fs_lock(lock, &m->lock_fd, err) != HP_OK ||
        env_open(m->what, ENV_WRITE | ENV_PLAIN, MAP_SIZE, m->what, &m->env, err) != HP_OK) {
        return HP_ERROR;
    }
    rc = mdb_txn_begin(m->env->mdb, NULL, MDB_RDONLY, &txn);
    if (rc) {
        return env_fail(err, rc, m->what, "read");
    }
    rc = mdb_cursor_open(txn, m->env->main, &cursor);
    if (rc) {
        status = env_fail(err, rc, m->what, "read");
    } else {
        status = map_check(m, txn, cursor, err);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return status;
}

hp_status log_map_open(const char *dir, struct log_map **out, struct hp_error *err)
{
    struct log_map *m = calloc(1, sizeof *m);
    if (!m || !(m->what = strdup(dir))) {
        free(m);
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory");
    }
    m->lock_fd = -1;
    (void)pthread_mutex_init(&m->lock, NULL);
    if (map_open(m, err) != HP_OK) {
        log_map_close(m);
        return HP_ERROR;
    }
    disk_init(&m->disk, m->env, m->what, RESERVE);
    *out = m;
    return HP_OK;
}

void log_map_close(struct log_map *m)
{
    if (m) {
        env_close(m->env);
        if (m->lock_fd >= 0) {
            (void)close(m->lock_fd);
        }
        (void)pthread_mutex_destroy(&m->lock);
        free(m->what);
        free(m);
    }
}

/* ---- writing ---- */

static hp_status map_step(struct log_map *m, MDB_txn *txn, const struct log_map_op *op, struct hp_error *err)
{
    struct stored_pair head = {.version = MAP_VERSION};
    struct map_key key;
    MDB_val k, v = {0};
    uint8_t *to;
    int rc;
    if (map_key(m, op->key, &key, err) != HP_OK) {
        return HP_ERROR;
    }
    k = env_val(key.bytes, key.len);
    if (disk_need(&m->disk, op->data ? op->len : 0, 2, !op->data, err) != HP_OK) {
        return HP_ERROR;
    }
    if (!op->data) {
        rc = mdb_del(txn, m->env->main, &k, NULL);
        return rc == 0 || rc == MDB_NOTFOUND ? HP_OK : env_fail(err, rc, m->what, "delete");
    }
    head.key_len = (uint16_t)strlen(op->key);
    v.mv_size = sizeof head + head.key_len + op->len;
    rc = v.mv_size > UINT32_MAX ? MDB_BAD_VALSIZE : mdb_put(txn, m->env->main, &k, &v, MDB_RESERVE);
    if (rc) {
        return env_fail(err, rc, m->what, "store");
    }
    to = (uint8_t *)v.mv_data + sizeof head;
    memcpy(to, op->key, head.key_len);
    memcpy(to + head.key_len, op->data, op->len);
    head.crc = crc32c(0, to, head.key_len + op->len);
    memcpy(v.mv_data, &head, sizeof head);
    return HP_OK;
}

static hp_status map_apply(struct log_map *m, const struct log_map_op *ops, size_t n, struct hp_error *err)
{
    MDB_txn *txn;
    int rc;
    env_use(m->env);
    rc = mdb_txn_begin(m->env->mdb, NULL, 0, &txn);
    if (rc) {
        return env_fail(err, rc, m->what, "begin");
    }
    disk_begin(&m->disk);
    for (size_t i = 0; i < n; i++) {
        if (map_step(m, txn, &ops[i], err) != HP_OK) {
            mdb_txn_abort(txn);
            return HP_ERROR;
        }
    }
    return env_commit(txn, m->what, err);
}

hp_status log_map_apply(struct log_map *m, const struct log_map_op *ops, size_t n, struct hp_error *err)
{
    hp_status status;
    (void)pthread_mutex_lock(&m->lock);
    status = map_apply(m, ops, n, err);
    (void)pthread_mutex_unlock(&m->lock);
    return status;
}

hp_status log_map_put(struct log_map *m, const char *key, const void *data, size_t len, struct hp_error *err)
{
    struct log_map_op op = {key, data, len};
    return log_map_apply(m, &op, 1, err);
}

/* ---- reading ---- */

static hp_status map_get(struct log_map *m, MDB_txn *txn, const char *text, struct buf *out, struct hp_error *err)
{
    struct hp_bytes full = {0}, value = {0};
    struct map_key key;
    MDB_val k, v;
    int rc;
    if (map_key(m, text, &key, err) != HP_OK) {
        return HP_ERROR;
    }
    k = env_val(key.bytes, key.len);
    rc = mdb_get(txn, m->env->main, &k, &v);
    if (rc) {
        return rc == MDB_NOTFOUND ? HP_IDLE : env_fail(err, rc, m->what, "read");
    }
    if (pair_open(m, &v, &full, &value, err) != HP_OK) {
        return HP_ERROR;
    }
    if (full.len != strlen(text) || memcmp(full.data, text, full.len) != 0) {
        return HP_IDLE;
    }
    return buf_append(out, value.data, value.len)
               ? HP_OK
               : hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%.300s: no memory", m->what);
}

hp_status log_map_get(struct log_map *m, const char *key, struct buf *out, struct hp_error *err)
{
    MDB_txn *txn;
    hp_status status;
    int rc;
    (void)pthread_mutex_lock(&m->lock);
    rc = mdb_txn_begin(m->env->mdb, NULL, MDB_RDONLY, &txn);
    if (rc) {
        (void)pthread_mutex_unlock(&m->lock);
        return env_fail(err, rc, m->what, "read");
    }
    status = map_get(m, txn, key, out, err);
    mdb_txn_abort(txn);
    (void)pthread_mutex_unlock(&m->lock);
    return status;
}

static hp_status map_each(struct log_map *m, MDB_cursor *cursor, const char *prefix,
                          hp_status (*each)(void *, const char *, struct hp_bytes, struct hp_error *), void *arg,
                          struct hp_error *err)
{
    size_t len = strlen(prefix), plain = len < KEY_PLAIN ? len : KEY_PLAIN;
    MDB_val k = env_val(prefix, plain), v;
    hp_status status = HP_OK;
    int rc = mdb_cursor_get(cursor, &k, &v, plain ? MDB_SET_RANGE : MDB_FIRST);
    for (; rc == 0 && status == HP_OK; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        struct hp_bytes key = {0}, value = {0};
        if (k.mv_size < plain || memcmp(k.mv_data, prefix, plain) != 0) {
            break;
        }
        status = pair_open(m, &v, &key, &value, err);
        if (status == HP_OK && key.len >= len && memcmp(key.data, prefix, len) == 0) {
            char *text = strndup(key.data, key.len);
            status = text ? each(arg, text, value, err)
                          : hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%.300s: no memory", m->what);
            free(text);
        }
    }
    return rc == 0 || rc == MDB_NOTFOUND ? status : env_fail(err, rc, m->what, "read");
}

hp_status log_map_each(struct log_map *m, const char *prefix,
                       hp_status (*each)(void *arg, const char *key, struct hp_bytes value, struct hp_error *err),
                       void *arg, struct hp_error *err)
{
    MDB_cursor *cursor;
    MDB_txn *txn;
    hp_status status = HP_ERROR;
    int rc;
    (void)pthread_mutex_lock(&m->lock);
    rc = mdb_txn_begin(m->env->mdb, NULL, MDB_RDONLY, &txn);
    if (rc) {
        (void)pthread_mutex_unlock(&m->lock);
        return env_fail(err, rc, m->what, "read");
    }
    rc = mdb_cursor_open(txn, m->env->main, &cursor);
    if (rc) {
        (void)env_fail(err, rc, m->what, "read");
    } else {
        status = map_each(m, cursor, prefix, each, arg, err);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    (void)pthread_mutex_unlock(&m->lock);
    return status;
}
