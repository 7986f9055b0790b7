/* control_fuzz.c: any line as a start message; what is taken can be sent on. */
#include "control.h"
#include "json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hp_error err = {.size = sizeof err};
    json_t *json = json_parse((const char *)data, size, &err);
    struct control_start s;
    if (json && control_start_decode(json, &s, &err) == HP_OK) {
        char *line;
        if (control_start_encode(&s, &line, &err) == HP_OK) {
            free(line);
        }
        control_start_finish(&s);
    }
    json_decref(json);
    return 0;
}
