/*
 * lmdb_disk.h: disk space allocated ahead of a writer's need, so that a commit cannot meet a full disk; and the file's
 * length, which is never less than a commit refers to, so that one that was cut is known by it (env_open()). One owner.
 */
#ifndef LOG_LMDB_DISK_H
#define LOG_LMDB_DISK_H

#include "lmdb_env.h"

struct disk {
    struct env *env;
    const char *what;   /* for messages: borrowed */
    uint64_t reserve;   /* kept ahead */
    uint64_t spare;     /* of it only for trimming and positions: how a full log gets out again */
    uint64_t allocated; /* the file's space is ours up to here */
    uint64_t length;    /* the file is at least this long */
    uint64_t base;      /* end of the pages in use when this transaction began */
    uint64_t need;      /* what it may take at most beyond that */
    bool unsupported;   /* the file system cannot allocate ahead */
};

void disk_init(struct disk *d, struct env *env, const char *what, uint64_t reserve);
/* At the begin of each write transaction. */
void disk_begin(struct disk *d);
/* Before storing `bytes` more with so many puts or deletes: RETRY "ENOSPC" if there is no room for certain. `urgent`:
   may use the spare. */
hp_status disk_need(struct disk *d, uint64_t bytes, uint64_t puts, bool urgent, struct hp_error *err);
uint64_t disk_taken(const struct env *env); /* by the file, now */

#endif
