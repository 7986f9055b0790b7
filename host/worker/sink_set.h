/*
 * sink_set.h: the streams that a sink reads: found by their topics, also those that appear later. [task]
 */
#ifndef WORKER_SINK_SET_H
#define WORKER_SINK_SET_H

#include "futex.h"
#include "sink_stream.h"

struct sink_set {
    struct worker *w;
    struct sink_topics *topics;
    struct log_map *map;
    struct sink_stream **streams;
    size_t n;
    uint32_t looked;      /* log_word() as it was when streams were looked for */
    int64_t look_from_ms; /* earliest next look */
    int64_t look_at_ms;   /* latest */
};

hp_status sink_set_open(struct sink_set *set, struct worker *w, struct hp_error *err);
/* Before the sink starts: look for streams, recall what is remembered of each. `offsets` may be NULL. */
hp_status sink_set_recall(struct sink_set *set, const struct hp_sink_offsets *offsets, struct hp_error *err);
/* An error if a stream that this sink has read is there but cannot be opened: a task that went on without it would say
   RUNNING while its work waits (rule E7). */
hp_status sink_set_check(struct sink_set *set, struct hp_error *err);
/* While it runs: take up new streams, if the log says that there may be some. *ms is shortened to when the next look is
   due. */
hp_status sink_set_look(struct sink_set *set, int64_t now_ms, int64_t *ms, struct hp_error *err);
void sink_set_trim(struct sink_set *set); /* idle: give memory back */
json_t *sink_set_offsets(struct sink_set *set);
json_t *sink_set_topics(struct sink_set *set);
/* What the target has not committed yet, of all streams. False: where it stands is not known. */
bool sink_set_behind(const struct sink_set *set, struct log_behind *out);
/* Wait for a commit to any stream, a new one, an order, or ms. `seen` was loaded before the last look. */
struct sink_words {
    uint32_t *words[FUTEX_WORDS_MAX];
    uint32_t seen[FUTEX_WORDS_MAX];
    unsigned n;
    bool all; /* else there are more streams than words: wait shortly */
};
void sink_set_words(const struct sink_set *set, struct sink_words *out);
void sink_set_wait(const struct sink_words *words, int64_t ms);

#endif
