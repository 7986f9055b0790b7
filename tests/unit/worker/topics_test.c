/* topics_test.c: which topics a sink wants. */
#include "sink_topics.h"

#include <criterion/criterion.h>
#include <string.h>

static bool wants(const char *key, const char *value, const char *topic)
{
    struct props config;
    struct sink_topics *t;
    struct hp_error err = {.size = sizeof err};
    bool result;
    props_init(&config);
    (void)props_set(&config, key, value);
    cr_assert_eq(sink_topics_create(&config, &t, &err), HP_OK, "%s", err.message);
    result = sink_topics_want(t, topic);
    sink_topics_destroy(t);
    props_finish(&config);
    return result;
}

Test(topics, a_list_names_them)
{
    cr_assert(wants("topics", " a.b , c", "a.b"));
    cr_assert(wants("topics", "a.b,c,", "c"));
    cr_assert(!wants("topics", "a.b,c", "a"));
    cr_assert(!wants("topics", "a.b,c", "axb"));
    cr_assert(!wants("topics", "a.b", ""));
}

Test(topics, a_pattern_matches_the_whole_name)
{
    cr_assert(wants("topics.regex", "eu\\.(orders|lines)", "eu.orders"));
    cr_assert(!wants("topics.regex", "eu\\.(orders|lines)", "eu.orders2"));
    cr_assert(!wants("topics.regex", "eu\\..*", "us.eu.orders"));
    cr_assert(!wants("topics.regex", "EU.*", "eu.orders"), "case counts");
    cr_assert(!wants("topics.regex", "(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"), "bounded");
}

Test(topics, errors_name_the_key)
{
    struct props config;
    struct sink_topics *t;
    struct hp_error err = {.size = sizeof err};
    props_init(&config);
    cr_assert_eq(sink_topics_create(&config, &t, &err), HP_ERROR);
    cr_assert(strstr(err.message, "topics.regex"));
    (void)props_set(&config, "topics.regex", "a(");
    cr_assert_eq(sink_topics_create(&config, &t, &err), HP_ERROR);
    cr_assert(strstr(err.message, "topics.regex") && strstr(err.message, "a("), "%s", err.message);
    props_finish(&config);
}
