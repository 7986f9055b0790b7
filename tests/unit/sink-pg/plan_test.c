/* plan_test.c: records into steps: coalescing, column sets, order of tables, barriers. */
#include "mock_host.h"
#include "plan.h"

#include <criterion/criterion.h>

static struct typemap map;
static struct builder builder;
static struct plan plan;
static struct mock_host *mock;

/* Tables of (id int key, v text, w text). */
static struct column target_columns[3] = {{.name = "id", .deterministic = true}, {.name = "v"}, {.name = "w"}};
static struct hp_column source_columns[3];
static struct table tables[2];
static struct table_mark marks[2];
static struct shape *shapes[2];
static const struct hp_schema *schemas[2];

static void add_type(uint32_t oid, uint32_t array)
{
    struct pgtype t = {
        .oid = oid, .array_oid = array, .kind = 'b', .has_receive = true, .sql = strdup("x"), .shown = strdup("x")};
    cr_assert(types_add(&map, &t));
}

static void make_table(int i, const char *name)
{
    struct hp_schema s = {.size = sizeof s,
                          .native = hp_bytes_of("pg"),
                          .n_columns = 3,
                          .column_size = sizeof *source_columns,
                          .columns = source_columns};
    struct hp_error err = {.size = sizeof err};
    struct shape *shape = shapes[i] = calloc(1, sizeof *shape);
    s.name = s.table = hp_bytes_of(name);
    schemas[i] = schema_pool_intern(mock_host_pool(mock), &s, &err);
    cr_assert_not_null(schemas[i]);
    tables[i] = (struct table){.schema = "public",
                               .name = (char *)(uintptr_t)name,
                               .quoted = (char *)(uintptr_t)name,
                               .oid = (uint32_t)i + 1,
                               .mark = &marks[i]};
    marks[i] = (struct table_mark){0};
    shape->schema = schemas[i];
    shape->kind = HP_RECORD_CHANGE;
    shape->table = &tables[i];
    shape->n = 3;
    shape->cols = calloc(3, sizeof *shape->cols);
    shape->keys = calloc(1, sizeof *shape->keys);
    shape->n_keys = 1;
    shape->mergeable = shape->insertable = true;
    for (uint32_t c = 0; c < 3; c++) {
        shape->cols[c] = (struct shape_col){.target = &target_columns[c],
                                            .source = hp_schema_column(schemas[i], c),
                                            .source_schema = schemas[i],
                                            .after_src = c,
                                            .before_src = c,
                                            .equality = EQUAL_BYTES,
                                            .key = c == 0};
    }
}

static void set_up(void)
{
    struct hp_error err = {.size = sizeof err};
    static const char *const names[] = {"id", "v", "w"};
    add_type(23, 1007);
    add_type(25, 1009);
    mock = mock_host_create(false);
    for (int c = 0; c < 3; c++) {
        source_columns[c] = (struct hp_column){.size = sizeof *source_columns,
                                               .type = HP_NATIVE,
                                               .native_typmod = -1,
                                               .native_oid = c ? 25 : 23,
                                               .native_kind = 'b'};
        source_columns[c].name = hp_bytes_of(names[c]);
        target_columns[c].type = types_get(&map, c ? 25 : 23);
    }
    make_table(0, "parent");
    make_table(1, "child");
    tables[0].referenced = true;
    tables[1].rank = 1;
    cr_assert_eq(builder_init(&builder, 1 << 16, 1 << 20, &err), HP_OK);
}

static void tear_down(void)
{
    for (int i = 0; i < 2; i++) {
        shape_free(shapes[i]);
    }
    plan_finish(&plan);
    types_finish(&map);
    builder_finish(&builder);
    mock_host_destroy(mock);
}

TestSuite(plan, .init = set_up, .fini = tear_down);

static hp_status shape_of(void *arg, const struct hp_batch *batch, const struct hp_record *rec, struct shape **out,
                          struct hp_error *err)
{
    (void)arg;
    (void)batch;
    (void)err;
    *out = shapes[rec->schema == schemas[0]->id ? 0 : 1];
    return HP_OK;
}

