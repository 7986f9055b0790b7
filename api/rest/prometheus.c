/*
 * prometheus.c: see prometheus.h. Each name is one table row with a function that gives the value; what workers tell is
 * gathered by name first, since all series of a name must stand together.
 */
#include "prometheus.h"

#include "fs.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* text as a label's value. */
static void put_value(struct buf *out, const char *text)
{
    (void)buf_putc(out, '"');
    for (; *text; text++) {
        if (*text == '\n') {
            (void)buf_puts(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\') {
            (void)buf_putc(out, '\\');
        }
        (void)buf_putc(out, *text);
    }
    (void)buf_putc(out, '"');
}

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    (void)buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void lower(struct buf *out, const char *text)
{
    char copy[32];
    size_t n = 0;
    for (; text[n] && n < sizeof copy - 1; n++) {
        copy[n] = (char)tolower((unsigned char)text[n]);
    }
    copy[n] = '\0';
    put_value(out, copy);
}

/* ---- the whole host, as Kafka Connect's worker ---- */

static void worker(struct supervisor *s, struct buf *out)
{
    static const char *const states[] = {"RUNNING", "PAUSED", "FAILED", "UNASSIGNED", "DESTROYED", "RESTARTING"};
    unsigned connectors = 0, tasks = 0, counts[6] = {0};
    char name[96];
    for (const struct connector *c = NULL; (c = supervisor_next(s, c)) != NULL;) {
        struct observed o = connector_observed(c);
        connectors++;
        tasks += o.task != NULL;
        for (size_t i = 0; o.task && i < 6; i++) {
            counts[i] += strcmp(o.task, states[i]) == 0;
        }
    }
    head(out, "kafka_connect_worker_connector_count", "untyped", "Connectors of this host.");
    (void)buf_printf(out, "kafka_connect_worker_connector_count %u\n", connectors);
    head(out, "kafka_connect_worker_task_count", "untyped", "Tasks of this host.");
    (void)buf_printf(out, "kafka_connect_worker_task_count %u\n", tasks);
    for (size_t i = 0; i < 6; i++) {
        (void)snprintf(name, sizeof name, "kafka_connect_worker_connector_%s_task_count", states[i]);
        for (char *p = name; *p; p++) {
            *p = (char)tolower((unsigned char)*p);
        }
        head(out, name, "untyped", "Tasks in this state.");
        (void)buf_printf(out, "%s %u\n", name, counts[i]);
    }
    head(out, "kafka_connect_coordinator_assigned_connectors", "untyped", "Connectors that this host runs.");
    (void)buf_printf(out, "kafka_connect_coordinator_assigned_connectors %u\n", connectors);
    head(out, "kafka_connect_coordinator_assigned_tasks", "untyped", "Tasks that this host runs.");
    (void)buf_printf(out, "kafka_connect_coordinator_assigned_tasks %u\n", tasks);
    head(out, "kafka_connect_worker_rebalance_rebalancing", "untyped", "Always 0: there is one host.");
    (void)buf_puts(out, "kafka_connect_worker_rebalance_rebalancing 0\n");
}

/* ---- what is known of each connector here ---- */

static void class_value(const struct connector *c, struct buf *out)
{
    const char *klass = props_get(&c->config, "connector.class");
    (void)buf_puts(out, ",class=");
    put_value(out, klass ? klass : "");
}

static void type_value(const struct connector *c, struct buf *out)
{
    (void)buf_puts(out, ",type=");
    put_value(out, c->kind ? c->kind : "unknown");
}

static void version_value(const struct connector *c, struct buf *out)
{
    (void)buf_puts(out, ",version=");
    put_value(out, c->version ? c->version : "");
}

static void status_value(const struct connector *c, struct buf *out)
{
    (void)buf_puts(out, ",status=");
    lower(out, connector_observed(c).state);
}

static void task_status_value(const struct connector *c, struct buf *out)
{
    const char *task = connector_observed(c).task;
    (void)buf_puts(out, ",task=\"0\",status=");
    lower(out, task ? task : "unassigned");
}

static const struct {
    const char *name, *help;
    void (*labels)(const struct connector *c, struct buf *out);
    bool of_task;
} texts[] = {
    {"kafka_connect_connector_status", "State of the connector, in the label.", status_value, false},
    {"kafka_connect_connector_connector_class", "Class of the connector, in the label.", class_value, false},
    {"kafka_connect_connector_connector_type", "Source or sink, in the label.", type_value, false},
    {"kafka_connect_connector_connector_version", "Version of the connector's plugin, in the label.", version_value,
     false},
    {"kafka_connect_connector_task_status", "State of the task, in the label.", task_status_value, true},
};

static int64_t restarts(const struct connector *c)
{
    return (int64_t)c->restarts;
}

static int64_t errors(const struct connector *c)
{
    return (int64_t)c->errors;
}

static int64_t failures(const struct connector *c)
{
    return figures_value(&c->figures, "errors", (int64_t)c->errors);
}

static int64_t up(const struct connector *c)
{
    const char *task = connector_observed(c).task;
    return task && strcmp(task, "RUNNING") == 0;
}

static const struct {
    const char *name, *type, *help;
    int64_t (*value)(const struct connector *c);
} numbers[] = {
    {"homeport_connector_up", "gauge", "1 if the task is RUNNING.", up},
    {"homeport_connector_restarts_total", "counter", "Starts of the worker process after it had died.", restarts},
    {"homeport_connector_errors_total", "counter",
     "Times that the task became RESTARTING or FAILED, or its process died.", errors},
    {"kafka_connect_task_error_total_record_failures", "untyped", "Errors of the task.", failures},
};

static void known(struct supervisor *s, struct buf *out)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        head(out, texts[i].name, "untyped", texts[i].help);
        for (const struct connector *c = NULL; (c = supervisor_next(s, c)) != NULL;) {
            if (!texts[i].of_task || connector_observed(c).task) {
                (void)buf_printf(out, "%s{connector=", texts[i].name);
                put_value(out, c->name);
                texts[i].labels(c, out);
                (void)buf_puts(out, "} 1\n");
            }
        }
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        head(out, numbers[i].name, numbers[i].type, numbers[i].help);
        for (const struct connector *c = NULL; (c = supervisor_next(s, c)) != NULL;) {
            (void)buf_printf(out, "%s{connector=", numbers[i].name);
            put_value(out, c->name);
            (void)buf_printf(out, ",task=\"0\"} %" PRId64 "\n", numbers[i].value(c));
        }
    }
}

