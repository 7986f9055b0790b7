/* relation.c: see relation.h. */
#include "relation.h"

#include "no_memory.h"

#include <stdlib.h>

/* ---- the table of them ---- */

static size_t slot_of(const struct relations *r, uint32_t oid)
{
    size_t i = (oid * 2654435761u) & (r->cap - 1);
    while (r->slots[i] && r->slots[i]->oid != oid) {
        i = (i + 1) & (r->cap - 1);
    }
    return i;
}

struct relation *relations_find(struct relations *r, uint32_t oid)
{
    if (r->last && r->last->oid == oid) {
        return r->last;
    }
    if (!r->cap) {
        return NULL;
    }
    r->last = r->slots[slot_of(r, oid)];
    return r->last;
}

hp_status relations_put(struct relations *r, struct relation *rel, struct hp_error *err)
{
    size_t at;
    if ((r->n + 1) * 2 > r->cap) {
        struct relations bigger = {.cap = r->cap ? r->cap * 2 : 64};
        bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
        if (!bigger.slots) {
            return no_memory(err);
        }
        for (size_t i = 0; i < r->cap; i++) {
            if (r->slots[i]) {
                bigger.slots[slot_of(&bigger, r->slots[i]->oid)] = r->slots[i];
                bigger.n++;
            }
        }
        free(r->slots);
        *r = bigger;
    }
    at = slot_of(r, rel->oid);
    r->n += r->slots[at] == NULL;
    relation_destroy(r->slots[at]);
    r->slots[at] = rel;
    r->last = NULL;
    return HP_OK;
}

void relations_finish(struct relations *r)
{
    for (size_t i = 0; i < r->cap; i++) {
        relation_destroy(r->slots[i]);
    }
    free(r->slots);
    memset(r, 0, sizeof *r);
}

void relation_destroy(struct relation *rel)
{
    if (rel) {
        free(rel->cell_of);
        free(rel->is_key);
        free(rel->in_identity);
        free(rel->name);
        free(rel->definition);
        free(rel);
    }
}

/* ---- making one ---- */

struct making {
    const struct services *services;
    const struct settings *settings;
    const struct relation_def *def;
    const struct catalog_table *table;
    struct lineage lineage;
    const struct catalog_column **facts; /* by wire column; NULL: not in the catalog (any more) */
    uint32_t *key;                       /* by wire column: position in the key, 0: not in it */
    struct hp_error *err;
};

/* The key is the catalog's primary key (or unique index), if all of its columns are here. */
static bool key_from_catalog(struct making *m, bool primary)
{
    size_t here = 0, there = 0;
    for (size_t i = 0; i < m->table->n_columns; i++) {
        there += (primary ? m->table->columns[i].primary : m->table->columns[i].unique) > 0;
    }
    for (uint16_t i = 0; i < m->def->n_columns; i++) {
        m->key[i] = !m->facts[i] ? 0 : primary ? m->facts[i]->primary : m->facts[i]->unique;
        here += m->key[i] > 0;
    }
    if (here == there && here > 0) {
        return true;
    }
    memset(m->key, 0, m->def->n_columns * sizeof *m->key);
    return false;
}

static size_t key_from_identity(struct making *m)
{
    uint32_t n = 0;
    for (uint16_t i = 0; i < m->def->n_columns; i++) {
        m->key[i] = (m->def->columns[i].flags & PGOUTPUT_RELATION_KEY) ? ++n : 0;
    }
    return n;
}

/* Is every key column sent with deletes. */
static bool key_in_identity(const struct making *m)
{
    for (uint16_t i = 0; i < m->def->n_columns; i++) {
        if (m->key[i] && !(m->def->columns[i].flags & PGOUTPUT_RELATION_KEY)) {
            return false;
        }
    }
    return true;
}

/* The replica identity says, at the row's own time, which columns tell rows apart; the catalog tells their order, and
   the key of tables whose identity says nothing (FULL, NOTHING). */
static void find_key(struct making *m)
{
    size_t flagged = 0, primary = 0;
    for (uint16_t i = 0; i < m->def->n_columns; i++) {
        flagged += (m->def->columns[i].flags & PGOUTPUT_RELATION_KEY) != 0;
    }
    if (m->def->identity == HP_IDENTITY_FULL || flagged == 0) {
        (void)(key_from_catalog(m, true) || key_from_catalog(m, false));
        return;
    }
    if (key_from_catalog(m, true)) {
        for (uint16_t i = 0; i < m->def->n_columns; i++) {
            primary += m->key[i] > 0;
        }
        if (key_in_identity(m) && (m->def->identity == HP_IDENTITY_INDEX || primary == flagged)) {
            return;
        }
    }
    (void)key_from_identity(m);
}

