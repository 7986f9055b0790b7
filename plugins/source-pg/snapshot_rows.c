/* snapshot_rows.c: see snapshot.h. */
#include "no_memory.h"
#include "rows.h"
#include "snapshot.h"
#include "wake.h"
#include "wire_read.h"

#include <stdlib.h>

#define COPY_SIGNATURE       "PGCOPY\n\377\r\n"
#define COPY_SIGNATURE_BYTES 11u /* with its NUL */
#define COPY_TRAILER_BYTES   2u
#define SEND_RESERVE         (64u * 1024) /* a message is longer than the record it becomes by no more than this */

static hp_status not_understood(const struct snapshot *n, struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_FATAL, "08P01", "the server's binary COPY of table %s is not understood",
                   n->rel->name);
}

static hp_status one_row(struct source *s, struct hp_builder *b, struct wire_read *r, uint16_t fields, size_t len,
                         struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    static const struct pgoutput_tuple none;
    struct pgoutput_tuple row = {'N', fields, n->values};
    struct row_change c = {.rel = n->rel,
                           .op = HP_OP_READ,
                           .seq = n->seq++,
                           .pos = n->lsn,
                           .before = &none,
                           .after = &row,
                           .wire_bytes = len};
    if (fields != n->rel->n_wire) {
        return not_understood(n, err);
    }
    for (uint16_t i = 0; i < fields; i++) {
        struct pgoutput_value *v = &n->values[i];
        uint32_t size = wire_u32(r);
        v->kind = size == UINT32_MAX ? 'n' : n->as_text[i] ? 't' : 'b';
        v->len = size == UINT32_MAX ? 0 : size;
        v->data = v->len ? wire_bytes(r, v->len) : r->at;
    }
    if (r->failed) {
        return not_understood(n, err);
    }
    c.flags = (uint16_t)((n->any_row ? 0 : HP_REC_SNAP_FIRST) | (n->table_row ? 0 : HP_REC_SNAP_TABLE_FIRST));
    n->last_record = b->len;
    if (rows_append(b, &c, err) != HP_OK) {
        return HP_ERROR;
    }
    n->any_row = n->table_row = true;
    return HP_OK;
}

