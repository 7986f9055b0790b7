/* HTTP bodies: every route that reads one, over a supervisor that agrees to everything. Each request must be replied to
   exactly once, with JSON. */
#include "routes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct connector *sink;
static unsigned replies;

static void done_with(outcome_fn done, void *arg, const struct connector *c, json_t *json)
{
    struct outcome o = {.kind = OUTCOME_DONE, .message = "done", .connector = c, .json = json};
    done(arg, &o);
}

const struct connector *supervisor_find(const struct supervisor *s, const char *name)
{
    (void)s;
    return strcmp(name, "s") == 0 ? sink : NULL;
}

const struct connector *supervisor_next(const struct supervisor *s, const struct connector *c)
{
    (void)s;
    return c ? NULL : sink;
}

void supervisor_put(struct supervisor *s, const struct supervisor_put *put, outcome_fn done, void *arg)
{
    const char *key;
    json_t *value;
    (void)s;
    if (!put->name || !json_is_string(json_object_get(put->config, "name"))) {
        abort();
    }
    json_object_foreach((json_t *)(uintptr_t)put->config, key, value)
    {
        if (!json_is_string(value) && !json_is_number(value) && !json_is_boolean(value)) {
            abort();
        }
    }
    done_with(done, arg, sink, NULL);
}

void supervisor_validate(struct supervisor *s, const json_t *config, outcome_fn done, void *arg)
{
    (void)s;
    done_with(done, arg, NULL, (json_t *)(uintptr_t)config);
}

void supervisor_offsets_change(struct supervisor *s, const char *name, json_t *offsets, outcome_fn done, void *arg)
{
    (void)s;
    (void)name;
    if (offsets && json_array_size(offsets) == 0) {
        abort();
    }
    done_with(done, arg, NULL, NULL);
}

void supervisor_describe(struct supervisor *s, const char *plugin, outcome_fn done, void *arg)
{
    (void)s;
    (void)plugin;
    done_with(done, arg, NULL, NULL);
}

void supervisor_target(struct supervisor *s, const char *name, enum target target, outcome_fn done, void *arg)
{
    (void)s;
    (void)name;
    (void)target;
    done_with(done, arg, sink, NULL);
}

void supervisor_delete(struct supervisor *s, const char *name, outcome_fn done, void *arg)
{
    supervisor_target(s, name, TARGET_STOPPED, done, arg);
}

void supervisor_restart(struct supervisor *s, const char *name, bool include_tasks, bool only_failed, outcome_fn done,
                        void *arg)
{
    (void)include_tasks;
    (void)only_failed;
    supervisor_target(s, name, TARGET_RUNNING, done, arg);
}

void supervisor_restart_task(struct supervisor *s, const char *name, outcome_fn done, void *arg)
{
    supervisor_target(s, name, TARGET_RUNNING, done, arg);
}

void supervisor_offsets(struct supervisor *s, const char *name, outcome_fn done, void *arg)
{
    struct outcome o = {.kind = OUTCOME_DONE, .message = "", .json = json_array()};
    (void)s;
    (void)name;
    done(arg, &o);
    json_decref(o.json);
}

struct catalog *supervisor_catalog(struct supervisor *s)
{
    (void)s;
    return NULL;
}

const struct plugin_list *catalog_list(struct catalog *c)
{
    static const struct plugin_list none;
    (void)c;
    return &none;
}

const char *supervisor_cluster_id(const struct supervisor *s)
{
    (void)s;
    return "cluster";
}

const char *supervisor_worker_id(const struct supervisor *s)
{
    (void)s;
    return "127.0.0.1:8083";
}

bool supervisor_closing(const struct supervisor *s)
{
    (void)s;
    return false;
}

static void replied(struct request *rq)
{
    (void)rq;
    replies++;
}

static void try(enum method method, const char *target, const uint8_t *data, size_t size)
{
    struct request rq = {.method = method, .content_type = "application/json"};
    buf_init(&rq.body, REQUEST_BODY_MAX);
    if (url_parse(&rq.url, target) != NULL || !buf_append(&rq.body, data, size)) {
        abort();
    }
    replies = 0;
    routes_answer(&rq);
    if (replies != 1 || rq.status < 200) {
        abort();
    }
    if (rq.text_len) {
        json_t *json = json_loadb(rq.text, rq.text_len, JSON_DECODE_ANY, NULL);
        if (!json) {
            abort();
        }
        json_decref(json);
    }
    request_finish(&rq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        enum method method;
        const char *target;
    } requests[] = {{METHOD_POST, "/connectors"},
                    {METHOD_PUT, "/connectors/s/config"},
                    {METHOD_PATCH, "/connectors/s/config"},
                    {METHOD_PATCH, "/connectors/s/offsets"},
                    {METHOD_PUT, "/connector-plugins/x/config/validate"}};
    request_replied = replied;
    if (size > 65536) {
        return 0;
    }
    sink = connector_create(NULL, "s");
    (void)connector_set_text(&sink->kind, "sink");
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        try(requests[i].method, requests[i].target, data, size);
    }
    connector_destroy(sink);
    return 0;
}
