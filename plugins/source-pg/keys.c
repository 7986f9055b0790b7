/* keys.c: see keys.h. keys.def is expanded once per dialect. */
#include "keys.h"

static const struct hp_config_key java_keys[] = {
#define KEY(NAME, TYPE, IMPORTANCE, FLAGS, JAVA, OWN, ALLOWED, GROUP, DOC)                                             \
    {sizeof(struct hp_config_key),                                                                                     \
     HP_CONFIG_##TYPE,                                                                                                 \
     HP_IMPORTANCE_##IMPORTANCE,                                                                                       \
     FLAGS,                                                                                                            \
     NAME,                                                                                                             \
     JAVA,                                                                                                             \
     ALLOWED,                                                                                                          \
     GROUP,                                                                                                            \
     DOC},
#include "keys.def"
#undef KEY
};

static const struct hp_config_key own_keys[] = {
#define KEY(NAME, TYPE, IMPORTANCE, FLAGS, JAVA, OWN, ALLOWED, GROUP, DOC)                                             \
    {sizeof(struct hp_config_key), HP_CONFIG_##TYPE, HP_IMPORTANCE_##IMPORTANCE, FLAGS, NAME, OWN, ALLOWED, GROUP, DOC},
#include "keys.def"
#undef KEY
};

#define KEYS_COUNT (sizeof own_keys / sizeof own_keys[0])

bool keys_is_java(const char *dialect)
{
    return strcmp(dialect, KEYS_OWN_ID) != 0;
}

uint32_t keys_table(const char *dialect, const struct hp_config_key **out_keys)
{
    *out_keys = keys_is_java(dialect) ? java_keys : own_keys;
    return (uint32_t)KEYS_COUNT;
}

const char *keys_value(const struct hp_config *config, const char *name)
{
    const struct hp_config_key *keys = keys_is_java(config->dialect) ? java_keys : own_keys;
    const char *given = hp_config_get(config, name, NULL);
    for (size_t i = 0; !given && i < KEYS_COUNT; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            given = keys[i].default_value;
        }
    }
    return given;
}
