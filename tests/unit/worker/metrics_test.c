/* metrics_test.c: figures are made once, and only changes are told. */
#include "metrics.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(metrics, only_changes_are_told)
{
    struct metrics m;
    struct hp_metric *a, *b;
    json_t *list;
    metrics_init(&m);
    a = metrics_figure(&m, "a", "", "help", HP_METRIC_COUNTER);
    b = metrics_figure(&m, "a", "table=\"x\"", "help", HP_METRIC_COUNTER);
    cr_assert_neq(a, b);
    cr_assert_eq(a, metrics_figure(&m, "a", NULL, "other", HP_METRIC_COUNTER));
    list = metrics_changes(&m);
    cr_assert_eq(json_array_size(list), 2);
    json_decref(list);
    cr_assert_null(metrics_changes(&m));
    metric_add(b, 5);
    list = metrics_changes(&m);
    cr_assert_eq(json_array_size(list), 1);
    cr_assert_eq(json_integer_value(json_array_get(json_array_get(list, 0), 4)), 5);
    json_decref(list);
    metrics_finish(&m);
}

Test(metrics, there_is_a_bound)
{
    struct metrics m;
    char name[32];
    metrics_init(&m);
    for (unsigned i = 0; i < METRICS_MAX + 10; i++) {
        (void)snprintf(name, sizeof name, "m%u", i);
        metric_add(metrics_figure(&m, name, "", "", HP_METRIC_GAUGE), 1);
    }
    cr_assert_eq(m.n, METRICS_MAX);
    metrics_finish(&m);
}
