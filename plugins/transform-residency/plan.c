/* plan.c: see plan.h. Called by plugin.c for the first record of each schema. [task] */
#include "plan.h"

#include <stdlib.h>

static const char *const outcome_names[PLAN_OUTCOMES] = {"pass", "redact", "insert", "evict", "drop"};

static void say(const struct plan_maker *maker, uint32_t level, const struct hp_schema *s, const char *what,
                struct hp_bytes column)
{
    char line[512];
    (void)snprintf(line, sizeof line, "table %.*s.%.*s: %s%.*s", (int)s->namespace_.len,
                   (const char *)s->namespace_.data, (int)s->table.len, (const char *)s->table.data, what,
                   (int)column.len, (const char *)column.data);
    maker->host->log(maker->host, level, line);
}

/* A label value of the exposition format: quotes, backslashes and line ends escaped. */
static void put_label(char *out, size_t size, struct hp_bytes text)
{
    size_t at = strlen(out);
    for (uint64_t i = 0; i < text.len && at + 3 < size; i++) {
        char c = ((const char *)text.data)[i];
        if (c == '"' || c == '\\' || c == '\n') {
            out[at++] = '\\';
            c = c == '\n' ? 'n' : c;
        }
        out[at++] = c;
    }
    out[at] = 0;
}

static void get_metrics(const struct plan_maker *maker, struct hp_bytes schema, struct hp_bytes table,
                        struct plan *plan)
{
    char label[640] = "table=\"";
    size_t at;
    if (!maker->metrics) {
        return;
    }
    put_label(label, sizeof label - 64, schema);
    (void)snprintf(label + strlen(label), 8, "%s", table.len ? "." : "");
    put_label(label, sizeof label - 64, table);
    at = strlen(label);
    for (int i = 0; i < PLAN_OUTCOMES; i++) {
        (void)snprintf(label + at, sizeof label - at, "\",action=\"%s\"", outcome_names[i]);
        plan->metrics[i] = maker->metrics->get(maker->host, "residency_records_total", label,
                                               "Records by what the residency policy did with them", HP_METRIC_COUNTER);
    }
}

struct plan *plan_make_denied(const struct plan_maker *maker, struct hp_bytes schema, struct hp_bytes table)
{
    struct plan *plan = calloc(1, sizeof *plan);
    if (plan) {
        plan->denied = 1;
        get_metrics(maker, schema, table, plan);
    }
    return plan;
}

void plan_destroy(struct plan *plan)
{
    if (plan) {
        match_finish(&plan->match);
        free(plan->columns);
        free(plan->kept);
        free(plan->in);
        free(plan);
    }
}

void plan_publish(struct plan *plan, const struct hp_host_metrics *metrics)
{
    for (int i = 0; plan && i < PLAN_OUTCOMES; i++) {
        if (plan->counts[i] && plan->metrics[i]) {
            metrics->add(plan->metrics[i], plan->counts[i]);
        }
        plan->counts[i] = 0;
    }
}

/* The before image must always hold the judged column: the replica identity decides. */
static hp_status check_identity(const struct hp_schema *s, const struct hp_column *column, struct hp_error *err)
{
    int in_key = (column->flags & HP_COLUMN_KEY) && s->identity != HP_IDENTITY_NOTHING;
    if (s->identity == 0 || s->identity == HP_IDENTITY_FULL || in_key) {
        return HP_OK;
    }
    return hp_fail(
        err, HP_ERROR_CONFIG, "",
        "table %.*s.%.*s: its rows are judged by column \"%.*s\", which updates and deletes do not send: ALTER "
        "TABLE ... REPLICA IDENTITY FULL, or judge by a key column",
        (int)s->namespace_.len, (const char *)s->namespace_.data, (int)s->table.len, (const char *)s->table.data,
        (int)column->name.len, (const char *)column->name.data);
}