/* ---- what workers tell ---- */

struct told {
    const struct connector *c;
    const struct figure *f;
};

static int by_name(const void *a, const void *b)
{
    const struct told *x = a, *y = b;
    int order = strcmp(x->f->name, y->f->name);
    return order ? order : strcmp(x->c->name, y->c->name);
}

static struct told *gather(struct supervisor *s, size_t *out_n)
{
    size_t n = 0;
    struct told *told;
    for (const struct connector *c = NULL; (c = supervisor_next(s, c)) != NULL;) {
        n += c->figures.n;
    }
    told = malloc((n ? n : 1) * sizeof *told);
    *out_n = 0;
    for (const struct connector *c = NULL; told && (c = supervisor_next(s, c)) != NULL;) {
        for (size_t i = 0; i < c->figures.n; i++) {
            told[(*out_n)++] = (struct told){c, &c->figures.v[i]};
        }
    }
    if (told) {
        qsort(told, n, sizeof *told, by_name);
    }
    return told;
}

/* Plugins name counters with _total or without, and count time in small units; the rules here are Prometheus'. */
static const struct {
    const char *suffix;
    int digits; /* behind the point, in seconds */
} units[] = {{"_ms", 3}, {"_us", 6}, {"_ns", 9}};

struct shown {
    char name[160];
    int digits;
};

static struct shown show(const struct figure *f)
{
    static const char total[] = "_total";
    struct shown s = {"", 0};
    size_t len = strlen(f->name);
    const char *unit = "";
    if (len > 6 && strcmp(f->name + len - 6, total) == 0) {
        len -= 6;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (len > 3 && memcmp(f->name + len - 3, units[i].suffix, 3) == 0) {
            s.digits = units[i].digits;
            unit = "_seconds";
            len -= 3;
            break;
        }
    }
    (void)snprintf(s.name, sizeof s.name, "homeport_%.*s%s%s", (int)len, f->name, unit,
                   f->kind == HP_METRIC_COUNTER ? total : "");
    return s;
}

static void put_number(struct buf *out, int64_t value, int digits)
{
    int64_t scale = 1;
    for (int i = 0; i < digits; i++) {
        scale *= 10;
    }
    if (digits == 0) {
        (void)buf_printf(out, "%" PRId64 "\n", value);
    } else {
        (void)buf_printf(out, "%s%" PRId64 ".%0*" PRId64 "\n", value < 0 ? "-" : "", (int64_t)llabs(value / scale),
                         digits, (int64_t)llabs(value % scale));
    }
}

static void tell(struct supervisor *s, struct buf *out)
{
    size_t n;
    struct told *told;
    const struct figure *said = NULL; /* the first that was shown of its name */
    told = gather(s, &n);
    for (size_t i = 0; told && i < n; i++) {
        const struct figure *f = told[i].f;
        struct shown as;
        if (f->kind == HP_METRIC_GAUGE && f->value == HP_METRIC_UNKNOWN) {
            continue;
        }
        if (said && strcmp(said->name, f->name) == 0 && f->kind != said->kind) {
            continue; /* two plugins disagree about what this is: the first is believed */
        }
        as = show(f);
        if (!said || strcmp(said->name, f->name) != 0) {
            head(out, as.name, f->kind == HP_METRIC_COUNTER ? "counter" : "gauge", f->help);
            said = f;
        }
        (void)buf_printf(out, "%s{connector=", as.name);
        put_value(out, told[i].c->name);
        (void)buf_printf(out, ",task=\"0\"%s%s} ", f->labels[0] ? "," : "", f->labels);
        put_number(out, f->value, as.digits);
    }
    free(told);
}

static void self(struct buf *out)
{
    struct hp_error err = {.size = sizeof err};
    struct buf text;
    char *resident;
    buf_init(&text, 256);
    /* statm: total size and resident size, in pages. */
    if (fs_read("/proc/self/statm", 256, &text, &err) == HP_OK && (resident = strchr((char *)text.data, ' ')) != NULL) {
        head(out, "process_resident_memory_bytes", "gauge", "Resident memory of the supervisor.");
        (void)buf_printf(out, "process_resident_memory_bytes %llu\n",
                         strtoull(resident, NULL, 10) * (unsigned long long)sysconf(_SC_PAGESIZE));
    }
    buf_finish(&text);
}

void prometheus_write(struct supervisor *s, struct buf *out)
{
    worker(s, out);
    known(s, out);
    tell(s, out);
    self(out);
}
