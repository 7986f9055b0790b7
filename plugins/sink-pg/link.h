/*
 * link.h: the one connection to the target: connecting, waiting (so that the host knows, and can interrupt), single
 * queries, pipelines of prepared statements, and COPY. [task], but for link_interrupt [any].
 *
 * Two kinds of failure are kept apart. A connection that is gone, or an interruption, is an error of the call (RETRY),
 * and the link is broken until opened anew. A statement that the server refused is `failure`: the caller decides what
 * it means, link_report() makes an error of it.
 */
#ifndef SINK_PG_LINK_H
#define SINK_PG_LINK_H

#include "config.h"
#include "failure.h"

#include <libpq-fe.h>

/* What a sent statement is, for whoever reads its result. */
#define CMD_CONTROL  0 /* BEGIN, SAVEPOINT, ... */
#define CMD_WRITE    1 /* rows */
#define CMD_POSITION 2
#define CMD_COMMIT   3

struct statement {
    char name[16];
    uint32_t generation; /* of the connection on which it is prepared; 0: on none */
    char *sql;
    uint32_t n_params;
    uint32_t *types; /* OIDs */
};

struct command {
    uint8_t what;
    bool prepare; /* it only prepares the statement */
    bool aside;   /* rows it touches are not those of the step */
    struct statement *statement;
    uint32_t step;  /* CMD_WRITE: of the plan, */
    uint32_t entry; /* first of its entries within the step, */
    uint32_t rows;  /* and how many */
};

struct link {
    const struct hp_host *host;
    const struct hp_host_waiting *waiting; /* may be NULL */
    PGconn *pg;
    int wake; /* eventfd */
    int version;
    bool broken;
    bool pipeline;
    bool unsynced;        /* commands were sent since the last sync */
    bool syncing;         /* a sync was sent, its answer not read */
    bool huge;            /* libpq's buffers have grown beyond reason: connect anew when idle */
    struct command *sent; /* ring: sent, result not read */
    uint32_t head, n_sent, cap;
    uint64_t unflushed; /* bytes handed to libpq since it was last empty */
    bool failed;        /* a statement of this transaction was refused: see failure */
    struct failure failure;
    struct command failed_command;
    uint32_t n_prepared; /* statements on the server */
    uint32_t generation; /* grows when prepared statements are gone: with every connection and link_forget() */
    void (*on_result)(void *arg, const struct command *c, uint64_t rows);
    void *on_result_arg;
};

hp_status link_init(struct link *l, const struct hp_host *host, struct hp_error *err);
void link_finish(struct link *l);
hp_status link_open(struct link *l, const struct sink_config *config, struct hp_error *err);
void link_close(struct link *l);
void link_interrupt(struct link *l);

/* One statement by itself, text parameters and results. A refusal is failure + HP_IDLE (and *out NULL). */
hp_status link_query(struct link *l, const char *sql, int n, const char *const *values, PGresult **out,
                     struct hp_error *err);
/* Add to the pipeline. values: binary, in network order; a NULL value is null. */
hp_status link_send(struct link *l, const struct command *c, int n, const char *const *values, const int *lengths,
                    struct hp_error *err);
hp_status link_text(struct link *l, const struct command *c, const char *sql, struct hp_error *err);
hp_status link_control(struct link *l, const char *sql, struct hp_error *err);
/* Drop all prepared statements; they are prepared again when next used. */
hp_status link_forget(struct link *l, struct hp_error *err);
/* Send what is queued and read all results. Refusals: l->failed. */
hp_status link_sync(struct link *l, struct hp_error *err);
hp_status link_sync_send(struct link *l, struct hp_error *err); /* its first half, as far as it goes without waiting */
hp_status link_sync_read(struct link *l, struct hp_error *err);
/* Push what libpq holds when it is more than a few MiB. */
hp_status link_push(struct link *l, struct hp_error *err);

/* COPY ... FROM STDIN; ends a pipeline first. */
hp_status link_copy_begin(struct link *l, const char *sql, struct hp_error *err);
hp_status link_copy_data(struct link *l, const void *data, size_t len, struct hp_error *err);
hp_status link_copy_end(struct link *l, uint64_t *out_rows, struct hp_error *err);
hp_status link_copy_abort(struct link *l, struct hp_error *err); /* the transaction is void then */

/* failure as an error. what: "writing \"s\".\"t\"", say. */
hp_status link_report(const struct link *l, const char *what, struct hp_error *err);

#endif
