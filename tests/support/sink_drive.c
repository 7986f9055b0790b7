/*
 * sink_drive.c: drives one sink plugin without a host, for tests. It reads one JSON object a line from stdin, does
 * what it says and answers one JSON object a line: {"status":0,...}, or status -1 with class, code, message, record.
 *
 *     sink_drive PLUGIN.so DIALECT CONNECTOR SOURCE-CONNINFO key=value...
 *
 * Values are given as text; the database of SOURCE-CONNINFO turns them into the binary form that a source would have
 * sent, and tells types, labels and OIDs. test_sink_pg.py is the user.
 *
 *   {"do":"schema","as":"s1","name":"t","table":[schema,table],"identity":"d","columns":[[name,type,flags],...]}
 *       flags: a text of k (key), n (not null), g (generated), i (identity). type: SQL, or "=STRING" and the like for
 *       cells that are not native
 *   {"do":"tx","end":LSN,"us":TIME}   {"do":"record","schema":"s1","op":"c","before":[...],"after":[...],"topic":"t"}
 *       a cell: null, "text", {"u":1} unchanged, {"a":1} absent, {"t":"text"} in text form, {"x":N} N letters x
 *   {"do":"plain","topic":"t","key":CELL,"value":CELL,"schema":"s1","key_schema":"s2"}   CELL: a list is a struct
 *   {"do":"bench","schema":"s1","op":"c","rows":N,"batch":N,"commit":N,"keys":K,"first":ID}   rows of (bigint key, int,
 *       72 letters) are built and written, the key running from ID through K values; answers seconds and CPU seconds
 *       spent inside the sink
 *   start, position, put, commit, rollback, flushed, stop, get, set, interrupt (after ms), metric, logged, clear
 */
#include "mock_host.h"

#include <jansson.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NAMES_MAX 64

static struct mock_host *mock;
static const struct hp_host *host;
static const struct hp_plugin_entry *plugin;
static const struct hp_sink *sink;
static const struct hp_sink_offsets *offsets;
static void *instance;
static struct builder builder;
static PGconn *source;
static struct {
    char *as;
    const struct hp_schema *schema;
    char **types;
} schemas[NAMES_MAX];
static size_t n_schemas;

/* Texts that live until the end, so that a leak checker sees the sink's leaks only. */
static char **kept;
static size_t n_kept;

static void *keep(void *p)
{
    kept = realloc(kept, (n_kept + 1) * sizeof *kept);
    if (!p || !kept) {
        abort();
    }
    kept[n_kept++] = p;
    return p;
}

static void die(const char *what)
{
    (void)fprintf(stderr, "sink_drive: %s\n", what);
    exit(2);
}

static const char *text_of(const json_t *o, const char *key, const char *otherwise)
{
    const char *v = json_string_value(json_object_get(o, key));
    return v ? v : otherwise;
}

static uint64_t number_of(const json_t *o, const char *key, uint64_t otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) ? (uint64_t)json_integer_value(v) : otherwise;
}

static PGresult *ask(const char *sql, int n, const char *const *values, int binary)
{
    PGresult *r = PQexecParams(source, sql, n, NULL, values, NULL, NULL, binary);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        die(PQerrorMessage(source));
    }
    return r;
}

/* ---- schemas ---- */

static uint32_t plain_type(const char *name)
{
    static const char *const names[] = {"NONE",    "NULL",    "BOOLEAN", "INT8",  "INT16", "INT32", "INT64",
                                        "FLOAT32", "FLOAT64", "STRING",  "BYTES", "ARRAY", "MAP",   "STRUCT"};
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    die(name);
    return 0;
}

static struct hp_bytes field(const PGresult *r, int col)
{
    const char *v = PQgetvalue(r, 0, col);
    struct hp_bytes b = {keep(strdup(v)), strlen(v)};
    return b;
}

