/* link_copy.c: COPY ... FROM STDIN on the link; see link.h. libpq cannot do it inside a pipeline, so one ends first. */
#include "link_wait.h"

#include <poll.h>

#define COPY_PIECE ((size_t)64 << 10) /* one CopyData message */
#define COPY_AHEAD ((uint64_t)256 << 10)

hp_status link_copy_begin(struct link *l, const char *sql, struct hp_error *err)
{
    PGresult *result;
    hp_status st = HP_OK;
    if (l->broken) {
        return hp_fail(err, HP_ERROR_RETRY, "08003", "not connected to the target database");
    }
    if (l->pipeline) {
        st = link_sync(l, err);
        if (st != HP_OK || l->failed) {
            return st != HP_OK ? st : HP_IDLE;
        }
        (void)PQexitPipelineMode(l->pg);
        l->pipeline = false;
    }
    if (!PQsendQuery(l->pg, sql)) {
        return link_lost(l, err);
    }
    if (link_read(l, err) != HP_OK) {
        return HP_ERROR;
    }
    result = PQgetResult(l->pg);
    if (PQresultStatus(result) == PGRES_COPY_IN) {
        PQclear(result);
        return HP_OK;
    }
    if (!result || PQstatus(l->pg) != CONNECTION_OK) {
        PQclear(result);
        return link_lost(l, err);
    }
    failure_read(&l->failure, result);
    l->failed = true;
    while (result) {
        PQclear(result);
        result = PQgetResult(l->pg);
    }
    return HP_IDLE;
}

hp_status link_copy_data(struct link *l, const void *data, size_t len, struct hp_error *err)
{
    const char *p = data;
    while (len) {
        size_t piece = len < COPY_PIECE ? len : COPY_PIECE;
        int done = PQputCopyData(l->pg, p, (int)piece);
        if (done < 0) {
            return link_lost(l, err);
        }
        if (done > 0) {
            p += piece;
            len -= piece;
            l->unflushed += piece;
        }
        while (done == 0 || l->unflushed >= COPY_AHEAD) {
            int flushed = PQflush(l->pg);
            if (flushed < 0) {
                return link_lost(l, err);
            }
            if (flushed == 0) {
                l->unflushed = 0;
                break;
            }
            if (link_wait(l, POLLIN | POLLOUT, -1, "the target database", err) != HP_OK) {
                return HP_ERROR;
            }
            if (!PQconsumeInput(l->pg)) {
                return link_lost(l, err);
            }
        }
    }
    return HP_OK;
}

static hp_status end(struct link *l, const char *reason, uint64_t *out_rows, struct hp_error *err)
{
    hp_status st = HP_OK;
    int done;
    while ((done = PQputCopyEnd(l->pg, reason)) == 0) {
        if (link_wait(l, POLLOUT, -1, "the target database", err) != HP_OK) {
            return HP_ERROR;
        }
    }
    if (done < 0) {
        return link_lost(l, err);
    }
    for (;;) {
        PGresult *result;
        if (link_read(l, err) != HP_OK) {
            return HP_ERROR;
        }
        result = PQgetResult(l->pg);
        if (!result) {
            return PQstatus(l->pg) == CONNECTION_OK ? st : link_lost(l, err);
        }
        if (PQresultStatus(result) == PGRES_COMMAND_OK) {
            *out_rows = strtoull(PQcmdTuples(result), NULL, 10);
        } else if (st == HP_OK) {
            failure_read(&l->failure, result);
            l->failed = true;
            st = HP_IDLE;
        }
        PQclear(result);
    }
}

hp_status link_copy_end(struct link *l, uint64_t *out_rows, struct hp_error *err)
{
    return end(l, NULL, out_rows, err);
}

hp_status link_copy_abort(struct link *l, struct hp_error *err)
{
    uint64_t rows = 0;
    return end(l, "given up", &rows, err) < 0 ? HP_ERROR : HP_OK;
}
