/* Several processes at one stream, and what kill -9 leaves at any moment. */
#include "failpoint.h"
#include "futex.h"
#include "lmdb_reader.h"
#include "lmdb_writer.h"
#include "log_support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct bench t;

static void setup(void)
{
    bench_open(&t);
}

static void teardown(void)
{
    bench_close(&t);
}

TestSuite(processes, .init = setup, .fini = teardown);

/* Reads until `n` records have come, waiting for the writer's word in between; exit status 0 if all were right. */
static void follow(uint64_t n)
{
    struct log_reader *r;
    uint64_t got = 0;
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK, "%s", t.err.message);
    while (got < n) {
        uint32_t *word = log_reader_word(r), seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
        struct log_read read;
        hp_status status = log_reader_next(r, 1 << 16, &read, &t.err);
        cr_assert_neq(status, HP_ERROR, "%s", t.err.message);
        if (status == HP_IDLE) {
            futex_wait_any(&word, &seen, 1, -1);
        } else if (status == HP_OK) {
            struct hp_iter it = hp_batch_iter(&read.batch);
            while (hp_iter_next(&it)) {
                cr_assert_eq(row_id(it.rec), (int64_t)got++);
            }
        }
    }
    log_reader_close(r);
}

Test(processes, readers_follow_a_writer_from_before_it_exists)
{
    pid_t pids[4];
    int status;
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            follow(3000);
            _exit(0);
        }
    }
    bench_writer(&t, "orders");
    for (int i = 0; i < 200; i++) {
        if (i % 10 == 9) {
            chunk_rows(&t, 7, "a", i * 15, 8, 0);
            chunk_rows(&t, 7, "a", i * 15 + 8, 7, 0);
            chunks_end(&t, 7, NULL, 0);
        } else {
            commit_rows(&t, "a", (uint64_t)i + 1, i * 15, 15);
        }
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

/* Dies inside a read transaction once there is something to read. */
static void die_reading(void)
{
    struct log_reader *r;
    struct log_read read;
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK, "%s", t.err.message);
    for (;;) {
        uint32_t *word = log_reader_word(r), seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
        if (log_reader_next(r, 1 << 16, &read, &t.err) == HP_OK) {
            cr_assert_eq(reader_begin(r, &t.err), HP_OK);
            kill(getpid(), SIGKILL);
        }
        futex_wait_any(&word, &seen, 1, 100);
    }
}

Test(processes, a_reader_killed_in_the_middle_does_not_keep_space)
{
    struct log_retention all = {0, -1, UINT64_MAX};
    struct log_stream_info info;
    uint64_t disk;
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        die_reading();
    }
    bench_writer(&t, "orders");
    commit_rows(&t, "a", 1, 0, 200);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status));
    for (int round = 0; round < 60; round++) {
        commit_rows(&t, "a", 1, 0, 2000);
        cr_assert_eq(log_trim(t.w, &all, &t.err), HP_OK);
    }
    cr_assert_eq(log_stream_info(t.log, "orders", &info, &t.err), HP_OK);
    disk = info.disk_bytes;
    log_stream_info_finish(&info);
    cr_assert(disk < 8 << 20, "%lu", disk);
}

/* ---- kill -9 ---- */

/* What a writer has been told is committed, seen by who survives it. */
struct acked {
    uint64_t end;
    uint64_t runs;
};

/* Writes until killed: record id = offset, position = end. Some transactions in chunks, some void, some trimmed. */
static void write_until_killed(struct acked *acked, unsigned seed)
{
    struct log_retention half = {100000, -1, 0};
    srand(seed);
    bench_writer(&t, "orders");
    for (uint64_t n = 0;; n++) {
        uint64_t end = log_writer_end(t.w);
        char position[32];
        unsigned rows = 1 + (unsigned)rand() % 40;
        int len = snprintf(position, sizeof position, "%lu", end + rows);
        if (rand() % 5 == 0) {
            struct hp_tx tx = {.size = sizeof tx, .id = 50};
            chunk_rows(&t, 50, "a", (int64_t)end, rows, 0);
            chunk_rows(&t, 51, "a", -1, 20, 0); /* never ends */
            cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
            cr_assert_eq(log_chunks_commit(t.w, &tx, NULL, 0, &t.err), HP_OK);
        } else {
            cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
            append_rows(&t, rand() % 2 ? "a" : "b", n + 100, (int64_t)end, rows);
        }
        cr_assert_eq(log_position(t.w, (struct hp_bytes){position, (uint64_t)len}, &t.err), HP_OK);
        cr_assert_eq(log_commit(t.w, &t.err), HP_OK, "%s", t.err.message);
        __atomic_store_n(&acked->end, log_writer_end(t.w), __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&acked->runs, 1, __ATOMIC_SEQ_CST);
        if (rand() % 8 == 0) {
            half.floor = log_writer_end(t.w);
            cr_assert_eq(log_trim(t.w, &half, &t.err), HP_OK);
        }
    }
}