/* As it is written, or else without regard to case, as lists are; n_columns: there is none. */
static uint16_t column_named(const struct relation_def *def, const char *name)
{
    uint16_t alike = def->n_columns;
    for (uint16_t i = 0; i < def->n_columns; i++) {
        if (strcmp(def->columns[i].name.data, name) == 0) {
            return i;
        }
        alike = strcasecmp(def->columns[i].name.data, name) == 0 ? i : alike;
    }
    return alike;
}

static hp_status key_from_rule(struct making *m, const char *columns)
{
    char **names = NULL;
    size_t n = 0, found = 0;
    if (!list_split(columns, ',', &names, &n)) {
        return no_memory(m->err);
    }
    memset(m->key, 0, m->def->n_columns * sizeof *m->key);
    for (size_t k = 0; k < n; k++) {
        const uint16_t i = column_named(m->def, names[k]);
        if (i < m->def->n_columns) {
            m->key[i] = (uint32_t)k + 1;
            found++;
        }
    }
    free(names);
    if (found != n) {
        return hp_fail(m->err, HP_ERROR_CONFIG, "", "message.key.columns: table %s.%s has no columns %s",
                       m->def->schema, m->def->table, columns);
    }
    if (m->def->identity != HP_IDENTITY_NOTHING && !key_in_identity(m)) {
        return hp_fail(m->err, HP_ERROR_CONFIG, "",
                       "message.key.columns: table %s.%s sends deletes without %s; give it REPLICA IDENTITY FULL or a "
                       "unique index "
                       "on them as REPLICA IDENTITY",
                       m->def->schema, m->def->table, columns);
    }
    return HP_OK;
}

static struct hp_bytes bytes_of(const char *text)
{
    return hp_bytes_of(text ? text : "");
}

static void fill_column(const struct making *m, uint16_t i, struct hp_column *c)
{
    const struct pgoutput_column *from = &m->def->columns[i];
    const struct catalog_column *fact = m->facts[i];
    const struct catalog_type *type = catalog_type_find(m->table, from->type_oid);
    c->size = sizeof *c;
    c->name.data = from->name.data;
    c->name.len = from->name.len;
    c->type = HP_NATIVE;
    c->native_oid = from->type_oid;
    c->native_typmod = from->typmod;
    c->native_kind = 'b';
    c->native_name = bytes_of("unknown");
    if (type) {
        c->native_base = type->base;
        c->native_kind = (uint32_t)(uint8_t)type->kind;
        c->native_name = bytes_of(type->name);
        c->extra = bytes_of(type->labels);
        if (type->kind == 'd' && from->typmod < 0) {
            c->native_typmod = type->typmod;
        }
    }
    if (!(fact && fact->not_null)) {
        c->flags |= HP_COLUMN_OPTIONAL;
    }
    if (fact && fact->identity) {
        c->flags |= HP_COLUMN_IDENTITY;
    }
    if (fact && fact->generated) {
        c->flags |= HP_COLUMN_GENERATED;
    }
    if (m->key[i]) {
        c->flags |= HP_COLUMN_KEY;
        c->key_position = m->key[i];
    }
}

/* Kafka's letters, as Debezium does it. */
static void topic_name(const struct making *m, char *out, size_t size)
{
    (void)snprintf(out, size, "%s%s%s%s%s", m->settings->prefix, m->settings->delimiter, m->def->schema,
                   m->settings->delimiter, m->def->table);
    for (; *out; out++) {
        unsigned char c = (unsigned char)*out;
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
              c == '-')) {
            *out = '_';
        }
    }
}

static hp_status intern(struct making *m, struct relation *rel, const struct hp_column *columns)
{
    char name[640], topic[640];
    const struct hp_schema *interned;
    struct hp_schema schema = {.size = sizeof schema,
                               .identity = (uint32_t)(uint8_t)m->def->identity,
                               .native = bytes_of("pg"),
                               .database = bytes_of(m->settings->dbname),
                               .namespace_ = bytes_of(m->def->schema),
                               .table = bytes_of(m->def->table),
                               .n_columns = rel->n_cells,
                               .column_size = sizeof *columns,
                               .columns = columns};
    (void)snprintf(name, sizeof name, "%s.%s.%s", m->settings->prefix, m->def->schema, m->def->table);
    topic_name(m, topic, sizeof topic);
    schema.name = bytes_of(name);
    interned = m->services->records->schema(m->services->host, &schema, m->err);
    if (!interned) {
        return HP_ERROR;
    }
    rel->schema = interned->id;
    rel->interned = interned;
    rel->topic = m->services->records->topic(m->services->host, bytes_of(topic), m->err);
    return rel->topic ? HP_OK : HP_ERROR;
}

