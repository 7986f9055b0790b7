/* types.c: see types.h. */
#include "types.h"

/* ---- the map ---- */

static size_t types_find(const struct typemap *m, uint32_t oid)
{
    size_t low = 0, high = m->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (m->types[mid]->oid < oid) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void type_texts_free(const struct pgtype *t)
{
    free(t->sql);
    free(t->shown);
    free(t->equals);
    free(t->attrs);
}

const struct pgtype *types_get(const struct typemap *m, uint32_t oid)
{
    size_t i = types_find(m, oid);
    return i < m->n && m->types[i]->oid == oid ? m->types[i] : NULL;
}

static void type_free(struct pgtype *t)
{
    type_texts_free(t);
    free(t);
}

bool types_add(struct typemap *m, const struct pgtype *type)
{
    size_t at = types_find(m, type->oid);
    struct pgtype *copy = malloc(sizeof *copy);
    if (!copy) {
        type_texts_free(type);
        return false;
    }
    *copy = *type;
    if (at < m->n && m->types[at]->oid == type->oid) {
        type_free(copy); /* known: pointers to it are out, and it cannot have changed under its OID unnoticed */
        return true;
    }
    if (m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 64;
        struct pgtype **types = realloc(m->types, cap * sizeof(struct pgtype *));
        if (!types) {
            type_free(copy);
            return false;
        }
        m->types = types;
        m->cap = cap;
    }
    memmove(m->types + at + 1, m->types + at, (m->n - at) * sizeof(struct pgtype *));
    m->types[at] = copy;
    m->n++;
    return true;
}

void types_finish(struct typemap *m)
{
    for (size_t i = 0; i < m->n; i++) {
        type_free(m->types[i]);
    }
    free(m->types);
    *m = (struct typemap){0};
}

const struct pgtype *types_without_domain(const struct typemap *m, const struct pgtype *t)
{
    for (int depth = 0; t && t->kind == 'd' && depth < 32; depth++) {
        t = types_get(m, t->base);
    }
    return t;
}

static bool one_of(uint32_t oid, const uint32_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == oid) {
            return true;
        }
    }
    return false;
}

uint32_t types_equality(const struct typemap *m, const struct pgtype *type)
{
    /* bool bytea char name int8 int2 int4 text oid macaddr8 cidr macaddr inet bpchar varchar date time timestamp
       timestamptz bit varbit uuid. Text with a nondeterministic collation is the caller's to exclude. */
    static const uint32_t plain[] = {16,  17,  18,   19,   20,   21,   23,   25,   26,   774,  650,
                                     829, 869, 1042, 1043, 1082, 1083, 1114, 1184, 1560, 1562, 2950};
    type = types_without_domain(m, type);
    if (!type) {
        return EQUAL_UNKNOWN;
    }
    if (type->kind == 'e' || one_of(type->oid, plain, sizeof plain / sizeof *plain)) {
        return EQUAL_BYTES;
    }
    return type->oid == OID_NUMERIC ? EQUAL_NUMERIC : EQUAL_UNKNOWN;
}

/* ---- names ---- */

/* The last part of a qualified name, quotes and [] taken off. */
static struct hp_bytes bare_name(struct hp_bytes name, char out[64])
{
    const char *p = name.data, *end = p + name.len, *start = p;
    bool quoted = false;
    size_t n = 0;
    struct hp_bytes result = {out, 0};
    if (end - p > 2 && memcmp(end - 2, "[]", 2) == 0) {
        end -= 2;
    }
    for (; p < end; p++) {
        quoted ^= *p == '"';
        if (*p == '.' && !quoted) {
            start = p + 1;
        }
    }
    quoted = start < end && *start == '"';
    for (p = start + quoted; p < end - quoted && n < 63; p++) {
        if (quoted && *p == '"') {
            p++;
        }
        if (p < end - quoted) {
            out[n++] = *p;
        }
    }
    result.len = n;
    return result;
}

static bool same_bare_name(struct hp_bytes source, const struct pgtype *target)
{
    char a[64], b[64];
    return source.len && bytes_equal(bare_name(source, a), bare_name(hp_bytes_of(target->shown), b));
}

