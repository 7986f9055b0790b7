/* jdbc_url_fuzz.c: any text as connection.url. Whatever is accepted names only allowed keywords. */
#include "url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const never[] = {"service", "options", "passfile", "servicefile", "replication"};
    char *text = copy_text(data, size);
    struct hp_error err = {.size = sizeof err};
    struct url u;
    if (text && url_parse(text, &u, &err) == HP_OK) {
        for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
            if (url_get(&u, never[i])) {
                abort();
            }
        }
        (void)url_is_loopback(&u);
        url_finish(&u);
    }
    free(text);
    return 0;
}
