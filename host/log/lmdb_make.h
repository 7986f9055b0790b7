/*
 * lmdb_make.h: an environment's folder comes and goes as a whole: it is made aside and renamed into place, and renamed
 * away before it is removed. So a folder without a data file, or with an empty one, was damaged, and is never taken for
 * one that is new. Within host/log; the caller sees to it that nobody else makes the same.
 */
#ifndef LOG_LMDB_MAKE_H
#define LOG_LMDB_MAKE_H

#include "lmdb_env.h"

#define MAKE_PATH_ROOM 4352u /* of a folder's path, and of a file's in it */

/* Make `path` with a new environment in it, which `fill` may write into (NULL: nothing to write) while it stands at
   `aside`, a folder of the same parent. Durable. */
struct make {
    const char *path, *aside;
    unsigned flags; /* ENV_PLAIN or 0 */
    uint64_t map;
    const char *what;
    hp_status (*fill)(const struct make *m, struct env *env, struct hp_error *err);
};
hp_status make_env(const struct make *m, struct hp_error *err);

hp_status make_sync(const char *folder, struct hp_error *err); /* its entries, durable; a failed sync is the end (E6) */
void make_remove(const char *folder);                          /* and the files that we put there */

#endif
