/* open_txs.c: the transactions that the server streams while they are open; see stream.h. */
#include "stream.h"

#include <stdlib.h>

struct open_tx *open_txs_find(struct open_txs *o, uint64_t xid)
{
    for (size_t i = 0; i < o->n; i++) {
        if (o->items[i]->tx.id == xid) {
            return o->items[i];
        }
    }
    return NULL;
}

struct open_tx *open_txs_add(struct open_txs *o, uint32_t xid)
{
    struct open_tx *tx;
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 8;
        struct open_tx **more = realloc(o->items, cap * sizeof *more);
        if (!more) {
            return NULL;
        }
        o->items = more;
        o->cap = cap;
    }
    tx = calloc(1, sizeof *tx);
    if (tx) {
        tx->tx.size = sizeof tx->tx;
        tx->tx.id = xid;
        o->items[o->n++] = tx;
    }
    return tx;
}

void open_txs_remove(struct open_txs *o, struct open_tx *tx)
{
    for (size_t i = 0; i < o->n; i++) {
        if (o->items[i] == tx) {
            o->items[i] = o->items[--o->n];
            return;
        }
    }
}

void open_tx_free(struct open_tx *tx)
{
    if (tx) {
        free(tx->aborted);
        free(tx);
    }
}

bool open_tx_abort_sub(struct open_tx *tx, uint32_t subxid)
{
    if (tx->n_aborted == tx->cap_aborted) {
        size_t cap = tx->cap_aborted ? tx->cap_aborted * 2 : 16;
        uint32_t *more = realloc(tx->aborted, cap * sizeof *more);
        if (!more) {
            return false;
        }
        tx->aborted = more;
        tx->cap_aborted = cap;
    }
    tx->aborted[tx->n_aborted++] = subxid;
    return true;
}

static int compare_xids(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

void open_tx_sort(struct open_tx *tx)
{
    size_t n = 0;
    if (tx->n_aborted == 0) {
        return;
    }
    qsort(tx->aborted, tx->n_aborted, sizeof *tx->aborted, compare_xids);
    for (size_t i = 1; i < tx->n_aborted; i++) {
        if (tx->aborted[i] != tx->aborted[n]) {
            tx->aborted[++n] = tx->aborted[i];
        }
    }
    tx->n_aborted = n + 1;
}

void open_txs_finish(struct open_txs *o)
{
    for (size_t i = 0; i < o->n; i++) {
        open_tx_free(o->items[i]);
    }
    free(o->items);
    memset(o, 0, sizeof *o);
}
