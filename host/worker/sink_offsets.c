/*
 * sink_offsets.c: topic offsets of a sink become one position per stream and floors per topic (sink_memory.h). First
 * the decision is stored as pending, then the target's row is set, then the mark goes; whatever is interrupted is
 * finished at the sink's next start.
 */
#include "sink_offsets.h"

#include "failpoint.h"
#include "sink_set.h"

#include <stdlib.h>
#include <string.h>

static hp_status no_memory(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
}

static hp_status begin(struct worker *w, struct sink_set *set, const struct hp_sink_offsets **out, struct hp_error *err)
{
    *out = w->plugin.entry->interface(HP_SINK_OFFSETS);
    if (!*out) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "plugin %s does not support altering of offsets", w->plugin.note.id);
    }
    if (sink_set_open(set, w, err) != HP_OK) {
        return HP_ERROR;
    }
    return sink_set_recall(set, NULL, err);
}

/* Make `m` what is remembered of the stream, and its pending position the target's. */
static hp_status decide(struct worker *w, struct sink_set *set, const struct hp_sink_offsets *offsets, const char *id,
                        struct sink_memory *m, struct hp_error *err)
{
    struct hp_sink_position at = {sizeof at, 0, hp_bytes_of(id), m->offset, w->start.epoch};
    hp_status st;
    m->pending = true;
    if (sink_memory_store(set->map, id, m, err) != HP_OK) {
        return HP_ERROR;
    }
    if (failpoint("off.reset")) {
        return hp_fail(err, HP_ERROR_RETRY, "", "fail point off.reset");
    }
    life_enter(&w->life, "sink-offsets.set", w->plugin.note.id);
    st = offsets->set(w->self, &at, err);
    life_leave(&w->life);
    if (st < 0) {
        return st;
    }
    m->pending = false;
    if (m->offset == UINT64_MAX) {
        sink_memory_finish(m);
    }
    return sink_memory_store(set->map, id, m, err);
}

/* ---- reset ---- */

/* Every stream that this sink remembers, whether or not it is there any more. */
struct ids {
    char **v;
    size_t n;
};

static hp_status collect(void *arg, const char *key, struct hp_bytes value, struct hp_error *err)
{
    struct ids *ids = arg;
    char **more = realloc(ids->v, (ids->n + 1) * sizeof *more);
    (void)value;
    if (!more) {
        return no_memory(err);
    }
    ids->v = more;
    more[ids->n] = strdup(key);
    return more[ids->n] ? (ids->n++, HP_OK) : no_memory(err);
}

static bool listed(const struct ids *ids, const char *id)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (strcmp(ids->v[i], id) == 0) {
            return true;
        }
    }
    return false;
}

hp_status sink_offsets_reset(struct worker *w, struct hp_error *err)
{
    struct sink_set set = {0};
    struct ids ids = {NULL, 0};
    const struct hp_sink_offsets *offsets;
    hp_status st = begin(w, &set, &offsets, err);
    if (st == HP_OK) {
        st = log_map_each(set.map, "", collect, &ids, err);
    }
    for (size_t i = 0; i < set.n && st == HP_OK; i++) {
        const char *id = set.streams[i]->id;
        if (id[0] && !listed(&ids, id)) {
            st = collect(&ids, id, (struct hp_bytes){NULL, 0}, err);
        }
    }
    for (size_t i = 0; i < ids.n && st == HP_OK; i++) {
        struct sink_memory m = {NULL, 0, true, UINT64_MAX};
        st = decide(w, &set, offsets, ids.v[i], &m, err);
    }
    for (size_t i = 0; i < ids.n; i++) {
        free(ids.v[i]);
    }
    free(ids.v);
    return st;
}

/* ---- alter ---- */

struct wish {
    const char *topic;
    bool reset;
    uint64_t offset; /* topic offset */
    bool met;
};

static bool whole(const json_t *value, uint64_t *out)
{
    const char *text = json_string_value(value);
    char *end;
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (uint64_t)json_integer_value(value);
        return true;
    }
    if (!text || text[0] < '0' || text[0] > '9') {
        return false;
    }
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

static hp_status read_wish(const json_t *entry, struct wish *out, struct hp_error *err)
{
    const json_t *partition = json_object_get(entry, "partition"), *offset = json_object_get(entry, "offset");
    uint64_t number;
    out->topic = json_string_value(json_object_get(partition, "kafka_topic"));
    out->met = false;
    out->reset = json_is_null(offset);
    if (!out->topic || !whole(json_object_get(partition, "kafka_partition"), &number)) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "The partition for a sink connector offset must have \"kafka_topic\" and \"kafka_partition\"");
    }
    if (number != 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "Topic %.300s has partition 0 only", out->topic);
    }
    if (!out->reset && !whole(json_object_get(offset, "kafka_offset"), &out->offset)) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "The offset for topic %.300s must be null or have \"kafka_offset\", a number", out->topic);
    }
    return HP_OK;
}

