/* Relations and rows: which columns become key and cells, and what a record holds. P7, P8, P12. */
#include "check.h"
#include "mock_host.h"
#include "rows.h"

#include <criterion/criterion.h>

struct bench {
    struct mock_host *host;
    struct services services;
    struct settings settings;
    struct builder builder;
    struct relation *rel;
};

static struct catalog_column facts[] = {
    {.name = (char *)"a", .type_oid = 23, .typmod = -1, .not_null = true, .primary = 2},
    {.name = (char *)"b", .type_oid = 25, .typmod = -1, .unique = 1, .not_null = true},
    {.name = (char *)"c", .type_oid = 25, .typmod = -1, .not_null = true, .primary = 1},
};
static struct catalog_type types[] = {
    {.oid = 23, .kind = 'b', .typmod = -1, .sends_binary = true, .name = (char *)"integer", .labels = (char *)""},
    {.oid = 25, .kind = 'b', .typmod = -1, .sends_binary = true, .name = (char *)"text", .labels = (char *)""},
};
static const struct catalog_table table = {
    .found = true, .relkind = 'r', .identity = 'd', .columns = facts, .n_columns = 3, .types = types, .n_types = 2};

static struct pgoutput_column column(const char *name, uint32_t type, unsigned flags)
{
    struct pgoutput_column c = {.flags = (uint8_t)flags, .name = {name, strlen(name)}, .type_oid = type, .typmod = -1};
    return c;
}

static void set_up(struct bench *b, const struct relation_def *def, const char *extra)
{
    const char *pairs[] = {"database.hostname=h", "database.user=u", "database.dbname=db", "topic.prefix=eu", extra};
    struct hp_error err = {.size = sizeof err};
    struct mock_config c;
    memset(b, 0, sizeof *b);
    b->host = mock_host_create(false);
    cr_assert(mock_config_init(&c, "source-pg", "conn", extra ? 5 : 4, pairs));
    cr_assert(settings_init(&b->settings, &c.config, NULL, &err) == HP_OK, "%s", err.message);
    cr_assert(services_init(&b->services, mock_host_face(b->host), &err) == HP_OK);
    cr_assert(builder_init(&b->builder, 1 << 16, 1 << 20, &err) == HP_OK);
    cr_assert(relation_create(&b->services, &b->settings, def, &table, &b->rel, &err) == HP_OK, "%s", err.message);
    mock_config_finish(&c);
}

static void tear_down(struct bench *b)
{
    relation_destroy(b->rel);
    builder_finish(&b->builder);
    settings_finish(&b->settings);
    mock_host_destroy(b->host);
}

static const struct hp_schema *schema_of(struct bench *b)
{
    return schema_pool_get(mock_host_pool(b->host), b->rel->schema);
}

static const struct pgoutput_value v_n = {NULL, 0, 'n'}, v_u = {NULL, 0, 'u'};

static struct pgoutput_value v(char kind, const char *bytes)
{
    struct pgoutput_value out = {(const uint8_t *)bytes, (uint32_t)strlen(bytes), kind};
    return out;
}

static const struct pgoutput_tuple none;

static const struct hp_record *append(struct bench *b, char op, const struct pgoutput_tuple *before,
                                      const struct pgoutput_tuple *after)
{
    struct hp_error err = {.size = sizeof err};
    struct row_change c = {
        .rel = b->rel, .op = op, .seq = 4, .pos = 99, .before = before, .after = after, .wire_bytes = 4096};
    uint64_t at = b->builder.b.len;
    struct hp_batch batch;
    cr_assert(rows_append(&b->builder.b, &c, &err) == HP_OK, "%s", err.message);
    batch = mock_host_batch(b->host, &b->builder);
    cr_assert(batch_check(&batch, &err) == HP_OK, "%s", err.message);
    return (const struct hp_record *)(const void *)(b->builder.b.base + at);
}

static struct relation_def def3(struct pgoutput_column *columns, char identity, unsigned a, unsigned b, unsigned c)
{
    struct relation_def def = {16385, "public", "T t", identity, 3, columns};
    columns[0] = column("a", 23, a);
    columns[1] = column("b", 25, b);
    columns[2] = column("c", 25, c);
    return def;
}

Test(relation, primary_key_in_its_own_order)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'd', 1, 0, 1);
    struct bench b;
    const struct hp_schema *s;
    set_up(&b, &def, NULL);
    s = schema_of(&b);
    cr_assert(b.rel->straight && b.rel->n_cells == 3);
    cr_assert(s->columns[0].key_position == 2 && s->columns[1].key_position == 0 && s->columns[2].key_position == 1);
    cr_assert(s->columns[0].native_oid == 23 && s->columns[0].native_kind == 'b' && s->identity == 'd');
    cr_assert(memcmp(s->name.data, "eu.public.T t", s->name.len) == 0 && s->name.len == 13);
    struct hp_bytes topic = schema_pool_topic_name(mock_host_pool(b.host), b.rel->topic);
    cr_assert(topic.len == 13 && memcmp(topic.data, "eu.public.T_t", 13) == 0);
    tear_down(&b);
}

