/* snapshot.c: the slot is made, the tables are read as they were at its beginning (or, after an interruption, at the
   beginning of a temporary slot), and streaming takes over without gap or double. Each table travels as one pseudo
   transaction, so that an interrupted one leaves nothing behind; the position names the tables that are complete and
   the LSN at which each was read, so that the stream leaves out what is in them already.
   The publication exists before the slot (P10), and making a slot waits for every transaction that was open, so a
   writer that was open when a table was added to the publication has ended before the table is read (P11). [task] */
#include "publication.h"
#include "rows.h"
#include "source.h"
#include "wire_read.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TABLE_TX_BASE (UINT64_C(1) << 32) /* ids of pseudo transactions lie above all xids */
#define PATIENCE_US 5000000               /* then it is said what is waited for */
#define COPY_SIGNATURE "PGCOPY\n\377\r\n"
#define COPY_SIGNATURE_BYTES 11u
#define COPY_HEADER_BYTES 19u

enum snapshot_step { SNAP_MAKE_SLOT, SNAP_WAIT_SLOT, SNAP_IMPORT, SNAP_NEXT_TABLE, SNAP_ROWS, SNAP_TABLE_END, SNAP_OVER };

struct snapshot {
    enum snapshot_step step;
    bool make_slot, read_tables;
    char slot[72];            /* the permanent one's name, or a temporary one's */
    char name[64];            /* of the exported snapshot */
    char what[320];           /* "reading table x", for errors */
    uint64_t lsn;             /* at which tables are read now */
    int64_t began_us;
    bool complained;
    int64_t wall_us;          /* time of the snapshot */
    struct captured_table *tables;
    size_t n_tables, at, last; /* last: the last one to be read */
    struct relation *rel;     /* of the table being read */
    struct wire wire;
    struct hp_tx tx;
    bool header_seen, trailer_seen, any_row, table_row;
    bool *as_text;            /* by column: cast to text, having no binary form */
    uint32_t seq;
    struct pgoutput_value *values;
    uint64_t last_record;     /* offset of the newest record in the builder */
    uint8_t *carry;           /* an unfinished batch between two polls */
    size_t carry_len;
    uint64_t carry_records;
};

static hp_status out_of_memory(struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
}

hp_status snapshot_begin(struct source *s, bool make_slot, bool read_tables, struct hp_error *err)
{
    struct snapshot *n;
    snapshot_finish(s);
    n = calloc(1, sizeof *n);
    if (!n) {
        return out_of_memory(err);
    }
    s->snapshot = n;
    s->phase = PHASE_SNAPSHOT;
    n->make_slot = make_slot;
    n->read_tables = read_tables;
    if (make_slot) {
        (void)snprintf(n->slot, sizeof n->slot, "%s", s->settings.slot);
    } else {
        (void)snprintf(n->slot, sizeof n->slot, "%.40s_snap_%d", s->settings.slot, PQbackendPID(s->replication.conn));
    }
    s->position.snapshot_running = read_tables;
    s->position.snapshot_done = false;
    services_set(&s->services, FIG_SNAPSHOT_RUNNING, read_tables);
    return services_failpoint(&s->services, "snap.begin", err);
}

void snapshot_finish(struct source *s)
{
    struct snapshot *n = s->snapshot;
    if (n) {
        publication_tables_free(n->tables, n->n_tables);
        relation_destroy(n->rel);
        wire_finish(&n->wire);
        free(n->as_text);
        free(n->values);
        free(n->carry);
        free(n);
        s->snapshot = NULL;
    }
}

/* ---- the slot ---- */

