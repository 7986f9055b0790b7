/* fs.c: see fs.h. [any] thread. */
#include "fs.h"

#include "logging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static hp_status fs_fail(struct hp_error *err, const char *what, const char *path)
{
    int e = errno;
    return hp_fail(
        err, e == ENOSPC || e == EDQUOT || e == ENOMEM || e == EMFILE || e == EROFS ? HP_ERROR_RETRY : HP_ERROR_CONFIG,
        e == ENOSPC || e == EDQUOT ? "ENOSPC" : "", "cannot %s %.400s: %s", what, path, strerror(e));
}

hp_status fs_mkdirs(const char *path, struct hp_error *err)
{
    char *copy = strdup(path);
    hp_status status = HP_OK;
    struct stat st;
    if (!copy) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    for (char *p = copy + 1; *copy && status == HP_OK; p++) {
        if (*p == '/' || *p == '\0') {
            char c = *p;
            *p = '\0';
            if (mkdir(copy, 0700) != 0 && (errno != EEXIST || (c == '\0' && stat(copy, &st) != 0))) {
                status = fs_fail(err, "make folder", copy);
            }
            *p = c;
            if (c == '\0') {
                break;
            }
        }
    }
    if (status == HP_OK && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))) {
        status = hp_fail(err, HP_ERROR_CONFIG, "", "%.400s is not a folder", path);
    }
    free(copy);
    return status;
}

static hp_status fs_read_fd(int fd, const char *path, size_t max, struct buf *out, struct hp_error *err)
{
    size_t total = 0;
    for (;;) {
        char chunk[16384];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n == 0) {
            return HP_OK;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fs_fail(err, "read", path);
        }
        total += (size_t)n;
        if (total > max) {
            return hp_fail(err, HP_ERROR_CONFIG, "", "%.400s is larger than %zu bytes", path, max);
        }
        if (!buf_append(out, chunk, (size_t)n)) {
            return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory for the %zu bytes of %.400s", total, path);
        }
    }
}

hp_status fs_read(const char *path, size_t max, struct buf *out, struct hp_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    hp_status status;
    if (fd < 0) {
        return fs_fail(err, "open", path);
    }
    status = fs_read_fd(fd, path, max, out, err);
    (void)close(fd);
    return status;
}

hp_status fs_lock(const char *path, int *out_fd, struct hp_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    char pid[32] = "";
    ssize_t n;
    if (fd < 0) {
        return fs_fail(err, "open", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            hp_status status = fs_fail(err, "lock", path);
            (void)close(fd);
            return status;
        }
        n = pread(fd, pid, sizeof pid - 1, 0);
        pid[n > 0 ? n : 0] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
        (void)close(fd);
        return hp_fail(err, HP_ERROR_RETRY, "LOCKED", "%.400s is held by process %s; stop it first", path,
                       pid[0] ? pid : "(unknown)");
    }
    /* The pid only serves the message above: a full disk must not keep us from starting. */
    n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n) {
        log_warn("cannot write our pid into %s: %s", path, strerror(errno));
    }
    *out_fd = fd;
    return HP_OK;
}

/* FNV-1a, 64 bits. */
static uint64_t fs_hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text; text++) {
        h = (h ^ (uint8_t)*text) * 0x100000001b3u;
    }
    return h;
}

#define COMPONENT_MAX 200u /* leaves room for suffixes within the 255 bytes of a file name */

void fs_component(const char *name, char out[256])
{
    static const char hex[] = "0123456789ABCDEF";
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t n = 0;
    for (const char *p = name; *p; p++) {
        if (n > COMPONENT_MAX - 3) {
            (void)snprintf(out + COMPONENT_MAX - 20, 40, "~%016llx", (unsigned long long)fs_hash(name));
            return;
        }
        /* A leading dot is encoded too: no ".", "..", no hidden files. */
        if (strchr(plain, *p) && !(*p == '.' && n == 0)) {
            out[n++] = *p;
        } else {
            out[n++] = '%';
            out[n++] = hex[(uint8_t)*p >> 4];
            out[n++] = hex[(uint8_t)*p & 15];
        }
    }
    if (n == 0) {
        out[n++] = '%'; /* no other name gives a lone percent sign */
    }
    out[n] = '\0';
}