/* Nothing acknowledged is lost, position and end agree, and from the oldest record on every id is its offset. */
static void verify(const struct acked *acked)
{
    struct log_reader *r;
    struct hp_bytes position;
    char text[32] = "";
    uint64_t end, begin, a, b;
    bench_writer(&t, "orders");
    end = log_writer_end(t.w);
    cr_assert(end >= acked->end, "%lu acknowledged, %lu there", acked->end, end);
    position = log_writer_position(t.w);
    if (position.len) {
        memcpy(text, position.data, position.len);
    }
    cr_assert_eq(strtoul(text, NULL, 10), end);
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
    begin = log_reader_begin(r);
    cr_assert_eq(read_ids(r, (int64_t)begin, 1 << 16, &t.err), end - begin);
    if (schema_pool_n_topics(log_writer_pool(t.w)) == 3) { /* topic offsets add up to the stream's */
        cr_assert_eq(log_topic_offset(r, "a", end, &a, &t.err), HP_OK, "%s", t.err.message);
        cr_assert_eq(log_topic_offset(r, "b", end, &b, &t.err), HP_OK);
        cr_assert_eq(a + b, end);
    }
    log_reader_close(r);
    log_writer_close(t.w);
    t.w = NULL;
}

static void cycle(struct acked *acked, const char *failpoints, unsigned seed)
{
    uint64_t runs = acked->runs;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (failpoints) {
            setenv("HOMEPORT_FAILPOINTS", failpoints, 1);
            failpoints_init();
        }
        write_until_killed(acked, seed);
        _exit(1);
    }
    if (!failpoints) {
        struct timespec moment = {0, (long)(seed * 7919 % 9000000)};
        while (__atomic_load_n(&acked->runs, __ATOMIC_SEQ_CST) == runs) {
            (void)sched_yield();
        }
        nanosleep(&moment, NULL); /* any moment will do */
        kill(pid, SIGKILL);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the writer did not live until it was killed");
    verify(acked);
}

/* LMDB has places for so many readers, and a dead one keeps its own until somebody looks; a source that does not run
   does not. */
Test(processes, dead_readers_do_not_take_all_places)
{
    struct log_reader *r;
    pid_t other;
    int ready[2], status;
    char c;
    bench_writer(&t, "orders");
    commit_rows(&t, "a", 1, 0, 5);
    log_writer_close(t.w);
    t.w = NULL;
    cr_assert_eq(pipe(ready), 0);
    other = fork();
    if (other == 0) { /* one that lives: without any the places are made anew */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
        (void)!write(ready[1], "x", 1);
        pause();
    }
    cr_assert_eq(read(ready[0], &c, 1), 1);
    for (int i = 0; i < 1100; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            _exit(log_reader_open(t.log, "orders", &r, &t.err) == HP_OK ? 0 : 1);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0, "reader %d", i);
    }
    cr_assert_eq(kill(other, SIGKILL), 0);
    cr_assert_eq(waitpid(other, &status, 0), other);
}

Test(processes, kill_at_any_moment_leaves_no_gap)
{
    static const char *const points[] = {"log.begin", "log.append", "log.before_commit", "log.synced", "log.trim"};
    struct acked *acked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char text[64];
    for (unsigned i = 0; i < 25; i++) {
        cycle(acked, NULL, i + 1);
    }
    for (unsigned i = 0; i < 15; i++) {
        snprintf(text, sizeof text, "%s=kill@%u", points[i % 5], 1 + i * 3 % 17);
        cycle(acked, text, i + 100);
    }
    munmap(acked, 4096);
}

