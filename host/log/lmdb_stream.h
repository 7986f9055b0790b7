/* lmdb_stream.h: the folder of streams: names, making, locking and removing them. Within host/log. [any] thread. */
#ifndef LOG_LMDB_STREAM_H
#define LOG_LMDB_STREAM_H

#include "lmdb_env.h"
#include "log.h"

#include <stdatomic.h>

#define STREAMS_TOLD 64u

struct log {
    char *dir;
    uint64_t max_record, reserve, map;
    uint32_t *wake;                      /* see log_word() */
    _Atomic uint64_t told[STREAMS_TOLD]; /* hashes of what log_streams() has warned about */
};

#define STREAM_PATH_MAX 4096
/* dir/<component of name> */
hp_status stream_path(const struct log *log, const char *name, char out[STREAM_PATH_MAX], struct hp_error *err);

/* Name and id as the file has them; refuses other forms of the file than this version knows. Caller frees both. */
hp_status stream_identity(struct env *env, const char *what, char **out_name, char **out_id, struct hp_error *err);

/* The writer's lock, on a stream that exists afterwards. */
hp_status stream_lock(struct log *log, const char *name, const char *path, int *out_fd, struct hp_error *err);

#endif
