/* Words for ends of processes. (Starting them is tried by the conformance and crash suites, with the real binary.) */
#include "process.h"

#include <criterion/criterion.h>
#include <signal.h>

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