Test(relation, key_of_the_rows_own_time_wins)
{
    /* the catalog has another key by now: what the Relation message flags counts */
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'd', 1, 0, 0);
    struct bench b;
    set_up(&b, &def, NULL);
    cr_assert(schema_of(&b)->columns[0].key_position == 1 && schema_of(&b)->columns[2].key_position == 0);
    tear_down(&b);
}

Test(relation, full_identity_takes_the_key_from_the_catalog)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'f', 1, 1, 1);
    struct bench b;
    set_up(&b, &def, NULL);
    cr_assert(schema_of(&b)->columns[0].key_position == 2 && schema_of(&b)->columns[1].key_position == 0);
    tear_down(&b);
}

Test(relation, full_identity_without_its_key_columns_takes_the_unique_index)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'f', 1, 1, 1);
    struct bench b;
    columns[2] = column("dropped", 23, 1);
    set_up(&b, &def, NULL);
    cr_assert(schema_of(&b)->columns[1].key_position == 1 && schema_of(&b)->columns[0].key_position == 0);
    cr_assert(schema_of(&b)->columns[2].flags & HP_COLUMN_OPTIONAL, "unknown to the catalog: may be null");
    tear_down(&b);
}

Test(relation, a_key_column_that_was_renamed_since)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'f', 1, 1, 1);
    struct bench b;
    columns[2] = column("old_name", 25, 1);
    set_up(&b, &def, NULL);
    cr_assert(schema_of(&b)->columns[2].key_position == 1 && schema_of(&b)->columns[0].key_position == 2);
    cr_assert(schema_of(&b)->columns[1].key_position == 0 && !(schema_of(&b)->columns[2].flags & HP_COLUMN_OPTIONAL));
    tear_down(&b);
}

Test(relation, identity_index_that_is_not_the_primary_key)
{
    /* deletes come with b only: the primary key would not be known then */
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'i', 0, 1, 0);
    struct bench b;
    set_up(&b, &def, NULL);
    cr_assert(schema_of(&b)->columns[1].key_position == 1 && schema_of(&b)->columns[0].key_position == 0);
    tear_down(&b);
}

Test(relation, message_key_columns)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'f', 1, 1, 1);
    struct bench b;
    set_up(&b, &def, "message.key.columns=public\\.T t:b,a");
    cr_assert(schema_of(&b)->columns[1].key_position == 1 && schema_of(&b)->columns[0].key_position == 2);
    tear_down(&b);
}

Test(relation, unwanted)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'd', 1, 0, 1);
    struct bench b;
    set_up(&b, &def, "table.exclude.list=public\\..*");
    cr_assert(!b.rel->wanted);
    tear_down(&b);
}

Test(rows, insert)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'd', 1, 0, 1);
    struct pgoutput_value values[3] = {v('b', "\1\2\3\4"), v_n, v('t', "longer than eight")};
    struct pgoutput_tuple after = {'N', 3, values};
    struct bench b;
    set_up(&b, &def, NULL);
    const struct hp_record *rec = append(&b, HP_OP_CREATE, &none, &after);
    const struct hp_cell *cells = hp_record_after(rec);
    cr_assert(rec->before == 0 && rec->seq == 4 && rec->pos == 99 && rec->partition == -1 && rec->flags == 0);
    cr_assert(cells[0].type == HP_NATIVE && cells[0].flags == HP_CELL_INLINE && cells[0].len == 4);
    cr_assert(cells[1].type == HP_NULL);
    cr_assert(cells[2].flags == HP_CELL_TEXT && hp_cell_bytes(rec, &cells[2]).len == 17);
    cr_assert(memcmp(hp_cell_bytes(rec, &cells[2]).data, "longer than eight", 17) == 0);
    tear_down(&b);
}

Test(rows, update_without_old_row)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'd', 1, 0, 1);
    struct pgoutput_value values[3] = {v('b', "1234"), v_u, v('b', "")};
    struct pgoutput_tuple after = {'N', 3, values};
    struct bench b;
    set_up(&b, &def, NULL);
    const struct hp_record *rec = append(&b, HP_OP_UPDATE, &none, &after);
    const struct hp_cell *cells = hp_record_after(rec);
    cr_assert(rec->before == 0 && rec->flags == 0);
    cr_assert(cells[1].type == HP_NONE && cells[1].flags == HP_CELL_UNCHANGED);
    cr_assert(cells[2].type == HP_NATIVE && cells[2].len == 0);
    tear_down(&b);
}

