/* connectors.c: the collection, and a connector's configuration (REST-03 to REST-10, REST-20). */
#include "handlers.h"
#include "json.h"
#include "views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct connector *named_connector(struct request *rq, const char *before, const char *behind)
{
    const struct connector *c = supervisor_find(rq->sup, rq->params[0]);
    if (!c) {
        reply_error(rq, 404, "%s%s%s", before, rq->params[0], behind);
    }
    return c;
}

/* ---- reading ---- */

static bool has_expand(const struct request *rq, const char *what)
{
    const char *value;
    for (size_t i = 0; (value = url_param(&rq->url, "expand", i)) != NULL; i++) {
        if (strcmp(value, what) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *expanded(const struct request *rq)
{
    bool status = has_expand(rq, "status"), info = has_expand(rq, "info");
    json_t *all = json_object();
    const struct connector *c = NULL;
    while ((c = supervisor_next(rq->sup, c)) != NULL) {
        json_t *one = json_object();
        if (status) {
            (void)json_object_set_new(one, "status", view_status(rq->sup, c));
        }
        if (info) {
            (void)json_object_set_new(one, "info", view_info(c, false));
        }
        (void)json_object_set_new(all, c->name, one);
    }
    return all;
}

void connectors_list(struct request *rq)
{
    const struct connector *c = NULL;
    json_t *names;
    if (url_param(&rq->url, "expand", 0)) {
        reply_json(rq, 200, expanded(rq));
        return;
    }
    names = json_array();
    while ((c = supervisor_next(rq->sup, c)) != NULL) {
        (void)json_array_append_new(names, json_string(c->name));
    }
    reply_json(rq, 200, names);
}

void connector_get(struct request *rq)
{
    const struct connector *c = named_connector(rq, "Connector ", " not found");
    if (c) {
        reply_json(rq, 200, view_info(c, false));
    }
}

void config_get(struct request *rq)
{
    const struct connector *c = named_connector(rq, "Connector ", " not found");
    if (c) {
        reply_json(rq, 200, json_from_props(&c->config));
    }
}

/* ---- writing ---- */

static char *location_of(const struct request *rq, const char *name)
{
    char *encoded = url_encode(name), *out = NULL;
    if (encoded &&
        asprintf(&out, "http://%s/connectors/%s", rq->host ? rq->host : supervisor_worker_id(rq->sup), encoded) < 0) {
        out = NULL;
    }
    free(encoded);
    return out;
}

static void put_done(void *arg, const struct outcome *o)
{
    struct request *rq = arg;
    if (o->kind == OUTCOME_CREATED) {
        rq->location = location_of(rq, o->connector->name);
        reply_json(rq, 201, view_info(o->connector, true));
    } else if (o->kind == OUTCOME_DONE) {
        reply_json(rq, 200, view_info(o->connector, false));
    } else {
        reply_outcome(rq, o);
    }
}

/* Values as Connect's Map<String, String> takes them: scalars. False: replied to. */
static bool scalars_only(struct request *rq, const json_t *config)
{
    const char *key;
    json_t *value;
    if (!json_is_object(config)) {
        reply_error(rq, 500, "Cannot deserialize the configuration: it must be an object of strings");
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)config, key, value)
    {
        if (json_is_object(value) || json_is_array(value)) {
            reply_error(rq, 500, "Cannot deserialize value of type String from %s (key \"%s\")",
                        json_is_object(value) ? "an object" : "an array", key);
            return false;
        }
    }
    return true;
}

static bool null_value(struct request *rq, const json_t *config)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)config, key, value)
    {
        if (json_is_null(value)) {
            reply_error(
                rq, 400,
                "Connector configuration is invalid and contains the following 1 error(s):\nNull value can not be "
                "supplied as the configuration value. (%s)",
                key);
            return true;
        }
    }
    return false;
}

/* A scalar's text, new; "" for null and for nothing. */
static char *scalar_text(const json_t *value)
{
    return json_is_string(value)           ? strdup(json_string_value(value))
           : json_is_null(value) || !value ? strdup("")
                                           : json_text(value);
}

/* The name in the configuration must be the connector's, and is there afterwards. False: replied to. */
static bool settle_name(struct request *rq, json_t *config, const char *name)
{
    const json_t *given = json_object_get(config, "name");
    char *text = given && !json_is_null(given) ? scalar_text(given) : NULL;
    bool ok = !text || strcmp(text, name) == 0;
    if (!ok) {
        reply_error(rq, 400, "Connector name configuration (%s) doesn't match connector name in the URL (%s)", text,
                    name);
    } else {
        (void)json_object_set_new(config, "name", json_string(name));
    }
    free(text);
    return ok;
}

static void put(struct request *rq, const char *name, json_t *config, enum target initial, bool replace)
{
    struct supervisor_put p = {name, config, initial, replace, 0};
    if (scalars_only(rq, config) && settle_name(rq, config, name) && !null_value(rq, config)) {
        supervisor_put(rq->sup, &p, put_done, rq);
    }
}

