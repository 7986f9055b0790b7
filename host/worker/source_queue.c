/* source_queue.c: see source_queue.h. One lock, held for moments only. */
#include "source_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

hp_status queue_init(struct source_queue *q, uint64_t keep, uint64_t max_record, struct hp_error *err)
{
    pthread_condattr_t attr;
    memset(q, 0, sizeof *q);
    q->keep = keep;
    q->max_record = max_record;
    q->err.size = sizeof q->err;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (pthread_mutex_init(&q->lock, NULL) != 0 || pthread_cond_init(&q->work, &attr) != 0 ||
        pthread_cond_init(&q->idle, &attr) != 0) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    (void)pthread_condattr_destroy(&attr);
    return HP_OK;
}

static struct timespec at_ms(int64_t ms)
{
    return (struct timespec){ms / 1000, (ms % 1000) * 1000000};
}

bool queue_has_room(struct source_queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    bool room = q->n < QUEUE_ITEMS && q->bytes < QUEUE_BYTES;
    (void)pthread_mutex_unlock(&q->lock);
    return room;
}

struct builder *queue_builder(struct source_queue *q)
{
    struct hp_error ignored = {.size = sizeof ignored};
    struct builder *b = NULL;
    (void)pthread_mutex_lock(&q->lock);
    if (q->n_spare) {
        b = q->spare[--q->n_spare];
    }
    (void)pthread_mutex_unlock(&q->lock);
    if (!b) {
        b = calloc(1, sizeof *b);
        if (b && builder_init(b, q->keep, q->max_record, &ignored) != HP_OK) {
            free(b);
            b = NULL;
        }
    }
    return b;
}

/* The lock is held. */
static void put_spare(struct source_queue *q, struct builder *b)
{
    if (!b) {
        return;
    }
    builder_reset(b);
    if (q->n_spare < QUEUE_ITEMS) {
        q->spare[q->n_spare++] = b;
    } else {
        builder_finish(b);
        free(b);
    }
}

void queue_give_back(struct source_queue *q, struct builder *b)
{
    (void)pthread_mutex_lock(&q->lock);
    put_spare(q, b);
    (void)pthread_mutex_unlock(&q->lock);
}

static void item_finish(struct queue_item *item)
{
    free(item->aborted);
    free(item->position);
}

hp_status queue_push(struct source_queue *q, struct queue_item *item, struct hp_error *err)
{
    hp_status st = HP_OK;
    (void)pthread_mutex_lock(&q->lock);
    while (q->n == QUEUE_ITEMS && !q->failed) { /* aborts of open transactions may come in numbers */
        (void)pthread_cond_wait(&q->idle, &q->lock);
    }
    if (q->failed) {
        *err = q->err;
        put_spare(q, item->builder);
        item_finish(item);
        st = HP_ERROR;
    } else {
        q->items[q->n++] = *item;
        q->bytes += item->bytes;
        (void)pthread_cond_signal(&q->work);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return st;
}

hp_status queue_wait_written(struct source_queue *q, int64_t by_ms, struct hp_error *err)
{
    struct timespec by = at_ms(by_ms);
    hp_status st = HP_OK;
    (void)pthread_mutex_lock(&q->lock);
    while ((q->n || q->writing) && !q->failed && st == HP_OK) {
        if (by_ms < 0) {
            (void)pthread_cond_wait(&q->idle, &q->lock);
        } else if (pthread_cond_timedwait(&q->idle, &q->lock, &by) == ETIMEDOUT) {
            st = HP_IDLE;
        }
    }
    if (q->failed) {
        *err = q->err;
        st = HP_ERROR;
    }
    (void)pthread_mutex_unlock(&q->lock);
    return st;
}

hp_status queue_check(struct source_queue *q, struct hp_error *err)
{
    hp_status st = HP_OK;
    (void)pthread_mutex_lock(&q->lock);
    if (q->failed) {
        *err = q->err;
        st = HP_ERROR;
    }
    (void)pthread_mutex_unlock(&q->lock);
    return st;
}

void queue_close(struct source_queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    q->closed = true;
    (void)pthread_cond_signal(&q->work);
    (void)pthread_mutex_unlock(&q->lock);
}

void queue_trim(struct source_queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    while (q->n_spare) {
        struct builder *b = q->spare[--q->n_spare];
        builder_finish(b);
        free(b);
    }
    (void)pthread_mutex_unlock(&q->lock);
}

unsigned queue_take(struct source_queue *q, struct queue_item out[QUEUE_ITEMS], int64_t ms, bool *out_closed)
{
    struct timespec by;
    unsigned n;
    (void)clock_gettime(CLOCK_MONOTONIC, &by);
    by = at_ms((int64_t)by.tv_sec * 1000 + by.tv_nsec / 1000000 + ms);
    (void)pthread_mutex_lock(&q->lock);
    while (q->n == 0 && !q->closed && pthread_cond_timedwait(&q->work, &q->lock, &by) != ETIMEDOUT) {
    }
    n = q->n;
    memcpy(out, q->items, n * sizeof *out);
    q->n = 0;
    q->bytes = 0;
    q->writing = n > 0;
    *out_closed = q->closed;
    (void)pthread_mutex_unlock(&q->lock);
    return n;
}

void queue_written(struct source_queue *q, struct queue_item *items, unsigned n, const struct hp_error *err)
{
    uint64_t durable = atomic_load(&q->durable);
    (void)pthread_mutex_lock(&q->lock);
    for (unsigned i = 0; i < n; i++) {
        if (items[i].position) {
            durable = items[i].ticket + 1;
        }
        put_spare(q, items[i].builder);
        item_finish(&items[i]);
    }
    q->writing = false;
    if (err) {
        q->failed = true;
        q->err = *err;
    } else {
        atomic_store(&q->durable, durable);
    }
    (void)pthread_cond_broadcast(&q->idle);
    (void)pthread_mutex_unlock(&q->lock);
}
