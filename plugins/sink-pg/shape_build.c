/* shape_build.c: the shape of a record: found, or built with the target's catalog; see shape.h, sink.h. */
#include "name.h"
#include "sink.h"

/* A source column on its way to becoming a shape_col. */
struct gathered {
    struct missing_column column;
    uint32_t after_src, before_src;
};

struct building {
    struct sink *s;
    struct shape *shape;
    const struct hp_record *rec;
    struct gathered *cols;
    uint32_t n;
    struct hp_error *err;
};

/* ---- which columns ---- */

static bool in_list(const struct text_list *list, struct hp_bytes name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (bytes_are(name, list->items[i])) {
            return true;
        }
    }
    return false;
}

static bool wanted(const struct building *b, const struct hp_column *c)
{
    const struct sink_config *config = &b->s->config;
    if (config->include.n) {
        return name_listed(config->include.items, config->include.n, b->shape->topic_name, c->name);
    }
    return !name_listed(config->exclude.items, config->exclude.n, b->shape->topic_name, c->name);
}

static void gather(struct building *b, const struct hp_schema *schema, const struct hp_column *c, bool key,
                   uint32_t after, uint32_t before)
{
    if (key || wanted(b, c)) {
        b->cols[b->n++] = (struct gathered){{c, schema, key}, after, before};
    }
}

static bool is_key(const struct building *b, const struct hp_column *c)
{
    const struct sink_config *config = &b->s->config;
    if (config->key_mode == KEY_MODE_NONE) {
        return false;
    }
    return config->key_fields.n ? in_list(&config->key_fields, c->name)
                                : config->key_mode == KEY_MODE_RECORD_KEY && (c->flags & HP_COLUMN_KEY);
}

static hp_status gather_change(struct building *b)
{
    const struct hp_schema *schema = b->shape->schema;
    for (uint32_t i = 0; i < schema->n_columns; i++) {
        const struct hp_column *c = hp_schema_column(schema, i);
        gather(b, schema, c, is_key(b, c), i, i);
    }
    return HP_OK;
}

/* The column that a value of one cell goes to. */
static const struct hp_column *pseudo_column(struct hp_column *c, const char *name, const struct hp_cell *cell)
{
    *c = (struct hp_column){.size = sizeof *c,
                            .name = hp_bytes_of(name),
                            .type = cell->type,
                            .native_typmod = -1,
                            .flags = HP_COLUMN_OPTIONAL};
    return c;
}

static hp_status gather_plain(struct building *b)
{
    static const struct hp_schema none = {.size = sizeof none};
    struct shape *shape = b->shape;
    const struct sink_config *config = &b->s->config;
    const struct hp_cell *key = hp_record_before(b->rec), *value = hp_record_after(b->rec);
    if (config->key_mode == KEY_MODE_RECORD_KEY && key && key->type != HP_NULL) {
        shape->scalar_key = key->type != HP_STRUCT;
        if (shape->scalar_key) {
            if (config->key_fields.n != 1) {
                return hp_fail(b->err, HP_ERROR_CONFIG, "",
                               "records of topic %.*s have a key of one value; primary.key.fields must name the one "
                               "column it goes to",
                               (int)shape->topic_name.len, (const char *)shape->topic_name.data);
            }
            gather(b, &none, pseudo_column(&shape->pseudo[1], config->key_fields.items[0], key), true, NO_SRC, 0);
        } else if (shape->key_schema) {
            for (uint32_t i = 0; i < shape->key_schema->n_columns; i++) {
                const struct hp_column *c = hp_schema_column(shape->key_schema, i);
                if (!config->key_fields.n || in_list(&config->key_fields, c->name)) {
                    gather(b, shape->key_schema, c, true, NO_SRC, i);
                }
            }
        }
    }
    if (!shape->has_value) {
        return HP_OK;
    }
    shape->scalar_value = value->type != HP_STRUCT;
    if (shape->scalar_value) {
        gather(b, &none, pseudo_column(&shape->pseudo[0], "value", value), false, 0, NO_SRC);
        return HP_OK;
    }
    for (uint32_t i = 0; shape->schema && i < shape->schema->n_columns; i++) {
        const struct hp_column *c = hp_schema_column(shape->schema, i);
        bool known = false;
        for (uint32_t k = 0; k < b->n; k++) {
            known = known || bytes_equal(b->cols[k].column.source->name, c->name);
        }
        if (!known) {
            gather(b, shape->schema, c, config->key_mode == KEY_MODE_RECORD_VALUE && is_key(b, c), i, NO_SRC);
        }
    }
    return HP_OK;
}

