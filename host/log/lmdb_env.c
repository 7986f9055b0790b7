/*
 * lmdb_env.c: see lmdb_env.h. LMDB must not open a file twice in one process (closing one would drop the other's
 * locks), so open environments are kept in a list and shared.
 */
#include "lmdb_env.h"

#include "log.h"
#include "logging.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_DEFAULT ((uint64_t)256 << 30)
#define READERS_MAX 1022u
#define LOCK_BYTES  (96 << 10) /* more than the lock file takes for that many */

#define CUT_SHORT ENODATA /* our own meaning of it */

static pthread_mutex_t envs_lock = PTHREAD_MUTEX_INITIALIZER;
static struct env *envs;
static uint64_t last_serial;

/* What this thread used last, copied: the environment may be gone when it is looked at. */
static _Thread_local struct {
    uint64_t serial;
    char what[200];
} in_use;

void env_use(const struct env *env)
{
    if (in_use.serial != env->serial) {
        in_use.serial = env->serial;
        memcpy(in_use.what, env->what, sizeof in_use.what);
    }
}

const char *log_in_use(void)
{
    return in_use.what;
}

static const struct {
    const char *name;
    unsigned flags;
} dbs[DB_COUNT] = {
    [DB_BATCHES] = {"batches", MDB_INTEGERKEY},
    [DB_CHUNKS] = {"chunks", 0},
    [DB_INDEX] = {"index", 0},
    [DB_SCHEMAS] = {"schemas", MDB_INTEGERKEY},
    [DB_TOPICS] = {"topics", MDB_INTEGERKEY},
    [DB_SPOOLS] = {"spools", MDB_INTEGERKEY},
};

/* What a return code means for the task that met it. */
static const struct {
    int rc;
    uint32_t klass;
    const char *code;
} meanings[] = {
    {ENOSPC, HP_ERROR_RETRY, "ENOSPC"},
    {EDQUOT, HP_ERROR_RETRY, "ENOSPC"},
    {EFBIG, HP_ERROR_RETRY, "ENOSPC"},
    {MDB_MAP_FULL, HP_ERROR_RETRY, "ENOSPC"},
    {ENOMEM, HP_ERROR_RETRY, "ENOMEM"},
    {EAGAIN, HP_ERROR_RETRY, ""},
    {EMFILE, HP_ERROR_RETRY, "EMFILE"},
    {ENFILE, HP_ERROR_RETRY, "EMFILE"},
    {MDB_READERS_FULL, HP_ERROR_RETRY, ""},
    {MDB_TXN_FULL, HP_ERROR_RETRY, ""},
    {EACCES, HP_ERROR_CONFIG, ""},
    {EROFS, HP_ERROR_RETRY, "EROFS"},
    {MDB_CORRUPTED, HP_ERROR_FATAL, "CORRUPT"},
    {MDB_PAGE_NOTFOUND, HP_ERROR_FATAL, "CORRUPT"},
    {MDB_INVALID, HP_ERROR_FATAL, "CORRUPT"},
    {MDB_NOTFOUND, HP_ERROR_FATAL, "CORRUPT"},
    {MDB_INCOMPATIBLE, HP_ERROR_FATAL, "CORRUPT"},
};

static _Noreturn void end_unknown(const char *what, int rc)
{
    log_error(
        "%s: commit failed: %s. What the system has kept of it is unknown, so this process ends here; the next one "
        "starts from the last good commit",
        what, mdb_strerror(rc));
    abort();
}

hp_status env_fail(struct hp_error *err, int rc, const char *what, const char *doing)
{
    uint32_t klass = HP_ERROR_FATAL;
    const char *code = "";
    if (rc == MDB_PANIC) { /* a commit before could not write the page that makes it valid */
        end_unknown(what, rc);
    }
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].rc == rc) {
            klass = meanings[i].klass;
            code = meanings[i].code;
        }
    }
    return hp_fail(err, klass, code, "%.300s: cannot %s: %s", what, doing, mdb_strerror(rc));
}

hp_status env_commit(MDB_txn *txn, const char *what, struct hp_error *err)
{
    int rc = mdb_txn_commit(txn);
    if (rc == 0) {
        return HP_OK;
    }
    /* These come from before anything was written for good; the transaction is gone and can be done again. */
    if (rc == ENOSPC || rc == EDQUOT || rc == EFBIG || rc == EROFS || rc == MDB_MAP_FULL || rc == ENOMEM ||
        rc == MDB_TXN_FULL || rc == MDB_BAD_TXN) {
        return env_fail(err, rc, what, "commit");
    }
    end_unknown(what, rc);
}

static void env_assert_failed(MDB_env *mdb, const char *message)
{
    (void)mdb;
    log_error("%s: its data file is damaged: %s", log_in_use(), message);
    abort();
}

/* ---- opening ---- */

