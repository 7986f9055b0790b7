/* log_support.c: see log_support.h. */
#include "log_support.h"

#include "fs.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void remove_tree(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[1024];
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            remove_tree(path);
        } else {
            unlink(path);
        }
    }
    if (d) {
        closedir(d);
    }
    rmdir(dir);
}

void bench_open(struct bench *t)
{
    struct log_config config = {.dir = t->dir, .max_record = 64 << 20, .reserve = 1 << 20};
    const char *tmp = getenv("TMPDIR");
    if (!t->dir[0]) {
        snprintf(t->dir, sizeof t->dir, "%s/homeport-log-XXXXXX", tmp ? tmp : "/tmp");
        cr_assert(mkdtemp(t->dir));
    }
    t->err.size = sizeof t->err;
    cr_assert_eq(log_open(&config, &t->log, &t->err), HP_OK, "%s", t->err.message);
    cr_assert_eq(builder_init(&t->b, 1 << 20, 64 << 20, &t->err), HP_OK);
}

void bench_writer(struct bench *t, const char *stream)
{
    cr_assert_eq(log_writer_open(t->log, stream, &t->w, &t->err), HP_OK, "%s", t->err.message);
}

void bench_close(struct bench *t)
{
    log_writer_close(t->w);
    log_close(t->log);
    builder_finish(&t->b);
    remove_tree(t->dir);
    *t = (struct bench){0};
}

static const struct hp_schema *schema_of(struct bench *t, const char *topic)
{
    struct hp_column columns[2] = {{.size = sizeof columns[0],
                                    .name = hp_bytes_of("id"),
                                    .type = HP_INT64,
                                    .flags = HP_COLUMN_KEY,
                                    .key_position = 1},
                                   {.size = sizeof columns[0], .name = hp_bytes_of("v"), .type = HP_STRING}};
    struct hp_schema s = {.size = sizeof s,
                          .name = hp_bytes_of(topic),
                          .n_columns = 2,
                          .column_size = sizeof columns[0],
                          .columns = columns,
                          .identity = HP_IDENTITY_KEY};
    const struct hp_schema *interned = schema_pool_intern(log_writer_pool(t->w), &s, &t->err);
    cr_assert(interned, "%s", t->err.message);
    return interned;
}

static char letter(int64_t id, unsigned i)
{
    return (char)('a' + (id * 7 + i) % 26);
}

void add_rows(struct bench *t, const char *topic, uint64_t xid, int64_t first, unsigned n, uint32_t subxid,
              unsigned bytes)
{
    uint32_t schema = schema_of(t, topic)->id;
    uint32_t topic_id = schema_pool_topic(log_writer_pool(t->w), hp_bytes_of(topic), &t->err);
    char *text = malloc(bytes + 1);
    struct hp_builder *b = &t->b.b;
    cr_assert(topic_id && text);
    if (xid) {
        struct hp_tx tx = {.size = sizeof tx, .id = xid, .commit_pos = xid * 10, .end_pos = xid * 10 + 8};
        cr_assert_eq(hp_builder_tx(b, &tx), HP_OK);
    }
    for (unsigned i = 0; i < n; i++) {
        uint32_t row;
        for (unsigned k = 0; k < bytes; k++) {
            text[k] = letter(first + i, k);
        }
        cr_assert_eq(hp_record_begin(b, HP_RECORD_CHANGE, HP_OP_CREATE), HP_OK);
        row = hp_record_row(b, 2);
        hp_record_put(b, row, 0, HP_INT64)->u.i64 = first + i;
        hp_record_bytes(b, row, 1, HP_STRING, 0, text, bytes);
        hp_record_open(b)->after = row;
        hp_record_open(b)->topic = topic_id;
        hp_record_open(b)->schema = schema;
        hp_record_open(b)->subxid = subxid;
        cr_assert_eq(hp_record_end(b), HP_OK);
    }
    free(text);
}

void append_rows(struct bench *t, const char *topic, uint64_t xid, int64_t first, unsigned n)
{
    struct hp_batch batch;
    builder_reset(&t->b);
    add_rows(t, topic, xid, first, n, 0, 40);
    batch = builder_batch(&t->b);
    cr_assert_eq(log_append(t->w, &batch, &t->err), HP_OK, "%s", t->err.message);
}

void commit_rows(struct bench *t, const char *topic, uint64_t xid, int64_t first, unsigned n)
{
    cr_assert_eq(log_begin(t->w, &t->err), HP_OK, "%s", t->err.message);
    append_rows(t, topic, xid, first, n);
    cr_assert_eq(log_commit(t->w, &t->err), HP_OK, "%s", t->err.message);
}

void chunk_rows(struct bench *t, uint64_t xid, const char *topic, int64_t first, unsigned n, uint32_t subxid)
{
    struct hp_tx tx = {.size = sizeof tx, .id = xid};
    struct hp_batch batch;
    builder_reset(&t->b);
    add_rows(t, topic, 0, first, n, subxid, 40);
    batch = builder_batch(&t->b);
    cr_assert_eq(log_begin(t->w, &t->err), HP_OK, "%s", t->err.message);
    cr_assert_eq(log_chunk(t->w, &tx, &batch, &t->err), HP_OK, "%s", t->err.message);
    cr_assert_eq(log_commit(t->w, &t->err), HP_OK, "%s", t->err.message);
}

void chunks_end(struct bench *t, uint64_t xid, const uint32_t *aborted, uint64_t n_aborted)
{
    struct hp_tx tx = {.size = sizeof tx, .id = xid, .commit_pos = xid * 10, .end_pos = xid * 10 + 8};
    cr_assert_eq(log_begin(t->w, &t->err), HP_OK, "%s", t->err.message);
    cr_assert_eq(log_chunks_commit(t->w, &tx, aborted, n_aborted, &t->err), HP_OK, "%s", t->err.message);
    cr_assert_eq(log_commit(t->w, &t->err), HP_OK, "%s", t->err.message);
}

int64_t row_id(const struct hp_record *rec)
{
    const struct hp_cell *row = hp_record_after(rec);
    struct hp_bytes v = hp_cell_bytes(rec, &row[1]);
    for (unsigned k = 0; k < v.len; k++) {
        cr_assert_eq(((const char *)v.data)[k], letter(row[0].u.i64, k));
    }
    return row[0].u.i64;
}

uint64_t read_ids(struct log_reader *r, int64_t first, uint64_t max_bytes, struct hp_error *err)
{
    uint64_t n = 0;
    struct log_read read;
    hp_status status;
    while ((status = log_reader_next(r, max_bytes, &read, err)) == HP_OK) {
        struct hp_iter it = hp_batch_iter(&read.batch);
        uint64_t here = 0;
        while (hp_iter_next(&it)) {
            cr_assert_eq(row_id(it.rec), first + (int64_t)n, "record %ld where %ld was expected", (long)row_id(it.rec),
                         (long)(first + (int64_t)n));
            n++;
            here++;
        }
        cr_assert_eq(here, read.batch.n_records);
        cr_assert_eq(read.next, read.batch.first_offset + here);
    }
    cr_assert_eq(status, HP_IDLE, "%s", err->message);
    return n;
}
