/* json_props.c: between JSON objects and flat string maps, with Connect's leniency: numbers and booleans are taken by
   their text. Pure. [any] thread. */
#include "json.h"
#include "props.h"

#include <stdlib.h>

json_t *json_from_props(const struct props *p)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < p->n; i++) {
        if (json_object_set_new(object, p->entries[i].key, json_string(p->entries[i].value)) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static const char *const type_names[] = {
    [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",   [JSON_NULL] = "null", [JSON_STRING] = "a string",
    [JSON_REAL] = "a number",    [JSON_INTEGER] = "a number", [JSON_TRUE] = "true", [JSON_FALSE] = "false",
};

hp_status json_to_props(const json_t *object, struct props *out, struct hp_error *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "expected a JSON object of keys and values, got %s",
                       object ? type_names[json_typeof(object)] : "nothing");
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        bool kept;
        if (json_is_string(value)) {
            kept = props_set(out, key, json_string_value(value));
        } else if (json_is_number(value) || json_is_boolean(value)) {
            char *text = json_text(value);
            kept = text && props_set(out, key, text);
            free(text);
        } else {
            return hp_fail(err, HP_ERROR_CONFIG, "", "value of key \"%.200s\" is %s; it must be a string", key,
                           type_names[json_typeof(value)]);
        }
        if (!kept) {
            return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
        }
    }
    return HP_OK;
}
