/* shape.c: see shape.h. */
#include "shape.h"

void shape_free(struct shape *s)
{
    for (struct colset *set = s->sets, *next; set; set = next) {
        next = set->next;
        for (int k = 0; k < SQL_KINDS * SQL_VARIANTS; k++) {
            struct statement *st = set->statements[k / SQL_VARIANTS][k % SQL_VARIANTS];
            if (st) {
                free(st->sql);
                free(st->types);
                free(st);
            }
        }
        free(set->params);
        free(set);
    }
    free((void *)(uintptr_t)s->topic_name.data);
    free(s->cols);
    free(s->keys);
    free(s->others);
    free(s->pseudo_key);
    free(s);
}

static const struct hp_cell *inside(const struct hp_record *rec, const struct hp_cell *cell, bool scalar)
{
    if (!cell || scalar) {
        return cell && cell->type == HP_NULL ? NULL : cell;
    }
    return cell->type == HP_STRUCT ? (const struct hp_cell *)(const void *)((const uint8_t *)rec + cell->u.off) : NULL;
}

void shape_rows(const struct shape *s, const struct hp_record *rec, const struct hp_cell **out_after,
                const struct hp_cell **out_before)
{
    const struct hp_cell *after = hp_record_after(rec), *before = hp_record_before(rec);
    if (s->kind == HP_RECORD_PLAIN) {
        after = inside(rec, after, s->scalar_value);
        before = inside(rec, before, s->scalar_key);
    }
    *out_after = after;
    *out_before = before;
}

/* ---- column sets ---- */

static hp_status set_params(struct shape *s, const struct typemap *types, struct colset *set, struct hp_error *err)
{
    for (uint32_t half = 0; half < 2; half++) {
        for (uint32_t i = 0; i < s->n; i++) {
            const struct shape_col *c = &s->cols[i];
            uint8_t form = set->forms[half * s->n + i];
            struct param *p = &set->params[set->n_params];
            set->complete = set->complete && form != FORM_UNCHANGED;
            if (form != FORM_BINARY && form != FORM_TEXT) {
                continue;
            }
            p->col = i;
            p->half = half ? 'b' : 'a';
            if (wire_choose(types, c->source_schema, c->source, form == FORM_TEXT, c->target->type, &p->wire, err) !=
                HP_OK) {
                return HP_ERROR;
            }
            set->direct = set->direct && !p->wire.cast;
            set->unnestable = set->unnestable && p->wire.array_oid != 0;
            set->n_params++;
        }
    }
    set->unnestable = set->unnestable && set->n_params > 0;
    return HP_OK;
}

struct colset *shape_set(struct shape *s, const struct typemap *types, const uint8_t *forms, struct hp_error *err)
{
    size_t n = (size_t)s->n * 2;
    struct colset **at = &s->sets, *set;
    for (; (set = *at) != NULL; at = &set->next) {
        if (memcmp(set->forms, forms, n) == 0) {
            if (at != &s->sets) { /* the last one used comes first */
                *at = set->next;
                set->next = s->sets;
                s->sets = set;
            }
            return set;
        }
    }
    set = calloc(1, sizeof *set + n);
    if (set) {
        set->params = calloc(n ? n : 1, sizeof *set->params);
    }
    if (!set || !set->params) {
        free(set);
        (void)out_of_memory(err);
        return NULL;
    }
    memcpy(set->forms, forms, n);
    set->complete = set->direct = set->unnestable = true;
    if (set_params(s, types, set, err) != HP_OK) {
        free(set->params);
        free(set);
        return NULL;
    }
    set->next = s->sets;
    s->sets = set;
    return set;
}

/* ---- statements ---- */

static const char *type_sql(const struct typemap *types, uint32_t oid)
{
    const struct pgtype *t = types_get(types, oid);
    return t ? t->sql : "\"pg_catalog\".\"text\"";
}

/* The pure builder's description of a set; columns are malloc'ed. */
static bool describe(struct shape *s, const struct typemap *types, struct colset *set, struct sql_target *t)
{
    struct sql_column *cols = calloc(s->n ? s->n : 1, sizeof *cols);
    if (!cols) {
        return false;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        const struct shape_col *c = &s->cols[i];
        const struct pgtype *base;
        cols[i].name = c->target->name;
        cols[i].key = c->key;
        cols[i].fixed = c->target->identity_always;
        cols[i].comparable = c->equality != EQUAL_UNKNOWN;
        base = types_without_domain(types, c->target->type);
        cols[i].equals = base ? base->equals : NULL;
        /* The = of enums does not take a domain over one. */
        cols[i].equal_as = base && base->kind == 'e' && base != c->target->type ? base->sql : NULL;
    }
    for (uint32_t p = 0; p < set->n_params; p++) {
        struct sql_column *c = &cols[set->params[p].col];
        const char *wire = type_sql(types, set->params[p].wire.oid);
        const char *cast = set->params[p].wire.cast ? s->cols[set->params[p].col].target->type->sql : NULL;
        if (set->params[p].half == 'a') {
            c->after = 1;
            c->wire = wire;
            c->cast = cast;
        } else {
            c->before = 1;
            c->wire_before = wire;
            c->cast_before = cast;
        }
    }
    *t = (struct sql_target){
        .schema = s->table->schema,
        .name = s->table->name,
        .partitioned = s->table->partitioned,
        .identity = s->table->has_identity,
        /* Rows to insert are checked for nulls before conflicts are: then ON CONFLICT would not reach rows that are
           there. */
        .arbiter = s->arbiter && !s->lacks,
        .doubled = s->doubled,
        .complete = set->complete && s->insertable,
        .columns = cols,
        .n_columns = s->n,
        .others = s->others,
        .n_others = s->n_others,
        .stage = set->stage,
    };
    return true;
}

