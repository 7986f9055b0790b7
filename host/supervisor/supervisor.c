/* supervisor.c: see supervisor.h: the list of connectors, start-up, the second's tick, and the end. */
#include "clock.h"
#include "fs.h"
#include "inner.h"
#include "logging.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICK_MS         1000
#define STARTS_PER_TURN 4u /* REST is served in between */
#define SEEN_EVERY_MS   10000
#define SEEN_PER_TICK   4u
#define CLOSE_POLL_MS   10

/* ---- the list ---- */

struct connector *supervisor_any(const struct supervisor *s, const char *name)
{
    struct connector *c = s->connectors;
    while (c && strcmp(c->name, name) != 0) {
        c = c->next;
    }
    return c;
}

struct connector *supervisor_live(const struct supervisor *s, const char *name)
{
    struct connector *c = supervisor_any(s, name);
    return c && !c->deleted ? c : NULL;
}

const struct connector *supervisor_find(const struct supervisor *s, const char *name)
{
    return supervisor_live(s, name);
}

const struct connector *supervisor_next(const struct supervisor *s, const struct connector *c)
{
    for (c = c ? c->next : s->connectors; c && c->deleted; c = c->next) {
    }
    return c;
}

struct connector *supervisor_add(struct supervisor *s, const char *name)
{
    struct connector *c = connector_create(s, name);
    json_t *seen;
    if (!c) {
        return NULL;
    }
    c->next = s->connectors;
    s->connectors = c;
    seen = store_seen(s->store, name);
    seen_load(&c->seen, seen);
    json_decref(seen);
    connector_show_log(c);
    return c;
}

static void reap(void *arg)
{
    struct supervisor *s = arg;
    for (struct connector **at = &s->connectors; *at;) {
        struct connector *c = *at;
        if (c->deleted && c->phase == PHASE_OFF && c->pid == 0) {
            *at = c->next;
            s->coverage_stale = true; /* nobody may point at it any more */
            for (struct connector *other = s->connectors; other; other = other->next) {
                other->n_covers = 0;
            }
            connector_destroy(c);
        } else {
            at = &c->next;
        }
    }
}

void supervisor_queue_reap(struct supervisor *s)
{
    (void)loop_timer_set(s->loop, &s->reap, 0);
}

static void start_some(void *arg)
{
    struct supervisor *s = arg;
    unsigned started = 0;
    for (struct connector *c = s->connectors; c; c = c->next) {
        if (c->phase != PHASE_QUEUED) {
            continue;
        }
        if (started++ == STARTS_PER_TURN) {
            supervisor_queue_starts(s);
            return;
        }
        connector_start_queued(c);
    }
}

void supervisor_queue_starts(struct supervisor *s)
{
    if (s->starts.slot == 0) {
        (void)loop_timer_set(s->loop, &s->starts, 0);
    }
}

/* ---- each second ---- */

void supervisor_save_seen(struct connector *c)
{
    struct hp_error err = {.size = sizeof err};
    json_t *seen;
    if (!c->seen.dirty || !(seen = seen_json(&c->seen))) {
        return;
    }
    if (store_apply(c->sup->store, &(struct store_change){.name = c->name, .seen = seen}, &err) == HP_OK) {
        c->seen.dirty = false;
    } else {
        log_warn("%s: its offsets could not be noted: %s", c->who, err.message);
    }
    c->seen_saved_ms = clock_mono_ms();
    json_decref(seen);
}

static void save_some(struct supervisor *s, int64_t now)
{
    unsigned saved = 0;
    for (struct connector *c = s->connectors; c && saved < SEEN_PER_TICK; c = c->next) {
        if (c->seen.dirty && now - c->seen_saved_ms >= SEEN_EVERY_MS) {
            supervisor_save_seen(c);
            saved++;
        }
    }
}

static void tick(void *arg)
{
    struct supervisor *s = arg;
    int64_t now = clock_mono_ms();
    /* When we ourselves were stopped for a while, what the workers said is still unread: they are not to blame. */
    bool was_away = now - s->ticked_ms > 3 * TICK_MS;
    for (struct connector *c = s->connectors; c; c = c->next) {
        if (was_away) {
            c->alive_ms = now;
        }
        connector_check_alive(c, now);
    }
    floor_update(s);
    save_some(s, now);
    s->ticked_ms = now;
    (void)loop_timer_set(s->loop, &s->tick, TICK_MS);
}

/* ---- the end ---- */

static void close_poll(void *arg)
{
    struct supervisor *s = arg;
    bool any = catalog_busy(s->catalog);
    bool late = clock_mono_ms() - s->close_ms > s->grace_ms + 2000;
    for (struct connector *c = s->connectors; c; c = c->next) {
        any = any || c->pid;
        if (c->pid && late) {
            process_kill(c->pid, SIGKILL);
        }
    }
    if (any) {
        (void)loop_timer_set(s->loop, &s->tick, CLOSE_POLL_MS);
    } else {
        loop_stop(s->loop);
    }
}

void supervisor_close(struct supervisor *s)
{
    if (s->closing) {
        s->close_ms = INT64_MIN / 2; /* asked twice: no more patience */
        return;
    }
    s->closing = true;
    s->close_ms = clock_mono_ms();
    loop_timer_clear(s->loop, &s->starts);
    catalog_close(s->catalog);
    for (struct connector *c = s->connectors; c; c = c->next) {
        connector_event(c, EVENT_LEAVE);
    }
    s->tick.due = close_poll;
    (void)loop_timer_set(s->loop, &s->tick, 0);
}

