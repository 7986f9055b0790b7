/* debezium.c: puts key and value of a record together. See debezium.h; called by `homeport tail`, on any thread. */
#include "debezium.h"

#include "envelope.h"
#include "json.h"
#include "json_out.h"

#include <inttypes.h>

#define INT64_FIELD(name) "{\"type\":\"int64\",\"optional\":true,\"field\":\"" name "\"}"
#define OP_FIELD          "{\"type\":\"string\",\"optional\":false,\"field\":\"op\"}"
#define TRANSACTION_FIELD                                                                                              \
    "{\"type\":\"struct\",\"fields\":[{\"type\":\"string\",\"optional\":false,\"field\":\"id\"},{\"type\":\"int64\","  \
    "\"optional\":false,\"field\":\"total_order\"},{\"type\":\"int64\",\"optional\":false,\"field\":"                  \
    "\"data_collection_order\"}],\"optional\":true,\"name\":\"event.block\",\"version\":1,\"field\":\"transaction\"}"
#define PREFIX_FIELD "{\"type\":\"string\",\"optional\":true,\"field\":\"prefix\"}"
#define PG_NAME      "\"name\":\"io.debezium.connector.postgresql."

static struct change change_of(const struct hp_batch *batch, const struct hp_record *rec, const struct hp_tx *tx,
                               const struct view_options *options)
{
    return (struct change){batch, rec, tx, options, hp_batch_schema(batch, rec->schema)};
}

/* Undo what was appended since `mark` if the step failed, or if something did not fit. */
static hp_status settle(struct buf *out, size_t mark, hp_status status, struct hp_error *err)
{
    if (status == HP_OK && !out->failed) {
        return HP_OK;
    }
    if (status == HP_OK) {
        status = hp_fail(err, HP_ERROR_POISON, "", "the JSON of a record does not fit into %zu bytes", out->max);
    }
    out->len = mark;
    out->failed = false;
    if (out->data) {
        out->data[mark] = 0;
    }
    return status;
}

static void put_schema_begin(const struct change *c, struct buf *out)
{
    if (c->options->schemas) {
        (void)buf_puts(out, "{\"schema\":");
    }
}

static void put_payload_begin(const struct change *c, struct buf *out)
{
    if (c->options->schemas) {
        (void)buf_puts(out, ",\"payload\":");
    }
}

static void put_payload_end(const struct change *c, struct buf *out)
{
    if (c->options->schemas) {
        (void)buf_putc(out, '}');
    }
}

/* ---- op m: pg_logical_emit_message ---- */

static hp_status put_prefix(const struct change *c, struct buf *out, struct hp_error *err)
{
    const struct hp_cell *prefix = hp_record_before(c->rec);
    (void)buf_puts(out, "{\"prefix\":");
    return prefix ? plain_json(c, NULL, prefix, out, err) : (buf_puts(out, "null"), HP_OK);
}

static hp_status put_message_key(const struct change *c, struct buf *out, struct hp_error *err)
{
    if (c->options->schemas) {
        (void)buf_puts(out, "{\"schema\":{\"type\":\"struct\",\"fields\":[" PREFIX_FIELD "],\"optional\":false," PG_NAME
                            "MessageKey\",\"version\":1},\"payload\":");
    }
    if (put_prefix(c, out, err) != HP_OK) {
        return HP_ERROR;
    }
    (void)buf_putc(out, '}');
    put_payload_end(c, out);
    return HP_OK;
}

