/* lmdb_load.c: see lmdb_load.h. */
#include "lmdb_load.h"

#include "lmdb_format.h"
#include "lmdb_marker.h"

hp_status schema_load(struct schema_pool *pool, const MDB_val *v, uint32_t id, const char *what, struct hp_error *err)
{
    const size_t head = sizeof(struct stored_sum);
    struct hp_error inner = {.size = sizeof inner};
    if (!stored_good(v, head, NULL, 0)) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT",
                       "%.300s: schema %u has a wrong checksum: its bytes changed on disk", what, id);
    }
    if (schema_decode(pool, (const uint8_t *)v->mv_data + head, v->mv_size - head, &inner) != HP_OK) {
        return hp_fail(err, inner.klass, inner.code, "%.300s: schema %u: %.500s", what, id, inner.message);
    }
    return schema_pool_n_schemas(pool) == id + 1
               ? HP_OK
               : hp_fail(err, HP_ERROR_FATAL, "CORRUPT", "%.300s: schema %u stands there twice", what, id);
}

hp_status position_load(struct env *env, MDB_txn *txn, const char *what, struct buf *out, struct hp_error *err)
{
    const size_t head = sizeof(struct stored_sum);
    MDB_val v;
    hp_status status = env_main_get(env, txn, "!position", what, &v, err);
    if (status != HP_OK) {
        return status == HP_IDLE ? HP_OK : status;
    }
    if (!stored_good(&v, head, NULL, 0)) {
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT",
                       "%.300s: its source position has a wrong checksum: its bytes changed on disk", what);
    }
    return buf_append(out, (const uint8_t *)v.mv_data + head, v.mv_size - head)
               ? HP_OK
               : hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "%.300s: no memory for its position", what);
}
