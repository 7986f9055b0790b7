/* position.c: see position.h. */
#include "position.h"

#include "json_read.h"
#include "no_memory.h"

#include <inttypes.h>
#include <stdlib.h>

#define RUNS_MAX 100000u

struct lsn_text lsn_text(uint64_t lsn)
{
    struct lsn_text t;
    (void)snprintf(t.s, sizeof t.s, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
    return t;
}

static struct snapshot_run *run_at(struct position *p, uint64_t lsn)
{
    struct snapshot_run *more;
    if (p->n_runs && p->runs[p->n_runs - 1].lsn == lsn) {
        return &p->runs[p->n_runs - 1];
    }
    more = realloc(p->runs, (p->n_runs + 1) * sizeof *more);
    if (!more) {
        return NULL;
    }
    p->runs = more;
    more[p->n_runs] = (struct snapshot_run){.lsn = lsn};
    return &more[p->n_runs++];
}

hp_status position_add_table(struct position *p, uint64_t lsn, uint32_t oid, struct hp_error *err)
{
    struct snapshot_run *run = run_at(p, lsn);
    uint32_t *oids = run ? realloc(run->oids, (run->n + 1) * sizeof *oids) : NULL;
    if (!oids) {
        return no_memory(err);
    }
    run->oids = oids;
    oids[run->n++] = oid;
    return HP_OK;
}

uint64_t position_table_lsn(const struct position *p, uint32_t oid)
{
    for (size_t i = p->n_runs; i-- > 0;) {
        for (size_t k = 0; k < p->runs[i].n; k++) {
            if (p->runs[i].oids[k] == oid) {
                return p->runs[i].lsn;
            }
        }
    }
    return 0;
}

uint64_t position_snapshot_lsn(const struct position *p)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < p->n_runs; i++) {
        newest = p->runs[i].lsn > newest ? p->runs[i].lsn : newest;
    }
    return newest;
}

void position_drop_tables(struct position *p)
{
    for (size_t i = 0; i < p->n_runs; i++) {
        free(p->runs[i].oids);
    }
    free(p->runs);
    p->runs = NULL;
    p->n_runs = 0;
}

void position_forget_tables(struct position *p)
{
    if (p->n_runs && !p->snapshot_running && p->lsn >= position_snapshot_lsn(p)) {
        position_drop_tables(p);
    }
}

void position_finish(struct position *p)
{
    position_drop_tables(p);
    memset(p, 0, sizeof *p);
}

/* ---- reading ---- */

static void parse_runs(struct json_read *j, struct position *p, struct hp_error *err)
{
    bool first_run = true;
    if (!json_enter(j, '[')) {
        return;
    }
    while (json_next(j, NULL, 0, &first_run)) {
        char key[16];
        int64_t lsn = 0, oid = 0;
        bool first = true, first_oid = true;
        if (p->n_runs >= RUNS_MAX || !json_enter(j, '{')) {
            j->failed = true;
            return;
        }
        while (json_next(j, key, sizeof key, &first)) {
            if (strcmp(key, "lsn") == 0) {
                (void)json_number(j, &lsn);
            } else if (strcmp(key, "oids") == 0 && lsn > 0 && json_enter(j, '[')) {
                while (json_next(j, NULL, 0, &first_oid) && json_number(j, &oid)) {
                    if (oid <= 0 || oid > UINT32_MAX ||
                        position_add_table(p, (uint64_t)lsn, (uint32_t)oid, err) != HP_OK) {
                        j->failed = true;
                        return;
                    }
                }
            } else {
                j->failed = true;
                return;
            }
        }
    }
}

static bool natural(struct json_read *j, int64_t *out, int64_t max)
{
    int64_t n = 0;
    if (!json_number(j, &n) || n < 0 || n > max) {
        j->failed = true;
        return false;
    }
    *out = n;
    return true;
}

