/* The loop: deadlines in order, descriptors, children, signals. */
#include "loop.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop *l;
static struct hp_error err = {.size = sizeof err};
static char order[64];
static size_t n_order;

static void note(void *arg)
{
    order[n_order++] = *(const char *)arg;
    if (*(const char *)arg == 'z') {
        loop_stop(l);
    }
}

static void make(void)
{
    cr_assert_eq(loop_create(&l, &err), HP_OK);
    n_order = 0;
}

static void drop(void)
{
    loop_destroy(l);
}

TestSuite(loop, .init = make, .fini = drop);

Test(loop, deadlines_come_in_order_whatever_the_order_they_were_set_in)
{
    struct loop_timer a = {note, "a", 0, 0}, b = {note, "b", 0, 0}, c = {note, "c", 0, 0}, z = {note, "z", 0, 0};
    loop_timer_set(l, &z, 40);
    loop_timer_set(l, &b, 20);
    loop_timer_set(l, &a, 30);
    loop_timer_set(l, &c, 1);
    loop_timer_set(l, &a, 10); /* moved forward */
    loop_timer_clear(l, &c);
    loop_run(l);
    order[n_order] = '\0';
    cr_assert_str_eq(order, "abz");
}

Test(loop, many_deadlines)
{
    static struct loop_timer t[500];
    struct loop_timer z = {note, "z", 0, 0};
    for (int i = 0; i < 500; i++) {
        t[i] = (struct loop_timer){note, "x", 0, 0};
        loop_timer_set(l, &t[i], 1 + i * 7919 % 30);
    }
    for (int i = 0; i < 500; i++) {
        if (i % 50) {
            loop_timer_clear(l, &t[i]);
        }
    }
    loop_timer_set(l, &z, 60);
    loop_run(l);
    cr_assert_eq(n_order, 11);
    cr_assert_eq(order[10], 'z');
}

static struct loop_fd first, second;

static void ready(void *arg, unsigned events)
{
    char c;
    cr_assert(events & EPOLLIN);
    cr_assert_eq(read(((struct loop_fd *)arg)->fd, &c, 1), 1);
    loop_fd_remove(l, &first); /* each removes both: no stale event may follow */
    loop_fd_remove(l, &second);
    n_order++;
    loop_stop(l);
}

Test(loop, a_removed_descriptor_is_not_called_again)
{
    int a[2], b[2];
    cr_assert(pipe(a) == 0 && pipe(b) == 0);
    cr_assert(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
    first = (struct loop_fd){-1, ready, &first};
    second = (struct loop_fd){-1, ready, &second};
    cr_assert_eq(loop_fd_add(l, &first, a[0], EPOLLIN, &err), HP_OK);
    cr_assert_eq(loop_fd_add(l, &second, b[0], EPOLLIN, &err), HP_OK);
    int fd = first.fd, other = second.fd;
    (void)fd;
    (void)other;
    struct loop_timer z = {note, "z", 0, 0};
    loop_run(l);
    loop_timer_set(l, &z, 20);
    loop_run(l);
    cr_assert_eq(n_order, 2);
}

static void ended(void *arg, int status)
{
    *(int *)arg = WEXITSTATUS(status);
    if (++n_order == 3) {
        loop_stop(l);
    }
}

Test(loop, ends_of_children_that_end_together)
{
    struct loop_child c[3];
    int status[3] = {0};
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            _exit(i + 1);
        }
        c[i] = (struct loop_child){pid, ended, &status[i], NULL};
        loop_child_add(l, &c[i]);
    }
    loop_run(l);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(status[i], i + 1);
    }
}

static void on_signal(void *arg, int signal)
{
    *(int *)arg = signal;
    loop_stop(l);
}

Test(loop, sigterm_is_an_event)
{
    int got = 0;
    loop_on_signal(l, on_signal, &got);
    (void)kill(getpid(), SIGTERM);
    loop_run(l);
    cr_assert_eq(got, SIGTERM);
}