static char *trimmed(char *text)
{
    size_t len;
    if (!text) {
        return NULL;
    }
    len = strlen(text);
    while (len && (unsigned char)text[len - 1] <= ' ') {
        text[--len] = '\0';
    }
    len = 0;
    while (text[len] && (unsigned char)text[len] <= ' ') {
        len++;
    }
    memmove(text, text + len, strlen(text + len) + 1);
    return text;
}

/* The members of a create request. False: replied to. */
static bool create_shape(struct request *rq, const json_t *body)
{
    const char *key;
    json_t *value;
    if (!json_is_object(body)) {
        reply_error(rq, 500, "Cannot construct instance of CreateConnectorRequest: an object is needed");
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        if (strcmp(key, "name") != 0 && strcmp(key, "config") != 0 && strcmp(key, "initial_state") != 0) {
            reply_error(rq, 500,
                        "Unrecognized field \"%s\", not marked as ignorable (3 known properties: \"name\", "
                        "\"config\", \"initial_state\")",
                        key);
            return false;
        }
        if (strcmp(key, "config") != 0 && (json_is_object(value) || json_is_array(value))) {
            reply_error(rq, 500, "Cannot deserialize value of type String (field \"%s\")", key);
            return false;
        }
    }
    return true;
}

void connectors_create(struct request *rq)
{
    json_t *body = request_json(rq), *state;
    enum target initial = TARGET_RUNNING;
    char *name = NULL;
    if (!body || !create_shape(rq, body)) {
        json_decref(body);
        return;
    }
    state = json_object_get(body, "initial_state");
    if (state && !json_is_null(state) &&
        (!json_is_string(state) || strcmp(json_string_value(state), "STARTED") == 0 ||
         !target_parse(json_string_value(state), &initial))) {
        reply_error(rq, 500, "Cannot construct instance of InitialState: RUNNING, PAUSED and STOPPED are known");
    } else if (!json_is_object(json_object_get(body, "config"))) {
        reply_error(rq, 500,
                    "Cannot construct instance of CreateConnectorRequest: \"config\" must be an object of strings");
    } else if ((name = trimmed(scalar_text(json_object_get(body, "name")))) != NULL) {
        put(rq, name, json_object_get(body, "config"), initial, false);
    } else {
        reply_error(rq, 500, "out of memory");
    }
    free(name);
    json_decref(body);
}

void config_put(struct request *rq)
{
    json_t *body = request_json(rq);
    if (body) {
        put(rq, rq->params[0], body, TARGET_RUNNING, true);
        json_decref(body);
    }
}

/* A patch under way. */
struct patching {
    struct request *rq;
    json_t *patch;
};

static void patched(void *arg, const struct outcome *o);

/* Merges into the configuration that is in force now. True: `patched` will be called, or was. */
static bool patch(struct patching *p)
{
    const struct connector *c = named_connector(p->rq, "Connector ", " not found");
    struct supervisor_put put = {p->rq->params[0], NULL, TARGET_RUNNING, true, c ? c->revision : 0};
    json_t *config = c ? json_from_props(&c->config) : NULL, *value;
    const char *key;
    bool asked;
    json_object_foreach(p->patch, key, value)
    {
        if (json_is_null(value)) {
            (void)json_object_del(config, key);
        } else {
            (void)json_object_set(config, key, value);
        }
    }
    asked = c && settle_name(p->rq, config, put.name);
    if (asked) {
        put.config = config;
        supervisor_put(p->rq->sup, &put, patched, p);
    }
    json_decref(config);
    return asked;
}

static void patching_free(struct patching *p)
{
    json_decref(p->patch);
    free(p);
}

static void patched(void *arg, const struct outcome *o)
{
    struct patching *p = arg;
    if (o->kind == OUTCOME_STALE) { /* another change came first: this one is made again from there */
        if (!patch(p)) {
            patching_free(p);
        }
        return;
    }
    put_done(p->rq, o);
    patching_free(p);
}

void config_patch(struct request *rq)
{
    json_t *body = request_json(rq);
    struct patching *p;
    if (!body || !scalars_only(rq, body)) {
        json_decref(body);
        return;
    }
    p = malloc(sizeof *p);
    if (!p) {
        json_decref(body);
        reply_error(rq, 500, "out of memory");
        return;
    }
    *p = (struct patching){rq, body};
    if (!patch(p)) {
        patching_free(p);
    }
}

static void delete_done(void *arg, const struct outcome *o)
{
    if (o->kind == OUTCOME_DONE) {
        reply_empty(arg, 204);
    } else {
        reply_outcome(arg, o);
    }
}

void connector_delete(struct request *rq)
{
    if (named_connector(rq, "Connector ", " not found")) {
        supervisor_delete(rq->sup, rq->params[0], delete_done, rq);
    }
}