static void parse_member(struct json_read *j, const char *key, struct position *p, int64_t *lsns, struct hp_error *err)
{
    int64_t n = 0;
    if (strcmp(key, "lsn") == 0) {
        (void)natural(j, &lsns[0], INT64_MAX);
    } else if (strcmp(key, "lsn_proc") == 0) {
        (void)natural(j, &lsns[1], INT64_MAX);
    } else if (strcmp(key, "lsn_commit") == 0) {
        (void)natural(j, &lsns[2], INT64_MAX);
    } else if (strcmp(key, "message_lsn") == 0 && natural(j, &n, INT64_MAX)) {
        p->message_lsn = (uint64_t)n;
    } else if (strcmp(key, "txId") == 0 && natural(j, &n, UINT32_MAX)) {
        p->xid = (uint32_t)n;
    } else if (strcmp(key, "ts_usec") == 0) {
        (void)json_number(j, &p->commit_us);
    } else if (strcmp(key, "slot") == 0) {
        (void)json_string(j, p->slot, sizeof p->slot);
    } else if (strcmp(key, "slot_lsn") == 0 && natural(j, &n, INT64_MAX)) {
        p->slot_lsn = (uint64_t)n;
    } else if (strcmp(key, "system_id") == 0 && natural(j, &n, INT64_MAX)) {
        p->system_id = (uint64_t)n;
        p->identified = true;
    } else if (strcmp(key, "timeline") == 0 && natural(j, &n, UINT32_MAX)) {
        p->timeline = (uint32_t)n;
    } else if (strcmp(key, "timeline_lsn") == 0 && natural(j, &n, INT64_MAX)) {
        p->branched = (uint64_t)n;
    } else if (strcmp(key, "snapshot") == 0) {
        char word[16] = "", first = j->at < j->end ? *j->at : '\0';
        p->snapshot_running = first == 't';
        (void)(first == '"' ? json_string(j, word, sizeof word) : json_skip(j));
        p->snapshot_running = p->snapshot_running || (*word && strcmp(word, "false") != 0 && strcmp(word, "last") != 0);
    } else if (strcmp(key, "snapshot_completed") == 0) {
        p->snapshot_done = j->at < j->end && *j->at == 't';
        (void)json_skip(j);
    } else if (strcmp(key, "snapshot_tables") == 0) {
        parse_runs(j, p, err);
    } else {
        (void)json_skip(j);
    }
}

hp_status position_parse(struct hp_bytes json, struct position *out, struct hp_error *err)
{
    struct json_read j = json_read_of(json.data, (size_t)json.len);
    struct position p;
    char key[64];
    int64_t lsns[3] = {0, 0, 0}; /* lsn, lsn_proc, lsn_commit */
    bool first = true;
    memset(&p, 0, sizeof p);
    if (json.len == 0) {
        *out = p;
        return HP_OK;
    }
    if (json_enter(&j, '{')) {
        while (json_next(&j, key, sizeof key, &first)) {
            while (j.at < j.end && (*j.at == ' ' || *j.at == '\t' || *j.at == '\n' || *j.at == '\r')) {
                j.at++;
            }
            parse_member(&j, key, &p, lsns, err);
        }
    }
    /* A stored offset names the place behind everything handled. Debezium's lsn is that of a change inside of its last
       transaction, and lsn_commit that of the commit before: the smaller is safe (what comes again has the same id). */
    p.lsn = (uint64_t)(lsns[0] ? lsns[0] : lsns[1]);
    if (!p.identified && lsns[2] > 0 && (uint64_t)lsns[2] < p.lsn) {
        p.lsn = (uint64_t)lsns[2];
    }
    if (!json_done(&j) || (p.lsn == 0 && !p.snapshot_running)) {
        position_finish(&p);
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "the offset is not of the form {\"lsn\":N}: give the LSN to start from as a number, for example "
                       "what pg_replication_slots.confirmed_flush_lsn - '0/0' gives");
    }
    p.known = true;
    *out = p;
    return HP_OK;
}

/* ---- writing ---- */

static void put_runs(const struct position *p, struct text *out)
{
    text_put(out, ",\"snapshot_tables\":[");
    for (size_t i = 0; i < p->n_runs; i++) {
        text_put(out, "%s{\"lsn\":%" PRIu64 ",\"oids\":[", i ? "," : "", p->runs[i].lsn);
        for (size_t k = 0; k < p->runs[i].n; k++) {
            text_put(out, "%s%" PRIu32, k ? "," : "", p->runs[i].oids[k]);
        }
        text_put(out, "]}");
    }
    text_put(out, "]");
}

hp_status position_format(const struct position *p, struct text *out, struct hp_error *err)
{
    text_reset(out);
    text_put(out,
             "{\"transaction_id\":null,\"lsn_proc\":%" PRIu64 ",\"lsn_commit\":%" PRIu64 ",\"lsn\":%" PRIu64
             ",\"txId\":%" PRIu32 ",\"ts_usec\":%" PRId64
             ",\"messageType\":\"COMMIT\",\"slot\":\"%s\",\"slot_lsn\":%" PRIu64 ",\"system_id\":\"%" PRIu64
             "\",\"timeline\":%" PRIu32,
             p->lsn, p->lsn, p->lsn, p->xid, p->commit_us, p->slot, p->slot_lsn, p->system_id, p->timeline);
    if (p->branched) {
        text_put(out, ",\"timeline_lsn\":%" PRIu64, p->branched);
    }
    if (p->message_lsn) {
        text_put(out, ",\"message_lsn\":%" PRIu64, p->message_lsn);
    }
    if (p->snapshot_running || p->snapshot_done) {
        text_put(out, p->snapshot_running ? ",\"snapshot\":true" : ",\"snapshot_completed\":true");
    }
    if (p->n_runs) {
        put_runs(p, out);
    }
    text_put(out, "}");
    return out->failed ? no_memory(err) : HP_OK;
}
