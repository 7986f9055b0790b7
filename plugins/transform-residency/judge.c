/* judge.c: see judge.h. Runs per record: no allocation, no call into the host unless memory has to grow. [task] */
#include "judge.h"

#include <stdlib.h>

#define EVICT_HEADER "residency.action"

static int grow(void *array, uint32_t *n, size_t size, uint32_t to, struct hp_error *err)
{
    void **at = array;
    uint8_t *more = to > *n ? realloc(*at, to * size) : *at;
    if (!more) {
        (void)hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
        return 0;
    }
    if (to > *n) {
        memset(more + *n * size, 0, (to - *n) * size);
        *at = more;
        *n = to;
    }
    return 1;
}

/* A plan made for an equal schema, or a new one. */
static struct plan *find_plan(struct residency *r, const struct hp_schema *schema, struct hp_error *err)
{
    uint32_t i = 0;
    while (i < r->n_plans && !known_equal(r->plans[i]->in, schema)) {
        i++;
    }
    if (i == r->n_plans) {
        struct plan *made;
        if (plan_make(&r->maker, schema, &made, err) != HP_OK) {
            return NULL;
        }
        if (!grow(&r->plans, &r->n_plans, sizeof(struct plan *), i + 1, err)) {
            plan_destroy(made);
            return NULL;
        }
        r->plans[i] = made;
    }
    return r->plans[i];
}

hp_status judge_schema(void *self, const struct hp_schema *schema, struct hp_error *err)
{
    return find_plan(self, schema, err) ? HP_OK : HP_ERROR;
}

/* The plan of a record's table; NULL with *err filled: the batch cannot pass. An id means what the batch's own schema
   says: the plan of the batch before is taken for it only if that one was equal. */
static struct plan *plan_of(struct residency *r, const struct hp_batch *batch, const struct hp_record *rec,
                            struct hp_error *err)
{
    const struct hp_schema *schema = rec->kind == HP_RECORD_CHANGE ? hp_batch_schema(batch, rec->schema) : NULL;
    struct slot *slot;
    struct plan *plan;
    if (!schema) {
        return r->others;
    }
    if (!grow(&r->slots, &r->n_slots, sizeof *r->slots, rec->schema + 1, err)) {
        return NULL;
    }
    slot = &r->slots[rec->schema];
    if (slot->batch == r->batch) {
        return slot->plan;
    }
    plan = slot->plan && known_equal(slot->plan->in, schema) ? slot->plan : find_plan(r, schema, err);
    if (!plan || plan_bind(&r->maker, plan, schema, err) != HP_OK) {
        return NULL;
    }
    slot->plan = plan;
    slot->batch = r->batch;
    return plan;
}

static hp_status full(const struct hp_builder *out, struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_FATAL, "", "a record does not fit: memory, or max.record.bytes (%llu)",
                   (unsigned long long)out->max_record);
}

static hp_status drop(struct plan *plan)
{
    plan->counts[PLAN_DROPPED]++;
    return HP_OK;
}

static hp_status pass(struct plan *plan, const struct hp_record *rec, struct hp_builder *out, struct hp_error *err)
{
    plan->counts[PLAN_PASSED]++;
    return hp_builder_copy(out, rec) == HP_OK ? HP_OK : full(out, err);
}

/* One image; values that the row does not hold are taken from `other`, if that is given. Distance, 0 on failure. */
static uint32_t write_row(const struct residency *r, const struct plan *plan, const struct hp_record *rec,
                          const struct hp_cell *cells, const struct hp_cell *other, struct hp_builder *out)
{
    uint32_t row = hp_record_row(out, plan->n);
    for (uint32_t i = 0; row && i < plan->n; i++) {
        uint32_t from = plan->columns[i].from;
        const struct hp_cell *cell = &cells[from];
        if (other && cell->type == HP_NONE) {
            cell = &other[from];
        }
        redact_cell(&plan->columns[i], &r->key, rec, cell, out, row, i);
    }
    return row;
}

static void write_evict_header(struct hp_builder *out)
{
    uint32_t headers = hp_record_row(out, 2);
    hp_record_bytes(out, headers, 0, HP_STRING, 0, EVICT_HEADER, sizeof EVICT_HEADER - 1);
    hp_record_bytes(out, headers, 1, HP_STRING, 0, "evict", 5);
    if (headers && out->open != HP_NO_RECORD) {
        hp_record_open(out)->headers = headers;
        hp_record_open(out)->n_headers = 1;
    }
}

/* The record with these images, by the plan's columns. Its own headers are not judged, so they do not go on. */
static hp_status rewrite(const struct residency *r, const struct plan *plan, const struct hp_record *rec, uint8_t op,
                         const struct hp_cell *before, const struct hp_cell *after, struct hp_builder *out,
                         struct hp_error *err)
{
    uint32_t before_row = 0, after_row = 0;
    if (hp_record_begin(out, rec->kind, op) != HP_OK) {
        return full(out, err);
    }
    if (before) {
        before_row = write_row(r, plan, rec, before, NULL, out);
    }
    if (after) {
        const struct hp_cell *unsent = op != rec->op ? hp_record_before(rec) : NULL;
        after_row = write_row(r, plan, rec, after, unsent, out);
    }
    if (op == HP_OP_DELETE && rec->op == HP_OP_UPDATE) {
        write_evict_header(out);
    }
    if (out->open != HP_NO_RECORD && hp_record_open(out)->size != UINT32_MAX) {
        struct hp_record *to = hp_record_open(out);
        to->flags = op == rec->op ? rec->flags : op == HP_OP_DELETE ? rec->flags & HP_REC_BEFORE_KEY : (uint16_t)0;
        to->topic = rec->topic;
        to->schema = plan->schema;
        to->subxid = rec->subxid;
        to->seq = rec->seq;
        to->before = before_row;
        to->after = after_row;
        to->partition = rec->partition;
        to->pos = rec->pos;
        to->timestamp_us = rec->timestamp_us;
    }
    return hp_record_end(out) == HP_OK ? HP_OK : full(out, err);
}