static hp_status check_keys(const struct building *b)
{
    const struct text_list *fields = &b->s->config.key_fields;
    for (size_t i = 0; b->s->config.key_mode != KEY_MODE_NONE && i < fields->n; i++) {
        bool found = false;
        for (uint32_t k = 0; k < b->n; k++) {
            found = found || (b->cols[k].column.key && bytes_are(b->cols[k].column.source->name, fields->items[i]));
        }
        if (!found) {
            return hp_fail(b->err, HP_ERROR_CONFIG, "", "primary.key.fields: records of topic %.*s have no field %s",
                           (int)b->shape->topic_name.len, (const char *)b->shape->topic_name.data, fields->items[i]);
        }
    }
    return HP_OK;
}

/* ---- which table ---- */

static hp_status find_table(struct sink *s, char *schema, char *name, struct table **out, struct hp_error *err)
{
    hp_status st = catalog_table(&s->catalog, schema, name, out, err);
    if (st == HP_IDLE && !s->config.exact_names) {
        if (schema) {
            name_fold(schema);
        }
        name_fold(name);
        st = catalog_table(&s->catalog, schema, name, out, err);
    }
    return st;
}

static hp_status create_table(struct building *b, const char *schema, const char *name)
{
    struct missing_column *cols = calloc(b->n ? b->n : 1, sizeof *cols);
    hp_status st;
    if (!cols) {
        return out_of_memory(b->err);
    }
    for (uint32_t i = 0; i < b->n; i++) {
        cols[i] = b->cols[i].column;
    }
    st = evolve_create(b->s, schema, name, cols, b->n, b->err);
    free(cols);
    return st;
}

static hp_status resolve_table(struct building *b)
{
    struct sink *s = b->s;
    char *schema = NULL, *name = NULL;
    hp_status st =
        name_expand(s->config.collection_format, b->shape->schema, b->shape->topic_name, &schema, &name, b->err);
    if (st != HP_OK) {
        return st;
    }
    st = find_table(s, schema, name, &b->shape->table, b->err);
    if (st == HP_IDLE && s->config.evolve) {
        st = create_table(b, schema, name);
        if (st == HP_OK) {
            st = catalog_table(&s->catalog, schema, name, &b->shape->table, b->err);
        }
    }
    if (st == HP_IDLE) {
        st = hp_fail(b->err, HP_ERROR_CONFIG, "42P01",
                     "the target has no table \"%s\".\"%s\"; create it there, or set schema.evolution=basic",
                     schema ? schema : s->catalog.default_schema, name);
    }
    free(schema);
    free(name);
    return st;
}

/* ---- columns to columns ---- */

static const struct column *match_column(const struct sink *s, const struct table *t, struct hp_bytes name)
{
    const struct column *c = table_column(t, name.data, name.len);
    char folded[NAME_MAX_BYTES + 1];
    if (c || s->config.exact_names || name.len > NAME_MAX_BYTES) {
        return c;
    }
    memcpy(folded, name.data, name.len);
    folded[name.len] = '\0';
    name_fold(folded);
    return table_column(t, folded, name.len);
}

/* Columns that the target's table, as it is known, does not have. */
static size_t list_missing(const struct building *b, struct missing_column *out)
{
    size_t n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        if (!match_column(b->s, b->shape->table, b->cols[i].column.source->name)) {
            out[n++] = b->cols[i].column;
        }
    }
    return n;
}

static hp_status read_table_again(struct building *b)
{
    struct table *old = b->shape->table;
    hp_status st;
    catalog_retire(&b->s->catalog, old);
    st = catalog_table(&b->s->catalog, old->schema, old->name, &b->shape->table, b->err);
    return st == HP_IDLE ? hp_fail(b->err, HP_ERROR_RETRY, "42P01", "the target's table %s has just gone", old->quoted)
                         : st;
}

/* Columns that the target lacks are added, or are an error. */
static hp_status complete_table(struct building *b)
{
    struct sink *s = b->s;
    struct shape *shape = b->shape;
    struct missing_column *missing = calloc(b->n ? b->n : 1, sizeof *missing);
    size_t n;
    hp_status st = HP_OK;
    if (!missing) {
        return out_of_memory(b->err);
    }
    n = list_missing(b, missing);
    if (n) { /* it may have been altered since it was read, as a careful user does before altering the source */
        st = read_table_again(b);
        n = st == HP_OK ? list_missing(b, missing) : 0;
    }
    if (n && !s->config.evolve) {
        st =
            hp_fail(b->err, HP_ERROR_CONFIG, "42703",
                    "the target's table %s has no column \"%.*s\"; add it there, set schema.evolution=basic, or leave "
                    "it out with field.exclude.list",
                    shape->table->quoted, (int)missing[0].source->name.len, (const char *)missing[0].source->name.data);
    } else if (n) {
        st = evolve_add(s, shape->table, missing, n, b->err);
        if (st == HP_OK) {
            st = read_table_again(b);
        }
    }
    free(missing);
    return st;
}

