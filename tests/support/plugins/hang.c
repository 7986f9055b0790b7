/* hang.c: a source that does not come back: busy or asleep, at the place that `how` names; how=waits says so, and is
 * fine. */
#define TINY_ID   "test-hang"
#define TINY_HOWS "poll-spin|poll-sleep|start-sleep|stop-sleep|waits"
#include "tiny.h"

#include <stdbool.h>

static void for_ever(bool spin)
{
    for (volatile uint64_t turns = 0;; turns++) {
        if (!spin) {
            tiny_wait(1000000);
        }
    }
}

static void tiny_at(struct tiny *t, const char *where)
{
    if (strncmp(t->how, where, strlen(where)) == 0) {
        for_ever(false);
    }
}

static hp_status tiny_poll(struct tiny *t, struct hp_poll *p, struct hp_error *err)
{
    const struct hp_host_waiting *waiting = t->host->service(t->host, HP_HOST_WAITING);
    (void)p;
    (void)err;
    if (strcmp(t->how, "waits") == 0) {
        waiting->begin(t->host, "a lock that is never given");
        tiny_wait(2500000);
        waiting->end(t->host);
        return HP_IDLE;
    }
    for_ever(strcmp(t->how, "poll-spin") == 0);
    return HP_IDLE;
}