static uint32_t row(int id, const char *v, const char *w)
{
    struct hp_builder *b = &builder.b;
    uint32_t at = hp_record_row(b, 3), wire = __builtin_bswap32((uint32_t)id);
    const char *texts[] = {v, w};
    hp_record_bytes(b, at, 0, HP_NATIVE, 0, &wire, 4);
    for (uint32_t i = 0; i < 2; i++) {
        if (!texts[i]) {
            hp_record_put(b, at, i + 1, HP_NONE)->flags = HP_CELL_UNCHANGED;
        } else if (*texts[i] != '-') {
            hp_record_bytes(b, at, i + 1, HP_NATIVE, 0, texts[i], (uint32_t)strlen(texts[i]));
        }
    }
    return at;
}

/* old: id of the old row, 0: none. v, w: NULL unchanged, "-" absent. */
static void change(int table, char op, int old, int id, const char *v, const char *w)
{
    struct hp_builder *b = &builder.b;
    uint32_t before = 0, after = 0;
    cr_assert_eq(hp_record_begin(b, HP_RECORD_CHANGE, (uint8_t)op), HP_OK);
    if (old) {
        before = row(old, "-", "-");
    }
    if (op != 'd' && op != 't') {
        after = row(id, v, w);
    }
    hp_record_open(b)->before = before;
    hp_record_open(b)->after = after;
    hp_record_open(b)->schema = schemas[table]->id;
    cr_assert_eq(hp_record_end(b), HP_OK);
}

static char text[1 << 16];

static const char *cell_text(const struct entry *e, const struct shape *s, uint32_t col, char half)
{
    static char out[2][16];
    static int turn;
    const struct hp_record *rec;
    const struct hp_cell *cell = plan_cell(&plan, e, &s->cols[col], half, &rec);
    turn ^= 1;
    if (!cell) {
        return "~";
    }
    if (col == 0) {
        struct hp_bytes b = hp_cell_bytes(rec, cell);
        (void)snprintf(out[turn], sizeof out[turn], "%u", get_u32(b.data));
    } else {
        (void)snprintf(out[turn], sizeof out[turn], "%.*s", (int)cell->len,
                       (const char *)hp_cell_bytes(rec, cell).data);
    }
    return out[turn];
}

/* The plan as text: "upsert child 1:a:b 2:c:d; delete parent 1". */
static const char *planned(struct plan_options options)
{
    static const char *const kinds[] = {"insert",  "upsert", "update", "delete", "move",    "kupdate",
                                        "kdelete", "free",   "strict", "out",    "truncate"};
    struct hp_batch batch = mock_host_batch(mock, &builder);
    struct hp_error err = {.size = sizeof err};
    size_t n = 0;
    text[0] = '\0';
    if (plan_build(&plan, &batch, &options, &map, shape_of, NULL, &err) != HP_OK) {
        (void)snprintf(text, sizeof text, "error %u record %d", err.klass, (int)err.record);
        return text;
    }
    for (uint32_t i = 0; i < plan.n_steps; i++) {
        const struct step *s = &plan.steps[i];
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s", i ? "; " : "", kinds[s->kind],
                              s->shape->table->name);
        for (uint32_t k = 0; s->kind != STEP_TRUNCATE && k < s->n; k++) {
            const struct entry *e = &plan.entries[s->entries[k]];
            bool moves = s->kind == SQL_KEY_CHANGE || s->kind == SQL_KEY_STRICT;
            if (s->kind == SQL_DELETE || s->kind == SQL_KEY_OUT) {
                n += (size_t)snprintf(text + n, sizeof text - n, " %s", cell_text(e, s->shape, 0, 'b'));
                continue;
            }
            n += (size_t)snprintf(text + n, sizeof text - n, " %s", moves ? cell_text(e, s->shape, 0, 'b') : "");
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:", moves ? ">" : "", cell_text(e, s->shape, 0, 'a'));
            n += (size_t)snprintf(text + n, sizeof text - n, "%s:", cell_text(e, s->shape, 1, 'a'));
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", cell_text(e, s->shape, 2, 'a'));
        }
    }
    return text;
}

static const struct plan_options upsert = {.insert_mode = MODE_UPSERT, .deletes = true, .truncates = true};

Test(plan, last_state_counts)
{
    change(0, 'c', 0, 1, "a", "b");
    change(0, 'u', 0, 1, "c", NULL);
    change(0, 'c', 0, 2, "x", "y");
    change(0, 'u', 0, 3, "p", "q");
    change(0, 'u', 0, 3, NULL, "r");
    change(0, 'u', 0, 1, NULL, "d");
    cr_assert_str_eq(planned(upsert), "insert parent 2:x:y 1:c:d; upsert parent 3:p:r");
    cr_assert_eq(plan.coalesced, 3);
}

