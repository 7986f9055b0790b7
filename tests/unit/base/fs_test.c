#include "fs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static struct hp_error err = {.size = sizeof err};

static void setup(void)
{
    strcpy(dir, "/tmp/homeport-fs-XXXXXX");
    cr_assert(mkdtemp(dir));
}

static void teardown(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(fs, .init = setup, .fini = teardown);

static const char *at(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

Test(fs, mkdirs_makes_what_is_missing_and_refuses_files)
{
    struct stat st;
    cr_assert_eq(fs_mkdirs(at("a/b/c"), &err), HP_OK, "%s", err.message);
    cr_assert_eq(fs_mkdirs(at("a/b/c"), &err), HP_OK);
    cr_assert_eq(fs_mkdirs(at("a/b/c/"), &err), HP_OK);
    cr_assert_eq(stat(at("a/b/c"), &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    fclose(fopen(at("f"), "w"));
    cr_assert_eq(fs_mkdirs(at("f"), &err), HP_ERROR);
    cr_assert_eq(fs_mkdirs(at("f/x"), &err), HP_ERROR);
    cr_assert_eq(fs_mkdirs("", &err), HP_ERROR);
}

Test(fs, read_is_bounded_and_names_the_file)
{
    struct buf out;
    FILE *f = fopen(at("f"), "w");
    fprintf(f, "%0100d", 5);
    fclose(f);
    buf_init(&out, 1000);
    cr_assert_eq(fs_read(at("f"), 100, &out, &err), HP_OK);
    cr_assert_eq(out.len, 100);
    cr_assert_eq(fs_read(at("f"), 99, &out, &err), HP_ERROR);
    cr_assert(strstr(err.message, at("f")));
    cr_assert_eq(fs_read(at("none"), 99, &out, &err), HP_ERROR);
    cr_assert_eq(err.klass, HP_ERROR_CONFIG);
    buf_finish(&out);
}

Test(fs, lock_is_exclusive_and_names_its_holder)
{
    int fd, status;
    pid_t pid;
    cr_assert_eq(fs_lock(at("lock"), &fd, &err), HP_OK, "%s", err.message);
    pid = fork();
    if (pid == 0) {
        char holder[32];
        int other;
        snprintf(holder, sizeof holder, "process %d", (int)getppid());
        _exit(fs_lock(at("lock"), &other, &err) == HP_ERROR && strstr(err.message, holder) ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
    close(fd);
    cr_assert_eq(fs_lock(at("lock"), &fd, &err), HP_OK);
    close(fd);
}

Test(fs, components_are_safe_distinct_and_short)
{
    static const char *const names[] = {"orders",  "a/b", "a%2Fb", ".",       "..", "",
                                        ".hidden", "A b", "\xff",  "x.y-z_1", "%"};
    char out[sizeof names / sizeof names[0]][256], longest[3000], other[256];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fs_component(names[i], out[i]);
        cr_assert(out[i][0] && out[i][0] != '.' && !strchr(out[i], '/'), "%s", out[i]);
        for (size_t k = 0; k < i; k++) {
            cr_assert_str_neq(out[i], out[k]);
        }
    }
    cr_assert_str_eq(out[0], "orders");
    cr_assert_str_eq(out[9], "x.y-z_1");
    memset(longest, '/', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    fs_component(longest, out[0]);
    cr_assert(strlen(out[0]) <= 200);
    longest[2500] = 'x';
    fs_component(longest, other);
    cr_assert_str_neq(out[0], other);
}
