/* log_support.h: a log in a folder of its own, and batches whose records tell what they are. */
#ifndef LOG_SUPPORT_H
#define LOG_SUPPORT_H

#include "builder.h"
#include "log.h"

#include <stdarg.h>

struct bench {
    char dir[256];
    struct log *log;
    struct log_writer *w;
    struct builder b;
    struct hp_error err;
};

void bench_open(struct bench *t);                       /* folder and log, no stream */
void bench_writer(struct bench *t, const char *stream); /* opens a writer */
void bench_close(struct bench *t);                      /* closes and removes everything */
void remove_tree(const char *dir);

/* Appends records to t->b: a BEGIN with this xid if not 0, then n records of the topic; record i has value first + i in
   column "id" and a text of `bytes` bytes made from it in column "v". */
void add_rows(struct bench *t, const char *topic, uint64_t xid, int64_t first, unsigned n, uint32_t subxid,
              unsigned bytes);
void append_rows(struct bench *t, const char *topic, uint64_t xid, int64_t first, unsigned n); /* and log_append them */
void commit_rows(struct bench *t, const char *topic, uint64_t xid, int64_t first, unsigned n); /* in a transaction */
void chunk_rows(struct bench *t, uint64_t xid, const char *topic, int64_t first, unsigned n, uint32_t subxid);
void chunks_end(struct bench *t, uint64_t xid, const uint32_t *aborted,
                uint64_t n_aborted); /* commit of the transaction */

/* Column "id" of record i; checks that "v" fits to it. */
int64_t row_id(const struct hp_record *rec);
/* Reads on until HP_IDLE and checks that ids come as first, first + 1, ...; returns how many came. */
uint64_t read_ids(struct log_reader *r, int64_t first, uint64_t max_bytes, struct hp_error *err);

#endif
