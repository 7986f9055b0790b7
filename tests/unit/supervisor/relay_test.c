/* Lines of a child: kept, cut, and never more than the ring holds. */
#include "relay.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct loop *l;
static struct hp_error err = {.size = sizeof err};
static struct relay r;
static int pipe_fd[2];

static void make(void)
{
    cr_assert_eq(loop_create(&l, &err), HP_OK);
    cr_assert_eq(pipe(pipe_fd), 0);
    memset(&r, 0, sizeof r);
    cr_assert_eq(relay_open(&r, l, "child", pipe_fd[0], &err), HP_OK);
}

static void drop(void)
{
    relay_forget(&r);
    loop_destroy(l);
}

TestSuite(relay, .init = make, .fini = drop);

static void say(const char *text)
{
    cr_assert_eq(write(pipe_fd[1], text, strlen(text)), (ssize_t)strlen(text));
}

static char *last(struct buf *b)
{
    close(pipe_fd[1]);
    relay_close(&r);
    buf_init(b, 65536);
    relay_last(&r, b);
    return (char *)b->data;
}

Test(relay, whole_and_unfinished_lines)
{
    struct buf b;
    say("one\ntwo\r\n\nthr");
    say("ee");
    cr_assert_str_eq(last(&b), "one\ntwo\nthree\n");
    buf_finish(&b);
}

Test(relay, control_characters_do_not_reach_traces)
{
    struct buf b;
    say("a\033[31mb\n");
    cr_assert_str_eq(last(&b), "a [31mb\n");
    buf_finish(&b);
}

Test(relay, only_the_last_lines_and_only_so_much_of_each)
{
    struct buf b;
    char text[64], longer[5000];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "line %d\n", i);
        say(text);
    }
    memset(longer, 'x', sizeof longer - 2);
    longer[sizeof longer - 2] = '\n';
    longer[sizeof longer - 1] = '\0';
    say(longer);
    char *got = last(&b);
    cr_assert_null(strstr(got, "line 50\n"));
    cr_assert_not_null(strstr(got, "line 99\n"));
    cr_assert_leq(strlen(got), RELAY_LINES * (RELAY_LINE + 1));
    buf_finish(&b);
}
