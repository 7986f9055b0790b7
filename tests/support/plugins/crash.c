/* crash.c: a source that harms its process, in the way and at the place that `how` names. */
#include <sys/resource.h>
#define TINY_ID "test-crash"
#define TINY_HOWS                                                                                                      \
    "segv|abort|exit|stack|close-fds|stdout|create-segv|start-abort|stop-segv|fatal|config|retry|fatal-latin1"
#include "tiny.h"

#include <fcntl.h>
#include <signal.h>

static volatile int *volatile nowhere;

static void segv(void)
{
    *nowhere = 1;
}

static int stack(volatile char *below)
{
    volatile char here[65536];
    here[0] = below ? below[0] : 1;
    return nowhere ? 0 : stack(here) + here[0]; /* never null in the end, as far as the compiler knows */
}

static void tiny_at(struct tiny *t, const char *where)
{
    if (strncmp(t->how, where, strlen(where)) == 0) {
        if (strcmp(t->how, "start-abort") == 0) {
            abort();
        }
        segv();
    }
}

static hp_status tiny_poll(struct tiny *t, struct hp_poll *p, struct hp_error *err)
{
    tiny_wait(p->wait_us < 20000 ? p->wait_us : 20000);
    if (strcmp(t->how, "segv") == 0) {
        segv();
    } else if (strcmp(t->how, "abort") == 0) {
        abort();
    } else if (strcmp(t->how, "exit") == 0) {
        exit(3);
    } else if (strcmp(t->how, "stack") == 0) {
        (void)stack(NULL);
    } else if (strcmp(t->how, "close-fds") == 0) {
        for (int fd = 0; fd < 1024; fd++) {
            (void)close(fd);
        }
    } else if (strcmp(t->how, "stdout") == 0) {
        (void)printf("%s\n", "noise on stdout, far too much of it");
        (void)fflush(stdout);
    } else if (strcmp(t->how, "fatal") == 0) {
        return hp_fail(err, HP_ERROR_FATAL, "", "going on would lose data");
    } else if (strcmp(t->how, "fatal-latin1") == 0) {
        return hp_fail(err, HP_ERROR_FATAL, "", "Passwort-Authentifizierung f\xfcr Benutzer");
    } else if (strcmp(t->how, "config") == 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "this configuration cannot work");
    } else if (strcmp(t->how, "retry") == 0) {
        return hp_fail(err, HP_ERROR_RETRY, "", "the server does not answer");
    }
    return HP_IDLE;
}