/* ---- forms ---- */

static bool is_texty(uint32_t oid)
{
    static const uint32_t texty[] = {19, OID_TEXT, OID_JSON, OID_BPCHAR, OID_VARCHAR};
    return one_of(oid, texty, sizeof texty / sizeof *texty);
}

/* citext comes with an extension, and is text on the wire. */
static bool is_citext(struct hp_bytes name)
{
    char bare[64];
    return bytes_are(bare_name(name, bare), "citext");
}

static bool target_is_texty(const struct pgtype *t)
{
    return is_texty(t->oid) || (!t->is_array && is_citext(hp_bytes_of(t->shown)));
}

/* unnest() flattens arrays, and spreads a composite's fields into columns. */
static uint32_t unnestable(const struct typemap *m, const struct pgtype *t)
{
    const struct pgtype *base = types_without_domain(m, t);
    return !base || base->is_array || base->kind == 'c' ? 0 : t->array_oid;
}

static bool needs_rebind(const struct typemap *m, const struct pgtype *t, int depth)
{
    if (!t || depth > 16) {
        return false;
    }
    if (t->kind == 'd') {
        return needs_rebind(m, types_get(m, t->base), depth + 1);
    }
    if (t->is_array) {
        return t->elem >= OID_FIRST_UNSTABLE || needs_rebind(m, types_get(m, t->elem), depth + 1);
    }
    for (uint32_t i = 0; i < t->n_attrs; i++) {
        if (t->attrs[i] >= OID_FIRST_UNSTABLE || needs_rebind(m, types_get(m, t->attrs[i]), depth + 1)) {
            return true;
        }
    }
    return false;
}

/* Has the type a binary form to read, with all that is in it? */
static bool receives(const struct typemap *m, const struct pgtype *t, int depth)
{
    bool all = t && t->has_receive && depth < 16;
    if (all && t->kind == 'd') {
        return receives(m, types_get(m, t->base), depth + 1);
    }
    if (all && t->is_array) {
        return receives(m, types_get(m, t->elem), depth + 1);
    }
    for (uint32_t i = 0; all && i < t->n_attrs; i++) {
        all = receives(m, types_get(m, t->attrs[i]), depth + 1);
    }
    return all;
}

/* Does the target's type read what the source's type's send function wrote (type OIDs inside aside)? */
static bool same_binary(const struct typemap *m, const struct hp_column *s, const struct pgtype *target)
{
    const struct pgtype *base = types_without_domain(m, target);
    bool unstable = s->native_oid >= OID_FIRST_UNSTABLE;
    if (!base || !receives(m, base, 0)) {
        return false;
    }
    if (s->native_kind == 'A') {
        const struct pgtype *elem = base->is_array ? types_get(m, base->elem) : NULL;
        if (!elem) {
            return false;
        }
        if (s->native_base && s->native_base < OID_FIRST_UNSTABLE) {
            const struct pgtype *elem_base = types_without_domain(m, elem);
            return s->native_base == elem->oid || (elem_base && s->native_base == elem_base->oid);
        }
        return same_bare_name(s->native_name, elem) || (elem->kind == 'e' && s->extra.len);
    }
    if (!unstable) {
        return s->native_oid == base->oid || (is_texty(s->native_oid) && target_is_texty(base));
    }
    if (s->native_kind == 'd' && s->native_base && s->native_base < OID_FIRST_UNSTABLE) {
        return s->native_base == base->oid || (is_texty(s->native_base) && target_is_texty(base));
    }
    if (s->native_kind == 'e') {
        return base->kind == 'e' || target_is_texty(base); /* the label, either way */
    }
    if (is_citext(s->native_name)) {
        return target_is_texty(base);
    }
    return same_bare_name(s->native_name, target) || same_bare_name(s->native_name, base);
}

static hp_status no_way(const struct hp_schema *schema, const struct hp_column *s, const struct pgtype *target,
                        struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_CONFIG, "42846",
                   "column %.*s of %.*s has type %.*s, which the target's type %s does not take; create the type in "
                   "the target, change the column there, or leave it out with field.exclude.list",
                   (int)s->name.len, (const char *)s->name.data, (int)schema->table.len,
                   (const char *)schema->table.data, (int)s->native_name.len, (const char *)s->native_name.data,
                   target->shown);
}

