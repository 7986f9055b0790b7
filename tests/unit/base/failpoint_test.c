#include "failpoint.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each in a process of its own: the list is read once. Criterion forks for every test. */
static void arm(const char *text)
{
    setenv("HOMEPORT_FAILPOINTS", text, 1);
    failpoints_init();
}

Test(failpoint, unset_costs_nothing_and_hits_nothing)
{
    unsetenv("HOMEPORT_FAILPOINTS");
    failpoints_init();
    cr_assert_not(failpoints_armed);
    cr_assert_not(failpoint("log.begin"));
}

Test(failpoint, error_at_the_nth_hit_once)
{
    arm("log.begin=error@3;log.trim=error");
    cr_assert_not(failpoint("log.begin"));
    cr_assert_not(failpoint("log.begin"));
    cr_assert(failpoint("log.begin"));
    cr_assert_not(failpoint("log.begin"));
    cr_assert(failpoint("log.trim"));
    cr_assert_not(failpoint("log.begi"));
}

Test(failpoint, kill)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        arm("src.read=kill");
        (void)failpoint("src.read");
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == 9);
}

Test(failpoint, pause_goes_on)
{
    arm("src.read=pause:1@2");
    cr_assert_not(failpoint("src.read"));
    cr_assert_not(failpoint("src.read"));
    cr_assert_not(failpoint("src.read"));
}

Test(failpoint, once_leaves_its_proof_and_stays_quiet_after)
{
    char dir[] = "/tmp/homeport-fp-XXXXXX", file[64];
    struct stat st;
    cr_assert(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/log.append", dir);
    setenv("HOMEPORT_FAILPOINTS_ONCE", dir, 1);
    if (fork() == 0) {
        arm("log.append=kill");
        (void)failpoint("log.append");
    }
    wait(NULL);
    cr_assert_eq(stat(file, &st), 0);
    arm("log.append=error");
    cr_assert_not(failpoint("log.append"));
    unlink(file);
    strcat(file, ".hits");
    unlink(file);
    rmdir(dir);
}

Test(failpoint, a_folder_counts_the_hits_of_all_processes)
{
    static const char *const names[] = {"snap.table", "snap.table.hits"};
    char dir[] = "/tmp/homeport-fp-XXXXXX", file[64];
    setenv("HOMEPORT_FAILPOINTS_ONCE", mkdtemp(dir), 1);
    for (int turn = 1; turn <= 4; turn++) {
        int status;
        if (fork() == 0) {
            arm("snap.table=error@3");
            _exit(failpoint("snap.table") ? 7 : 0);
        }
        wait(&status);
        cr_assert_eq(WEXITSTATUS(status), turn == 3 ? 7 : 0, "turn %d", turn);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(file, sizeof file, "%s/%s", dir, names[i]);
        cr_assert_eq(unlink(file), 0);
    }
    rmdir(dir);
}

static void bad(const char *text)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        arm(text);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%s", text);
}

Test(failpoint, a_text_that_makes_no_sense_ends_the_process)
{
    bad("log.begin");
    bad("log.begin=explode");
    bad("log.begin=error@");
    bad("log.begin=error@x");
    bad("log.begin=pause");
    bad("log.begin=pause:99999999999999999999");
    bad("=kill");
    bad("a=killer");
}
