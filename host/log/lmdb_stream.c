/*
 * lmdb_stream.c: see lmdb_stream.h. Making and removing of streams are serialised by a lock on the folder.
 */
#include "lmdb_stream.h"

#include "clock.h"
#include "fs.h"
#include "futex.h"
#include "lmdb_format.h"
#include "lmdb_make.h"
#include "lmdb_marker.h"
#include "logging.h"
#include "wake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 4096u

hp_status log_open(const struct log_config *config, struct log **out, struct hp_error *err)
{
    struct hp_error ignored = {.size = sizeof ignored};
    struct log *log;
    if (fs_mkdirs(config->dir, err) != HP_OK) {
        return HP_ERROR;
    }
    log = calloc(1, sizeof *log);
    if (!log || !(log->dir = strdup(config->dir))) {
        log_close(log);
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory for the log");
    }
    log->max_record = config->max_record;
    log->reserve = config->reserve;
    log->map = config->map;
    if (!(config->read_only && wake_open(log->dir, ".wake", false, &log->wake, &ignored) == HP_OK) &&
        wake_open(log->dir, ".wake", true, &log->wake, err) != HP_OK) {
        log_close(log);
        return HP_ERROR;
    }
    *out = log;
    return HP_OK;
}

void log_close(struct log *log)
{
    if (log) {
        wake_close(log->wake);
        free(log->dir);
        free(log);
    }
}

uint32_t *log_word(struct log *log)
{
    return log->wake;
}

hp_status stream_path(const struct log *log, const char *name, char out[STREAM_PATH_MAX], struct hp_error *err)
{
    char component[256];
    if (!*name || strlen(name) > NAME_MAX_BYTES) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "a stream's name has 1 to %u bytes", NAME_MAX_BYTES);
    }
    fs_component(name, component);
    if (snprintf(out, STREAM_PATH_MAX, "%s/%s", log->dir, component) >= STREAM_PATH_MAX) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "path of the log is too long: %.400s", log->dir);
    }
    return HP_OK;
}

hp_status stream_identity(struct env *env, const char *what, char **out_name, char **out_id, struct hp_error *err)
{
    struct stored_stream s;
    hp_status status = HP_ERROR;
    MDB_txn *txn;
    MDB_val v;
    int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);
    if (rc) {
        return env_fail(err, rc, what, "read");
    }
    if (env_main_get(env, txn, "!stream", what, &v, err) != HP_OK || v.mv_size < sizeof s.sum) {
        (void)hp_fail(err, HP_ERROR_FATAL, "CORRUPT",
                      "%.300s: its data file does not say what it is: it is no stream's, or damaged", what);
    } else {
        memset(&s, 0, sizeof s);
        memcpy(&s, v.mv_data, v.mv_size < sizeof s ? v.mv_size : sizeof s);
        if (s.sum.magic != STREAM_MAGIC || !stored_good(&v, sizeof s.sum, NULL, 0)) {
            (void)hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: the head of its data file is damaged", what);
        } else if (s.version != STREAM_VERSION) {
            (void)hp_fail(err, HP_ERROR_CONFIG, "VERSION",
                          "%.300s: its data file has the %s form %u, this version of Homeport knows form %u; use the "
                          "version that wrote it",
                          what, s.version < STREAM_VERSION ? "older" : "newer", s.version, STREAM_VERSION);
        } else if (v.mv_size != sizeof s + (uint64_t)s.name_len + s.id_len) {
            (void)hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: damaged head of its data file", what);
        } else {
            const char *text = (const char *)v.mv_data + sizeof s;
            char *name = strndup(text, s.name_len), *id = strndup(text + s.name_len, s.id_len);
            status = name && id ? HP_OK : hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%.300s: no memory", what);
            if (status == HP_OK) {
                *out_name = name;
                *out_id = id;
            } else {
                free(name);
                free(id);
            }
        }
    }
    mdb_txn_abort(txn);
    return status;
}

/* ---- making ---- */

static hp_status stream_write_identity(struct env *env, const char *name, const char *what, struct hp_error *err)
{
    struct stored_stream s = {.sum = {.magic = STREAM_MAGIC},
                              .version = STREAM_VERSION,
                              .name_len = (uint32_t)strlen(name),
                              .created_us = clock_wall_us()};
    struct stored_totals totals = {.next_spool = 1};
    MDB_val k = env_val("!stream", 7), v = {0}, tk = env_val("!totals", 7), tv = env_val(&totals, sizeof totals);
    char id[NAME_MAX_BYTES + 32];
    uint32_t random;
    MDB_txn *txn;
    int rc;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        return hp_fail(err, HP_ERROR_RETRY, "", "no random numbers: %s", strerror(errno));
    }
    s.id_len = (uint32_t)snprintf(id, sizeof id, "%s/%08x", name, random);
    v.mv_size = sizeof s + s.name_len + s.id_len;
    rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);
    if (rc) {
        return env_fail(err, rc, what, "begin");
    }
    rc = mdb_put(txn, env->main, &k, &v, MDB_RESERVE);
    if (rc == 0) {
        memcpy(v.mv_data, &s, sizeof s);
        memcpy((uint8_t *)v.mv_data + sizeof s, name, s.name_len);
        memcpy((uint8_t *)v.mv_data + sizeof s + s.name_len, id, s.id_len);
        stored_seal(v.mv_data, v.mv_size, NULL, 0);
        stored_seal(&totals, sizeof totals, NULL, 0);
        rc = mdb_put(txn, env->main, &tk, &tv, 0);
    }
    if (rc) {
        mdb_txn_abort(txn);
        return env_fail(err, rc, what, "write");
    }
    return env_commit(txn, what, err);
}

