/* A full disk, on a small file system of its own (needs the right to mount one). */
#include "log_support.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bench t;
static char mounted[64];

static void setup(void)
{
    strcpy(mounted, "/tmp/homeport-full-XXXXXX");
    cr_assert(mkdtemp(mounted));
    if (mount("tmpfs", mounted, "tmpfs", 0, "size=12m") != 0) {
        rmdir(mounted);
        mounted[0] = '\0';
    }
}

static void teardown(void)
{
    if (mounted[0]) {
        umount2(mounted, MNT_DETACH);
        rmdir(mounted);
    }
}

TestSuite(disk, .init = setup, .fini = teardown);

static void open_on_it(void)
{
    if (!mounted[0]) {
        cr_skip_test("cannot mount a small file system here");
    }
    snprintf(t.dir, sizeof t.dir, "%s/streams", mounted);
    bench_open(&t);
    bench_writer(&t, "orders");
}

/* Takes all that is free but `left` bytes. */
static void take_room(off_t left)
{
    char path[128];
    int fd;
    off_t size = 12 << 20;
    snprintf(path, sizeof path, "%s/ballast", mounted);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    while (size > 0 && posix_fallocate(fd, 0, size) != 0) {
        size -= 64 << 10;
    }
    cr_assert_eq(ftruncate(fd, size > left ? size - left : 0), 0);
    close(fd);
}

static void give_room(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/ballast", mounted);
    unlink(path);
}

/* One transaction of some 50 KB. */
static hp_status try_rows(int64_t first)
{
    struct hp_batch batch;
    builder_reset(&t.b);
    add_rows(&t, "a", (uint64_t)first + 1, first, 250, 0, 40);
    batch = builder_batch(&t.b);
    if (log_begin(t.w, &t.err) != HP_OK) {
        return HP_ERROR;
    }
    return log_append(t.w, &batch, &t.err) == HP_OK ? log_commit(t.w, &t.err) : HP_ERROR;
}

static int64_t fill_up(int64_t first)
{
    hp_status status;
    while ((status = try_rows(first)) == HP_OK) {
        first += 250;
    }
    cr_assert_eq(t.err.klass, HP_ERROR_RETRY, "%s", t.err.message);
    cr_assert_str_eq(t.err.code, "ENOSPC");
    cr_assert(strstr(t.err.message, "stream orders"));
    return first;
}

static void all_there(int64_t from, int64_t n)
{
    struct log_reader *r;
    cr_assert_eq(log_reader_open(t.log, "orders", &r, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(read_ids(r, from, 1 << 20, &t.err), (uint64_t)n);
    log_reader_close(r);
}

Test(disk, full_loses_nothing_and_goes_on_when_there_is_room)
{
    open_on_it();
    int64_t n;
    take_room(2 << 20);
    n = fill_up(0);
    cr_assert_geq(n, 2500);
    cr_assert_eq(try_rows(n), HP_ERROR);
    cr_assert_eq(log_writer_end(t.w), (uint64_t)n);
    cr_assert_eq(log_begin(t.w, &t.err), HP_OK); /* a position alone still fits */
    cr_assert_eq(log_position(t.w, hp_bytes_of("{}"), &t.err), HP_OK);
    cr_assert_eq(log_commit(t.w, &t.err), HP_OK, "%s", t.err.message);
    log_writer_close(t.w);
    bench_writer(&t, "orders"); /* opening works on a full disk */
    cr_assert_eq(try_rows(n), HP_ERROR);
    all_there(0, n);
    give_room();
    cr_assert_eq(try_rows(n), HP_OK, "%s", t.err.message);
    all_there(0, n + 250);
    bench_close(&t);
}

Test(disk, retention_makes_room_by_itself)
{
    open_on_it();
    struct log_retention old = {0, -1, 0};
    int64_t n;
    take_room(2 << 20);
    n = fill_up(0);
    old.floor = (uint64_t)n;
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(log_trim(t.w, &old, &t.err), HP_OK, "%s", t.err.message);
    }
    take_room(0); /* not a page more from the file system */
    for (int round = 0; round < 50; round++) {
        cr_assert_eq(try_rows(n), HP_OK, "round %d: %s", round, t.err.message);
        n += 250;
        old.floor = (uint64_t)n;
        cr_assert_eq(log_trim(t.w, &old, &t.err), HP_OK, "%s", t.err.message);
    }
    bench_close(&t);
}

Test(disk, a_map_on_a_full_disk_refuses_and_keeps_what_it_has)
{
    open_on_it();
    struct log_map *m;
    char dir[128], key[16];
    static char data[20000];
    struct buf out;
    int n = 0;
    snprintf(dir, sizeof dir, "%s/state", mounted);
    cr_assert_eq(log_map_open(dir, &m, &t.err), HP_OK);
    take_room(0);
    for (;; n++) {
        snprintf(key, sizeof key, "k%d", n);
        if (log_map_put(m, key, data, sizeof data, &t.err) != HP_OK) {
            break;
        }
        cr_assert(n < 1000);
    }
    cr_assert_eq(t.err.klass, HP_ERROR_RETRY);
    cr_assert_str_eq(t.err.code, "ENOSPC");
    buf_init(&out, 1 << 20);
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "k%d", i);
        cr_assert_eq(log_map_get(m, key, &out, &t.err), HP_OK);
    }
    cr_assert_eq(log_map_put(m, "k0", NULL, 0, &t.err), HP_OK, "%s", t.err.message); /* deleting goes on */
    give_room();
    cr_assert_eq(log_map_put(m, "more", data, sizeof data, &t.err), HP_OK, "%s", t.err.message);
    buf_finish(&out);
    log_map_close(m);
    bench_close(&t);
}
