/*
 * log_thread.h: the thread of a source's worker that writes the log: everything that is queued goes into one log
 * transaction (group commit), with the position it leads to (rule E3); a full disk is waited out with the batches kept;
 * old records are deleted in between.
 */
#ifndef WORKER_LOG_THREAD_H
#define WORKER_LOG_THREAD_H

#include "source_queue.h"
#include "worker_process.h"

struct log_thread {
    struct worker *w;
    struct log_writer *writer;
    struct source_queue *queue;
    atomic_bool polling; /* the task is inside poll: it must be interrupted to hear of a commit */
    pthread_t thread;
    struct log_retention limits;
    bool trim_told; /* that it failed */
    struct hp_metric *records_out, *bytes_out, *log_bytes, *log_disk_bytes;
    int64_t trim_at_ms, measure_at_ms;
};

hp_status log_thread_start(struct log_thread *t, struct hp_error *err);
/* After queue_close(): waits until it has written the rest and ended. */
void log_thread_join(struct log_thread *t);

#endif
