/* debezium_test.c: whole messages: keys, envelopes, tombstones, changes of key, truncates, logical messages, plain
   records, schemas. The texts are Debezium 3.6.1's own, but for times and positions. */
#include "builder.h"
#include "debezium.h"
#include "schema_pool.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

static const struct {
    const char *name;
    uint32_t oid, flags, key;
} columns[] = {{"Id", 23, HP_COLUMN_KEY, 2},
               {"k2", 25, HP_COLUMN_KEY, 1},
               {"c", 23, HP_COLUMN_OPTIONAL, 0},
               {"d", 25, 0, 0},
               {"gone", 3220, 0, 0}}; /* pg_lsn: Debezium leaves it out */
#define N_COLUMNS (sizeof columns / sizeof columns[0])

struct fixture {
    struct schema_pool *pool;
    struct builder b;
    const struct hp_schema *table, *keyless;
    struct hp_tx tx;
    struct view_options options;
    struct buf text; /* every message: header, key, value; '\n' after each */
    struct hp_error err;
};

static const struct hp_schema *intern(struct fixture *f, const char *table, bool keyless)
{
    struct hp_column made[N_COLUMNS];
    char name[64];
    struct hp_schema s = {.size = sizeof s,
                          .identity = HP_IDENTITY_KEY,
                          .native = hp_bytes_of("pg"),
                          .database = hp_bytes_of("app"),
                          .namespace_ = hp_bytes_of("public"),
                          .table = hp_bytes_of(table),
                          .n_columns = N_COLUMNS,
                          .column_size = sizeof made[0],
                          .columns = made};
    const struct hp_schema *interned;
    memset(made, 0, sizeof made);
    (void)snprintf(name, sizeof name, "p.public.%s", table);
    s.name = hp_bytes_of(name);
    for (size_t i = 0; i < N_COLUMNS; i++) {
        made[i].size = sizeof made[i];
        made[i].name = hp_bytes_of(columns[i].name);
        made[i].type = HP_NATIVE;
        made[i].native_oid = columns[i].oid;
        made[i].native_typmod = -1;
        made[i].native_kind = 'b';
        made[i].native_name = hp_bytes_of("x");
        made[i].flags = keyless ? columns[i].flags & ~HP_COLUMN_KEY : columns[i].flags;
        made[i].key_position = keyless ? 0 : columns[i].key;
    }
    interned = schema_pool_intern(f->pool, &s, &f->err);
    cr_assert_not_null(interned, "%s", f->err.message);
    return interned;
}

static void setup(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->err.size = sizeof f->err;
    f->pool = schema_pool_create();
    cr_assert_eq(builder_init(&f->b, 1u << 20, 1u << 20, &f->err), HP_OK);
    f->table = intern(f, "t", false);
    f->keyless = intern(f, "n", true);
    cr_assert_eq(schema_pool_topic(f->pool, hp_bytes_of("p.public.t"), &f->err), 1u);
    cr_assert_eq(schema_pool_topic(f->pool, hp_bytes_of("p.message"), &f->err), 2u);
    f->tx = (struct hp_tx){
        .size = sizeof f->tx, .id = 555, .commit_pos = 900, .end_pos = 950, .commit_us = 1700000000123456};
    f->options = (struct view_options){.size = sizeof f->options, .connector_version = "3.6.1.Final"};
    buf_init(&f->text, 1u << 20);
}

static void teardown(struct fixture *f)
{
    buf_finish(&f->text);
    builder_finish(&f->b);
    schema_pool_destroy(f->pool);
}

