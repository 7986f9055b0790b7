/* props_fuzz.c: whatever props_parse() accepts is a map of NUL-terminated strings that survives being set again. */
#include "props.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hp_error err = {.size = sizeof err};
    struct props p, copy;
    props_init(&p);
    props_init(&copy);
    if (props_parse(&p, (const char *)data, size, &err) == HP_OK) {
        if (!props_copy(&copy, &p) || copy.n != p.n) {
            abort();
        }
        for (size_t i = 0; i < p.n; i++) {
            if (strcmp(props_get(&copy, p.entries[i].key), p.entries[i].value) != 0) {
                abort();
            }
        }
    } else if (!err.message[0]) {
        abort();
    }
    props_finish(&p);
    props_finish(&copy);
    return 0;
}
