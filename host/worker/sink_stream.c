/* sink_stream.c: see sink_stream.h. The order of durable steps is what makes each of them repeatable after a kill. */
#include "sink_stream.h"

#include "logging.h"

#include <stdlib.h>
#include <string.h>

static hp_status no_memory(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
}

struct sink_stream *sink_stream_open(struct log *log, const char *name, struct hp_error *err)
{
    struct sink_stream *s = calloc(1, sizeof *s);
    if (s) {
        s->name = strdup(name);
        s->id = strdup("");
    }
    if (!s || !s->name || !s->id) {
        (void)no_memory(err);
        sink_stream_close(s);
        return NULL;
    }
    if (log_reader_open(log, name, &s->reader, err) != HP_OK) {
        sink_stream_close(s);
        return NULL;
    }
    return s;
}

static void forget_ids(struct sink_stream *s)
{
    free(s->wants);
    free(s->schema_map);
    free(s->topic_map);
    schema_pool_destroy(s->pool);
    s->wants = NULL;
    s->schema_map = s->topic_map = NULL;
    s->pool = NULL;
    s->n_wants = s->n_schema_map = s->n_topic_map = 0;
    s->any_unwanted = s->mapped = false;
    s->highest_floor = 0;
}

void sink_stream_close(struct sink_stream *s)
{
    if (!s) {
        return;
    }
    if (s->reader) {
        log_reader_close(s->reader);
    }
    forget_ids(s);
    sink_memory_finish(&s->memory);
    free(s->name);
    free(s->id);
    free(s);
}

hp_status sink_stream_wanted(struct log *log, const char *name, const struct sink_topics *topics, bool *out,
                             struct hp_error *err)
{
    struct log_topic_info *infos = NULL;
    size_t n = 0;
    bool wanted = false;
    if (log_topics(log, name, &infos, &n, err) != HP_OK) {
        return HP_ERROR;
    }
    for (size_t i = 0; i < n && !wanted; i++) {
        wanted = sink_topics_want(topics, infos[i].name);
    }
    log_topics_free(infos, n);
    *out = wanted;
    return HP_OK;
}

void sink_starts_free(struct sink_start *starts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(starts[i].topic);
    }
    free(starts);
}

hp_status sink_stream_starts(struct sink_stream *s, struct log *log, const struct sink_topics *topics,
                             struct sink_start **out, size_t *out_n, struct hp_error *err)
{
    struct log_topic_info *infos = NULL;
    struct sink_start *starts;
    size_t n = 0, n_starts = 0;
    hp_status st = log_topics(log, s->name, &infos, &n, err);
    if (st != HP_OK) {
        return st;
    }
    starts = calloc(n + 1, sizeof *starts);
    if (!starts) {
        st = no_memory(err);
    }
    for (size_t i = 0; i < n && st == HP_OK; i++) {
        struct sink_start *start = &starts[n_starts];
        if (!sink_topics_want(topics, infos[i].name)) {
            continue;
        }
        start->topic = strdup(infos[i].name);
        n_starts++;
        start->begin = infos[i].begin;
        start->end = infos[i].end;
        st = start->topic ? log_topic_seek(s->reader, start->topic, LOG_OLDEST, &start->first, err) : no_memory(err);
    }
    log_topics_free(infos, n);
    if (st != HP_OK) {
        sink_starts_free(starts, n_starts);
        return st;
    }
    *out = starts;
    *out_n = n_starts;
    return HP_OK;
}

/* The decided position goes to the target, then the decision is no longer pending. */
static hp_status settle_pending(struct sink_stream *s, struct worker *w, struct log_map *map,
                                const struct hp_sink_offsets *offsets, struct hp_error *err)
{
    struct hp_sink_position at = {sizeof at, 0, hp_bytes_of(s->id), s->memory.offset, w->start.epoch};
    hp_status st;
    life_enter(&w->life, "sink-offsets.set", w->plugin.note.id);
    st = offsets->set(w->self, &at, err);
    life_leave(&w->life);
    if (st < 0) {
        return st;
    }
    if (s->memory.offset == UINT64_MAX) {
        sink_memory_finish(&s->memory);
    }
    s->memory.pending = false;
    return sink_memory_store(map, s->id, &s->memory, err);
}

