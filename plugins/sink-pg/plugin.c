/* plugin.c: how sink-pg introduces itself, and its two interfaces; see sink.h for the rest. */
#include "sink.h"

#ifndef SINK_VERSION
#define SINK_VERSION "0.1.0"
#endif

HP_PLUGIN_NOTE("sink-pg", "sink", "io.debezium.connector.jdbc.JdbcSinkConnector", "0.1.0");

/* ---- homeport.sink/1 ---- */

static hp_status sink_start(void *self, struct hp_error *err)
{
    struct sink *s = self;
    s->has_origin = false;
    return sink_connect(s, err);
}

static hp_status sink_position(void *self, struct hp_sink_position *at, struct hp_error *err)
{
    return position_take(self, at, err);
}

static hp_status sink_put(void *self, const struct hp_batch *batch, struct hp_error *err)
{
    return apply_put(self, batch, err);
}

static hp_status sink_commit(void *self, const struct hp_sink_position *at, struct hp_error *err)
{
    return apply_commit(self, at, err);
}

static void sink_rollback(void *self)
{
    apply_rollback(self);
}

static hp_status sink_flushed(void *self, struct hp_bytes stream, uint64_t *out_offset, struct hp_error *err)
{
    return position_flushed(self, stream, out_offset, err);
}

static void sink_interrupt(void *self)
{
    link_interrupt(&((struct sink *)self)->link);
}

static void free_streams(struct sink *s)
{
    sink_forget(s);
    while (s->streams) {
        struct stream *t = s->streams;
        s->streams = t->next;
        free(t->name);
        free(t);
    }
}

static void sink_stop(void *self)
{
    struct sink *s = self;
    struct hp_error ignored = {.size = sizeof ignored};
    apply_rollback(s);
    if (s->has_origin && !s->link.broken) {
        /* Whoever comes next must not find it in use. */
        (void)link_query(&s->link, "SELECT pg_catalog.pg_replication_origin_session_reset()", 0, NULL, NULL, &ignored);
    }
    s->has_origin = false;
    link_close(&s->link);
    free_streams(s);
}

/* ---- homeport.sink-offsets/1 ---- */

static hp_status offsets_get(void *self, struct hp_sink_position *at, struct hp_error *err)
{
    struct sink *s = self;
    hp_status st = sink_connect(s, err);
    st = st == HP_OK ? position_get(s, at, err) : st;
    link_close(&s->link);
    return st;
}

static hp_status offsets_set(void *self, const struct hp_sink_position *at, struct hp_error *err)
{
    struct sink *s = self;
    hp_status st = sink_connect(s, err);
    st = st == HP_OK ? position_set(s, at, err) : st;
    link_close(&s->link);
    return st;
}

/* ---- the entry ---- */

static void register_metrics(struct sink *s)
{
    struct sink_metrics *m = &s->metrics;
    const struct {
        struct hp_metric **metric;
        const char *name, *labels, *help;
    } list[] = {
        {&m->rows, "sink_rows_written", "", "Rows that the target wrote"},
        {&m->missing, "sink_rows_missing", "", "Rows to update or delete that the target did not have"},
        {&m->skipped, "sink_records_skipped", "", "Deletes, truncates and messages that the configuration leaves out"},
        {&m->coalesced, "sink_records_coalesced", "", "Changes that a later one of the same row made superfluous"},
        {&m->commits, "sink_commits", "", "Transactions committed in the target"},
        {&m->copy_fallbacks, "sink_fallbacks", "kind=\"upsert\"", "Attempts written again in another way"},
        {&m->order_fallbacks, "sink_fallbacks", "kind=\"ordered\"", "Attempts written again in another way"},
        {&m->stale_retries, "sink_fallbacks", "kind=\"catalog\"", "Attempts written again in another way"},
        {&m->evolved, "sink_schema_changes", "", "Tables created and altered"},
        {&m->form_copy, "sink_statements", "form=\"copy\"", "Statements that wrote rows"},
        {&m->form_unnest, "sink_statements", "form=\"unnest\"", "Statements that wrote rows"},
        {&m->form_row, "sink_statements", "form=\"row\"", "Statements that wrote rows"},
        {&m->form_stage, "sink_statements", "form=\"stage\"", "Statements that wrote rows"},
    };
    m->table = s->host->service(s->host, HP_HOST_METRICS);
    for (size_t i = 0; m->table && i < sizeof list / sizeof *list; i++) {
        *list[i].metric = m->table->get(s->host, list[i].name, list[i].labels, list[i].help, HP_METRIC_COUNTER);
    }
}

static void sink_destroy(void *self)
{
    struct sink *s = self;
    if (!s) {
        return;
    }
    link_finish(&s->link);
    free_streams(s);
    catalog_finish(&s->catalog);
    plan_finish(&s->plan);
    encoder_finish(&s->encoder);
    apply_finish(s);
    position_finish(s);
    config_finish(&s->config);
    free(s);
}

static hp_status sink_create(const struct hp_host *host, const struct hp_config *config, void **out_self,
                             struct hp_error *err)
{
    static char commit[] = "COMMIT";
    struct sink *s = calloc(1, sizeof *s);
    if (!s) {
        return out_of_memory(err);
    }
    s->host = host;
    s->link.wake = -1;
    s->failpoints = host->service(host, HP_HOST_FAILPOINT);
    s->catalog.link = &s->link;
    s->commit_statement.sql = commit;
    if (config_parse(config, &s->config, err) != HP_OK || link_init(&s->link, host, err) != HP_OK) {
        sink_destroy(s);
        return HP_ERROR;
    }
    s->link.on_result = write_result;
    s->link.on_result_arg = s;
    register_metrics(s);
    *out_self = s;
    return HP_OK;
}

static const void *sink_interface(const char *id)
{
    static const struct hp_sink sink = {
        .start = sink_start,
        .position = sink_position,
        .put = sink_put,
        .commit = sink_commit,
        .rollback = sink_rollback,
        .flushed = sink_flushed,
        .interrupt = sink_interrupt,
        .stop = sink_stop,
    };
    static const struct hp_sink_offsets offsets = {.get = offsets_get, .set = offsets_set};
    return strcmp(id, HP_SINK) == 0 ? (const void *)&sink : strcmp(id, HP_SINK_OFFSETS) == 0 ? &offsets : NULL;
}

static const struct hp_plugin_desc desc = {
    .size = sizeof desc,
    .kind = HP_KIND_SINK,
    .id = SINK_ID,
    .aliases = SINK_ALIAS_JDBC,
    .version = SINK_VERSION,
    .doc = "Writes changes into PostgreSQL, exactly once, in whole source transactions.",
    .keys = config_keys,
    .validate = config_validate,
};

const struct hp_plugin_entry hp_plugin_entry_v1 = {
    .size = sizeof hp_plugin_entry_v1,
    .abi_major = HP_ABI_MAJOR,
    .abi_minor = HP_ABI_MINOR,
    .desc = &desc,
    .create = sink_create,
    .interface = sink_interface,
    .destroy = sink_destroy,
};
