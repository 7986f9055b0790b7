/* Reading: order, places, joining of small batches, streams that come and go. */
#include "log_support.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bench t;
static struct log_reader *r;

static void setup(void)
{
    bench_open(&t);
    bench_writer(&t, "orders");
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK, "%s", t.err.message);
}

static void teardown(void)
{
    log_reader_close(r);
    bench_close(&t);
}

TestSuite(reader, .init = setup, .fini = teardown);

Test(reader, small_batches_come_as_one_large_ones_whole)
{
    struct log_read read;
    struct hp_iter it;
    for (int i = 0; i < 10; i++) {
        commit_rows(&t, "eu.a", (uint64_t)i + 1, i * 3, 3);
    }
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(read.batch.n_records, 30);
    cr_assert_eq(read.batch.first_offset, 0);
    cr_assert_eq(read.next, 30);
    cr_assert(read.boundary);
    cr_assert_eq(read.batch.stream.len, 6);
    it = hp_batch_iter(&read.batch);
    for (int i = 0; i < 30; i++) {
        cr_assert(hp_iter_next(&it));
        cr_assert_eq(row_id(it.rec), i);
        cr_assert_eq(it.tx->id, (uint64_t)i / 3 + 1);
        cr_assert_eq(read.batch.topics[it.rec->topic].len, 4);
    }
    cr_assert_not(hp_iter_next(&it));
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_IDLE);
    cr_assert_eq(log_reader_behind(r, 30).bytes, 0);
    cr_assert_eq(log_reader_behind(r, 30).since_us, 0);
    cr_assert(log_reader_behind(r, 0).bytes > 3000);
    cr_assert(log_reader_behind(r, 29).bytes > 0 && log_reader_behind(r, 29).bytes < log_reader_behind(r, 0).bytes);
    cr_assert_eq(log_reader_behind(r, 0).since_us, read.batch.built_us);
    cr_assert_eq(log_reader_seek(r, 0, &t.err), HP_OK);
    cr_assert_eq(log_reader_next(r, 1, &read, &t.err), HP_OK);
    cr_assert_eq(read.batch.n_records, 3);
}

Test(reader, batches_without_transactions_do_not_fall_into_one)
{
    struct log_read read;
    struct hp_iter it;
    commit_rows(&t, "f", 0, 0, 2); /* no BEGIN */
    commit_rows(&t, "f", 0, 2, 2);
    commit_rows(&t, "f", 9, 4, 2);
    commit_rows(&t, "f", 0, 6, 2);
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_OK);
    cr_assert_eq(read.batch.n_records, 6);
    it = hp_batch_iter(&read.batch);
    for (int i = 0; i < 6; i++) {
        cr_assert(hp_iter_next(&it));
        cr_assert_eq(it.tx != NULL, i >= 4);
    }
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_OK);
    it = hp_batch_iter(&read.batch);
    cr_assert(hp_iter_next(&it));
    cr_assert_null(it.tx);
    cr_assert_eq(read.batch.first_offset, 6);
}

Test(reader, seek_into_a_batch_keeps_its_transaction)
{
    struct log_read read;
    struct hp_iter it;
    builder_reset(&t.b);
    add_rows(&t, "a", 1, 0, 4, 0, 40);
    add_rows(&t, "a", 2, 4, 4, 0, 40);
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    struct hp_batch batch = builder_batch(&t.b);
    cr_assert_eq(log_append(t.w, &batch, &t.err), HP_OK);
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK);
    for (uint64_t at = 0; at < 8; at++) {
        cr_assert_eq(log_reader_seek(r, at, &t.err), HP_OK);
        cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_OK, "%s", t.err.message);
        cr_assert_eq(read.batch.first_offset, at);
        cr_assert_eq(read.batch.n_records, 8 - at);
        it = hp_batch_iter(&read.batch);
        cr_assert(hp_iter_next(&it));
        cr_assert_eq(row_id(it.rec), (int64_t)at);
        cr_assert_eq(it.tx->id, at < 4 ? 1 : 2);
    }
    cr_assert_eq(log_reader_seek(r, 8, &t.err), HP_OK);
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_IDLE);
    cr_assert_eq(log_reader_seek(r, 9, &t.err), HP_ERROR);
    cr_assert_eq(t.err.klass, HP_ERROR_FATAL);
    cr_assert_str_eq(t.err.code, "OFFSET");
}