static int open_dbs(struct env *env, unsigned flags)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env->mdb, NULL, flags & ENV_CREATE ? 0 : MDB_RDONLY, &txn);
    if (rc) {
        return rc;
    }
    rc = mdb_dbi_open(txn, NULL, 0, &env->main);
    for (unsigned i = 0; rc == 0 && !env->plain && i < DB_COUNT; i++) {
        rc = mdb_dbi_open(txn, dbs[i].name, dbs[i].flags | (flags & ENV_CREATE ? MDB_CREATE : 0), &env->db[i]);
    }
    if (rc) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

/* LMDB maps its lock file without having its blocks: on a full disk the first write there would be a SIGBUS. */
static int reserve_lock(const char *dir)
{
    char path[4096];
    int fd, rc = 0;
    if (snprintf(path, sizeof path, "%s/lock.mdb", dir) >= (int)sizeof path) {
        return ENAMETOOLONG;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno;
    }
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, LOCK_BYTES) != 0 && errno != EOPNOTSUPP) {
        rc = errno;
    }
    (void)close(fd);
    return rc;
}

/* Pages beyond the end of the file would be met as a signal. */
static int check_length(struct env *env)
{
    MDB_envinfo info;
    struct stat st;
    MDB_stat stat;
    int rc = mdb_env_get_fd(env->mdb, &env->fd);
    rc = rc ? rc : mdb_env_stat(env->mdb, &stat);
    rc = rc ? rc : mdb_env_info(env->mdb, &info); /* before looking at the length: a writer makes it longer first */
    if (rc || fstat(env->fd, &st) != 0) {
        return rc ? rc : errno;
    }
    env->page = stat.ms_psize;
    return (uint64_t)st.st_size / env->page > info.me_last_pgno ? 0 : CUT_SHORT;
}

static int open_mdb(struct env *env, const char *dir, unsigned flags, uint64_t map)
{
    int dead, rc = mdb_env_create(&env->mdb);
    if (rc) {
        env->mdb = NULL;
        return rc;
    }
    (void)mdb_env_set_assert(env->mdb, env_assert_failed);
    rc = mdb_env_set_mapsize(env->mdb, map ? map : MAP_DEFAULT);
    rc = rc ? rc : mdb_env_set_maxdbs(env->mdb, DB_COUNT);
    rc = rc ? rc : mdb_env_set_maxreaders(env->mdb, READERS_MAX);
    /* Only one process at a time uses a map (lmdb_map.c): it needs no lock file, which is another mapped one. */
    rc = rc || !(flags & ENV_WRITE) || flags & ENV_PLAIN ? rc : reserve_lock(dir);
    rc = rc ? rc
            : mdb_env_open(env->mdb, dir,
                           MDB_NOTLS | (flags & ENV_WRITE ? 0 : MDB_RDONLY) | (flags & ENV_PLAIN ? MDB_NOLOCK : 0),
                           0600);
    /* Readers that were killed keep their places, and there are READERS_MAX. */
    rc = rc ? rc : mdb_reader_check(env->mdb, &dead);
    rc = rc ? rc : check_length(env);
    return rc ? rc : open_dbs(env, flags);
}

/*
 * LMDB does not tell where it has mapped the file, but every page begins with its own number. Believed only if the file
 * has the same bytes there.
 */
static void find_base(struct env *env)
{
    uint8_t there[16];
    uint64_t number;
    MDB_txn *txn;
    MDB_val k = env_val("!stream", 7), v;
    if (mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn) != 0) {
        return;
    }
    if (mdb_get(txn, env->main, &k, &v) == 0) {
        const uint8_t *page = (const uint8_t *)v.mv_data - (uintptr_t)v.mv_data % env->page;
        memcpy(&number, page, sizeof number);
        if (number < (uint64_t)INT64_MAX / env->page && (uintptr_t)page > number * env->page &&
            pread(env->fd, there, sizeof there, (off_t)(number * env->page)) == (ssize_t)sizeof there &&
            memcmp(there, page, sizeof there) == 0) {
            env->base = page - number * env->page;
        }
    }
    mdb_txn_abort(txn);
}

bool env_place(const struct env *env, const void *data, uint64_t *out)
{
    *out = (uint64_t)((const uint8_t *)data - env->base);
    return env->base != NULL;
}

void env_forget(const struct env *env)
{
    MDB_envinfo info;
    if (env->base && mdb_env_info(env->mdb, &info) == 0) {
        (void)madvise((void *)(uintptr_t)env->base, ((uint64_t)info.me_last_pgno + 1) * env->page, MADV_DONTNEED);
    }
}

hp_status env_seal(struct env *env, const char *what, struct hp_error *err)
{
    MDB_envinfo info;
    struct stat st;
    int rc = mdb_env_info(env->mdb, &info);
    off_t length = (off_t)((info.me_last_pgno + 1) * env->page);
    if (rc == 0 && (fstat(env->fd, &st) != 0 || (st.st_size < length && ftruncate(env->fd, length) != 0))) {
        rc = errno;
    }
    if (rc) {
        return env_fail(err, rc, what, "make its data file");
    }
    rc = mdb_env_sync(env->mdb, 1);
    if (rc) {
        log_error("%s: sync of its new data file failed: %s", what, mdb_strerror(rc));
        abort(); /* rule E6 */
    }
    return HP_OK;
}

