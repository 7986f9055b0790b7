/* Retention: the smallest flushed offset of the sinks that exist and read the stream (D19). */
#include "inner.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct supervisor sup;

static struct connector *add(const char *name, const char *kind)
{
    struct connector *c = connector_create(&sup, name), **end = &sup.connectors;
    cr_assert(connector_set_text(&c->kind, kind));
    while (*end) {
        end = &(*end)->next;
    }
    *end = c;
    sup.coverage_stale = true;
    return c;
}

static struct connector *source(const char *name, const char *id, const char *topics)
{
    struct connector *c = add(name, "source");
    json_t *list = json_loads(topics, 0, NULL);
    bool changed;
    cr_assert(connector_set_text(&c->stream_id, id));
    cr_assert(seen_topics(&c->seen, list, &changed));
    json_decref(list);
    return c;
}

static struct connector *sink(const char *name, const char *key, const char *value)
{
    struct connector *c = add(name, "sink");
    cr_assert(props_set(&c->config, key, value));
    return c;
}

static void drop(void)
{
    while (sup.connectors) {
        struct connector *c = sup.connectors;
        sup.connectors = c->next;
        connector_destroy(c);
    }
}

TestSuite(floor, .fini = drop);

Test(floor, D19_no_sink_holds_nothing)
{
    struct connector *s = source("s", "s/1", "[\"t\"]");
    floor_update(&sup);
    cr_assert_eq(floor_of(&sup, s), -1);
}

Test(floor, D19_a_sink_holds_everything_until_it_has_said_where_it_stands)
{
    struct connector *s = source("s", "s/1", "[\"t\"]"), *k = sink("k", "topics", "x, t ,y");
    floor_update(&sup);
    cr_assert_eq(floor_of(&sup, s), 0);
    cr_assert(seen_flushed(&k->seen, "s", "s/1", 40));
    cr_assert_eq(floor_of(&sup, s), 40);
}

Test(floor, D19_the_slowest_counts_and_a_deleted_one_does_not)
{
    struct connector *s = source("s", "s/1", "[\"t\",\"u\"]"), *a = sink("a", "topics", "t");
    struct connector *b = sink("b", "topics.regex", "u.*");
    cr_assert(seen_flushed(&a->seen, "s", "s/1", 40) && seen_flushed(&b->seen, "s", "s/1", 7));
    floor_update(&sup);
    cr_assert_eq(floor_of(&sup, s), 7);
    b->deleted = true;
    cr_assert_eq(floor_of(&sup, s), 40);
}

Test(floor, D19_sinks_of_other_topics_hold_nothing_here)
{
    struct connector *s = source("s", "s/1", "[\"t\"]"), *o = source("o", "o/1", "[\"other\"]");
    (void)sink("k", "topics", "other,tt,T");
    (void)sink("r", "topics.regex", "oth.*");
    floor_update(&sup);
    cr_assert_eq(floor_of(&sup, s), -1);
    cr_assert_eq(floor_of(&sup, o), 0);
}

Test(floor, D19_topics_not_known_yet_may_be_anybodys)
{
    struct connector *s = source("s", "s/1", "[]");
    (void)sink("k", "topics", "t");
    floor_update(&sup);
    cr_assert_eq(floor_of(&sup, s), 0);
}

Test(floor, a_position_in_an_older_stream_of_that_name_says_nothing)
{
    struct connector *s = source("s", "s/2", "[\"t\"]"), *k = sink("k", "topics", "t");
    cr_assert(seen_flushed(&k->seen, "s", "s/1", 1000));
    floor_update(&sup);
    cr_assert_eq(floor_of(&sup, s), 0);
    cr_assert(connector_set_text(&s->stream_id, NULL));
    cr_assert_eq(floor_of(&sup, s), 0, "the stream's identity is not known yet");
}

Test(floor, between_a_change_and_its_working_out_everything_is_held)
{
    struct connector *s = source("s", "s/1", "[\"t\"]"), *k = sink("k", "topics", "t");
    cr_assert(seen_flushed(&k->seen, "s", "s/1", 40));
    cr_assert(sup.coverage_stale);
    cr_assert_eq(floor_of(&sup, s), 0);
}

Test(floor, SEC15_a_regex_without_end_holds_rather_than_hangs)
{
    struct connector *s = source("s", "s/1", "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"]");
    (void)sink("k", "topics.regex", "(a+)+(b+)+(a|aa)+x");
    (void)sink("bad", "topics.regex", "(");
    floor_update(&sup);
    cr_assert_leq(floor_of(&sup, s), 0);
}

Test(floor, D19_a_sink_whose_plugin_is_missing_still_counts)
{
    struct connector *s = source("s", "s/1", "[\"t\"]"), *k = sink("k", "topics", "t");
    cr_assert(connector_set_text(&k->kind, NULL));
    floor_update(&sup);
    cr_assert_eq(floor_of(&sup, s), 0);
}

static void expect_told(int fd, const char *line)
{
    char got[128];
    ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    got[n < 0 ? 0 : n] = '\0';
    cr_assert_str_eq(got, line);
}

Test(floor, D19_a_worker_is_told_at_once_of_a_sink_and_of_how_many_topics_were_looked_at)
{
    struct connector *s = source("s", "s/1", "[\"t\"]"), *k;
    struct hp_error err = {.size = sizeof err};
    json_t *more = json_pack("[s, s]", "t", "u");
    bool changed;
    int pair[2];
    cr_assert_eq(loop_create(&sup.loop, &err), HP_OK, "%s", err.message);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(connector_listen(s, pair[0], &err), HP_OK);
    floor_update(&sup);
    expect_told(pair[1], "{\"t\":\"floor\",\"offset\":-1,\"topics\":1}\n");
    k = sink("k", "topics", "u");
    floor_hold(&sup);
    expect_told(pair[1], "{\"t\":\"floor\",\"offset\":0,\"topics\":1}\n");
    floor_update(&sup);
    expect_told(pair[1], "{\"t\":\"floor\",\"offset\":-1,\"topics\":1}\n");
    cr_assert(seen_topics(&s->seen, more, &changed) && changed);
    sup.coverage_stale = true;
    floor_update(&sup);
    expect_told(pair[1], "{\"t\":\"floor\",\"offset\":0,\"topics\":2}\n");
    cr_assert(seen_flushed(&k->seen, "s", "s/1", 9));
    floor_update(&sup);
    expect_told(pair[1], "{\"t\":\"floor\",\"offset\":9,\"topics\":2}\n");
    json_decref(more);
    connector_hang_up(s);
    (void)close(pair[1]);
    loop_destroy(sup.loop);
    sup.loop = NULL;
}
