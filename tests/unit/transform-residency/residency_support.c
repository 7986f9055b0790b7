#include "residency_support.h"

#include "check.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
    const char *name;
    uint32_t oid, flags, key;
} columns[] = {{"id", 23, HP_COLUMN_KEY, 1},
               {"email", 25, 0, 0},
               {"dna", 25, HP_COLUMN_OPTIONAL, 0},
               {"residency", 25, HP_COLUMN_OPTIONAL, 0}};
#define N_COLUMNS (sizeof columns / sizeof columns[0])

void users_init(struct users *u, uint32_t identity, const char *namespace_, const char *table)
{
    struct hp_column made[N_COLUMNS];
    struct hp_error err = {.size = sizeof err};
    struct hp_schema schema = {.size = sizeof schema,
                               .identity = identity,
                               .name = hp_bytes_of("p.app.users"),
                               .native = hp_bytes_of("pg"),
                               .database = hp_bytes_of("db"),
                               .namespace_ = hp_bytes_of(namespace_),
                               .table = hp_bytes_of(table),
                               .n_columns = N_COLUMNS,
                               .column_size = sizeof made[0],
                               .columns = made};
    memset(made, 0, sizeof made);
    for (size_t i = 0; i < N_COLUMNS; i++) {
        made[i].size = sizeof made[i];
        made[i].name = hp_bytes_of(columns[i].name);
        made[i].type = HP_NATIVE;
        made[i].native_oid = columns[i].oid;
        made[i].native_typmod = -1;
        made[i].native_kind = 'b';
        made[i].native_name = hp_bytes_of(columns[i].oid == 23 ? "integer" : "text");
        made[i].flags = columns[i].flags;
        made[i].key_position = columns[i].key;
    }
    memset(u, 0, sizeof *u);
    u->host = mock_host_create(false);
    cr_assert_not_null(u->host);
    u->schema = schema_pool_intern(mock_host_pool(u->host), &schema, &err);
    cr_assert_not_null(u->schema, "%s", err.message);
    cr_assert_gt(schema_pool_topic(mock_host_pool(u->host), hp_bytes_of("p.app.users"), &err), 0u);
    cr_assert_eq(builder_init(&u->in, 1u << 20, 1u << 20, &err), HP_OK);
    cr_assert_eq(builder_init(&u->out, 1u << 20, 1u << 20, &err), HP_OK);
}

void users_finish(struct users *u)
{
    builder_finish(&u->in);
    builder_finish(&u->out);
    mock_host_destroy(u->host);
}

static uint32_t add_row(struct hp_builder *b, const char *text)
{
    char copy[ROW_TEXT_MAX], *at = copy;
    uint32_t row = hp_record_row(b, N_COLUMNS);
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (uint32_t i = 0; i < N_COLUMNS; i++) {
        const char *value = strsep(&at, "|");
        cr_assert_not_null(value, "too few values in %s", text);
        if (strcmp(value, "~") == 0) {
            hp_record_put(b, row, i, HP_NONE)->flags = HP_CELL_UNCHANGED;
        } else if (strcmp(value, "\\N") == 0) {
            (void)hp_record_put(b, row, i, HP_NULL);
        } else if (strcmp(value, "-") != 0 && columns[i].oid == 23) {
            uint32_t v = (uint32_t)strtoul(value, NULL, 10);
            uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
            hp_record_bytes(b, row, i, HP_NATIVE, 0, bytes, sizeof bytes);
        } else if (strcmp(value, "-") != 0) {
            hp_record_bytes(b, row, i, HP_NATIVE, 0, value, (uint32_t)strlen(value));
        }
    }
    return row;
}

void users_add(struct users *u, char op, const char *before, const char *after)
{
    struct hp_builder *b = &u->in.b;
    uint32_t row;
    cr_assert_eq(hp_record_begin(b, HP_RECORD_CHANGE, (uint8_t)op), HP_OK);
    if (before && (row = add_row(b, before))) {
        hp_record_open(b)->before = row;
    }
    if (after && (row = add_row(b, after))) {
        hp_record_open(b)->after = row;
    }
    hp_record_open(b)->topic = 1;
    hp_record_open(b)->schema = u->schema->id;
    hp_record_open(b)->pos = 77;
    hp_record_open(b)->seq = 5;
    cr_assert_eq(hp_record_end(b), HP_OK);
}

static void put_row(const struct hp_batch *batch, const struct hp_record *rec, const struct hp_cell *cells, char *out,
                    size_t size)
{
    const struct hp_schema *s = hp_batch_schema(batch, rec->schema);
    for (uint32_t i = 0; cells && i < s->n_columns; i++) {
        const struct hp_column *column = hp_schema_column(s, i);
        size_t at = strlen(out);
        struct hp_bytes v = {"", 0};
        if (cells[i].type == HP_NATIVE) {
            v = hp_cell_bytes(rec, &cells[i]);
        } else {
            v = hp_bytes_of(cells[i].type == HP_NULL ? "\\N" : cells[i].flags & HP_CELL_UNCHANGED ? "~" : "-");
        }
        if (cells[i].type == HP_NATIVE && column->native_oid == 23) {
            const uint8_t *p = v.data;
            (void)snprintf(out + at, size - at, "%.*s=%d ", (int)column->name.len, (const char *)column->name.data,
                           p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]);
        } else {
            (void)snprintf(out + at, size - at, "%.*s=%.*s ", (int)column->name.len, (const char *)column->name.data,
                           (int)v.len, (const char *)v.data);
        }
    }
}

void users_text(struct users *u, char *out, size_t size)
{
    struct hp_batch batch = mock_host_batch(u->host, &u->out);
    struct hp_error err = {.size = sizeof err};
    struct hp_iter it = hp_batch_iter(&batch);
    cr_assert_eq(batch_check(&batch, &err), HP_OK, "%s", err.message);
    out[0] = 0;
    while (hp_iter_next(&it)) {
        size_t at = strlen(out);
        (void)snprintf(out + at, size - at, "%s%c%s ", at ? "\n" : "", it.rec->op, it.rec->n_headers ? "!" : "");
        put_row(&batch, it.rec, hp_record_before(it.rec), out, size);
        at = strlen(out);
        (void)snprintf(out + at, size - at, "-> ");
        put_row(&batch, it.rec, hp_record_after(it.rec), out, size);
        out[strlen(out) - 1] = 0;
        cr_expect_eq(it.rec->pos, 77u);
        cr_expect_eq(it.rec->seq, 5u);
        cr_expect_eq(it.rec->topic, 1u);
    }
}

char *policy_write(const char *text)
{
    char path[] = "/tmp/residency-policy-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    return strdup(path);
}

void policy_remove(char *path)
{
    (void)unlink(path);
    free(path);
}
