/* Retention. */
#include "log_support.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bench t;

static void setup(void)
{
    bench_open(&t);
    bench_writer(&t, "orders");
}

static void teardown(void)
{
    bench_close(&t);
}

TestSuite(trim, .init = setup, .fini = teardown);

static struct log_stream_info info(void)
{
    struct log_stream_info i, all;
    cr_assert_eq(log_stream_info(t.log, "orders", &all, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_str_eq(all.name, "orders");
    i = all;
    log_stream_info_finish(&all);
    return i;
}

static uint64_t begin_now(void)
{
    struct log_reader *r;
    uint64_t begin;
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
    begin = log_reader_begin(r);
    log_reader_close(r);
    return begin;
}

Test(trim, never_passes_the_floor_and_takes_whole_batches)
{
    struct log_retention all = {0, -1, 25};
    struct log_reader *r;
    uint64_t first;
    for (int i = 0; i < 10; i++) {
        commit_rows(&t, i < 3 ? "old" : "new", (uint64_t)i + 1, i * 10, 10);
    }
    cr_assert_eq(log_trim(t.w, &all, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(begin_now(), 20);
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
    cr_assert_eq(log_reader_seek(r, 19, &t.err), HP_ERROR);
    cr_assert_eq(t.err.klass, HP_ERROR_FATAL);
    cr_assert(strstr(t.err.message, "20") && strstr(t.err.message, "19"));
    cr_assert_eq(log_topic_seek(r, "old", 0, &first, &t.err), HP_ERROR);
    cr_assert_str_eq(t.err.code, "OFFSET");
    cr_assert_eq(log_topic_seek(r, "old", LOG_OLDEST, &first, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(first, 20);
    cr_assert_eq(log_reader_seek(r, 20, &t.err), HP_OK);
    cr_assert_eq(read_ids(r, 20, 1 << 20, &t.err), 80);
    log_reader_close(r);
}

Test(trim, by_bytes_and_by_time)
{
    struct log_retention bytes = {0, -1, UINT64_MAX};
    struct log_retention young = {-1, 3600000, UINT64_MAX};
    struct log_retention old = {-1, 0, UINT64_MAX};
    for (int i = 0; i < 10; i++) {
        commit_rows(&t, "a", (uint64_t)i + 1, i * 10, 10);
    }
    bytes.bytes = (int64_t)info().bytes / 2;
    cr_assert_eq(log_trim(t.w, &young, &t.err), HP_OK);
    cr_assert_eq(begin_now(), 0);
    cr_assert_eq(log_trim(t.w, &bytes, &t.err), HP_OK);
    cr_assert_eq(begin_now(), 50);
    cr_assert(info().bytes <= (uint64_t)bytes.bytes);
    cr_assert_eq(log_trim(t.w, &old, &t.err), HP_OK);
    cr_assert_eq(begin_now(), 100);
    cr_assert_eq(info().bytes, 0);
    commit_rows(&t, "a", 11, 100, 10);
    cr_assert_eq(begin_now(), 100);
    log_writer_close(t.w);
    bench_writer(&t, "orders");
    cr_assert_eq(log_writer_end(t.w), 110);
}

Test(trim, topics_go_on_counting)
{
    struct log_retention all = {0, -1, UINT64_MAX};
    struct log_topic_info *topics;
    size_t n;
    commit_rows(&t, "a", 1, 0, 10);
    commit_rows(&t, "b", 2, 10, 4);
    cr_assert_eq(log_trim(t.w, &all, &t.err), HP_OK);
    log_writer_close(t.w);
    bench_writer(&t, "orders");
    commit_rows(&t, "a", 3, 14, 1);
    cr_assert_eq(log_topics(t.log, "orders", &topics, &n, &t.err), HP_OK);
    cr_assert_eq(n, 2);
    cr_assert_eq(topics[0].begin, 10);
    cr_assert_eq(topics[0].end, 11);
    cr_assert_eq(topics[1].begin, 4);
    cr_assert_eq(topics[1].end, 4);
    log_topics_free(topics, n);
}

Test(trim, chunks_go_with_their_marker_and_space_is_used_again)
{
    struct log_retention all = {0, -1, UINT64_MAX};
    uint64_t disk = 0;
    for (int round = 0; round < 40; round++) {
        for (int c = 0; c < 20; c++) {
            chunk_rows(&t, 70, "a", round * 4000 + c * 200, 200, 0);
        }
        chunks_end(&t, 70, NULL, 0);
        cr_assert_eq(log_trim(t.w, &all, &t.err), HP_OK, "%s", t.err.message);
        cr_assert_eq(log_trim(t.w, &all, &t.err), HP_OK, "%s", t.err.message);
        if (round == 10) {
            disk = info().disk_bytes;
        }
    }
    cr_assert_eq(info().bytes, 0);
    cr_assert_eq(log_writer_end(t.w), 160000);
    cr_assert(info().disk_bytes <= disk + (2 << 20), "%lu, then %lu", disk, info().disk_bytes);
}
