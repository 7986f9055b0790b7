/* The store: what was applied is there after reopening, and nothing else. */
#include "store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[64];
static struct hp_error err = {.size = sizeof err};

static struct store *open_store(void)
{
    struct store *s = NULL;
    cr_assert_eq(store_open(dir, &s, &err), HP_OK, "%s", err.message);
    return s;
}

static void make_dir(void)
{
    strcpy(dir, "/tmp/homeport-store-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void drop_dir(void)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r '%s'", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(store, .init = make_dir, .fini = drop_dir);

struct found {
    unsigned n;
    char text[512];
};

static hp_status each(void *arg, const char *name, struct props *config, enum target target, const json_t *seen,
                      struct hp_error *e)
{
    struct found *f = arg;
    size_t len = strlen(f->text);
    (void)e;
    f->n++;
    (void)snprintf(f->text + len, sizeof f->text - len, "%s=%s,%s,%s;", name, props_get(config, "k"),
                   target_name(target), seen ? "seen" : "-");
    props_finish(config);
    return HP_OK;
}

static void put(struct store *s, const char *name, const char *k, enum target target, json_t *seen)
{
    struct props p;
    props_init(&p);
    props_set(&p, "k", k);
    cr_assert_eq(
        store_apply(s, &(struct store_change){.name = name, .config = &p, .target = &target, .seen = seen}, &err),
        HP_OK, "%s", err.message);
    props_finish(&p);
}

Test(store, F09_what_was_applied_is_there_after_reopening)
{
    struct store *s = open_store();
    json_t *seen = json_pack("{s:i}", "x", 1);
    char cluster[32];
    struct found f = {0};
    enum target stopped = TARGET_STOPPED;
    strcpy(cluster, store_cluster_id(s));
    put(s, "a", "1", TARGET_RUNNING, NULL);
    put(s, "b / \xc3\xa9", "2", TARGET_PAUSED, seen);
    put(s, "c", "3", TARGET_RUNNING, seen);
    cr_assert_eq(store_apply(s, &(struct store_change){.name = "a", .target = &stopped}, &err), HP_OK);
    cr_assert_eq(store_apply(s, &(struct store_change){.name = "c", .remove = true}, &err), HP_OK);
    store_close(s);
    s = open_store();
    cr_assert_str_eq(store_cluster_id(s), cluster);
    cr_assert_eq(store_each(s, each, &f, &err), HP_OK, "%s", err.message);
    cr_assert_eq(f.n, 2);
    cr_assert_not_null(strstr(f.text, "a=1,STOPPED,-;"), "%s", f.text);
    cr_assert_not_null(strstr(f.text, "b / \xc3\xa9=2,PAUSED,seen;"), "%s", f.text);
    json_t *kept = store_seen(s, "c"); /* LC-12: offsets outlive the connector */
    cr_assert(json_equal(kept, seen));
    json_decref(kept);
    json_decref(seen);
    cr_assert_null(store_seen(s, "nobody"));
    store_close(s);
}

Test(store, epochs_never_come_twice)
{
    uint64_t last = 0, e;
    for (int round = 0; round < 3; round++) {
        struct store *s = open_store();
        for (int i = 0; i < 1500; i++) {
            cr_assert_eq(store_next_epoch(s, &e, &err), HP_OK);
            cr_assert_gt(e, last);
            last = e;
        }
        store_close(s);
    }
}

Test(store, a_name_of_400_bytes_fits)
{
    struct store *s = open_store();
    char name[401];
    struct found f = {0};
    memset(name, 'n', 400);
    name[400] = '\0';
    put(s, name, "1", TARGET_RUNNING, NULL);
    cr_assert_eq(store_each(s, each, &f, &err), HP_OK);
    cr_assert_eq(f.n, 1);
    store_close(s);
}