static void native_type(struct hp_column *c, const char *type)
{
    static const char sql[] =
        "WITH q AS (SELECT regexp_replace($1, '\\(.*\\)', '')::regtype::oid AS o) SELECT t.oid, t.typtype,"
        " CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE t.typbasetype END, t.typcategory = 'A',"
        " pg_catalog.format_type(t.oid, NULL),"
        " coalesce((SELECT string_agg(enumlabel, E'\\n' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid IN "
        "(t.oid, t.typelem)), ''),"
        " coalesce(nullif(substring($1 from '\\((\\d+)'), '')::int, -1) FROM q JOIN pg_type t ON t.oid = o";
    const char *values[1] = {type};
    PGresult *r = ask(sql, 1, values, 0);
    c->type = HP_NATIVE;
    c->native_oid = (uint32_t)strtoul(PQgetvalue(r, 0, 0), NULL, 10);
    c->native_kind = *PQgetvalue(r, 0, 3) == 't' ? 'A' : (uint32_t)*PQgetvalue(r, 0, 1);
    c->native_base = (uint32_t)strtoul(PQgetvalue(r, 0, 2), NULL, 10);
    c->native_name = field(r, 4);
    c->extra = field(r, 5);
    c->native_typmod = (int32_t)strtol(PQgetvalue(r, 0, 6), NULL, 10);
    if (c->native_typmod >= 0 && c->native_oid != 1700) {
        c->native_typmod += 4;
    } else {
        c->native_typmod = -1;
    }
    PQclear(r);
}

static void do_schema(const json_t *o)
{
    const json_t *columns = json_object_get(o, "columns");
    const json_t *table = json_object_get(o, "table");
    struct hp_schema s = {.size = sizeof s, .column_size = sizeof(struct hp_column)};
    struct hp_column *cols = keep(calloc(json_array_size(columns) + 1, sizeof *cols));
    struct hp_error err = {.size = sizeof err};
    size_t i;
    uint32_t keys = 0;
    const json_t *column;
    schemas[n_schemas].types = keep(calloc(json_array_size(columns) + 1, sizeof(char *)));
    s.name = hp_bytes_of(text_of(o, "name", "x.public.t"));
    s.native = hp_bytes_of("pg");
    s.database = hp_bytes_of("src");
    if (table) {
        s.namespace_ = hp_bytes_of(json_string_value(json_array_get(table, 0)));
        s.table = hp_bytes_of(json_string_value(json_array_get(table, 1)));
    }
    s.identity = (uint32_t)*text_of(o, "identity", "d");
    json_array_foreach((json_t *)(uintptr_t)columns, i, column)
    {
        const char *type = json_string_value(json_array_get(column, 1));
        const char *flags = json_string_value(json_array_get(column, 2));
        struct hp_column *c = &cols[i];
        c->size = sizeof *c;
        c->name = hp_bytes_of(json_string_value(json_array_get(column, 0)));
        c->native_typmod = -1;
        schemas[n_schemas].types[i] = keep(strdup(type));
        if (*type == '=') {
            char *name = keep(strdup(type + 1)), *colon = strchr(name, ':');
            if (colon) {
                *colon = '\0';
                c->logical = hp_bytes_of(colon + 1);
            }
            c->type = plain_type(name);
        } else {
            native_type(c, type);
        }
        flags = flags ? flags : "";
        c->flags = (strchr(flags, 'k') ? HP_COLUMN_KEY : 0) | (strchr(flags, 'n') ? 0 : HP_COLUMN_OPTIONAL) |
                   (strchr(flags, 'g') ? HP_COLUMN_GENERATED : 0) | (strchr(flags, 'i') ? HP_COLUMN_IDENTITY : 0);
        c->key_position = strchr(flags, 'k') ? ++keys : 0;
        s.n_columns++;
    }
    s.columns = cols;
    schemas[n_schemas].schema = schema_pool_intern(mock_host_pool(mock), &s, &err);
    if (!schemas[n_schemas].schema) {
        die(err.message);
    }
    schemas[n_schemas++].as = keep(strdup(text_of(o, "as", "")));
}

