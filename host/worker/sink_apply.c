/* sink_apply.c: see sink_apply.h. Batches pass untouched, without a look at their records, when there is nothing to do.
 */
#include "sink_apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hp_status no_memory(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory for a batch");
}

static struct builder *ready(struct builder *b, bool *has, uint64_t max_record, struct hp_error *err)
{
    if (!*has) {
        if (builder_init(b, BATCH_CREDIT, max_record, err) != HP_OK) {
            return NULL;
        }
        *has = true;
    }
    builder_reset(b);
    return b;
}

static void release(struct builder *b, bool *has)
{
    if (*has) {
        builder_finish(b);
        *has = false;
    }
}

void sink_apply_trim(struct sink_apply *a)
{
    release(&a->filtered, &a->has_filtered);
    release(&a->adopted, &a->has_adopted);
}

static const struct hp_record *record_at(const uint8_t *p)
{
    return (const struct hp_record *)(const void *)p;
}

/* `in` without the records that are not for this sink. */
static hp_status filter(struct sink_apply *a, const struct sink_stream *s, struct worker *w, const struct hp_batch *in,
                        struct hp_batch *out, struct hp_error *err)
{
    struct builder *b = ready(&a->filtered, &a->has_filtered, w->max_record, err);
    uint64_t offset = in->first_offset;
    if (!b) {
        return HP_ERROR;
    }
    for (const uint8_t *p = in->data, *end = in->data + in->len; p < end; p += record_at(p)->size) {
        const struct hp_record *rec = record_at(p);
        if (rec->kind != HP_RECORD_BEGIN) {
            const struct sink_want *want = &s->wants[rec->topic];
            bool mine = want->wanted && offset >= want->floor;
            offset++;
            if (!mine) {
                continue;
            }
        }
        if (hp_builder_copy(&b->b, rec) != HP_OK) {
            return no_memory(err);
        }
    }
    metric_add(w->filtered, (int64_t)(in->n_records - b->b.n_records));
    out->data = b->b.base;
    out->len = b->b.len;
    out->n_records = b->b.n_records;
    return HP_OK;
}

/* Grow a map of ids by what the batch knows beyond it. */
static bool room(uint32_t **map, uint32_t n)
{
    uint32_t *more = realloc(*map, n * sizeof **map);
    if (more) {
        *map = more;
    }
    return more != NULL;
}

/* The stream's names and schemas also get ids in the pool that the transforms write into. */
static hp_status intern(struct sink_stream *s, const struct hp_batch *batch, struct hp_error *err)
{
    if (batch->n_schemas > s->n_schema_map && !room(&s->schema_map, batch->n_schemas)) {
        return no_memory(err);
    }
    if (batch->n_topics > s->n_topic_map && !room(&s->topic_map, batch->n_topics)) {
        return no_memory(err);
    }
    for (; s->n_schema_map < batch->n_schemas; s->n_schema_map++) {
        uint32_t id = s->n_schema_map;
        const struct hp_schema *made = NULL;
        if (batch->schemas[id] && !(made = schema_pool_intern(s->pool, batch->schemas[id], err))) {
            return HP_ERROR;
        }
        s->schema_map[id] = made ? made->id : HP_NO_SCHEMA;
        s->mapped = s->mapped || s->schema_map[id] != id;
    }
    for (; s->n_topic_map < batch->n_topics; s->n_topic_map++) {
        uint32_t id = s->n_topic_map, made = 0;
        if (batch->topics[id].len && (made = schema_pool_topic(s->pool, batch->topics[id], err)) == 0) {
            return HP_ERROR;
        }
        s->topic_map[id] = made;
        s->mapped = s->mapped || made != id;
    }
    return HP_OK;
}

