/* sink_set.c: see sink_set.h. */
#include "sink_set.h"

#include "clock.h"
#include "logging.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS   10000 /* at most between looks for new streams and topics: a word that moved just before a kill -9 */
#define LOOK_REST 20    /* while topics come, looking takes no more than this part of the time */
#define MANY_MS   20    /* between looks at streams that have no word to wait on */

hp_status sink_set_open(struct sink_set *set, struct worker *w, struct hp_error *err)
{
    set->w = w;
    if (!set->topics && sink_topics_create(&w->start.config, &set->topics, err) != HP_OK) {
        return HP_ERROR;
    }
    if (!set->map && sink_memory_open(w->start.data_dir, w->start.connector, &set->map, err) != HP_OK) {
        return HP_ERROR;
    }
    return HP_OK;
}

static bool have(const struct sink_set *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++) {
        if (strcmp(set->streams[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static hp_status add(struct sink_set *set, const char *name, struct hp_error *err)
{
    struct sink_stream **more = realloc(set->streams, (set->n + 1) * sizeof *more), *s;
    if (!more) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    set->streams = more;
    s = sink_stream_open(set->w->log, name, err);
    if (!s) {
        return HP_ERROR;
    }
    if (sink_stream_recall(s, set->w, set->map, set->topics, NULL, err) != HP_OK) {
        sink_stream_close(s);
        return HP_ERROR;
    }
    more[set->n++] = s;
    return HP_OK;
}

/* Open readers for the streams that have a wanted topic and none yet. */
static hp_status discover(struct sink_set *set, struct hp_error *err)
{
    char **names = NULL;
    size_t n = 0;
    hp_status st = log_streams(set->w->log, &names, &n, err);
    if (st != HP_OK) {
        return st;
    }
    for (size_t i = 0; i < n && st == HP_OK; i++) {
        struct hp_error ignored = {.size = sizeof ignored};
        bool wanted = false;
        if (have(set, names[i])) {
            continue;
        }
        /* One that cannot be looked at (just being made, just deleted) moves the word when it can. */
        if (sink_stream_wanted(set->w->log, names[i], set->topics, &wanted, &ignored) == HP_OK && wanted) {
            st = add(set, names[i], err);
        }
    }
    log_names_free(names, n);
    return st;
}

static hp_status look(struct sink_set *set, struct hp_error *err)
{
    int64_t begin_ms = clock_mono_ms(), end_ms;
    hp_status st;
    set->looked = __atomic_load_n(log_word(set->w->log), __ATOMIC_SEQ_CST);
    st = discover(set, err);
    end_ms = clock_mono_ms();
    set->look_from_ms = end_ms + (end_ms - begin_ms) * LOOK_REST;
    set->look_at_ms = end_ms + LOOK_MS;
    return st;
}

hp_status sink_set_recall(struct sink_set *set, const struct hp_sink_offsets *offsets, struct hp_error *err)
{
    if (look(set, err) != HP_OK) {
        return HP_ERROR;
    }
    for (size_t i = 0; i < set->n; i++) {
        if (sink_stream_recall(set->streams[i], set->w, set->map, set->topics, offsets, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    return HP_OK;
}

static hp_status check_remembered(void *arg, const char *id, struct hp_bytes value, struct hp_error *err)
{
    const struct sink_set *set = arg;
    const char *slash = strrchr(id, '/'); /* NAME/RANDOM */
    char *name = strndup(id, slash ? (size_t)(slash - id) : strlen(id));
    struct log_reader *r;
    hp_status st = HP_OK;
    (void)value;
    if (!name) {
        st = hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    } else if (!have(set, name) && (st = log_reader_open(set->w->log, name, &r, err)) == HP_OK) {
        log_reader_close(r); /* it is gone, or of topics that are not wanted any more */
    }
    free(name);
    return st;
}

hp_status sink_set_check(struct sink_set *set, struct hp_error *err)
{
    return log_map_each(set->map, "", check_remembered, set, err);
}

hp_status sink_set_look(struct sink_set *set, int64_t now_ms, int64_t *ms, struct hp_error *err)
{
    bool moved = __atomic_load_n(log_word(set->w->log), __ATOMIC_SEQ_CST) != set->looked;
    int64_t due = moved ? set->look_from_ms : set->look_at_ms;
    if (now_ms < due) {
        *ms = *ms < due - now_ms ? *ms : due - now_ms;
        return HP_OK;
    }
    *ms = 0;
    return look(set, err);
}

void sink_set_trim(struct sink_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        log_reader_trim(set->streams[i]->reader);
    }
}

json_t *sink_set_offsets(struct sink_set *set)
{
    json_t *list = json_array();
    for (size_t i = 0; i < set->n; i++) {
        if (set->streams[i]->placed) {
            sink_stream_offsets(set->streams[i], set->topics, list);
        }
    }
    return list;
}

json_t *sink_set_topics(struct sink_set *set)
{
    json_t *list = json_array();
    for (size_t i = 0; i < set->n; i++) {
        const struct sink_memory *m = &set->streams[i]->memory;
        for (size_t t = 0; t < m->n; t++) {
            if (sink_topics_want(set->topics, m->topics[t].topic)) {
                (void)json_array_append_new(list, json_string(m->topics[t].topic));
            }
        }
    }
    return list;
}

bool sink_set_behind(const struct sink_set *set, struct log_behind *out)
{
    *out = (struct log_behind){0};
    for (size_t i = 0; i < set->n; i++) {
        const struct sink_stream *s = set->streams[i];
        struct log_behind b;
        if (!s->id[0]) { /* there is no stream */
            continue;
        }
        if (!s->known) {
            return false;
        }
        b = log_reader_behind(s->reader, s->position);
        out->bytes += b.bytes;
        out->since_us = b.bytes && (!out->since_us || b.since_us < out->since_us) ? b.since_us : out->since_us;
    }
    return set->topics != NULL; /* else nobody has looked yet */
}

void sink_set_words(const struct sink_set *set, struct sink_words *out)
{
    out->n = 0;
    out->words[out->n++] = &set->w->wake;
    out->words[out->n++] = log_word(set->w->log);
    out->all = set->n <= FUTEX_WORDS_MAX - out->n;
    for (size_t i = 0; i < set->n && out->n < FUTEX_WORDS_MAX; i++) {
        uint32_t *word = log_reader_word(set->streams[i]->reader);
        if (word) {
            out->words[out->n++] = word;
        } else {
            out->all = false;
        }
    }
    for (unsigned i = 0; i < out->n; i++) {
        out->seen[i] = __atomic_load_n(out->words[i], __ATOMIC_SEQ_CST);
    }
}

void sink_set_wait(const struct sink_words *words, int64_t ms)
{
    futex_wait_any(words->words, words->seen, words->n, words->all || ms < MANY_MS ? ms : MANY_MS);
}
