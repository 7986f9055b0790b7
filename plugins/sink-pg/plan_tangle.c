/*
 * plan_tangle.c: changes of keys that a deferrable constraint of the source allowed to collide for a moment (two rows
 * that swap their keys in one UPDATE, SET id = id + 1), put in an order that collides nowhere. See plan.h.
 *
 * 1 -> 2, 2 -> 3 may be one row that moved twice, or two rows of which the first took the place of the second. Nothing
 * in the records tells, so they are written in their order until the target refuses 1 -> 2 because there is a 2: then
 * they are two rows, and the next change that leaves 2 has to come first. Lest each costs an attempt, the same is
 * guessed for the changes behind it: what is pulled forward fails if its row is not there, and so a guess that holds
 * is as good as a refusal.
 */
#include "plan.h"

#define NOWHERE     UINT32_MAX
#define GUESSES_MAX 16 /* that were wrong, in one batch */

/* What is known of a change. */
#define MARK_TANGLED 1 /* the new key was there */
#define MARK_ROOM    2 /* guessed that it was, and it was not */

/* A run: changes of keys and deletes that follow each other in one transaction. */
struct tangle {
    struct plan *p;
    struct shape *s;
    struct entry *entries;
    uint32_t n;
    uint32_t mask;
    uint32_t *slots; /* hash table by old key: the first change that leaves it + 1, 0: empty */
    uint32_t *next;  /* by change: the next one that leaves the same key, NOWHERE: none */
    uint32_t *last;  /* by first change */
    uint32_t *path;
    uint8_t *state; /* TO_DO, ON_PATH, DONE */
};

#define TO_DO   0
#define ON_PATH 1
#define DONE    2

/* ---- who leaves a key ---- */

static uint32_t *slot_of(const struct tangle *t, const struct entry *e, char half)
{
    uint64_t hash = 0;
    (void)plan_hash_key(t->p, t->s, e, half, &hash);
    for (uint32_t i = (uint32_t)(hash >> 20) & t->mask;; i = (i + 1) & t->mask) {
        if (t->slots[i] == 0 || plan_same_key(t->p, t->s, &t->entries[t->slots[i] - 1], 'b', e, half)) {
            return &t->slots[i];
        }
    }
}

static bool index_keys(struct tangle *t)
{
    t->mask = 15;
    while (t->mask < t->n * 2) {
        t->mask = t->mask * 2 + 1;
    }
    t->slots = arena_alloc(&t->p->arena, ((size_t)t->mask + 1) * sizeof *t->slots);
    t->next = arena_alloc(&t->p->arena, (size_t)t->n * sizeof *t->next);
    t->last = arena_alloc(&t->p->arena, (size_t)t->n * sizeof *t->last);
    if (!t->slots || !t->next || !t->last) {
        return false;
    }
    memset(t->slots, 0, ((size_t)t->mask + 1) * sizeof *t->slots);
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t *slot = slot_of(t, &t->entries[i], 'b');
        if (*slot) {
            t->next[t->last[*slot - 1]] = i;
            t->last[*slot - 1] = i;
        } else {
            *slot = i + 1;
            t->last[i] = i;
        }
        t->next[i] = NOWHERE;
    }
    return true;
}

/* The change that takes away the row whose key `at` needs, seen from the place of `from`; NOWHERE: none. */
static uint32_t in_the_way(const struct tangle *t, uint32_t from, uint32_t at)
{
    const struct entry *e = &t->entries[at];
    uint8_t mark = t->p->marks[e->index];
    uint32_t leaver;
    if (e->kind == SQL_DELETE ||
        (!(mark & MARK_TANGLED) && ((mark & MARK_ROOM) || t->p->wrong_guesses >= GUESSES_MAX))) {
        return NOWHERE;
    }
    leaver = *slot_of(t, e, 'a');
    leaver = leaver ? leaver - 1 : NOWHERE;
    while (leaver != NOWHERE && (leaver < from || t->state[leaver] == DONE)) {
        leaver = t->next[leaver];
    }
    return leaver;
}

/* ---- steps ---- */

static uint32_t number(const struct tangle *t, uint32_t i)
{
    return (uint32_t)(&t->entries[i] - t->p->entries);
}

/* Written; for whose sake it was pulled forward. */
static void note(struct tangle *t, uint32_t i, uint32_t needs)
{
    t->entries[i].first = number(t, t->path[0]);
    t->entries[i].needs = needs == NOWHERE ? NO_ENTRY : number(t, needs);
    t->state[i] = DONE;
}

static bool one_step(struct tangle *t, uint32_t i, uint8_t kind)
{
    struct step *step = plan_step(t->p, kind, t->s, t->entries[i].set, 1);
    if (step) {
        step->entries[0] = number(t, i);
    }
    return step != NULL;
}

/* Entries of the path from..to, the last one first. All but the path's first one are pulled forward, each by the one
   before it. */
