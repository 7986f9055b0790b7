/*
 * seen.h: what a worker has told of its connector that is worth knowing when no worker runs: offsets, topics, and how
 * far sinks have flushed which stream (design D19). Kept in the store as one JSON object:
 *   {"offsets":[{"partition":{},"offset":{}}], "topics":["t"], "flushed":[{"stream":"s","id":"s/1a2b3c4d","offset":7}],
 *    "log":{"bytes":1,"disk_bytes":4096}}
 * Pure data; single-threaded.
 */
#ifndef SUPERVISOR_SEEN_H
#define SUPERVISOR_SEEN_H

#include <homeport/homeport.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct seen_flush {
    char *stream, *id;
    uint64_t offset;
};
struct seen {
    json_t *offsets; /* array or NULL */
    char **topics;
    size_t n_topics;
    struct seen_flush *flushed;
    size_t n_flushed;
    int64_t log_bytes, log_disk_bytes; /* of a source's stream, when it was last written */
    bool log_known;
    bool dirty; /* newer than the store */
};

void seen_finish(struct seen *s);                   /* zeroed after */
void seen_load(struct seen *s, const json_t *json); /* what cannot be understood is left out */
json_t *seen_json(const struct seen *s);            /* NULL: no memory */

/* From a worker's messages. False: not of the right form, or beyond bounds; nothing changed. */
bool seen_offsets(struct seen *s, json_t *offsets);
bool seen_topics(struct seen *s, const json_t *topics, bool *changed);
bool seen_flushed(struct seen *s, const char *stream, const char *id, uint64_t offset);
/* The offsets were changed as a request asked: each partition of the list, or all (NULL) reset. */
void seen_changed_offsets(struct seen *s, const json_t *list);
void seen_log(struct seen *s, int64_t bytes, int64_t disk_bytes);
void seen_forget_flushed(struct seen *s); /* another target or position from here on: retention holds everything */

#endif