static size_t find_schema(const char *as)
{
    for (size_t i = n_schemas; i > 0; i--) {
        if (strcmp(schemas[i - 1].as, as) == 0) {
            return i - 1;
        }
    }
    die(as);
    return 0;
}

/* ---- records ---- */

static void plain_cell(uint32_t row, uint32_t i, uint32_t type, const json_t *v)
{
    struct hp_builder *b = &builder.b;
    struct hp_cell *cell;
    if (json_is_string(v)) {
        hp_record_bytes(b, row, i, (uint8_t)(type == HP_BYTES ? HP_BYTES : HP_STRING), 0, json_string_value(v),
                        (uint32_t)json_string_length(v));
        return;
    }
    cell = hp_record_put(b, row, i, HP_NULL);
    if (json_is_integer(v)) {
        cell->type = (uint8_t)(type ? type : HP_INT64);
        cell->u.i64 = json_integer_value(v);
    } else if (json_is_real(v)) {
        cell->type = (uint8_t)(type ? type : HP_FLOAT64);
        cell->u.f64 = json_real_value(v);
    } else if (json_is_boolean(v)) {
        cell->type = HP_BOOLEAN;
        cell->u.i64 = json_is_true(v);
    } else if (json_is_array(v)) {
        uint32_t n = (uint32_t)json_array_size(v), at = hp_record_row(b, n);
        for (uint32_t k = 0; k < n; k++) {
            plain_cell(at, k, 0, json_array_get(v, k));
        }
        cell = hp_record_put(b, row, i, (uint8_t)(type == HP_STRUCT || type == 0 ? HP_ARRAY : type));
        cell->u.off = at;
        cell->len = n;
    }
}

static void cell_of(uint32_t row, uint32_t i, const char *type, const json_t *v)
{
    struct hp_builder *b = &builder.b;
    if (json_object_get(v, "u") || json_object_get(v, "a")) {
        struct hp_cell *cell = hp_record_put(b, row, i, HP_NONE);
        cell->flags = json_object_get(v, "u") ? HP_CELL_UNCHANGED : HP_CELL_ABSENT;
    } else if (json_is_null(v)) {
        (void)hp_record_put(b, row, i, HP_NULL);
    } else if (json_object_get(v, "t")) {
        const char *t = json_string_value(json_object_get(v, "t"));
        hp_record_bytes(b, row, i, HP_NATIVE, HP_CELL_TEXT, t, (uint32_t)strlen(t));
    } else if (json_object_get(v, "x")) {
        size_t n = (size_t)number_of(v, "x", 0);
        char *letters = malloc(n);
        memset(letters, 'x', n);
        hp_record_bytes(b, row, i, HP_NATIVE, 0, letters, (uint32_t)n);
        free(letters);
    } else if (*type == '=') {
        char name[16];
        (void)snprintf(name, sizeof name, "%s", type + 1);
        name[strcspn(name, ":")] = '\0';
        plain_cell(row, i, plain_type(name), v);
    } else {
        char sql[400];
        const char *values[1] = {json_string_value(v)};
        PGresult *r;
        (void)snprintf(sql, sizeof sql, "SELECT $1::text::%s", type);
        r = ask(sql, 1, values, 1);
        hp_record_bytes(b, row, i, HP_NATIVE, 0, PQgetvalue(r, 0, 0), (uint32_t)PQgetlength(r, 0, 0));
        PQclear(r);
    }
}

static uint32_t row_of(size_t schema, const json_t *cells)
{
    uint32_t n = schemas[schema].schema->n_columns, row;
    if (!json_is_array(cells)) {
        return 0;
    }
    row = hp_record_row(&builder.b, n);
    for (uint32_t i = 0; i < n; i++) {
        cell_of(row, i, schemas[schema].types[i], json_array_get(cells, i));
    }
    return row;
}

static uint32_t topic_of(const json_t *o, const char *otherwise)
{
    struct hp_error err = {.size = sizeof err};
    return schema_pool_topic(mock_host_pool(mock), hp_bytes_of(text_of(o, "topic", otherwise)), &err);
}

