/*
 * failpoint.c: see failpoint.h. The list is read once and then only its counters change (atomically), so points may
 * be hit from any thread. A text that cannot be understood ends the process: a test with a typing error must not pass.
 */
#include "failpoint.h"

#include "fs.h"
#include "logging.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum action { ACTION_KILL, ACTION_ERROR, ACTION_PAUSE };

struct point {
    char name[64];
    enum action action;
    unsigned pause_ms;
    unsigned from; /* first hit that counts */
    atomic_uint hits;
};

#define POINTS_MAX 64u
static struct point points[POINTS_MAX];
static unsigned n_points;
static char once_dir[3072];
bool failpoints_armed;

static void bad_text(const char *item)
{
    log_error("HOMEPORT_FAILPOINTS: cannot understand \"%s\"; it is name=kill|error|pause:MS, with an optional @N",
              item);
    exit(2);
}

static unsigned number(const char *text, char **end, const char *item)
{
    unsigned long v;
    if (*text < '0' || *text > '9') {
        bad_text(item);
    }
    errno = 0;
    v = strtoul(text, end, 10);
    if (errno || v > 86400000) {
        bad_text(item);
    }
    return (unsigned)v;
}

static void parse_point(char *item)
{
    struct point *p = &points[n_points];
    char *eq = strchr(item, '=');
    char *rest;
    if (!eq || eq == item || (size_t)(eq - item) >= sizeof p->name || n_points == POINTS_MAX) {
        bad_text(item);
        return;
    }
    memcpy(p->name, item, (size_t)(eq - item));
    rest = eq + 1;
    if (strncmp(rest, "kill", 4) == 0) {
        p->action = ACTION_KILL;
        rest += 4;
    } else if (strncmp(rest, "error", 5) == 0) {
        p->action = ACTION_ERROR;
        rest += 5;
    } else if (strncmp(rest, "pause:", 6) == 0) {
        p->action = ACTION_PAUSE;
        p->pause_ms = number(rest + 6, &rest, item);
    } else {
        bad_text(item);
    }
    p->from = 1;
    if (*rest == '@') {
        p->from = number(rest + 1, &rest, item);
    }
    if (*rest) {
        bad_text(item);
    }
    n_points++;
}

void failpoints_init(void)
{
    const char *text = getenv("HOMEPORT_FAILPOINTS");
    const char *once = getenv("HOMEPORT_FAILPOINTS_ONCE");
    char *copy, *save = NULL;
    if (!text || !*text || failpoints_armed) {
        return;
    }
    if (once && snprintf(once_dir, sizeof once_dir, "%s", once) >= (int)sizeof once_dir) {
        bad_text("HOMEPORT_FAILPOINTS_ONCE");
    }
    copy = strdup(text);
    if (!copy) {
        abort();
    }
    for (char *item = strtok_r(copy, ";", &save); item; item = strtok_r(NULL, ";", &save)) {
        parse_point(item);
    }
    free(copy);
    failpoints_armed = n_points > 0;
}

/* Opens a file of this point in the folder; -1 if it cannot, which is logged unless it is there already. */
static int open_in_folder(const char *name, const char *suffix, int flags)
{
    char component[256], path[sizeof once_dir + 270];
    int fd;
    fs_component(name, component);
    (void)snprintf(path, sizeof path, "%s/%s%s", once_dir, component, suffix);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    if (fd < 0 && errno != EEXIST) {
        log_error("fail point %s: cannot leave %s: %s", name, path, strerror(errno));
    }
    return fd;
}

/* Which hit this is, of all processes that share the folder: their file grows by a byte each. */
static unsigned shared_hit(const char *name)
{
    struct stat st = {0};
    int fd = open_in_folder(name, ".hits", O_APPEND);
    if (fd >= 0) {
        if (write(fd, "", 1) != 1 || fstat(fd, &st) != 0) {
            log_error("fail point %s: cannot count its hits: %s", name, strerror(errno));
        }
        (void)close(fd);
    }
    return (unsigned)st.st_size;
}

/* Leaves the proof; false if it was there already. The file is synced: it must outlive what follows. */
static bool fire_once(const char *name)
{
    int fd;
    if (!once_dir[0]) {
        return true;
    }
    fd = open_in_folder(name, "", O_EXCL);
    if (fd < 0) {
        return false;
    }
    (void)fsync(fd);
    (void)close(fd);
    return true;
}

static bool fire(struct point *p)
{
    struct timespec ts = {(time_t)(p->pause_ms / 1000), (long)(p->pause_ms % 1000) * 1000000};
    switch (p->action) {
    case ACTION_KILL:
        (void)kill(getpid(), SIGKILL);
        for (;;) {
            (void)pause();
        }
    case ACTION_ERROR:
        return true;
    case ACTION_PAUSE:
        (void)nanosleep(&ts, NULL);
        break;
    }
    return false;
}

bool failpoint_hit(const char *name)
{
    bool fail = false;
    for (unsigned i = 0; i < n_points; i++) {
        struct point *p = &points[i];
        unsigned hit;
        if (strcmp(p->name, name) != 0) {
            continue;
        }
        hit = once_dir[0] ? shared_hit(name) : atomic_fetch_add(&p->hits, 1) + 1;
        /* A pause goes on firing; kill and error happen at one hit only. Two processes may count one hit each and both
           see the second: with a folder it is the proof that keeps them to one. */
        if ((p->action == ACTION_PAUSE || once_dir[0] ? hit >= p->from : hit == p->from) && fire_once(name)) {
            fail = fire(p) || fail;
        }
    }
    return fail;
}
