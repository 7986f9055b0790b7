/* find_test.c: hostile folders and files (SEC-07, F42): refused with the reason, never loaded. */
#include "find.h"
#include "trust.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void make(void)
{
    (void)strcpy(dir, "/tmp/homeport-find-XXXXXX");
    cr_assert(mkdtemp(dir));
}

static void clean(void)
{
    char command[100];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    (void)!system(command);
}

TestSuite(find, .init = make, .fini = clean);

static const char *in(const char *name)
{
    static char path[4][200];
    static unsigned turn;
    char *out = path[turn++ % 4];
    (void)snprintf(out, 200, "%s/%s", dir, name);
    return out;
}

static void put(const char *from, const char *name, mode_t mode)
{
    char command[600];
    (void)snprintf(command, sizeof command, "cp '%s' '%s'", from, in(name));
    cr_assert_eq(system(command), 0);
    cr_assert_eq(chmod(in(name), mode), 0);
}

#define LINES PLUGINS "/source-lines.so"

static struct plugin_list scan(void)
{
    struct plugin_list list;
    struct hp_error err = {.size = sizeof err};
    cr_assert_eq(plugin_list_scan(dir, &list, &err), HP_OK, "%s", err.message);
    return list;
}

static void refused(const char *why)
{
    struct plugin_list list = scan();
    cr_assert_eq(list.n, 1);
    cr_assert(list.files[0].refused && strstr(list.files[0].refused, why), "%s", list.files[0].refused);
    cr_assert_null(list.files[0].id);
    plugin_list_finish(&list);
}

Test(find, lists_a_good_file_and_only_that)
{
    struct plugin_list list;
    put(LINES, "a.so", 0644);
    put(LINES, ".hidden.so", 0644);
    put(LINES, "b.so.1", 0644);
    list = scan();
    cr_assert_eq(list.n, 1);
    cr_assert_null(list.files[0].refused, "%s", list.files[0].refused);
    cr_assert_str_eq(list.files[0].id, "source-lines");
    cr_assert_str_eq(list.files[0].path, in("a.so"));
    cr_assert_neq(list.files[0].identity, 0);
    plugin_list_finish(&list);
}

Test(find, a_new_file_is_seen_and_a_replaced_one_is_another)
{
    struct plugin_list list = scan();
    uint64_t identity;
    cr_assert_eq(list.n, 0);
    plugin_list_finish(&list);
    put(LINES, "a.so", 0644);
    list = scan();
    identity = list.files[0].identity;
    plugin_list_finish(&list);
    put(LINES, "n", 0644);
    cr_assert_eq(rename(in("n"), in("a.so")), 0);
    list = scan();
    cr_assert_eq(list.n, 1);
    cr_assert_neq(list.files[0].identity, identity);
    plugin_list_finish(&list);
}

Test(find, symbolic_link)
{
    cr_assert_eq(symlink(LINES, in("a.so")), 0);
    refused("symbolic link");
}

Test(find, fifo)
{
    cr_assert_eq(mkfifo(in("a.so"), 0644), 0);
    refused("not a regular file");
}

Test(find, folder_named_like_a_plugin)
{
    cr_assert_eq(mkdir(in("a.so"), 0755), 0);
    refused("not a regular file");
}

Test(find, writable_by_group)
{
    put(LINES, "a.so", 0664);
    refused("written by others");
}

Test(find, writable_by_all)
{
    put(LINES, "a.so", 0666);
    refused("written by others");
}

Test(find, of_another_user)
{
    if (geteuid() != 0) {
        cr_skip_test("needs root");
    }
    put(LINES, "a.so", 0644);
    cr_assert_eq(chown(in("a.so"), 12345, 12345), 0);
    refused("another user");
}

Test(find, text_file)
{
    put("/etc/passwd", "a.so", 0644);
    refused("not an ELF file");
}

Test(find, empty_file)
{
    put("/dev/null", "a.so", 0644);
    refused("not an ELF file");
}

Test(find, program)
{
    put("/bin/sh", "a.so", 0644);
    refused("program");
}

Test(find, library_that_is_no_plugin)
{
    put("/usr/lib/x86_64-linux-gnu/libc.so.6", "a.so", 0644);
    refused("");
}

Test(find, truncated)
{
    put(LINES, "a.so", 0644);
    cr_assert_eq(truncate(in("a.so"), 5000), 0);
    refused("cut short");
}

Test(find, enormous)
{
    put(LINES, "a.so", 0644);
    cr_assert_eq(truncate(in("a.so"), (off_t)4 << 30), 0);
    refused("larger than");
}