Test(plan, rows_are_grouped_by_their_columns)
{
    change(0, 'u', 0, 1, "a", NULL);
    change(0, 'u', 0, 2, NULL, "b");
    change(0, 'u', 0, 3, "c", "c");
    change(0, 'u', 0, 4, "d", NULL);
    change(0, 'u', 0, 1, NULL, "e"); /* both halves are known by now */
    cr_assert_str_eq(planned(upsert), "upsert parent 3:c:c 1:a:e; update parent 2:~:b; update parent 4:d:~");
}

Test(plan, an_absent_column_is_not_forgotten)
{
    change(0, 'u', 0, 1, "a", "b");
    change(0, 'u', 0, 1, "c", "-");
    cr_assert_str_eq(planned(upsert), "upsert parent 1:a:b; upsert parent 1:c:~");
}

Test(plan, deletes)
{
    change(0, 'c', 0, 1, "a", "b");
    change(0, 'd', 1, 0, NULL, NULL);
    change(1, 'd', 5, 0, NULL, NULL);
    change(1, 'c', 0, 6, "a", "b");
    change(1, 'd', 7, 0, NULL, NULL);
    change(1, 'c', 0, 7, "n", "n"); /* made anew: must replace what may still be there */
    change(0, 'u', 0, 2, "z", "z");
    /* children's deletes first, then writes with parents first, then the deletes of what others refer to */
    cr_assert_str_eq(planned(upsert), "delete child 5; upsert parent 2:z:z; insert child 6:a:b; upsert child 7:n:n; "
                                      "delete parent 1");
    cr_assert(plan.entries[plan.steps[4].entries[0]].born);
}

Test(plan, key_changes_and_truncates_are_barriers)
{
    change(0, 'c', 0, 1, "a", "b");
    change(0, 'u', 1, 9, "a", NULL);
    change(0, 'u', 0, 9, "c", NULL);
    change(1, 't', 0, 0, NULL, NULL);
    change(0, 'c', 0, 1, "n", "n");
    cr_assert_str_eq(planned(upsert), "insert parent 1:a:b; move parent 1>9:a:~; update parent 9:c:~; truncate child; "
                                      "insert parent 1:n:n");
}

/* As if the target had refused that step of the last plan. */
static bool refused(uint32_t step, bool missing)
{
    const struct step *s = &plan.steps[step];
    return plan_refused(&plan, s->shape, &plan.entries[s->entries[0]], mock_host_batch(mock, &builder).n_records,
                        missing);
}

Test(plan, keys_that_move_up)
{
    change(1, 'u', 9, 8, "x", "x"); /* in order as it came */
    change(1, 'u', 1, 2, "a", "a");
    change(1, 'u', 2, 3, "b", NULL);
    change(1, 'd', 3, 0, NULL, NULL);
    cr_assert_str_eq(planned(upsert), "move child 9>8:x:x; move child 1>2:a:a; move child 2>3:b:~; delete child 3");
    cr_assert_not(refused(0, false), "nothing leaves 8");
    cr_assert(refused(1, false));
    cr_assert_str_eq(planned(upsert), "move child 9>8:x:x; out child 3; strict child 2>3:b:~; move child 1>2:a:a");
    /* There was no 3: then 2>3 does not need its place, and the delete is of the row that came there. */
    cr_assert(refused(1, true));
    cr_assert_str_eq(planned(upsert), "move child 9>8:x:x; strict child 2>3:b:~; move child 1>2:a:a; delete child 3");
    cr_assert(refused(1, true));
    cr_assert(!refused(1, true), "known already: no order will do");
    plan.marked = false;
    cr_assert_str_eq(planned(upsert), "move child 9>8:x:x; move child 1>2:a:a; move child 2>3:b:~; delete child 3");
}

