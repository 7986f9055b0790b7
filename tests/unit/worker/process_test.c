/* process_test.c: how a worker process ends: told to, left alone, hanging, crashing, with orders that make no sense. */
#include "worker_support.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

Test(process, ends_when_the_supervisor_is_gone)
{
    static const char *const config[] = {"total=100000000", NULL};
    struct place p;
    struct run r;
    place_init(&p);
    run_start(&r, &p, "run", "n", "source", "numbers", NULL, config);
    cr_assert(run_until(&r, "progress"));
    cr_assert_eq(shutdown(r.fd, SHUT_WR), 0);
    cr_assert_eq(run_wait(&r), CONTROL_EXIT_ORPHAN);
    place_finish(&p);
}

Test(process, a_hanging_plugin_is_ended_with_its_own_status)
{
    static const char *const config[] = {"how=poll", "worker.hang.timeout.ms=1000", NULL};
    struct place p;
    struct run r;
    place_init(&p);
    run_start(&r, &p, "run", "n", "source", "test-hang", NULL, config);
    cr_assert_eq(run_wait(&r), CONTROL_EXIT_HANG);
    place_finish(&p);
}

Test(process, a_crashing_plugin_dies_by_its_signal)
{
    static const char *const segv[] = {"how=segv", NULL};
    static const char *const stack[] = {"how=stack", NULL};
    static const char *const leaves[] = {"how=exit", NULL};
    struct place p;
    struct run r;
    int status;
#if defined(__SANITIZE_ADDRESS__)
    cr_skip_test("the sanitizer takes the signal");
#endif
    place_init(&p);
    run_start(&r, &p, "run", "n", "source", "test-crash", NULL, segv);
    status = run_wait(&r);
    cr_assert_eq(status, -SIGSEGV, "%d", status);
    run_start(&r, &p, "run", "n", "source", "test-crash", NULL, stack);
    status = run_wait(&r);
    cr_assert_eq(status, -SIGSEGV, "%d", status);
    run_start(&r, &p, "run", "n", "source", "test-crash", NULL, leaves);
    status = run_wait(&r);
    cr_assert(status > 0, "%d", status);
    place_finish(&p);
}

Test(process, a_bad_plugin_or_configuration_fails_and_stays)
{
    static const char *const none[] = {"total=5", NULL};
    static const char *const sieve[] = {"total=5", "transforms=a", "transforms.a.type=nobody", NULL};
    static const char *const divisor[] = {"total=5", "transforms=a", "transforms.a.type=test-sieve", NULL};
    struct place p;
    struct run r;
    place_init(&p);
    run_start(&r, &p, "run", "n", "source", "not-there", NULL, none);
    cr_assert(run_until_state(&r, "FAILED"));
    cr_assert(strstr(r.trace, "not-there.so"), "%s", r.trace);
    cr_assert(run_until(&r, "alive"));
    cr_assert_eq(run_stop(&r), 0);
    run_start(&r, &p, "run", "n", "sink", "numbers", NULL, none);
    cr_assert(run_until_state(&r, "FAILED"));
    cr_assert(strstr(r.trace, "is not a sink"), "%s", r.trace);
    cr_assert_eq(run_stop(&r), 0);
    run_start(&r, &p, "run", "n", "source", "numbers", NULL, sieve);
    cr_assert(run_until_state(&r, "FAILED"));
    cr_assert(strstr(r.trace, "Class nobody could not be found"), "%s", r.trace);
    cr_assert_eq(run_stop(&r), 0);
    run_start(&r, &p, "run", "n", "source", "numbers", NULL, divisor);
    cr_assert(run_until_state(&r, "FAILED"));
    cr_assert(strstr(r.trace, "transform a: by must be"), "%s", r.trace);
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}

Test(process, two_writers_of_one_stream_do_not_meet)
{
    static const char *const config[] = {"total=100", NULL};
    struct place p;
    struct run a, b;
    place_init(&p);
    run_start(&a, &p, "run", "n", "source", "numbers", NULL, config);
    cr_assert(run_until_state(&a, "RUNNING"));
    run_start(&b, &p, "run", "n", "source", "numbers", NULL, config);
    cr_assert(run_until_state(&b, "RESTARTING"));
    cr_assert_eq(run_stop(&a), 0);
    cr_assert(run_until_state(&b, "RUNNING"));
    cr_assert_eq(run_stop(&b), 0);
    place_finish(&p);
}

Test(process, odd_orders_are_ignored)
{
    static const char *const config[] = {"total=100", NULL};
    struct place p;
    struct run r;
    place_init(&p);
    run_start(&r, &p, "run", "n", "source", "numbers", NULL, config);
    run_say(&r, "{\"t\":\"dance\"}\nnot json\n{}\n[]\n{\"t\":5}\n{\"t\":\"floor\",\"offset\":\"x\"}\n");
    run_say(&r, "{\"t\":\"fl");
    cr_assert(run_until(&r, "alive"));
    run_say(&r, "oor\",\"offset\":50}\n");
    cr_assert(run_until(&r, "alive"));
    cr_assert_eq(run_stop(&r), 0);
    place_finish(&p);
}