void supervisor_destroy(struct supervisor *s)
{
    loop_timer_clear(s->loop, &s->tick);
    loop_timer_clear(s->loop, &s->starts);
    loop_timer_clear(s->loop, &s->reap);
    while (s->connectors) {
        struct connector *c = s->connectors;
        s->connectors = c->next;
        loop_timer_clear(s->loop, &c->timer);
        connector_destroy(c);
    }
    if (s->catalog) {
        catalog_destroy(s->catalog);
    }
    if (s->store) {
        store_close(s->store);
    }
    if (s->lock >= 0) {
        (void)close(s->lock);
    }
    free(s);
}

/* ---- the beginning ---- */

static hp_status take_up(void *arg, const char *name, struct props *config, enum target target, const json_t *seen,
                         struct hp_error *err)
{
    struct supervisor *s = arg;
    struct connector *c = supervisor_add(s, name);
    const char *klass;
    const struct plugin_file *file;
    bool ambiguous;
    (void)seen;
    if (!c) {
        props_finish(config);
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    c->config = *config;
    c->revision = ++s->revisions;
    c->target = target;
    klass = props_get(&c->config, "connector.class");
    file = klass ? catalog_find(s->catalog, klass, &ambiguous) : NULL;
    if (file) {
        (void)connector_set_text(&c->kind, file->kind);
        (void)connector_set_text(&c->version, file->version);
    }
    return HP_OK;
}

/* Is there something of a connector in this folder of data.dir? */
static bool holds_data(const char *dir, const char *name)
{
    char *path;
    bool found = false;
    DIR *d;
    if (asprintf(&path, "%s/%s", dir, name) < 0) {
        return false;
    }
    d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        found = found || e->d_name[0] != '.';
    }
    if (d) {
        (void)closedir(d);
    }
    free(path);
    return found;
}

/* A folder of configurations that is gone must not come back empty beside the data of their connectors. */
static hp_status check_state(const char *dir, const char *state, struct hp_error *err)
{
    if (access(state, F_OK) == 0 || (!holds_data(dir, "streams") && !holds_data(dir, "sinks"))) {
        return HP_OK;
    }
    return hp_fail(
        err, HP_ERROR_FATAL, "CORRUPT",
        "%.400s is missing, with the configurations of the connectors whose data stands beside it: put it back "
        "from a copy. Without one, move streams and sinks away to begin with nothing",
        state);
}

/* What lies in it is readable for us only, but whoever may write the folder may put something else there. */
static void warn_of_others(const char *dir)
{
    struct stat st;
    if (stat(dir, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH))) {
        log_warn("data.dir %s can be written by others (mode %03o), who could replace configurations and the log: "
                 "chmod go-w it",
                 dir, (unsigned)(st.st_mode & 0777));
    }
}

static hp_status open_data(struct supervisor *s, struct hp_error *err)
{
    const char *dir = settings_text(s->settings, "data.dir");
    char *lock = NULL, *state = NULL, *streams = NULL;
    hp_status status = fs_mkdirs(dir, err);
    if (asprintf(&lock, "%s/lock", dir) < 0 || asprintf(&state, "%s/state", dir) < 0 ||
        asprintf(&streams, "%s/streams", dir) < 0) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    if (status == HP_OK) {
        warn_of_others(dir);
        status = fs_lock(lock, &s->lock, err);
    }
    if (status == HP_OK) {
        status = check_state(dir, state, err);
    }
    if (status == HP_OK) {
        status = fs_mkdirs(streams, err);
    }
    if (status == HP_OK) {
        status = store_open(state, &s->store, err);
    }
    free(lock);
    free(state);
    free(streams);
    return status;
}

hp_status supervisor_create(struct loop *loop, const struct props *settings, struct supervisor **out,
                            struct hp_error *err)
{
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    s->loop = loop;
    s->settings = settings;
    s->lock = -1;
    s->hang_ms = settings_long(settings, "worker.hang.timeout.ms");
    s->grace_ms = settings_long(settings, "task.shutdown.graceful.timeout.ms");
    s->memory_max = settings_long(settings, "worker.memory.max.bytes");
    s->restart_max = (unsigned)settings_long(settings, "worker.restart.max");
    s->coverage_stale = true;
    s->ticked_ms = clock_mono_ms();
    s->tick = (struct loop_timer){tick, s, 0, 0};
    s->starts = (struct loop_timer){start_some, s, 0, 0};
    s->reap = (struct loop_timer){reap, s, 0, 0};
    if (open_data(s, err) != HP_OK ||
        catalog_create(loop, settings_text(settings, "plugin.path"), &s->catalog, err) != HP_OK ||
        store_each(s->store, take_up, s, err) != HP_OK) {
        supervisor_destroy(s);
        return HP_ERROR;
    }
    for (struct connector *c = s->connectors; c; c = c->next) {
        if (c->target != TARGET_STOPPED) {
            connector_event(c, EVENT_WANT);
        }
    }
    (void)loop_timer_set(loop, &s->tick, TICK_MS);
    *out = s;
    return HP_OK;
}

/* ---- what others ask ---- */

const struct props *supervisor_settings(const struct supervisor *s)
{
    return s->settings;
}

const char *supervisor_cluster_id(const struct supervisor *s)
{
    return store_cluster_id(s->store);
}

void supervisor_set_worker_id(struct supervisor *s, const char *host_port)
{
    (void)snprintf(s->worker_id, sizeof s->worker_id, "%s", host_port);
}

const char *supervisor_worker_id(const struct supervisor *s)
{
    return s->worker_id;
}

struct catalog *supervisor_catalog(struct supervisor *s)
{
    return s->catalog;
}

struct loop *supervisor_loop(struct supervisor *s)
{
    return s->loop;
}

bool supervisor_closing(const struct supervisor *s)
{
    return s->closing;
}
