/*
 * log_bench.c: the embedded log against a bare LMDB append of the same bytes (W17), in turns on the same disk.
 *
 *     log_bench FOLDER [SECONDS]
 *
 * For each number of 200-byte records per synced transaction: records a second of a plain append and fdatasync, of bare
 * LMDB (one database, integer keys, one value per transaction) and of the log (position included); then of reading all
 * of it back, bare (a copy of each value) and through a reader (checksums and bounds checked). Ratios are log : bare
 * LMDB, medians of rounds.
 */
#include "builder.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS   9
#define ROW_TEXT 64u

static struct hp_error err = {.size = sizeof err};

static void must(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "log_bench: %s: %s\n", what, err.message[0] ? err.message : strerror(errno));
        exit(1);
    }
}

/* ---- what is written ---- */

static void fill(struct builder *b, struct schema_pool *pool, unsigned n)
{
    struct hp_column columns[2] = {{.size = sizeof columns[0], .name = hp_bytes_of("id"), .type = HP_INT64},
                                   {.size = sizeof columns[0], .name = hp_bytes_of("v"), .type = HP_STRING}};
    struct hp_schema schema = {.size = sizeof schema,
                               .name = hp_bytes_of("eu.public.w"),
                               .n_columns = 2,
                               .column_size = sizeof columns[0],
                               .columns = columns};
    const struct hp_schema *s = schema_pool_intern(pool, &schema, &err);
    uint32_t topic = schema_pool_topic(pool, hp_bytes_of("eu.public.w"), &err);
    struct hp_tx tx = {.size = sizeof tx, .id = 1};
    char text[ROW_TEXT];
    memset(text, 'x', sizeof text);
    builder_reset(b);
    must(s && hp_builder_tx(&b->b, &tx) == HP_OK, "build");
    for (unsigned i = 0; i < n; i++) {
        uint32_t row;
        must(hp_record_begin(&b->b, HP_RECORD_CHANGE, HP_OP_CREATE) == HP_OK, "build");
        row = hp_record_row(&b->b, 2);
        hp_record_put(&b->b, row, 0, HP_INT64)->u.i64 = i;
        hp_record_bytes(&b->b, row, 1, HP_STRING, 0, text, sizeof text);
        hp_record_open(&b->b)->after = row;
        hp_record_open(&b->b)->topic = topic;
        hp_record_open(&b->b)->schema = s->id;
        must(hp_record_end(&b->b) == HP_OK, "build");
    }
}

/* ---- the three ways of writing ---- */

struct way {
    const char *name;
    void (*write)(void);
};

static struct builder builder;
static struct hp_batch batch;
static struct log *the_log;
static struct log_writer *writer;
static MDB_env *bare;
static MDB_dbi bare_db;
static uint64_t bare_next, positions;
static int file;

static void write_file(void)
{
    must(write(file, batch.data, batch.len) == (ssize_t)batch.len && fdatasync(file) == 0, "append to a file");
}

static void write_bare(void)
{
    MDB_val k = {sizeof bare_next, &bare_next}, v = {batch.len, (void *)(uintptr_t)batch.data};
    MDB_txn *txn;
    must(mdb_txn_begin(bare, NULL, 0, &txn) == 0 && mdb_put(txn, bare_db, &k, &v, MDB_APPEND) == 0 &&
             mdb_txn_commit(txn) == 0,
         "append to LMDB");
    bare_next += batch.n_records;
}

static void write_log(void)
{
    char position[64];
    int len = snprintf(position, sizeof position, "{\"lsn\":%llu}", (unsigned long long)positions++);
    must(log_begin(writer, &err) == HP_OK && log_append(writer, &batch, &err) == HP_OK &&
             log_position(writer, (struct hp_bytes){position, (uint64_t)len}, &err) == HP_OK &&
             log_commit(writer, &err) == HP_OK,
         "append to the log");
}

static const struct way ways[] = {{"file", write_file}, {"lmdb", write_bare}, {"log", write_log}};
#define WAYS (sizeof ways / sizeof ways[0])

/* Transactions a second over that many nanoseconds. */
static double rate(const struct way *way, int64_t ns)
{
    int64_t start = clock_mono_ns(), now = start;
    unsigned n = 0;
    while (now - start < ns) {
        way->write();
        n++;
        now = clock_mono_ns();
    }
    return (double)n * 1e9 / (double)(now - start);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, by_value);
    return v[ROUNDS / 2];
}