static hp_status make_slot(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct text sql = {0};
    bool failover = n->make_slot && s->settings.slot_failover;
    if (failover && s->replication.version < 170000) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "slot.failover needs server 17 or later");
    }
    text_put(&sql, "CREATE_REPLICATION_SLOT \"%s\"%s LOGICAL pgoutput", n->slot, n->make_slot ? "" : " TEMPORARY");
    if (s->replication.version >= 150000) {
        text_put(&sql, " (SNAPSHOT '%s'%s)", n->read_tables ? "export" : "nothing", failover ? ", FAILOVER true" : "");
    } else {
        text_put(&sql, " %s", n->read_tables ? "EXPORT_SNAPSHOT" : "NOEXPORT_SNAPSHOT");
    }
    if (sql.failed) {
        text_finish(&sql);
        return out_of_memory(err);
    }
    services_log(&s->services, HP_LOG_INFO, "making %sslot \"%s\"", n->make_slot ? "" : "temporary ", n->slot);
    if (!PQsendQuery(s->replication.conn, sql.data) || PQflush(s->replication.conn) < 0) {
        text_finish(&sql);
        return session_fail(&s->replication, "making the slot", NULL, err);
    }
    text_finish(&sql);
    n->began_us = services_now_us();
    n->step = SNAP_WAIT_SLOT;
    return HP_OK;
}

/* Tell who is waited for: transactions older than the slot. */
static void complain(struct source *s)
{
    struct session *catalog = NULL;
    PGresult *res = NULL;
    if (source_catalog(s, &catalog, NULL) == HP_OK &&
        session_query(catalog, "looking for open transactions",
                      "SELECT COALESCE(pg_catalog.string_agg(pid::pg_catalog.text, ', '), 'none that may be seen') FROM"
                      " (SELECT pid FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start LIMIT 10) a",
                      0, NULL, &res, NULL) == HP_OK) {
        services_log(&s->services, HP_LOG_WARN,
                     "making slot \"%s\" waits for transactions that began before it to end; writing ones now: process %s",
                     s->snapshot->slot, PQgetvalue(res, 0, 0));
        PQclear(res);
    }
}

static void woken(struct source *s)
{
    uint64_t count;
    (void)!read(s->wake_fd, &count, sizeof count);
}

/* HP_OK: the answer is there. HP_IDLE: not yet. */
static hp_status wait_slot(struct source *s, int64_t wait_us, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct pollfd fds[2] = {{.fd = PQsocket(s->replication.conn), .events = POLLIN}, {.fd = s->wake_fd, .events = POLLIN}};
    struct timespec ts = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    if (PQisBusy(s->replication.conn)) {
        if (ppoll(fds, 2, &ts, NULL) > 0 && fds[1].revents) {
            woken(s);
        }
        if (fds[0].revents && !PQconsumeInput(s->replication.conn)) {
            return session_fail(&s->replication, "making the slot", NULL, err);
        }
    }
    if (PQisBusy(s->replication.conn)) {
        if (!n->complained && services_now_us() - n->began_us > PATIENCE_US) {
            n->complained = true;
            complain(s);
        }
        return HP_IDLE;
    }
    return HP_OK;
}

static hp_status slot_made(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    PGresult *res = PQgetResult(s->replication.conn), *more;
    hp_status st = HP_OK;
    if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1 || PQnfields(res) < 3) {
        st = session_fail(&s->replication, "making the slot", res, err);
    } else {
        n->lsn = slot_parse_lsn(PQgetvalue(res, 0, 1));
        (void)snprintf(n->name, sizeof n->name, "%s", PQgetvalue(res, 0, 2));
    }
    PQclear(res);
    while ((more = PQgetResult(s->replication.conn))) {
        PQclear(more);
    }
    if (st != HP_OK) {
        return st;
    }
    if (n->make_slot) {
        s->position.known = s->position.identified = true;
        s->position.lsn = s->position.slot_lsn = n->lsn;
        s->position.system_id = s->server.system_id;
        s->position.timeline = s->server.timeline;
        (void)snprintf(s->position.slot, sizeof s->position.slot, "%s", s->settings.slot);
        services_log(&s->services, HP_LOG_INFO, "slot \"%s\" begins at %s", n->slot, lsn_text(n->lsn).s);
    }
    if (!s->position.known) { /* a snapshot without a slot of its own */
        s->position.known = true;
        s->position.lsn = n->lsn;
        s->position.system_id = s->server.system_id;
        s->position.timeline = s->server.timeline;
    }
    feedback_handled(&s->feedback, s->position.lsn);
    n->step = n->read_tables ? SNAP_IMPORT : SNAP_OVER;
    return services_failpoint(&s->services, "snap.slot", err);
}

