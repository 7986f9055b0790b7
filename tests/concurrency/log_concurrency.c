/*
 * log_concurrency.c: one process with everything a worker and a supervisor do at once: a log thread that commits, a
 * task thread that adds names and schemas, readers of the same stream, and someone who asks for its figures.
 */
#include "builder.h"
#include "futex.h"
#include "log.h"
#include "must.h"

#include <pthread.h>
#include <unistd.h>

#define COMMITS 150
#define PER     20
#define READERS 3

static struct log *the_log;
static struct log_writer *writer;
static char dir[] = "/tmp/homeport-race-XXXXXX";

static void build(struct builder *b, int number)
{
    struct hp_error err = {.size = sizeof err};
    struct hp_column column = {.size = sizeof column, .name = hp_bytes_of("id"), .type = HP_INT64};
    struct hp_schema schema = {.size = sizeof schema, .n_columns = 1, .column_size = sizeof column, .columns = &column};
    struct schema_pool *pool = log_writer_pool(writer);
    char name[32];
    const struct hp_schema *s;
    uint32_t topic;
    (void)snprintf(name, sizeof name, "t%d", number);
    schema.name = hp_bytes_of(name);
    s = schema_pool_intern(pool, &schema, &err);
    topic = schema_pool_topic(pool, hp_bytes_of(name), &err);
    must(s && topic);
    builder_reset(b);
    for (int i = 0; i < PER; i++) {
        uint32_t row;
        must(hp_record_begin(&b->b, HP_RECORD_CHANGE, HP_OP_CREATE) == HP_OK);
        row = hp_record_row(&b->b, 1);
        hp_record_put(&b->b, row, 0, HP_INT64)->u.i64 = number * PER + i;
        hp_record_open(&b->b)->after = row;
        hp_record_open(&b->b)->topic = topic;
        hp_record_open(&b->b)->schema = s->id;
        must(hp_record_end(&b->b) == HP_OK);
    }
}

/* ---- task thread -> log thread, one builder at a time ---- */

static struct builder builder;
static uint32_t built, stored; /* futex words */

static void *task(void *arg)
{
    (void)arg;
    for (int i = 0; i < COMMITS; i++) {
        uint32_t *word = &stored, seen;
        while ((seen = __atomic_load_n(&stored, __ATOMIC_SEQ_CST)) < (uint32_t)i) {
            futex_wait_any(&word, &seen, 1, -1);
        }
        build(&builder, i);
        futex_bump(&built);
    }
    return NULL;
}

static void *log_thread(void *arg)
{
    struct hp_error err = {.size = sizeof err};
    (void)arg;
    for (int i = 0; i < COMMITS; i++) {
        uint32_t *word = &built, seen;
        struct hp_batch batch;
        while ((seen = __atomic_load_n(&built, __ATOMIC_SEQ_CST)) <= (uint32_t)i) {
            futex_wait_any(&word, &seen, 1, -1);
        }
        batch = builder_batch(&builder);
        must(log_begin(writer, &err) == HP_OK && log_append(writer, &batch, &err) == HP_OK &&
             log_commit(writer, &err) == HP_OK);
        futex_bump(&stored);
    }
    return NULL;
}

static void *reader(void *arg)
{
    struct hp_error err = {.size = sizeof err};
    struct log_reader *r;
    int64_t n = 0;
    (void)arg;
    must(log_reader_open(the_log, "s", &r, &err) == HP_OK);
    while (n < COMMITS * PER) {
        uint32_t *word = log_reader_word(r), seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
        struct log_read read;
        hp_status status = log_reader_next(r, 1 << 20, &read, &err);
        if (status == HP_IDLE) {
            futex_wait_any(&word, &seen, 1, 1000);
            continue;
        }
        must(status == HP_OK);
        struct hp_iter it = hp_batch_iter(&read.batch);
        while (hp_iter_next(&it)) {
            must(hp_record_after(it.rec)->u.i64 == n++);
            must(hp_batch_schema(&read.batch, it.rec->schema)->id == it.rec->schema);
        }
    }
    log_reader_close(r);
    return NULL;
}

static void *asks(void *arg)
{
    struct hp_error err = {.size = sizeof err};
    uint64_t end = 0;
    (void)arg;
    while (end < COMMITS * PER) {
        struct log_stream_info info;
        struct log_topic_info *topics;
        size_t n;
        must(log_stream_info(the_log, "s", &info, &err) == HP_OK && info.end >= end);
        end = info.end;
        log_stream_info_finish(&info);
        must(log_topics(the_log, "s", &topics, &n, &err) == HP_OK);
        log_topics_free(topics, n);
    }
    return NULL;
}

static void remove_folder(void)
{
    static const char *const files[] = {".wake", ".lock"};
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        must(unlink(path) == 0);
    }
    must(rmdir(dir) == 0);
}

int main(void)
{
    static void *(*const roles[])(void *) = {task, log_thread, asks};
    struct hp_error err = {.size = sizeof err};
    struct log_config config = {.dir = mkdtemp(dir), .max_record = 1 << 20, .reserve = 1 << 20};
    pthread_t threads[3 + READERS];
    must(config.dir && log_open(&config, &the_log, &err) == HP_OK &&
         log_writer_open(the_log, "s", &writer, &err) == HP_OK &&
         builder_init(&builder, 1 << 16, 1 << 20, &err) == HP_OK);
    for (int i = 0; i < 3 + READERS; i++) {
        must(pthread_create(&threads[i], NULL, i < 3 ? roles[i] : reader, NULL) == 0);
    }
    for (int i = 0; i < 3 + READERS; i++) {
        must(pthread_join(threads[i], NULL) == 0);
    }
    log_writer_close(writer);
    must(log_stream_delete(the_log, "s", &err) == HP_OK);
    log_close(the_log);
    builder_finish(&builder);
    remove_folder();
    return 0;
}