static void writing(unsigned per, int64_t ns)
{
    double rates[WAYS][ROUNDS], ratio[ROUNDS];
    fill(&builder, log_writer_pool(writer), per);
    batch = builder_batch(&builder);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t w = 0; w < WAYS; w++) {
            rates[w][round] = rate(&ways[w], ns);
        }
        ratio[round] = rates[2][round] / rates[1][round];
    }
    printf("append %6u a transaction:", per);
    for (size_t w = 0; w < WAYS; w++) {
        printf("  %s %10.0f/s", ways[w].name, median(rates[w]) * per);
    }
    printf("  log:lmdb %.2f\n", median(ratio));
}

/* ---- reading ---- */

static double read_bare(void)
{
    static uint8_t copy[64 << 20];
    int64_t start = clock_mono_ns();
    uint64_t bytes = 0;
    MDB_cursor *cursor = NULL;
    MDB_txn *txn = NULL;
    MDB_val k, v;
    must(mdb_txn_begin(bare, NULL, MDB_RDONLY, &txn) == 0 && mdb_cursor_open(txn, bare_db, &cursor) == 0, "read LMDB");
    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
        memcpy(copy, v.mv_data, v.mv_size);
        bytes += v.mv_size;
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    printf("read bare LMDB: %llu MB", (unsigned long long)bytes >> 20);
    return (double)bare_next * 1e9 / (double)(clock_mono_ns() - start);
}

static double read_log(void)
{
    int64_t start = clock_mono_ns();
    struct log_reader *reader;
    struct log_read read;
    uint64_t n = 0, reads = 0;
    hp_status status;
    must(log_reader_open(the_log, "bench", &reader, &err) == HP_OK, "open a reader");
    while ((status = log_reader_next(reader, 1 << 20, &read, &err)) == HP_OK) {
        n += read.batch.n_records;
        reads++;
    }
    must(status == HP_IDLE, "read the log");
    log_reader_close(reader);
    printf(", log: %llu records in %llu reads", (unsigned long long)n, (unsigned long long)reads);
    return (double)n * 1e9 / (double)(clock_mono_ns() - start);
}

/* ---- the frame ---- */

static void open_all(const char *folder)
{
    char path[2048];
    struct log_config config = {.dir = path, .max_record = 256 << 20, .reserve = 16 << 20};
    MDB_txn *txn;
    snprintf(path, sizeof path, "%s/bare", folder);
    must(mkdir(path, 0700) == 0 || errno == EEXIST, path);
    must(mdb_env_create(&bare) == 0 && mdb_env_set_mapsize(bare, (size_t)256 << 30) == 0 &&
             mdb_env_set_maxdbs(bare, 2) == 0 && mdb_env_open(bare, path, MDB_NOTLS, 0600) == 0 &&
             mdb_txn_begin(bare, NULL, 0, &txn) == 0 &&
             mdb_dbi_open(txn, "batches", MDB_CREATE | MDB_INTEGERKEY, &bare_db) == 0 &&
             mdb_drop(txn, bare_db, 0) == 0 && mdb_txn_commit(txn) == 0,
         "open bare LMDB");
    snprintf(path, sizeof path, "%s/file", folder);
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    must(file >= 0, path);
    snprintf(path, sizeof path, "%s/streams", folder);
    must(log_open(&config, &the_log, &err) == HP_OK && log_stream_delete(the_log, "bench", &err) == HP_OK &&
             log_writer_open(the_log, "bench", &writer, &err) == HP_OK &&
             builder_init(&builder, 4 << 20, 64 << 20, &err) == HP_OK,
         "open the log");
}

int main(int argc, char **argv)
{
    static const unsigned sizes[] = {1, 10, 100, 1000, 10000};
    double seconds = argc > 2 ? atof(argv[2]) : 2, bare_rate, log_rate;
    if (argc < 2) {
        fprintf(stderr, "usage: log_bench FOLDER [SECONDS per line and way]\n");
        return 2;
    }
    open_all(argv[1]);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        writing(sizes[i], (int64_t)(seconds * 1e9 / ROUNDS));
    }
    (void)read_bare();
    (void)read_log();
    printf(" (warm-up)\n");
    bare_rate = read_bare();
    log_rate = read_log();
    printf("\nread: lmdb %.1fM/s  log %.1fM/s  %.0f ns a record\n", bare_rate / 1e6, log_rate / 1e6, 1e9 / log_rate);
    log_writer_close(writer);
    log_close(the_log);
    builder_finish(&builder);
    mdb_env_close(bare);
    (void)close(file);
    return 0;
}
