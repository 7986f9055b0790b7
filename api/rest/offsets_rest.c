/* offsets_rest.c: GET, PATCH and DELETE /connectors/C/offsets (REST-23 to REST-25; shapes of connect-conformance 1.4).
 */
#include "handlers.h"
#include "json.h"
#include "views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void told(void *arg, const struct outcome *o)
{
    if (o->kind == OUTCOME_DONE) {
        reply_json(arg, 200, json_pack("{s:O}", "offsets", o->json));
    } else {
        reply_outcome(arg, o);
    }
}

void offsets_get(struct request *rq)
{
    if (named_connector(rq, "Connector ", " not found")) {
        supervisor_offsets(rq->sup, rq->params[0], told, rq);
    }
}

static void changed(void *arg, const struct outcome *o)
{
    if (o->kind == OUTCOME_DONE) {
        reply_json(arg, 200, json_pack("{s:s}", "message", o->message));
    } else {
        reply_outcome(arg, o);
    }
}

void offsets_delete(struct request *rq)
{
    if (named_connector(rq, "Connector ", " not found")) {
        supervisor_offsets_change(rq->sup, rq->params[0], NULL, changed, rq);
    }
}

/* A whole number, or a text of one (Connect takes both). */
static bool is_number(const json_t *value)
{
    const char *text = json_string_value(value);
    size_t n;
    if (json_is_integer(value)) {
        return json_integer_value(value) >= 0;
    }
    n = text ? strspn(text, "0123456789") : 0;
    return n > 0 && n < 19 && text[n] == '\0';
}

/* False: it was replied to. */
static bool check_number(struct request *rq, const json_t *value, const char *what, const char *whats)
{
    char *text;
    if (is_number(value)) {
        return true;
    }
    text = json_is_string(value) ? strdup(json_string_value(value)) : json_text(value);
    reply_error(rq, 400,
                "Failed to parse the following Kafka %s value in the provided offsets: '%.200s'. %s values for sink "
                "connectors need to be integers.",
                what, text ? text : "", whats);
    free(text);
    return false;
}

/* One entry of a sink's list (connect-conformance 1.4). False: it was replied to. */
static bool check_sink(struct request *rq, const json_t *partition, const json_t *offset)
{
    const json_t *topic = json_object_get(partition, "kafka_topic");
    const json_t *number = json_object_get(partition, "kafka_partition");
    const char *fault = NULL;
    if (!partition || json_is_null(partition)) {
        fault = "The partition for a sink connector offset cannot be null or missing";
    } else if (!topic || !number) {
        fault = "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'";
    } else if (!json_is_string(topic)) {
        fault = "Kafka topic names must be valid strings and may not be null";
    } else if (json_is_null(number)) {
        fault = "Kafka partitions must be valid numbers and may not be null";
    } else if (json_is_object(offset) && !json_object_get(offset, "kafka_offset")) {
        fault = "The offset for a sink connector should either be null or contain the key 'kafka_offset'";
    }
    if (fault) {
        reply_error(rq, 400, "%s", fault);
        return false;
    }
    return check_number(rq, number, "partition", "Partition") &&
           (!json_is_object(offset) || check_number(rq, json_object_get(offset, "kafka_offset"), "offset", "Offset"));
}

static bool object_or_null(const json_t *value)
{
    return !value || json_is_null(value) || json_is_object(value);
}

/* What Connect cannot even read as an entry is 500, a partition or offset that cannot be is 400. False: replied to. */
static bool check_list(struct request *rq, const json_t *list, bool sink)
{
    size_t i;
    json_t *item, *value;
    const char *key;
    json_array_foreach(list, i, item)
    {
        json_t *partition = json_object_get(item, "partition"), *offset = json_object_get(item, "offset");
        if (!json_is_object(item) || !object_or_null(partition) || !object_or_null(offset)) {
            reply_error(rq, 500,
                        "Cannot construct instance of ConnectorOffset: an object of \"partition\" and \"offset\", "
                        "each an object or null, is needed");
            return false;
        }
        json_object_foreach(item, key, value)
        {
            if (strcmp(key, "partition") != 0 && strcmp(key, "offset") != 0) {
                reply_error(rq, 500,
                            "Unrecognized field \"%s\", not marked as ignorable (2 known properties: "
                            "\"partition\", \"offset\")",
                            key);
                return false;
            }
        }
        if (sink ? !check_sink(rq, partition, offset) : !json_is_object(partition)) {
            if (!sink) {
                reply_error(rq, 400, "The partition for a connector offset cannot be null or missing");
            }
            return false;
        }
    }
    return true;
}

static json_int_t number_of(const json_t *value)
{
    return json_is_string(value) ? strtoll(json_string_value(value), NULL, 10) : json_integer_value(value);
}

/* A sink's list as workers get it: of what was sent only what counts, numbers as numbers, and each partition once;
   given twice, the last one holds (Connect reads it into a map). */
static json_t *sink_list(const json_t *list)
{
    json_t *by_partition = json_object(), *out = json_array(), *item;
    const char *key;
    size_t i;
    json_array_foreach(list, i, item)
    {
        const json_t *partition = json_object_get(item, "partition"), *offset = json_object_get(item, "offset");
        const char *topic = json_string_value(json_object_get(partition, "kafka_topic"));
        json_int_t number = number_of(json_object_get(partition, "kafka_partition"));
        char *name = NULL;
        if (asprintf(&name, "%lld %s", (long long)number, topic) > 0) {
            json_t *at = json_is_object(offset)
                             ? json_pack("{s:I}", "kafka_offset", number_of(json_object_get(offset, "kafka_offset")))
                             : json_null();
            (void)json_object_set_new(by_partition, name,
                                      json_pack("{s:{s:s, s:I}, s:o}", "partition", "kafka_topic", topic,
                                                "kafka_partition", number, "offset", at));
            free(name);
        }
    }
    json_object_foreach(by_partition, key, item)
    {
        (void)json_array_append(out, item);
    }
    json_decref(by_partition);
    return out;
}

/* Every entry gets its offset. */
static json_t *source_list(json_t *list)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (!json_object_get(item, "offset")) {
            (void)json_object_set_new(item, "offset", json_null());
        }
    }
    return json_incref(list);
}

void offsets_patch(struct request *rq)
{
    json_t *body = request_json(rq), *list = json_object_get(body, "offsets");
    const struct connector *c;
    const char *key;
    json_t *value;
    if (!body) {
        return;
    }
    json_object_foreach(body, key, value)
    {
        if (strcmp(key, "offsets") != 0) {
            reply_error(rq, 500, "Unrecognized field \"%s\", not marked as ignorable (one known property: \"offsets\")",
                        key);
            json_decref(body);
            return;
        }
    }
    if (!json_is_object(body) || (list && !json_is_array(list) && !json_is_null(list))) {
        reply_error(rq, 500, "Cannot construct instance of ConnectorOffsets: \"offsets\" must be a list");
    } else if (json_array_size(list) == 0) {
        reply_error(rq, 400, "Partitions / offsets need to be provided for an alter offsets request");
    } else if ((c = named_connector(rq, "Connector ", " not found")) != NULL) {
        bool sink = c->kind && strcmp(c->kind, "sink") == 0;
        if (check_list(rq, list, sink)) {
            json_t *wanted = sink ? sink_list(list) : source_list(list);
            supervisor_offsets_change(rq->sup, rq->params[0], wanted, changed, rq);
            json_decref(wanted);
        }
    }
    json_decref(body);
}
