/* lmdb_make.c: see lmdb_make.h. */
#include "lmdb_make.h"

#include "fs.h"
#include "logging.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void make_remove(const char *folder)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "wake", "lock"};
    char file[MAKE_PATH_ROOM];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(file, sizeof file, "%s/%s", folder, files[i]);
        (void)unlink(file);
    }
    if (rmdir(folder) != 0 && errno != ENOENT) {
        log_warn("cannot remove %s: %s", folder, strerror(errno));
    }
}

hp_status make_sync(const char *folder, struct hp_error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return hp_fail(err, HP_ERROR_RETRY, "", "cannot open folder %.400s: %s", folder, strerror(errno));
    }
    if (fsync(fd) != 0 && errno != EINVAL) {
        log_error("fsync of folder %s failed: %s", folder, strerror(errno));
        abort();
    }
    (void)close(fd);
    return HP_OK;
}

static hp_status make_aside(const struct make *m, struct hp_error *err)
{
    struct env *env = NULL;
    hp_status status = fs_mkdirs(m->aside, err);
    status =
        status == HP_OK ? env_open(m->aside, ENV_WRITE | ENV_CREATE | m->flags, m->map, m->what, &env, err) : status;
    status = status == HP_OK && m->fill ? m->fill(m, env, err) : status;
    status = status == HP_OK ? env_seal(env, m->what, err) : status;
    env_close(env);
    return status == HP_OK ? make_sync(m->aside, err) : status;
}

hp_status make_env(const struct make *m, struct hp_error *err)
{
    char parent[MAKE_PATH_ROOM];
    hp_status status;
    make_remove(m->aside);
    status = make_aside(m, err);
    if (status == HP_OK && rename(m->aside, m->path) != 0) {
        status =
            hp_fail(err, HP_ERROR_RETRY, "", "cannot rename %.400s to %.400s: %s", m->aside, m->path, strerror(errno));
    }
    if (status != HP_OK) {
        make_remove(m->aside);
        return status;
    }
    (void)snprintf(parent, sizeof parent, "%s", m->path);
    return make_sync(dirname(parent), err);
}
