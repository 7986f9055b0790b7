/* failure_test.c: classes of refusals, and that no value gets out. */
#include "failure.h"

#include <criterion/criterion.h>

Test(failure, classes)
{
    static const struct {
        const char *state;
        uint32_t klass;
    } list[] = {
        {"40P01", HP_ERROR_RETRY},  {"40001", HP_ERROR_RETRY},  {"55P03", HP_ERROR_RETRY},  {"57P01", HP_ERROR_RETRY},
        {"53300", HP_ERROR_RETRY},  {"25006", HP_ERROR_RETRY},  {"08006", HP_ERROR_RETRY},  {"", HP_ERROR_RETRY},
        {"55006", HP_ERROR_RETRY},  {"55000", HP_ERROR_CONFIG}, {"22003", HP_ERROR_POISON}, {"23502", HP_ERROR_POISON},
        {"P0001", HP_ERROR_POISON}, {"42501", HP_ERROR_CONFIG}, {"42P01", HP_ERROR_CONFIG}, {"28P01", HP_ERROR_CONFIG},
        {"42601", HP_ERROR_POISON}, {"XX001", HP_ERROR_FATAL},  {"XX000", HP_ERROR_RETRY},  {"99999", HP_ERROR_FATAL}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        cr_assert_eq(failure_class(list[i].state), list[i].klass, "%s", list[i].state);
    }
    cr_assert(failure_is_row("23505") && failure_is_row("42601") && !failure_is_row("42P01") && !failure_is_row(""));
    cr_assert(failure_is_stale("42P01") && failure_is_stale("0A000") && !failure_is_stale("23505"));
}

Test(failure, values_stay_inside)
{
    char out[320];
    failure_scrub("22P02", "invalid input syntax for type integer: \"secret\"", out, sizeof out);
    cr_assert_str_eq(out, "invalid input syntax for type integer: \"...\"");
    failure_scrub("22P02", "invalid input syntax for type integer: \"a\"secret\"\nb\" at \"c\"", out, sizeof out);
    cr_assert_str_eq(out, "invalid input syntax for type integer: \"...\"");
    failure_scrub("42601", "syntax error in tsquery: \"secret\"", out, sizeof out);
    cr_assert_str_eq(out, "syntax error in tsquery: \"...\"");
    failure_scrub("22003", "value \"12\" is out of range for type \"x", out, sizeof out);
    cr_assert_null(strstr(out, "12"));
    failure_scrub("P0001", "secret", out, sizeof out);
    cr_assert_null(strstr(out, "secret"));
    failure_scrub("23505", "duplicate key value violates unique constraint \"t_pkey\"\nDETAIL: (secret)", out,
                  sizeof out);
    cr_assert_str_eq(out, "duplicate key value violates unique constraint \"t_pkey\"");
    failure_scrub("22P02", "x \"aaaaaaaaaaaaaaaa", out, 12);
    cr_assert_leq(strlen(out), 11);
}

Test(failure, connecting)
{
    struct hp_error err = {.size = sizeof err};
    (void)failure_connect(
        "connection to server at \"h\", port 1 failed: FATAL:  28P01: password authentication failed for "
        "user \"u\"\nLOCATION:  auth_failed, auth.c:1\n",
        &err);
    cr_assert_eq(err.klass, HP_ERROR_CONFIG);
    cr_assert_str_eq(err.code, "28P01");
    cr_assert_null(strstr(err.message, "LOCATION"));
    (void)failure_connect("could not translate host name", &err);
    cr_assert_eq(err.klass, HP_ERROR_RETRY);
}
