/* plan.c: from records to entries; see plan.h. */
#include "plan.h"

struct planning {
    struct plan *p;
    const struct hp_batch *batch;
    const struct plan_options *options;
    const struct typemap *types;
    plan_shape_fn *shape_of;
    void *arg;
    uint32_t open_truncate; /* step that goes on, NO_ENTRY: none */
    const struct hp_tx *tx; /* of the record */
    struct shape *run;      /* changes of its keys that are not steps yet, NULL: none */
    uint32_t run_from, run_n;
    struct hp_error *err;
};

void plan_finish(struct plan *p)
{
    arena_finish(&p->arena);
    free(p->entries);
    free(p->steps);
    free(p->slots);
    free(p->pending);
    free(p->forms);
    free(p->marks);
    memset(p, 0, sizeof *p);
}

static bool grow(void **array, uint32_t *cap, uint32_t need, size_t size)
{
    uint32_t n = *cap ? *cap : 64;
    void *more;
    if (need <= *cap) {
        return true;
    }
    while (n < need) {
        n *= 2;
    }
    more = realloc(*array, n * size);
    if (!more) {
        return false;
    }
    *array = more;
    *cap = n;
    return true;
}

struct step *plan_step(struct plan *p, uint8_t kind, struct shape *shape, struct colset *set, uint32_t n)
{
    struct step *s;
    uint32_t *entries = arena_alloc(&p->arena, (size_t)n * sizeof *entries);
    if (!entries || !grow((void **)&p->steps, &p->cap_steps, p->n_steps + 1, sizeof *p->steps)) {
        return NULL;
    }
    s = &p->steps[p->n_steps++];
    *s = (struct step){.kind = kind, .shape = shape, .set = set, .n = n, .entries = entries};
    return s;
}

static hp_status find_set(struct planning *g, struct shape *s, struct entry *e, bool new_row, int old)
{
    return plan_find_set(g->p, g->types, s, e, new_row, old, g->err);
}

/* ---- the hash table of the segment ---- */

bool plan_hash_key(const struct plan *p, const struct shape *s, const struct entry *e, char half, uint64_t *out)
{
    uint64_t h = CELL_HASH_START ^ (uint64_t)(uintptr_t)s->table->mark;
    for (uint32_t k = 0; k < s->n_keys; k++) {
        const struct shape_col *c = &s->cols[s->keys[k]];
        const struct hp_record *rec;
        const struct hp_cell *cell = plan_cell(p, e, c, half, &rec);
        if (!cell) {
            return false;
        }
        h = cell_hash(h, rec, cell, c->equality);
    }
    *out = h;
    return true;
}

static bool hash_key(const struct plan *p, const struct shape *s, struct entry *e, char half)
{
    return plan_hash_key(p, s, e, half, &e->hash);
}

bool plan_same_key(const struct plan *p, const struct shape *s, const struct entry *a, char half_a,
                   const struct entry *b, char half_b)
{
    for (uint32_t k = 0; k < s->n_keys; k++) {
        const struct shape_col *c = &s->cols[s->keys[k]];
        const struct hp_record *rec_a, *rec_b;
        const struct hp_cell *x = plan_cell(p, a, c, half_a, &rec_a), *y = plan_cell(p, b, c, half_b, &rec_b);
        if (!x || !y || !cell_same(rec_a, x, rec_b, y, c->equality)) {
            return false;
        }
    }
    return true;
}

/* The slot of the newest entry with this key, or the one to take. */
static uint32_t *find_slot(struct plan *p, const struct shape *s, const struct entry *e, char half)
{
    uint32_t mask = p->n_slots - 1, *reuse = NULL;
    for (uint32_t i = (uint32_t)(e->hash >> 20) & mask;; i = (i + 1) & mask) {
        uint32_t at = p->slots[i];
        const struct entry *other;
        if (at == 0) {
            return reuse ? reuse : &p->slots[i];
        }
        if (at - 1 < p->segment_start) { /* of a segment that has ended */
            reuse = reuse ? reuse : &p->slots[i];
            continue;
        }
        other = &p->entries[at - 1];
        if (other->hash == e->hash && plan_same_key(p, s, other, other->kind == SQL_DELETE ? 'b' : 'a', e, half)) {
            return &p->slots[i];
        }
    }
}

/* ---- entries ---- */

static struct entry *add_entry(struct planning *g, struct shape *s, const struct hp_record *rec, uint64_t index)
{
    struct plan *p = g->p;
    struct entry *e;
    if (!grow((void **)&p->entries, &p->cap_entries, p->n_entries + 1, sizeof *p->entries)) {
        (void)out_of_memory(g->err);
        return NULL;
    }
    e = &p->entries[p->n_entries++];
    *e = (struct entry){.rec = rec,
                        .index = (uint32_t)index,
                        .tx = g->tx,
                        .older = NO_ENTRY,
                        .next = NO_ENTRY,
                        .first = NO_ENTRY,
                        .needs = NO_ENTRY};
    if (s) {
        shape_rows(s, rec, &e->after, &e->before);
    }
    return e;
}

