/* plugins.c: what plugins there are, their keys, and whether a configuration is good (REST-27 to REST-29). */
#include "handlers.h"
#include "views.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void plugins_list(struct request *rq)
{
    const char *value = url_param(&rq->url, "connectorsOnly", 0);
    bool only = !value || url_flag(&rq->url, "connectorsOnly");
    reply_json(rq, 200, view_plugins(catalog_list(supervisor_catalog(rq->sup)), only));
}

static void answer_json(void *arg, const struct outcome *o)
{
    struct request *rq = arg;
    if (o->kind == OUTCOME_DONE) {
        reply_json(rq, 200, json_incref(o->json));
    } else if (o->kind == OUTCOME_NO_CLASS) { /* T15: 500 here, 400 where something would be created */
        reply_error(rq, 500,
                    "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: "
                    "org.apache.kafka.connect.errors.ConnectException: %s",
                    o->message);
    } else {
        reply_outcome(rq, o);
    }
}

void plugin_config_get(struct request *rq)
{
    supervisor_describe(rq->sup, rq->params[0], answer_json, rq);
}

/* Length of a class name without its "Connector". */
static size_t short_len(const char *name)
{
    size_t len = strlen(name);
    return len > 9 && strcmp(name + len - 9, "Connector") == 0 ? len - 9 : len;
}

/* Does the class in the body mean the one in the path? By the end of the name, "Connector" left out. */
static bool classes_match(const char *included, const char *requested)
{
    size_t n = short_len(included), m = short_len(requested);
    return n >= m && memcmp(included + n - m, requested, m) == 0;
}

void plugin_validate(struct request *rq)
{
    json_t *body = request_json(rq), *value;
    const char *klass, *key;
    if (!body) {
        return;
    }
    if (!json_is_object(body)) {
        reply_error(rq, 500, "Cannot deserialize the configuration: it must be an object of strings");
        json_decref(body);
        return;
    }
    json_object_foreach(body, key, value)
    {
        if (json_is_object(value) || json_is_array(value)) {
            reply_error(rq, 500, "Cannot deserialize value of type String (key \"%s\")", key);
            json_decref(body);
            return;
        }
    }
    klass = json_string_value(json_object_get(body, "connector.class"));
    if (klass && !classes_match(klass, rq->params[0])) {
        reply_error(rq, 400, "Included connector type %s does not match request type %s", klass, rq->params[0]);
    } else {
        supervisor_validate(rq->sup, body, answer_json, rq);
    }
    json_decref(body);
}