/* Types that values may travel in besides the columns' own. */
static hp_status load_types(struct building *b)
{
    static const uint32_t common[] = {OID_BOOL, OID_BYTEA,  OID_INT8,      OID_INT2,       OID_INT4,
                                      OID_TEXT, OID_BPCHAR, OID_FLOAT4,    OID_FLOAT8,     OID_TEXT_ARRAY,
                                      OID_DATE, OID_TIME,   OID_TIMESTAMP, OID_TIMESTAMPTZ};
    size_t n = sizeof common / sizeof *common;
    uint32_t *oids = malloc((n + 2 * (size_t)b->n) * sizeof *oids);
    hp_status st;
    if (!oids) {
        return out_of_memory(b->err);
    }
    memcpy(oids, common, sizeof common);
    for (uint32_t i = 0; i < b->n; i++) {
        const struct hp_column *c = b->cols[i].column.source;
        if (c->type == HP_NATIVE && c->native_oid && c->native_oid < OID_FIRST_UNSTABLE) {
            oids[n++] = c->native_oid;
        }
        if (c->type == HP_NATIVE && c->native_kind == 'd' && c->native_base && c->native_base < OID_FIRST_UNSTABLE) {
            oids[n++] = c->native_base;
        }
    }
    st = catalog_types(&b->s->catalog, oids, n, b->err);
    free(oids);
    return st;
}

static hp_status map_columns(struct building *b)
{
    struct shape *shape = b->shape;
    const struct table *t = shape->table;
    uint32_t *attnums;
    shape->cols = calloc(b->n ? b->n : 1, sizeof *shape->cols);
    shape->keys = calloc(b->n ? b->n : 1, sizeof *shape->keys);
    shape->others = calloc(t->n_columns ? t->n_columns : 1, sizeof *shape->others);
    attnums = calloc(b->n ? b->n : 1, sizeof *attnums);
    if (!shape->cols || !shape->keys || !shape->others || !attnums) {
        free(attnums);
        return out_of_memory(b->err);
    }
    shape->mergeable = true;
    shape->insertable = b->s->config.insert_mode != MODE_UPDATE;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct gathered *g = &b->cols[i];
        const struct column *target = match_column(b->s, t, g->column.source->name);
        struct shape_col *c = &shape->cols[shape->n];
        if (!target || target->generated) {
            if (target && g->column.key) {
                free(attnums);
                return hp_fail(b->err, HP_ERROR_CONFIG, "",
                               "key column \"%s\" of the target's table %s is generated; "
                               "name other key columns with primary.key.fields",
                               target->name, t->quoted);
            }
            continue;
        }
        *c = (struct shape_col){
            .target = target,
            .source = g->column.source,
            .source_schema = g->column.schema,
            .after_src = g->after_src,
            .before_src = g->before_src,
            .equality = target->deterministic ? types_equality(&b->s->catalog.types, target->type) : EQUAL_UNKNOWN,
            .key = g->column.key,
        };
        if (c->key) {
            attnums[shape->n_keys] = target->attnum;
            shape->keys[shape->n_keys++] = shape->n;
            shape->mergeable = shape->mergeable && c->equality != EQUAL_UNKNOWN;
        }
        shape->n++;
    }
    shape->arbiter = table_unique_on(t, attnums, shape->n_keys, true);
    shape->doubled = !shape->arbiter && table_unique_on(t, attnums, shape->n_keys, false);
    free(attnums);
    for (uint32_t i = 0; i < t->n_columns; i++) {
        bool fed = t->columns[i].generated;
        for (uint32_t k = 0; !fed && k < shape->n; k++) {
            fed = shape->cols[k].target == &t->columns[i];
        }
        if (!fed) {
            shape->lacks = shape->lacks || t->columns[i].required;
            shape->others[shape->n_others++] = t->columns[i].name;
        }
    }
    return HP_OK;
}

/* ---- finding ---- */

static bool has_value(const struct hp_record *rec)
{
    const struct hp_cell *value = hp_record_after(rec);
    return rec->kind == HP_RECORD_PLAIN && value && value->type != HP_NULL;
}

static bool scalar(const struct hp_cell *cell)
{
    return cell && cell->type != HP_STRUCT;
}

