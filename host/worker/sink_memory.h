/*
 * sink_memory.h: what a sink must remember about a stream beside the position that its target keeps: which topics it
 * reads, from where on each of them counts ("floor", a stream offset), and a change of position that was decided but
 * may not have reached the target yet. Kept in <data.dir>/sinks/<connector>, by stream id. [task]
 *
 * The target keeps one position per stream. Topics of a stream that stand at different places (offsets altered one by
 * one, a topic added to `topics` later) are read from the least of them, and floors hide what the others had already.
 */
#ifndef WORKER_SINK_MEMORY_H
#define WORKER_SINK_MEMORY_H

#include "log.h"

struct sink_floor {
    char *topic;
    uint64_t floor;
};

struct sink_memory {
    struct sink_floor *topics;
    size_t n;
    bool pending;    /* the target's position is to become `offset`; UINT64_MAX: forgotten */
    uint64_t offset; /* with pending */
};

hp_status sink_memory_open(const char *data_dir, const char *connector, struct log_map **out, struct hp_error *err);
/* HP_IDLE: nothing is known of that stream (*out is empty then). */
hp_status sink_memory_load(struct log_map *map, const char *stream_id, struct sink_memory *out, struct hp_error *err);
/* Durable when it returns. Without topics and pending the entry goes. */
hp_status sink_memory_store(struct log_map *map, const char *stream_id, const struct sink_memory *m,
                            struct hp_error *err);
void sink_memory_finish(struct sink_memory *m);
struct sink_floor *sink_memory_find(const struct sink_memory *m, const char *topic);
bool sink_memory_set(struct sink_memory *m, const char *topic, uint64_t floor); /* false: no memory */

#endif