static hp_status plan_rows(const struct plan_maker *maker, const json_t *table, const struct hp_schema *s,
                           struct plan *plan, struct hp_error *err)
{
    struct policy_rows rows = policy_rows(table, maker->destination);
    if (!rows.column) {
        return HP_OK;
    }
    if (!rows.values) {
        plan->denied = 1;
        say(maker, HP_LOG_WARN, s, "no row of it may go to this destination", (struct hp_bytes){"", 0});
        return HP_OK;
    }
    for (uint32_t i = 0; i < s->n_columns; i++) {
        const struct hp_column *column = hp_schema_column(s, i);
        if (column->name.len == strlen(rows.column) &&
            memcmp(column->name.data, rows.column, (size_t)column->name.len) == 0) {
            plan->has_rows = 1;
            plan->judged = i;
            plan->judged_is_key = (column->flags & HP_COLUMN_KEY) != 0;
            return check_identity(s, column, err) == HP_OK ? match_compile(column, rows.values, &plan->match, err)
                                                           : HP_ERROR;
        }
    }
    return hp_fail(err, HP_ERROR_CONFIG, "",
                   "table %.*s.%.*s: its rows are judged by column \"%s\", which it does not have",
                   (int)s->namespace_.len, (const char *)s->namespace_.data, (int)s->table.len,
                   (const char *)s->table.data, rows.column);
}

/* One column: keep it in the plan, leave it out, or deny the whole table. */
static hp_status plan_column(const struct plan_maker *maker, const json_t *table, const struct hp_schema *s, uint32_t i,
                             struct plan *plan, struct hp_error *err)
{
    const struct hp_column *column = hp_schema_column(s, i);
    enum policy_action action = policy_column(maker->policy, table, column->name, maker->destination);
    int key = (column->flags & HP_COLUMN_KEY) != 0;
    if (action == POLICY_DROP) {
        plan->denied |= (uint8_t)key;
        plan->rewrite = 1;
        say(maker, HP_LOG_WARN, s, key ? "dropped whole, because of its key column " : "dropped is column ",
            column->name);
        return HP_OK;
    }
    if (action == POLICY_MASK && key) {
        return hp_fail(
            err, HP_ERROR_CONFIG, "",
            "table %.*s.%.*s: key column \"%.*s\" cannot be masked, all rows would become one; hash it or drop it",
            (int)s->namespace_.len, (const char *)s->namespace_.data, (int)s->table.len, (const char *)s->table.data,
            (int)column->name.len, (const char *)column->name.data);
    }
    if (redact_prepare(column, action, &plan->columns[plan->n], err) != HP_OK) {
        return HP_ERROR;
    }
    plan->rewrite |= action != POLICY_ALLOW;
    plan->columns[plan->n].from = i;
    plan->kept[plan->n] = *column;
    plan->n++;
    return HP_OK;
}

static hp_status plan_columns(const struct plan_maker *maker, const json_t *table, const struct hp_schema *s,
                              struct plan *plan, struct hp_error *err)
{
    hp_status status = HP_OK;
    plan->kept = calloc(s->n_columns + 1u, sizeof *plan->kept);
    plan->columns = calloc(s->n_columns + 1u, sizeof *plan->columns);
    if (!plan->kept || !plan->columns) {
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    for (uint32_t i = 0; status == HP_OK && i < s->n_columns; i++) {
        status = plan_column(maker, table, s, i, plan, err);
    }
    return status;
}

hp_status plan_bind(const struct plan_maker *maker, struct plan *plan, const struct hp_schema *schema,
                    struct hp_error *err)
{
    struct hp_schema smaller = *plan->in;
    const struct hp_schema *out = schema;
    if (!plan->denied && plan->n < smaller.n_columns) { /* not even the names of dropped columns go on */
        smaller.n_columns = plan->n;
        smaller.columns = plan->kept;
        out = maker->records->schema(maker->host, &smaller, err);
    }
    if (!out) {
        return HP_ERROR;
    }
    plan->schema = out->id;
    return HP_OK;
}

hp_status plan_make(const struct plan_maker *maker, const struct hp_schema *schema, struct plan **out,
                    struct hp_error *err)
{
    const json_t *table = policy_table(maker->policy, schema->namespace_, schema->table);
    struct plan *plan = plan_make_denied(maker, schema->namespace_, schema->table);
    hp_status status = HP_OK;
    if (!plan || !(plan->in = known_copy(schema))) {
        plan_destroy(plan);
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    if (table) {
        plan->denied = 0;
        status = plan_rows(maker, table, plan->in, plan, err);
    } else {
        say(maker, HP_LOG_WARN, schema, "dropped whole, because the policy does not name it", (struct hp_bytes){"", 0});
    }
    if (status == HP_OK && !plan->denied) {
        status = plan_columns(maker, table, plan->in, plan, err);
    }
    if (status != HP_OK) {
        plan_destroy(plan);
        return status;
    }
    *out = plan;
    return HP_OK;
}
