/* record_concurrency.c: what several threads may do at once with a schema pool, and builders handed from one thread to
 * another. */
#include "builder.h"
#include "check.h"
#include "must.h"
#include "schema_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NAMES   400
#define THREADS 4

static struct schema_pool *pool;

static const struct hp_schema *intern(int i)
{
    struct hp_error err = {.size = sizeof err};
    struct hp_column column = {.size = sizeof column, .name = hp_bytes_of("c"), .type = HP_INT64};
    char name[32];
    struct hp_schema s = {.size = sizeof s, .n_columns = 1, .column_size = sizeof column, .columns = &column};
    snprintf(name, sizeof name, "s%d", i);
    s.name = hp_bytes_of(name);
    return schema_pool_intern(pool, &s, &err);
}

static void *adds(void *arg)
{
    struct hp_error err = {.size = sizeof err};
    int seed = *(int *)arg;
    for (int i = 0; i < NAMES; i++) {
        int which = (i * 7 + seed * 31) % NAMES;
        char name[32];
        const struct hp_schema *s = intern(which);
        uint32_t topic;
        snprintf(name, sizeof name, "t%d", which);
        topic = schema_pool_topic(pool, hp_bytes_of(name), &err);
        must(s && topic);
        must(schema_pool_get(pool, s->id) == s);
        must(strcmp(schema_pool_topic_name(pool, topic).data, name) == 0);
    }
    return NULL;
}

static void *looks(void *arg)
{
    (void)arg;
    for (uint32_t seen = 0; seen < NAMES;) {
        struct hp_batch view;
        schema_pool_view(pool, &view);
        for (uint32_t i = 1; i < view.n_schemas; i++) {
            must(view.schemas[i]->id == i);
            must(schema_pool_encoded(pool, i).len > 0);
        }
        for (uint32_t i = 1; i < view.n_topics; i++) {
            must(((const char *)view.topics[i].data)[0] == 't');
        }
        seen = view.n_schemas < view.n_topics ? view.n_schemas - 1 : view.n_topics - 1;
    }
    return NULL;
}

static void pool_is_read_while_it_grows(void)
{
    pthread_t threads[THREADS], reader;
    int seeds[THREADS];
    pool = schema_pool_create();
    pthread_create(&reader, NULL, looks, NULL);
    for (int i = 0; i < THREADS; i++) {
        seeds[i] = i;
        pthread_create(&threads[i], NULL, adds, &seeds[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_join(reader, NULL);
    must(schema_pool_n_schemas(pool) == NAMES + 1);
    must(schema_pool_n_topics(pool) == NAMES + 1);
    schema_pool_destroy(pool);
}

/* ---- builders between a filling and an emptying thread ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static struct builder builders[2];
static int full[2];

static void hand(int i, int to)
{
    pthread_mutex_lock(&lock);
    full[i] = to;
    pthread_cond_signal(&moved);
    pthread_mutex_unlock(&lock);
}

static void await(int i, int state)
{
    pthread_mutex_lock(&lock);
    while (full[i] != state) {
        pthread_cond_wait(&moved, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void *empties(void *arg)
{
    uint64_t *total = arg;
    for (int round = 0; round < 200; round++) {
        struct hp_error err = {.size = sizeof err};
        struct hp_batch batch;
        const struct hp_bytes topics[2] = {{0}, {"t", 1}};
        await(round % 2, 1);
        batch = builder_batch(&builders[round % 2]);
        batch.topics = topics;
        batch.n_topics = 2;
        must(batch_check(&batch, &err) == HP_OK);
        *total += batch.n_records;
        builder_reset(&builders[round % 2]);
        hand(round % 2, 0);
    }
    return NULL;
}

static void builders_change_hands(void)
{
    struct hp_error err = {.size = sizeof err};
    uint64_t total = 0, made = 0;
    pthread_t other;
    for (int i = 0; i < 2; i++) {
        must(builder_init(&builders[i], 8192, 1 << 20, &err) == HP_OK);
    }
    pthread_create(&other, NULL, empties, &total);
    for (int round = 0; round < 200; round++) {
        struct hp_builder *b = &builders[round % 2].b;
        await(round % 2, 0);
        for (int i = 0; i < 1 + round % 90; i++, made++) {
            char data[300] = {0};
            uint32_t row;
            must(hp_record_begin(b, HP_RECORD_PLAIN, 0) == HP_OK);
            row = hp_record_row(b, 1);
            hp_record_bytes(b, row, 0, HP_BYTES, 0, data, sizeof data);
            hp_record_open(b)->after = row;
            hp_record_open(b)->topic = 1;
            must(hp_record_end(b) == HP_OK);
        }
        hand(round % 2, 1);
    }
    pthread_join(other, NULL);
    must(total == made);
    builder_finish(&builders[0]);
    builder_finish(&builders[1]);
}

int main(void)
{
    pool_is_read_while_it_grows();
    builders_change_hands();
    return 0;
}
