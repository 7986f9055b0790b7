/* idle.c: a source that has nothing to say; with how=tick a record every ten milliseconds. */
#define TINY_ID   "test-idle"
#define TINY_HOWS "rest|tick"
#include "tiny.h"

#include <stdbool.h>

static void tiny_at(struct tiny *t, const char *where)
{
    (void)t;
    (void)where;
}

static hp_status tiny_poll(struct tiny *t, struct hp_poll *p, struct hp_error *err)
{
    bool ticks = strcmp(t->how, "tick") == 0;
    int64_t most = ticks ? 10000 : 100000;
    tiny_wait(p->wait_us < most ? p->wait_us : most);
    return p->max_bytes && ticks ? tiny_record(t, p, "tick", err) : HP_IDLE;
}
