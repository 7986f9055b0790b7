/*
 * control.c: the "start" message between supervisor and worker, to and from JSON. Used by both sides; no I/O.
 * [any] thread.
 */
#include "control.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

/* The string members, in the order they are written. */
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"op", offsetof(struct control_start, op)},
    {"connector", offsetof(struct control_start, connector)},
    {"kind", offsetof(struct control_start, kind)},
    {"plugin", offsetof(struct control_start, plugin)},
    {"dialect", offsetof(struct control_start, dialect)},
    {"plugin_path", offsetof(struct control_start, plugin_path)},
    {"data_dir", offsetof(struct control_start, data_dir)},
};

static char **text_of(struct control_start *s, size_t i)
{
    return (char **)(void *)((char *)s + texts[i].offset);
}

static hp_status no_memory(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "", "out of memory in a start message");
}

hp_status control_start_encode(const struct control_start *s, char **out_line, struct hp_error *err)
{
    json_t *message = json_pack("{s:s}", "t", "start");
    char *text = NULL, *line;
    bool ok = message != NULL;
    size_t len;
    for (size_t i = 0; ok && i < sizeof texts / sizeof texts[0]; i++) {
        const char *value = *text_of((struct control_start *)(uintptr_t)s, i);
        ok = value == NULL || json_object_set_new(message, texts[i].name, json_string(value)) == 0;
    }
    ok = ok && json_object_set_new(message, "config", json_from_props(&s->config)) == 0 &&
         json_object_set_new(message, "settings", json_from_props(&s->settings)) == 0 &&
         json_object_set_new(message, "epoch", json_integer((json_int_t)s->epoch)) == 0 &&
         json_object_set_new(message, "floor", json_integer(s->floor)) == 0 &&
         json_object_set_new(message, "floor_topics", json_integer(s->floor_topics)) == 0 &&
         json_object_set_new(message, "paused", json_boolean(s->paused)) == 0 &&
         (s->offsets == NULL || json_object_set(message, "offsets", s->offsets) == 0);
    if (ok) {
        text = json_text(message);
    }
    json_decref(message);
    if (!text) {
        return no_memory(err);
    }
    len = strlen(text);
    if (len + 1 > CONTROL_LINE_MAX) {
        free(text);
        return hp_fail(err, HP_ERROR_CONFIG, "", "the configuration of connector %s takes %zu bytes; %u are allowed",
                       s->connector ? s->connector : "?", len, CONTROL_LINE_MAX);
    }
    line = realloc(text, len + 2);
    if (!line) {
        free(text);
        return no_memory(err);
    }
    memcpy(line + len, "\n", 2);
    *out_line = line;
    return HP_OK;
}

static hp_status decode(const json_t *message, struct control_start *s, struct hp_error *err)
{
    const json_t *epoch = json_object_get(message, "epoch"), *floor = json_object_get(message, "floor");
    const json_t *paused = json_object_get(message, "paused"), *topics = json_object_get(message, "floor_topics");
    json_t *offsets = json_object_get(message, "offsets");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *value = json_string_value(json_object_get(message, texts[i].name));
        if (!value) {
            return hp_fail(err, HP_ERROR_CONFIG, "", "start message: \"%s\" must be a string", texts[i].name);
        }
        *text_of(s, i) = strdup(value);
        if (!*text_of(s, i)) {
            return no_memory(err);
        }
    }
    if (!json_is_integer(epoch) || json_integer_value(epoch) < 0 || !json_is_integer(floor) ||
        !json_is_integer(topics) || json_integer_value(topics) < 0 || json_integer_value(topics) > UINT32_MAX ||
        !json_is_boolean(paused)) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "start message: epoch, floor and floor_topics must be numbers, paused a boolean");
    }
    s->epoch = (uint64_t)json_integer_value(epoch);
    s->floor = json_integer_value(floor);
    s->floor_topics = (uint32_t)json_integer_value(topics);
    s->paused = json_is_true(paused);
    if (offsets && !json_is_array(offsets)) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "start message: offsets must be a list");
    }
    s->offsets = json_incref(offsets);
    hp_status st = json_to_props(json_object_get(message, "config"), &s->config, err);
    return st == HP_OK ? json_to_props(json_object_get(message, "settings"), &s->settings, err) : st;
}

hp_status control_start_decode(const json_t *message, struct control_start *out, struct hp_error *err)
{
    struct control_start s;
    memset(&s, 0, sizeof s);
    props_init(&s.config);
    props_init(&s.settings);
    if (!json_is_object(json_object_get(message, "config")) || !json_is_object(json_object_get(message, "settings"))) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "start message: config and settings must be objects");
    }
    if (decode(message, &s, err) != HP_OK) {
        control_start_finish(&s);
        return HP_ERROR;
    }
    *out = s;
    return HP_OK;
}

void control_start_finish(struct control_start *s)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(*text_of(s, i));
    }
    props_finish(&s->config);
    props_finish(&s->settings);
    json_decref(s->offsets);
    memset(s, 0, sizeof *s);
}
