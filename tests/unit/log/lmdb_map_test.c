/* Small durable maps. */
#include "log_support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bench t;
static struct log_map *m;
static char dir[300], file[320];

static void setup(void)
{
    bench_open(&t);
    snprintf(dir, sizeof dir, "%s/map", t.dir);
    snprintf(file, sizeof file, "%s/data.mdb", dir);
    cr_assert_eq(log_map_open(dir, &m, &t.err), HP_OK, "%s", t.err.message);
}

static void teardown(void)
{
    log_map_close(m);
    bench_close(&t);
}

TestSuite(map, .init = setup, .fini = teardown);

static const char *get(const char *key)
{
    static struct buf out = {.max = 1 << 20};
    hp_status status;
    buf_reset(&out);
    status = log_map_get(m, key, &out, &t.err);
    cr_assert_neq(status, HP_ERROR, "%s", t.err.message);
    return status == HP_IDLE ? NULL : out.data ? (const char *)out.data : "";
}

Test(map, put_get_delete_and_reopen)
{
    cr_assert_null(get("a"));
    cr_assert_eq(log_map_put(m, "a", "1", 1, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(log_map_put(m, "b", "22", 2, &t.err), HP_OK);
    cr_assert_eq(log_map_put(m, "a", "333", 3, &t.err), HP_OK);
    cr_assert_eq(log_map_put(m, "empty", "", 0, &t.err), HP_OK);
    cr_assert_eq(log_map_put(m, "b", NULL, 0, &t.err), HP_OK);
    cr_assert_eq(log_map_put(m, "b", NULL, 0, &t.err), HP_OK);
    log_map_close(m);
    cr_assert_eq(log_map_open(dir, &m, &t.err), HP_OK);
    cr_assert_str_eq(get("a"), "333");
    cr_assert_str_eq(get("empty"), "");
    cr_assert_null(get("b"));
    cr_assert_eq(log_map_put(m, "", "x", 1, &t.err), HP_ERROR);
}

Test(map, several_at_once_or_none)
{
    char *huge = calloc(1, 70000);
    memset(huge, 'k', 69999);
    struct log_map_op ops[] = {{"a", "1", 1}, {"b", "2", 1}, {huge, "3", 1}};
    cr_assert_eq(log_map_apply(m, ops, 3, &t.err), HP_ERROR);
    cr_assert_null(get("a"));
    cr_assert_eq(log_map_apply(m, ops, 2, &t.err), HP_OK);
    cr_assert_str_eq(get("a"), "1");
    cr_assert_str_eq(get("b"), "2");
    free(huge);
}

static hp_status collect(void *arg, const char *key, struct hp_bytes value, struct hp_error *err)
{
    (void)err;
    buf_printf(arg, "%zu=%.*s ", strlen(key) < 20 ? (size_t)key[strlen(key) - 1] : strlen(key), (int)value.len,
               (const char *)value.data);
    return HP_OK;
}

Test(map, long_keys_and_prefixes)
{
    char longer[2][1200];
    struct buf out;
    buf_init(&out, 10000);
    for (int i = 0; i < 2; i++) {
        snprintf(longer[i], sizeof longer[i], "connector/%01000d%c", 7, 'x' + i);
        cr_assert_eq(log_map_put(m, longer[i], i ? "two" : "one", 3, &t.err), HP_OK, "%s", t.err.message);
    }
    cr_assert_eq(log_map_put(m, "connector/A", "three", 5, &t.err), HP_OK);
    cr_assert_eq(log_map_put(m, "connectos", "four", 4, &t.err), HP_OK);
    cr_assert_str_eq(get(longer[0]), "one");
    cr_assert_str_eq(get(longer[1]), "two");
    longer[0][1010] = 'q';
    cr_assert_null(get(longer[0]));
    cr_assert_eq(log_map_each(m, "connector/", collect, &out, &t.err), HP_OK);
    cr_assert(strstr((char *)out.data, "1011=one") && strstr((char *)out.data, "1011=two"), "%s", out.data);
    cr_assert(strstr((char *)out.data, "65=three"));
    cr_assert_null(strstr((char *)out.data, "four"));
    buf_reset(&out);
    cr_assert_eq(log_map_each(m, "", collect, &out, &t.err), HP_OK);
    cr_assert(strstr((char *)out.data, "four"));
    buf_finish(&out);
}

static void put_many(void)
{
    for (int i = 0; i < 200; i++) {
        char key[16], value[100];
        memset(value, i, sizeof value);
        snprintf(key, sizeof key, "k%d", i);
        cr_assert_eq(log_map_put(m, key, value, sizeof value, &t.err), HP_OK, "%s", t.err.message);
    }
    log_map_close(m);
    m = NULL;
}

static void refused(const char *words)
{
    cr_assert_eq(log_map_open(dir, &m, &t.err), HP_ERROR, "%s", words);
    cr_assert_eq(t.err.klass, HP_ERROR_FATAL);
    cr_assert_str_eq(t.err.code, "CORRUPT");
    cr_assert(strstr(t.err.message, dir) && strstr(t.err.message, words), "%s", t.err.message);
    m = NULL;
}

Test(map, a_data_file_that_is_gone_or_empty_is_not_taken_for_a_new_one)
{
    put_many();
    cr_assert_eq(truncate(file, 0), 0);
    refused("is empty");
    cr_assert_eq(unlink(file), 0);
    refused("is missing");
    cr_assert_eq(access(file, F_OK), -1);
}

Test(map, a_data_file_that_is_cut_is_called_so)
{
    off_t page = sysconf(_SC_PAGESIZE);
    put_many();
    for (off_t pages = 7; pages > 0; pages--) {
        cr_assert_eq(truncate(file, pages * page), 0);
        refused("cut short");
    }
}

Test(map, entries_that_a_damaged_page_hides_are_missed)
{
    int fd, leaves = 0;
    off_t page = sysconf(_SC_PAGESIZE);
    struct stat st;
    put_many();
    fd = open(file, O_RDWR);
    cr_assert_eq(fstat(fd, &st), 0);
    for (off_t at = 2 * page; at < st.st_size; at += page) {
        uint16_t head[8]; /* number (8), pad, flags, lower, upper */
        cr_assert_eq(pread(fd, head, sizeof head, at), (ssize_t)sizeof head);
        if (head[5] & 2 && head[6] > 40) { /* a leaf: two entries fewer */
            head[6] = (uint16_t)(head[6] - 4);
            cr_assert_eq(pwrite(fd, head, sizeof head, at), (ssize_t)sizeof head);
            leaves++;
        }
    }
    close(fd);
    cr_assert(leaves);
    refused("entries");
}

Test(map, one_has_it_open_at_a_time)
{
    struct log_map *other;
    char words[64];
    snprintf(words, sizeof words, "held by process %ld", (long)getpid());
    cr_assert_eq(log_map_open(dir, &other, &t.err), HP_ERROR);
    cr_assert_str_eq(t.err.code, "LOCKED");
    cr_assert(strstr(t.err.message, words), "%s", t.err.message);
    log_map_close(m);
    cr_assert_eq(log_map_open(dir, &m, &t.err), HP_OK, "%s", t.err.message);
}

Test(map, an_interrupted_making_leaves_nothing_in_its_place)
{
    char aside[320];
    log_map_close(m);
    cr_assert_eq(unlink(file), 0);
    snprintf(aside, sizeof aside, "%s/lock", dir);
    cr_assert_eq(unlink(aside), 0);
    snprintf(aside, sizeof aside, "%s/.new-map", t.dir); /* killed in the middle */
    cr_assert_eq(mkdir(aside, 0700), 0);
    snprintf(aside, sizeof aside, "%s/.new-map/data.mdb", t.dir);
    close(open(aside, O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(log_map_open(dir, &m, &t.err), HP_OK, "%s", t.err.message);
    cr_assert_eq(log_map_put(m, "a", "1", 1, &t.err), HP_OK);
    cr_assert_eq(access(aside, F_OK), -1);
}
