/*
 * configs.c: judging configurations, and putting them into force (REST-05, 09, 10, 28, 29). A probe child judges; what
 * it finds good is stored, and only then does anything act on it (LC-06, invariant I5). One thread, the loop's.
 */
#include "inner.h"
#include "json.h"
#include "logging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 4000u /* of one configuration: what is stored must pass json.h when it is read again */

/* ---- validation ---- */

struct asked {
    struct supervisor *sup;
    outcome_fn done;
    void *arg;
    const char *member;
};

/* A probe gave no content: its own error, or why there was no answer at all. */
static void answer_failed(const struct supervisor *s, const json_t *error, const struct hp_error *err, outcome_fn done,
                          void *arg)
{
    const char *text = json_string_value(json_object_get(error, "message"));
    supervisor_answer(done, arg, s->closing ? OUTCOME_CLOSING : OUTCOME_FAILED, "%s",
                      text         ? text
                      : s->closing ? "the host ends"
                                   : (err && err->message[0] ? err->message : "the plugin gave no proper answer"));
}

static void pass_answer(void *arg, json_t *json, const struct hp_error *err)
{
    struct asked *a = arg;
    json_t *content = json_object_get(json, a->member);
    if (content) {
        struct outcome o = {.kind = OUTCOME_DONE, .message = "", .json = content};
        a->done(a->arg, &o);
    } else {
        answer_failed(a->sup, json_object_get(json, "error"), err, a->done, a->arg);
    }
    free(a);
}

static struct asked *remember(struct supervisor *s, outcome_fn done, void *arg, const char *member)
{
    struct asked *a = malloc(sizeof *a);
    if (a) {
        *a = (struct asked){s, done, arg, member};
    } else {
        supervisor_answer(done, arg, OUTCOME_FAILED, "out of memory");
    }
    return a;
}

/* T15: the list that goes with "Failed to find any class". */
static void answer_no_class(struct supervisor *s, const char *klass, bool ambiguous, outcome_fn done, void *arg)
{
    const struct plugin_list *list = catalog_list(s->catalog);
    struct buf names;
    buf_init(&names, 8192);
    for (size_t i = 0; i < list->n; i++) {
        const struct plugin_file *f = &list->files[i];
        if (!f->refused && strcmp(f->kind, "transformation") != 0) {
            (void)buf_printf(&names, "%s%s%s%s", names.len ? ", " : "", f->id, *f->aliases ? ", " : "", f->aliases);
        }
    }
    supervisor_answer(done, arg, OUTCOME_NO_CLASS,
                      ambiguous
                          ? "More than one connector matches alias %s. Please use full package and class name instead. "
                            "Classes found: %s"
                          : "Failed to find any class that implements Connector and which name matches %s, available "
                            "connectors are: %s",
                      klass, names.data ? (char *)names.data : "");
    buf_finish(&names);
}

/* The plugin of a connector.class, or NULL after an answer. */
static const struct plugin_file *find_class(struct supervisor *s, const json_t *config, outcome_fn done, void *arg)
{
    const char *klass = json_string_value(json_object_get(config, "connector.class"));
    const char *name = json_string_value(json_object_get(config, "name"));
    bool ambiguous = false;
    const struct plugin_file *file;
    if (!klass || !*klass) {
        /* Connect prints the whole configuration here, secrets included. */
        supervisor_answer(done, arg, OUTCOME_INVALID, "Connector config {%s%s} contains no connector type",
                          name ? "name=" : "", name ? name : "");
        return NULL;
    }
    file = catalog_find(s->catalog, klass, &ambiguous);
    if (!file || ambiguous || strcmp(file->kind, "transformation") == 0) {
        answer_no_class(s, klass, ambiguous, done, arg);
        return NULL;
    }
    return file;
}

void supervisor_validate(struct supervisor *s, const json_t *config, outcome_fn done, void *arg)
{
    struct asked *a;
    if (find_class(s, config, done, arg) && (a = remember(s, done, arg, "infos")) != NULL) {
        catalog_validate(s->catalog, json_string_value(json_object_get(config, "connector.class")), config, pass_answer,
                         a);
    }
}

void supervisor_describe(struct supervisor *s, const char *plugin, outcome_fn done, void *arg)
{
    bool ambiguous = false;
    const struct plugin_file *file = catalog_find(s->catalog, plugin, &ambiguous);
    struct asked *a;
    if (!file || ambiguous) {
        supervisor_answer(done, arg, OUTCOME_NOT_FOUND, "Unknown plugin %s.", plugin);
    } else if ((a = remember(s, done, arg, "keys")) != NULL) {
        catalog_describe(s->catalog, file, plugin, pass_answer, a);
    }
}

