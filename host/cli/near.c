/* near.c: see near.h. Called by tail.c. */
#include "near.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_COMPARED 256

void near_init(struct near *near, const char *wanted)
{
    *near = (struct near){.wanted = wanted};
}

void near_finish(struct near *near)
{
    for (size_t i = 0; i < near->n; i++) {
        free(near->best[i].name);
    }
    near->n = 0;
}

/* Letters to change, add or take away to come from one to the other; a part of a name is one step from the whole. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_COMPARED + 1], la = strlen(a), lb = strlen(b);
    if (strcasestr(b, a)) {
        return la != lb;
    }
    la = la < NAME_MAX_COMPARED ? la : NAME_MAX_COMPARED;
    for (size_t i = 0; i <= la; i++) {
        row[i] = i;
    }
    for (size_t j = 1; j <= lb; j++) {
        size_t diagonal = row[0];
        row[0] = j;
        for (size_t i = 1; i <= la; i++) {
            size_t above = row[i], change = diagonal + (a[i - 1] != b[j - 1]);
            size_t step = (above < row[i - 1] ? above : row[i - 1]) + 1;
            row[i] = change < step ? change : step;
            diagonal = above;
        }
    }
    return row[la];
}

void near_offer(struct near *near, const char *name)
{
    size_t d = distance(near->wanted, name), at = near->n;
    char *copy;
    if (d > 1 && d > strlen(near->wanted) / 2) {
        return;
    }
    while (at > 0 && near->best[at - 1].distance > d) {
        at--;
    }
    if (at == NEAR_MAX || !(copy = strdup(name))) {
        return;
    }
    if (near->n == NEAR_MAX) {
        free(near->best[--near->n].name);
    }
    memmove(&near->best[at + 1], &near->best[at], (near->n - at) * sizeof near->best[0]);
    near->best[at].name = copy;
    near->best[at].distance = d;
    near->n++;
}