/* Topics that the configuration wants now and did not before, and that had records where the sink has already been: go
   back to the first of these, hiding from the other topics what they had. */
static hp_status go_back(struct sink_stream *s, struct worker *w, struct log_map *map, const struct sink_topics *topics,
                         const struct hp_sink_offsets *offsets, struct hp_error *err)
{
    struct hp_sink_position at = {sizeof at, 0, hp_bytes_of(s->id), UINT64_MAX, w->start.epoch};
    struct sink_start *starts;
    uint64_t least;
    size_t n;
    hp_status st = sink_stream_starts(s, w->log, topics, &starts, &n, err);
    if (st != HP_OK) {
        return st;
    }
    life_enter(&w->life, "sink-offsets.get", w->plugin.note.id);
    st = offsets->get(w->self, &at, err);
    life_leave(&w->life);
    least = at.offset;
    for (size_t i = 0; i < n && st >= 0; i++) {
        if (!sink_memory_find(&s->memory, starts[i].topic) && starts[i].first < least) {
            least = starts[i].first;
        }
    }
    if (st >= 0 && at.offset != UINT64_MAX && least < at.offset) {
        for (size_t i = 0; i < s->memory.n; i++) {
            struct sink_floor *f = &s->memory.topics[i];
            f->floor = f->floor > at.offset ? f->floor : at.offset;
        }
        for (size_t i = 0; i < n && st >= 0; i++) {
            if (!sink_memory_find(&s->memory, starts[i].topic) && !sink_memory_set(&s->memory, starts[i].topic, 0)) {
                st = no_memory(err);
            }
        }
        s->memory.pending = true;
        s->memory.offset = least;
        log_info("stream %s: reading again from offset %llu for topics that were not read before", s->name,
                 (unsigned long long)least);
        if (st >= 0) {
            st = sink_memory_store(map, s->id, &s->memory, err);
        }
        if (st >= 0) {
            st = settle_pending(s, w, map, offsets, err);
        }
    }
    sink_starts_free(starts, n);
    return st < 0 ? HP_ERROR : HP_OK;
}

hp_status sink_stream_recall(struct sink_stream *s, struct worker *w, struct log_map *map,
                             const struct sink_topics *topics, const struct hp_sink_offsets *offsets,
                             struct hp_error *err)
{
    const char *id = log_reader_stream_id(s->reader);
    char *copy;
    hp_status st;
    s->placed = false;
    copy = strdup(id);
    if (!copy) {
        return no_memory(err);
    }
    if (strcmp(id, s->id) != 0) {
        forget_ids(s);
        s->position = s->next = s->flushed = 0;
        s->known = s->flushed_known = false;
    }
    free(s->id);
    s->id = copy;
    sink_memory_finish(&s->memory);
    if (!copy[0]) {
        return HP_OK;
    }
    st = sink_memory_load(map, copy, &s->memory, err);
    if (st < 0 || !offsets) {
        return st < 0 ? st : HP_OK;
    }
    if (s->memory.pending && settle_pending(s, w, map, offsets, err) != HP_OK) {
        return HP_ERROR;
    }
    if (s->memory.n && go_back(s, w, map, topics, offsets, err) != HP_OK) {
        return HP_ERROR;
    }
    forget_ids(s); /* floors may have changed */
    return HP_OK;
}

/* The first record of a wanted topic. */
static hp_status first_wanted(struct sink_stream *s, struct worker *w, const struct sink_topics *topics, uint64_t *out,
                              struct hp_error *err)
{
    struct sink_start *starts;
    size_t n;
    if (sink_stream_starts(s, w->log, topics, &starts, &n, err) != HP_OK) {
        return HP_ERROR;
    }
    *out = log_reader_begin(s->reader);
    for (size_t i = 0; i < n; i++) {
        *out = i == 0 || starts[i].first < *out ? starts[i].first : *out;
    }
    sink_starts_free(starts, n);
    return HP_OK;
}