static bool fits(const struct shape *s, const struct hp_batch *batch, const struct hp_record *rec)
{
    if (s->schema != hp_batch_schema(batch, rec->schema) || s->topic != rec->topic || s->kind != rec->kind) {
        return false;
    }
    return rec->kind == HP_RECORD_CHANGE ||
           (s->key_schema == hp_batch_schema(batch, rec->key_schema) && s->has_value == has_value(rec) &&
            (!s->has_value || (s->scalar_value == scalar(hp_record_after(rec)) &&
                               (!s->scalar_value || s->pseudo[0].type == hp_record_after(rec)->type))) &&
            (!hp_record_before(rec) ? s->n_keys == 0 || s->pseudo[1].type == 0
                                    : !s->scalar_key || s->pseudo[1].type == hp_record_before(rec)->type));
}

/* A key of other columns than the source's: changes of it cannot be seen without the old row. */
static void warn_of_unseen_changes(const struct building *b)
{
    const struct shape *shape = b->shape;
    for (uint32_t k = 0; shape->kind == HP_RECORD_CHANGE && k < shape->n_keys; k++) {
        const struct hp_column *c = shape->cols[shape->keys[k]].source;
        if (!(c->flags & HP_COLUMN_KEY) && shape->schema->identity != HP_IDENTITY_FULL) {
            sink_log(
                b->s, HP_LOG_WARN,
                "%s: the key column %.*s is not of the source's key, and the source sends no old rows: a change of "
                "it leaves the old row here, and deletes are errors. Set REPLICA IDENTITY FULL at the source",
                shape->table->quoted, (int)c->name.len, (const char *)c->name.data);
            return;
        }
    }
}

static hp_status build(struct building *b, const struct hp_batch *batch)
{
    struct shape *shape = b->shape;
    const struct hp_record *rec = b->rec;
    uint32_t most;
    hp_status st;
    shape->schema = hp_batch_schema(batch, rec->schema);
    shape->key_schema = hp_batch_schema(batch, rec->key_schema);
    shape->topic = rec->topic;
    shape->kind = rec->kind;
    shape->has_value = has_value(rec);
    if (rec->topic < batch->n_topics) {
        shape->topic_name.data = copy_text(batch->topics[rec->topic].data, batch->topics[rec->topic].len);
        shape->topic_name.len = batch->topics[rec->topic].len;
        if (!shape->topic_name.data) {
            return out_of_memory(b->err);
        }
    }
    if (rec->kind == HP_RECORD_CHANGE && !shape->schema) {
        return hp_fail(b->err, HP_ERROR_FATAL, "", "a change without a schema");
    }
    most = 2 + (shape->schema ? shape->schema->n_columns : 0) + (shape->key_schema ? shape->key_schema->n_columns : 0);
    b->cols = calloc(most, sizeof *b->cols);
    if (!b->cols) {
        return out_of_memory(b->err);
    }
    st = rec->kind == HP_RECORD_CHANGE ? gather_change(b) : gather_plain(b);
    st = st == HP_OK ? check_keys(b) : st;
    st = st == HP_OK ? resolve_table(b) : st;
    st = st == HP_OK ? complete_table(b) : st;
    st = st == HP_OK ? load_types(b) : st;
    st = st == HP_OK ? map_columns(b) : st;
    if (st == HP_OK && b->s->config.key_mode == KEY_MODE_RECORD_KEY) {
        warn_of_unseen_changes(b);
    }
    return st;
}

hp_status sink_shape(void *arg, const struct hp_batch *batch, const struct hp_record *rec, struct shape **out,
                     struct hp_error *err)
{
    struct sink *s = arg;
    struct stream *t = s->batch_stream;
    struct building b = {.s = s, .rec = rec, .err = err};
    hp_status st;
    for (struct shape *shape = rec->schema < t->n_shapes ? t->shapes[rec->schema] : NULL; shape; shape = shape->next) {
        if (fits(shape, batch, rec)) {
            *out = shape;
            return HP_OK;
        }
    }
    if (rec->schema >= t->n_shapes) {
        uint32_t n = rec->schema + 16;
        struct shape **shapes = realloc(t->shapes, n * sizeof(struct shape *));
        if (!shapes) {
            return out_of_memory(err);
        }
        memset(shapes + t->n_shapes, 0, (n - t->n_shapes) * sizeof(struct shape *));
        t->shapes = shapes;
        t->n_shapes = n;
    }
    b.shape = calloc(1, sizeof *b.shape);
    st = b.shape ? build(&b, batch) : out_of_memory(err);
    free(b.cols);
    if (st != HP_OK) {
        if (b.shape) {
            shape_free(b.shape);
        }
        return st;
    }
    b.shape->next = t->shapes[rec->schema];
    t->shapes[rec->schema] = b.shape;
    *out = b.shape;
    return HP_OK;
}
