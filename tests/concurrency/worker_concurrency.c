/*
 * worker_concurrency.c: for ThreadSanitizer: a task that pushes and a log thread that takes, a plugin's threads that
 * count and wait, and a control thread that looks at all of it.
 */
#include "life.h"
#include "metrics.h"
#include "source_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 5000u

static struct source_queue queue;
static struct metrics metrics;
static struct life life;
static atomic_bool over;

static void check(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static void *log_thread(void *arg)
{
    struct queue_item items[QUEUE_ITEMS];
    bool closed = false;
    (void)arg;
    for (;;) {
        unsigned n = queue_take(&queue, items, 50, &closed);
        if (n) {
            queue_written(&queue, items, n, NULL);
        } else if (closed) {
            return NULL;
        }
    }
}

static void *plugin_thread(void *arg)
{
    char name[32];
    (void)snprintf(name, sizeof name, "figure_%ld", (long)(intptr_t)arg);
    while (!atomic_load(&over)) {
        metric_add(metrics_figure(&metrics, name, "", "", HP_METRIC_COUNTER), 1);
        metric_add(metrics_figure(&metrics, "shared", "", "", HP_METRIC_COUNTER), 1);
        life_wait_begin(&life, name);
        life_alive(&life);
        life_wait_end(&life);
    }
    return NULL;
}

static void *control_thread(void *arg)
{
    char what[160];
    (void)arg;
    for (int64_t now = 0; !atomic_load(&over); now++) {
        json_decref(metrics_changes(&metrics));
        (void)life_silent_ms(&life, now);
        (void)life_waiting_ms(&life, now, what);
    }
    return NULL;
}

static void push(uint64_t ticket)
{
    struct hp_error err = {.size = sizeof err};
    struct queue_item item = {.kind = HP_POLL_BATCH, .bytes = 64, .records = 1, .ticket = ticket, .position_len = 2};
    item.builder = queue_builder(&queue);
    item.position = strdup("{}");
    check(item.builder && item.position, "out of memory");
    check(hp_record_begin(&item.builder->b, HP_RECORD_PLAIN, 0) == HP_OK, "no record");
    (void)hp_record_row(&item.builder->b, 1);
    check(hp_record_end(&item.builder->b) == HP_OK, "no record");
    life_enter(&life, "source.poll", "test");
    check(queue_push(&queue, &item, &err) == HP_OK, err.message);
    life_leave(&life);
}

int main(void)
{
    struct hp_error err = {.size = sizeof err};
    pthread_t log, control, plugin[2];
    life_init(&life);
    metrics_init(&metrics);
    check(queue_init(&queue, 4096, 1u << 20, &err) == HP_OK, err.message);
    check(pthread_create(&log, NULL, log_thread, NULL) == 0, "no thread");
    check(pthread_create(&control, NULL, control_thread, NULL) == 0, "no thread");
    for (intptr_t i = 0; i < 2; i++) {
        check(pthread_create(&plugin[i], NULL, plugin_thread, (void *)i) == 0, "no thread");
    }
    for (uint64_t i = 1; i <= ITEMS; i++) {
        push(i);
        if (i % 100 == 0) {
            queue_trim(&queue);
        }
    }
    check(queue_wait_written(&queue, -1, &err) == HP_OK, err.message);
    check(atomic_load(&queue.durable) == ITEMS + 1, "not everything is durable");
    queue_close(&queue);
    atomic_store(&over, true);
    (void)pthread_join(log, NULL);
    (void)pthread_join(control, NULL);
    for (unsigned i = 0; i < 2; i++) {
        (void)pthread_join(plugin[i], NULL);
    }
    queue_trim(&queue);
    metrics_finish(&metrics);
    return 0;
}
