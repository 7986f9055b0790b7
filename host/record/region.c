/* region.c: see region.h. Anonymous mappings: pages never touched cost nothing. */
#include "region.h"

#include <stddef.h>
#include <sys/mman.h>

#define PAGE      4096u
#define AHEAD_MAX (16u << 20) /* growth doubles up to this much at a time */

static uint64_t round_page(uint64_t n)
{
    return (n + PAGE - 1) / PAGE * PAGE;
}

/* ThreadSanitizer does not see that mremap() frees the old place, and takes whoever is given it next for a racer. */
#ifdef __SANITIZE_THREAD__
#define MOVE_BY_HAND 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MOVE_BY_HAND 1
#endif
#endif

#ifdef MOVE_BY_HAND
#include <string.h>

static void *move(void *base, uint64_t old, uint64_t cap)
{
    void *to = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (to != MAP_FAILED) {
        memcpy(to, base, old < cap ? old : cap);
        (void)munmap(base, old);
    }
    return to;
}
#else
static void *move(void *base, uint64_t old, uint64_t cap)
{
    return mremap(base, old, cap, MREMAP_MAYMOVE);
}
#endif

static bool region_resize(struct region *r, uint64_t cap)
{
    void *base;
    if (cap == 0) {
        region_finish(r);
        return true;
    }
    base = r->base ? move(r->base, r->cap, cap)
                   : mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return false;
    }
    r->base = base;
    r->cap = cap;
    return true;
}

bool region_grow(struct region *r, uint64_t need, uint64_t limit)
{
    uint64_t ahead = r->cap < AHEAD_MAX ? r->cap : AHEAD_MAX;
    uint64_t cap = r->cap + ahead;
    if (need <= r->cap) {
        return true;
    }
    if (need > limit || need > UINT64_MAX / 2) {
        return false;
    }
    cap = cap > limit ? limit : cap;
    cap = cap < need ? need : cap;
    return region_resize(r, round_page(cap)) || region_resize(r, round_page(need));
}

void region_shrink(struct region *r, uint64_t keep)
{
    keep = round_page(keep);
    if (r->cap > keep) {
        (void)region_resize(r, keep); /* shrinking in place does not fail */
    }
}

void region_finish(struct region *r)
{
    if (r->base) {
        (void)munmap(r->base, r->cap);
    }
    *r = (struct region){0};
}