/* ---- the tables ---- */

static bool todo(const struct source *s, const struct captured_table *t)
{
    return position_table_lsn(&s->position, t->oid) == 0;
}

static hp_status list_tables(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct captured_table *tables = NULL;
    size_t count = 0, kept = 0, done = 0;
    if (publication_tables(&s->normal, &tables, &count, err) != HP_OK) {
        return HP_ERROR;
    }
    for (size_t i = 0; i < count; i++) {
        char name[300];
        bool wanted = true;
        int len = snprintf(name, sizeof name, "%s.%s", tables[i].schema, tables[i].table);
        if (s->settings.snapshot_tables &&
            filter_match(s->settings.snapshot_tables, name, (size_t)len, &wanted, err) != HP_OK) {
            publication_tables_free(tables, count);
            return HP_ERROR;
        }
        if (wanted) {
            struct captured_table swap = tables[kept];
            tables[kept] = tables[i];
            tables[i] = swap;
            n->last = todo(s, &tables[kept]) ? kept : n->last;
            done += !todo(s, &tables[kept]);
            kept++;
        }
    }
    n->tables = tables;
    n->n_tables = count;
    n->at = 0;
    /* Those left out are behind the kept ones: forget them. */
    for (size_t i = kept; i < count; i++) {
        free(tables[i].schema);
        free(tables[i].table);
        free(tables[i].columns);
        free(tables[i].filter);
    }
    n->n_tables = kept;
    services_set(&s->services, FIG_SNAPSHOT_TABLES, (int64_t)kept);
    services_set(&s->services, FIG_SNAPSHOT_DONE, (int64_t)done);
    services_log(&s->services, HP_LOG_INFO, "snapshot at %s: %zu tables, %zu of them read before", lsn_text(n->lsn).s, kept, done);
    return HP_OK;
}