struct statement *shape_statement(struct shape *s, const struct typemap *types, struct colset *set, int kind,
                                  int variant)
{
    struct statement **slot = &set->statements[kind][variant], *st = *slot;
    struct sql_target t;
    if (st) {
        return st;
    }
    st = calloc(1, sizeof *st);
    if (!st || !describe(s, types, set, &t)) {
        free(st);
        return NULL;
    }
    st->sql = sql_build(kind, variant, &t);
    free((void *)(uintptr_t)t.columns);
    st->n_params = variant == SQL_STAGE ? 0 : set->n_params;
    st->types = calloc(set->n_params ? set->n_params : 1, sizeof *st->types);
    if (!st->sql || !st->types) {
        free(st->sql);
        free(st->types);
        free(st);
        return NULL;
    }
    for (uint32_t i = 0; i < st->n_params; i++) {
        const struct wire *w = &set->params[i].wire;
        st->types[i] = variant == SQL_UNNEST ? w->array_oid : w->oid;
    }
    *slot = st;
    return st;
}

char *shape_copy_sql(struct shape *s, const struct typemap *types, struct colset *set)
{
    struct sql_target t;
    char *sql;
    if (!describe(s, types, set, &t)) {
        return NULL;
    }
    sql = sql_copy(&t);
    free((void *)(uintptr_t)t.columns);
    return sql;
}

char *shape_stage_sql(struct shape *s, const struct typemap *types, struct colset *set, bool create)
{
    struct sql_target t;
    char *sql;
    if (!describe(s, types, set, &t)) {
        return NULL;
    }
    sql = create ? sql_stage_create(&t) : sql_stage_copy(&t);
    free((void *)(uintptr_t)t.columns);
    return sql;
}

/* ---- comparing cells ---- */

/* What of a cell decides equality. Scalars are compared by their eight bytes. */
static struct hp_bytes key_bytes(const struct hp_record *rec, const struct hp_cell *cell)
{
    if (cell->type == HP_NATIVE || cell->type == HP_STRING || cell->type == HP_BYTES) {
        return hp_cell_bytes(rec, cell);
    }
    struct hp_bytes b = {cell->u.inl, cell->type == HP_NULL || cell->type == HP_NONE ? 0 : sizeof cell->u.inl};
    return b;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    __extension__ unsigned __int128 m = (unsigned __int128)(h ^ v) * 0xa0761d6478bd642fu;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t cell_hash(uint64_t hash, const struct hp_record *rec, const struct hp_cell *cell, uint32_t equality)
{
    struct hp_bytes b = key_bytes(rec, cell);
    const uint8_t *p = b.data;
    uint64_t v, n = b.len;
    bool numeric = equality == EQUAL_NUMERIC && cell->type == HP_NATIVE && !(cell->flags & HP_CELL_TEXT) && n >= 8;
    if (numeric) { /* digits, weight, sign; not the display scale */
        v = 0;
        memcpy(&v, p, 6);
        hash = mix(hash, v);
        p += 8;
        n -= 8;
    }
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&v, p, 8);
        hash = mix(hash, v);
    }
    v = 0;
    memcpy(&v, p, n);
    return mix(hash, v ^ (b.len << 56) ^ cell->type);
}

bool cell_same(const struct hp_record *rec_a, const struct hp_cell *a, const struct hp_record *rec_b,
               const struct hp_cell *b, uint32_t equality)
{
    struct hp_bytes x = key_bytes(rec_a, a), y = key_bytes(rec_b, b);
    if (a->type != b->type || (a->flags & HP_CELL_TEXT) != (b->flags & HP_CELL_TEXT) || x.len != y.len) {
        return false;
    }
    if (equality == EQUAL_NUMERIC && a->type == HP_NATIVE && !(a->flags & HP_CELL_TEXT) && x.len >= 8) {
        return memcmp(x.data, y.data, 6) == 0 &&
               memcmp((const uint8_t *)x.data + 8, (const uint8_t *)y.data + 8, x.len - 8) == 0;
    }
    return bytes_equal(x, y);
}
