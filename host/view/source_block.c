/* source_block.c: the `source` member of an envelope (io.debezium.connector.postgresql.Source). See envelope.h; called
   by debezium.c. */
#include "envelope.h"
#include "json.h"
#include "json_out.h"

#define MESSAGE_SUFFIX ".message"

int64_t change_built_us(const struct change *c)
{
    return c->batch->built_us ? c->batch->built_us : c->tx ? c->tx->commit_us : 0;
}

void change_ns_json(int64_t us, struct buf *out)
{
    int64_t ns;
    if (__builtin_mul_overflow(us, INT64_C(1000), &ns)) {
        (void)buf_puts(out, "null");
    } else {
        json_out_int(out, ns);
    }
}

static const char *snapshot_of(const struct hp_record *rec)
{
    static const struct {
        uint16_t flag;
        const char *text;
    } marks[] = {{HP_REC_SNAP_LAST, "last"},
                 {HP_REC_SNAP_FIRST, "first"},
                 {HP_REC_SNAP_TABLE_LAST, "last_in_data_collection"},
                 {HP_REC_SNAP_TABLE_FIRST, "first_in_data_collection"}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (rec->flags & marks[i].flag) {
            return marks[i].text;
        }
    }
    return rec->op == HP_OP_READ ? "true" : "false";
}

/* The topic prefix: the schema's name without ".namespace.table", a message's topic without ".message". */
static struct hp_bytes prefix_of(const struct change *c)
{
    struct hp_bytes name = {"", 0};
    uint64_t cut = 0;
    if (c->schema) {
        name = c->schema->name;
        cut = c->schema->namespace_.len + c->schema->table.len + 2;
    } else if (c->rec->topic < c->batch->n_topics) {
        name = c->batch->topics[c->rec->topic];
        cut = sizeof MESSAGE_SUFFIX - 1;
    }
    name.len -= cut < name.len ? cut : 0;
    return name;
}

/* Messages have no schema: all tables of a stream live in the same database. */
static struct hp_bytes database_of(const struct change *c)
{
    if (c->schema) {
        return c->schema->database;
    }
    for (uint32_t i = 0; i < c->batch->n_schemas; i++) {
        if (c->batch->schemas[i] && c->batch->schemas[i]->database.len) {
            return c->batch->schemas[i]->database;
        }
    }
    return (struct hp_bytes){"", 0};
}

static void put_text(const char *name, struct hp_bytes text, struct buf *out)
{
    (void)buf_puts(out, name);
    json_escape(out, text.data ? text.data : "", (size_t)text.len);
}

static void put_int(const char *name, int64_t v, struct buf *out)
{
    (void)buf_puts(out, name);
    json_out_int(out, v);
}

static void put_unless_zero(const char *name, uint64_t v, struct buf *out)
{
    (void)buf_puts(out, name);
    if (v && v <= INT64_MAX) {
        json_out_int(out, (int64_t)v);
    } else {
        (void)buf_puts(out, "null");
    }
}

/* The pair orders events: JSON inside JSON. */
static void put_sequence(const struct change *c, struct buf *out)
{
    if (c->tx && c->tx->commit_pos) {
        put_int(",\"sequence\":\"[\\\"", (int64_t)c->tx->commit_pos, out);
        (void)buf_puts(out, "\\\"");
    } else {
        (void)buf_puts(out, ",\"sequence\":\"[null");
    }
    put_int(",\\\"", (int64_t)c->rec->pos, out);
    (void)buf_puts(out, "\\\"]\"");
}

static bool is_postgres(const struct change *c)
{
    return !c->schema || (c->schema->native.len == 2 && memcmp(c->schema->native.data, "pg", 2) == 0);
}

void source_block_json(const struct change *c, struct buf *out)
{
    int64_t us = c->tx && c->tx->commit_us ? c->tx->commit_us : change_built_us(c);
    const char *version = c->options->connector_version ? c->options->connector_version : HOMEPORT_VERSION;
    bool origin = c->tx && c->tx->origin[0], snapshot = c->tx && (c->tx->flags & HP_TX_SNAPSHOT);
    struct hp_bytes none = {"", 0};
    put_text("{\"version\":", hp_bytes_of(version), out);
    (void)buf_puts(out, is_postgres(c) ? ",\"connector\":\"postgresql\"" : ",\"connector\":\"homeport\"");
    put_text(",\"name\":", prefix_of(c), out);
    put_int(",\"ts_ms\":", us / 1000, out);
    (void)buf_puts(out, ",\"snapshot\":\"");
    (void)buf_puts(out, snapshot_of(c->rec));
    put_text("\",\"db\":", database_of(c), out);
    put_sequence(c, out);
    put_int(",\"ts_us\":", us, out);
    (void)buf_puts(out, ",\"ts_ns\":");
    change_ns_json(us, out);
    put_text(",\"schema\":", c->schema ? c->schema->namespace_ : none, out);
    put_text(",\"table\":", c->schema ? c->schema->table : none, out);
    put_unless_zero(",\"txId\":", c->tx && !snapshot ? c->tx->id : 0, out); /* a snapshot's is no transaction's */
    put_unless_zero(",\"lsn\":", c->rec->pos, out);
    (void)buf_puts(out, ",\"xmin\":null");
    if (origin) {
        put_text(",\"origin\":", (struct hp_bytes){c->tx->origin, strnlen(c->tx->origin, sizeof c->tx->origin)}, out);
    } else {
        (void)buf_puts(out, ",\"origin\":null");
    }
    put_unless_zero(",\"origin_lsn\":", origin ? c->tx->origin_pos : 0, out);
    (void)buf_putc(out, '}');
}

#define FIELD(type, optional, name) "{\"type\":\"" type "\",\"optional\":" optional ",\"field\":\"" name "\"}"

void source_block_schema(const struct change *c, struct buf *out)
{
    (void)buf_printf(
        out,
        "{\"type\":\"struct\",\"fields\":[" FIELD("string", "false", "version") "," FIELD("string", "false", "connector") "," FIELD("string", "false", "name") "," FIELD(
            "int64",
            "false", "ts_ms") ",{\"type\":\"string\",\"optional\":true,\"name\":\"io.debezium.data.Enum\",\"version\":"
                              "1,\"parameters\":{"
                              "\"allowed\":\"true,first,first_in_data_collection,last_in_data_collection,last,false,"
                              "incremental\"},"
                              "\"default\":\"false\",\"field\":\"snapshot\"}," FIELD("string", "false", "db") "," FIELD("string", "true", "sequence") "," FIELD("int64", "true", "ts_us") "," FIELD(
                                  "int64",
                                  "true",
                                  "ts_ns") "," FIELD("string", "false",
                                                     "schema") "," FIELD("string", "false",
                                                                         "table") "," FIELD("int64", "true",
                                                                                            "txId") "," FIELD("int64",
                                                                                                              "true",
                                                                                                              "lsn") "," FIELD("int64",
                                                                                                                               "true",
                                                                                                                               "xmin") "," FIELD("string",
                                                                                                                                                 "true",
                                                                                                                                                 "origin") "," FIELD("int64",
                                                                                                                                                                     "true",
                                                                                                                                                                     "origin_lsn") "],\"optional\":false,\"name\":\"io.debezium.connector.%s.Source\",\"version\":1,\"field\":\"source\"}",
        is_postgres(c) ? "postgresql" : "homeport");
}