static hp_status end_segment(struct planning *g)
{
    struct plan *p = g->p;
    bool ok = (!g->run || plan_untangle(p, g->run, g->run_from, g->run_n)) && plan_emit(p);
    g->run = NULL;
    p->segment++;
    p->segment_start = p->n_entries;
    p->n_pending = 0;
    g->open_truncate = NO_ENTRY;
    return ok ? HP_OK : out_of_memory(g->err);
}

/* Append to the table's list of the open segment. */
static hp_status pend(struct planning *g, struct shape *s, uint32_t at)
{
    struct plan *p = g->p;
    struct pending *list;
    struct table_mark *mark = s->table->mark;
    if (mark->segment != p->segment) {
        if (!grow((void **)&p->pending, &p->cap_pending, p->n_pending + 1, sizeof *p->pending)) {
            return out_of_memory(g->err);
        }
        mark->segment = p->segment;
        mark->shape = s;
        mark->slot = p->n_pending;
        p->pending[p->n_pending++] = (struct pending){s, at, at};
        return HP_OK;
    }
    list = &p->pending[mark->slot];
    p->entries[list->tail].next = at;
    list->tail = at;
    return HP_OK;
}

/* End the segment in front of the newest entry, which is in no list yet. */
static hp_status new_segment_at(struct planning *g, uint32_t at)
{
    if (end_segment(g) != HP_OK) {
        return HP_ERROR;
    }
    g->p->segment_start = at;
    return HP_OK;
}

/* Does the newer set mention every column that the older one writes? */
static bool covers(const struct shape *s, const struct colset *newer, const struct colset *older)
{
    for (uint32_t i = 0; newer != older && i < s->n; i++) {
        if (newer->forms[i] == FORM_ABSENT && older->forms[i] != FORM_ABSENT) {
            return false;
        }
    }
    return true;
}

/* A step of one entry, after everything before it. */
static hp_status lone_step(struct planning *g, struct shape *s, uint32_t at)
{
    struct entry *e = &g->p->entries[at];
    struct step *step;
    if (new_segment_at(g, at + 1) != HP_OK) {
        return HP_ERROR;
    }
    step = plan_step(g->p, e->kind, s, e->set, 1);
    if (!step) {
        return out_of_memory(g->err);
    }
    step->entries[0] = at;
    return HP_OK;
}

/* Another change of a key, or the delete of a row, behind those of the open run. */
static bool joins_run(const struct planning *g, const struct shape *s)
{
    return g->run == s && g->p->n_pending == 0 && g->p->entries[g->run_from].tx == g->tx;
}

/* A step of one entry, or one of a run if keys of this batch have collided. */
static hp_status key_step(struct planning *g, struct shape *s, uint32_t at)
{
    if (!g->p->marked) {
        return lone_step(g, s, at);
    }
    if (!joins_run(g, s)) {
        if (new_segment_at(g, at + 1) != HP_OK) {
            return HP_ERROR;
        }
        g->run = s;
        g->run_from = at;
        g->run_n = 0;
    }
    g->run_n++;
    g->p->segment_start = at + 1;
    return HP_OK;
}

static hp_status poison(struct planning *g, const struct shape *s, uint64_t index, const char *what)
{
    hp_status st = hp_fail(g->err, HP_ERROR_POISON, "", "%s: %s", s->table->quoted, what);
    g->err->record = index;
    return st;
}

/* ---- records ---- */

