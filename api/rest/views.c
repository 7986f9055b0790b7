/* views.c: see views.h. */
#include "views.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

static const char *type_of(const struct connector *c)
{
    return c->kind ? c->kind : "unknown";
}

static json_t *task_id(const struct connector *c)
{
    return json_pack("{s:s, s:i}", "connector", c->name, "task", 0);
}

json_t *view_info(const struct connector *c, bool just_created)
{
    bool tasks = !just_created && connector_observed(c).task;
    return json_pack("{s:s, s:o, s:o, s:s}", "name", c->name, "config", json_from_props(&c->config), "tasks",
                     tasks ? json_pack("[o]", task_id(c)) : json_array(), "type", type_of(c));
}

/* Adds trace and version where there are any (T10). Takes the reference. */
static json_t *with_extras(json_t *state, const char *trace, const char *version)
{
    if (state && trace && *trace) {
        (void)json_object_set_new(state, "trace", json_said(trace));
    }
    if (state && version) {
        (void)json_object_set_new(state, "version", json_string(version));
    }
    return state;
}

static json_t *task_state(const struct supervisor *s, const struct connector *c, const struct observed *o)
{
    return with_extras(json_pack("{s:i, s:s, s:s}", "id", 0, "state", o->task, "worker_id", supervisor_worker_id(s)),
                       o->task_trace, c->version);
}

json_t *view_status(const struct supervisor *s, const struct connector *c)
{
    struct observed o = connector_observed(c);
    json_t *state = with_extras(json_pack("{s:s, s:s}", "state", o.state, "worker_id", supervisor_worker_id(s)),
                                o.trace, c->version);
    return json_pack("{s:s, s:o, s:o, s:s}", "name", c->name, "connector", state, "tasks",
                     o.task ? json_pack("[o]", task_state(s, c, &o)) : json_array(), "type", type_of(c));
}

json_t *view_task_status(const struct supervisor *s, const struct connector *c)
{
    struct observed o = connector_observed(c);
    return task_state(s, c, &o);
}

json_t *view_tasks(const struct connector *c)
{
    json_t *config;
    if (!connector_observed(c).task) {
        return json_array();
    }
    config = json_from_props(&c->config);
    if (config) {
        const char *klass = props_get(&c->config, "connector.class");
        (void)json_object_set_new(config, "task.class", json_string(klass ? klass : ""));
    }
    return json_pack("[{s:o, s:o}]", "id", task_id(c), "config", config);
}

static void add_plugin(json_t *list, const char *klass, const struct plugin_file *f)
{
    json_t *item = json_pack("{s:s, s:s}", "class", klass, "type", f->kind);
    if (item && f->version && *f->version) {
        (void)json_object_set_new(item, "version", json_string(f->version));
    }
    (void)json_array_append_new(list, item);
}

/* Under its own name and under each of its aliases: clients pick what they know from this list (T12). */
static void add_names(json_t *list, const struct plugin_file *f)
{
    char *aliases = strdup(f->aliases), *save = NULL;
    add_plugin(list, f->id, f);
    for (char *name = aliases ? strtok_r(aliases, ", ", &save) : NULL; name; name = strtok_r(NULL, ", ", &save)) {
        add_plugin(list, name, f);
    }
    free(aliases);
}

json_t *view_plugins(const struct plugin_list *list, bool connectors_only)
{
    static const char *const kinds[] = {"sink", "source", "transformation"};
    json_t *out = json_array();
    for (size_t k = 0; out && k < (connectors_only ? 2 : 3); k++) {
        for (size_t i = 0; i < list->n; i++) {
            if (!list->files[i].refused && strcmp(list->files[i].kind, kinds[k]) == 0) {
                add_names(out, &list->files[i]);
            }
        }
    }
    return out;
}
