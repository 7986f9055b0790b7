/*
 * pipeline.c: many statements, one flush. Results are matched to what was sent by order; after a refusal the server
 * skips everything up to the next sync, so a COMMIT queued behind a refused write is never carried out.
 */
#include "link_wait.h"

#include <poll.h>

#define PUSH_BYTES  ((uint64_t)1 << 20)  /* give the server something to do meanwhile */
#define HUGE_BYTES  ((uint64_t)32 << 20) /* libpq never gives its buffers back */
#define RESULTS_MAX 4096u                /* unread results that libpq and the server hold at most */

static hp_status enter(struct link *l, struct hp_error *err)
{
    if (l->broken) {
        return hp_fail(err, HP_ERROR_RETRY, "08003", "not connected to the target database");
    }
    if (!l->pipeline) {
        if (!PQenterPipelineMode(l->pg)) {
            return link_lost(l, err);
        }
        l->pipeline = true;
    }
    return HP_OK;
}

static bool remember(struct link *l, const struct command *c)
{
    if (l->n_sent == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 64;
        struct command *sent = malloc(cap * sizeof *sent);
        if (!sent) {
            return false;
        }
        for (uint32_t i = 0; i < l->n_sent; i++) {
            sent[i] = l->sent[(l->head + i) % l->cap];
        }
        free(l->sent);
        l->sent = sent;
        l->cap = cap;
        l->head = 0;
    }
    l->sent[(l->head + l->n_sent++) % l->cap] = *c;
    return true;
}

static void take_result(struct link *l, const struct command *c, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        if (l->on_result && !c->prepare) {
            const char *rows = PQcmdTuples((PGresult *)(uintptr_t)result);
            l->on_result(l->on_result_arg, c, rows && *rows ? strtoull(rows, NULL, 10) : 0);
        }
        return;
    }
    if (c->prepare) {
        c->statement->generation = 0;
    }
    if (status != PGRES_PIPELINE_ABORTED && !l->failed) {
        l->failed = true;
        l->failed_command = *c;
        failure_read(&l->failure, result);
    }
}

/* Read results until none of the sent commands is left (and the sync behind them, if one was sent). */
static hp_status read_results(struct link *l, bool to_sync, struct hp_error *err)
{
    while (l->n_sent || to_sync) {
        PGresult *result;
        if (link_read(l, err) != HP_OK) {
            return HP_ERROR;
        }
        result = PQgetResult(l->pg);
        if (!result) {
            if (l->n_sent == 0) {
                return hp_fail(err, HP_ERROR_RETRY, "08P01", "the target server's answers are out of step");
            }
            l->head = (l->head + 1) % l->cap;
            l->n_sent--;
            continue;
        }
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return HP_OK;
        }
        if (l->n_sent) {
            take_result(l, &l->sent[l->head], result);
        }
        PQclear(result);
        if (PQstatus(l->pg) != CONNECTION_OK) {
            return link_lost(l, err);
        }
    }
    return HP_OK;
}

hp_status link_push(struct link *l, struct hp_error *err)
{
    if (l->n_sent > RESULTS_MAX) {
        /* Results come only when asked for; a flush request is not a sync, so the pipeline goes on. */
        if (!PQsendFlushRequest(l->pg)) {
            return link_lost(l, err);
        }
        return read_results(l, false, err);
    }
    while (l->unflushed >= PUSH_BYTES) {
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
    return HP_OK;
}

static void count_bytes(struct link *l, uint64_t bytes)
{
    l->unflushed += bytes;
    if (bytes > HUGE_BYTES) {
        l->huge = true;
    }
}

hp_status link_send(struct link *l, const struct command *c, int n, const char *const *values, const int *lengths,
                    struct hp_error *err)
{
    static const int binary[1] = {1};
    const int *formats = binary;
    struct statement *s = c->statement;
    uint64_t bytes = 64;
    int many[256];
    int *allocated = NULL;
    int ok;
    if (enter(l, err) != HP_OK) {
        return HP_ERROR;
    }
    if (s->generation != l->generation) {
        struct command prepare = *c;
        prepare.prepare = true;
        (void)snprintf(s->name, sizeof s->name, "hp%u", ++l->n_prepared);
        if (!remember(l, &prepare)) {
            return out_of_memory(err);
        }
        if (!PQsendPrepare(l->pg, s->name, s->sql, (int)s->n_params, s->types)) {
            return link_lost(l, err);
        }
        s->generation = l->generation;
        bytes += strlen(s->sql);
    }
    for (int i = 0; i < n; i++) {
        bytes += 8 + (values[i] ? (uint64_t)lengths[i] : 0);
    }
    if (n > 1) {
        allocated = n > 256 ? malloc((size_t)n * sizeof *allocated) : NULL;
        formats = allocated ? allocated : many;
        if (n > 256 && !allocated) {
            return out_of_memory(err);
        }
        for (int i = 0; i < n; i++) {
            (allocated ? allocated : many)[i] = 1;
        }
    }
    if (!remember(l, c)) {
        free(allocated);
        return out_of_memory(err);
    }
    ok = PQsendQueryPrepared(l->pg, s->name, n, values, lengths, formats, 0);
    free(allocated);
    if (!ok) {
        return link_lost(l, err);
    }
    l->unsynced = true;
    count_bytes(l, bytes);
    return link_push(l, err);
}

hp_status link_control(struct link *l, const char *sql, struct hp_error *err)
{
    const struct command c = {.what = CMD_CONTROL};
    return link_text(l, &c, sql, err);
}

hp_status link_text(struct link *l, const struct command *c, const char *sql, struct hp_error *err)
{
    if (enter(l, err) != HP_OK) {
        return HP_ERROR;
    }
    if (!remember(l, c)) {
        return out_of_memory(err);
    }
    if (!PQsendQueryParams(l->pg, sql, 0, NULL, NULL, NULL, NULL, 0)) {
        return link_lost(l, err);
    }
    l->unsynced = true;
    return HP_OK;
}

hp_status link_forget(struct link *l, struct hp_error *err)
{
    l->generation++;
    l->n_prepared = 0;
    return link_control(l, "DEALLOCATE ALL", err);
}

hp_status link_sync_send(struct link *l, struct hp_error *err)
{
    if (l->unsynced) {
        if (!PQpipelineSync(l->pg) || PQflush(l->pg) < 0) {
            return link_lost(l, err);
        }
        l->unsynced = false;
        l->syncing = true;
    }
    return HP_OK;
}

hp_status link_sync_read(struct link *l, struct hp_error *err)
{
    if (!l->syncing) {
        return HP_OK;
    }
    l->syncing = false;
    return read_results(l, true, err);
}

hp_status link_sync(struct link *l, struct hp_error *err)
{
    return link_sync_send(l, err) == HP_OK ? link_sync_read(l, err) : HP_ERROR;
}
