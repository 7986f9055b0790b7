/* Words for ends of processes. (Starting them is tried by the conformance and crash suites, with the real binary.) */
#include "process.h"

#include <criterion/criterion.h>
#include <signal.h>

static void do_as_told(void *arg)
{
    (void)signal(SIGSEGV, SIG_DFL);
    if (arg) {
        (void)raise(SIGSEGV);
    }
}

Test(process, a_child_tries_what_may_crash)
{
    char why[96];
    cr_assert(process_survives(do_as_told, NULL, why, sizeof why));
    cr_assert_not(process_survives(do_as_told, why, why, sizeof why));
    cr_assert_str_eq(why, "killed by signal SIGSEGV");
}

Test(process, ends_in_words)
{
    char text[96];
    process_end_text(SIGSEGV, text, sizeof text);
    cr_assert_str_eq(text, "killed by signal SIGSEGV");
    process_end_text(SIGKILL, text, sizeof text);
    cr_assert_str_eq(text, "killed by signal SIGKILL");
    process_end_text(3 << 8, text, sizeof text);
    cr_assert_str_eq(text, "ended by itself with status 3");
    process_end_text(127 << 8, text, sizeof text);
    cr_assert_str_eq(text, "the homeport binary could not be executed");
}