hp_status sink_stream_place(struct sink_stream *s, struct worker *w, const struct hp_sink *sink,
                            const struct sink_topics *topics, struct hp_error *err)
{
    struct hp_sink_position at = {sizeof at, 0, hp_bytes_of(s->id), UINT64_MAX, w->start.epoch};
    hp_status st;
    bool fresh;
    if (!s->id[0]) {
        return HP_IDLE;
    }
    life_enter(&w->life, "sink.position", w->plugin.note.id);
    st = sink->position(w->self, &at, err);
    life_leave(&w->life);
    if (st < 0) {
        return st;
    }
    fresh = at.offset == UINT64_MAX; /* never was here: from the first record of a wanted topic */
    do {
        if (fresh && first_wanted(s, w, topics, &at.offset, err) != HP_OK) {
            return HP_ERROR;
        }
        st = log_reader_seek(s->reader, at.offset, err);
    } while (st != HP_OK && fresh && strcmp(err->code, "OFFSET") == 0); /* retention was faster */
    if (st != HP_OK) {
        return HP_ERROR;
    }
    s->position = s->next = at.offset;
    s->placed = s->known = true;
    log_info("stream %s: reading from offset %llu", s->name, (unsigned long long)at.offset);
    return HP_OK;
}

hp_status sink_stream_learn(struct sink_stream *s, const struct hp_batch *batch, struct log_map *map,
                            const struct sink_topics *topics, struct hp_error *err)
{
    bool remember = false;
    struct sink_want *wants;
    if (batch->n_topics <= s->n_wants) {
        return HP_OK;
    }
    wants = realloc(s->wants, batch->n_topics * sizeof *wants);
    if (!wants) {
        return no_memory(err);
    }
    s->wants = wants;
    for (uint32_t id = s->n_wants; id < batch->n_topics; id++) {
        struct hp_bytes bytes = batch->topics[id];
        char *name = strndup(bytes.data ? bytes.data : "", (size_t)bytes.len);
        const struct sink_floor *known;
        if (!name) {
            return no_memory(err);
        }
        known = sink_memory_find(&s->memory, name);
        wants[id] = (struct sink_want){id > 0 && sink_topics_want(topics, name), known ? known->floor : 0};
        if (wants[id].wanted && !known) {
            remember = true;
            if (!sink_memory_set(&s->memory, name, 0)) {
                free(name);
                return no_memory(err);
            }
        }
        free(name);
        s->any_unwanted = s->any_unwanted || (id > 0 && !wants[id].wanted);
        if (wants[id].floor > s->highest_floor) {
            s->highest_floor = wants[id].floor;
        }
    }
    /* Before anything of them is applied: on the next start they must not be taken for new. */
    if (remember && sink_memory_store(map, s->id, &s->memory, err) != HP_OK) {
        return HP_ERROR;
    }
    s->n_wants = batch->n_topics;
    return HP_OK;
}

void sink_stream_offsets(struct sink_stream *s, const struct sink_topics *topics, json_t *list)
{
    for (size_t i = 0; i < s->memory.n; i++) {
        const struct sink_floor *f = &s->memory.topics[i];
        struct hp_error err = {.size = sizeof err};
        uint64_t at = f->floor > s->position ? f->floor : s->position, offset;
        if (sink_topics_want(topics, f->topic) && log_topic_offset(s->reader, f->topic, at, &offset, &err) == HP_OK) {
            (void)json_array_append_new(list,
                                        json_pack("{s:{s:s, s:i}, s:{s:I}}", "partition", "kafka_topic", f->topic,
                                                  "kafka_partition", 0, "offset", "kafka_offset", (json_int_t)offset));
        }
    }
}
