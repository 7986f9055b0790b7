/* lmdb_fetch.h: copying records out of the map, checked. Within host/log. One thread per region. */
#ifndef LOG_LMDB_FETCH_H
#define LOG_LMDB_FETCH_H

#include "lmdb_env.h"
#include "region.h"

/*
 * Copies the last `len` bytes of a stored value (its records) to `at` in the region, which grows. crc: of them. NULL,
 * or what is wrong; *out_retry: it is only memory that is short.
 */
const char *fetch_records(const struct env *env, const MDB_val *v, uint64_t len, uint32_t crc, struct region *memory,
                          uint64_t at, bool *out_retry);

#endif
