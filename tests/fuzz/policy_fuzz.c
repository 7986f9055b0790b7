/* policy_fuzz.c: any bytes as a policy file. One that is accepted must answer every question. */
#include "match.h"
#include "policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct policy *p, const char *table, const char *destination)
{
    const json_t *t = policy_table(p, (struct hp_bytes){table, strcspn(table, ".")},
                                   (struct hp_bytes){strchr(table, '.') + 1, strlen(strchr(table, '.') + 1)});
    struct hp_column column = {.size = sizeof column, .type = HP_NATIVE, .native_oid = 25, .native_kind = 'b'};
    struct policy_rows rows = policy_rows(t, destination);
    struct hp_error err = {.size = sizeof err};
    struct match m;
    (void)policy_column(p, t, hp_bytes_of("id"), destination);
    for (int i = 0; rows.values && i < 3; i++) {
        column.native_oid = (const uint32_t[]){25, 23, 2950}[i];
        if (match_compile(&column, rows.values, &m, &err) == HP_OK) {
            match_finish(&m);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hp_error err = {.size = sizeof err};
    struct policy p;
    json_t *table;
    const char *name;
    if (policy_parse((const char *)data, size, &p, &err) != HP_OK) {
        if (err.klass != HP_ERROR_CONFIG || !err.message[0]) {
            abort();
        }
        return 0;
    }
    json_object_foreach(json_object_get(p.root, "tables"), name, table)
    {
        ask(&p, name, "us");
        ask(&p, name, "");
    }
    (void)policy_connector(&p, "c");
    (void)policy_hashes(&p, "us");
    (void)policy_message(&p, hp_bytes_of("m"), "us");
    policy_finish(&p);
    return 0;
}
