/* Offsets of topics. */
#include "log_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
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

TestSuite(topics, .init = setup, .fini = teardown);

Test(topics, offsets_map_both_ways_in_plain_and_chunked_batches)
{
    static const char *const names[] = {"a", "b", "c"};
    const uint32_t aborted[] = {66};
    struct {
        int topic;
    } order[2000];
    uint64_t n = 0, count[3] = {0};
    srand(1);
    for (int i = 0; i < 120; i++) {
        int chunked = rand() % 4 == 0;
        int parts = chunked ? 1 + rand() % 4 : 1;
        for (int p = 0; p < parts; p++) {
            builder_reset(&t.b);
            for (int k = 1 + rand() % 3; k > 0; k--) {
                int topic = i < 30 ? rand() % 2 : rand() % 3, rows = 1 + rand() % 3, dead = chunked && rand() % 3 == 0;
                add_rows(&t, names[topic], chunked ? 0 : (uint64_t)i + 1, (int64_t)n, (unsigned)rows, dead ? 66 : 7,
                         40);
                for (int j = 0; !dead && j < rows; j++) {
                    order[n++].topic = topic;
                }
            }
            struct hp_batch batch = builder_batch(&t.b);
            struct hp_tx tx = {.size = sizeof tx, .id = (uint64_t)i + 1};
            cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
            cr_assert_eq(chunked ? log_chunk(t.w, &tx, &batch, &t.err) : log_append(t.w, &batch, &t.err), HP_OK);
            cr_assert_eq(log_commit(t.w, &t.err), HP_OK);
        }
        if (chunked) {
            chunks_end(&t, (uint64_t)i + 1, aborted, 1);
        }
    }
    cr_assert_eq(log_writer_end(t.w), n);
    for (uint64_t at = 0; at <= n; at++) {
        for (int k = 0; k < 3; k++) {
            uint64_t got;
            cr_assert_eq(log_topic_offset(r, names[k], at, &got, &t.err), HP_OK, "%s", t.err.message);
            cr_assert_eq(got, count[k], "topic %s at %lu: %lu, expected %lu", names[k], at, got, count[k]);
        }
        if (at < n) {
            uint64_t back;
            cr_assert_eq(log_topic_seek(r, names[order[at].topic], count[order[at].topic], &back, &t.err), HP_OK);
            cr_assert_eq(back, at);
            count[order[at].topic]++;
        }
    }
    uint64_t end;
    cr_assert_eq(log_topic_seek(r, "a", count[0], &end, &t.err), HP_OK);
    cr_assert_eq(end, n);
    cr_assert_eq(log_topic_seek(r, "a", count[0] + 1, &end, &t.err), HP_ERROR);
    cr_assert_eq(log_topic_offset(r, "nope", 0, &end, &t.err), HP_ERROR);
    cr_assert_str_eq(t.err.code, "NOTOPIC");
    struct log_topic_info *infos;
    size_t n_infos;
    cr_assert_eq(log_topics(t.log, "orders", &infos, &n_infos, &t.err), HP_OK);
    cr_assert_eq(n_infos, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(infos[i].begin, 0);
        cr_assert_eq(infos[i].end, count[infos[i].name[0] - 'a']);
    }
    log_topics_free(infos, n_infos);
}
