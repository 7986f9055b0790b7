/* Failed syncs, newer forms of the file, and opening twice. */
#include "lmdb_env.h"
#include "lmdb_format.h"
#include "lmdb_marker.h"
#include "log_support.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bench t;
static bool failing;

/* In front of the C library's, also for LMDB. */
int fdatasync(int fd)
{
    static int (*real)(int);
    if (failing) {
        errno = EIO;
        return -1;
    }
    if (!real) {
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    }
    return real(fd);
}

static bool read_only;

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (read_only) {
        errno = EROFS;
        return -1;
    }
    if (!real) {
        *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    }
    return real(fd, data, n, at);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    static ssize_t (*real)(int, const struct iovec *, int);
    if (read_only) {
        errno = EROFS;
        return -1;
    }
    if (!real) {
        *(void **)&real = dlsym(RTLD_NEXT, "writev");
    }
    return real(fd, parts, n);
}

static void setup(void)
{
    bench_open(&t);
}

static void teardown(void)
{
    bench_close(&t);
}

TestSuite(env, .init = setup, .fini = teardown);

Test(env, a_failed_sync_ends_the_process_and_keeps_the_last_good_commit)
{
    struct log_reader *r;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        bench_writer(&t, "orders");
        commit_rows(&t, "a", 1, 0, 5);
        failing = true;
        signal(SIGABRT, SIG_DFL);
        (void)!freopen("/dev/null", "w", stderr);
        commit_rows(&t, "a", 2, 5, 5);
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    bench_writer(&t, "orders");
    cr_assert_eq(log_writer_end(t.w), 5);
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
    cr_assert_eq(read_ids(r, 0, 1 << 20, &t.err), 5);
    log_reader_close(r);
}

Test(env, a_file_system_that_turned_read_only_is_waited_for)
{
    struct log_reader *r;
    bench_writer(&t, "orders");
    commit_rows(&t, "a", 1, 0, 5);
    read_only = true;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(log_begin(t.w, &t.err), HP_OK, "%s", t.err.message);
        append_rows(&t, "a", 2, 5, 5);
        cr_assert_eq(log_commit(t.w, &t.err), HP_ERROR);
        cr_assert_eq(t.err.klass, HP_ERROR_RETRY);
        cr_assert_str_eq(t.err.code, "EROFS");
        cr_assert(strstr(t.err.message, "stream orders") && strstr(t.err.message, "Read-only"), "%s", t.err.message);
    }
    read_only = false;
    commit_rows(&t, "a", 2, 5, 5);
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
    cr_assert_eq(read_ids(r, 0, 1 << 20, &t.err), 10);
    log_reader_close(r);
}

static void set_version(uint32_t version)
{
    char path[512];
    struct env *env;
    struct stored_stream head;
    MDB_txn *txn;
    MDB_val k = {7, "!stream"}, v;
    snprintf(path, sizeof path, "%s/orders", t.dir);
    cr_assert_eq(env_open(path, ENV_WRITE, 0, "orders", &env, &t.err), HP_OK);
    cr_assert_eq(mdb_txn_begin(env->mdb, NULL, 0, &txn), 0);
    cr_assert_eq(mdb_get(txn, env->main, &k, &v), 0);
    char *copy = malloc(v.mv_size);
    memcpy(copy, v.mv_data, v.mv_size);
    memcpy(&head, copy, sizeof head);
    head.version = version;
    memcpy(copy, &head, sizeof head);
    stored_seal(copy, v.mv_size, NULL, 0);
    v.mv_data = copy;
    cr_assert_eq(mdb_put(txn, env->main, &k, &v, 0), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    free(copy);
    env_close(env);
}

Test(env, a_newer_form_is_refused_and_left_alone)
{
    struct log_reader *r;
    bench_writer(&t, "orders");
    commit_rows(&t, "a", 1, 0, 5);
    log_writer_close(t.w);
    t.w = NULL;
    set_version(STREAM_VERSION + 1);
    cr_assert_eq(log_writer_open(t.log, "orders", &t.w, &t.err), HP_ERROR);
    cr_assert_eq(t.err.klass, HP_ERROR_CONFIG);
    cr_assert(strstr(t.err.message, "newer form 2"), "%s", t.err.message);
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_ERROR);
    cr_assert_eq(t.err.klass, HP_ERROR_CONFIG);
    set_version(STREAM_VERSION);
    bench_writer(&t, "orders");
    cr_assert_eq(log_writer_end(t.w), 5);
}

Test(env, an_older_form_is_called_so)
{
    struct log_reader *r;
    bench_writer(&t, "orders");
    log_writer_close(t.w);
    set_version(STREAM_VERSION - 1);
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_ERROR);
    cr_assert(strstr(t.err.message, "older form 0"), "%s", t.err.message);
    cr_assert_eq(log_writer_open(t.log, "orders", &t.w, &t.err), HP_ERROR);
    cr_assert(strstr(t.err.message, "older form 0"), "%s", t.err.message);
    t.w = NULL;
}

/* What stands at the place of LMDB's magic number and version, in both meta pages. */
static void overwrite(const void *bytes, size_t len)
{
    char path[512];
    int fd;
    snprintf(path, sizeof path, "%s/orders/data.mdb", t.dir);
    fd = open(path, O_WRONLY);
    cr_assert(fd >= 0);
    for (off_t page = 0; page < 2; page++) {
        cr_assert_eq(pwrite(fd, bytes, len, page * sysconf(_SC_PAGESIZE) + 16), (ssize_t)len);
    }
    close(fd);
}