static hp_status put_message_value(const struct change *c, struct buf *out, struct hp_error *err)
{
    const struct hp_cell *content = hp_record_after(c->rec);
    put_schema_begin(c, out);
    if (c->options->schemas) {
        (void)buf_puts(out, "{\"type\":\"struct\",\"fields\":[" OP_FIELD "," INT64_FIELD("ts_ms") ",");
        source_block_schema(c, out);
        (void)buf_puts(out, "," TRANSACTION_FIELD ",{\"type\":\"struct\",\"fields\":[" PREFIX_FIELD
                            ",{\"type\":\"bytes\",\"optional\":true,\"field\":\"content\"}],\"optional\":false," PG_NAME
                            "Message\",\"version\":1,\"field\":\"message\"}],\"optional\":false," PG_NAME
                            "MessageValue\",\"version\":1}");
    }
    put_payload_begin(c, out);
    (void)buf_printf(out, "{\"op\":\"m\",\"ts_ms\":%" PRId64 ",\"source\":", change_built_us(c) / 1000);
    source_block_json(c, out);
    (void)buf_puts(out, ",\"transaction\":null,\"message\":");
    if (put_prefix(c, out, err) != HP_OK) {
        return HP_ERROR;
    }
    (void)buf_puts(out, ",\"content\":");
    if (!content) {
        (void)buf_puts(out, "null");
    } else if (content->type == HP_STRING || content->type == HP_BYTES || content->type == HP_NATIVE) {
        struct hp_bytes bytes = hp_cell_bytes(c->rec, content);
        json_out_base64(out, bytes.data, (size_t)bytes.len);
    } else if (plain_json(c, NULL, content, out, err) != HP_OK) {
        return HP_ERROR;
    }
    (void)buf_puts(out, "}}");
    put_payload_end(c, out);
    return HP_OK;
}

/* ---- rows ---- */

static hp_status put_row_key(const struct change *c, const struct hp_cell *cells, struct buf *out, struct hp_error *err)
{
    if (!cells || !row_has_key(c->schema)) {
        (void)buf_puts(out, "null");
        return HP_OK;
    }
    put_schema_begin(c, out);
    if (c->options->schemas) {
        row_key_schema(c->schema, out);
    }
    put_payload_begin(c, out);
    if (row_key_json(c, cells, out, err) != HP_OK) {
        return HP_ERROR;
    }
    put_payload_end(c, out);
    return HP_OK;
}

static void put_envelope_schema(const struct change *c, struct buf *out)
{
    (void)buf_puts(out, "{\"type\":\"struct\",\"fields\":[");
    row_schema(c->schema, "before", out);
    (void)buf_putc(out, ',');
    row_schema(c->schema, "after", out);
    (void)buf_putc(out, ',');
    source_block_schema(c, out);
    (void)buf_puts(out, "," TRANSACTION_FIELD "," OP_FIELD "," INT64_FIELD("ts_ms") "," INT64_FIELD(
                            "ts_us") "," INT64_FIELD("ts_ns") "],\"optional\":false,\"name\":");
    row_schema_name(c->schema, ".Envelope", out);
    (void)buf_puts(out, ",\"version\":2}");
}

/* An envelope of these images, whatever the record's own are: a change of key is told in two. */
static hp_status put_row_value(const struct change *c, char op, const struct hp_cell *before,
                               const struct hp_cell *after, struct buf *out, struct hp_error *err)
{
    const struct hp_cell *known = hp_record_before(c->rec); /* may hold a TOAST value that the new row lacks */
    int64_t us = change_built_us(c);
    put_schema_begin(c, out);
    if (c->options->schemas) {
        put_envelope_schema(c, out);
    }
    put_payload_begin(c, out);
    (void)buf_puts(out, "{\"before\":");
    if (!before) {
        (void)buf_puts(out, "null");
    } else if (row_json(c, before, NULL, false, out, err) != HP_OK) {
        return HP_ERROR;
    }
    (void)buf_puts(out, ",\"after\":");
    if (!after) {
        (void)buf_puts(out, "null");
    } else if (row_json(c, after, known, true, out, err) != HP_OK) {
        return HP_ERROR;
    }
    (void)buf_puts(out, ",\"source\":");
    source_block_json(c, out);
    (void)buf_puts(out, ",\"transaction\":null,\"op\":\"");
    (void)buf_putc(out, op);
    (void)buf_puts(out, "\",\"ts_ms\":");
    json_out_int(out, us / 1000);
    (void)buf_puts(out, ",\"ts_us\":");
    json_out_int(out, us);
    (void)buf_puts(out, ",\"ts_ns\":");
    change_ns_json(us, out);
    (void)buf_putc(out, '}');
    put_payload_end(c, out);
    return HP_OK;
}