/* `in`, speaking in the pool's ids. */
static hp_status adopt(struct sink_apply *a, struct sink_stream *s, struct worker *w, const struct hp_batch *in,
                       struct hp_batch *out, struct hp_error *err)
{
    struct builder *b;
    if (!s->pool) {
        s->pool = schema_pool_create();
        if (!s->pool) {
            return no_memory(err);
        }
    }
    if (intern(s, in, err) != HP_OK) {
        return HP_ERROR;
    }
    if (s->mapped) {
        b = ready(&a->adopted, &a->has_adopted, w->max_record, err);
        if (!b || !hp_builder_room(&b->b, in->len)) {
            return b ? no_memory(err) : HP_ERROR;
        }
        memcpy(b->b.base, in->data, in->len);
        b->b.len = in->len;
        for (uint8_t *p = b->b.base, *end = p + in->len; p < end;) {
            struct hp_record *rec = (struct hp_record *)(void *)p;
            if (rec->kind != HP_RECORD_BEGIN) {
                rec->topic = s->topic_map[rec->topic];
                rec->schema = s->schema_map[rec->schema];
                rec->key_schema = s->schema_map[rec->key_schema];
            }
            p += rec->size;
        }
        out->data = b->b.base;
    }
    schema_pool_view(s->pool, out);
    return HP_OK;
}

hp_status sink_apply_prepare(struct sink_apply *a, struct sink_stream *s, struct worker *w, const struct hp_batch *in,
                             struct hp_batch *out, struct hp_error *err)
{
    struct hp_batch now = *in, before;
    struct builder *result;
    if ((s->any_unwanted || s->highest_floor > in->first_offset) && filter(a, s, w, in, &now, err) != HP_OK) {
        return HP_ERROR;
    }
    if (now.len && !chain_is_empty(w->chain)) {
        before = now;
        if (adopt(a, s, w, &before, &now, err) != HP_OK) {
            return HP_ERROR;
        }
        w->pool = s->pool;
        before = now;
        if (chain_apply(w->chain, s->pool, &before, &result, err) != HP_OK) {
            if (err->klass == HP_ERROR_POISON) {
                const char *alias;
                sink_apply_name(in, chain_failed(w->chain, &alias), err);
            }
            return HP_ERROR;
        }
        if (result) {
            now = chain_view(s->pool, &before, result);
        }
        if (before.n_records > now.n_records) {
            metric_add(w->filtered, (int64_t)(before.n_records - now.n_records));
        }
    }
    *out = now;
    return HP_OK;
}

void sink_apply_name(const struct hp_batch *in, const struct hp_batch *batch, struct hp_error *err)
{
    struct hp_iter bad = hp_batch_iter(batch), it = hp_batch_iter(in);
    char message[sizeof err->message];
    if (err->record >= batch->n_records) { /* HP_RECORD_EARLIER, or a plugin's mistake: better none than a wrong one */
        return;
    }
    while (hp_iter_next(&bad) && bad.index < err->record) {
    }
    if (!bad.rec || bad.rec->topic >= batch->n_topics) {
        return;
    }
    /* Transforms keep the order and leave the source's position alone: the record is the one with the same place. */
    while (hp_iter_next(&it) && !(it.rec->pos == bad.rec->pos && it.rec->seq == bad.rec->seq)) {
    }
    (void)snprintf(message, sizeof message, "%.700s (topic %.*s, stream offset %llu)", err->message,
                   (int)batch->topics[bad.rec->topic].len, (const char *)batch->topics[bad.rec->topic].data,
                   (unsigned long long)(in->first_offset + it.index));
    memcpy(err->message, message, sizeof message);
}

void sink_apply_name_again(struct sink_apply *a, struct sink_stream *s, struct worker *w, uint64_t first,
                           struct hp_error *err)
{
    struct hp_error ignored = {.size = sizeof ignored};
    struct log_read read;
    struct hp_batch batch;
    if (log_reader_seek(s->reader, first, &ignored) == HP_OK &&
        log_reader_next(s->reader, BATCH_CREDIT, &read, &ignored) == HP_OK &&
        sink_apply_prepare(a, s, w, &read.batch, &batch, &ignored) == HP_OK) {
        sink_apply_name(&read.batch, &batch, err);
    }
}
