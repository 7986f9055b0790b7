/* near.h: which of many names a mistyped one may have meant. Pure. */
#ifndef CLI_NEAR_H
#define CLI_NEAR_H

#include <stddef.h>

#define NEAR_MAX 5

struct near {
    const char *wanted;
    struct {
        char *name;
        size_t distance;
    } best[NEAR_MAX]; /* nearest first */
    size_t n;
};

void near_init(struct near *near, const char *wanted);
void near_offer(struct near *near, const char *name); /* kept if it is among the nearest; copied */
void near_finish(struct near *near);

#endif
