/* Figures of workers: what may be shown, and counters that go on over restarts. */
#include "figures.h"

#include <homeport/homeport.h>

#include <criterion/criterion.h>
#include <stdio.h>

static bool take(struct figures *f, const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    cr_assert_not_null(json, "%s", text);
    bool ok = figures_take(f, json);
    json_decref(json);
    return ok;
}

Test(figures, counters_go_on_after_a_restart_and_gauges_do_not)
{
    struct figures f = {0};
    cr_assert(take(&f, "[[\"rows\",\"\",\"Rows.\",1,10],[\"lag\",\"\",\"Lag.\",2,5]]"));
    figures_new_worker(&f);
    cr_assert_eq(figures_value(&f, "rows", -1), 10);
    cr_assert(take(&f, "[[\"rows\",\"\",\"Rows.\",1,3],[\"lag\",\"\",\"Lag.\",2,1]]"));
    cr_assert_eq(figures_value(&f, "rows", -1), 13);
    cr_assert_eq(figures_value(&f, "lag", -1), 1);
    cr_assert_eq(figures_value(&f, "none", -1), -1);
    figures_finish(&f);
}

Test(figures, gauges_are_known_while_somebody_keeps_them)
{
    struct figures f = {0};
    cr_assert(take(&f, "[[\"rows\",\"\",\"Rows.\",1,10],[\"lag\",\"\",\"Lag.\",2,5]]"));
    figures_no_worker(&f);
    cr_assert_eq(figures_value(&f, "rows", -1), 10);
    cr_assert_eq(figures_value(&f, "lag", -1), HP_METRIC_UNKNOWN);
    figures_measured(&f, "lag", "Lag.", 7);
    figures_measured(&f, "size", "Size.", 3);
    cr_assert_eq(figures_value(&f, "lag", -1), 7);
    cr_assert_eq(figures_value(&f, "size", -1), 3);
    cr_assert(take(&f, "[[\"lag\",\"\",\"Lag.\",2,-9223372036854775808]]"), "a worker may say so, too");
    cr_assert_eq(figures_value(&f, "lag", -1), HP_METRIC_UNKNOWN);
    figures_finish(&f);
}

Test(figures, labels_make_series_of_one_name)
{
    struct figures f = {0};
    cr_assert(take(&f, "[[\"rows\",\"table=\\\"a\\\"\",\"Rows.\",1,10],[\"rows\",\"table=\\\"b\\\"\",\"Rows.\",1,1]]"));
    cr_assert_eq(f.n, 2);
    cr_assert_eq(figures_value(&f, "rows", 0), 11);
    figures_finish(&f);
}

Test(figures, labels)
{
    static const char *const good[] = {"", "a=\"b\"", "a=\"\",b_2=\"x y\"", "a=\"\\\"\\\\\\n\"", "t=\"\xc3\xa9\""};
    static const char *const bad[] = {"a",
                                      "a=",
                                      "a=b",
                                      "a=\"",
                                      "a=\"b\",",
                                      ",",
                                      "a=\"b\" c=\"d\"",
                                      "1a=\"b\"",
                                      "a=\"\n\"",
                                      "a=\"\\x\"",
                                      "a=\"b\\",
                                      "a=\"b\"} 1\nx{y=\"z\"",
                                      "connector=\"x\"",
                                      "a=\"b\",task=\"1\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(figures_labels_ok(good[i]), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(figures_labels_ok(bad[i]), "%s", bad[i]);
    }
}

Test(figures, what_cannot_be_shown_is_left_out_and_the_rest_taken)
{
    static const char *const bad[] = {
        "[\"Rows\",\"\",\"h\",1,1]",
        "[\"\",\"\",\"h\",1,1]",
        "[\"a b\",\"\",\"h\",1,1]",
        "[\"9a\",\"\",\"h\",1,1]",
        "[\"a\",\"\",\"\",1,1]",
        "[\"a\",\"\",\"x\\ny\",1,1]",
        "[\"a\",\"\",\"h\",3,1]",
        "[\"a\",\"\",\"h\",1,-1]",
        "[\"a\",\"\",\"h\",1,1.5]",
        "[\"a\",\"x\",\"h\",1,1]",
        "[1,2,3,4,5]",
        "{}",
        "7",
    };
    char text[256];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct figures f = {0};
        (void)snprintf(text, sizeof text, "[%s,[\"good\",\"\",\"Good.\",2,7]]", bad[i]);
        cr_assert_not(take(&f, text), "%s", bad[i]);
        cr_assert_eq(f.n, 1, "%s", bad[i]);
        cr_assert_eq(figures_value(&f, "good", 0), 7);
        figures_finish(&f);
    }
}

Test(figures, their_number_is_bounded)
{
    struct figures f = {0};
    char text[128];
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(text, sizeof text, "[[\"n%d\",\"\",\"h\",2,1]]", i);
        (void)take(&f, text);
    }
    cr_assert_leq(f.n, 2048);
    figures_finish(&f);
}
