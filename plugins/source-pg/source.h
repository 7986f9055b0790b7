/*
 * source.h: one instance of the plugin, and how its parts see each other: plugin.c makes it, start.c connects it,
 * then poll goes to snapshot.c until that is through, and to stream.c from then on. [task], but for wake_fd.
 */
#ifndef SOURCE_PG_SOURCE_H
#define SOURCE_PG_SOURCE_H

#include "feedback.h"
#include "position.h"
#include "relation.h"
#include "slot.h"
#include "stream.h"
#include "text.h"
#include "wire.h"

struct snapshot;

enum phase {
    PHASE_STOPPED,
    PHASE_SNAPSHOT,
    PHASE_STREAM,
    PHASE_PARKED, /* disconnected while the host had no room for long */
    PHASE_END
};

struct source {
    struct services services;
    struct settings settings;
    int wake_fd; /* eventfd: written by interrupt() from any thread */
    enum phase phase;
    bool started_once;     /* snapshot.mode=always means the connector's start, not a reconnect */
    struct session normal; /* catalog; open on demand while streaming */
    int64_t normal_used_us;
    struct session replication;
    struct server_identity server;
    struct position position; /* of what is handled */
    struct text json;         /* of the position last given */
    struct feedback feedback;
    struct relations relations;
    struct stream stream;
    struct snapshot *snapshot; /* while it runs */
    uint64_t idle_us;          /* see feedback.h */
    bool no_streaming;         /* the server failed while it streamed an open transaction: they come whole */
    bool no_binary;            /* a column's type has no binary form, or not a portable one: all comes as text */
    char *partition;           /* JSON, for homeport.source-offsets */
};

/* start.c [task] */
hp_status source_start(struct source *s, struct hp_bytes position, struct hp_error *err);
void source_stop(struct source *s, bool final);
/* The ordinary connection, opened if it is not. */
hp_status source_catalog(struct source *s, struct session **out, struct hp_error *err);
/* Give the place up to which all is handled, with whatever the batch holds. */
hp_status source_give(struct source *s, struct hp_poll *poll, struct hp_error *err);

/* stream.c: begin streaming from the position. */
hp_status stream_begin(struct source *s, struct hp_error *err);
hp_status stream_poll(struct source *s, struct hp_poll *poll, struct hp_error *err);
hp_status stream_commit(struct source *s, uint64_t ticket, struct hp_error *err);
void stream_end(struct source *s);    /* with a last word to the server, */
void stream_finish(struct source *s); /* without */

/* snapshot.c: make the slot if `make_slot`, read the tables if `read_tables`, then stream. */
hp_status snapshot_begin(struct source *s, bool make_slot, bool read_tables, struct hp_error *err);
hp_status snapshot_poll(struct source *s, struct hp_poll *poll, struct hp_error *err);
void snapshot_finish(struct source *s);

#endif