/* ---- plain records ---- */

static hp_status put_plain(const struct change *c, uint32_t schema_id, const struct hp_cell *cell, struct buf *out,
                           struct hp_error *err)
{
    const struct hp_schema *schema = hp_batch_schema(c->batch, schema_id);
    if (!cell || cell->type == HP_NULL || cell->type == HP_NONE) {
        (void)buf_puts(out, "null");
        return HP_OK;
    }
    put_schema_begin(c, out);
    if (c->options->schemas) {
        plain_schema(schema, cell, out);
    }
    put_payload_begin(c, out);
    if (plain_json(c, schema, cell, out, err) != HP_OK) {
        return HP_ERROR;
    }
    put_payload_end(c, out);
    return HP_OK;
}

static hp_status put_key(const struct change *c, struct buf *out, struct hp_error *err)
{
    if (c->rec->kind == HP_RECORD_PLAIN) {
        return put_plain(c, c->rec->key_schema, hp_record_before(c->rec), out, err);
    }
    if (c->rec->op == HP_OP_MESSAGE) {
        return put_message_key(c, out, err);
    }
    return put_row_key(c, c->rec->after ? hp_record_after(c->rec) : hp_record_before(c->rec), out, err);
}

static hp_status put_value(const struct change *c, struct buf *out, struct hp_error *err)
{
    if (c->rec->kind == HP_RECORD_PLAIN) {
        return put_plain(c, c->rec->schema, hp_record_after(c->rec), out, err);
    }
    if (c->rec->op == HP_OP_MESSAGE) {
        return put_message_value(c, out, err);
    }
    return put_row_value(c, (char)c->rec->op, hp_record_before(c->rec), hp_record_after(c->rec), out, err);
}

/* Rows are shown by their schema: a change without one is no record of ours. */
static hp_status check(const struct change *c, struct hp_error *err)
{
    if (c->rec->kind == HP_RECORD_CHANGE && c->rec->op != HP_OP_MESSAGE && !c->schema) {
        return hp_fail(err, HP_ERROR_POISON, "", "a change record names schema %u, which its stream does not have",
                       c->rec->schema);
    }
    return HP_OK;
}

hp_status view_key(const struct hp_batch *batch, const struct hp_record *rec, const struct hp_tx *tx,
                   const struct view_options *options, struct buf *out, struct hp_error *err)
{
    struct change c = change_of(batch, rec, tx, options);
    size_t mark = out->len;
    hp_status status = check(&c, err);
    return settle(out, mark, status == HP_OK ? put_key(&c, out, err) : status, err);
}

hp_status view_value(const struct hp_batch *batch, const struct hp_record *rec, const struct hp_tx *tx,
                     const struct view_options *options, struct buf *out, struct hp_error *err)
{
    struct change c = change_of(batch, rec, tx, options);
    size_t mark = out->len;
    hp_status status = check(&c, err);
    return settle(out, mark, status == HP_OK ? put_value(&c, out, err) : status, err);
}

/* ---- several messages of one record ---- */

/* Where the texts of one message begin and end in scratch; it may move while they are written. */
struct spans {
    size_t key, value, header, end;
};

static hp_status hand_over(const struct buf *scratch, const struct spans *s, const char *header,
                           hp_status (*each)(void *, const struct view_message *, struct hp_error *), void *arg,
                           struct hp_error *err)
{
    struct view_message m = {{scratch->data + s->key, s->value - s->key},
                             {scratch->data + s->value, s->header - s->value},
                             header,
                             {scratch->data + s->header, s->end - s->header}};
    return each(arg, &m, err);
}