/* Values separated by '|': "-" absent, "~" unchanged, "\N" NULL. */
static uint32_t row(struct hp_builder *b, const char *text)
{
    char copy[256], *at = copy;
    uint32_t made = hp_record_row(b, N_COLUMNS);
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (uint32_t i = 0; i < N_COLUMNS; i++) {
        const char *v = strsep(&at, "|");
        cr_assert_not_null(v);
        if (strcmp(v, "~") == 0) {
            hp_record_put(b, made, i, HP_NONE)->flags = HP_CELL_UNCHANGED;
        } else if (strcmp(v, "\\N") == 0) {
            (void)hp_record_put(b, made, i, HP_NULL);
        } else if (strcmp(v, "-") != 0 && columns[i].oid == 23) {
            uint32_t n = (uint32_t)strtoul(v, NULL, 10);
            uint8_t bytes[] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
            hp_record_bytes(b, made, i, HP_NATIVE, 0, bytes, 4);
        } else if (strcmp(v, "-") != 0) {
            hp_record_bytes(b, made, i, HP_NATIVE, 0, v, (uint32_t)strlen(v));
        }
    }
    return made;
}

static void add(struct fixture *f, const struct hp_schema *schema, char op, uint16_t flags, const char *before,
                const char *after)
{
    struct hp_builder *b = &f->b.b;
    uint32_t made;
    cr_assert_eq(hp_record_begin(b, HP_RECORD_CHANGE, (uint8_t)op), HP_OK);
    if (before && (made = row(b, before))) {
        hp_record_open(b)->before = made;
    }
    if (after && (made = row(b, after))) {
        hp_record_open(b)->after = made;
    }
    hp_record_open(b)->topic = 1;
    hp_record_open(b)->schema = schema->id;
    hp_record_open(b)->flags = flags;
    hp_record_open(b)->pos = 800;
    cr_assert_eq(hp_record_end(b), HP_OK);
}

static hp_status keep(void *arg, const struct view_message *m, struct hp_error *err)
{
    struct fixture *f = arg;
    (void)err;
    if (m->header) {
        (void)buf_printf(&f->text, "%s:%.*s ", m->header, (int)m->header_value.len, (const char *)m->header_value.data);
    }
    (void)buf_printf(&f->text, "%.*s %.*s\n", (int)m->key.len, (const char *)m->key.data,
                     m->value.len ? (int)m->value.len : 4, m->value.len ? (const char *)m->value.data : "null");
    return HP_OK;
}

/* Messages of all records. */
static hp_status view(struct fixture *f)
{
    struct hp_batch batch = builder_batch(&f->b);
    struct buf scratch;
    struct hp_iter it;
    hp_status status = HP_OK;
    schema_pool_view(f->pool, &batch);
    batch.built_us = 1700000000200999;
    buf_init(&scratch, 1u << 20);
    it = hp_batch_iter(&batch);
    while (status == HP_OK && hp_iter_next(&it)) {
        status = view_messages(&batch, it.rec, &f->tx, &f->options, &scratch, keep, f, &f->err);
    }
    buf_finish(&scratch);
    return status;
}

#define SOURCE_FROM(snapshot, schema, table, tx)                                                                       \
    "{\"version\":\"3.6.1.Final\",\"connector\":\"postgresql\",\"name\":\"p\",\"ts_ms\":1700000000123,\"snapshot\":"   \
    "\"" snapshot "\",\"db\":\"app\",\"sequence\":\"[\\\"900\\\",\\\"800\\\"]\",\"ts_us\":1700000000123456,\"ts_ns\":" \
    "1700000000123456000,"                                                                                             \
    "\"schema\":\"" schema "\",\"table\":\"" table "\",\"txId\":" tx                                                   \
    ",\"lsn\":800,\"xmin\":null,\"origin\":null,\"origin_lsn\":null}"
#define SOURCE SOURCE_FROM("false", "public", "t", "555")
#define TAIL_OF(op)                                                                                                    \
    ",\"transaction\":null,\"op\":\"" op                                                                               \
    "\",\"ts_ms\":1700000000200,\"ts_us\":1700000000200999,\"ts_ns\":1700000000200999000}"