/* ---- configurations ---- */

struct put {
    struct supervisor *sup;
    char *name;
    json_t *config;
    enum target initial;
    bool replace;
    uint64_t revision;
    outcome_fn done;
    void *arg;
};

static void put_free(struct put *p)
{
    free(p->name);
    json_decref(p->config);
    free(p);
}

/* V1. */
#define INVALID_HEAD "Connector configuration is invalid and contains the following %lld error(s):"
#define INVALID_TAIL                                                                                                   \
    "\nYou can also find the above list of errors at the endpoint "                                                    \
    "`/connector-plugins/{connectorType}/config/validate`"

static void answer_invalid(struct put *p, const json_t *infos)
{
    struct buf text;
    size_t i, j;
    const json_t *config, *error;
    buf_init(&text, 1u << 20);
    (void)buf_printf(&text, INVALID_HEAD, (long long)json_integer_value(json_object_get(infos, "error_count")));
    json_array_foreach(json_object_get(infos, "configs"), i, config){
        json_array_foreach(json_object_get(json_object_get(config, "value"), "errors"), j, error){
            (void)buf_printf(&text, "\n%s", json_is_string(error) ? json_string_value(error) : "");
}
}
(void)buf_puts(&text, "\nYou can also find the above list of errors at the endpoint "
                      "`/connector-plugins/{connectorType}/config/validate`");
supervisor_answer(p->done, p->arg, OUTCOME_INVALID, "%s", text.data ? (char *)text.data : "out of memory");
buf_finish(&text);
}

static bool same_config(const struct props *a, const struct props *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++) {
        const char *other = props_get(b, a->entries[i].key);
        same = other && strcmp(other, a->entries[i].value) == 0;
    }
    return same;
}

static hp_status store_put(struct supervisor *s, const struct put *p, struct connector *c, const struct props *config,
                           bool changed, struct hp_error *err)
{
    struct store_change change = {.name = p->name, .config = config, .target = c && !c->deleted ? NULL : &p->initial};
    json_t *seen = c ? NULL : store_seen(s->store, p->name); /* of one that was deleted */
    struct seen kept = {0};
    hp_status status;
    if (c) {
        seen = seen_json(&c->seen);
    }
    if (changed && seen) {
        /* Another target, perhaps: what was flushed to the old one holds nothing back no more. */
        seen_load(&kept, seen);
        json_decref(seen);
        seen_forget_flushed(&kept);
        seen = seen_json(&kept);
        seen_finish(&kept);
        change.seen = seen;
    }
    status = store_apply(s->store, &change, err);
    json_decref(seen);
    return status;
}

/* Stored already: the same in memory, and to work. */
static void put_into_force(struct supervisor *s, const struct put *p, struct connector *c, struct props *config,
                           const struct plugin_file *file, bool created, bool changed)
{
    props_finish(&c->config);
    c->config = *config;
    c->revision = ++s->revisions;
    props_init(config);
    (void)connector_set_text(&c->kind, file->kind);
    (void)connector_set_text(&c->version, file->version);
    if (changed) {
        seen_forget_flushed(&c->seen);
        c->seen.dirty = false; /* stored with the configuration */
    }
    if (created) {
        c->deleted = c->restarting = false;
        c->deaths = 0;
        c->restarts = c->errors = 0;
        figures_finish(&c->figures);
        c->target = p->initial;
        log_info("%s: created, %s", c->who, target_name(c->target));
        if (c->target != TARGET_STOPPED) {
            connector_event(c, EVENT_WANT);
        }
    } else if (changed || c->phase == PHASE_FAILED || c->phase == PHASE_DEAD) {
        log_info("%s: its configuration was changed", c->who);
        connector_event(c, EVENT_RENEW);
    }
    floor_hold(s);
}

