/* What a worker says, and what it must not say (host/worker/control.h). */
#include "inner.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct supervisor sup;
static struct connector *c;
static char why[96];

static void make(void)
{
    memset(&sup, 0, sizeof sup);
    c = connector_create(&sup, "c");
    c->phase = PHASE_STARTING;
}

static void drop(void)
{
    connector_destroy(c);
}

TestSuite(words, .init = make, .fini = drop);

static bool say(const char *line)
{
    return connector_hears(c, line, strlen(line), why, sizeof why);
}

Test(words, states)
{
    cr_assert(say("{\"t\":\"state\",\"state\":\"RESTARTING\",\"trace\":\"no server\"}"));
    cr_assert_eq(c->phase, PHASE_UP);
    cr_assert_eq(c->task, TASK_RESTARTING);
    cr_assert_str_eq(c->trace, "no server");
    cr_assert_eq(c->errors, 1);
    cr_assert(say("{\"t\":\"state\",\"state\":\"RUNNING\"}"));
    cr_assert_eq(c->task, TASK_RUNNING);
    cr_assert_null(c->trace);
    cr_assert(say("{\"t\":\"state\",\"state\":\"FAILED\"}"));
    cr_assert_eq(c->phase, PHASE_FAILED);
    cr_assert(c->trace && *c->trace, "AC-03: a FAILED task always has a reason");
    cr_assert(say("{\"t\":\"state\",\"state\":\"RUNNING\"}"));
    cr_assert_eq(c->task, TASK_FAILED, "its failure stands");
}

Test(words, progress_forgives_deaths)
{
    c->deaths = 4;
    cr_assert(say("{\"t\":\"alive\"}"));
    cr_assert_eq(c->deaths, 4);
    cr_assert(say("{\"t\":\"progress\"}"));
    cr_assert_eq(c->deaths, 0);
}

Test(words, what_a_leaving_worker_has_flushed_says_nothing_of_the_next)
{
    cr_assert(say("{\"t\":\"flushed\",\"stream\":\"s\",\"id\":\"s/1\",\"offset\":7}"));
    cr_assert_eq(c->seen.n_flushed, 1);
    seen_forget_flushed(&c->seen);
    c->phase = PHASE_LEAVING;
    cr_assert(say("{\"t\":\"flushed\",\"stream\":\"s\",\"id\":\"s/1\",\"offset\":9}"));
    cr_assert_eq(c->seen.n_flushed, 0);
    cr_assert(say("{\"t\":\"offsets\",\"offsets\":[]}"), "its offsets are wanted to the last");
    cr_assert_not_null(c->seen.offsets);
}

Test(words, new_topics_make_coverage_stale)
{
    cr_assert(say("{\"t\":\"topics\",\"topics\":[\"a\"]}"));
    cr_assert(sup.coverage_stale);
    sup.coverage_stale = false;
    cr_assert(say("{\"t\":\"topics\",\"topics\":[\"a\"]}"));
    cr_assert_not(sup.coverage_stale);
}

Test(words, a_source_says_what_it_writes_into)
{
    cr_assert(say("{\"t\":\"stream\",\"id\":\"c/1\"}"));
    cr_assert_str_eq(c->stream_id, "c/1");
    cr_assert_not(say("{\"t\":\"stream\",\"id\":\"\"}"));
    cr_assert_not(say("{\"t\":\"stream\"}"));
    cr_assert_str_eq(c->stream_id, "c/1");
}

Test(words, done_belongs_to_an_op)
{
    cr_assert_not(say("{\"t\":\"done\",\"message\":\"x\"}"));
    c->phase = PHASE_OP;
    c->op = calloc(1, sizeof *c->op);
    cr_assert(say("{\"t\":\"done\",\"message\":\"x\"}"));
    cr_assert_str_eq(c->op->message, "x");
    cr_assert(say("{\"t\":\"done\",\"error\":{\"class\":4,\"message\":\"no\"}}"));
    cr_assert_str_eq(c->op->error, "no");
    free(c->op->message);
    free(c->op->error);
    free(c->op);
}

Test(words, refused)
{
    static const char *const bad[] = {
        "",
        "x",
        "{}",
        "[]",
        "{\"t\":1}",
        "{\"t\":\"start\"}",
        "{\"t\":\"state\"}",
        "{\"t\":\"state\",\"state\":\"DESTROYED\"}",
        "{\"t\":\"flushed\",\"stream\":\"s\",\"id\":\"i\",\"offset\":-1}",
        "{\"t\":\"flushed\",\"stream\":\"s\",\"offset\":1}",
        "{\"t\":\"offsets\"}",
        "{\"t\":\"topics\",\"topics\":\"a\"}",
        "{\"t\":\"alive\",\"t\":\"alive\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why[0] = '\0';
        cr_assert_not(say(bad[i]), "%s", bad[i]);
        cr_assert(*why, "%s", bad[i]);
    }
    cr_assert_eq(c->phase, PHASE_STARTING);
}