static void do_record(const json_t *o)
{
    size_t schema = find_schema(text_of(o, "schema", ""));
    struct hp_builder *b = &builder.b;
    uint32_t before, after;
    uint64_t repeat = number_of(o, "repeat", 1);
    while (repeat--) {
        (void)hp_record_begin(b, HP_RECORD_CHANGE, (uint8_t)*text_of(o, "op", "c"));
        before = row_of(schema, json_object_get(o, "before"));
        after = row_of(schema, json_object_get(o, "after"));
        hp_record_open(b)->before = before;
        hp_record_open(b)->after = after;
        hp_record_open(b)->schema = schemas[schema].schema->id;
        hp_record_open(b)->topic = topic_of(o, "x.public.t");
        hp_record_open(b)->flags = (uint16_t)number_of(o, "flags", 0);
        if (hp_record_end(b) != HP_OK) {
            die("record does not fit");
        }
    }
}

static uint32_t plain_side(const json_t *v, const char *schema)
{
    uint32_t cell, row;
    if (!v) {
        return 0;
    }
    cell = hp_record_row(&builder.b, 1);
    if (json_is_array(v)) {
        row = row_of(find_schema(schema), v);
        struct hp_cell *c = hp_record_put(&builder.b, cell, 0, HP_STRUCT);
        c->u.off = row;
        c->len = (uint32_t)json_array_size(v);
    } else {
        plain_cell(cell, 0, 0, v);
    }
    return cell;
}

static void do_plain(const json_t *o)
{
    const char *schema = text_of(o, "schema", NULL), *key_schema = text_of(o, "key_schema", NULL);
    uint32_t before, after;
    (void)hp_record_begin(&builder.b, HP_RECORD_PLAIN, 0);
    before = plain_side(json_object_get(o, "key"), key_schema);
    after = plain_side(json_object_get(o, "value"), schema);
    hp_record_open(&builder.b)->before = before;
    hp_record_open(&builder.b)->after = after;
    hp_record_open(&builder.b)->schema = schema ? schemas[find_schema(schema)].schema->id : HP_NO_SCHEMA;
    hp_record_open(&builder.b)->key_schema = key_schema ? schemas[find_schema(key_schema)].schema->id : HP_NO_SCHEMA;
    hp_record_open(&builder.b)->topic = topic_of(o, "t");
    if (hp_record_end(&builder.b) != HP_OK) {
        die("record does not fit");
    }
}

static void do_tx(const json_t *o)
{
    struct hp_tx tx = {.size = sizeof tx, .id = number_of(o, "id", 1), .end_pos = number_of(o, "end", 0)};
    tx.commit_us = (int64_t)number_of(o, "us", 0);
    (void)hp_builder_tx(&builder.b, &tx);
}

/* ---- calls ---- */

static void answer(json_t *o, hp_status st, const struct hp_error *err)
{
    json_object_set_new(o, "status", json_integer(st));
    if (st < 0) {
        json_object_set_new(o, "class", json_integer(err->klass));
        json_object_set_new(o, "code", json_string(err->code));
        json_object_set_new(o, "message", json_string(err->message));
        json_object_set_new(o, "record", json_integer((json_int_t)err->record));
    }
    char *line = json_dumps(o, JSON_COMPACT);
    (void)printf("%s\n", line ? line : "{}");
    (void)fflush(stdout);
    free(line);
    json_decref(o);
}

static void *interrupt_later(void *arg)
{
    unsigned ms = *(unsigned *)arg;
    (void)usleep(ms * 1000); /* the test's question is whether a call that waits already is woken */
    sink->interrupt(instance);
    return NULL;
}

/* ---- speed ---- */

