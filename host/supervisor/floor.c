/*
 * floor.c: how far a stream must be kept: the smallest offset that any existing sink of its topics has flushed (design
 * D19). A sink counts from the moment it exists, and holds everything until its worker has said where it stands; one
 * that is deleted counts no more. One thread, the loop's.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "inner.h"
#include "logging.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT 100000u

static bool in_list(const char *list, const char *topic)
{
    size_t len = strlen(topic);
    while (list && *list) {
        size_t n;
        list += strspn(list, ", \t");
        n = strcspn(list, ",");
        size_t trimmed = n;
        while (trimmed && (list[trimmed - 1] == ' ' || list[trimmed - 1] == '\t')) {
            trimmed--;
        }
        if (trimmed == len && memcmp(list, topic, len) == 0) {
            return true;
        }
        list += n;
    }
    return false;
}

/* topics.regex, as Kafka's sinks match it: the whole name, case counts. NULL: none, or it cannot be compiled. */
static pcre2_code *compile(const char *pattern)
{
    int error;
    PCRE2_SIZE at;
    return pattern && *pattern ? pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                               PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF, &error, &at, NULL)
                               : NULL;
}

struct wants {
    const char *topics;
    pcre2_code *regex;
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

static bool wants_topic(const struct wants *w, const char *topic)
{
    if (in_list(w->topics, topic)) {
        return true;
    }
    if (!w->regex) {
        return false;
    }
    int rc =
        w->data && w->limits ? pcre2_match(w->regex, (PCRE2_SPTR)topic, strlen(topic), 0, 0, w->data, w->limits) : 0;
    return rc != PCRE2_ERROR_NOMATCH; /* a limit was met: rather hold than lose */
}

static bool wants_stream(const struct wants *w, const struct connector *source)
{
    for (size_t i = 0; i < source->seen.n_topics; i++) {
        if (wants_topic(w, source->seen.topics[i])) {
            return true;
        }
    }
    return source->seen.n_topics == 0; /* not known yet */
}

static void cover(struct connector *sink)
{
    struct wants w = {props_get(&sink->config, "topics"), compile(props_get(&sink->config, "topics.regex")), NULL,
                      NULL};
    free(sink->covers);
    sink->covers = NULL;
    sink->n_covers = 0;
    if (w.regex) {
        w.data = pcre2_match_data_create_from_pattern(w.regex, NULL);
        w.limits = pcre2_match_context_create(NULL);
        if (w.limits) {
            (void)pcre2_set_match_limit(w.limits, MATCH_LIMIT);
        }
    }
    for (struct connector *source = sink->sup->connectors; source; source = source->next) {
        struct connector **grown;
        if (source->kind && strcmp(source->kind, "source") == 0 && wants_stream(&w, source) &&
            (grown = realloc(sink->covers, (sink->n_covers + 1) * sizeof(struct connector *))) != NULL) {
            grown[sink->n_covers++] = source;
            sink->covers = grown;
        }
    }
    pcre2_match_data_free(w.data);
    pcre2_match_context_free(w.limits);
    pcre2_code_free(w.regex);
}

/* A connector whose plugin is gone for now is judged by its keys: its sink's position must not be passed meanwhile. */
static bool is_sink(const struct connector *c)
{
    if (c->deleted) {
        return false;
    }
    return c->kind ? strcmp(c->kind, "sink") == 0
                   : props_get(&c->config, "topics") || props_get(&c->config, "topics.regex");
}

/* Where the sink stands in the source's stream as it is now. */
static uint64_t flushed_of(const struct connector *sink, const struct connector *source)
{
    for (size_t i = 0; source->stream_id && i < sink->seen.n_flushed; i++) {
        const struct seen_flush *f = &sink->seen.flushed[i];
        if (strcmp(f->stream, source->name) == 0 && strcmp(f->id, source->stream_id) == 0) {
            return f->offset;
        }
    }
    return 0;
}

int64_t floor_of(const struct supervisor *s, const struct connector *source)
{
    uint64_t floor = UINT64_MAX;
    for (const struct connector *sink = s->connectors; sink; sink = sink->next) {
        if (!is_sink(sink)) {
            continue;
        }
        if (s->coverage_stale) {
            return 0; /* who reads what is about to be worked out again */
        }
        for (size_t i = 0; i < sink->n_covers; i++) {
            uint64_t f = sink->covers[i] == source ? flushed_of(sink, source) : UINT64_MAX;
            floor = f < floor ? f : floor;
        }
    }
    return floor > INT64_MAX ? -1 : (int64_t)floor;
}

/* To every source's worker whose floor is not as it was told. */
static void tell(struct supervisor *s)
{
    for (struct connector *c = s->connectors; c; c = c->next) {
        char line[96];
        int64_t floor;
        if (c->control.fd < 0 || !c->kind || strcmp(c->kind, "source") != 0) {
            continue;
        }
        floor = floor_of(s, c);
        if (floor != c->floor || c->seen.n_topics != c->floor_topics) {
            c->floor = floor;
            c->floor_topics = c->seen.n_topics;
            (void)snprintf(line, sizeof line, "{\"t\":\"floor\",\"offset\":%lld,\"topics\":%zu}\n", (long long)floor,
                           c->floor_topics);
            connector_say(c, line);
        }
    }
}

void floor_hold(struct supervisor *s)
{
    s->coverage_stale = true;
    tell(s);
}

void floor_update(struct supervisor *s)
{
    if (s->coverage_stale) {
        for (struct connector *c = s->connectors; c; c = c->next) {
            if (is_sink(c)) {
                cover(c);
            }
        }
        s->coverage_stale = false;
    }
    tell(s);
}
