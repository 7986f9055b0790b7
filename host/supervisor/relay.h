/*
 * relay.h: what a child writes to stderr, line by line into our own log, with the last lines kept for traces (D17).
 * Bounded in all directions: length of a line, lines kept, lines a second (what is left out is counted and said).
 */
#ifndef SUPERVISOR_RELAY_H
#define SUPERVISOR_RELAY_H

#include "buf.h"
#include "loop.h"

#define RELAY_LINES 24u  /* a stack of crash.c, and what it says before it */
#define RELAY_LINE  400u /* bytes kept of a line in traces */

struct relay {
    struct loop *loop;
    struct loop_fd fd;
    const char *who; /* shown before lines that are not log lines of ours; borrowed */
    char line[2048];
    size_t len; /* what does not fit is dropped */
    char *last[RELAY_LINES];
    size_t next;
    int64_t second; /* of the rate */
    unsigned in_second, left_out;
};
/* Takes the descriptor over. who outlives the relay. */
hp_status relay_open(struct relay *r, struct loop *loop, const char *who, int fd, struct hp_error *err);
void relay_close(struct relay *r);                       /* reads what is left first; the last lines stay */
void relay_forget(struct relay *r);                      /* the last lines */
void relay_last(const struct relay *r, struct buf *out); /* oldest first, each ended by \n */

#endif
