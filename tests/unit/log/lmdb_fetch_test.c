/* Bytes that changed on disk. */
#include "log_support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bench t;
static char file[512];
static uint8_t *bytes;
static size_t n_bytes;

static void setup(void)
{
    struct stat st;
    int fd;
    bench_open(&t);
    bench_writer(&t, "orders");
    for (int i = 0; i < 40; i++) { /* values in leaf pages, in overflow pages, and chunks */
        commit_rows(&t, "a", (uint64_t)i + 1, i * 10, 10);
    }
    builder_reset(&t.b);
    add_rows(&t, "b", 99, 400, 3, 0, 20000);
    struct hp_batch batch = builder_batch(&t.b);
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK);
    cr_assert_eq(log_append(t.w, &batch, &t.err), HP_OK);
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK);
    chunk_rows(&t, 100, "a", 403, 50, 0);
    chunk_rows(&t, 100, "a", 453, 50, 0);
    chunks_end(&t, 100, NULL, 0);
    log_writer_close(t.w);
    t.w = NULL;
    snprintf(file, sizeof file, "%s/orders/data.mdb", t.dir);
    fd = open(file, O_RDONLY);
    cr_assert_eq(fstat(fd, &st), 0);
    n_bytes = (size_t)st.st_size;
    bytes = malloc(n_bytes);
    cr_assert_eq(read(fd, bytes, n_bytes), (ssize_t)n_bytes);
    while (bytes[n_bytes - 1] == 0) { /* what is kept ahead of need */
        n_bytes--;
    }
    close(fd);
}

static void teardown(void)
{
    free(bytes);
    bench_close(&t);
}

TestSuite(fetch, .init = setup, .fini = teardown);

static void put_byte(size_t at, uint8_t value)
{
    int fd = open(file, O_WRONLY);
    cr_assert_eq(pwrite(fd, &value, 1, (off_t)at), 1);
    close(fd);
}

/* Exit status of a process that reads all: 0 everything right, 1 refused as damaged, 2 something wrong was handed out.
 */
static int read_all(void)
{
    struct log_reader *r;
    struct log_read read;
    hp_status status;
    int64_t n = 0;
    if (log_reader_open(t.log, "orders", &r, &t.err) != HP_OK) {
        return 1;
    }
    while ((status = log_reader_next(r, 4096, &read, &t.err)) == HP_OK) {
        struct hp_iter it = hp_batch_iter(&read.batch);
        while (hp_iter_next(&it)) {
            const struct hp_cell *row = hp_record_after(it.rec);
            struct hp_bytes v = hp_cell_bytes(it.rec, &row[1]);
            if (row[0].u.i64 != n++ || v.len != (n > 400 && n <= 403 ? 20000 : 40)) {
                log_reader_close(r);
                return 2;
            }
        }
    }
    log_reader_close(r);
    if (status == HP_ERROR) {
        return t.err.klass == HP_ERROR_FATAL && strstr(t.err.message, "stream orders") ? 1 : 2;
    }
    return n == 503 ? 0 : 2;
}

Test(fetch, no_flipped_byte_is_handed_out)
{
    unsigned outcomes[4] = {0};
    srand(3);
    for (int i = 0; i < 400; i++) {
        size_t at = (size_t)rand() % n_bytes;
        int status;
        pid_t pid;
        put_byte(at, bytes[at] ^ (uint8_t)(1 << rand() % 8));
        pid = fork();
        if (pid == 0) {
            signal(SIGSEGV,
                   SIG_DFL); /* LMDB follows a damaged tree; a worker that dies of it is told apart from wrong data */
            signal(SIGABRT, SIG_DFL);
            signal(SIGBUS, SIG_DFL);
            (void)!freopen("/dev/null", "w", stderr);
            alarm(10);
            _exit(read_all());
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_not(WIFEXITED(status) && WEXITSTATUS(status) == 2, "wrong data after a flip at %zu", at);
        outcomes[WIFEXITED(status) ? WEXITSTATUS(status) % 3 : 3]++;
        put_byte(at, bytes[at]);
    }
    cr_log_info("%u not noticed (unused bytes), %u refused, %u died", outcomes[0], outcomes[1], outcomes[3]);
    cr_assert(outcomes[1] > 50);
    cr_assert_eq(read_all(), 0);
}

Test(fetch, a_flip_in_a_row_names_stream_and_offset)
{
    size_t hits = 0;
    for (size_t at = 8192; at + 40 < n_bytes && hits < 20; at++) {
        if (memcmp(bytes + at, "abcdefghijklmnopqrstuvwxyz", 26) == 0) {
            struct log_reader *r;
            struct log_read read;
            hp_status status;
            put_byte(at, 'X');
            cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
            while ((status = log_reader_next(r, 1, &read, &t.err)) == HP_OK) {
            }
            if (status == HP_ERROR) { /* not an old copy of a page */
                cr_assert_eq(t.err.klass, HP_ERROR_FATAL);
                cr_assert_str_eq(t.err.code, "CORRUPT");
                cr_assert(strstr(t.err.message, "stream orders") && strstr(t.err.message, "at offset"), "%s",
                          t.err.message);
                cr_assert(strstr(t.err.message, "checksum"), "%s", t.err.message);
                hits++;
            }
            log_reader_close(r);
            put_byte(at, bytes[at]);
        }
    }
    cr_assert(hits >= 10, "%zu", hits);
}
