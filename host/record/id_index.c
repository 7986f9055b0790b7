/* id_index.c: see id_index.h. */
#include "id_index.h"

#include <stdlib.h>

uint64_t id_hash(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, then mixed, since slots are taken from the low bits */
    for (size_t i = 0; i < len; i++) {
        h = (h ^ p[i]) * 0x100000001b3u;
    }
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

uint32_t id_index_find(const struct id_index *ix, uint64_t hash, bool (*same)(const void *arg, uint32_t id),
                       const void *arg)
{
    for (size_t i = hash; ix->cap; i++) {
        const struct id_slot *s = &ix->slots[i & (ix->cap - 1)];
        if (s->id == 0) {
            break;
        }
        if (s->hash == hash && same(arg, s->id)) {
            return s->id;
        }
    }
    return 0;
}

bool id_index_room(struct id_index *ix)
{
    struct id_index wider = {.cap = ix->cap ? ix->cap * 2 : 64};
    if (ix->n * 2 < ix->cap) {
        return true;
    }
    wider.slots = calloc(wider.cap, sizeof *wider.slots);
    if (!wider.slots) {
        return false;
    }
    for (size_t i = 0; i < ix->cap; i++) {
        if (ix->slots[i].id) {
            id_index_put(&wider, ix->slots[i].hash, ix->slots[i].id);
        }
    }
    free(ix->slots);
    *ix = wider;
    return true;
}

void id_index_put(struct id_index *ix, uint64_t hash, uint32_t id)
{
    size_t i = hash;
    while (ix->slots[i & (ix->cap - 1)].id) {
        i++;
    }
    ix->slots[i & (ix->cap - 1)] = (struct id_slot){hash, id};
    ix->n++;
}

void id_index_finish(struct id_index *ix)
{
    free(ix->slots);
    *ix = (struct id_index){0};
}
