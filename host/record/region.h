/*
 * region.h: one large run of memory that grows without being copied (its pages are remapped) and gives what it no
 * longer needs back to the system at once (rule E8). Page-aligned. One owner at a time.
 */
#ifndef RECORD_REGION_H
#define RECORD_REGION_H

#include <stdbool.h>
#include <stdint.h>

struct region {
    uint8_t *base;
    uint64_t cap;
};

/* At least `need` bytes; more is taken ahead, up to `limit`. What was there stays; base may move. False: no memory. */
bool region_grow(struct region *r, uint64_t need, uint64_t limit);
void region_shrink(struct region *r, uint64_t keep); /* give back what is above `keep` */
void region_finish(struct region *r);

#endif
