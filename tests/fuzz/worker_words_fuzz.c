/* What a worker says: lines of any content, to a connector in every phase that has a worker. */
#include "inner.h"
#include "logging.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum phase phases[] = {PHASE_STARTING, PHASE_UP, PHASE_FAILED, PHASE_LEAVING, PHASE_OP};
    struct supervisor sup = {0};
    log_set_level(LOG_LEVEL_ERROR);
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        struct connector *c = connector_create(&sup, "c");
        const uint8_t *at = data, *end = data + size, *newline;
        char why[96];
        c->phase = phases[i];
        c->op = phases[i] == PHASE_OP ? calloc(1, sizeof *c->op) : NULL;
        for (; at < end; at = newline + 1) {
            newline = memchr(at, '\n', (size_t)(end - at));
            newline = newline ? newline : end;
            (void)connector_hears(c, (const char *)at, (size_t)(newline - at), why, sizeof why);
        }
        (void)connector_observed(c);
        json_t *seen = seen_json(&c->seen);
        struct seen again = {0};
        seen_load(&again, seen);
        if (again.n_topics != c->seen.n_topics || again.n_flushed != c->seen.n_flushed) {
            abort();
        }
        seen_finish(&again);
        json_decref(seen);
        if (c->op) {
            free(c->op->message);
            free(c->op->error);
            free(c->op);
        }
        connector_destroy(c);
    }
    return 0;
}
