/*
 * trust.c: ownership and modes of plugin files and of the folders that lead to them.
 *
 * Trusted owners are root, the user we run as, and the owners of our own program and of the folders above it: they
 * could have put other code into this process already. The same holds for those folders' modes. Everything else must
 * belong to a trusted owner and be writable by nobody else; a sticky folder such as /tmp is fine as an ancestor.
 * Used by find.c (supervisor and commands) and load.c (worker, probe). [any] thread.
 */
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is `st` our program or a folder above it, or (uid_only) does it belong to the owner of one of these? */
static bool of_program(const struct stat *st, bool uid_only)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    struct stat own;
    if (len <= 0) {
        return false;
    }
    path[len] = '\0';
    for (;;) {
        char *slash;
        if (stat(path, &own) == 0 &&
            (uid_only ? own.st_uid == st->st_uid : own.st_dev == st->st_dev && own.st_ino == st->st_ino)) {
            return true;
        }
        slash = strrchr(path, '/');
        if (!slash || path[1] == '\0') {
            return false;
        }
        slash[slash == path] = '\0';
    }
}

static const char *distrust(const struct stat *st, bool ancestor)
{
    if (of_program(st, false)) {
        return NULL;
    }
    if (st->st_uid != 0 && st->st_uid != geteuid() && !of_program(st, true)) {
        return "belongs to another user (chown it to root or to the user that runs homeport)";
    }
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !(ancestor && (st->st_mode & S_ISVTX))) {
        return "can be written by others (chmod go-w)";
    }
    return NULL;
}

hp_status trust_folder(const char *path, int *out_fd, struct hp_error *err)
{
    char real[PATH_MAX];
    struct stat st;
    const char *why;
    int fd;
    if (!realpath(path, real)) {
        return hp_fail(err, HP_ERROR_CONFIG, errno == ENOENT ? "ENOENT" : "", "folder %s: %s", path, strerror(errno));
    }
    fd = open(real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        hp_status failed = hp_fail(err, HP_ERROR_CONFIG, "", "folder %s: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return failed;
    }
    for (bool ancestor = false;; ancestor = true) {
        char *slash;
        why = distrust(&st, ancestor);
        if (why) {
            (void)close(fd);
            return hp_fail(err, HP_ERROR_CONFIG, "", "folder %s %s", real, why);
        }
        slash = strrchr(real, '/');
        if (!slash || real[1] == '\0') {
            break;
        }
        slash[slash == real] = '\0';
        if (stat(real, &st) != 0) {
            (void)close(fd);
            return hp_fail(err, HP_ERROR_CONFIG, "", "folder %s: %s", real, strerror(errno));
        }
    }
    *out_fd = fd;
    return HP_OK;
}

static bool read_fd(void *ctx, uint64_t at, void *to, size_t len)
{
    int fd = *(const int *)ctx;
    uint8_t *p = to;
    while (len) {
        ssize_t n = pread(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

static uint64_t identity_of(const struct stat *st)
{
    const uint64_t parts[] = {st->st_dev,
                              st->st_ino,
                              (uint64_t)st->st_size,
                              (uint64_t)st->st_mtim.tv_sec,
                              (uint64_t)st->st_mtim.tv_nsec,
                              (uint64_t)st->st_ctim.tv_sec,
                              (uint64_t)st->st_ctim.tv_nsec};
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < sizeof parts; i++) {
        hash = (hash ^ ((const uint8_t *)parts)[i]) * 1099511628211u;
    }
    return hash;
}

hp_status trust_file(int folder, const char *name, struct plugin_note *out_note, uint64_t *out_identity, int *out_fd,
                     struct hp_error *err)
{
    struct stat st;
    const char *why = NULL;
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return hp_fail(err, HP_ERROR_CONFIG, errno == ENOENT ? "ENOENT" : "", "%s",
                       errno == ELOOP ? "it is a symbolic link; put the file itself here" : strerror(errno));
    }
    if (fstat(fd, &st) != 0) {
        why = "cannot be read";
    } else if (!S_ISREG(st.st_mode)) {
        why = "is not a regular file";
    } else if (st.st_size > (off_t)PLUGIN_FILE_MAX) {
        why = "is larger than 1 GiB";
    } else {
        why = distrust(&st, false);
    }
    if (why) {
        (void)close(fd);
        return hp_fail(err, HP_ERROR_CONFIG, "", "it %s", why);
    }
    struct elf_bytes file = {read_fd, &fd, (uint64_t)st.st_size};
    if (elf_note_read(&file, out_note, err) != HP_OK) {
        (void)close(fd);
        return HP_ERROR;
    }
    if (out_identity) {
        *out_identity = identity_of(&st);
    }
    *out_fd = fd;
    return HP_OK;
}

hp_status trust_path(const char *path, struct plugin_note *out_note, uint64_t *out_identity, int *out_fd,
                     struct hp_error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 1;
    int dir;
    hp_status st;
    if (len >= sizeof folder) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "path of plugin file is too long");
    }
    memcpy(folder, slash ? path : ".", len);
    folder[len] = '\0';
    if (trust_folder(len ? folder : "/", &dir, err) != HP_OK) {
        return HP_ERROR;
    }
    st = trust_file(dir, slash ? slash + 1 : path, out_note, out_identity, out_fd, err);
    (void)close(dir);
    return st;
}

static bool copy_bytes(int from, int to, off_t size)
{
    off_t at = 0;
    while (at < size) {
        ssize_t n = sendfile(to, from, &at, (size_t)(size - at));
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
    }
    return true;
}

hp_status trust_copy(int fd, uint64_t identity, struct plugin_note *out_note, int *out_fd, struct hp_error *err)
{
    struct stat before, after;
    struct elf_bytes file = {read_fd, NULL, 0};
    int copy = memfd_create("homeport-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0) {
        *out_fd = fd;
        return HP_OK;
    }
    if (fstat(fd, &before) != 0 || !copy_bytes(fd, copy, before.st_size) || fstat(fd, &after) != 0 ||
        identity_of(&before) != identity || identity_of(&after) != identity) {
        (void)close(copy);
        return hp_fail(err, HP_ERROR_CONFIG, "", "it is being written");
    }
    (void)fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    file.ctx = &copy;
    file.size = (uint64_t)before.st_size;
    if (elf_note_read(&file, out_note, err) != HP_OK) {
        (void)close(copy);
        return HP_ERROR;
    }
    *out_fd = copy;
    return HP_OK;
}
