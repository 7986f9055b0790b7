/* store.c: see store.h. Called from the loop's thread. */
#include "store.h"

#include "failpoint.h"
#include "json.h"
#include "log.h"
#include "logging.h"
#include "process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define EPOCH_BLOCK 1000u /* numbers reserved by one write */
#define KEY_MAX     512u

struct store {
    struct log_map *map;
    uint64_t epoch, epoch_end; /* next one, and the end of what is reserved */
    char cluster[23];
};

static hp_status read_text(struct store *s, const char *key, char *out, size_t room, struct hp_error *err)
{
    struct buf value;
    buf_init(&value, 1u << 20);
    hp_status status = log_map_get(s->map, key, &value, err);
    if (status == HP_OK) {
        (void)snprintf(out, room, "%.*s", (int)value.len, value.data ? (char *)value.data : "");
    }
    buf_finish(&value);
    return status;
}

/* 22 characters, like Kafka's cluster ids. */
static void random_id(char out[23])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[22];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        log_error("no random numbers to be had");
        abort();
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[i] = letters[bytes[i] & 63];
    }
    out[22] = '\0';
}

static hp_status first_use(struct store *s, struct hp_error *err)
{
    random_id(s->cluster);
    const struct log_map_op ops[] = {{"format", "1", 1}, {"cluster", s->cluster, strlen(s->cluster)}};
    return log_map_apply(s->map, ops, 2, err);
}

static hp_status load(struct store *s, const char *dir, struct hp_error *err)
{
    char text[32] = "";
    hp_status status = read_text(s, "format", text, sizeof text, err);
    if (status == HP_IDLE) {
        return first_use(s, err);
    }
    if (status == HP_OK && strcmp(text, "1") != 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "%.400s is of format %s; this version reads format 1", dir, text);
    }
    if (status == HP_OK) {
        status = read_text(s, "cluster", s->cluster, sizeof s->cluster, err);
    }
    text[0] = '\0';
    if (status == HP_OK) {
        status = read_text(s, "epoch", text, sizeof text, err);
    }
    s->epoch = s->epoch_end = strtoull(text, NULL, 10);
    return status == HP_IDLE ? HP_OK : status;
}

static void try_map(void *arg)
{
    struct hp_error ignored = {.size = sizeof ignored};
    struct log_map *map;
    if (log_map_open(arg, &map, &ignored) == HP_OK) {
        log_map_close(map);
    }
}

hp_status store_open(const char *dir, struct store **out, struct hp_error *err)
{
    struct store *s = calloc(1, sizeof *s);
    char why[96];
    if (!s) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    /* Whoever follows a damaged page may crash, which says nothing to anybody: let a child read all of it first. */
    if (!process_survives(try_map, (void *)(uintptr_t)dir, why, sizeof why)) {
        free(s);
        return hp_fail(err, HP_ERROR_FATAL, "CORRUPT",
                       "%.400s: its data file is damaged: a process that read it was %s. Put it back from a copy", dir,
                       why);
    }
    if (log_map_open(dir, &s->map, err) != HP_OK) {
        free(s);
        return HP_ERROR;
    }
    if (load(s, dir, err) != HP_OK) {
        store_close(s);
        return HP_ERROR;
    }
    *out = s;
    return HP_OK;
}

void store_close(struct store *s)
{
    log_map_close(s->map);
    free(s);
}

const char *store_cluster_id(const struct store *s)
{
    return s->cluster;
}

/* ---- reading ---- */

static json_t *read_json(struct store *s, const char *prefix, const char *name, struct hp_error *err)
{
    char key[KEY_MAX];
    struct buf value;
    json_t *json = NULL;
    buf_init(&value, 64u << 20);
    (void)snprintf(key, sizeof key, "%s%s", prefix, name);
    if (log_map_get(s->map, key, &value, err) == HP_OK) {
        json = json_parse((char *)value.data, value.len, err);
    }
    buf_finish(&value);
    return json;
}

json_t *store_seen(struct store *s, const char *name)
{
    return read_json(s, "seen/", name, NULL);
}

struct names {
    char **v;
    size_t n, cap;
};