Test(debezium, changes)
{
    static const struct {
        char op;
        uint16_t flags;
        bool keyless;
        const char *before, *after, *expected;
    } rows[] = {
        {'c', 0, false, NULL, "1|a|\\N|q|-",
         "{\"k2\":\"a\",\"Id\":1} "
         "{\"before\":null,\"after\":{\"Id\":1,\"k2\":\"a\",\"c\":null,\"d\":\"q\"},\"source\":" SOURCE TAIL_OF(
             "c") "\n"},
        {'r', HP_REC_SNAP_TABLE_FIRST, false, NULL, "1|a|3|q|-",
         "{\"k2\":\"a\",\"Id\":1} "
         "{\"before\":null,\"after\":{\"Id\":1,\"k2\":\"a\",\"c\":3,\"d\":\"q\"},\"source\":" SOURCE_FROM(
             "first_in_data_collection", "public", "t", "555") TAIL_OF("r") "\n"},
        {'r', HP_REC_SNAP_FIRST | HP_REC_SNAP_TABLE_FIRST | HP_REC_SNAP_TABLE_LAST | HP_REC_SNAP_LAST, true, NULL,
         "1|a|3|q|-",
         "null {\"before\":null,\"after\":{\"Id\":1,\"k2\":\"a\",\"c\":3,\"d\":\"q\"},\"source\":" SOURCE_FROM(
             "last", "public", "n", "555") TAIL_OF("r") "\n"},
        {'u', 0, false, NULL, "1|a|3|~|-",
         "{\"k2\":\"a\",\"Id\":1} "
         "{\"before\":null,\"after\":{\"Id\":1,\"k2\":\"a\",\"c\":3,\"d\":\"__debezium_unavailable_value\"},"
         "\"source\":" SOURCE TAIL_OF("u") "\n"},
        /* the old row knows what the new one left out */
        {'u', 0, false, "1|a|3|q|-", "1|a|4|~|-",
         "{\"k2\":\"a\",\"Id\":1} "
         "{\"before\":{\"Id\":1,\"k2\":\"a\",\"c\":3,\"d\":\"q\"},\"after\":{\"Id\":1,\"k2\":\"a\",\"c\":4,\"d\":\"q\"}"
         ","
         "\"source\":" SOURCE TAIL_OF("u") "\n"},
        /* columns that the old key does not hold: null, or a stand-in where null is not allowed */
        {'d', HP_REC_BEFORE_KEY, false, "1|a|-|-|-", NULL,
         "{\"k2\":\"a\",\"Id\":1} "
         "{\"before\":{\"Id\":1,\"k2\":\"a\",\"c\":null,\"d\":\"\"},\"after\":null,\"source\":" SOURCE TAIL_OF(
             "d") "\n{\"k2\":\"a\",\"Id\":1} null\n"},
        {'u', HP_REC_BEFORE_KEY | HP_REC_KEY_CHANGED, false, "1|a|-|-|-", "1|b|3|q|-",
         "__debezium.newkey:{\"k2\":\"b\",\"Id\":1} {\"k2\":\"a\",\"Id\":1} "
         "{\"before\":{\"Id\":1,\"k2\":\"a\",\"c\":null,\"d\":\"\"},\"after\":null,"
         "\"source\":" SOURCE TAIL_OF("d") "\n"
                                           "__debezium.newkey:{\"k2\":\"b\",\"Id\":1} {\"k2\":\"a\",\"Id\":1} null\n"
                                           "__debezium.oldkey:{\"k2\":\"a\",\"Id\":1} {\"k2\":\"b\",\"Id\":1} "
                                           "{\"before\":null,\"after\":{\"Id\":1,\"k2\":\"b\",\"c\":3,\"d\":\"q\"},"
                                           "\"source\":" SOURCE TAIL_OF("c") "\n"},
        {'t', 0, false, NULL, NULL, "null {\"before\":null,\"after\":null,\"source\":" SOURCE TAIL_OF("t") "\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        setup(&f);
        add(&f, rows[i].keyless ? f.keyless : f.table, rows[i].op, rows[i].flags, rows[i].before, rows[i].after);
        cr_expect_eq(view(&f), HP_OK, "row %zu: %s", i, f.err.message);
        cr_expect_str_eq((const char *)f.text.data, rows[i].expected, "row %zu:\n%s%s", i, (const char *)f.text.data,
                         rows[i].expected);
        teardown(&f);
    }
}

Test(debezium, no_tombstones)
{
    struct fixture f;
    setup(&f);
    f.options.no_tombstones = true;
    add(&f, f.table, 'd', 0, "1|a|-|-|-", NULL);
    cr_expect_eq(view(&f), HP_OK);
    cr_expect_null(strstr((const char *)f.text.data, "} null"));
    teardown(&f);
}

static void add_message(struct fixture *f)
{
    struct hp_builder *b = &f->b.b;
    uint32_t made;
    (void)hp_record_begin(b, HP_RECORD_CHANGE, HP_OP_MESSAGE);
    made = hp_record_row(b, 1);
    hp_record_bytes(b, made, 0, HP_STRING, 0, "pfx", 3);
    hp_record_open(b)->before = made;
    made = hp_record_row(b, 1);
    hp_record_bytes(b, made, 0, HP_BYTES, 0, "content", 7);
    hp_record_open(b)->after = made;
    hp_record_open(b)->topic = 2;
    hp_record_open(b)->pos = 800;
    cr_assert_eq(hp_record_end(b), HP_OK);
}

Test(debezium, logical_message)
{
    struct fixture f;
    setup(&f);
    f.tx.id = 0;
    add_message(&f);
    cr_expect_eq(view(&f), HP_OK, "%s", f.err.message);
    cr_expect_str_eq(
        (const char *)f.text.data,
        "{\"prefix\":\"pfx\"} {\"op\":\"m\",\"ts_ms\":1700000000200,\"source\":" SOURCE_FROM(
            "false", "", "",
            "null") ",\"transaction\":null,\"message\":{\"prefix\":\"pfx\",\"content\":\"Y29udGVudA==\"}}\n",
        "%s", (const char *)f.text.data);
    teardown(&f);
}

Test(debezium, origin)
{
    struct fixture f;
    setup(&f);
    (void)strcpy(f.tx.origin, "other_\"origin");
    f.tx.origin_pos = 2748;
    add(&f, f.table, 'c', 0, NULL, "1|a|3|q|-");
    cr_expect_eq(view(&f), HP_OK);
    cr_expect_not_null(strstr((const char *)f.text.data, "\"origin\":\"other_\\\"origin\",\"origin_lsn\":2748}"));
    teardown(&f);
}

Test(debezium, plain_records)
{
    struct fixture f;
    struct hp_builder *b;
    uint32_t made, items;
    setup(&f);
    b = &f.b.b;
    (void)hp_record_begin(b, HP_RECORD_PLAIN, 0);
    made = hp_record_row(b, 1);
    hp_record_put(b, made, 0, HP_INT64)->u.i64 = 5;
    hp_record_open(b)->before = made;
    items = hp_record_row(b, 4); /* {"a": [..], "b": 1.5} as a map of two pairs */
    hp_record_bytes(b, items, 0, HP_STRING, 0, "a", 1);
    (void)hp_record_put(b, items, 1, HP_NULL);
    hp_record_bytes(b, items, 2, HP_STRING, 0, "b", 1);
    hp_record_put(b, items, 3, HP_FLOAT64)->u.f64 = 1.5;
    made = hp_record_row(b, 1);
    hp_record_put(b, made, 0, HP_MAP)->len = 2;
    ((struct hp_cell *)(void *)(b->base + b->open + made))->u.off = items;
    hp_record_open(b)->after = made;
    hp_record_open(b)->topic = 1;
    cr_assert_eq(hp_record_end(b), HP_OK);
    (void)hp_record_begin(b, HP_RECORD_PLAIN, 0);
    hp_record_open(b)->topic = 1;
    cr_assert_eq(hp_record_end(b), HP_OK);
    cr_expect_eq(view(&f), HP_OK);
    cr_expect_str_eq((const char *)f.text.data, "5 {\"a\":null,\"b\":1.5}\nnull null\n");
    f.options.schemas = true;
    buf_reset(&f.text);
    cr_expect_eq(view(&f), HP_OK);
    cr_expect_str_eq((const char *)f.text.data, "{\"schema\":{\"type\":\"int64\",\"optional\":false},\"payload\":5} "
                                                "{\"schema\":null,\"payload\":{\"a\":null,\"b\":1.5}}\nnull null\n");
    teardown(&f);
}

#define F(type, optional, name) "{\"type\":\"" type "\",\"optional\":" optional ",\"field\":\"" name "\"}"
#define VALUE_SCHEMA(field)                                                                                            \
    "{\"type\":\"struct\",\"fields\":[" F("int32", "false", "Id") "," F("string", "false", "k2") "," F(                \
        "int32", "true", "c") "," F("string", "false",                                                                 \
                                    "d") "],\"optional\":true,\"name\":\"p.public.t.Value\",\"field\":\"" field "\"}"
#define SOURCE_SCHEMA                                                                                                                                 \
    "{\"type\":\"struct\",\"fields\":[" F("string", "false", "version") "," F("string", "false", "connector") "," F("string", "false", "name") "," F( \
        "int64", "false",                                                                                                                             \
        "ts_ms") ",{\"type\":\"string\",\"optional\":true,\"name\":\"io.debezium.data.Enum\",\"version\":1,"                                          \
                 "\"parameters\":"                                                                                                                    \
                 "{\"allowed\":\"true,first,first_in_data_collection,last_in_data_collection,last,false,"                                             \
                 "incremental\"},\"default\":\"false\","                                                                                              \
                 "\"field\":\"snapshot\"}," F("string", "false", "db") "," F("string", "true", "sequence") "," F(                                     \
                     "int64", "true",                                                                                                                 \
                     "ts_us") "," F("int64", "true",                                                                                                  \
                                    "ts_ns") "," F("string", "false",                                                                                 \
                                                   "schema") "," F("string", "false",                                                                 \
                                                                   "table") "," F("int64", "true",                                                    \
                                                                                  "txId") "," F("int64", "true",                                      \
                                                                                                "lsn") "," F("int64",                                 \
                                                                                                             "true",                                  \
                                                                                                             "xmin") "," F("string",                  \
                                                                                                                           "true",                    \
                                                                                                                           "origin") "," F("int64",   \
                                                                                                                                           "true",    \
                                                                                                                                           "origin_lsn") "],\"optional\":false,\"name\":\"io.debezium.connector.postgresql.Source\",\"version\":1,\"field\":\"source\"}"
#define TRANSACTION_SCHEMA                                                                                             \
    "{\"type\":\"struct\",\"fields\":[" F("string", "false", "id") "," F("int64", "false", "total_order") "," F(       \
        "int64", "false", "data_collection_order") "],\"optional\":true,\"name\":\"event.block\",\"version\":1,"       \
                                                   "\"field\":\"transaction\"}"

Test(debezium, schemas)
{
    struct fixture f;
    static const char key[] = "{\"schema\":{\"type\":\"struct\",\"fields\":[" F("string", "false", "k2") "," F(
        "int32", "false",
        "Id") "],\"optional\":false,\"name\":\"p.public.t.Key\"},\"payload\":{\"k2\":\"a\",\"Id\":1}} ";
    static const char value[] = "{\"schema\":{\"type\":\"struct\",\"fields\":[" VALUE_SCHEMA("before") "," VALUE_SCHEMA(
        "after") "," SOURCE_SCHEMA "," TRANSACTION_SCHEMA
                 "," F("string", "false", "op") "," F("int64", "true", "ts_ms") "," F("int64", "true", "ts_us") "," F(
                     "int64", "true", "ts_ns") "],\"optional\":false,\"name\":\"p.public.t.Envelope\",\"version\":2},"
                                               "\"payload\":{\"before\":null,\"after\":{";
    setup(&f);
    f.options.schemas = true;
    add(&f, f.table, 'c', 0, NULL, "1|a|3|q|-");
    cr_expect_eq(view(&f), HP_OK);
    cr_expect_eq(strncmp((const char *)f.text.data, key, sizeof key - 1), 0, "%s", (const char *)f.text.data);
    cr_expect_eq(strncmp((const char *)f.text.data + sizeof key - 1, value, sizeof value - 1), 0, "%s\n%s",
                 (const char *)f.text.data + sizeof key - 1, value);
    teardown(&f);
}

Test(debezium, message_schema)
{
    struct fixture f;
    json_t *json;
    setup(&f);
    f.options.schemas = true;
    add_message(&f);
    cr_expect_eq(view(&f), HP_OK);
    cr_expect_not_null(
        strstr((const char *)f.text.data, "io.debezium.connector.postgresql.MessageKey\",\"version\":1}"));
    cr_expect_not_null(
        strstr((const char *)f.text.data, "io.debezium.connector.postgresql.MessageValue\",\"version\":1}"));
    json = json_loads(strstr((const char *)f.text.data, "}} {") + 3, JSON_DISABLE_EOF_CHECK, NULL);
    cr_expect_eq(json_array_size(json_object_get(json_object_get(json, "schema"), "fields")), 5u);
    json_decref(json);
    teardown(&f);
}

Test(debezium, errors_leave_nothing_behind)
{
    struct fixture f;
    struct hp_batch batch;
    struct hp_iter it;
    struct buf out;
    struct hp_builder *b;
    uint32_t made;
    setup(&f);
    b = &f.b.b;
    (void)hp_record_begin(b, HP_RECORD_CHANGE, HP_OP_CREATE); /* an int4 of three bytes */
    made = row(b, "1|a|3|q|-");
    hp_record_bytes(b, made, 2, HP_NATIVE, 0, "abc", 3);
    hp_record_open(b)->after = made;
    hp_record_open(b)->schema = f.table->id;
    hp_record_open(b)->topic = 1;
    cr_assert_eq(hp_record_end(b), HP_OK);
    batch = builder_batch(&f.b);
    schema_pool_view(f.pool, &batch);
    it = hp_batch_iter(&batch);
    cr_assert(hp_iter_next(&it));
    buf_init(&out, 1u << 20);
    (void)buf_puts(&out, "before");
    cr_expect_eq(view_value(&batch, it.rec, NULL, &f.options, &out, &f.err), HP_ERROR);
    cr_expect_eq(f.err.klass, HP_ERROR_POISON);
    cr_expect_not_null(strstr(f.err.message, "\"c\" of \"p.public.t\""), "%s", f.err.message);
    cr_expect_str_eq((const char *)out.data, "before");
    cr_expect_eq(view_key(&batch, it.rec, NULL, &f.options, &out, &f.err), HP_OK);
    cr_expect_str_eq((const char *)out.data, "before{\"k2\":\"a\",\"Id\":1}");
    buf_finish(&out);
    buf_init(&out, 40); /* does not fit */
    cr_expect_eq(view_key(&batch, it.rec, NULL, &f.options, &out, &f.err), HP_OK);
    cr_expect_eq(view_value(&batch, it.rec, NULL, &f.options, &out, &f.err), HP_ERROR);
    cr_expect_str_eq((const char *)out.data, "{\"k2\":\"a\",\"Id\":1}");
    buf_finish(&out);
    teardown(&f);
}
