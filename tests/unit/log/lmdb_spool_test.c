/* Transactions that come in chunks. */
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

TestSuite(spool, .init = setup, .fini = teardown);

Test(spool, chunks_are_seen_by_nobody_until_the_end_and_then_in_commit_order)
{
    struct log_read read;
    chunk_rows(&t, 70, "a", 3, 2, 0);
    chunk_rows(&t, 71, "b", 0, 3, 0);
    chunk_rows(&t, 70, "a", 5, 2, 0);
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_IDLE);
    cr_assert_eq(log_writer_end(t.w), 0);
    chunks_end(&t, 71, NULL, 0);
    chunks_end(&t, 70, NULL, 0);
    commit_rows(&t, "a", 72, 7, 2);
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(read.batch.flags, HP_BATCH_CHUNK);
    cr_assert_eq(read.batch.tx->id, 71);
    cr_assert_eq(read.batch.tx->commit_pos, 710);
    cr_assert(read.boundary);
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_OK);
    cr_assert_not(read.boundary);
    cr_assert_eq(read.batch.first_offset, 3);
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_OK);
    cr_assert(read.boundary);
    cr_assert_eq(read.next, 7);
    cr_assert_eq(log_reader_next(r, 1 << 20, &read, &t.err), HP_OK);
    cr_assert_eq(read.batch.flags, 0);
    cr_assert_eq(log_reader_seek(r, 0, &t.err), HP_OK);
    cr_assert_eq(read_ids(r, 0, 1 << 20, &t.err), 9);
}

Test(spool, aborted_subtransactions_do_not_count)
{
    const uint32_t aborted[] = {101, 103, 900};
    struct log_read read;
    int64_t expected[] = {0, 1, 5, 6, 9};
    uint64_t n = 0;
    chunk_rows(&t, 70, "a", 0, 2, 70);
    chunk_rows(&t, 70, "a", 2, 3, 101);
    builder_reset(&t.b);
    add_rows(&t, "a", 0, 5, 2, 102, 40);
    add_rows(&t, "a", 0, 7, 2, 103, 40);
    add_rows(&t, "b", 0, 9, 1, 102, 40);
    struct hp_batch batch = builder_batch(&t.b);
    struct hp_tx tx = {.size = sizeof tx, .id = 70};
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    cr_assert_eq(log_chunk(t.w, &tx, &batch, &t.err), HP_OK);
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK);
    chunk_rows(&t, 70, "a", 20, 3, 900);
    chunks_end(&t, 70, aborted, 3);
    cr_assert_eq(log_writer_end(t.w), 5);
    for (uint64_t at = 0; at <= 5; at++) { /* also from every place in the middle */
        cr_assert_eq(log_reader_seek(r, at, &t.err), HP_OK);
        n = at;
        bool boundary = at == 5;
        while (log_reader_next(r, 1 << 20, &read, &t.err) == HP_OK) {
            struct hp_iter it = hp_batch_iter(&read.batch);
            cr_assert_eq(read.batch.first_offset, n);
            while (hp_iter_next(&it)) {
                cr_assert_eq(row_id(it.rec), expected[n]);
                cr_assert_eq(it.tx->id, 70);
                n++;
            }
            boundary = read.boundary;
            cr_assert_eq(read.boundary, n == 5);
        }
        cr_assert_eq(n, 5);
        cr_assert(boundary);
    }
}

Test(spool, an_aborted_or_empty_transaction_leaves_nothing)
{
    struct log_stream_info info;
    const uint32_t all[] = {5};
    struct log_retention none = {-1, -1, 0};
    chunk_rows(&t, 70, "a", 0, 50, 0);
    chunk_rows(&t, 71, "a", 0, 50, 5);
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    cr_assert_eq(log_chunks_abort(t.w, 70, &t.err), HP_OK);
    cr_assert_eq(log_chunks_abort(t.w, 12345, &t.err), HP_OK);
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK);
    chunks_end(&t, 71, all, 1);
    chunks_end(&t, 99, NULL, 0);
    cr_assert_eq(log_trim(t.w, &none, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(log_writer_end(t.w), 0);
    cr_assert_eq(log_stream_info(t.log, "orders", &info, &t.err), HP_OK);
    cr_assert_eq(info.end, 0);
    cr_assert_eq(info.bytes, 0);
    log_stream_info_finish(&info);
}

Test(spool, a_rolled_back_end_can_be_done_again)
{
    struct hp_tx tx = {.size = sizeof tx, .id = 70};
    struct hp_batch batch;
    chunk_rows(&t, 70, "a", 0, 5, 0);
    builder_reset(&t.b);
    add_rows(&t, "a", 0, 5, 5, 0, 40);
    batch = builder_batch(&t.b);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
        cr_assert_eq(log_chunk(t.w, &tx, &batch, &t.err), HP_OK);
        cr_assert_eq(log_chunks_commit(t.w, &tx, NULL, 0, &t.err), HP_OK);
        if (i < 2) {
            log_rollback(t.w);
        }
    }
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK);
    cr_assert_eq(read_ids(r, 0, 1 << 20, &t.err), 10);
}

Test(spool, what_was_not_ended_is_void_for_the_next_writer)
{
    struct log_retention none = {-1, -1, 0};
    chunk_rows(&t, 70, "a", 0, 500, 0);
    log_writer_close(t.w);
    bench_writer(&t, "orders");
    chunks_end(&t, 70, NULL, 0); /* unknown by now */
    cr_assert_eq(log_writer_end(t.w), 0);
    chunk_rows(&t, 70, "a", 0, 3, 0);
    chunks_end(&t, 70, NULL, 0);
    cr_assert_eq(log_trim(t.w, &none, &t.err), HP_OK);
    cr_assert_eq(read_ids(r, 0, 1 << 20, &t.err), 3);
}