Test(env, a_foreign_file_is_called_what_it_is)
{
    static const struct {
        char bytes[9];
        const char *words;
    } cases[] = {{"\xbe\xef\xc0\xde\x00\x00\x00\x01", "other byte order"},
                 {"\xde\xc0\xef\xbe\x07\x00\x00\x00", "LMDB of another version"},
                 {"SQLite f", "does not begin as LMDB writes it"}};
    struct log_reader *r;
    char path[512];
    bench_writer(&t, "orders");
    log_writer_close(t.w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        overwrite(cases[i].bytes, 8);
        cr_assert_eq(log_writer_open(t.log, "orders", &t.w, &t.err), HP_ERROR);
        cr_assert(strstr(t.err.message, cases[i].words), "%s", t.err.message);
        cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_ERROR);
        cr_assert(strstr(t.err.message, "stream orders") && strstr(t.err.message, cases[i].words), "%s", t.err.message);
        cr_assert_eq(t.err.klass, HP_ERROR_FATAL);
    }
    snprintf(path, sizeof path, "%s/orders/data.mdb", t.dir);
    cr_assert_eq(truncate(path, 10), 0);
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_ERROR);
    cr_assert(strstr(t.err.message, "cut short"), "%s", t.err.message);
    cr_assert_eq(truncate(path, 0), 0);
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_ERROR);
    cr_assert(strstr(t.err.message, "is empty"), "%s", t.err.message);
    cr_assert_eq(log_writer_open(t.log, "orders", &t.w, &t.err), HP_ERROR);
    cr_assert(strstr(t.err.message, "is empty"), "%s", t.err.message);
    t.w = NULL;
}

/* The pages that the file's last commit may refer to, and how many there are room for. */
static void pages(uint64_t *out_used, uint64_t *out_there)
{
    char path[512];
    MDB_envinfo info;
    struct env *env;
    struct stat st;
    snprintf(path, sizeof path, "%s/orders", t.dir);
    cr_assert_eq(env_open(path, ENV_WRITE, 0, "orders", &env, &t.err), HP_OK);
    cr_assert_eq(mdb_env_info(env->mdb, &info), 0);
    cr_assert_eq(fstat(env->fd, &st), 0);
    *out_used = info.me_last_pgno + 1;
    *out_there = (uint64_t)st.st_size / env->page;
    env_close(env);
}

Test(env, a_file_never_ends_before_its_pages)
{
    struct log_retention all = {0, -1, 0};
    uint64_t used, there;
    bench_writer(&t, "orders");
    srand(7);
    for (unsigned i = 0, n = 0; i < 300; i++) {
        unsigned rows = 1 + (unsigned)rand() % 300;
        pages(&used, &there);
        cr_assert_leq(used, there, "after %u transactions", i);
        commit_rows(&t, i % 3 ? "a" : "b", i + 1, n, rows);
        n += rows;
        if (rand() % 4 == 0) {
            all.floor = n;
            cr_assert_eq(log_trim(t.w, &all, &t.err), HP_OK, "%s", t.err.message);
        }
    }
}

Test(env, a_file_that_is_cut_is_called_so_and_nobody_crashes)
{
    struct log_reader *r;
    uint64_t used, there;
    char path[512];
    bench_writer(&t, "orders");
    commit_rows(&t, "a", 1, 0, 5000);
    pages(&used, &there);
    log_writer_close(t.w);
    t.w = NULL;
    snprintf(path, sizeof path, "%s/orders/data.mdb", t.dir);
    for (; used > 1; used -= used > 10 ? used / 5 : 1) {
        cr_assert_eq(truncate(path, (off_t)(used - 1) * sysconf(_SC_PAGESIZE)), 0);
        cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_ERROR);
        cr_assert_eq(t.err.klass, HP_ERROR_FATAL);
        cr_assert(strstr(t.err.message, "stream orders") && strstr(t.err.message, "cut short"), "%s", t.err.message);
        cr_assert_eq(log_writer_open(t.log, "orders", &t.w, &t.err), HP_ERROR);
        cr_assert(strstr(t.err.message, "cut short"), "%s", t.err.message);
        t.w = NULL;
    }
}

Test(env, what_a_thread_uses_is_known_when_it_crashes)
{
    struct log_reader *r;
    bench_writer(&t, "orders");
    commit_rows(&t, "a", 1, 0, 5);
    cr_assert_str_eq(log_in_use(), "stream orders");
    log_writer_close(t.w);
    bench_writer(&t, "others");
    cr_assert_str_eq(log_in_use(), "stream others");
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK);
    cr_assert_eq(read_ids(r, 0, 1 << 20, &t.err), 5);
    cr_assert_str_eq(log_in_use(), "stream orders");
    log_reader_close(r);
}

Test(env, one_process_shares_what_it_has_open)
{
    struct log_reader *r[3];
    struct log_writer *w;
    bench_writer(&t, "orders");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(log_reader_open(t.log, "orders", &r[i], &t.err), HP_OK);
    }
    commit_rows(&t, "a", 1, 0, 5);
    log_writer_close(t.w);
    t.w = NULL;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(read_ids(r[i], 0, 1 << 20, &t.err), 5);
        log_reader_close(r[i]);
    }
    cr_assert_eq(log_reader_open(t.log, "orders", &r[0], &t.err), HP_OK); /* read-only: cannot be written through */
    cr_assert_eq(log_writer_open(t.log, "orders", &w, &t.err), HP_ERROR);
    log_reader_close(r[0]);
    bench_writer(&t, "orders");
}