static bool backwards(struct tangle *t, uint32_t from, uint32_t to)
{
    bool ok = true;
    while (ok && to > from) {
        uint32_t i = t->path[--to];
        uint8_t kind = t->entries[i].kind;
        ok = one_step(t, i, to == 0 ? kind : kind == SQL_DELETE ? SQL_KEY_OUT : SQL_KEY_STRICT);
        note(t, i, to ? t->path[to - 1] : NOWHERE);
    }
    return ok;
}

/* Can a row be taken out and put in again, with nothing lost? */
static bool can_leave(const struct tangle *t, uint32_t i)
{
    return t->entries[i].set->complete && !t->s->table->referenced && t->s->n_others == 0;
}

/* The path's entries from `start` on take each other's places in a circle: one of them steps out. */
static bool circle(struct tangle *t, uint32_t start, uint32_t len)
{
    uint32_t out = start;
    while (out < len && !can_leave(t, t->path[out])) {
        out++;
    }
    if (out == len) { /* as they came: the target's refusal stands */
        bool ok = true;
        for (uint32_t k = 0; ok && k < len; k++) {
            ok = one_step(t, t->path[k], t->entries[t->path[k]].kind);
            note(t, t->path[k], NOWHERE);
        }
        return ok;
    }
    note(t, t->path[out], t->path[out > start ? out - 1 : len - 1]);
    return one_step(t, t->path[out], SQL_KEY_OUT) && backwards(t, start, out) && backwards(t, out + 1, len) &&
           one_step(t, t->path[out], SQL_INSERT) && backwards(t, 0, start);
}

/* The change, after all those that have to make room for it. */
static bool follow(struct tangle *t, uint32_t from)
{
    uint32_t len = 0, at = from, start = 0;
    for (;;) {
        t->path[len++] = at;
        t->state[at] = ON_PATH;
        at = in_the_way(t, from, at);
        if (at == NOWHERE) {
            return backwards(t, 0, len);
        }
        if (t->state[at] == ON_PATH) {
            while (t->path[start] != at) {
                start++;
            }
            return circle(t, start, len);
        }
    }
}

static bool can_untangle(const struct shape *s)
{
    for (uint32_t k = 0; k < s->n_keys; k++) {
        if (s->cols[s->keys[k]].target->identity_always) {
            return false;
        }
    }
    return true;
}

bool plan_untangle(struct plan *p, struct shape *s, uint32_t from, uint32_t n)
{
    struct tangle t = {.p = p, .s = s, .entries = &p->entries[from], .n = n};
    uint32_t i = 0;
    bool ok = true;
    /* What comes before the first change that was refused is in order. */
    for (; ok && i < n && !((p->marks[t.entries[i].index] & MARK_TANGLED) && can_untangle(s)); i++) {
        ok = one_step(&t, i, t.entries[i].kind);
    }
    if (!ok || i == n) {
        return ok;
    }
    t.entries += i;
    t.n -= i;
    t.path = arena_alloc(&p->arena, (size_t)t.n * sizeof *t.path);
    t.state = arena_alloc(&p->arena, t.n);
    if (!t.path || !t.state || !index_keys(&t)) {
        return false;
    }
    memset(t.state, TO_DO, t.n);
    for (i = 0; ok && i < t.n; i++) {
        ok = t.state[i] == DONE || follow(&t, i);
    }
    return ok;
}

bool plan_gives_way(const struct plan *p, const struct shape *s, const struct entry *e)
{
    const struct entry *f = e, *end = p->entries + p->n_entries;
    while (f > p->entries && f[-1].tx == e->tx) {
        f--;
    }
    for (; f < end && f->tx == e->tx; f++) {
        bool leaves = f->kind == SQL_KEY_CHANGE || f->rec->op == HP_OP_DELETE;
        if (leaves && f->rec->schema == e->rec->schema && f->rec->topic == e->rec->topic &&
            plan_same_key(p, s, e, 'a', f, 'b')) {
            return true;
        }
    }
    return false;
}

/* false: it is known already, or no memory. */
static bool mark(struct plan *p, uint32_t entry, uint64_t n_records, uint8_t what)
{
    uint32_t record = p->entries[entry].index;
    if (!p->marked) {
        uint8_t *marks = realloc(p->marks, n_records + 1);
        if (!marks) {
            return false;
        }
        memset(marks, 0, n_records);
        p->marks = marks;
        p->marked = true;
        p->wrong_guesses = 0;
    }
    if (p->marks[record] & what) {
        return false;
    }
    p->marks[record] |= what;
    p->wrong_guesses += what == MARK_ROOM;
    return true;
}

bool plan_refused(struct plan *p, const struct shape *s, const struct entry *e, uint64_t n_records, bool missing)
{
    uint32_t self = (uint32_t)(e - p->entries);
    bool in_path = p->marked && e->first != NO_ENTRY && (e->needs != NO_ENTRY || e->first != self);
    if (in_path && !(p->marks[p->entries[e->first].index] & MARK_TANGLED)) {
        return mark(p, e->first, n_records, MARK_ROOM); /* all of the path was a guess */
    }
    if (missing) {
        return in_path && e->needs != NO_ENTRY && mark(p, e->needs, n_records, MARK_ROOM);
    }
    return plan_gives_way(p, s, e) && mark(p, self, n_records, MARK_TANGLED);
}