static hp_status import_snapshot(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct session *normal = NULL;
    struct timespec ts;
    char sql[160];
    if (source_catalog(s, &normal, err) != HP_OK ||
        session_run(normal, "beginning the snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) != HP_OK) {
        return HP_ERROR;
    }
    (void)snprintf(sql, sizeof sql, "SET TRANSACTION SNAPSHOT '%s'", n->name);
    if (session_run(normal, "taking over the slot's snapshot", sql, err) != HP_OK ||
        session_run(normal, "beginning the snapshot", "SET LOCAL statement_timeout = 0", err) != HP_OK ||
        session_run(normal, "beginning the snapshot", "SET LOCAL row_security = off", err) != HP_OK) {
        return HP_ERROR;
    }
    if (!n->make_slot) {
        (void)snprintf(sql, sizeof sql, "DROP_REPLICATION_SLOT \"%s\"", n->slot);
        if (session_run(&s->replication, "dropping the temporary slot", sql, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    n->wall_us = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
    n->values = calloc(PGOUTPUT_MAX_COLUMNS, sizeof *n->values);
    n->as_text = calloc(PGOUTPUT_MAX_COLUMNS, sizeof *n->as_text);
    if (!n->values || !n->as_text) {
        return out_of_memory(err);
    }
    n->step = SNAP_NEXT_TABLE;
    return list_tables(s, err);
}

/* Is the column in a list as the server prints name[]: {a,"b c"}? No list: all of them. */
static bool in_name_list(const char *list, const char *name)
{
    if (!list) {
        return true;
    }
    for (list++; *list && *list != '}';) {
        const char *at = name;
        bool quoted = *list == '"', same = true;
        list += quoted;
        while (*list && (quoted ? *list != '"' : *list != ',' && *list != '}')) {
            list += quoted && *list == '\\';
            same = same && *at && *at == *list;
            at += *at != '\0';
            list++;
        }
        if (same && !*at) {
            return true;
        }
        list += quoted && *list;
        list += *list == ',';
    }
    return false;
}

/* A generated column is sent by servers that say so in their list only (P14). */
static bool published(const struct source *s, const struct captured_table *t, const struct catalog_column *c)
{
    return in_name_list(t->columns, c->name) && (!c->generated || (t->columns && s->normal.version >= 180000));
}

static hp_status define(struct source *s, const struct captured_table *t, const struct catalog_table *facts,
                        struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct pgoutput_column *columns = calloc(facts->n_columns + 1, sizeof *columns);
    struct relation_def def = {t->oid, t->schema, t->table, facts->identity, 0, columns};
    hp_status st;
    if (!columns) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < facts->n_columns; i++) {
        const struct catalog_column *c = &facts->columns[i];
        struct pgoutput_column *to = &columns[def.n_columns];
        const struct catalog_type *type = catalog_type_find(facts, c->type_oid);
        bool flagged = facts->identity == 'f' || (facts->identity == 'd' && c->primary) || (facts->identity == 'i' && c->in_identity);
        if (!published(s, t, c)) {
            continue;
        }
        to->flags = flagged ? PGOUTPUT_RELATION_KEY : 0;
        to->name.data = c->name;
        to->name.len = strlen(c->name);
        to->type_oid = c->type_oid;
        to->typmod = c->typmod;
        n->as_text[def.n_columns] = s->no_binary || (type && !type->sends_binary);
        def.n_columns++;
    }
    relation_destroy(n->rel);
    n->rel = NULL;
    st = relation_create(&s->services, &s->settings, &def, facts, &n->rel, err);
    free(columns);
    return st;
}

/* "COPY table (columns)" where that is enough, since it costs least; else of a query. */
static hp_status copy_command(struct source *s, const struct captured_table *t, const struct catalog_table *facts,
                              struct text *sql, struct hp_error *err)
{
    const char *override = NULL;
    char *schema = session_identifier(&s->normal, t->schema), *table = session_identifier(&s->normal, t->table);
    bool plain = t->relkind == 'r' && !t->filter;
    struct text columns = {0};
    uint16_t at = 0;
    hp_status st = settings_rule(s->settings.overrides, s->settings.n_overrides, t->schema, t->table, &override, err);
    for (size_t i = 0; i < facts->n_columns; i++) {
        const struct catalog_column *c = &facts->columns[i];
        char *quoted = published(s, t, c) ? session_identifier(&s->normal, c->name) : NULL;
        if (quoted) {
            bool cast = s->snapshot->as_text[at++];
            text_put(&columns, "%s%s%s", columns.len ? ", " : "", quoted, cast ? "::pg_catalog.text" : "");
            plain = plain && !cast && !c->generated;
        }
        PQfreemem(quoted);
    }
    if (override) {
        text_put(sql, "COPY (SELECT %s FROM (%s) q)", columns.data ? columns.data : "", override);
    } else if (plain && columns.len) {
        text_put(sql, "COPY %s.%s (%s)", schema, table, columns.data);
    } else {
        text_put(sql, "COPY (SELECT %s FROM %s%s.%s%s%s%s)", columns.data ? columns.data : "", t->relkind == 'p' ? "" : "ONLY ", schema,
                 table, t->filter ? " WHERE (" : "", t->filter ? t->filter : "", t->filter ? ")" : "");
    }
    text_put(sql, " TO STDOUT (FORMAT binary)");
    sql->failed = sql->failed || columns.failed || !schema || !table;
    text_finish(&columns);
    PQfreemem(schema);
    PQfreemem(table);
    return st != HP_OK ? st : sql->failed ? out_of_memory(err) : HP_OK;
}

static hp_status next_table(struct source *s, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    const struct captured_table *t;
    struct catalog_table facts;
    struct text sql = {0};
    hp_status st;
    while (n->at < n->n_tables && !todo(s, &n->tables[n->at])) {
        n->at++;
    }
    if (n->at == n->n_tables) {
        n->step = SNAP_OVER;
        return HP_OK;
    }
    if (services_failpoint(&s->services, "snap.table", err) != HP_OK) {
        return HP_ERROR;
    }
    t = &n->tables[n->at];
    if (catalog_table_read(&s->normal, t->oid, NULL, 0, &facts, err) != HP_OK) {
        return HP_ERROR;
    }
    st = define(s, t, &facts, err);
    if (st == HP_OK) {
        st = copy_command(s, t, &facts, &sql, err);
    }
    catalog_table_finish(&facts);
    if (st == HP_OK) {
        (void)snprintf(n->what, sizeof n->what, "reading table %s", n->rel->name);
        st = wire_start(&n->wire, &s->normal, s->wake_fd, n->what, sql.data, UINT32_MAX, err);
    }
    text_finish(&sql);
    n->header_seen = n->trailer_seen = n->table_row = false;
    n->seq = 0;
    n->tx = (struct hp_tx){.size = sizeof n->tx, .flags = HP_TX_SNAPSHOT, .id = TABLE_TX_BASE + t->oid, .commit_pos = n->lsn,
                           .end_pos = n->lsn, .commit_us = n->wall_us};
    n->step = SNAP_ROWS;
    return st;
}

/* ---- rows ---- */

static hp_status not_understood(const struct snapshot *n, struct hp_error *err)
{
    return hp_fail(err, HP_ERROR_FATAL, "08P01", "the server's binary COPY of table %s is not understood", n->rel->name);
}

static hp_status one_row(struct source *s, struct hp_builder *b, struct wire_read *r, uint16_t fields, size_t len, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    static const struct pgoutput_tuple none;
    struct pgoutput_tuple row = {'N', fields, n->values};
    struct row_change c = {.rel = n->rel, .op = HP_OP_READ, .seq = n->seq++, .pos = n->lsn, .before = &none, .after = &row,
                           .wire_bytes = len};
    if (fields != n->rel->n_wire) {
        return not_understood(n, err);
    }
    for (uint16_t i = 0; i < fields; i++) {
        struct pgoutput_value *v = &n->values[i];
        uint32_t size = wire_u32(r);
        v->kind = size == UINT32_MAX ? 'n' : n->as_text[i] ? 't' : 'b';
        v->len = size == UINT32_MAX ? 0 : size;
        v->data = v->len ? wire_bytes(r, v->len) : r->at;
    }
    if (r->failed) {
        return not_understood(n, err);
    }
    c.flags = (uint16_t)((n->any_row ? 0 : HP_REC_SNAP_FIRST) | (n->table_row ? 0 : HP_REC_SNAP_TABLE_FIRST));
    n->last_record = b->len;
    if (rows_append(b, &c, err) != HP_OK) {
        return HP_ERROR;
    }
    n->any_row = n->table_row = true;
    return HP_OK;
}

/* One CopyData: the server puts whole rows into each. */
static hp_status rows_message(struct source *s, struct hp_builder *b, const struct wire_msg *msg, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct wire_read r = wire_read_of(msg->data, msg->len);
    if (!n->header_seen) {
        uint32_t extension;
        const uint8_t *signature = wire_bytes(&r, COPY_SIGNATURE_BYTES);
        if (!signature || memcmp(signature, COPY_SIGNATURE, COPY_SIGNATURE_BYTES) != 0) {
            return not_understood(n, err);
        }
        (void)wire_u32(&r);
        extension = wire_u32(&r);
        (void)wire_bytes(&r, extension);
        n->header_seen = true;
    }
    while (!r.failed && wire_left(&r)) {
        uint16_t fields = wire_u16(&r);
        if (fields == UINT16_MAX) {
            n->trailer_seen = true;
            return wire_left(&r) ? not_understood(n, err) : HP_OK;
        }
        if (fields > PGOUTPUT_MAX_COLUMNS || n->trailer_seen) {
            return not_understood(n, err);
        }
        if (one_row(s, b, &r, fields, msg->len, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    return r.failed ? not_understood(n, err) : HP_OK;
}

static hp_status give_chunk(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    poll->kind = HP_POLL_CHUNK;
    poll->tx = n->tx;
    services_add(&s->services, FIG_SNAPSHOT_ROWS, (int64_t)poll->batch->n_records);
    services_add(&s->services, FIG_RECORDS, (int64_t)poll->batch->n_records);
    return services_failpoint(&s->services, "snap.chunk", err);
}

static hp_status table_error(struct source *s, struct hp_error *err)
{
    const struct snapshot *n = s->snapshot;
    if (err && strcmp(err->code, "42501") == 0) {
        char text[sizeof err->message];
        (void)snprintf(text, sizeof text, "%s", err->message);
        (void)hp_fail(err, HP_ERROR_CONFIG, "42501",
                      "the snapshot may not read table %s: grant SELECT on it (and BYPASSRLS, or a policy off, if it has row level "
                      "security) to role \"%s\", or leave it out with table.exclude.list or snapshot.include.collection.list (%.300s)",
                      n->rel->name, s->settings.user, text);
    }
    return HP_ERROR;
}

static hp_status keep_batch(struct snapshot *n, struct hp_builder *b, struct hp_error *err)
{
    uint8_t *more = b->len ? realloc(n->carry, b->len) : n->carry;
    if (b->len && !more) {
        return out_of_memory(err);
    }
    n->carry = more;
    if (b->len) {
        memcpy(n->carry, b->base, b->len);
    }
    n->carry_len = (size_t)b->len;
    n->carry_records = b->n_records;
    b->len = b->n_records = 0;
    return HP_IDLE;
}

static hp_status restore_batch(struct snapshot *n, struct hp_builder *b, struct hp_error *err)
{
    if (n->carry_len) {
        if (!hp_builder_room(b, n->carry_len)) {
            return out_of_memory(err);
        }
        memcpy(b->base + b->len, n->carry, n->carry_len);
        b->len += n->carry_len;
        b->n_records += n->carry_records;
        n->carry_len = 0;
    }
    return HP_OK;
}

/* Rows until the batch is full (the next row is already here then, so the last one of all is known), the table ends or
   the time is up. */
static hp_status read_rows(struct source *s, struct hp_poll *poll, int64_t deadline, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    struct hp_builder *b = poll->batch;
    n->wire.max_message = b->max_record + 65536;
    if (restore_batch(n, b, err) != HP_OK) {
        return HP_ERROR;
    }
    for (;;) {
        struct wire_msg msg = {NULL, 0};
        enum wire_status status;
        int64_t now;
        if (wire_peek(&n->wire, &msg, &status, err) != HP_OK) {
            return table_error(s, err);
        }
        if (status == WIRE_TOO_LARGE) {
            return rows_too_large(n->rel->name, msg.len, b->max_record, err);
        }
        if (status == WIRE_OVER) {
            n->step = SNAP_TABLE_END;
            if (!n->trailer_seen) {
                return not_understood(n, err);
            }
            if (b->len == 0) {
                return HP_IDLE;
            }
            ((struct hp_record *)(void *)(b->base + n->last_record))->flags |=
                (uint16_t)(HP_REC_SNAP_TABLE_LAST | (n->at == n->last ? HP_REC_SNAP_LAST : 0));
            return give_chunk(s, poll, err);
        }
        if (status == WIRE_HAVE) {
            if (b->len >= poll->max_bytes && msg.len != 2) { /* 2: the trailer */
                return give_chunk(s, poll, err);
            }
            services_add(&s->services, FIG_BYTES, (int64_t)msg.len);
            if (rows_message(s, b, &msg, err) != HP_OK) {
                return HP_ERROR;
            }
            wire_take(&n->wire);
            continue;
        }
        now = services_now_us();
        if (n->wire.woken || now >= deadline) {
            if (n->wire.woken) {
                n->wire.woken = false;
                woken(s);
            }
            return keep_batch(n, b, err);
        }
        if (wire_wait(&n->wire, deadline - now, err) != HP_OK) {
            return table_error(s, err);
        }
    }
}

static hp_status table_end(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    if (position_add_table(&s->position, n->lsn, n->tables[n->at].oid, err) != HP_OK) {
        return HP_ERROR;
    }
    services_log(&s->services, HP_LOG_INFO, "snapshot of table %s is complete: %lu rows", n->rel->name, (unsigned long)n->seq);
    n->at++;
    services_set(&s->services, FIG_SNAPSHOT_DONE, (int64_t)n->at);
    n->step = SNAP_NEXT_TABLE;
    if (!n->table_row) {
        return HP_IDLE; /* nothing to commit; the position comes with the next */
    }
    poll->kind = HP_POLL_COMMIT;
    poll->tx = n->tx;
    return source_give(s, poll, err);
}

/* ---- the way through ---- */

static hp_status over(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    bool read_tables = s->snapshot->read_tables;
    if (services_failpoint(&s->services, "snap.handover", err) != HP_OK) {
        return HP_ERROR;
    }
    s->position.snapshot_running = false;
    if (read_tables) {
        s->position.snapshot_done = true;
        (void)session_run(&s->normal, "ending the snapshot", "COMMIT", NULL);
        session_close(&s->normal);
        services_set(&s->services, FIG_SNAPSHOT_RUNNING, 0);
        services_log(&s->services, HP_LOG_INFO, "the snapshot is complete");
    }
    snapshot_finish(s);
    poll->kind = HP_POLL_BATCH;
    if (s->settings.snapshot_mode == SNAPSHOT_INITIAL_ONLY) {
        s->phase = PHASE_END;
    } else if (stream_begin(s, err) != HP_OK) {
        return HP_ERROR;
    }
    return source_give(s, poll, err);
}

/* The server waits by itself: a full socket stops its COPY. */
static hp_status wait_for_room(struct source *s, int64_t wait_us)
{
    struct pollfd p = {.fd = s->wake_fd, .events = POLLIN};
    struct timespec ts = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    if (ppoll(&p, 1, &ts, NULL) > 0) {
        woken(s);
    }
    return HP_IDLE;
}

hp_status snapshot_poll(struct source *s, struct hp_poll *poll, struct hp_error *err)
{
    struct snapshot *n = s->snapshot;
    int64_t now = services_now_us(), deadline = now + poll->wait_us;
    hp_status st = HP_OK;
    if (poll->max_bytes == 0) {
        return wait_for_room(s, poll->wait_us);
    }
    for (;;) {
        switch (n->step) {
        case SNAP_MAKE_SLOT:
            st = make_slot(s, err);
            break;
        case SNAP_WAIT_SLOT:
            st = wait_slot(s, deadline > now ? deadline - now : 0, err);
            if (st == HP_OK) {
                st = slot_made(s, err);
                if (st == HP_OK && n->step == SNAP_IMPORT) {
                    /* The slot's identity is stored before anything else happens to it (E5). */
                    poll->kind = HP_POLL_BATCH;
                    return source_give(s, poll, err);
                }
            }
            break;
        case SNAP_IMPORT:
            st = import_snapshot(s, err);
            break;
        case SNAP_NEXT_TABLE:
            st = next_table(s, err);
            break;
        case SNAP_ROWS:
            st = read_rows(s, poll, deadline, err);
            if (n->step == SNAP_ROWS || st != HP_IDLE) {
                return st;
            }
            st = HP_OK;
            break;
        case SNAP_TABLE_END:
            st = table_end(s, poll, err);
            if (st != HP_IDLE) {
                return st;
            }
            st = HP_OK;
            break;
        case SNAP_OVER:
            return over(s, poll, err);
        }
        if (st != HP_OK) {
            return st;
        }
    }
}
