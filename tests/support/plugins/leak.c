/* leak.c: a source that takes ever more memory, and uses it. */
#define TINY_ID   "test-leak"
#define TINY_HOWS "slow|fast"
#include "tiny.h"

static void tiny_at(struct tiny *t, const char *where)
{
    (void)t;
    (void)where;
}

static hp_status tiny_poll(struct tiny *t, struct hp_poll *p, struct hp_error *err)
{
    size_t size = strcmp(t->how, "fast") == 0 ? 64u << 20 : 1u << 20;
    void **more = malloc(size);
    if (!more) {
        return hp_fail(err, HP_ERROR_RETRY, "", "no memory left to leak");
    }
    memset(more, 1, size);
    *more = t->own;
    t->own = more;
    tiny_wait(p->wait_us < 10000 ? p->wait_us : 10000);
    return HP_IDLE;
}