/* How a cell of a type that only the source has can travel: a builtin of equal binary form. 0: none. */
static uint32_t stand_in(const struct hp_column *s)
{
    if (s->native_kind == 'A') {
        return s->extra.len || is_citext(s->native_name) ? OID_TEXT_ARRAY
               : s->native_oid < OID_FIRST_UNSTABLE      ? s->native_oid
                                                         : 0;
    }
    if (s->native_kind == 'e' || is_citext(s->native_name)) {
        return OID_TEXT;
    }
    if (s->native_kind == 'd' && s->native_base < OID_FIRST_UNSTABLE) {
        return s->native_base;
    }
    return s->native_oid < OID_FIRST_UNSTABLE ? s->native_oid : 0;
}

/* What a cell that is not native becomes. */
static uint32_t plain_oid(const struct hp_column *s)
{
    static const uint32_t oids[HP_TYPE_COUNT] = {
        [HP_NONE] = OID_TEXT,      [HP_NULL] = OID_TEXT,   [HP_BOOLEAN] = OID_BOOL, [HP_INT8] = OID_INT2,
        [HP_INT16] = OID_INT2,     [HP_INT32] = OID_INT4,  [HP_INT64] = OID_INT8,   [HP_FLOAT32] = OID_FLOAT4,
        [HP_FLOAT64] = OID_FLOAT8, [HP_STRING] = OID_TEXT, [HP_BYTES] = OID_BYTEA,  [HP_ARRAY] = OID_TEXT,
        [HP_MAP] = OID_TEXT,       [HP_STRUCT] = OID_TEXT, [HP_NATIVE] = OID_TEXT,
    };
    static const struct {
        const char *logical;
        uint32_t oid;
    } logicals[] = {
        {"org.apache.kafka.connect.data.Date", OID_DATE},
        {"org.apache.kafka.connect.data.Time", OID_TIME},
        {"org.apache.kafka.connect.data.Timestamp", OID_TIMESTAMPTZ},
        {"io.debezium.time.Date", OID_DATE},
        {"io.debezium.time.Time", OID_TIME},
        {"io.debezium.time.MicroTime", OID_TIME},
        {"io.debezium.time.NanoTime", OID_TIME},
        {"io.debezium.time.Timestamp", OID_TIMESTAMP},
        {"io.debezium.time.MicroTimestamp", OID_TIMESTAMP},
        {"io.debezium.time.NanoTimestamp", OID_TIMESTAMP},
    };
    for (size_t i = 0; s->logical.len && i < sizeof logicals / sizeof *logicals; i++) {
        if (bytes_are(s->logical, logicals[i].logical)) {
            return logicals[i].oid;
        }
    }
    return s->type < HP_TYPE_COUNT ? oids[s->type] : OID_TEXT;
}

/* What a text travels as so that the type's input function reads it: regclass has a cast from text that does not know
   "-", which bpchar has not. */
static uint32_t text_oid(const struct typemap *m, const struct pgtype *target)
{
    const struct pgtype *base = types_without_domain(m, target);
    return base && base->oid == OID_REGCLASS ? OID_BPCHAR : OID_TEXT;
}

