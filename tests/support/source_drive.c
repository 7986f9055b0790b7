/*
 * source_drive.c: runs source-pg.so (or any source) through its entry, without host and log: starts it, polls, says
 * after each batch that it is durable, and prints what came or only counts it. The position is kept in a file if one is
 * named, so that runs follow each other as a connector's would.
 *
 *   source_drive PLUGIN.so [options] key=value...
 *     --dialect NAME      default: the plugin's id          --position FILE   read at start, rewritten at each commit
 *     --records N         end after N records               --idle MS         end after that long without any (default
 * 2000)
 *     --seconds N         end after that long               --null            count only
 *     --reset             drop the slot and end             --no-commit       never say that anything is durable
 *     --final             stop as for good                  --verbose         log lines to stderr
 *     --credit BYTES      of a batch                        --repeat          start again after RETRY errors
 */
#include "check.h"
#include "clock.h"
#include "mock_host.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

struct drive {
    const char *dialect, *position_file;
    int64_t max_records, idle_ms, seconds;
    uint64_t credit;
    bool null, reset, no_commit, final, verbose, repeat;
    /* what came */
    uint64_t records, bytes, polls, batches, chunks, commits, aborts, positions;
    struct mock_host *host;
    struct builder builder;
    struct buf position;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
    (void)signal;
    stopped = 1;
}

static void print_bytes(const uint8_t *data, uint64_t len)
{
    for (uint64_t i = 0; i < len && i < 64; i++) {
        printf("%02x", data[i]);
    }
    if (len > 64) {
        printf("...(%" PRIu64 ")", len);
    }
}

static void print_cell(const struct hp_record *rec, const struct hp_cell *cell)
{
    if (cell->type == HP_NULL) {
        printf("null");
    } else if (cell->type == HP_NONE) {
        printf("%s", cell->flags & HP_CELL_UNCHANGED ? "unchanged" : "absent");
    } else {
        struct hp_bytes b = hp_cell_bytes(rec, cell);
        if ((cell->flags & HP_CELL_TEXT) || cell->type == HP_STRING) {
            printf("'%.*s'", (int)(b.len < 64 ? b.len : 64), (const char *)b.data);
        } else {
            print_bytes(b.data, b.len);
        }
    }
}

static void print_row(const char *name, const struct hp_batch *batch, const struct hp_record *rec,
                      const struct hp_cell *cells)
{
    const struct hp_schema *schema = hp_batch_schema(batch, rec->schema);
    if (!cells) {
        return;
    }
    printf(" %s={", name);
    for (uint32_t i = 0; i < (schema ? schema->n_columns : 1); i++) {
        const struct hp_column *c = schema ? hp_schema_column(schema, i) : NULL;
        printf("%s%.*s%s:", i ? " " : "", c ? (int)c->name.len : 0, c ? (const char *)c->name.data : "",
               c && (c->flags & HP_COLUMN_KEY) ? "*" : "");
        print_cell(rec, &cells[i]);
    }
    printf("}");
}

static void print_batch(const struct hp_batch *batch)
{
    struct hp_iter it = hp_batch_iter(batch);
    while (hp_iter_next(&it)) {
        const struct hp_bytes *topic = &batch->topics[it.rec->topic];
        printf("  %c %.*s schema=%u flags=%u seq=%u subxid=%u pos=%" PRIu64, it.rec->op, (int)topic->len,
               (const char *)topic->data, it.rec->schema, it.rec->flags, it.rec->seq, it.rec->subxid, it.rec->pos);
        if (it.tx) {
            printf(" tx=%" PRIu64 " commit=%" PRIu64 " end=%" PRIu64 " origin=%s", it.tx->id, it.tx->commit_pos,
                   it.tx->end_pos, it.tx->origin);
        }
        print_row("before", batch, it.rec, hp_record_before(it.rec));
        print_row("after", batch, it.rec, hp_record_after(it.rec));
        printf("\n");
    }
}

static void save_position(struct drive *d, const struct hp_poll *poll)
{
    FILE *f;
    if (!poll->position.len) {
        return;
    }
    d->positions++;
    buf_reset(&d->position);
    (void)buf_append(&d->position, poll->position.data, (size_t)poll->position.len);
    if (d->position_file && (f = fopen(d->position_file, "w"))) {
        (void)fwrite(poll->position.data, 1, (size_t)poll->position.len, f);
        (void)fclose(f);
    }
    if (!d->null) {
        printf("position %.*s\n", (int)poll->position.len, (const char *)poll->position.data);
    }
}

