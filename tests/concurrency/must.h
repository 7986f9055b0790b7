/* must.h: assertions of programs that run under ThreadSanitizer (Criterion does not). */
#ifndef CONCURRENCY_MUST_H
#define CONCURRENCY_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define must(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
