/* seen.c: see seen.h. Everything comes from workers, which run foreign code: each form and number is checked. */
#include "seen.h"

#include <stdlib.h>
#include <string.h>

#define TOPICS_MAX     10000u
#define STREAMS_MAX    1000u
#define OFFSETS_MAX    2000u
#define NAME_MAX_BYTES 1024u

static void free_topics(char **topics, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(topics[i]);
    }
    free(topics);
}

static void forget_topics(struct seen *s)
{
    free_topics(s->topics, s->n_topics);
    s->topics = NULL;
    s->n_topics = 0;
    s->dirty = true;
}

void seen_forget_flushed(struct seen *s)
{
    for (size_t i = 0; i < s->n_flushed; i++) {
        free(s->flushed[i].stream);
        free(s->flushed[i].id);
    }
    free(s->flushed);
    s->flushed = NULL;
    s->n_flushed = 0;
    s->dirty = true;
}

void seen_finish(struct seen *s)
{
    json_decref(s->offsets);
    forget_topics(s);
    seen_forget_flushed(s);
    memset(s, 0, sizeof *s);
}

bool seen_offsets(struct seen *s, json_t *offsets)
{
    size_t i;
    const json_t *item;
    if (!json_is_array(offsets) || json_array_size(offsets) > OFFSETS_MAX) {
        return false;
    }
    json_array_foreach(offsets, i, item)
    {
        const json_t *offset = json_object_get(item, "offset");
        if (!json_is_object(json_object_get(item, "partition")) || !(json_is_object(offset) || json_is_null(offset))) {
            return false;
        }
    }
    if (!s->offsets || !json_equal(s->offsets, offsets)) {
        json_decref(s->offsets);
        s->offsets = json_incref(offsets);
        s->dirty = true;
    }
    return true;
}

void seen_changed_offsets(struct seen *s, const json_t *list)
{
    json_t *made = json_array(), *entry, *asked;
    size_t i, k;
    json_array_foreach(list ? s->offsets : NULL, i, entry)
    {
        bool named = false;
        json_array_foreach(list, k, asked)
        {
            named = named || json_equal(json_object_get(asked, "partition"), json_object_get(entry, "partition"));
        }
        if (!named) {
            (void)json_array_append(made, entry);
        }
    }
    json_array_foreach(list, k, asked)
    {
        if (json_is_object(json_object_get(asked, "offset"))) {
            (void)json_array_append(made, asked);
        }
    }
    if (made) {
        json_decref(s->offsets);
        s->offsets = made;
        s->dirty = true;
    }
}

static bool same_topics(const struct seen *s, char **topics, size_t n)
{
    bool same = n == s->n_topics;
    for (size_t i = 0; same && i < n; i++) {
        same = strcmp(topics[i], s->topics[i]) == 0;
    }
    return same;
}

bool seen_topics(struct seen *s, const json_t *topics, bool *changed)
{
    size_t n = json_array_size(topics), i;
    const json_t *item;
    char **made;
    if (!json_is_array(topics) || n > TOPICS_MAX) {
        return false;
    }
    made = calloc(n ? n : 1, sizeof *made);
    if (!made) {
        return false;
    }
    json_array_foreach(topics, i, item)
    {
        const char *name = json_string_value(item);
        made[i] = name && *name && strlen(name) <= NAME_MAX_BYTES ? strdup(name) : NULL;
        if (!made[i]) {
            free_topics(made, n);
            return false;
        }
    }
    if (same_topics(s, made, n)) {
        free_topics(made, n);
        return true;
    }
    forget_topics(s);
    s->topics = made;
    s->n_topics = n;
    *changed = true;
    return true;
}

bool seen_flushed(struct seen *s, const char *stream, const char *id, uint64_t offset)
{
    struct seen_flush *f = NULL;
    char *new_id;
    if (!stream || !id || strlen(stream) > NAME_MAX_BYTES || strlen(id) > NAME_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < s->n_flushed && !f; i++) {
        f = strcmp(s->flushed[i].stream, stream) == 0 ? &s->flushed[i] : NULL;
    }
    if (f && strcmp(f->id, id) == 0) {
        s->dirty = s->dirty || f->offset != offset;
        f->offset = offset;
        return true;
    }
    if (!f) {
        struct seen_flush *grown;
        if (s->n_flushed == STREAMS_MAX || !(grown = realloc(s->flushed, (s->n_flushed + 1) * sizeof *grown))) {
            return false;
        }
        s->flushed = grown;
        f = &grown[s->n_flushed];
        *f = (struct seen_flush){strdup(stream), NULL, 0};
        if (!f->stream) {
            return false;
        }
        f->id = strdup(id);
        if (!f->id) {
            free(f->stream);
            return false;
        }
        s->n_flushed++;
    } else {
        new_id = strdup(id);
        if (!new_id) {
            return false;
        }
        free(f->id);
        f->id = new_id;
    }
    f->offset = offset;
    s->dirty = true;
    return true;
}

void seen_log(struct seen *s, int64_t bytes, int64_t disk_bytes)
{
    s->dirty = s->dirty || !s->log_known || s->log_bytes != bytes || s->log_disk_bytes != disk_bytes;
    s->log_known = true;
    s->log_bytes = bytes;
    s->log_disk_bytes = disk_bytes;
}

void seen_load(struct seen *s, const json_t *json)
{
    const json_t *log = json_object_get(json, "log"), *bytes = json_object_get(log, "bytes"),
                 *disk = json_object_get(log, "disk_bytes");
    size_t i;
    const json_t *item;
    bool changed;
    (void)seen_offsets(s, json_object_get(json, "offsets"));
    (void)seen_topics(s, json_object_get(json, "topics"), &changed);
    json_array_foreach(json_object_get(json, "flushed"), i, item)
    {
        const json_t *offset = json_object_get(item, "offset");
        if (json_is_integer(offset) && json_integer_value(offset) >= 0) {
            (void)seen_flushed(s, json_string_value(json_object_get(item, "stream")),
                               json_string_value(json_object_get(item, "id")), (uint64_t)json_integer_value(offset));
        }
    }
    if (json_is_integer(bytes) && json_is_integer(disk)) {
        seen_log(s, json_integer_value(bytes), json_integer_value(disk));
    }
    s->dirty = false;
}

json_t *seen_json(const struct seen *s)
{
    json_t *json = json_object(), *topics = json_array(), *flushed = json_array();
    bool ok = json && topics && flushed;
    for (size_t i = 0; ok && i < s->n_topics; i++) {
        ok = json_array_append_new(topics, json_string(s->topics[i])) == 0;
    }
    for (size_t i = 0; ok && i < s->n_flushed; i++) {
        const struct seen_flush *f = &s->flushed[i];
        ok = json_array_append_new(flushed, json_pack("{s:s, s:s, s:I}", "stream", f->stream, "id", f->id, "offset",
                                                      (json_int_t)f->offset)) == 0;
    }
    ok = ok && json_object_set(json, "topics", topics) == 0 && json_object_set(json, "flushed", flushed) == 0 &&
         (!s->offsets || json_object_set(json, "offsets", s->offsets) == 0) &&
         (!s->log_known || json_object_set_new(json, "log",
                                               json_pack("{s:I, s:I}", "bytes", (json_int_t)s->log_bytes, "disk_bytes",
                                                         (json_int_t)s->log_disk_bytes)) == 0);
    json_decref(topics);
    json_decref(flushed);
    if (!ok) {
        json_decref(json);
        return NULL;
    }
    return json;
}
