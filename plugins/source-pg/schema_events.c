/* schema_events.c: see schema_events.h. */
#include "schema_events.h"

#include "no_memory.h"

#include <stdlib.h>

/* In a streamed transaction each segment's relations come again (P12); the xid before them differs. */
static bool repeated(const struct source *s, const struct relation *known, const uint8_t *definition, size_t len)
{
    return s->stream.mode.in_stream && known && known->definition_len == len &&
           memcmp(known->definition, definition, len) == 0;
}

static hp_status look_up(struct source *s, const struct pgoutput_msg *m, const struct pgoutput_column *columns,
                         struct catalog_table *out, struct hp_error *err)
{
    struct session *catalog = NULL;
    uint32_t oids[PGOUTPUT_MAX_COLUMNS];
    for (uint16_t i = 0; i < m->n_columns; i++) {
        oids[i] = columns[i].type_oid;
    }
    if (source_catalog(s, &catalog, err) != HP_OK) {
        return HP_ERROR;
    }
    return catalog_table_read(catalog, m->oid, oids, m->n_columns, out, err);
}

/* The stream sends either text or binary, for all columns of all tables. */
static hp_status check_binary(struct source *s, const struct relation *rel, const struct relation_def *def,
                              const struct catalog_table *table, struct hp_error *err)
{
    for (uint16_t i = 0; rel->wanted && !s->no_binary && i < def->n_columns; i++) {
        const struct catalog_type *type = catalog_type_find(table, def->columns[i].type_oid);
        if (rel->cell_of[i] != RELATION_LEFT_OUT && type && type->sends_binary && !type->portable) {
            s->no_binary = true;
            services_log(&s->services, HP_LOG_INFO,
                         "column %s of table %s has type %s, whose binary form says nothing elsewhere: values come as "
                         "text from now on",
                         def->columns[i].name.data, rel->name, type->name);
            (void)hp_fail(err, HP_ERROR_RETRY, "", "connecting again, for values in text form");
            err->retry_after_ms = 1;
            return HP_ERROR;
        }
    }
    return HP_OK;
}

static hp_status remember(struct source *s, struct relation *rel, const uint8_t *definition, size_t len,
                          struct hp_error *err)
{
    rel->definition = malloc(len);
    if (!rel->definition) {
        relation_destroy(rel);
        return no_memory(err);
    }
    memcpy(rel->definition, definition, len);
    rel->definition_len = len;
    rel->snapshot_lsn = position_table_lsn(&s->position, rel->oid);
    if (relations_put(&s->relations, rel, err) != HP_OK) {
        relation_destroy(rel);
        return HP_ERROR;
    }
    return HP_OK;
}

hp_status schema_relation(struct source *s, const struct pgoutput_msg *m, const uint8_t *data, size_t len,
                          struct hp_error *err)
{
    size_t skip = s->stream.mode.in_stream ? 5 : 1; /* type, and the xid in a stream */
    struct pgoutput_column *columns;
    struct catalog_table table;
    struct relation_def def = {
        m->oid, m->namespace_.len ? m->namespace_.data : "pg_catalog", m->name.data, m->identity, m->n_columns, NULL};
    struct relation *rel = NULL;
    hp_status st;
    if (repeated(s, relations_find(&s->relations, m->oid), data + skip, len - skip)) {
        return HP_OK;
    }
    columns = calloc((size_t)m->n_columns + 1, sizeof *columns);
    if (!columns) {
        return no_memory(err);
    }
    pgoutput_columns(m, columns);
    def.columns = columns;
    st = look_up(s, m, columns, &table, err);
    if (st == HP_OK) {
        st = relation_create(&s->services, &s->settings, &def, &table, &rel, err);
        if (st == HP_OK && check_binary(s, rel, &def, &table, err) != HP_OK) {
            relation_destroy(rel);
            st = HP_ERROR;
        }
        catalog_table_finish(&table);
    }
    free(columns);
    return st == HP_OK ? remember(s, rel, data + skip, len - skip, err) : st;
}
