/* builder.c: see builder.h. Plugins append through the inline functions of util.h and come here only to grow. */
#include "builder.h"

#include "clock.h"

#define BATCH_MAX    (UINT32_MAX - (1u << 20)) /* hp_builder.open is 32 bits wide */
#define ORDINARY_MIN (16u << 20)               /* what a batch may hold beside one largest record */

static hp_status builder_grow(struct hp_builder *hb, uint64_t more)
{
    struct builder *b = hb->host;
    if (more > b->limit || hb->len > b->limit - more || !region_grow(&b->memory, hb->len + more, b->limit)) {
        return HP_ERROR;
    }
    hb->base = b->memory.base;
    hb->cap = b->memory.cap;
    return HP_OK;
}

hp_status builder_init(struct builder *b, uint64_t keep, uint64_t max_record, struct hp_error *err)
{
    uint64_t ordinary = keep > ORDINARY_MIN ? keep : ORDINARY_MIN;
    *b = (struct builder){.keep = keep};
    b->limit = max_record > BATCH_MAX - ordinary || ordinary > BATCH_MAX ? BATCH_MAX : max_record + ordinary;
    b->b = (struct hp_builder){.size = sizeof b->b,
                               .open = HP_NO_RECORD,
                               .max_record = max_record < b->limit ? max_record : b->limit,
                               .grow = builder_grow,
                               .host = b};
    if (keep > b->limit || builder_grow(&b->b, keep ? keep : 1) != HP_OK) {
        builder_finish(b);
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "no memory for a batch of %llu bytes", (unsigned long long)keep);
    }
    return HP_OK;
}

void builder_finish(struct builder *b)
{
    region_finish(&b->memory);
    *b = (struct builder){0};
}

void builder_reset(struct builder *b)
{
    b->b.len = 0;
    b->b.n_records = 0;
    b->b.open = HP_NO_RECORD;
    region_shrink(&b->memory, b->keep ? b->keep : 1);
    b->b.base = b->memory.base;
    b->b.cap = b->memory.cap;
}

struct hp_batch builder_batch(const struct builder *b)
{
    struct hp_batch batch = {.size = sizeof batch, .data = b->b.base, .n_records = b->b.n_records};
    batch.len = b->b.open == HP_NO_RECORD ? b->b.len : b->b.open;
    batch.built_us = clock_wall_us();
    return batch;
}
