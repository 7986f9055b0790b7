/*
 * freed.c: a changed key that meets a row replaces it, if no other change of the transaction takes that row away
 * (plan_tangle.c). A transaction that comes in several batches cannot be looked through to its end. So the keys are
 * remembered; if a row leaves one of them in a later batch, it was the one that is gone, and nothing is committed.
 */
#include "sink.h"

static bool is_open(const struct sink *s)
{
    return (s->batch->flags & HP_BATCH_CHUNK) && s->batch->tx;
}

void freed_begin(struct sink *s)
{
    if (!is_open(s) || s->tx_puts == 0 || s->freed_tx != s->batch->tx->id) {
        s->n_freed = 0;
        s->freed_tx = is_open(s) ? s->batch->tx->id : 0;
    }
    s->kept_freed = s->n_freed;
}

void freed_note(struct sink *s, const struct command *c)
{
    const struct step *step = &s->plan.steps[c->step];
    uint64_t hash;
    if (!is_open(s) || !plan_hash_key(&s->plan, step->shape, &s->plan.entries[step->entries[c->entry]], 'a', &hash)) {
        return;
    }
    if (s->n_freed == s->cap_freed) {
        uint32_t cap = s->cap_freed ? s->cap_freed * 2 : 64;
        uint64_t *more = realloc(s->freed, cap * sizeof *more);
        if (!more) {
            s->link.broken = true; /* better again from the start than without knowing */
            return;
        }
        s->freed = more;
        s->cap_freed = cap;
    }
    s->freed[s->n_freed++] = hash;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

hp_status freed_check(struct sink *s, struct hp_error *err)
{
    if (s->kept_freed == 0) {
        return HP_OK;
    }
    qsort(s->freed, s->kept_freed, sizeof *s->freed, by_value);
    for (uint32_t i = 0; i < s->plan.n_steps; i++) {
        const struct step *step = &s->plan.steps[i];
        bool leaves = step->kind == SQL_KEY_CHANGE || step->kind == SQL_KEY_STRICT || step->kind == SQL_KEY_OUT ||
                      step->kind == SQL_DELETE;
        for (uint32_t k = 0; leaves && k < step->n; k++) {
            uint64_t hash;
            if (plan_hash_key(&s->plan, step->shape, &s->plan.entries[step->entries[k]], 'b', &hash) &&
                bsearch(&hash, s->freed, s->kept_freed, sizeof hash, by_value)) {
                return hp_fail(err, HP_ERROR_FATAL, "23505",
                               "%s: keys collide for a moment within a transaction that is too large to put its "
                               "changes in order; make the key in the target DEFERRABLE, and restart",
                               step->shape->table->quoted);
            }
        }
    }
    return HP_OK;
}