/* The stream offset from which the topic is to be read. */
static hp_status place_of(struct sink_stream *s, const struct sink_start *start, struct wish *wish, uint64_t *out,
                          struct hp_error *err)
{
    if (wish->met && !wish->reset) { /* another stream has a topic of that name, too: its numbers are others */
        return hp_fail(
            err, HP_ERROR_CONFIG, "",
            "Topic %.300s is written by more than one connector, each with offsets of its own: its offset can "
            "only be reset (null), for all of them",
            start->topic);
    }
    wish->met = true;
    if (wish->reset) {
        *out = start->first;
        return HP_OK;
    }
    if (wish->offset < start->begin || wish->offset > start->end) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "Topic %.300s has offsets %llu to %llu; %llu is not among them",
                       start->topic, (unsigned long long)start->begin, (unsigned long long)start->end,
                       (unsigned long long)wish->offset);
    }
    if (wish->offset == start->end) {
        *out = log_reader_end(s->reader);
        return HP_OK;
    }
    return log_topic_seek(s->reader, start->topic, wish->offset, out, err);
}

static struct wish *wish_for(struct wish *wishes, size_t n, const char *topic)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(wishes[i].topic, topic) == 0) {
            return &wishes[i];
        }
    }
    return NULL;
}

/* Where each topic stands now, with the wishes put in; the position is the least of them. */
static hp_status alter_stream(struct worker *w, struct sink_set *set, const struct hp_sink_offsets *offsets,
                              struct sink_stream *s, struct wish *wishes, size_t n_wishes, bool *out_touched,
                              struct sink_memory *m, struct hp_error *err)
{
    struct hp_sink_position at = {sizeof at, 0, hp_bytes_of(s->id), UINT64_MAX, w->start.epoch};
    struct sink_start *starts;
    size_t n;
    hp_status st = sink_stream_starts(s, w->log, set->topics, &starts, &n, err);
    if (st != HP_OK) {
        return st;
    }
    life_enter(&w->life, "sink-offsets.get", w->plugin.note.id);
    st = offsets->get(w->self, &at, err);
    life_leave(&w->life);
    m->offset = UINT64_MAX;
    for (size_t i = 0; i < n && st >= 0; i++) {
        struct wish *wish = wish_for(wishes, n_wishes, starts[i].topic);
        const struct sink_floor *known = sink_memory_find(&s->memory, starts[i].topic);
        uint64_t place = starts[i].first;
        if (wish) {
            *out_touched = true;
            st = place_of(s, &starts[i], wish, &place, err);
        } else if (known && at.offset != UINT64_MAX) {
            place = known->floor > at.offset ? known->floor : at.offset;
        }
        if (st >= 0 && !sink_memory_set(m, starts[i].topic, place)) {
            st = no_memory(err);
        }
        m->offset = place < m->offset ? place : m->offset;
    }
    sink_starts_free(starts, n);
    return st < 0 ? HP_ERROR : HP_OK;
}

/* All wishes are judged before any is granted. */
static hp_status alter_all(struct worker *w, struct sink_set *set, const struct hp_sink_offsets *offsets,
                           struct wish *wishes, size_t n, struct hp_error *err)
{
    struct sink_memory *memories = calloc(set->n + 1, sizeof *memories);
    bool *touched = calloc(set->n + 1, sizeof *touched);
    hp_status st = memories && touched ? HP_OK : no_memory(err);
    for (size_t i = 0; i < set->n && st == HP_OK; i++) {
        if (set->streams[i]->id[0]) {
            st = alter_stream(w, set, offsets, set->streams[i], wishes, n, &touched[i], &memories[i], err);
        }
    }
    for (size_t i = 0; i < n && st == HP_OK; i++) {
        if (!wishes[i].met) {
            st =
                hp_fail(err, HP_ERROR_CONFIG, "", "Topic %.300s is not one that this connector reads", wishes[i].topic);
        }
    }
    for (size_t i = 0; i < set->n && st == HP_OK; i++) {
        if (touched[i]) {
            st = decide(w, set, offsets, set->streams[i]->id, &memories[i], err);
        }
    }
    for (size_t i = 0; memories && i < set->n; i++) {
        sink_memory_finish(&memories[i]);
    }
    free(memories);
    free(touched);
    return st;
}

hp_status sink_offsets_alter(struct worker *w, struct hp_error *err)
{
    struct sink_set set = {0};
    const struct hp_sink_offsets *offsets = NULL;
    size_t n = json_array_size(w->start.offsets);
    struct wish *wishes = calloc(n + 1, sizeof *wishes);
    hp_status st = wishes ? begin(w, &set, &offsets, err) : no_memory(err);
    if (st == HP_OK && n == 0) {
        st = hp_fail(err, HP_ERROR_CONFIG, "", "Partitions / offsets need to be provided for an alter offsets request");
    }
    for (size_t i = 0; i < n && st == HP_OK; i++) {
        st = read_wish(json_array_get(w->start.offsets, i), &wishes[i], err);
    }
    if (st == HP_OK) {
        st = alter_all(w, &set, offsets, wishes, n, err);
    }
    free(wishes);
    return st;
}