Test(rows, key_change)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'd', 1, 0, 1);
    struct pgoutput_value old[3] = {v('b', "1234"), v_n, v('b', "c")}, new[3] = {v('b', "5678"), v_u, v('b', "c")};
    struct pgoutput_tuple before = {'K', 3, old}, after = {'N', 3, new};
    struct bench b;
    set_up(&b, &def, NULL);
    const struct hp_record *rec = append(&b, HP_OP_UPDATE, &before, &after);
    cr_assert(rec->flags == (HP_REC_KEY_CHANGED | HP_REC_BEFORE_KEY));
    cr_assert(hp_record_before(rec)[1].type == HP_NONE && hp_record_before(rec)[1].flags == HP_CELL_ABSENT, "P8");
    cr_assert(hp_record_after(rec)[1].flags == HP_CELL_UNCHANGED, "unchanged across a key change too");
    tear_down(&b);
}

Test(rows, full_identity_fills_unchanged_values)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'f', 1, 1, 1);
    struct pgoutput_value old[3] = {v('b', "1234"), v('b', "the old value, detoasted"), v('b', "c")};
    struct pgoutput_value new[3] = {v('b', "1234"), v_u, v('b', "d")};
    struct pgoutput_tuple before = {'O', 3, old}, after = {'N', 3, new};
    struct bench b;
    set_up(&b, &def, NULL);
    const struct hp_record *rec = append(&b, HP_OP_UPDATE, &before, &after);
    cr_assert(rec->flags == HP_REC_KEY_CHANGED, "c is part of the key");
    cr_assert(hp_cell_bytes(rec, &hp_record_after(rec)[1]).len == 24, "P7");
    tear_down(&b);
}

Test(rows, delete)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'd', 1, 0, 1);
    struct pgoutput_value old[3] = {v('b', "1234"), v_n, v('b', "c")};
    struct pgoutput_tuple before = {'K', 3, old};
    struct bench b;
    set_up(&b, &def, NULL);
    const struct hp_record *rec = append(&b, HP_OP_DELETE, &before, &none);
    cr_assert(rec->after == 0 && rec->flags == HP_REC_BEFORE_KEY);
    tear_down(&b);
}

Test(rows, columns_left_out)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'd', 1, 0, 1);
    struct pgoutput_value values[3] = {v('b', "1234"), v('b', "secret"), v('b', "kept")};
    struct pgoutput_tuple after = {'N', 3, values};
    struct bench b;
    set_up(&b, &def, "column.exclude.list=public\\.T t\\.[ab]");
    cr_assert(b.rel->n_cells == 2 && !b.rel->straight, "a is a key column and stays");
    const struct hp_record *rec = append(&b, HP_OP_CREATE, &none, &after);
    cr_assert(memcmp(hp_cell_bytes(rec, &hp_record_after(rec)[1]).data, "kept", 4) == 0);
    cr_assert(memmem(rec, rec->size, "secret", 6) == NULL);
    tear_down(&b);
}

Test(rows, width_must_fit)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'd', 1, 0, 1);
    struct pgoutput_value values[4] = {v_n, v_n, v_n, v_n};
    struct pgoutput_tuple after = {'N', 4, values};
    struct row_change c = {.op = HP_OP_CREATE, .before = &none, .after = &after, .wire_bytes = 10};
    struct hp_error err = {.size = sizeof err};
    struct bench b;
    set_up(&b, &def, NULL);
    c.rel = b.rel;
    cr_assert(rows_append(&b.builder.b, &c, &err) == HP_ERROR && err.klass == HP_ERROR_FATAL);
    cr_assert(b.builder.b.len == 0);
    tear_down(&b);
}

Test(rows, too_large_names_table_and_size)
{
    struct pgoutput_column columns[3];
    struct relation_def def = def3(columns, 'd', 1, 0, 1);
    static char big[2 << 20];
    struct pgoutput_value values[3] = {v_n, {(const uint8_t *)big, sizeof big, 'b'}, v_n};
    struct pgoutput_tuple after = {'N', 3, values};
    struct row_change c = {.op = HP_OP_CREATE, .before = &none, .after = &after, .wire_bytes = sizeof big + 30};
    struct hp_error err = {.size = sizeof err};
    struct bench b;
    set_up(&b, &def, NULL);
    c.rel = b.rel;
    cr_assert(rows_append(&b.builder.b, &c, &err) == HP_ERROR && err.klass == HP_ERROR_FATAL);
    cr_assert(strstr(err.message, "public.T t") && strstr(err.message, "max.record.bytes"), "%s", err.message);
    tear_down(&b);
}