Test(reader, schemas_that_appear_later_are_known_when_needed)
{
    struct log_read read;
    for (int i = 0; i < 100; i++) {
        char topic[16];
        snprintf(topic, sizeof topic, "t%d", i);
        commit_rows(&t, topic, (uint64_t)i + 1, i, 1);
        cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_OK, "%s", t.err.message);
        const struct hp_record *rec = (const struct hp_record *)(const void *)(read.batch.data);
        rec = (const struct hp_record *)(const void *)((const uint8_t *)rec + rec->size);
        cr_assert_eq(memcmp(read.batch.topics[rec->topic].data, topic, strlen(topic)), 0);
        cr_assert_eq(memcmp(hp_batch_schema(&read.batch, rec->schema)->name.data, topic, strlen(topic)), 0);
    }
}

Test(reader, a_large_batch_is_read_and_its_memory_given_back)
{
    struct log_read read;
    struct hp_batch batch;
    builder_reset(&t.b);
    add_rows(&t, "a", 1, 0, 1, 0, 30 << 20);
    batch = builder_batch(&t.b);
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    cr_assert_eq(log_append(t.w, &batch, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK, "%s", t.err.message);
    commit_rows(&t, "a", 2, 1, 1);
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(read.batch.n_records, 1);
    struct hp_iter it = hp_batch_iter(&read.batch);
    cr_assert(hp_iter_next(&it));
    cr_assert_eq(row_id(it.rec), 0);
    cr_assert_eq(read_ids(r, 1, 1 << 20, &t.err), 1);
}

Test(reader, a_stream_may_come_go_and_be_another)
{
    struct log_reader *early;
    struct log_read read;
    struct bench other = {.log = t.log, .b = t.b, .err = t.err};
    uint32_t *word, seen;
    char id[128];
    cr_assert_eq(log_reader_open(t.log, "later", &early, &t.err), HP_OK);
    cr_assert_str_eq(log_reader_stream_id(early), "");
    cr_assert_eq(log_reader_seek(early, 0, &t.err), HP_ERROR);
    cr_assert_str_eq(t.err.code, "NOSTREAM");
    word = log_reader_word(early);
    seen = *word;
    cr_assert_eq(log_reader_next(early, 1 << 20, &read, &t.err), HP_IDLE);
    bench_writer(&other, "later");
    cr_assert_neq(*word, seen);
    commit_rows(&other, "x", 1, 0, 4);
    cr_assert_eq(log_reader_next(early, 1 << 20, &read, &t.err), HP_END);
    cr_assert_str_eq(log_reader_stream_id(early), log_writer_stream_id(other.w));
    snprintf(id, sizeof id, "%s", log_reader_stream_id(early));
    cr_assert_eq(read_ids(early, 0, 1 << 20, &t.err), 4);
    log_writer_close(other.w);
    word = log_reader_word(early);
    seen = *word;
    cr_assert_eq(log_stream_delete(t.log, "later", &t.err), HP_OK, "%s", t.err.message);
    cr_assert_neq(*word, seen);
    cr_assert_eq(log_reader_next(early, 1 << 20, &read, &t.err), HP_END);
    cr_assert_str_eq(log_reader_stream_id(early), "");
    cr_assert_eq(log_reader_next(early, 1 << 20, &read, &t.err), HP_IDLE);
    bench_writer(&other, "later");
    commit_rows(&other, "x", 1, 50, 2);
    cr_assert_eq(log_reader_next(early, 1 << 20, &read, &t.err), HP_END);
    cr_assert_str_neq(log_reader_stream_id(early), id);
    cr_assert_eq(read_ids(early, 50, 1 << 20, &t.err), 2);
    log_writer_close(other.w);
    cr_assert_eq(log_stream_delete(t.log, "later", &t.err), HP_OK);
    bench_writer(&other, "later"); /* gone and back between two reads */
    cr_assert_eq(log_reader_next(early, 1 << 20, &read, &t.err), HP_END);
    cr_assert_str_eq(log_reader_stream_id(early), log_writer_stream_id(other.w));
    log_writer_close(other.w);
    log_reader_close(early);
    t.b = other.b;
}
