/* id_index.h: from a hash to small ids, for interning: open addressing, the caller compares. One owner (or a lock). */
#ifndef RECORD_ID_INDEX_H
#define RECORD_ID_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_slot {
    uint64_t hash;
    uint32_t id; /* 0: free */
};
struct id_index {
    struct id_slot *slots;
    size_t cap, n;
};

uint64_t id_hash(const void *data, size_t len);
/* The id among those with this hash that `same` accepts, or 0. */
uint32_t id_index_find(const struct id_index *ix, uint64_t hash, bool (*same)(const void *arg, uint32_t id),
                       const void *arg);
bool id_index_room(struct id_index *ix);                            /* for one more; false: no memory */
void id_index_put(struct id_index *ix, uint64_t hash, uint32_t id); /* after id_index_room() */
void id_index_finish(struct id_index *ix);

#endif
