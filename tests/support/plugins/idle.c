/* idle.c: a source that has nothing to say; with how=tick a record every ten milliseconds. */
#define TINY_ID   "test-idle"
#define TINY_HOWS "rest|tick"
#include "tiny.h"

static void tiny_at(struct tiny *t, const char *where)
{
    (void)t;
    (void)where;
}

static hp_status tiny_poll(struct tiny *t, struct hp_poll *p, struct hp_error *err)
{
    int64_t wait = p->wait_us < 10000 ? p->wait_us : 10000;
    tiny_wait(wait);
    return p->max_bytes && strcmp(t->how, "tick") == 0 ? tiny_record(t, p, "tick", err) : HP_IDLE;
}
