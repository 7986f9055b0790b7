/* Include and exclude lists. */
#include "filters.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

static bool matches(const char *list, const char *name)
{
    struct hp_error err = {.size = sizeof err};
    struct filter *f = NULL;
    bool out = false;
    cr_assert(filter_create("table.include.list", list, &f, &err) == HP_OK, "%s", err.message);
    cr_assert(filter_match(f, name, strlen(name), &out, &err) == HP_OK, "%s", err.message);
    filter_destroy(f);
    return out;
}

Test(filters, whole_names_only)
{
    cr_assert(matches("public\\.orders", "public.orders"));
    cr_assert_not(matches("public\\.orders", "public.orders_old"));
    cr_assert_not(matches("orders", "public.orders"));
    cr_assert(matches("public.orders", "public.orders"), "an unescaped dot matches a dot too");
}

Test(filters, case_does_not_count)
{
    cr_assert(matches("public\\.Orders", "PUBLIC.orders"));
}

Test(filters, lists)
{
    cr_assert(matches("public\\.a, public\\.b ,,", "public.b"));
    cr_assert(matches("inventory\\.(a|b)", "inventory.b"));
    cr_assert(matches(".*\\.odd\\,name", "s.odd,name"));
    cr_assert_not(matches("public\\.a,public\\.b", "public.c"));
}

Test(filters, the_comma_of_a_repetition_does_not_separate)
{
    cr_assert(matches("app\\.t\\d{1,2},x", "app.t12"));
    cr_assert_not(matches("app\\.t\\d{1,2},x", "app.t123"));
    cr_assert(matches("app\\.t\\d{2,},x", "app.t123"));
    cr_assert(matches("x,(a{60,63}|b)", "b"));
    cr_assert(matches("a\\{1,2\\}", "a{1") && matches("a\\{1,2\\}", "2}"), "escaped braces are not a repetition");
    cr_assert(matches("a{,b", "b") && matches("{,c", "c") && matches("1,2}", "2}"));
}

static bool is_refused(const char *list, const char *words)
{
    struct hp_error err = {.size = sizeof err};
    struct filter *f = NULL;
    bool refused = filter_create("table.include.list", list, &f, &err) == HP_ERROR;
    filter_destroy(f);
    return refused && err.klass == HP_ERROR_CONFIG && strstr(err.message, words);
}

Test(filters, a_name_that_is_no_utf8_is_no_error)
{
    cr_assert_not(matches("public\\.t.*", "public.t\xe9"), "a database in SQL_ASCII may hold it");
    cr_assert(matches("public\\.t\xc3\xa9", "public.t\xc3\x89"), "letters beyond ASCII have cases too");
}

Test(filters, classes_that_only_java_has)
{
    cr_assert(is_refused("s\\.[a-z&&[^bc]]+", "one class"));
    cr_assert(is_refused("s\\.[a-d[m-p]]", "one class"));
    cr_assert(is_refused("s\\.[^a&&b]", "one class"));
    cr_assert(matches("s\\.[[:alpha:]]+&&x", "s.ab&&x"));
    cr_assert(matches("s\\.[\\[&]", "s.[") && matches("s\\.[]a]", "s.]") && matches("s\\.[^]a]", "s.b"));
    cr_assert(matches("\\Qs.[a&&[b]]\\E", "s.[a&&[b]]") && matches("s\\.\\[[a]", "s.[a"));
}

Test(filters, alternation_is_anchored_as_a_whole)
{
    cr_assert_not(matches("a|b", "ab"));
    cr_assert_not(matches("a|ab", "abc"));
    cr_assert(matches("a|ab", "ab"));
}

Test(filters, empty_list_is_none)
{
    struct hp_error err = {.size = sizeof err};
    struct filter *f = (struct filter *)1;
    cr_assert(filter_create("k", "", &f, &err) == HP_OK && f == NULL);
    cr_assert(filter_create("k", " , ", &f, &err) == HP_OK && f == NULL);
}

Test(filters, bad_expression_names_the_key)
{
    struct hp_error err = {.size = sizeof err};
    struct filter *f = NULL;
    cr_assert(filter_create("table.include.list", "public\\.(a", &f, &err) == HP_ERROR);
    cr_assert(err.klass == HP_ERROR_CONFIG && strstr(err.message, "table.include.list"));
}

/* SEC-15: expressions that a backtracking engine cannot finish. */
Test(filters, catastrophic_expressions_end_soon)
{
    static const char *const evil[] = {"(a+)+$",    "(a|a)*$",    "(a|aa)+$",
                                       "((a*)*)*$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$"};
    char name[5001];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 2] = '!';
    name[sizeof name - 1] = '\0';
    for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++) {
        struct hp_error err = {.size = sizeof err};
        struct filter *f = NULL;
        bool out = true;
        hp_status st;
        cr_assert(filter_create("k", evil[i], &f, &err) == HP_OK);
        st = filter_match(f, name, strlen(name), &out, &err); /* the test's own time limit is the assertion */
        cr_assert(st == HP_ERROR ? err.klass == HP_ERROR_CONFIG : !out);
        filter_destroy(f);
    }
}

Test(filters, wants)
{
    struct hp_error err = {.size = sizeof err};
    struct filters f = {NULL, NULL};
    bool out = false;
    cr_assert(filters_wants(&f, "x", 1, &out, &err) == HP_OK && out);
    cr_assert(filter_create("k", "x", &f.exclude, &err) == HP_OK);
    cr_assert(filters_wants(&f, "x", 1, &out, &err) == HP_OK && !out);
    cr_assert(filters_wants(&f, "y", 1, &out, &err) == HP_OK && out);
    filters_finish(&f);
    cr_assert(filter_create("k", "x", &f.include, &err) == HP_OK);
    cr_assert(filters_wants(&f, "x", 1, &out, &err) == HP_OK && out);
    cr_assert(filters_wants(&f, "y", 1, &out, &err) == HP_OK && !out);
    filters_finish(&f);
}

Test(filters, split_keeps_escapes)
{
    char **items = NULL;
    size_t n = 0;
    cr_assert(list_split(" a\\.b , c\\,d ,\\", ',', &items, &n));
    cr_assert(n == 3);
    cr_assert_str_eq(items[0], "a\\.b");
    cr_assert_str_eq(items[1], "c,d");
    cr_assert_str_eq(items[2], "\\");
    free(items);
}