static bool take(struct drive *d, struct hp_poll *poll)
{
    static const char *const kinds[] = {"BATCH", "CHUNK", "COMMIT", "ABORT"};
    struct hp_batch batch = mock_host_batch(d->host, &d->builder);
    struct hp_error err = {.size = sizeof err};
    if (poll->kind == HP_POLL_CHUNK) {
        batch.tx = &poll->tx;
        batch.flags = HP_BATCH_CHUNK;
    }
    d->records += batch.n_records;
    d->bytes += batch.len;
    d->batches += poll->kind == HP_POLL_BATCH;
    d->chunks += poll->kind == HP_POLL_CHUNK;
    d->commits += poll->kind == HP_POLL_COMMIT;
    d->aborts += poll->kind == HP_POLL_ABORT;
    if (!d->null) {
        if (batch_check(&batch, &err) != HP_OK) {
            fprintf(stderr, "the batch is not well-formed: %s\n", err.message);
            return false;
        }
        if (poll->kind == HP_POLL_BATCH) {
            printf("BATCH %" PRIu64 " records\n", batch.n_records);
        } else {
            printf("%s tx=%" PRIu64 " flags=%u commit=%" PRIu64 " end=%" PRIu64 " origin=%s aborted=%" PRIu64
                   " %" PRIu64 " records\n",
                   kinds[poll->kind], poll->tx.id, poll->tx.flags, poll->tx.commit_pos, poll->tx.end_pos,
                   poll->tx.origin, poll->n_aborted, batch.n_records);
            for (uint64_t i = 0; i < poll->n_aborted; i++) {
                printf("  aborted %u\n", poll->aborted[i]);
            }
        }
        print_batch(&batch);
    }
    save_position(d, poll);
    if (!d->null) {
        fflush(stdout);
    }
    return true;
}

static int run(struct drive *d, const struct hp_source *source, void *self)
{
    struct hp_error err = {.size = sizeof err};
    int64_t begin = clock_mono_ms(), last = begin;
    struct hp_bytes position = {d->position.data, d->position.len};
    int status = 0;
    if (source->start(self, position, &err) != HP_OK) {
        fprintf(stderr, "start: class %u code %s: %s\n", err.klass, err.code, err.message);
        return err.klass == HP_ERROR_RETRY ? 75 : 1;
    }
    while (!stopped && (!d->max_records || (int64_t)d->records < d->max_records) &&
           clock_mono_ms() - last < d->idle_ms && (!d->seconds || clock_mono_ms() - begin < d->seconds * 1000)) {
        struct hp_poll poll = {.size = sizeof poll, .max_bytes = d->credit, .wait_us = 100000, .batch = &d->builder.b};
        hp_status st;
        builder_reset(&d->builder);
        st = source->poll(self, &poll, &err);
        d->polls++;
        if (st == HP_END) {
            printf("END\n");
            break;
        }
        if (st == HP_ERROR) {
            fprintf(stderr, "poll: class %u code %s: %s\n", err.klass, err.code, err.message);
            status = err.klass == HP_ERROR_RETRY ? 75 : 1;
            break;
        }
        if (st == HP_OK && !take(d, &poll)) {
            status = 2;
            break;
        }
        if (st == HP_OK && (d->builder.b.n_records || poll.kind != HP_POLL_BATCH)) {
            last = clock_mono_ms();
        }
        if (st == HP_OK && poll.position.len && !d->no_commit && source->commit(self, poll.ticket, &err) != HP_OK) {
            fprintf(stderr, "commit: class %u code %s: %s\n", err.klass, err.code, err.message);
            status = 75;
            break;
        }
        if (mock_host_waiting(d->host)) {
            last = clock_mono_ms();
        }
    }
    return status;
}