static hp_status add_write(struct planning *g, struct shape *s, const struct hp_record *rec, uint64_t index, bool fresh)
{
    const struct plan_options *o = g->options;
    struct plan *p = g->p;
    struct entry *e = add_entry(g, s, rec, index);
    uint32_t at = p->n_entries - 1, *slot;
    bool keyed = s->n_keys && o->insert_mode != MODE_INSERT;
    bool moved = false;
    if (!e) {
        return HP_ERROR;
    }
    if (!e->after) {
        return poison(g, s, index, "the record has no row to write");
    }
    if (!keyed && !fresh && o->insert_mode != MODE_INSERT) {
        /* Without a key the old row alone can tell which row is meant. */
        e->kind = SQL_KEYLESS_UPDATE;
        for (uint32_t i = 0; i < s->n; i++) {
            if (!plan_old_cell(e, &s->cols[i])) {
                return poison(g, s, index,
                              "update of a row without key and without a whole old row; give the source's table a "
                              "primary key or REPLICA IDENTITY FULL, or name the key with primary.key.fields");
            }
        }
        return find_set(g, s, e, true, OLD_ALL) == HP_OK ? lone_step(g, s, at) : HP_ERROR;
    }
    if (!keyed) {
        e->kind = SQL_INSERT;
        if (find_set(g, s, e, true, OLD_NONE) != HP_OK) {
            return HP_ERROR;
        }
        if (!e->set->complete) {
            return poison(g, s, index,
                          "an update left a large column unchanged, so the row cannot be inserted; use "
                          "insert.mode=upsert, or REPLICA IDENTITY FULL at the source");
        }
        return o->ordered ? lone_step(g, s, at) : pend(g, s, at);
    }
    if (!hash_key(p, s, e, 'a')) {
        return poison(g, s, index, "the record lacks a key column; see primary.key.mode and primary.key.fields");
    }
    if (rec->kind == HP_RECORD_CHANGE && rec->op == HP_OP_UPDATE && e->before) {
        bool whole = true;
        for (uint32_t k = 0; k < s->n_keys; k++) {
            whole = whole && plan_old_cell(e, &s->cols[s->keys[k]]);
        }
        moved = whole && !plan_same_key(p, s, e, 'a', e, 'b');
    }
    if (moved) {
        e->kind = SQL_KEY_CHANGE;
        return find_set(g, s, e, true, OLD_KEY) == HP_OK ? key_step(g, s, at) : HP_ERROR;
    }
    slot = o->ordered || !s->mergeable ? NULL : find_slot(p, s, e, 'a');
    if (slot && *slot > p->segment_start) {
        struct entry *older = &p->entries[*slot - 1];
        if (older->kind != SQL_DELETE) {
            e->older = *slot - 1;
            fresh = older->kind == SQL_INSERT;
        } else {
            fresh = false;
        }
    }
    if (find_set(g, s, e, true, OLD_NONE) != HP_OK) {
        return HP_ERROR;
    }
    if (e->older != NO_ENTRY && !covers(s, e->set, p->entries[e->older].set)) {
        /* The older change writes a column that this one does not mention: both have to be written. */
        if (new_segment_at(g, at) != HP_OK) {
            return HP_ERROR;
        }
        e->older = NO_ENTRY;
        fresh = false;
        if (find_set(g, s, e, true, OLD_NONE) != HP_OK) {
            return HP_ERROR;
        }
        slot = find_slot(p, s, e, 'a');
    }
    e->kind = o->insert_mode == MODE_UPDATE || !e->set->complete ? SQL_UPDATE
              : fresh && !o->ordered && s->mergeable             ? SQL_INSERT
                                                                 : SQL_UPSERT;
    if (!slot) {
        return lone_step(g, s, at);
    }
    if (*slot > p->segment_start) {
        p->entries[*slot - 1].kind = STEP_NOTHING;
        p->coalesced++;
    }
    *slot = at + 1;
    return pend(g, s, at);
}

static hp_status add_delete(struct planning *g, struct shape *s, const struct hp_record *rec, uint64_t index)
{
    const struct plan_options *o = g->options;
    struct plan *p = g->p;
    struct entry *e = add_entry(g, s, rec, index);
    uint32_t at = p->n_entries - 1, *slot;
    if (!e) {
        return HP_ERROR;
    }
    e->kind = s->n_keys ? SQL_DELETE : SQL_KEYLESS_DELETE;
    for (uint32_t i = 0; i < s->n; i++) {
        if ((s->n_keys == 0 || s->cols[i].key) && !plan_old_cell(e, &s->cols[i])) {
            return poison(g, s, index,
                          s->n_keys ? "the deleted row's key is not there; see primary.key.fields"
                                    : "delete of a row without key and without a whole old row; give the source's "
                                      "table a primary key or REPLICA IDENTITY FULL, or name the key with "
                                      "primary.key.fields");
        }
    }
    if (find_set(g, s, e, false, s->n_keys ? OLD_KEY : OLD_ALL) != HP_OK) {
        return HP_ERROR;
    }
    if (joins_run(g, s)) {
        return key_step(g, s, at);
    }
    if (s->n_keys == 0 || o->ordered || !s->mergeable || o->insert_mode == MODE_INSERT) {
        return lone_step(g, s, at);
    }
    (void)hash_key(p, s, e, 'b');
    slot = find_slot(p, s, e, 'b');
    if (*slot > p->segment_start) {
        struct entry *older = &p->entries[*slot - 1];
        e->born = older->kind == SQL_INSERT || older->born;
        older->kind = STEP_NOTHING;
        p->coalesced++;
    }
    *slot = at + 1;
    return pend(g, s, at);
}