static void put_checked(struct put *p, const struct plugin_file *file)
{
    struct supervisor *s = p->sup;
    struct hp_error err = {.size = sizeof err};
    struct connector *c = supervisor_any(s, p->name);
    bool created = !c || c->deleted, changed;
    struct props config;
    props_init(&config);
    if (p->revision && (created || c->revision != p->revision)) {
        supervisor_answer(p->done, p->arg, OUTCOME_STALE, "Connector %s was changed meanwhile", p->name);
    } else if (!created && !p->replace) {
        supervisor_answer(p->done, p->arg, OUTCOME_EXISTS, "Connector %s already exists", p->name);
    } else if (s->closing) {
        supervisor_answer(p->done, p->arg, OUTCOME_CLOSING, "the host ends");
    } else if (json_to_props(p->config, &config, &err) != HP_OK) {
        supervisor_answer(p->done, p->arg, OUTCOME_INVALID, "%s", err.message);
    } else {
        changed = created || !same_config(&c->config, &config);
        if (store_put(s, p, c, &config, changed, &err) != HP_OK) {
            supervisor_answer_store(p->done, p->arg, &err);
        } else if (!c && !(c = supervisor_add(s, p->name))) {
            supervisor_answer(p->done, p->arg, OUTCOME_FAILED, "out of memory; the connector is there after a restart");
        } else {
            put_into_force(s, p, c, &config, file, created, changed);
            supervisor_answer_connector(p->done, p->arg, created ? OUTCOME_CREATED : OUTCOME_DONE, c);
        }
    }
    props_finish(&config);
}

static void put_validated(void *arg, json_t *json, const struct hp_error *err)
{
    struct put *p = arg;
    json_t *infos = json_object_get(json, "infos");
    size_t i;
    const json_t *warning;
    const struct plugin_file *file;
    if (!infos) {
        answer_failed(p->sup, json_object_get(json, "error"), err, p->done, p->arg);
    } else if (json_integer_value(json_object_get(infos, "error_count")) > 0) {
        answer_invalid(p, infos);
    } else if ((file = find_class(p->sup, p->config, p->done, p->arg)) != NULL) {
        json_array_foreach(json_object_get(json, "warnings"), i, warning)
        {
            log_warn("connector %s: %s", p->name, json_is_string(warning) ? json_string_value(warning) : "");
        }
        put_checked(p, file);
    }
    put_free(p);
}

/* The rule of Connect's "name" key, and our own bound: what is wrong, or nothing. */
static void name_fault(const char *name, struct buf *out)
{
    const char *before = "String may not contain control sequences but had the following ASCII chars: ";
    if (!*name) {
        (void)buf_puts(out, "String may not be empty");
    } else if (strlen(name) > CONNECTOR_NAME_MAX) {
        (void)buf_printf(out, "A name of at most %u bytes is allowed", CONNECTOR_NAME_MAX);
    }
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0; /* U+0080 to U+009F */
        if (*p < 0x20 || *p == 0x7f || c1) {
            (void)buf_printf(out, "%s%d", before, c1 ? p[1] : p[0]);
            before = ", ";
        }
    }
}

/* True: it was answered. */
static bool refuse_name(const struct supervisor_put *put, outcome_fn done, void *arg)
{
    struct buf fault;
    bool bad;
    buf_init(&fault, 8192);
    name_fault(put->name, &fault);
    bad = fault.len > 0 || fault.failed;
    if (bad) {
        supervisor_answer(done, arg, OUTCOME_INVALID,
                          INVALID_HEAD "\nInvalid value %s for configuration name: %s" INVALID_TAIL, 1LL, put->name,
                          fault.data ? (char *)fault.data : "");
    }
    buf_finish(&fault);
    return bad;
}

void supervisor_put(struct supervisor *s, const struct supervisor_put *put, outcome_fn done, void *arg)
{
    struct put *p;
    if (refuse_name(put, done, arg)) {
        return;
    }
    if (json_object_size(put->config) > KEYS_MAX) {
        supervisor_answer(done, arg, OUTCOME_INVALID, "Connector configuration is invalid: more than %u keys",
                          KEYS_MAX);
        return;
    }
    if (!find_class(s, put->config, done, arg)) {
        return;
    }
    p = calloc(1, sizeof *p);
    if (!p || !(p->name = strdup(put->name))) {
        free(p);
        supervisor_answer(done, arg, OUTCOME_FAILED, "out of memory");
        return;
    }
    p->sup = s;
    p->config = json_incref((json_t *)(uintptr_t)put->config);
    p->initial = put->initial;
    p->replace = put->replace;
    p->revision = put->revision;
    p->done = done;
    p->arg = arg;
    catalog_validate(s->catalog, json_string_value(json_object_get(p->config, "connector.class")), p->config,
                     put_validated, p);
}