Test(plan, a_guess_that_was_wrong)
{
    change(1, 'u', 1, 2, "a", "a");
    change(1, 'u', 2, 1, "b", "b");
    change(1, 'u', 5, 6, "c", "c"); /* one row, moved twice */
    change(1, 'u', 6, 7, "d", "d");
    (void)planned(upsert);
    cr_assert(refused(0, false));
    cr_assert_str_eq(planned(upsert), "out child 1; strict child 2>1:b:b; insert child 2:a:a; strict child 6>7:d:d; "
                                      "move child 5>6:c:c");
    cr_assert(refused(3, true));
    cr_assert_str_eq(planned(upsert), "out child 1; strict child 2>1:b:b; insert child 2:a:a; move child 5>6:c:c; "
                                      "move child 6>7:d:d");
}

Test(plan, circles_that_cannot_be_opened)
{
    change(0, 'u', 1, 2, "a", "a"); /* the parents are referred to */
    change(0, 'u', 2, 1, "b", "b");
    change(1, 'u', 1, 2, "a", NULL); /* a large column of either row is unchanged */
    change(1, 'u', 2, 1, NULL, "b");
    (void)planned(upsert);
    cr_assert(refused(0, false) && refused(2, false));
    cr_assert_str_eq(planned(upsert),
                     "move parent 1>2:a:a; move parent 2>1:b:b; move child 1>2:a:~; move child 2>1:~:b");
    cr_assert(!refused(0, false) && plan_gives_way(&plan, shapes[0], &plan.entries[0]));
}

Test(plan, an_old_row_with_the_same_key_is_no_key_change)
{
    change(0, 'u', 4, 4, "a", "b");
    cr_assert_str_eq(planned(upsert), "upsert parent 4:a:b");
}

Test(plan, ordered)
{
    struct plan_options o = upsert;
    o.ordered = true;
    change(0, 'c', 0, 1, "a", "b");
    change(1, 'd', 1, 0, NULL, NULL);
    change(0, 'u', 0, 1, "c", NULL);
    cr_assert_str_eq(planned(o), "upsert parent 1:a:b; delete child 1; update parent 1:c:~");
}

Test(plan, other_insert_modes)
{
    struct plan_options insert = {.insert_mode = MODE_INSERT}, update = {.insert_mode = MODE_UPDATE, .deletes = true};
    change(0, 'c', 0, 1, "a", "b");
    change(0, 'u', 0, 1, "c", "d");
    change(0, 'd', 1, 0, NULL, NULL);
    change(0, 't', 0, 0, NULL, NULL);
    cr_assert_str_eq(planned(insert), "insert parent 1:a:b 1:c:d");
    cr_assert(plan.skipped_deletes == 1 && plan.skipped_truncates == 1);
    builder_reset(&builder);
    change(0, 'c', 0, 1, "a", "b");
    change(0, 'u', 0, 2, "c", "d");
    cr_assert_str_eq(planned(update), "update parent 1:a:b 2:c:d");
    builder_reset(&builder);
    change(0, 'u', 0, 1, "c", NULL);
    cr_assert_str_eq(planned(insert), "error 3 record 0", "nothing to insert for an unchanged column");
}

Test(plan, without_a_key)
{
    shapes[0]->n_keys = 0;
    shapes[0]->cols[0].key = false;
    change(0, 'c', 0, 1, "a", "b");
    change(0, 'c', 0, 1, "a", "b");
    cr_assert_str_eq(planned(upsert), "insert parent 1:a:b 1:a:b");
    change(0, 'u', 1, 1, "a", "b");
    cr_assert_str_eq(planned(upsert), "error 3 record 2", "the old row is not whole");
}

Test(plan, unmergeable_keys_go_one_by_one)
{
    shapes[0]->mergeable = false;
    change(0, 'c', 0, 1, "a", "b");
    change(0, 'u', 0, 1, "c", NULL);
    change(0, 'd', 1, 0, NULL, NULL);
    cr_assert_str_eq(planned(upsert), "upsert parent 1:a:b; update parent 1:c:~; delete parent 1");
}

Test(plan, many_rows_and_segments)
{
    for (int round = 0; round < 20; round++) {
        for (int i = 1; i <= 50; i++) {
            change(0, 'u', 0, i, "a", "b");
        }
        change(0, 'u', 1000 + round, 2000 + round, "a", "b");
    }
    cr_assert_eq(strncmp(planned(upsert), "upsert parent", 13), 0);
    cr_assert_eq(plan.n_steps, 40);
    for (uint32_t i = 0; i < 40; i++) {
        cr_assert_eq(plan.steps[i].n, i % 2 ? 1 : 50);
    }
}