/* LMDB tells the lock table of a commit when its pages are durable. A writer that dies between the two, while a reader
   keeps the table in use, leaves there the number of the transaction before: put back here, as no fail point can stand
   inside LMDB. */
static void die_behind_the_commit(int go)
{
    char path[512];
    MDB_envinfo info;
    uint64_t *table, *told = NULL;
    int fd;
    cr_assert_eq(read(go, path, 1), 1);
    bench_writer(&t, "orders");
    commit_rows(&t, "a", 2, 5, 5);
    cr_assert_eq(mdb_env_info(t.w->env->mdb, &info), 0);
    snprintf(path, sizeof path, "%s/orders/lock.mdb", t.dir);
    fd = open(path, O_RDWR);
    table = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || table == MAP_FAILED) {
        _exit(1);
    }
    for (size_t i = 0; i < 16 && !told; i++) { /* it stands in the head of the table, behind a mutex */
        told = table[i] == info.me_last_txnid ? &table[i] : NULL;
    }
    if (!told) { /* it has another form in this version of LMDB */
        _exit(2);
    }
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK); /* it dies with the writers' lock */
    *told -= 1;
    kill(getpid(), SIGKILL);
}

static void go_on_behind_it(int go)
{
    char byte;
    cr_assert_eq(read(go, &byte, 1), 1);
    bench_writer(&t, "orders");
    if (log_writer_end(t.w) != 10) {
        _exit(1);
    }
    commit_rows(&t, "a", 3, 10, 5);
    _exit(0);
}

Test(processes, a_commit_that_the_lock_table_was_not_told_of_counts)
{
    static void (*const parts[])(int go) = {die_behind_the_commit, go_on_behind_it};
    struct log_reader *r;
    int status, go[2][2];
    pid_t pids[2];
    for (int i = 0; i < 2; i++) { /* before anything is open: LMDB does not survive a fork */
        cr_assert_eq(pipe(go[i]), 0);
        pids[i] = fork();
        if (pids[i] == 0) {
            parts[i](go[i][0]);
        }
    }
    bench_writer(&t, "orders");
    commit_rows(&t, "a", 1, 0, 5);
    log_writer_close(t.w);
    t.w = NULL;
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
    cr_assert_eq(read_ids(r, 0, 1 << 16, &t.err), 5);
    cr_assert_eq(write(go[0][1], "", 1), 1);
    cr_assert_eq(waitpid(pids[0], &status, 0), pids[0]);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%x", status);
    cr_assert_eq(read_ids(r, 5, 1 << 16, &t.err), 0, "the table was not as after such a death");
    cr_assert_eq(write(go[1][1], "", 1), 1);
    cr_assert_eq(waitpid(pids[1], &status, 0), pids[1]);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", status);
    cr_assert_eq(read_ids(r, 5, 1 << 16, &t.err), 10);
    log_reader_close(r);
}

Test(processes, a_step_that_fails_can_be_done_again)
{
    static const char *const points[] = {"log.begin", "log.append", "log.before_commit"};
    uint64_t end = 0;
    struct hp_batch batch;
    setenv("HOMEPORT_FAILPOINTS", "log.begin=error@3;log.append=error@5;log.before_commit=error@7;log.trim=error@1", 1);
    failpoints_init();
    bench_writer(&t, "orders");
    unsigned failures = 0;
    while (end < 100) {
        builder_reset(&t.b);
        add_rows(&t, "a", end + 1, (int64_t)end, 10, 0, 40);
        batch = builder_batch(&t.b);
        if (log_begin(t.w, &t.err) != HP_OK || log_append(t.w, &batch, &t.err) != HP_OK ||
            log_commit(t.w, &t.err) != HP_OK) {
            cr_assert_eq(t.err.klass, HP_ERROR_RETRY);
            cr_assert(strstr(t.err.message, points[failures++]), "%s", t.err.message);
            cr_assert_eq(log_writer_end(t.w), end);
            continue;
        }
        end += 10;
    }
    cr_assert_eq(failures, 3);
    struct log_retention all = {0, -1, UINT64_MAX};
    cr_assert_eq(log_trim(t.w, &all, &t.err), HP_ERROR);
    struct log_reader *r;
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
    cr_assert_eq(read_ids(r, 0, 1 << 20, &t.err), 100);
    log_reader_close(r);
}
