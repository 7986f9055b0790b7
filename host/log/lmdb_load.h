/* lmdb_load.h: what both writers and readers load from a stream besides records. Within host/log. */
#ifndef LOG_LMDB_LOAD_H
#define LOG_LMDB_LOAD_H

#include "lmdb_env.h"
#include "schema_pool.h"

/* Interns a stored schema, which must get exactly this id. */
hp_status schema_load(struct schema_pool *pool, const MDB_val *v, uint32_t id, const char *what, struct hp_error *err);
/* Appends the source's position; nothing if none is stored. */
hp_status position_load(struct env *env, MDB_txn *txn, const char *what, struct buf *out, struct hp_error *err);

#endif
