/* schema_fuzz.c: whatever schema_decode() accepts is a schema whose every byte can be read and which encodes to the
   bytes it came from. */
#include "schema_pool.h"

#include <stdlib.h>
#include <string.h>

static uint64_t sum;

static void look(struct hp_bytes b)
{
    for (uint64_t i = 0; i < b.len; i++) {
        sum += ((const uint8_t *)b.data)[i];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hp_error err = {.size = sizeof err};
    struct schema_pool *pool = schema_pool_create();
    struct buf again;
    if (!pool) {
        return 0;
    }
    if (schema_decode(pool, data, size, &err) == HP_OK) {
        const struct hp_schema *s = schema_pool_get(pool, 1);
        look(s->name);
        look(s->native);
        look(s->database);
        look(s->namespace_);
        look(s->table);
        for (uint32_t i = 0; i < s->n_columns; i++) {
            const struct hp_column *c = hp_schema_column(s, i);
            look(c->name);
            look(c->native_name);
            look(c->logical);
            look(c->extra);
        }
        buf_init(&again, SIZE_MAX - 1);
        if (schema_encode(s, &again, &err) != HP_OK || again.len != size || memcmp(again.data, data, size) != 0 ||
            schema_pool_intern(pool, s, &err) != s) {
            abort();
        }
        buf_finish(&again);
    }
    schema_pool_destroy(pool);
    return 0;
}
