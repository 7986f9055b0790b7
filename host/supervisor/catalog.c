/*
 * catalog.c: see catalog.h. Questions to probes stand in one line; a few run at a time, so that a flood of requests
 * cannot start a flood of processes.
 */
#include "catalog.h"

#include "ask.h"
#include "clock.h"
#include "json.h"
#include "logging.h"

#include <stdlib.h>
#include <string.h>

#define PROBES_AT_ONCE 3u
#define KEPT_MAX       64u
#define LIST_FRESH_MS  1000

struct question {
    struct catalog *catalog;
    struct question *next;
    char *request;
    struct ask *ask;   /* running */
    const char *whom;  /* is asked */
    uint64_t identity; /* describe: to keep the answer by; 0: do not keep */
    char *name;
    catalog_fn done;
    void *arg;
};

struct kept { /* one answer to describe */
    uint64_t identity;
    char *name;
    json_t *keys;
};

struct catalog {
    struct loop *loop;
    char *path;
    struct plugin_list list;
    int64_t listed_ms;
    struct question *line, **line_end, *running;
    unsigned n_running;
    struct kept kept[KEPT_MAX];
    size_t next_kept;
};

hp_status catalog_create(struct loop *loop, const char *plugin_path, struct catalog **out, struct hp_error *err)
{
    struct catalog *c = calloc(1, sizeof *c);
    if (!c || !(c->path = strdup(plugin_path))) {
        free(c);
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    c->loop = loop;
    c->line_end = &c->line;
    (void)catalog_list(c); /* tells at the start what is not offered */
    *out = c;
    return HP_OK;
}

static void answer(struct question *q, json_t *json, const struct hp_error *err)
{
    q->done(q->arg, json, err);
    free(q->request);
    free(q->name);
    free(q);
}

void catalog_close(struct catalog *c)
{
    struct hp_error err = {.size = sizeof err};
    (void)hp_fail(&err, HP_ERROR_RETRY, "", "the host ends");
    while (c->line) {
        struct question *q = c->line;
        c->line = q->next;
        answer(q, NULL, &err);
    }
    c->line_end = &c->line;
    for (struct question *q = c->running; q; q = q->next) {
        ask_abandon(q->ask);
    }
}

bool catalog_busy(const struct catalog *c)
{
    return c->n_running > 0;
}

void catalog_destroy(struct catalog *c)
{
    catalog_close(c);
    for (size_t i = 0; i < KEPT_MAX; i++) {
        free(c->kept[i].name);
        json_decref(c->kept[i].keys);
    }
    plugin_list_finish(&c->list);
    free(c->path);
    free(c);
}

const char *catalog_path(const struct catalog *c)
{
    return c->path;
}

/* ---- the list ---- */

/* Was this refused for the same reason when the folders were looked at before? Then it has been told. */
static bool told(const struct plugin_list *before, const struct plugin_file *file)
{
    for (size_t i = 0; i < before->n; i++) {
        const struct plugin_file *f = &before->files[i];
        if (f->refused && strcmp(f->path, file->path) == 0 && strcmp(f->refused, file->refused) == 0) {
            return true;
        }
    }
    return false;
}

const struct plugin_list *catalog_list(struct catalog *c)
{
    struct hp_error err = {.size = sizeof err};
    struct plugin_list fresh = {0};
    if (plugin_list_scan(c->path, &fresh, &err) != HP_OK) {
        log_warn("the plugin folders cannot be read: %s", err.message);
        return &c->list;
    }
    for (size_t i = 0; i < fresh.n; i++) {
        if (fresh.files[i].refused && !told(&c->list, &fresh.files[i])) {
            log_warn("plugin.path: %s is not offered: %s", fresh.files[i].path, fresh.files[i].refused);
        }
    }
    plugin_list_finish(&c->list);
    c->list = fresh;
    c->listed_ms = clock_mono_ms();
    return &c->list;
}

const struct plugin_file *catalog_find(struct catalog *c, const char *name, bool *ambiguous)
{
    bool fresh = clock_mono_ms() - c->listed_ms < LIST_FRESH_MS;
    const struct plugin_file *file = fresh ? plugin_list_find(&c->list, name, ambiguous) : NULL;
    return file ? file : plugin_list_find(catalog_list(c), name, ambiguous);
}

/* ---- questions ---- */

static void start_next(struct catalog *c);

static void keep(struct catalog *c, const struct question *q, json_t *keys)
{
    struct kept *k = &c->kept[c->next_kept];
    char *name = strdup(q->name);
    if (name) {
        free(k->name);
        json_decref(k->keys);
        *k = (struct kept){q->identity, name, json_incref(keys)};
        c->next_kept = (c->next_kept + 1) % KEPT_MAX;
    }
}

static void answered(void *arg, json_t *json, const struct hp_error *err)
{
    struct question *q = arg;
    struct catalog *c = q->catalog;
    for (struct question **at = &c->running; *at; at = &(*at)->next) {
        if (*at == q) {
            *at = q->next;
            break;
        }
    }
    c->n_running--;
    if (json && q->identity && json_is_array(json_object_get(json, "keys"))) {
        keep(c, q, json_object_get(json, "keys"));
    }
    answer(q, json, err);
    start_next(c);
}

static void start_next(struct catalog *c)
{
    while (c->line && c->n_running < PROBES_AT_ONCE) {
        struct hp_error err = {.size = sizeof err};
        struct question *q = c->line;
        c->line = q->next;
        if (!c->line) {
            c->line_end = &c->line;
        }
        if (ask_start(c->loop, q->request, q->whom, answered, q, &q->ask, &err) != HP_OK) {
            answer(q, NULL, &err);
            continue;
        }
        q->next = c->running;
        c->running = q;
        c->n_running++;
    }
}

/* Takes request over (NULL: there was no memory for it). */
static void put_question(struct catalog *c, json_t *request, const char *whom, uint64_t identity, const char *name,
                         catalog_fn done, void *arg)
{
    struct hp_error err = {.size = sizeof err};
    struct question *q = calloc(1, sizeof *q);
    char *text = request ? json_text(request) : NULL, *copy = strdup(name);
    json_decref(request);
    if (!q || !text || !copy) {
        free(q);
        free(text);
        free(copy);
        (void)hp_fail(&err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
        done(arg, NULL, &err);
        return;
    }
    *q = (struct question){c, NULL, text, NULL, whom, identity, copy, done, arg};
    *c->line_end = q;
    c->line_end = &q->next;
    start_next(c);
}

void catalog_describe(struct catalog *c, const struct plugin_file *file, const char *name, catalog_fn done, void *arg)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (c->kept[i].keys && c->kept[i].identity == file->identity && strcmp(c->kept[i].name, name) == 0) {
            json_t *json = json_pack("{s:O}", "keys", c->kept[i].keys);
            done(arg, json, NULL);
            json_decref(json);
            return;
        }
    }
    put_question(c, json_pack("{s:s, s:s, s:s}", "do", "describe", "plugin", file->path, "class", name), "the plugin",
                 file->identity, name, done, arg);
}

void catalog_validate(struct catalog *c, const char *klass, const json_t *config, catalog_fn done, void *arg)
{
    put_question(c,
                 json_pack("{s:s, s:s, s:s, s:O}", "do", "validate", "class", klass, "plugin_path", c->path, "config",
                           (json_t *)(uintptr_t)config),
                 "the plugin", 0, klass, done, arg);
}

void catalog_position(struct catalog *c, const char *streams, const char *stream, catalog_fn done, void *arg)
{
    put_question(c, json_pack("{s:s, s:s, s:s}", "do", "position", "streams", streams, "stream", stream), "its stream",
                 0, stream, done, arg);
}
