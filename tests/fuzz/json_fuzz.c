/* json_fuzz.c: whatever json_parse() accepts prints to text that it accepts again as the same value; json_escape() of
   any bytes is a JSON string. */
#include "buf.h"
#include "json.h"
#include "props.h"

#include <stdlib.h>
#include <string.h>

static json_t *must_parse(const char *text)
{
    struct hp_error err = {.size = sizeof err};
    json_t *json = json_parse(text, strlen(text), &err);
    if (!json) {
        abort();
    }
    return json;
}

static void try_props(const json_t *json)
{
    struct hp_error err = {.size = sizeof err};
    struct props p;
    props_init(&p);
    if (json_to_props(json, &p, &err) == HP_OK) {
        json_t *back = json_from_props(&p);
        if (!back || json_object_size(back) != json_object_size(json)) {
            abort();
        }
        json_decref(back);
    }
    props_finish(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hp_error err = {.size = sizeof err};
    json_t *json = json_parse((const char *)data, size, &err), *again;
    struct buf escaped;
    if (json) {
        char *text = json_text(json);
        again = must_parse(text);
        if (!json_equal(json, again)) {
            abort();
        }
        try_props(json);
        json_decref(again);
        json_decref(json);
        free(text);
    }
    if (!memchr(data, 0, size) && size < 4096) { /* NUL becomes \u0000, which json_parse() refuses by design */
        buf_init(&escaped, SIZE_MAX - 1);
        json_escape(&escaped, data, size);
        json_decref(must_parse((const char *)escaped.data));
        buf_finish(&escaped);
    }
    return 0;
}