hp_status wire_choose(const struct typemap *m, const struct hp_schema *schema, const struct hp_column *source,
                      bool text, const struct pgtype *target, struct wire *out, struct hp_error *err)
{
    bool native = source->type == HP_NATIVE;
    const struct pgtype *stand;
    struct wire w = {0};
    if (native && !bytes_are(schema->native, "pg")) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "column %.*s comes in the native form \"%.*s\", not in PostgreSQL's",
                       (int)source->name.len, (const char *)source->name.data, (int)schema->native.len,
                       (const char *)schema->native.data);
    }
    if (native && !text && same_binary(m, source, target)) {
        w.oid = target->oid;
        w.array_oid = unnestable(m, target);
        w.work = needs_rebind(m, target, 0) ? WIRE_REBIND : WIRE_SAME;
        w.type = target;
        *out = w;
        return HP_OK;
    }
    w.oid = !native ? plain_oid(source) : text ? text_oid(m, target) : stand_in(source);
    stand = types_get(m, w.oid);
    w.work = !native ? WIRE_CONVERT : text && is_tsquery(source) ? WIRE_TSQUERY : WIRE_SAME;
    if (native && !text && !(stand && receives(m, stand, 0)) && !receives(m, target, 0)) {
        w.work = WIRE_NULL;
        stand = types_get(m, OID_TEXT);
    }
    if (!stand) {
        return no_way(schema, source, target, err);
    }
    if (w.work == WIRE_SAME && native && source->native_kind == 'A' && w.oid == OID_TEXT_ARRAY &&
        source->native_oid != OID_TEXT_ARRAY) {
        w.work = WIRE_REBIND; /* labels as texts: the element's OID changes */
    }
    if (is_texty(stand->oid) && target_is_texty(target)) {
        stand = target; /* the same bytes */
    }
    w.oid = stand->oid;
    w.type = stand;
    w.cast = w.oid != target->oid;
    w.array_oid = unnestable(m, stand);
    *out = w;
    return HP_OK;
}

/* ---- rebinding ---- */

struct walk {
    const struct typemap *map;
    const uint8_t *in;
    uint8_t *out; /* a copy of in, being changed */
};

static bool rebind(struct walk *w, const struct pgtype *t, size_t at, size_t len, int depth);

static bool rebind_array(struct walk *w, const struct pgtype *t, size_t at, size_t len, int depth)
{
    const struct pgtype *elem = types_get(w->map, t->elem);
    uint64_t count = 1;
    size_t end = at + len;
    uint32_t dims;
    if (len < 12) {
        return false;
    }
    dims = get_u32(w->in + at);
    if (dims > 6 || len < 12 + (size_t)dims * 8) {
        return false;
    }
    put_u32(w->out + at + 8, t->elem);
    for (uint32_t i = 0; i < dims; i++) {
        count *= get_u32(w->in + at + 12 + (size_t)i * 8);
        if (count > len) {
            return false;
        }
    }
    if (dims == 0 || !needs_rebind(w->map, elem, 0)) {
        return true;
    }
    at += 12 + (size_t)dims * 8;
    for (; count; count--) {
        uint32_t n;
        if (end - at < 4) {
            return false;
        }
        n = get_u32(w->in + at);
        at += 4;
        if (n == UINT32_MAX) {
            continue;
        }
        if (n > end - at || !rebind(w, elem, at, n, depth + 1)) {
            return false;
        }
        at += n;
    }
    return at == end;
}

static bool rebind_composite(struct walk *w, const struct pgtype *t, size_t at, size_t len, int depth)
{
    size_t end = at + len;
    if (len < 4 || get_u32(w->in + at) != t->n_attrs) {
        return false;
    }
    at += 4;
    for (uint32_t i = 0; i < t->n_attrs; i++) {
        uint32_t n;
        if (end - at < 8) {
            return false;
        }
        put_u32(w->out + at, t->attrs[i]);
        n = get_u32(w->in + at + 4);
        at += 8;
        if (n == UINT32_MAX) {
            continue;
        }
        if (n > end - at || !rebind(w, types_get(w->map, t->attrs[i]), at, n, depth + 1)) {
            return false;
        }
        at += n;
    }
    return at == end;
}

static bool rebind(struct walk *w, const struct pgtype *t, size_t at, size_t len, int depth)
{
    t = types_without_domain(w->map, t);
    if (!t || depth > 16) {
        return false;
    }
    return t->is_array  ? rebind_array(w, t, at, len, depth)
           : t->n_attrs ? rebind_composite(w, t, at, len, depth)
                        : true;
}

bool wire_rebind(const struct typemap *m, const struct pgtype *type, const uint8_t *in, size_t len, uint8_t *out)
{
    struct walk w = {m, in, out};
    memcpy(out, in, len);
    return rebind(&w, type, 0, len, 0);
}