static hp_status collect(void *arg, const char *key, struct hp_bytes value, struct hp_error *err)
{
    struct names *names = arg;
    (void)value;
    if (names->n == names->cap) {
        size_t cap = names->cap ? names->cap * 2 : 64;
        char **v = realloc(names->v, cap * sizeof *v);
        if (!v) {
            return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
        }
        names->v = v;
        names->cap = cap;
    }
    names->v[names->n] = strdup(key + strlen("config/"));
    return names->v[names->n++] ? HP_OK : hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
}

static hp_status give(struct store *s, const char *name, store_each_fn each, void *arg, struct hp_error *err)
{
    struct hp_error why = {.size = sizeof why};
    char key[KEY_MAX], text[16] = "";
    enum target target;
    struct props config;
    json_t *json = read_json(s, "config/", name, &why), *seen;
    hp_status status;
    props_init(&config);
    if (!json || json_to_props(json, &config, &why) != HP_OK) {
        json_decref(json);
        props_finish(&config);
        return hp_fail(err, HP_ERROR_FATAL, "", "the stored configuration of connector %s cannot be read: %.500s", name,
                       why.message);
    }
    json_decref(json);
    (void)snprintf(key, sizeof key, "target/%s", name);
    if (read_text(s, key, text, sizeof text, &why) != HP_OK || !target_parse(text, &target)) {
        props_finish(&config);
        return hp_fail(err, HP_ERROR_FATAL, "", "the stored target state of connector %s cannot be read", name);
    }
    seen = store_seen(s, name);
    status = each(arg, name, &config, target, seen, err);
    json_decref(seen);
    return status;
}

hp_status store_each(struct store *s, store_each_fn each, void *arg, struct hp_error *err)
{
    struct names names = {0};
    hp_status status = log_map_each(s->map, "config/", collect, &names, err);
    for (size_t i = 0; i < names.n; i++) {
        if (status == HP_OK) {
            status = give(s, names.v[i], each, arg, err);
        }
        free(names.v[i]);
    }
    free(names.v);
    return status;
}

/* ---- writing ---- */

static hp_status apply(struct store *s, const struct log_map_op *ops, size_t n, struct hp_error *err)
{
    if (failpoint("conf.write")) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOSPC", "no room in the data folder (fail point)");
    }
    hp_status status = log_map_apply(s->map, ops, n, err);
    (void)failpoint("conf.write"); /* durable, and not yet answered */
    return status;
}

hp_status store_apply(struct store *s, const struct store_change *c, struct hp_error *err)
{
    char config_key[KEY_MAX], target_key[KEY_MAX], seen_key[KEY_MAX];
    char *config = NULL, *seen = NULL;
    struct log_map_op ops[3];
    size_t n = 0;
    hp_status status;
    (void)snprintf(config_key, sizeof config_key, "config/%s", c->name);
    (void)snprintf(target_key, sizeof target_key, "target/%s", c->name);
    (void)snprintf(seen_key, sizeof seen_key, "seen/%s", c->name);
    if (c->remove) {
        ops[n++] = (struct log_map_op){target_key, NULL, 0};
        ops[n++] = (struct log_map_op){config_key, NULL, 0};
    }
    if (c->target) {
        const char *text = target_name(*c->target);
        ops[n++] = (struct log_map_op){target_key, text, strlen(text)};
    }
    if (c->config) {
        json_t *json = json_from_props(c->config);
        config = json ? json_text(json) : NULL;
        json_decref(json);
        ops[n++] = (struct log_map_op){config_key, config, config ? strlen(config) : 0};
    }
    if (c->seen) {
        seen = json_text(c->seen);
        ops[n++] = (struct log_map_op){seen_key, seen, seen ? strlen(seen) : 0};
    }
    if ((c->config && !config) || (c->seen && !seen)) {
        status = hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    } else {
        status = apply(s, ops, n, err);
    }
    free(config);
    free(seen);
    return status;
}

hp_status store_next_epoch(struct store *s, uint64_t *out, struct hp_error *err)
{
    if (s->epoch == s->epoch_end) {
        char text[32];
        int len = snprintf(text, sizeof text, "%" PRIu64, s->epoch_end + EPOCH_BLOCK);
        if (log_map_put(s->map, "epoch", text, (size_t)len, err) != HP_OK) {
            return HP_ERROR;
        }
        s->epoch_end += EPOCH_BLOCK;
    }
    *out = ++s->epoch;
    return HP_OK;
}
