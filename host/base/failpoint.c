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

/* Leaves the proof; false if it was there already. The file is synced: it must outlive what follows. */
static bool fire_once(const char *name)
{
    char component[256], path[sizeof once_dir + 260];
    int fd;
    if (!once_dir[0]) {
        return true;
    }
    fs_component(name, component);
    (void)snprintf(path, sizeof path, "%s/%s", once_dir, component);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        if (errno != EEXIST) {
            log_error("fail point %s: cannot leave %s: %s", name, path, strerror(errno));
        }
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
        hit = atomic_fetch_add(&p->hits, 1) + 1;
        /* A pause goes on firing; kill and error happen at one hit only. */
        if ((p->action == ACTION_PAUSE ? hit >= p->from : hit == p->from) && fire_once(name)) {
            fail = fire(p) || fail;
        }
    }
    return fail;
}
