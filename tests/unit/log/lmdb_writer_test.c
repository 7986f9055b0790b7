/* Opening a stream and the frame of a log transaction. */
#include "log_support.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

TestSuite(writer, .init = setup, .fini = teardown);

Test(writer, what_is_committed_is_there_after_reopening)
{
    char id[128];
    cr_assert_eq(strncmp(log_writer_stream_id(t.w), "orders/", 7), 0);
    snprintf(id, sizeof id, "%s", log_writer_stream_id(t.w));
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    append_rows(&t, "eu.a", 7, 0, 5);
    cr_assert_eq(log_position(t.w, hp_bytes_of("{\"lsn\":1}"), &t.err), HP_OK);
    cr_assert_eq(log_writer_end(t.w), 0);
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(log_writer_end(t.w), 5);
    log_writer_close(t.w);
    bench_writer(&t, "orders");
    cr_assert_eq(log_writer_end(t.w), 5);
    cr_assert_str_eq(log_writer_stream_id(t.w), id);
    cr_assert_eq(log_writer_position(t.w).len, 9);
    cr_assert_eq(memcmp(log_writer_position(t.w).data, "{\"lsn\":1}", 9), 0);
    cr_assert_eq(schema_pool_n_schemas(log_writer_pool(t.w)), 2);
    cr_assert_eq(schema_pool_find_topic(log_writer_pool(t.w), hp_bytes_of("eu.a")), 1);
}

Test(writer, a_rollback_leaves_no_trace)
{
    struct log_reader *r;
    commit_rows(&t, "eu.a", 7, 0, 3);
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    append_rows(&t, "eu.a", 8, 100, 3);
    append_rows(&t, "eu.b", 9, 100, 3);
    cr_assert_eq(log_position(t.w, hp_bytes_of("p"), &t.err), HP_OK);
    log_rollback(t.w);
    cr_assert_eq(log_writer_end(t.w), 3);
    cr_assert_eq(log_writer_position(t.w).len, 0);
    commit_rows(&t, "eu.b", 8, 3, 2); /* its name and schema are stored this time */
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
    cr_assert_eq(read_ids(r, 0, 1 << 20, &t.err), 5);
    log_reader_close(r);
}

Test(writer, a_position_alone_is_durable_and_can_be_forgotten)
{
    struct buf out;
    buf_init(&out, 1000);
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    cr_assert_eq(log_position(t.w, hp_bytes_of("{}"), &t.err), HP_OK);
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK);
    cr_assert_eq(log_position_read(t.log, "orders", &out, &t.err), HP_OK);
    cr_assert_str_eq((char *)out.data, "{}");
    buf_reset(&out);
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    cr_assert_eq(log_position(t.w, (struct hp_bytes){0}, &t.err), HP_OK);
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK);
    cr_assert_eq(log_position_read(t.log, "orders", &out, &t.err), HP_OK);
    cr_assert_eq(out.len, 0);
    cr_assert_eq(log_position_read(t.log, "nobody", &out, &t.err), HP_OK);
    cr_assert_eq(out.len, 0);
    buf_finish(&out);
}

Test(writer, steps_outside_a_transaction_are_refused)
{
    struct hp_batch batch = builder_batch(&t.b);
    struct hp_tx tx = {.size = sizeof tx, .id = 1};
    cr_assert_eq(log_append(t.w, &batch, &t.err), HP_ERROR);
    cr_assert_eq(log_chunk(t.w, &tx, &batch, &t.err), HP_ERROR);
    cr_assert_eq(log_chunks_commit(t.w, &tx, NULL, 0, &t.err), HP_ERROR);
    cr_assert_eq(log_commit(t.w, &t.err), HP_ERROR);
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    cr_assert_eq(log_begin(t.w, &t.err), HP_ERROR);
    log_rollback(t.w);
    log_rollback(t.w);
}

Test(writer, a_batch_without_records_changes_nothing)
{
    struct hp_batch batch;
    struct hp_tx tx = {.size = sizeof tx, .id = 1};
    cr_assert_eq(hp_builder_tx(&t.b.b, &tx), HP_OK);
    batch = builder_batch(&t.b);
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    cr_assert_eq(log_append(t.w, &batch, &t.err), HP_OK);
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK);
    cr_assert_eq(log_writer_end(t.w), 0);
}

Test(writer, records_that_cannot_be_walked_are_refused)
{
    struct hp_batch batch;
    add_rows(&t, "eu.a", 1, 0, 2, 0, 40);
    batch = builder_batch(&t.b);
    ((struct hp_record *)(void *)t.b.b.base)->size = 8;
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    cr_assert_eq(log_append(t.w, &batch, &t.err), HP_ERROR);
    cr_assert_eq(t.err.klass, HP_ERROR_FATAL);
    cr_assert_eq(log_commit(t.w, &t.err), HP_ERROR); /* void since the failed step */
    commit_rows(&t, "eu.a", 1, 0, 2);
    cr_assert_eq(log_writer_end(t.w), 2);
}

Test(writer, a_second_writer_is_refused_and_told_who_has_it)
{
    struct log_writer *other;
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    cr_assert_eq(log_writer_open(t.log, "orders", &other, &t.err), HP_ERROR);
    cr_assert_eq(t.err.klass, HP_ERROR_RETRY);
    cr_assert(strstr(t.err.message, pid), "%s", t.err.message);
    cr_assert_eq(log_stream_delete(t.log, "orders", &t.err), HP_ERROR);
}
