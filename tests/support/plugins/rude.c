/* rude.c: a source that does what no plugin may: RUDE, a statement, when it is loaded. Built by sdk.sh, once for each.
 */
#define TINY_ID   "test-rude"
#define TINY_HOWS "rest"
#include "tiny.h"

#include <signal.h>

__attribute__((constructor)) static void rude(void)
{
    RUDE;
}

static void tiny_at(struct tiny *t, const char *where)
{
    (void)t;
    (void)where;
}

static hp_status tiny_poll(struct tiny *t, struct hp_poll *p, struct hp_error *err)
{
    (void)t;
    (void)err;
    tiny_wait(p->wait_us < 1000 ? p->wait_us : 1000);
    return HP_IDLE;
}