/* Which columns stay, in which cells. */
static hp_status place_columns(struct making *m, struct relation *rel, struct hp_column *columns)
{
    rel->straight = true;
    for (uint16_t i = 0; i < m->def->n_columns; i++) {
        bool keep = true;
        if (!m->key[i] &&
            settings_wants_column(m->settings, &m->lineage, m->def->columns[i].name.data, &keep, m->err) != HP_OK) {
            return HP_ERROR;
        }
        if (!keep) {
            rel->cell_of[i] = RELATION_LEFT_OUT;
            rel->straight = false;
            continue;
        }
        rel->cell_of[i] = rel->n_cells;
        rel->is_key[rel->n_cells] = m->key[i] > 0;
        rel->in_identity[rel->n_cells] = (m->def->columns[i].flags & PGOUTPUT_RELATION_KEY) != 0;
        fill_column(m, i, &columns[rel->n_cells++]);
    }
    return HP_OK;
}

static bool in_definition(const struct relation_def *def, const struct catalog_column *c)
{
    for (uint16_t i = 0; i < def->n_columns; i++) {
        if (strcmp(def->columns[i].name.data, c->name) == 0) {
            return true;
        }
    }
    return false;
}

/* What the catalog says of the columns, by their names; one that was renamed since is the one on either side that is
   left over. */
static void find_facts(struct making *m)
{
    const struct catalog_column *newer = NULL;
    uint16_t older = 0;
    size_t n_newer = 0, n_older = 0;
    for (uint16_t i = 0; i < m->def->n_columns; i++) {
        m->facts[i] = catalog_column_find(m->table, m->def->columns[i].name.data, m->def->columns[i].name.len);
        older = m->facts[i] ? older : i;
        n_older += !m->facts[i];
    }
    for (size_t i = 0; n_older == 1 && i < m->table->n_columns; i++) {
        const struct catalog_column *c = &m->table->columns[i];
        if (!c->generated && !in_definition(m->def, c)) {
            newer = c;
            n_newer++;
        }
    }
    if (n_newer == 1 && newer->type_oid == m->def->columns[older].type_oid) {
        m->facts[older] = newer;
    }
}

static hp_status make(struct making *m, struct relation *rel, struct hp_column *columns)
{
    const char *rule = NULL;
    find_facts(m);
    if (settings_rule(m->settings->keys, m->settings->n_keys, &m->lineage, &rule, m->err) != HP_OK) {
        return HP_ERROR;
    }
    if (!rule) {
        find_key(m);
    } else if (key_from_rule(m, rule) != HP_OK) {
        return HP_ERROR;
    }
    if (place_columns(m, rel, columns) != HP_OK) {
        return HP_ERROR;
    }
    return intern(m, rel, columns);
}

hp_status relation_create(const struct services *services, const struct settings *settings,
                          const struct relation_def *def, const struct catalog_table *table, struct relation **out,
                          struct hp_error *err)
{
    size_t n = (size_t)def->n_columns + 1, name_len = strlen(def->schema) + strlen(def->table) + 2;
    struct relation *rel = calloc(1, sizeof *rel);
    struct hp_column *columns = calloc(n, sizeof *columns);
    struct making m = {services, settings, def, table, {.n = 0}, calloc(n, sizeof *m.facts), calloc(n, sizeof *m.key),
                       err};
    hp_status st = HP_ERROR;
    if (rel) {
        rel->oid = def->oid;
        rel->identity = def->identity;
        rel->n_wire = def->n_columns;
        rel->cell_of = calloc(n, sizeof *rel->cell_of);
        rel->is_key = calloc(n, 1);
        rel->in_identity = calloc(n, 1);
        rel->name = malloc(name_len);
    }
    if (!rel || !columns || !m.facts || !m.key || !rel->cell_of || !rel->is_key || !rel->in_identity || !rel->name) {
        st = no_memory(err);
    } else {
        (void)snprintf(rel->name, name_len, "%s.%s", def->schema, def->table);
        lineage_add(&m.lineage, def->schema, def->table);
        for (size_t i = 0; i < table->n_above; i++) {
            lineage_add(&m.lineage, table->above[i].schema, table->above[i].table);
        }
        st = settings_wants_table(settings, &m.lineage, &rel->wanted, err);
        if (st == HP_OK && rel->wanted) {
            st = make(&m, rel, columns);
        }
    }
    free(columns);
    free(m.facts);
    free(m.key);
    if (st != HP_OK) {
        relation_destroy(rel);
        return HP_ERROR;
    }
    *out = rel;
    return HP_OK;
}
