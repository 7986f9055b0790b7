/* snapshot_order.c: parents before children, so that a target with the same foreign keys takes the snapshot as it
   comes. Where they go round in a circle the first by name begins. */
#include "no_memory.h"
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

static const char references_sql[] = "SELECT DISTINCT conrelid, confrelid FROM pg_catalog.pg_constraint"
                                     " WHERE contype = 'f' AND conrelid <> confrelid";

struct reference {
    size_t child, parent; /* indexes of tables */
};

static size_t index_of(const struct captured_table *tables, size_t n, const char *oid)
{
    size_t i = 0;
    uint32_t wanted = (uint32_t)strtoul(oid, NULL, 10);
    while (i < n && tables[i].oid != wanted) {
        i++;
    }
    return i;
}

/* The next one that waits for nobody, or, in a circle, just the next one. */
static size_t pick(const size_t *waits, const bool *placed, size_t n)
{
    size_t first = n;
    for (size_t i = 0; i < n; i++) {
        if (!placed[i] && waits[i] == 0) {
            return i;
        }
        first = first == n && !placed[i] ? i : first;
    }
    return first;
}

static void sort(struct captured_table *tables, size_t n, struct captured_table *sorted, size_t *waits, bool *placed,
                 const struct reference *refs, size_t n_refs)
{
    for (size_t k = 0; k < n_refs; k++) {
        waits[refs[k].child]++;
    }
    for (size_t at = 0; at < n; at++) {
        size_t i = pick(waits, placed, n);
        sorted[at] = tables[i];
        placed[i] = true;
        for (size_t k = 0; k < n_refs; k++) {
            waits[refs[k].child] -= refs[k].parent == i;
        }
    }
    memcpy(tables, sorted, n * sizeof *tables);
}

hp_status snapshot_order(struct session *catalog, struct captured_table *tables, size_t n, struct hp_error *err)
{
    PGresult *res = NULL;
    struct captured_table *sorted;
    struct reference *refs;
    size_t *waits, n_refs = 0;
    bool *placed, ok;
    if (session_query(catalog, "listing foreign keys", references_sql, 0, NULL, &res, err) != HP_OK) {
        return HP_ERROR;
    }
    sorted = calloc(n + 1, sizeof *sorted);
    waits = calloc(n + 1, sizeof *waits);
    placed = calloc(n + 1, sizeof *placed);
    refs = calloc((size_t)PQntuples(res) + 1, sizeof *refs);
    ok = sorted && waits && placed && refs;
    for (int row = 0; ok && row < PQntuples(res); row++) {
        struct reference r = {index_of(tables, n, PQgetvalue(res, row, 0)),
                              index_of(tables, n, PQgetvalue(res, row, 1))};
        if (r.child < n && r.parent < n) {
            refs[n_refs++] = r;
        }
    }
    if (ok) {
        sort(tables, n, sorted, waits, placed, refs, n_refs);
    }
    PQclear(res);
    free(sorted);
    free(waits);
    free(placed);
    free(refs);
    return ok ? HP_OK : no_memory(err);
}
