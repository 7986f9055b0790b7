/* The JSON objects and the Prometheus text, made of connectors in memory. */
#include "inner.h"
#include "prometheus.h"
#include "views.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct supervisor sup;
static struct connector *c;

static void make(void)
{
    memset(&sup, 0, sizeof sup);
    supervisor_set_worker_id(&sup, "127.0.0.1:8083");
    c = connector_create(&sup, "a \"b\"");
    c->phase = PHASE_UP;
    c->task = TASK_RUNNING;
    c->target = TARGET_RUNNING;
    cr_assert(props_set(&c->config, "connector.class", "x.Y"));
    sup.connectors = c;
}

static void drop(void)
{
    connector_destroy(c);
}

TestSuite(views, .init = make, .fini = drop);

static void expect(json_t *got, const char *wanted)
{
    char *text = json_dumps(got, JSON_COMPACT);
    json_t *json = json_loads(wanted, 0, NULL);
    cr_assert_not_null(json, "%s", wanted);
    cr_assert(json_equal(got, json), "%s", text);
    free(text);
    json_decref(json);
    json_decref(got);
}

Test(views, REST07_info)
{
    expect(view_info(c, false),
           "{\"name\":\"a \\\"b\\\"\",\"config\":{\"connector.class\":\"x.Y\"},\"type\":\"unknown\","
           "\"tasks\":[{\"connector\":\"a \\\"b\\\"\",\"task\":0}]}");
    json_t *created = view_info(c, true);
    cr_assert_eq(json_array_size(json_object_get(created, "tasks")), 0, "T8");
    json_decref(created);
}

Test(views, REST11_T10_no_trace_and_no_version_where_there_is_none)
{
    expect(view_status(&sup, c),
           "{\"name\":\"a "
           "\\\"b\\\"\",\"type\":\"unknown\",\"connector\":{\"state\":\"RUNNING\",\"worker_id\":\"127.0.0.1:8083\"},"
           "\"tasks\":[{\"id\":0,\"state\":\"RUNNING\",\"worker_id\":\"127.0.0.1:8083\"}]}");
    connector_set_text(&c->version, "1.0");
    connector_set_text(&c->kind, "sink");
    connector_set_text(&c->trace, "why");
    c->phase = PHASE_DEAD;
    expect(view_status(&sup, c),
           "{\"name\":\"a "
           "\\\"b\\\"\",\"type\":\"sink\",\"connector\":{\"state\":\"FAILED\",\"worker_id\":\"127.0.0.1:8083\","
           "\"trace\":\"why\",\"version\":\"1.0\"},\"tasks\":[{\"id\":0,\"state\":\"FAILED\",\"worker_id\":\"127.0.0.1:"
           "8083\","
           "\"trace\":\"why\",\"version\":\"1.0\"}]}");
}

Test(views, REST27_each_name_of_a_plugin_sinks_first)
{
    struct plugin_file files[] = {
        {.id = "source-x", .kind = "source", .aliases = "a.B, c.D", .version = "2"},
        {.id = "t", .kind = "transformation", .aliases = "", .version = "1"},
        {.id = "bad", .kind = "sink", .aliases = "", .version = "1", .refused = "why"},
        {.id = "sink-x", .kind = "sink", .aliases = "", .version = ""},
    };
    struct plugin_list list = {files, 4};
    expect(view_plugins(&list, true), "[{\"class\":\"sink-x\",\"type\":\"sink\"},"
                                      "{\"class\":\"source-x\",\"type\":\"source\",\"version\":\"2\"},"
                                      "{\"class\":\"a.B\",\"type\":\"source\",\"version\":\"2\"},"
                                      "{\"class\":\"c.D\",\"type\":\"source\",\"version\":\"2\"}]");
    json_t *all = view_plugins(&list, false);
    cr_assert_eq(json_array_size(all), 5);
    json_decref(all);
}

static bool has(const struct buf *text, const char *line)
{
    const char *at = strstr((char *)text->data, line);
    if (!at) {
        (void)fprintf(stderr, "%s", (char *)text->data);
    }
    return at != NULL;
}

Test(views, prometheus_names_units_and_escapes)
{
    struct buf text;
    json_t *m = json_loads(
        "[[\"rows_total\",\"table=\\\"t\\\"\",\"Rows.\",1,7],[\"rows\",\"\",\"Rows.\",2,3],"
        "[\"dark\",\"\",\"Dark.\",2,-9223372036854775808],"
        "[\"lag_ms\",\"\",\"Lag.\",2,1234],[\"wait_us\",\"\",\"Wait.\",1,5],[\"back_ms\",\"\",\"Back.\",2,-1]]",
        0, NULL);
    cr_assert(figures_take(&c->figures, m));
    json_decref(m);
    buf_init(&text, 1u << 20);
    prometheus_write(&sup, &text);
    cr_assert(has(&text, "\nhomeport_rows_total{connector=\"a \\\"b\\\"\",task=\"0\",table=\"t\"} 7\n"));
    cr_assert(has(&text, "\nhomeport_rows{connector=\"a \\\"b\\\"\",task=\"0\"} 3\n"));
    cr_assert(has(&text, "\nhomeport_lag_seconds{connector=\"a \\\"b\\\"\",task=\"0\"} 1.234\n"));
    cr_assert(has(&text, "\nhomeport_wait_seconds_total{connector=\"a \\\"b\\\"\",task=\"0\"} 0.000005\n"));
    cr_assert(has(&text, "\nhomeport_back_seconds{connector=\"a \\\"b\\\"\",task=\"0\"} -0.001\n"));
    cr_assert(has(&text, "\n# TYPE homeport_rows_total counter\n"));
    cr_assert_null(strstr((char *)text.data, "dark"), "not known, not shown");
    cr_assert(has(&text, "kafka_connect_connector_status{connector=\"a \\\"b\\\"\",status=\"running\"} 1\n"));
    buf_finish(&text);
}
