/*
 * sink_stream.h: one stream as a sink reads it: its reader, which of its topics are wanted and from where on, and where
 * the target stands. [task]
 */
#ifndef WORKER_SINK_STREAM_H
#define WORKER_SINK_STREAM_H

#include "sink_memory.h"
#include "sink_topics.h"
#include "worker_process.h"

struct sink_stream {
    char *name;
    char *id; /* of the stream that `memory` and positions speak of; "" until there is one */
    struct log_reader *reader;
    struct sink_memory memory;
    bool placed;       /* the reader stands where the target left off */
    bool known;        /* the target told `position` */
    uint64_t position; /* committed in the target */
    uint64_t next;     /* of the reader; >= position */
    uint64_t flushed;  /* as last reported */
    bool flushed_known;

    /* by topic id of the stream */
    struct sink_want {
        bool wanted;
        uint64_t floor;
    } * wants;
    uint32_t n_wants;
    bool any_unwanted;
    uint64_t highest_floor;

    /* with transforms: names and schemas of what they make, and the stream's own ids in it */
    struct schema_pool *pool;
    uint32_t *schema_map, *topic_map;
    uint32_t n_schema_map, n_topic_map;
    bool mapped; /* some id differs */
};

struct sink_stream *sink_stream_open(struct log *log, const char *name, struct hp_error *err);
void sink_stream_close(struct sink_stream *s);

/* Does the stream have a topic that is wanted? */
hp_status sink_stream_wanted(struct log *log, const char *name, const struct sink_topics *topics, bool *out,
                             struct hp_error *err);
/* Take up the stream's id and what is remembered of it. Before the sink is started, if `offsets` is given: finishes a
   pending change of position, and goes back for topics that are wanted now and were not before. */
hp_status sink_stream_recall(struct sink_stream *s, struct worker *w, struct log_map *map,
                             const struct sink_topics *topics, const struct hp_sink_offsets *offsets,
                             struct hp_error *err);
/* The started sink tells its position; the reader goes there. HP_IDLE: there is no such stream now. */
hp_status sink_stream_place(struct sink_stream *s, struct worker *w, const struct hp_sink *sink,
                            const struct sink_topics *topics, struct hp_error *err);
/* Learn the topics that a batch may speak of; remembers new ones durably. */
hp_status sink_stream_learn(struct sink_stream *s, const struct hp_batch *batch, struct log_map *map,
                            const struct sink_topics *topics, struct hp_error *err);
/* Add {"partition":{...},"offset":{...}} of each wanted topic to the list. */
void sink_stream_offsets(struct sink_stream *s, const struct sink_topics *topics, json_t *list);

/* Where each wanted topic of a stream begins; the caller frees with sink_starts_free(). */
struct sink_start {
    char *topic;
    uint64_t begin, end; /* topic offsets */
    uint64_t first;      /* stream offset of its oldest record */
};
hp_status sink_stream_starts(struct sink_stream *s, struct log *log, const struct sink_topics *topics,
                             struct sink_start **out, size_t *out_n, struct hp_error *err);
void sink_starts_free(struct sink_start *starts, size_t n);

#endif
