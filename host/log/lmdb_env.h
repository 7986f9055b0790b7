/*
 * lmdb_env.h: opening environments, once per process and file (LMDB's rule), and what its return codes mean here.
 * Within host/log; only lmdb_*.c include it. [any] thread.
 */
#ifndef LOG_LMDB_ENV_H
#define LOG_LMDB_ENV_H

#include <homeport/homeport.h>

#include <lmdb.h>
#include <stdbool.h>
#include <sys/types.h>

enum env_db { DB_BATCHES, DB_CHUNKS, DB_INDEX, DB_SCHEMAS, DB_TOPICS, DB_SPOOLS, DB_COUNT };

struct env {
    MDB_env *mdb;
    MDB_dbi main;
    MDB_dbi db[DB_COUNT];
    int fd;              /* of the data file: LMDB's own */
    uint64_t page;       /* size */
    const uint8_t *base; /* where the file is mapped; NULL if that could not be found out */
    bool writable;
    bool plain; /* only the main database: a map */
    uint64_t serial;
    char what[200]; /* for a crash report */
    dev_t dev;
    ino_t ino;
    unsigned refs;
    struct env *next;
};

#define ENV_WRITE  1u /* else read-only */
#define ENV_CREATE 2u /* make file and databases */
#define ENV_PLAIN  4u /* main database only */

/* dir holds data.mdb. `what` names it in errors ("stream orders"). HP_IDLE: there is none (without ENV_CREATE). */
hp_status env_open(const char *dir, unsigned flags, uint64_t map, const char *what, struct env **out,
                   struct hp_error *err);
void env_close(struct env *env); /* may be NULL */

/* Fill *err from a return code of LMDB's (not 0) and return HP_ERROR. */
hp_status env_fail(struct hp_error *err, int rc, const char *what, const char *doing);
/* This thread is about to use it: should the process crash over a damaged page, its last words name the file. */
void env_use(const struct env *env);
/* After making: the file is as long as its pages say (see lmdb_disk.h), and on disk. */
hp_status env_seal(struct env *env, const char *what, struct hp_error *err);
/* End of a write transaction, durable. A failed sync ends the process (rule E6). */
hp_status env_commit(MDB_txn *txn, const char *what, struct hp_error *err);

/* The value of a key in main; a missing one gives HP_IDLE. */
hp_status env_main_get(struct env *env, MDB_txn *txn, const char *key, const char *what, MDB_val *out,
                       struct hp_error *err);

/* Where a committed value begins in the file. False: not known. */
bool env_place(const struct env *env, const void *data, uint64_t *out);
/* Take the mapped pages off this process's resident memory; they stay in the system's cache. */
void env_forget(const struct env *env);

static inline MDB_val env_val(const void *data, size_t len)
{
    MDB_val v = {len, (void *)(uintptr_t)data};
    return v;
}

#endif
