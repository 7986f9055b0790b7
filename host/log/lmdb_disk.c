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
#include <unistd.h>

#define PUT_PAGES 3u /* copied or split by one put, beside the value's own */
#define FREE_DBI  0u
#define STEP      (1u << 20)
#define SPARE_MIN (1u << 20)
#define SPARE_MAX (4u << 20)
#define TXN_PAGES 128u /* free list, main tree, totals, position, upper parts of all trees */

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

/* LMDB leaves a page unwritten that one transaction both took and gave back, also at the end of the file: the length
   must not tell that from a file that was cut. False: errno says why. */
static bool disk_lengthen(struct disk *d, uint64_t end)
{
    struct stat st;
    if (end <= d->length) {
        return true;
    }
    if (fstat(d->env->fd, &st) != 0) {
        return false;
    }
    d->length = (uint64_t)st.st_size;
    end = end < d->allocated ? d->allocated : end;
    if (end > d->length) {
        if (ftruncate(d->env->fd, (off_t)end) != 0) {
            return false;
        }
        d->length = end;
    }
    return true;
}

void disk_init(struct disk *d, struct env *env, const char *what, uint64_t reserve)
{
    uint64_t spare = reserve / 4;
    spare = spare < SPARE_MIN ? SPARE_MIN : spare > SPARE_MAX ? SPARE_MAX : spare;
    *d = (struct disk){.env = env, .what = what, .reserve = reserve < 2 * spare ? 2 * spare : reserve, .spare = spare};
    disk_begin(d);
    /* What an earlier run left allocated is found again this way, also on a disk that is full by now. */
    for (uint64_t ahead = d->reserve; ahead >= STEP / 4 && !disk_extend(d, d->base + ahead); ahead /= 2) {
    }
}

/* Freed pages in the file, some of which a reader may still hold. */
static uint64_t free_pages(const struct disk *d)
{
    uint64_t total = 0, n;
    MDB_cursor *cursor;
    MDB_txn *txn;
    MDB_val k, v;
    if (mdb_txn_begin(d->env->mdb, NULL, MDB_RDONLY, &txn) != 0) {
        return 0;
    }
    if (mdb_cursor_open(txn, FREE_DBI, &cursor) == 0) {
        while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0 && v.mv_size >= sizeof n) {
            memcpy(&n, v.mv_data, sizeof n); /* each value begins with the number of pages it lists */
            total += n;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return total;
}

void disk_begin(struct disk *d)
{
    MDB_envinfo info;
    (void)mdb_env_info(d->env->mdb, &info);
    d->base = ((uint64_t)info.me_last_pgno + 1) * d->env->page;
    d->need = TXN_PAGES * d->env->page;
    d->allocated = d->allocated < d->base ? d->base : d->allocated;
}

hp_status disk_need(struct disk *d, uint64_t bytes, uint64_t puts, bool urgent, struct hp_error *err)
{
    uint64_t page = d->env->page;
    uint64_t need = d->need + (bytes / page + 2 + puts * PUT_PAGES) * page;
    uint64_t end = d->base + need + (urgent ? 0 : d->spare);
    uint64_t ahead = (d->base + need + d->reserve + STEP - 1) / STEP * STEP;
    int rc;
    d->need = need;
    if (end <= d->allocated || d->unsupported || disk_extend(d, ahead) || disk_extend(d, end)) {
        if (disk_lengthen(d, d->base + need)) {
            return HP_OK;
        }
        rc = errno;
    } else {
        rc = errno;
        /* Freed pages may do instead. If they do not, writing pages beyond the file's end fails before anything is
           synced. */
        if (free_pages(d) * page >= 2 * need) {
            (void)disk_lengthen(d, d->base + need); /* takes no space */
            return HP_OK;
        }
    }
    return env_fail(err, rc, d->what, "allocate disk space; free some, or let retention delete more");
}

uint64_t disk_taken(const struct env *env)
{
    struct stat st;
    return fstat(env->fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}