Test(find, folder_that_others_can_write)
{
    put(LINES, "a.so", 0644);
    cr_assert_eq(chmod(dir, 0777), 0);
    refused("written by others");
}

Test(find, ancestor_that_others_can_write)
{
    struct plugin_list list;
    struct hp_error err = {.size = sizeof err};
    cr_assert_eq(mkdir(in("inner"), 0755), 0);
    put(LINES, "inner/a.so", 0644);
    cr_assert_eq(chmod(dir, 0777), 0);
    cr_assert_eq(plugin_list_scan(in("inner"), &list, &err), HP_OK);
    cr_assert(list.n == 1 && list.files[0].refused && strstr(list.files[0].refused, "written by others"));
    plugin_list_finish(&list);
}

Test(find, missing_folder_is_no_error)
{
    struct plugin_list list;
    struct hp_error err = {.size = sizeof err};
    char path[200];
    put(LINES, "a.so", 0644);
    (void)snprintf(path, sizeof path, " /no/such/folder , %s/ ,", dir);
    cr_assert_eq(plugin_list_scan(path, &list, &err), HP_OK);
    cr_assert_eq(list.n, 2);
    cr_assert(strstr(list.files[0].path, "/no/such/folder") && strstr(list.files[0].refused, "No such file"));
    cr_assert_null(list.files[1].refused);
    plugin_list_finish(&list);
}

Test(find, by_every_name)
{
    static const char *const good[] = {"source-lines", "org.apache.kafka.connect.file.FileStreamSourceConnector",
                                       "FileStreamSourceConnector", "FileStreamSource"};
    static const char *const bad[] = {"",
                                      "source",
                                      "Source-Lines",
                                      "FileStream",
                                      "Connector",
                                      "file.FileStreamSource",
                                      "org.apache.kafka.connect.file.FileStreamSource"};
    struct plugin_list list;
    bool ambiguous;
    put(LINES, "a.so", 0644);
    list = scan();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char *dialect = plugin_dialect(list.files[0].id, list.files[0].aliases, good[i]);
        cr_assert_eq(plugin_list_find(&list, good[i], &ambiguous), &list.files[0], "%s", good[i]);
        cr_assert(!ambiguous);
        cr_assert_str_eq(dialect, i == 0 ? good[0] : good[1]);
        free(dialect);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_null(plugin_list_find(&list, bad[i], &ambiguous), "%s", bad[i]);
    }
    plugin_list_finish(&list);
}

Test(find, two_plugins_of_one_simple_name_are_ambiguous_two_versions_are_not)
{
    struct plugin_file files[] = {
        {"/a", "one", "source", "x.SameConnector", "1.9", NULL, 1},
        {"/b", "two", "source", "y.SameConnector", "1.0", NULL, 2},
        {"/c", "one", "source", "x.SameConnector", "1.10", NULL, 3},
        {"/d", NULL, NULL, NULL, NULL, "refused", 4},
    };
    struct plugin_list list = {files, 4};
    bool ambiguous;
    cr_assert_null(plugin_list_find(&list, "Same", &ambiguous));
    cr_assert(ambiguous);
    cr_assert_eq(plugin_list_find(&list, "one", &ambiguous), &files[2]);
    cr_assert_eq(plugin_list_find(&list, "x.SameConnector", &ambiguous), &files[2]);
    cr_assert_eq(plugin_list_find(&list, "two", &ambiguous), &files[1]);
}

/* What was judged is what is opened: swapping the file for a link under our feet never gets the link opened. */
Test(find, swapping_races_lose)
{
    int folder;
    struct hp_error err = {.size = sizeof err};
    put(LINES, "good", 0644);
    cr_assert_eq(trust_folder(dir, &folder, &err), HP_OK);
    for (unsigned i = 0; i < 2000; i++) {
        struct plugin_note note;
        struct stat st;
        int fd = -1;
        (void)unlink(in("a.so"));
        if (i % 2) {
            cr_assert_eq(symlink("/usr/lib/x86_64-linux-gnu/libc.so.6", in("a.so")), 0);
        } else {
            cr_assert_eq(link(in("good"), in("a.so")), 0);
        }
        hp_status status = trust_file(folder, "a.so", &note, NULL, &fd, &err);
        cr_assert_eq(status == HP_OK, i % 2 == 0);
        if (fd >= 0) {
            cr_assert_eq(fstat(fd, &st), 0);
            cr_assert(S_ISREG(st.st_mode));
            (void)close(fd);
        }
    }
    (void)close(folder);
}