static hp_status unknown(const struct hp_batch *batch, const struct hp_record *rec, const char *what,
                         struct hp_error *err)
{
    const struct hp_schema *s = hp_batch_schema(batch, rec->schema);
    return hp_fail(
        err, HP_ERROR_FATAL, "", "table %.*s.%.*s: a change does not carry %s: ALTER TABLE ... REPLICA IDENTITY FULL",
        (int)s->namespace_.len, (const char *)s->namespace_.data, (int)s->table.len, (const char *)s->table.data, what);
}

/* May the row of this image go? An unchanged TOAST value is looked up in the other image. */
static enum verdict judge(const struct plan *plan, const struct hp_record *rec, const struct hp_cell *image,
                          const struct hp_cell *other)
{
    const struct hp_cell *cell = &image[plan->judged];
    if (!plan->has_rows) {
        return MATCH_ALLOWED;
    }
    if (cell->type == HP_NONE && (cell->flags & HP_CELL_UNCHANGED) && other) {
        cell = &other[plan->judged];
    }
    return match_cell(&plan->match, rec, cell);
}

/* A row that comes into sight must be whole: no value of it may be left unsent. */
static int whole(const struct plan *plan, const struct hp_cell *after, const struct hp_cell *before)
{
    for (uint32_t i = 0; i < plan->n; i++) {
        uint32_t from = plan->columns[i].from;
        if ((after[from].flags & HP_CELL_UNCHANGED) && (!before || before[from].type == HP_NONE)) {
            return 0;
        }
    }
    return 1;
}

static hp_status one_row(struct residency *r, struct plan *plan, const struct hp_batch *batch,
                         const struct hp_record *rec, struct hp_builder *out, struct hp_error *err)
{
    const struct hp_cell *before = hp_record_before(rec), *after = hp_record_after(rec);
    enum verdict was = before ? judge(plan, rec, before, NULL) : MATCH_DENIED;
    enum verdict is = after ? judge(plan, rec, after, before) : MATCH_DENIED;
    if (rec->op == HP_OP_UPDATE && !before) { /* an update that left the key alone, and with it a judged key column */
        was = !plan->has_rows || plan->judged_is_key ? is : MATCH_UNKNOWN;
    }
    if ((rec->op != HP_OP_CREATE && rec->op != HP_OP_READ && was == MATCH_UNKNOWN) || is == MATCH_UNKNOWN) {
        return unknown(batch, rec, "the column that its rows are judged by", err);
    }
    if (was != MATCH_ALLOWED && is != MATCH_ALLOWED) {
        return drop(plan);
    }
    if (rec->op == HP_OP_UPDATE && was != is) {
        if (is == MATCH_ALLOWED && !whole(plan, after, before)) {
            return unknown(batch, rec, "all values of a row that comes into sight", err);
        }
        plan->counts[is == MATCH_ALLOWED ? PLAN_INSERTED : PLAN_EVICTED]++;
        return is == MATCH_ALLOWED ? rewrite(r, plan, rec, HP_OP_CREATE, NULL, after, out, err)
                                   : rewrite(r, plan, rec, HP_OP_DELETE, before, NULL, out, err);
    }
    if (!plan->rewrite && !rec->n_headers) {
        return pass(plan, rec, out, err);
    }
    plan->counts[PLAN_REDACTED]++;
    return rewrite(r, plan, rec, rec->op, before, after, out, err);
}

static hp_status one_message(struct residency *r, const struct hp_record *rec, struct hp_builder *out,
                             struct hp_error *err)
{
    const struct hp_cell *prefix = hp_record_before(rec);
    if (prefix && prefix->type == HP_STRING && policy_message(&r->policy, hp_cell_bytes(rec, prefix), r->destination)) {
        return pass(r->others, rec, out, err);
    }
    return drop(r->others);
}

static hp_status one_record(struct residency *r, const struct hp_batch *batch, const struct hp_record *rec,
                            struct hp_builder *out, struct hp_error *err)
{
    struct plan *plan;
    if (rec->kind == HP_RECORD_CHANGE && rec->op == HP_OP_MESSAGE) {
        return one_message(r, rec, out, err);
    }
    plan = plan_of(r, batch, rec, err);
    if (!plan) {
        return HP_ERROR;
    }
    if (plan->denied) {
        return drop(plan);
    }
    if (rec->op == HP_OP_TRUNCATE) {
        plan->counts[PLAN_PASSED]++;
        return rewrite(r, plan, rec, rec->op, NULL, NULL, out, err);
    }
    return one_row(r, plan, batch, rec, out, err);
}

static void publish(struct residency *r)
{
    if (r->maker.metrics) {
        for (uint32_t i = 0; i < r->n_plans; i++) {
            plan_publish(r->plans[i], r->maker.metrics);
        }
        plan_publish(r->others, r->maker.metrics);
    }
}

hp_status judge_batch(void *self, const struct hp_batch *in, struct hp_builder *out, struct hp_error *err)
{
    struct residency *r = self;
    const struct hp_record *rec = NULL;
    hp_status status = HP_OK;
    r->batch++;
    while (status == HP_OK && (rec = hp_batch_next(in, rec)) != NULL) {
        if (rec->kind == HP_RECORD_BEGIN) {
            status = hp_builder_copy(out, rec) == HP_OK ? HP_OK : full(out, err);
        } else {
            status = one_record(r, in, rec, out, err);
        }
    }
    publish(r);
    return status;
}
