/*
 * lmdb_disk.c: see lmdb_disk.h. A copy-on-write tree takes new pages at the end of the file when no freed ones fit, so
 * a transaction's need is bounded by the pages of its values plus the paths to them, and all of it may be at the end.
 */
#include "lmdb_disk.h"

#include "logging.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE 4096u
#define PUT_PAGES 4u   /* copied or split by one put, beside the value's own */
#define PATH_PAGES 16u /* upper parts of the trees, which all puts of a step share */
#define STEP (1u << 20)
#define SPARE_MAX (4u << 20)
#define TXN_PAGES 64u  /* free list, main tree, totals, position */

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* True if the file's space is ours up to `end` afterwards. */
static bool disk_extend(struct disk *d, uint64_t end)
{
    while (end > d->allocated && !d->unsupported) {
        if (fallocate(d->env->fd, FALLOC_FL_KEEP_SIZE, (off_t)d->allocated, (off_t)(end - d->allocated)) == 0) {
            d->allocated = end;
        } else if (errno == EOPNOTSUPP || errno == ENOSYS) {
            d->unsupported = true;
            log_warn("%s: this file system cannot allocate space ahead; a full disk may end the process", d->what);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

void disk_init(struct disk *d, struct env *env, const char *what, uint64_t reserve)
{
    *d = (struct disk){.env = env, .what = what, .reserve = reserve, .spare = min_u64(reserve / 4, SPARE_MAX)};
    disk_begin(d);
    /* What an earlier run left allocated is found again this way, also on a disk that is full by now. */
    for (uint64_t ahead = reserve; ahead >= PAGE && !disk_extend(d, d->base + ahead); ahead /= 2) {
    }
}

void disk_begin(struct disk *d)
{
    MDB_envinfo info;
    (void)mdb_env_info(d->env->mdb, &info);
    d->base = ((uint64_t)info.me_last_pgno + 1) * PAGE;
    d->need = TXN_PAGES * PAGE;
    d->allocated = d->allocated < d->base ? d->base : d->allocated;
}

hp_status disk_need(struct disk *d, uint64_t bytes, uint64_t puts, bool urgent, struct hp_error *err)
{
    uint64_t need = d->need + (bytes / PAGE + 2 + PATH_PAGES + puts * PUT_PAGES) * PAGE;
    uint64_t end = d->base + need + (urgent ? 0 : d->spare);
    uint64_t ahead = (d->base + need + d->reserve + STEP - 1) / STEP * STEP;
    d->need = need;
    if (end <= d->allocated || d->unsupported) {
        return HP_OK;
    }
    if (disk_extend(d, ahead) || disk_extend(d, end)) {
        return HP_OK;
    }
    return env_fail(err, errno, d->what, "allocate disk space; free some, or let retention delete more");
}

uint64_t disk_taken(const struct env *env)
{
    struct stat st;
    return fstat(env->fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}
