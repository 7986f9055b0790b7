/*
 * plan_emit.c: the entries of a segment become steps: rows of one table, kind and column set together, tables in the
 * order that foreign keys ask for. See plan.h.
 */
#include "plan.h"

/* Rows that go into one step. */
struct bucket {
    struct bucket *next;
    uint8_t kind;
    struct colset *set;
    uint32_t n;
    struct step *step; /* while filled: of the plan, by number, as the array may move */
    uint32_t at;
};

/* Within a table: inserts, then whole rows, then partial ones. */
static int kind_order(uint8_t kind)
{
    static const uint8_t order[SQL_KINDS] = {[SQL_INSERT] = 0, [SQL_UPSERT] = 1, [SQL_UPDATE] = 2, [SQL_DELETE] = 3};
    return order[kind];
}

static struct bucket *bucket_of(struct plan *p, struct bucket **list, const struct entry *e)
{
    struct bucket **at = list, *b;
    for (; (b = *at) != NULL; at = &b->next) {
        if (b->set == e->set && b->kind == e->kind) {
            return b;
        }
        if (kind_order(b->kind) > kind_order(e->kind)) {
            break;
        }
    }
    b = arena_alloc(&p->arena, sizeof *b);
    if (b) {
        *b = (struct bucket){.next = *at, .kind = e->kind, .set = e->set};
        *at = b;
    }
    return b;
}

/* The steps of one table: its deletes, or everything else. */
static bool emit_table(struct plan *p, const struct pending *list, bool deletes)
{
    struct bucket *buckets = NULL, *last = NULL;
    uint32_t first = p->n_steps, i;
    for (i = list->head; i != NO_ENTRY; i = p->entries[i].next) {
        const struct entry *e = &p->entries[i];
        if (e->kind == STEP_NOTHING || (e->kind == SQL_DELETE) != deletes) {
            continue;
        }
        if (!last || last->set != e->set || last->kind != e->kind) {
            last = bucket_of(p, &buckets, e);
            if (!last) {
                return false;
            }
        }
        last->n++;
    }
    for (struct bucket *b = buckets; b; b = b->next) {
        if (!plan_step(p, b->kind, list->shape, b->set, b->n)) {
            return false;
        }
    }
    for (struct bucket *b = buckets; b; b = b->next) {
        b->step = &p->steps[first++];
        b->step->fresh = b->kind == SQL_INSERT && list->shape->n_keys > 0;
        b->at = 0;
    }
    last = NULL;
    for (i = buckets ? list->head : NO_ENTRY; i != NO_ENTRY; i = p->entries[i].next) {
        const struct entry *e = &p->entries[i];
        if (e->kind == STEP_NOTHING || (e->kind == SQL_DELETE) != deletes) {
            continue;
        }
        if (!last || last->set != e->set || last->kind != e->kind) {
            last = bucket_of(p, &buckets, e);
        }
        last->step->entries[last->at++] = i;
    }
    return true;
}

static int by_rank(const void *a, const void *b)
{
    const struct pending *x = a, *y = b;
    if (x->shape->table->rank != y->shape->table->rank) {
        return x->shape->table->rank < y->shape->table->rank ? -1 : 1;
    }
    return x->head < y->head ? -1 : x->head > y->head; /* order of appearance */
}

bool plan_emit(struct plan *p)
{
    bool ok = true;
    uint32_t n = p->n_pending;
    if (n > 1) {
        qsort(p->pending, n, sizeof *p->pending, by_rank);
    }
    for (uint32_t i = n; ok && i > 0; i--) {
        if (!p->pending[i - 1].shape->table->referenced) {
            ok = emit_table(p, &p->pending[i - 1], true);
        }
    }
    for (uint32_t i = 0; ok && i < n; i++) {
        ok = emit_table(p, &p->pending[i], false);
    }
    for (uint32_t i = n; ok && i > 0; i--) {
        if (p->pending[i - 1].shape->table->referenced) {
            ok = emit_table(p, &p->pending[i - 1], true);
        }
    }
    return ok;
}