static hp_status add_truncate(struct planning *g, struct shape *s, const struct hp_record *rec, uint64_t index)
{
    struct plan *p = g->p;
    struct step *step;
    struct shape **shapes;
    if (g->open_truncate == NO_ENTRY) {
        if (end_segment(g) != HP_OK) {
            return HP_ERROR;
        }
        if (!plan_step(p, STEP_TRUNCATE, s, NULL, 0)) {
            return out_of_memory(g->err);
        }
        g->open_truncate = p->n_steps - 1;
    }
    if (!add_entry(g, NULL, rec, index)) {
        return HP_ERROR;
    }
    p->segment_start = p->n_entries;
    step = &p->steps[g->open_truncate];
    shapes = arena_alloc(&p->arena, (step->n + 1) * sizeof(struct shape *));
    step->entries = arena_alloc(&p->arena, sizeof *step->entries);
    if (!shapes || !step->entries) {
        return out_of_memory(g->err);
    }
    for (uint32_t i = 0; i < step->n; i++) {
        shapes[i] = step->shapes[i];
    }
    shapes[step->n++] = s;
    step->shapes = shapes;
    step->entries[0] = p->n_entries - 1;
    step->flags |= rec->flags;
    if (!(rec->flags & HP_REC_TX_CONTINUES)) {
        g->open_truncate = NO_ENTRY;
    }
    return HP_OK;
}

static hp_status add_record(struct planning *g, const struct hp_record *rec, uint64_t index)
{
    struct plan *p = g->p;
    const struct plan_options *o = g->options;
    bool plain = rec->kind == HP_RECORD_PLAIN;
    const struct hp_cell *value = plain ? hp_record_after(rec) : NULL;
    bool is_delete = plain ? !value || value->type == HP_NULL : rec->op == HP_OP_DELETE;
    struct shape *s;
    if (rec->op == HP_OP_MESSAGE) {
        p->skipped_messages++;
        return HP_OK;
    }
    if (is_delete && !o->deletes) {
        p->skipped_deletes++;
        return HP_OK;
    }
    if (rec->op == HP_OP_TRUNCATE && !o->truncates) {
        p->skipped_truncates++;
        return HP_OK;
    }
    if (g->shape_of(g->arg, g->batch, rec, &s, g->err) != HP_OK) {
        if (g->err->klass == HP_ERROR_POISON) {
            g->err->record = index;
        }
        return HP_ERROR;
    }
    if (rec->op == HP_OP_TRUNCATE) {
        return add_truncate(g, s, rec, index);
    }
    g->open_truncate = NO_ENTRY; /* whatever else its statement named is not for us */
    if (s->table->mark->segment == p->segment && s->table->mark->shape != s && end_segment(g) != HP_OK) {
        return HP_ERROR; /* another schema of the same table */
    }
    if (is_delete) {
        return add_delete(g, s, rec, index);
    }
    return add_write(g, s, rec, index, plain ? s->n_keys == 0 : rec->op != HP_OP_UPDATE);
}

hp_status plan_build(struct plan *p, const struct hp_batch *batch, const struct plan_options *options,
                     const struct typemap *types, plan_shape_fn *shape_of, void *arg, struct hp_error *err)
{
    struct planning g = {.p = p,
                         .batch = batch,
                         .options = options,
                         .types = types,
                         .shape_of = shape_of,
                         .arg = arg,
                         .open_truncate = NO_ENTRY,
                         .err = err};
    struct hp_iter it = hp_batch_iter(batch);
    uint64_t slots = 64;
    arena_reset(&p->arena);
    p->n_entries = p->n_steps = p->n_pending = p->segment_start = 0;
    p->skipped_deletes = p->skipped_truncates = p->skipped_messages = p->coalesced = 0;
    p->segment++;
    if (batch->n_records >= UINT32_MAX / 4) {
        return hp_fail(err, HP_ERROR_FATAL, "", "a batch of %llu records is too large",
                       (unsigned long long)batch->n_records);
    }
    while (slots < batch->n_records * 2) {
        slots *= 2;
    }
    if (slots > p->n_slots || (p->n_slots > 65536 && slots < p->n_slots / 8)) {
        free(p->slots);
        p->slots = malloc(slots * sizeof *p->slots);
        p->n_slots = p->slots ? (uint32_t)slots : 0;
        if (!p->slots) {
            return out_of_memory(err);
        }
    }
    memset(p->slots, 0, (options->ordered ? 0 : p->n_slots) * sizeof *p->slots);
    while (hp_iter_next(&it)) {
        g.tx = it.tx;
        if (add_record(&g, it.rec, it.index) != HP_OK) {
            return HP_ERROR;
        }
    }
    return end_segment(&g);
}
