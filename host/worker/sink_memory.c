/* sink_memory.c: see sink_memory.h. Stored as JSON: {"topics":{"a":0,"b":120},"pending":120}. */
#include "sink_memory.h"

#include "fs.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hp_status no_memory(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
}

hp_status sink_memory_open(const char *data_dir, const char *connector, struct log_map **out, struct hp_error *err)
{
    char component[256], *dir;
    hp_status st;
    fs_component(connector, component);
    if (asprintf(&dir, "%s/sinks/%s", data_dir, component) < 0) {
        return no_memory(err);
    }
    st = log_map_open(dir, out, err);
    free(dir);
    return st;
}

struct sink_floor *sink_memory_find(const struct sink_memory *m, const char *topic)
{
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->topics[i].topic, topic) == 0) {
            return &m->topics[i];
        }
    }
    return NULL;
}

bool sink_memory_set(struct sink_memory *m, const char *topic, uint64_t floor)
{
    struct sink_floor *f = sink_memory_find(m, topic);
    if (!f) {
        struct sink_floor *more = realloc(m->topics, (m->n + 1) * sizeof *more);
        if (!more) {
            return false;
        }
        m->topics = more;
        f = &more[m->n];
        f->topic = strdup(topic);
        if (!f->topic) {
            return false;
        }
        m->n++;
    }
    f->floor = floor;
    return true;
}

void sink_memory_finish(struct sink_memory *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->topics[i].topic);
    }
    free(m->topics);
    memset(m, 0, sizeof *m);
}

static hp_status decode(const struct buf *text, const char *stream_id, struct sink_memory *out, struct hp_error *err)
{
    json_t *json = json_parse((const char *)text->data, text->len, err);
    const json_t *pending = json_object_get(json, "pending");
    const char *topic;
    json_t *floor;
    hp_status st = HP_OK;
    if (!json) {
        return hp_fail(err, HP_ERROR_FATAL, "", "what this sink remembers of stream %s is damaged", stream_id);
    }
    json_object_foreach(json_object_get(json, "topics"), topic, floor)
    {
        if (!sink_memory_set(out, topic, (uint64_t)json_integer_value(floor))) {
            st = no_memory(err);
        }
    }
    if (json_is_integer(pending)) {
        out->pending = true;
        out->offset = json_integer_value(pending) < 0 ? UINT64_MAX : (uint64_t)json_integer_value(pending);
    }
    json_decref(json);
    return st;
}

hp_status sink_memory_load(struct log_map *map, const char *stream_id, struct sink_memory *out, struct hp_error *err)
{
    struct sink_memory m = {NULL, 0, false, 0};
    struct buf text;
    hp_status st;
    buf_init(&text, 64u << 20);
    st = log_map_get(map, stream_id, &text, err);
    if (st == HP_OK) {
        st = decode(&text, stream_id, &m, err);
    }
    buf_finish(&text);
    if (st < 0) {
        sink_memory_finish(&m);
        return st;
    }
    *out = m;
    return st;
}

hp_status sink_memory_store(struct log_map *map, const char *stream_id, const struct sink_memory *m,
                            struct hp_error *err)
{
    json_t *topics, *json;
    char *text;
    hp_status st;
    if (m->n == 0 && !m->pending) {
        return log_map_put(map, stream_id, NULL, 0, err);
    }
    topics = json_object();
    for (size_t i = 0; i < m->n; i++) {
        (void)json_object_set_new(topics, m->topics[i].topic, json_integer((json_int_t)m->topics[i].floor));
    }
    json = json_pack("{s:o}", "topics", topics);
    if (m->pending) {
        (void)json_object_set_new(json, "pending", json_integer(m->offset == UINT64_MAX ? -1 : (json_int_t)m->offset));
    }
    text = json ? json_text(json) : NULL;
    json_decref(json);
    st = text ? log_map_put(map, stream_id, text, strlen(text), err) : no_memory(err);
    free(text);
    return st;
}