/* What a new stream has from the start. */
static hp_status stream_fill(const struct make *m, struct env *env, struct hp_error *err)
{
    uint32_t *wake = NULL;
    hp_status status = stream_write_identity(env, m->what, m->what, err);
    status = status == HP_OK ? wake_open(m->aside, "wake", true, &wake, err) : status;
    wake_close(wake);
    return status;
}

/* Removes what an interrupted making or deleting left. Under the folder's lock. */
static void sweep(const struct log *log)
{
    DIR *dir = opendir(log->dir);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (strcmp(e->d_name, ".new") == 0 || strncmp(e->d_name, ".deleted-", 9) == 0) {
            char path[STREAM_PATH_MAX];
            (void)snprintf(path, sizeof path, "%s/%s", log->dir, e->d_name);
            make_remove(path);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
}

static hp_status folder_lock(const struct log *log, int *out_fd, struct hp_error *err)
{
    char path[STREAM_PATH_MAX];
    int fd;
    (void)snprintf(path, sizeof path, "%s/.lock", log->dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        hp_status status = hp_fail(err, HP_ERROR_RETRY, "", "cannot lock %.400s: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    *out_fd = fd;
    return HP_OK;
}

static hp_status stream_make(struct log *log, const char *name, const char *path, struct hp_error *err)
{
    char aside[STREAM_PATH_MAX];
    struct stat st;
    hp_status status = HP_OK;
    int lock;
    if (folder_lock(log, &lock, err) != HP_OK) {
        return HP_ERROR;
    }
    if (stat(path, &st) != 0) {
        sweep(log);
        (void)snprintf(aside, sizeof aside, "%s/.new", log->dir);
        status = make_env(
            &(struct make){.path = path, .aside = aside, .map = log->map, .what = name, .fill = stream_fill}, err);
        if (status == HP_OK) {
            futex_bump(log->wake);
        }
    }
    (void)close(lock);
    return status;
}

/* ---- locking and removing ---- */

hp_status stream_lock(struct log *log, const char *name, const char *path, int *out_fd, struct hp_error *err)
{
    char file[STREAM_PATH_MAX + 16];
    (void)snprintf(file, sizeof file, "%s/lock", path);
    for (;;) {
        struct stat ours, there;
        int fd;
        if (stat(path, &there) != 0 && stream_make(log, name, path, err) != HP_OK) {
            return HP_ERROR;
        }
        if (fs_lock(file, &fd, err) != HP_OK) {
            if (stat(path, &there) == 0) {
                return HP_ERROR;
            }
            continue; /* it was removed under our hands */
        }
        if (fstat(fd, &ours) == 0 && stat(file, &there) == 0 && ours.st_ino == there.st_ino &&
            ours.st_dev == there.st_dev) {
            *out_fd = fd;
            return HP_OK;
        }
        (void)close(fd);
    }
}

static void wake_readers(const char *path)
{
    struct hp_error ignored = {.size = sizeof ignored};
    uint32_t *wake;
    if (wake_open(path, "wake", true, &wake, &ignored) == HP_OK) {
        futex_bump(wake);
        wake_close(wake);
    }
}

hp_status log_stream_delete(struct log *log, const char *name, struct hp_error *err)
{
    char path[STREAM_PATH_MAX], away[STREAM_PATH_MAX];
    struct stat st;
    hp_status status = HP_OK;
    int lock, held;
    if (stream_path(log, name, path, err) != HP_OK) {
        return HP_ERROR;
    }
    if (stat(path, &st) != 0) {
        return HP_OK;
    }
    if (stream_lock(log, name, path, &held, err) != HP_OK) {
        return HP_ERROR;
    }
    if (folder_lock(log, &lock, err) != HP_OK) {
        (void)close(held);
        return HP_ERROR;
    }
    (void)snprintf(away, sizeof away, "%s/.deleted-%lx", log->dir, (unsigned long)st.st_ino);
    if (rename(path, away) != 0) {
        status = hp_fail(err, HP_ERROR_RETRY, "", "cannot rename %.400s: %s", path, strerror(errno));
    } else {
        status = make_sync(log->dir, err);
        wake_readers(away);
        futex_bump(log->wake);
        make_remove(away);
        log_info("stream %s was deleted", name);
    }
    (void)close(lock);
    (void)close(held);
    return status;
}
