/* worker_support.h: runs `homeport worker` over a socketpair, as the supervisor would, and looks at what it did. */
#ifndef WORKER_SUPPORT_H
#define WORKER_SUPPORT_H

#include "control.h"
#include "log.h"

#include <sys/types.h>

struct place {
    char dir[64]; /* data.dir; removed by place_finish() */
    char plugins[96];
    unsigned epoch;
};
void place_init(struct place *p);
void place_finish(struct place *p);
const char *place_file(const struct place *p, const char *name); /* a path in it; static memory */

struct run {
    pid_t pid;
    int fd;
    struct buf rest;
    json_t *offsets, *topics; /* the last told */
    char state[32], trace[1200];
    int64_t flushed;
    unsigned alive, progress;
    int64_t figures[4]; /* records_in, records_out, records_filtered, log_bytes */
};
/* config: "key=value" texts, NULL at the end; paused and floor.topics go into the start message. */
void run_start(struct run *r, struct place *p, const char *op, const char *connector, const char *kind,
               const char *plugin, const char *offsets, const char *const *config);
/* Reads messages until one of type t has come; false after the time limit. */
bool run_until(struct run *r, const char *t);
bool run_until_state(struct run *r, const char *state);
void run_say(struct run *r, const char *line);
void run_kill(struct run *r); /* kill -9 */
int run_stop(struct run *r);  /* asks for a stop; the exit status, or -signal */
int run_wait(struct run *r);  /* the exit status, or -signal */
/* An operation on offsets: its message; the worker has ended. */
void run_op(struct place *p, const char *op, const char *connector, const char *kind, const char *plugin,
            const char *offsets, const char *const *config, char message[1000], bool *failed);

/* The numbers in a stream, in order; count. Waits until there are at least `wanted`. */
size_t numbers_in_log(struct place *p, const char *stream, int64_t *out, size_t max, size_t wanted);
/* The numbers that the sink test-blocks has committed. */
size_t numbers_in_file(const char *path, int64_t *out, size_t max);
size_t wait_numbers_in_file(const char *path, int64_t *out, size_t max, size_t wanted);

#endif