static void load_position(struct drive *d)
{
    char chunk[4096];
    size_t n;
    FILE *f = d->position_file ? fopen(d->position_file, "r") : NULL;
    while (f && (n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        (void)buf_append(&d->position, chunk, n);
    }
    if (f) {
        (void)fclose(f);
    }
}

static int option(struct drive *d, char **argv, int i)
{
    static const char *const flags[] = {"--null", "--reset", "--no-commit", "--final", "--verbose", "--repeat"};
    bool *const flag_at[] = {&d->null, &d->reset, &d->no_commit, &d->final, &d->verbose, &d->repeat};
    const char *value = argv[i + 1];
    for (size_t k = 0; k < sizeof flags / sizeof flags[0]; k++) {
        if (strcmp(argv[i], flags[k]) == 0) {
            *flag_at[k] = true;
            return 1;
        }
    }
    if (!value) {
        return 0;
    }
    if (strcmp(argv[i], "--dialect") == 0) {
        d->dialect = value;
    } else if (strcmp(argv[i], "--position") == 0) {
        d->position_file = value;
    } else if (strcmp(argv[i], "--records") == 0) {
        d->max_records = atoll(value);
    } else if (strcmp(argv[i], "--idle") == 0) {
        d->idle_ms = atoll(value);
    } else if (strcmp(argv[i], "--seconds") == 0) {
        d->seconds = atoll(value);
    } else if (strcmp(argv[i], "--credit") == 0) {
        d->credit = (uint64_t)atoll(value);
    } else {
        return 0;
    }
    return 2;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void report(const struct drive *d, int64_t took_ms)
{
    struct rusage u;
    double cpu;
    (void)getrusage(RUSAGE_SELF, &u);
    cpu = seconds_of(u.ru_utime) + seconds_of(u.ru_stime);
    printf("records=%" PRIu64 " bytes=%" PRIu64 " polls=%" PRIu64 " batches=%" PRIu64 " chunks=%" PRIu64
           " commits=%" PRIu64 " aborts=%" PRIu64 " ms=%" PRId64 " cpu_us_per_record=%.3f rss_kib=%ld\n",
           d->records, d->bytes, d->polls, d->batches, d->chunks, d->commits, d->aborts, took_ms,
           d->records ? cpu * 1e6 / (double)d->records : 0.0, u.ru_maxrss);
}

int main(int argc, char **argv)
{
    struct drive d = {.idle_ms = 2000, .credit = 1 << 20};
    struct hp_error err = {.size = sizeof err};
    const struct hp_plugin_entry *entry = argc > 1 ? mock_plugin_load(argv[1]) : NULL;
    struct mock_config config;
    void *self = NULL;
    int i = 2, status = 1;
    int64_t begin;
    while (i < argc && argv[i][0] == '-') {
        int used = option(&d, argv, i);
        if (!used) {
            fprintf(stderr, "unknown option %s\n", argv[i]);
            return 2;
        }
        i += used;
    }
    if (!entry) {
        return 2;
    }
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    buf_init(&d.position, 64u << 20);
    load_position(&d);
    d.host = mock_host_create(d.verbose);
    if (!d.host || builder_init(&d.builder, 4u << 20, 256u << 20, &err) != HP_OK ||
        !mock_config_init(&config, d.dialect ? d.dialect : entry->desc->id, "drive", (size_t)(argc - i),
                          (const char *const *)argv + i)) {
        return 2;
    }
    begin = clock_mono_ms();
    if (entry->create(mock_host_face(d.host), &config.config, &self, &err) != HP_OK) {
        fprintf(stderr, "create: class %u: %s\n", err.klass, err.message);
        return 1;
    }
    if (d.reset) {
        const struct hp_source_offsets *offsets = entry->interface(HP_SOURCE_OFFSETS);
        status = offsets->reset(self, &err) == HP_OK ? 0 : 1;
        if (status) {
            fprintf(stderr, "reset: class %u code %s: %s\n", err.klass, err.code, err.message);
        }
    } else {
        const struct hp_source *source = entry->interface(HP_SOURCE);
        do {
            status = run(&d, source, self);
            source->stop(self, d.final);
            printf("STOP\n"); /* what is not committed yet will not be */
        } while (status == 75 && d.repeat && !stopped);
        report(&d, clock_mono_ms() - begin);
    }
    entry->destroy(self);
    mock_config_finish(&config);
    builder_finish(&d.builder);
    buf_finish(&d.position);
    mock_host_destroy(d.host);
    return status;
}