/* The same key and headers, no value. */
static hp_status tombstone(const struct change *c, const struct buf *scratch, const struct spans *s, const char *header,
                           hp_status (*each)(void *, const struct view_message *, struct hp_error *), void *arg,
                           struct hp_error *err)
{
    struct view_message m = {{scratch->data + s->key, s->value - s->key},
                             {scratch->data + s->value, 0},
                             header,
                             {scratch->data + s->header, s->end - s->header}};
    return c->options->no_tombstones ? HP_OK : each(arg, &m, err);
}

/* One half of a key change: an envelope under one key, which names the other in a header. */
static hp_status put_half(const struct change *c, char op, const struct hp_cell *before, const struct hp_cell *after,
                          struct buf *scratch, struct spans *s, struct hp_error *err)
{
    hp_status status = HP_OK;
    buf_reset(scratch);
    *s = (struct spans){0};
    status = put_row_key(c, op == 'd' ? before : after, scratch, err);
    s->value = scratch->len;
    if (status == HP_OK) {
        status = put_row_value(c, op, op == 'd' ? before : NULL, op == 'd' ? NULL : after, scratch, err);
        s->header = scratch->len;
    }
    if (status == HP_OK) {
        struct view_options bare = *c->options;
        struct change plain = *c;
        bare.schemas = false; /* SimpleHeaderConverter writes no schema */
        plain.options = &bare;
        status = put_row_key(&plain, op == 'd' ? after : before, scratch, err);
        s->end = scratch->len;
    }
    return settle(scratch, 0, status, err);
}

static hp_status key_change(const struct change *c, struct buf *scratch,
                            hp_status (*each)(void *, const struct view_message *, struct hp_error *), void *arg,
                            struct hp_error *err)
{
    const struct hp_cell *before = hp_record_before(c->rec), *after = hp_record_after(c->rec);
    struct spans s;
    hp_status status = put_half(c, HP_OP_DELETE, before, after, scratch, &s, err);
    if (status == HP_OK) {
        status = hand_over(scratch, &s, "__debezium.newkey", each, arg, err);
    }
    if (status == HP_OK) {
        status = tombstone(c, scratch, &s, "__debezium.newkey", each, arg, err);
    }
    if (status == HP_OK) {
        status = put_half(c, HP_OP_CREATE, before, after, scratch, &s, err);
    }
    return status == HP_OK ? hand_over(scratch, &s, "__debezium.oldkey", each, arg, err) : status;
}

hp_status view_messages(const struct hp_batch *batch, const struct hp_record *rec, const struct hp_tx *tx,
                        const struct view_options *options, struct buf *scratch,
                        hp_status (*each)(void *arg, const struct view_message *message, struct hp_error *err),
                        void *arg, struct hp_error *err)
{
    struct change c = change_of(batch, rec, tx, options);
    struct spans s = {0};
    hp_status status = check(&c, err);
    if (status != HP_OK) {
        return status;
    }
    buf_reset(scratch);
    if (rec->kind == HP_RECORD_CHANGE && rec->op == HP_OP_UPDATE && rec->before && rec->after &&
        row_key_differs(&c, hp_record_before(rec), hp_record_after(rec))) {
        return key_change(&c, scratch, each, arg, err);
    }
    status = view_key(batch, rec, tx, options, scratch, err);
    s.value = scratch->len;
    if (status == HP_OK && !(rec->kind == HP_RECORD_PLAIN && !rec->after)) {
        status = view_value(batch, rec, tx, options, scratch, err);
    }
    s.header = s.end = scratch->len;
    if (status == HP_OK) {
        status = hand_over(scratch, &s, NULL, each, arg, err);
    }
    if (status == HP_OK && rec->kind == HP_RECORD_CHANGE && rec->op == HP_OP_DELETE) {
        status = tombstone(&c, scratch, &s, NULL, each, arg, err);
    }
    return status;
}
