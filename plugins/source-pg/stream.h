/*
 * stream.h: the state between two polls of streaming: the transaction at hand, those that the server streams while
 * they are open (D14), and what did not fit into the last batch. [task]
 */
#ifndef SOURCE_PG_STREAM_H
#define SOURCE_PG_STREAM_H

#include "pgoutput.h"
#include "wire.h"

#define STREAM_NOWHERE UINT64_MAX

/* A transaction of which the server has sent parts before its end. */
struct open_tx {
    struct hp_tx tx;
    bool skip;    /* made by a Homeport sink */
    bool chunked; /* chunks were given to the host */
    uint32_t seq;
    uint32_t *aborted;
    size_t n_aborted, cap_aborted;
};

struct open_txs {
    struct open_tx **items;
    size_t n, cap;
};

/* What the builder holds. */
enum content { CONTENT_NONE, CONTENT_WHOLE, CONTENT_CHUNK };

struct stream {
    struct wire wire;
    struct pgoutput_mode mode;
    struct pgoutput_scratch *scratch;
    bool streaming; /* the server may stream open transactions */
    /* the transaction between B and C */
    bool in_tx, skip, chunked;
    struct hp_tx tx;
    uint32_t seq;
    uint64_t begin_at; /* its BEGIN record in the builder, or STREAM_NOWHERE */
    /* streamed ones */
    struct open_txs open;
    struct open_tx *current; /* between S and E */
    /* the batch being built */
    enum content content;
    uint64_t done_len, done_records; /* of the transactions that are complete */
    struct hp_tx chunk_tx;
    /* an unfinished transaction's records, kept for the next poll */
    uint8_t *carry;
    size_t carry_len, carry_cap;
    uint64_t carry_records;
    /* COMMIT or ABORT to be given next */
    bool outcome;
    uint32_t outcome_kind;
    struct open_tx *outcome_tx;
    struct open_tx *given_tx; /* the last one given: the host still looks at its list */
    /* pace */
    int64_t no_room_us; /* since when the host has no room, 0: it has */
    int64_t lag_us;     /* age of what arrives, by the server's clock */
    unsigned dense;     /* fills in a row that came at once */
    int64_t server_clock_us;
    uint64_t server_end;
    uint64_t skip_below;                         /* commits before this are handled already */
    int64_t n_filtered, n_looped, n_bytes, n_tx; /* since figures() */
};

struct open_tx *open_txs_find(struct open_txs *o, uint64_t xid);
struct open_tx *open_txs_add(struct open_txs *o, uint32_t xid); /* NULL: no memory */
void open_txs_remove(struct open_txs *o, struct open_tx *tx);   /* takes it out; the caller frees it */
void open_tx_free(struct open_tx *tx);
bool open_tx_abort_sub(struct open_tx *tx, uint32_t subxid);
void open_tx_sort(struct open_tx *tx); /* ascending, no doubles */
void open_txs_finish(struct open_txs *o);

#endif