static struct env *find_open(const struct stat *st)
{
    for (struct env *e = envs; e; e = e->next) {
        if (e->dev == st->st_dev && e->ino == st->st_ino) {
            return e;
        }
    }
    return NULL;
}

/* LMDB knows only that a file is none of its own; its first page tells more: a header of 16 bytes, then a magic number
   and a version in the machine's order. */
static const char *foreign(const char *dir)
{
    const uint32_t magic = 0xBEEFC0DE;
    uint32_t there[2] = {0, 0};
    char path[4096];
    off_t size = 0;
    ssize_t n = -1;
    int fd;
    (void)snprintf(path, sizeof path, "%s/data.mdb", dir);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = pread(fd, there, sizeof there, 16);
        size = lseek(fd, 0, SEEK_END);
        (void)close(fd);
    }
    if (n < (ssize_t)sizeof there || (there[0] == magic && size < 2 * (off_t)sysconf(_SC_PAGESIZE))) {
        return "it is cut short";
    }
    if (there[0] == __builtin_bswap32(magic)) {
        return "it was written by a machine of the other byte order, and can be read only there";
    }
    return there[0] == magic ? "LMDB of another version wrote it, or its first pages are damaged"
                             : "it does not begin as LMDB writes it: it was overwritten, or is another program's";
}

static hp_status fail_open(int rc, const char *dir, const char *what, struct hp_error *err)
{
    if (rc == CUT_SHORT) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT",
                       "%.300s: its data file is cut short: pages that it refers to are missing at its end", what);
    }
    if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: its data file cannot be used: %s", what, foreign(dir));
    }
    return env_fail(err, rc, what, "open its data file");
}

static hp_status env_open_new(const char *dir, unsigned flags, uint64_t map, const char *what, struct env **out,
                              struct hp_error *err)
{
    struct env *env = calloc(1, sizeof *env);
    struct stat st;
    int rc;
    if (!env) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%.300s: no memory", what);
    }
    env->plain = flags & ENV_PLAIN;
    env->writable = flags & ENV_WRITE;
    env->refs = 1;
    env->serial = ++last_serial;
    (void)snprintf(env->what, sizeof env->what, "%s", what);
    env_use(env);
    rc = open_mdb(env, dir, flags, map);
    if (rc == 0 && fstat(env->fd, &st) != 0) {
        rc = errno;
    }
    if (rc) {
        if (env->mdb) {
            mdb_env_close(env->mdb);
        }
        free(env);
        return rc == ENOENT && !(flags & ENV_CREATE) ? HP_IDLE : fail_open(rc, dir, what, err);
    }
    env->dev = st.st_dev;
    env->ino = st.st_ino;
    if (!env->plain) {
        find_base(env);
    }
    env->next = envs;
    envs = env;
    *out = env;
    return HP_OK;
}

hp_status env_open(const char *dir, unsigned flags, uint64_t map, const char *what, struct env **out,
                   struct hp_error *err)
{
    char path[4096];
    struct stat st;
    struct env *env = NULL;
    hp_status status = HP_OK;
    if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "%.300s: path of its folder is too long", what);
    }
    (void)pthread_mutex_lock(&envs_lock);
    if (stat(path, &st) == 0) {
        env = find_open(&st);
        if (!env && st.st_size == 0 && !(flags & ENV_CREATE)) { /* LMDB would take it for new */
            status = hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: its data file is empty", what);
        }
    } else if (!(flags & ENV_CREATE)) {
        status = errno == ENOENT || errno == ENOTDIR ? HP_IDLE : env_fail(err, errno, what, "look at its data file");
    }
    if (env && (flags & ENV_WRITE) && !env->writable) {
        status = hp_fail(err, HP_ERROR_FATAL, "",
                         "%.300s: this process has it open for reading only; open for writing first", what);
    } else if (env) {
        env->refs++;
        env_use(env);
        *out = env;
    } else if (status == HP_OK) {
        status = env_open_new(dir, flags, map, what, out, err);
    }
    (void)pthread_mutex_unlock(&envs_lock);
    return status;
}

void env_close(struct env *env)
{
    if (!env) {
        return;
    }
    (void)pthread_mutex_lock(&envs_lock);
    if (--env->refs == 0) {
        struct env **at = &envs;
        while (*at != env) {
            at = &(*at)->next;
        }
        *at = env->next;
        mdb_env_close(env->mdb);
        free(env);
    }
    (void)pthread_mutex_unlock(&envs_lock);
}

hp_status env_main_get(struct env *env, MDB_txn *txn, const char *key, const char *what, MDB_val *out,
                       struct hp_error *err)
{
    MDB_val k = env_val(key, strlen(key));
    int rc = mdb_get(txn, env->main, &k, out);
    return rc == 0 ? HP_OK : rc == MDB_NOTFOUND ? HP_IDLE : env_fail(err, rc, what, "read");
}