static double seconds(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void bench_record(const struct hp_schema *schema, uint8_t op, uint32_t topic, uint64_t id, uint32_t n)
{
    struct hp_builder *b = &builder.b;
    uint64_t wire_id = __builtin_bswap64(id);
    uint32_t wire_n = __builtin_bswap32(n), row;
    char text[72];
    memset(text, 'a' + (int)(n % 26), sizeof text);
    (void)hp_record_begin(b, HP_RECORD_CHANGE, op);
    row = hp_record_row(b, 3);
    hp_record_bytes(b, row, 0, HP_NATIVE, 0, &wire_id, sizeof wire_id);
    if (op != HP_OP_DELETE) {
        hp_record_bytes(b, row, 1, HP_NATIVE, 0, &wire_n, sizeof wire_n);
        hp_record_bytes(b, row, 2, HP_NATIVE, 0, text, sizeof text);
        hp_record_open(b)->after = row;
    } else {
        hp_record_open(b)->before = row;
    }
    hp_record_open(b)->schema = schema->id;
    hp_record_open(b)->topic = topic;
    (void)hp_record_end(b);
}

static hp_status do_bench(const json_t *o, json_t *out, struct hp_error *err)
{
    const struct hp_schema *schema = schemas[find_schema(text_of(o, "schema", ""))].schema;
    uint64_t rows = number_of(o, "rows", 100000), per_batch = number_of(o, "batch", 5000),
             first = number_of(o, "first", 0);
    uint64_t per_commit = number_of(o, "commit", per_batch), keys = number_of(o, "keys", rows), since = 0;
    uint32_t topic = topic_of(o, "x.public.bench");
    uint8_t op = (uint8_t)*text_of(o, "op", "c");
    double wall = 0, cpu = 0;
    hp_status st = HP_OK;
    for (uint64_t done = 0; st >= 0 && done < rows;) {
        struct hp_sink_position at = {
            .size = sizeof at, .stream = hp_bytes_of("src/1"), .epoch = number_of(o, "epoch", 1)};
        struct hp_batch batch;
        double wall_from, cpu_from;
        builder_reset(&builder);
        for (uint64_t i = 0; i < per_batch && done < rows; i++, done++) {
            bench_record(schema, op, topic, first + done % keys, (uint32_t)done);
        }
        batch = mock_host_batch(mock, &builder);
        batch.stream = hp_bytes_of("src/1");
        at.offset = done;
        wall_from = seconds(CLOCK_MONOTONIC);
        cpu_from = seconds(CLOCK_PROCESS_CPUTIME_ID);
        st = sink->put(instance, &batch, err);
        since += batch.n_records;
        if (st >= 0 && (since >= per_commit || done == rows)) {
            st = sink->commit(instance, &at, err);
            since = 0;
        }
        wall += seconds(CLOCK_MONOTONIC) - wall_from;
        cpu += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_from;
    }
    builder_reset(&builder);
    json_object_set_new(out, "seconds", json_real(wall));
    json_object_set_new(out, "cpu", json_real(cpu));
    return st;
}

static hp_status call(const json_t *o, json_t *out, struct hp_error *err)
{
    const char *what = text_of(o, "do", "");
    struct hp_sink_position at = {.size = sizeof at,
                                  .stream = hp_bytes_of(text_of(o, "stream", "src/1")),
                                  .offset = number_of(o, "offset", 0),
                                  .epoch = number_of(o, "epoch", 1)};
    static unsigned ms;
    pthread_t thread;
    hp_status st = HP_OK;
    if (strcmp(what, "start") == 0) {
        return sink->start(instance, err);
    }
    if (strcmp(what, "put") == 0) {
        struct hp_batch batch = mock_host_batch(mock, &builder);
        batch.stream = hp_bytes_of(text_of(o, "stream", "src/1"));
        batch.first_offset = number_of(o, "first", 0);
        st = sink->put(instance, &batch, err);
        if (!json_object_get(o, "keep")) {
            /* Whatever the sink held on to would be gone now: make that visible. */
            memset(builder.b.base, 0xA5, builder.b.len);
            builder_reset(&builder);
        }
        return st;
    }
    if (strcmp(what, "commit") == 0) {
        return sink->commit(instance, &at, err);
    }
    if (strcmp(what, "rollback") == 0) {
        sink->rollback(instance);
        return HP_OK;
    }
    if (strcmp(what, "bench") == 0) {
        return do_bench(o, out, err);
    }
    if (strcmp(what, "stop") == 0) {
        sink->stop(instance);
        return HP_OK;
    }
    if (strcmp(what, "clear") == 0) {
        builder_reset(&builder);
        return HP_OK;
    }
    if (strcmp(what, "interrupt") == 0) {
        ms = (unsigned)number_of(o, "after", 200);
        if (pthread_create(&thread, NULL, interrupt_later, &ms) != 0) {
            die("thread");
        }
        (void)pthread_detach(thread);
        return HP_OK;
    }
    if (strcmp(what, "metric") == 0) {
        json_object_set_new(out, "value",
                            json_integer(mock_host_metric(mock, text_of(o, "name", ""), text_of(o, "labels", ""))));
        return HP_OK;
    }
    if (strcmp(what, "logged") == 0) {
        json_object_set_new(out, "value", json_boolean(mock_host_logged(mock, text_of(o, "part", "?"))));
        return HP_OK;
    }
    if (strcmp(what, "position") == 0) {
        at.offset = number_of(o, "offset", 999999);
        st = sink->position(instance, &at, err);
    } else if (strcmp(what, "flushed") == 0) {
        at.offset = UINT64_MAX >> 1;
        st = sink->flushed(instance, at.stream, &at.offset, err);
    } else if (strcmp(what, "get") == 0) {
        at.offset = number_of(o, "offset", 999999);
        st = offsets->get(instance, &at, err);
    } else if (strcmp(what, "set") == 0) {
        at.offset = json_object_get(o, "forget") ? UINT64_MAX : at.offset;
        st = offsets->set(instance, &at, err);
    } else {
        die(what);
    }
    json_object_set_new(out, "offset", json_integer((json_int_t)at.offset));
    return st;
}

static bool built(const json_t *o)
{
    static const struct {
        const char *name;
        void (*run)(const json_t *);
    } steps[] = {{"schema", do_schema}, {"record", do_record}, {"plain", do_plain}, {"tx", do_tx}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (strcmp(text_of(o, "do", ""), steps[i].name) == 0) {
            steps[i].run(o);
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct mock_config config;
    struct hp_error err = {.size = sizeof err};
    char *line = NULL;
    size_t cap = 0;
    if (argc < 5) {
        die("usage: sink_drive PLUGIN.so DIALECT CONNECTOR SOURCE-CONNINFO key=value...");
    }
    mock = mock_host_create(getenv("SINK_DRIVE_VERBOSE") != NULL);
    plugin = mock_plugin_load(argv[1]);
    if (!mock || !plugin ||
        !mock_config_init(&config, argv[2], argv[3], (size_t)(argc - 5), (const char *const *)(void *)(argv + 5))) {
        die("cannot begin");
    }
    host = mock_host_face(mock);
    sink = plugin->interface(HP_SINK);
    offsets = plugin->interface(HP_SINK_OFFSETS);
    source = PQconnectdb(argv[4]);
    if (PQstatus(source) != CONNECTION_OK) {
        die(PQerrorMessage(source));
    }
    PQclear(PQexec(source, "SET search_path = ''"));
    if (builder_init(&builder, 1 << 20, 1u << 30, &err) != HP_OK) {
        die(err.message);
    }
    answer(json_object(), plugin->create(host, &config.config, &instance, &err), &err);
    while (getline(&line, &cap, stdin) > 0) {
        json_t *o = json_loads(line, JSON_ALLOW_NUL, NULL), *out = json_object();
        hp_status st = HP_OK;
        if (!o) {
            die("not JSON");
        }
        err = (struct hp_error){.size = sizeof err};
        if (!built(o)) {
            st = call(o, out, &err);
        }
        answer(out, st, &err);
        json_decref(o);
    }
    plugin->destroy(instance);
    builder_finish(&builder);
    PQfinish(source);
    mock_config_finish(&config);
    mock_host_destroy(mock);
    while (n_kept) {
        free(kept[--n_kept]);
    }
    free(kept);
    free(line);
    return 0;
}
