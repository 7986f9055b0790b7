/*
 * control_thread.h: the thread that listens to the supervisor, says once a second that the process is there, watches
 * the plugin for hanging, and ends the process when the supervisor is gone.
 */
#ifndef WORKER_CONTROL_THREAD_H
#define WORKER_CONTROL_THREAD_H

#include "buf.h"
#include "worker_process.h"

/* Read one line (without the newline) from fd into `line`, keeping what came behind it in `rest`. HP_END: the other
   side is gone. Blocks. */
hp_status control_read_line(int fd, struct buf *rest, struct buf *line, struct hp_error *err);
/* `rest`: what was read behind the start message; taken over. */
hp_status control_thread_start(struct worker *w, struct buf *rest, struct hp_error *err);
/* A joinable thread with a small stack and all signals blocked but the fatal ones. */
hp_status worker_thread(pthread_t *out, void *(*run)(void *), void *arg, struct hp_error *err);

#endif
