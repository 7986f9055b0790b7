/* wake.c: see wake.h. The page is written in full when the file is made, so that a full disk is met here and not by a
   signal when the word moves. */
#include "wake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAKE_SIZE 4096

static hp_status wake_map(int fd, const char *path, bool writable, uint32_t **out, struct hp_error *err)
{
    static const uint8_t zeros[WAKE_SIZE];
    struct stat st;
    void *map;
    if (fstat(fd, &st) == 0 && st.st_size < WAKE_SIZE && writable &&
        pwrite(fd, zeros + st.st_size, (size_t)(WAKE_SIZE - st.st_size), st.st_size) != WAKE_SIZE - st.st_size) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOSPC", "cannot write %.400s: %s", path,
                       strerror(errno ? errno : ENOSPC));
    }
    if (fstat(fd, &st) != 0 || st.st_size < WAKE_SIZE) {
        return hp_fail(err, HP_ERROR_RETRY, "", "%.400s is too short; a writer of the stream makes it whole", path);
    }
    map = mmap(NULL, WAKE_SIZE, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return hp_fail(err, HP_ERROR_RETRY, "", "cannot map %.400s: %s", path, strerror(errno));
    }
    *out = map;
    return HP_OK;
}

hp_status wake_open(const char *dir, const char *name, bool writable, uint32_t **out, struct hp_error *err)
{
    char path[4096];
    hp_status status;
    int fd;
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "path too long: %.400s/%s", dir, name);
    }
    fd = open(path, (writable ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return hp_fail(err, HP_ERROR_RETRY, "", "cannot open %.400s: %s", path, strerror(errno));
    }
    status = wake_map(fd, path, writable, out, err);
    (void)close(fd);
    return status;
}

void wake_close(uint32_t *word)
{
    if (word) {
        (void)munmap(word, WAKE_SIZE);
    }
}
