/* config.h: the keys a plugin declares, and the values it is given. */
#ifndef HOMEPORT_CONFIG_H
#define HOMEPORT_CONFIG_H

#include "abi.h"
#include "status.h"

/* Types, importance and width as in Kafka Connect's ConfigDef. */
#define HP_CONFIG_BOOLEAN  1u
#define HP_CONFIG_STRING   2u
#define HP_CONFIG_INT      3u
#define HP_CONFIG_SHORT    4u
#define HP_CONFIG_LONG     5u
#define HP_CONFIG_DOUBLE   6u
#define HP_CONFIG_LIST     7u /* comma separated */
#define HP_CONFIG_CLASS    8u
#define HP_CONFIG_PASSWORD 9u

#define HP_IMPORTANCE_HIGH   1u
#define HP_IMPORTANCE_MEDIUM 2u
#define HP_IMPORTANCE_LOW    3u

#define HP_KEY_REQUIRED 1u /* no default: must be given */
#define HP_KEY_UNSUPPORTED                                                                                             \
    2u                    /* the key means something that this version cannot do: any value but                        \
                             the default is a validation error that says so */
#define HP_KEY_IGNORED 4u /* the key has no meaning here; one warning names it when it is given */
#define HP_KEY_PREFIX  8u /* `name` is a prefix: every key that begins with it is known */

struct hp_config_key {
    uint32_t size;
    uint32_t type; /* HP_CONFIG_* */
    uint32_t importance;
    uint32_t flags; /* HP_KEY_* */
    const char *name;
    const char *default_value; /* NULL: null */
    const char *allowed;       /* "a|b|c" (compared ignoring case), or "min..max" for numbers with
                                  either side empty; NULL: anything of the type */
    const char *group;
    const char *doc; /* one or two sentences */
};

struct hp_config_entry {
    const char *key; /* NUL-terminated UTF-8 */
    const char *value;
};

/*
 * What an instance is given: every key of the connector's (or transform's, prefix removed)
 * configuration that is not the framework's, references resolved, defaults not filled in.
 * `dialect` is the name under which the plugin was asked for: its id or one of its aliases.
 */
struct hp_config {
    uint32_t size;
    uint32_t n_entries;
    const struct hp_config_entry *entries;
    const char *dialect;
    const char *connector; /* the connector's name */
};

/* What a plugin's validate() is given to answer through. key may be one that nobody declared; it is put before an error
   that does not name it. */
struct hp_config_report {
    uint32_t size;
    uint32_t reserved;
    void *host;
    void (*error)(const struct hp_config_report *, const char *key, const char *message);
    void (*warning)(const struct hp_config_report *, const char *key, const char *message);
};

#endif
