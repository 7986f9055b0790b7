/*
 * lmdb_fetch.c: see lmdb_fetch.h. Small values are copied from the map. Large ones are read from the file instead, at
 * the place where the map has them: a reader that passes through gigabytes then neither faults every page in nor shows
 * the log as its own resident memory, and a bad disk block is an error instead of a signal.
 */
#include "lmdb_fetch.h"

#include "crc32c.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BY_FILE 16384u

static const char *read_file(int fd, uint8_t *to, uint64_t len, uint64_t from)
{
    while (len) {
        ssize_t n = pread(fd, to, len, (off_t)from);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? "the disk cannot read it" : "it goes beyond the end of the file";
        }
        to += n;
        from += (uint64_t)n;
        len -= (uint64_t)n;
    }
    return NULL;
}

const char *fetch_records(const struct env *env, const MDB_val *v, uint64_t len, uint32_t crc, struct region *memory,
                          uint64_t at, bool *out_retry)
{
    uint64_t head = v->mv_size - len, place;
    const uint8_t *value = v->mv_data;
    const char *wrong = NULL;
    if (!region_grow(memory, at + len, UINT64_MAX / 2)) {
        *out_retry = true;
        return "there is no memory for it";
    }
    if (v->mv_size >= BY_FILE && env_place(env, value, &place)) {
        wrong = read_file(env->fd, memory->base + at, len, place + head);
    } else if (len) {
        memcpy(memory->base + at, value + head, len);
    }
    if (wrong) {
        return wrong;
    }
    return crc32c(0, memory->base + at, len) == crc ? NULL : "its checksum is wrong: its bytes changed on disk";
}