/* One CopyData: the server puts whole rows into each. */
static hp_status rows_message(struct source *s, struct hp_builder *b, const struct wire_msg *msg, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct wire_read r = wire_read_of(msg->data, msg->len);
    if (!n->header_seen) {
        uint32_t extension;
        const uint8_t *signature = wire_bytes(&r, COPY_SIGNATURE_BYTES);
        if (!signature || memcmp(signature, COPY_SIGNATURE, COPY_SIGNATURE_BYTES) != 0) {
            return not_understood(n, err);
        }
        (void)wire_u32(&r);
        extension = wire_u32(&r);
        (void)wire_bytes(&r, extension);
        n->header_seen = true;
    }
    while (!r.failed && wire_left(&r)) {
        uint16_t fields = wire_u16(&r);
        if (fields == UINT16_MAX) {
            n->trailer_seen = true;
            return wire_left(&r) ? not_understood(n, err) : HP_OK;
        }
        if (fields > PGOUTPUT_MAX_COLUMNS || n->trailer_seen) {
            return not_understood(n, err);
        }
        if (one_row(s, b, &r, fields, msg->len, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    return r.failed ? not_understood(n, err) : HP_OK;
}

static hp_status give_chunk(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    poll->kind = HP_POLL_CHUNK;
    poll->tx = n->tx;
    services_add(&s->services, FIG_SNAPSHOT_ROWS, (int64_t)poll->batch->n_records);
    services_add(&s->services, FIG_RECORDS, (int64_t)poll->batch->n_records);
    return services_failpoint(&s->services, "snap.chunk", err);
}

static hp_status table_error(struct source *s, struct hp_error *err)
{
    const struct snapshot *n = s->snapshot;
    char text[sizeof err->message], code[sizeof err->code];
    (void)snprintf(text, sizeof text, "%s", err ? err->message : "");
    (void)snprintf(code, sizeof code, "%s", err ? err->code : "");
    if (err && n->overridden && strncmp(code, "42", 2) == 0) {
        (void)hp_fail(
            err, HP_ERROR_CONFIG, code,
            "snapshot.select.statement.overrides.%s: the statement failed; it has to give the columns that are "
            "captured, by their names, and to name tables with their schemas (%.600s)",
            n->rel->name, text);
        return HP_ERROR;
    }
    if (err && (strcmp(err->code, "42P01") == 0 || strcmp(err->code, "42703") == 0)) {
        err->klass = HP_ERROR_RETRY; /* dropped or altered since the tables were listed */
    }
    if (err && strcmp(err->code, "42501") == 0) {
        (void)hp_fail(err, HP_ERROR_CONFIG, "42501",
                      "the snapshot may not read table %s: grant SELECT on it (and BYPASSRLS, or a policy off, if it "
                      "has row level "
                      "security) to role \"%s\", or leave it out with table.exclude.list or "
                      "snapshot.include.collection.list (%.300s)",
                      n->rel->name, s->settings.user, text);
    }
    return HP_ERROR;
}

static hp_status keep_batch(struct snapshot *n, struct hp_builder *b, struct hp_error *err)
{
    uint8_t *more = b->len ? realloc(n->carry, b->len) : n->carry;
    if (b->len && !more) {
        return no_memory(err);
    }
    n->carry = more;
    if (b->len) {
        memcpy(n->carry, b->base, b->len);
    }
    n->carry_len = (size_t)b->len;
    n->carry_records = b->n_records;
    b->len = b->n_records = 0;
    return HP_IDLE;
}

static hp_status restore_batch(struct snapshot *n, struct hp_builder *b, struct hp_error *err)
{
    if (n->carry_len) {
        if (!hp_builder_room(b, n->carry_len)) {
            return no_memory(err);
        }
        memcpy(b->base + b->len, n->carry, n->carry_len);
        b->len += n->carry_len;
        b->n_records += n->carry_records;
        n->carry_len = 0;
    }
    return HP_OK;
}

/* Rows until the batch is full (the next row is already here then, so the last one of all is known), the table ends or
   the time is up. */
hp_status snapshot_read_rows(struct source *s, struct hp_poll *poll, int64_t deadline, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct hp_builder *b = poll->batch;
    n->wire.max_message = b->max_record + SEND_RESERVE;
    if (restore_batch(n, b, err) != HP_OK) {
        return HP_ERROR;
    }
    for (;;) {
        struct wire_msg msg = {NULL, 0};
        enum wire_status status;
        int64_t now;
        if (wire_peek(&n->wire, &msg, &status, err) != HP_OK) {
            return table_error(s, err);
        }
        if (status == WIRE_TOO_LARGE) {
            return rows_too_large(n->rel->name, msg.len, b->max_record, err);
        }
        if (status == WIRE_OVER) {
            n->step = SNAP_TABLE_END;
            if (!n->trailer_seen) {
                return not_understood(n, err);
            }
            if (b->len == 0) {
                return HP_IDLE;
            }
            ((struct hp_record *)(void *)(b->base + n->last_record))->flags |=
                (uint16_t)(HP_REC_SNAP_TABLE_LAST | (n->at == n->last ? HP_REC_SNAP_LAST : 0));
            return give_chunk(s, poll, err);
        }
        if (status == WIRE_HAVE) {
            if (b->len >= poll->max_bytes && msg.len != COPY_TRAILER_BYTES) {
                return give_chunk(s, poll, err);
            }
            services_add(&s->services, FIG_BYTES, (int64_t)msg.len);
            if (rows_message(s, b, &msg, err) != HP_OK) {
                return HP_ERROR;
            }
            wire_take(&n->wire);
            continue;
        }
        now = services_now_us();
        if (n->wire.woken || now >= deadline) {
            if (n->wire.woken) {
                n->wire.woken = false;
                wake_clear(s->wake_fd);
            }
            return keep_batch(n, b, err);
        }
        if (wire_wait(&n->wire, deadline - now, err) != HP_OK) {
            return table_error(s, err);
        }
    }
}
