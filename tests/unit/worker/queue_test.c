/* queue_test.c: order, bounds, and what becomes of items when the log thread gives up. */
#include "source_queue.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct source_queue q;

static struct queue_item item_of(uint64_t ticket, uint64_t bytes)
{
    struct queue_item item = {.kind = HP_POLL_BATCH, .builder = queue_builder(&q), .bytes = bytes, .ticket = ticket};
    item.position = strdup("{}");
    item.position_len = 2;
    return item;
}

static void *writer(void *arg)
{
    struct queue_item items[QUEUE_ITEMS];
    uint64_t *last = arg;
    bool closed = false;
    while (!closed) {
        unsigned n = queue_take(&q, items, 100, &closed);
        for (unsigned i = 0; i < n; i++) {
            cr_assert_eq(items[i].ticket, *last + 1);
            *last = items[i].ticket;
        }
        if (n) {
            queue_written(&q, items, n, NULL);
            closed = false;
        }
    }
    return NULL;
}

Test(queue, keeps_the_order_and_tells_what_is_durable)
{
    struct hp_error err = {.size = sizeof err};
    pthread_t thread;
    uint64_t last = 0;
    cr_assert_eq(queue_init(&q, 4096, 1u << 20, &err), HP_OK);
    cr_assert_eq(pthread_create(&thread, NULL, writer, &last), 0);
    for (uint64_t i = 1; i <= 20000; i++) {
        struct queue_item item = item_of(i, 100);
        cr_assert_eq(queue_push(&q, &item, &err), HP_OK);
    }
    cr_assert_eq(queue_wait_written(&q, -1, &err), HP_OK);
    cr_assert_eq(atomic_load(&q.durable), 20001);
    cr_assert_eq(q.bytes, 0);
    queue_close(&q);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    queue_trim(&q);
    cr_assert_eq(q.n_spare, 0);
}

Test(queue, is_bounded_by_bytes)
{
    struct hp_error err = {.size = sizeof err};
    struct queue_item items[QUEUE_ITEMS], item;
    bool closed;
    cr_assert_eq(queue_init(&q, 4096, 1u << 20, &err), HP_OK);
    cr_assert(queue_has_room(&q));
    item = item_of(1, QUEUE_BYTES);
    cr_assert_eq(queue_push(&q, &item, &err), HP_OK);
    cr_assert(!queue_has_room(&q));
    cr_assert_eq(queue_wait_written(&q, 0, &err), HP_IDLE);
    cr_assert_eq(queue_take(&q, items, 0, &closed), 1);
    cr_assert(queue_has_room(&q), "the next one is filled while this one is written");
    item = item_of(2, QUEUE_BYTES);
    cr_assert_eq(queue_push(&q, &item, &err), HP_OK);
    cr_assert(!queue_has_room(&q), "and no more than that");
    queue_written(&q, items, 1, NULL);
    cr_assert(!queue_has_room(&q));
    cr_assert_eq(queue_take(&q, items, 0, &closed), 1);
    queue_written(&q, items, 1, NULL);
    cr_assert(queue_has_room(&q));
    queue_trim(&q);
}

Test(queue, a_failure_reaches_the_task)
{
    struct hp_error err = {.size = sizeof err}, why = {.size = sizeof why};
    struct queue_item items[QUEUE_ITEMS], item;
    bool closed;
    cr_assert_eq(queue_init(&q, 4096, 1u << 20, &err), HP_OK);
    item = item_of(1, 1);
    cr_assert_eq(queue_push(&q, &item, &err), HP_OK);
    cr_assert_eq(queue_take(&q, items, 0, &closed), 1);
    (void)hp_fail(&why, HP_ERROR_FATAL, "", "broken");
    queue_written(&q, items, 1, &why);
    cr_assert_eq(atomic_load(&q.durable), 0);
    item = item_of(2, 1);
    cr_assert_eq(queue_push(&q, &item, &err), HP_ERROR);
    cr_assert_str_eq(err.message, "broken");
    cr_assert_eq(queue_wait_written(&q, -1, &err), HP_ERROR);
    queue_trim(&q);
}
