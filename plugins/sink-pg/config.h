/*
 * config.h: the sink's configuration: its keys (keys.c), and what they come to (config.c). Pure but for memory.
 * Keys and validation are asked by the host's probe [any]; config_parse runs at create [task].
 */
#ifndef SINK_PG_CONFIG_H
#define SINK_PG_CONFIG_H

#include "url.h"

#define SINK_ID         "sink-pg"
#define SINK_ALIAS_JDBC "io.debezium.connector.jdbc.JdbcSinkConnector"

#define MODE_INSERT 0
#define MODE_UPSERT 1
#define MODE_UPDATE 2

#define KEY_MODE_NONE         0
#define KEY_MODE_RECORD_KEY   1
#define KEY_MODE_RECORD_VALUE 2

/* A list of texts in one allocation each. */
struct text_list {
    size_t n;
    char **items;
};

struct sink_config {
    char *connector;
    struct url url; /* complete: user, password, sslmode are in it */
    struct text_list key_fields;
    struct text_list include, exclude; /* field lists: "field" or "topic:field" */
    char *collection_format;
    char *time_zone;
    char *position_schema, *position_table;
    char *synchronous_commit;
    char *replication_role;
    int insert_mode; /* MODE_* */
    int key_mode;    /* KEY_MODE_* */
    uint32_t batch_rows;
    bool java; /* asked for under the Java name: its defaults and naming rules */
    bool loopback;
    bool delete_enabled;
    bool truncate_enabled;
    bool evolve;
    bool exact_names; /* quote.identifiers: else a name that is not there as it is, is taken in lower case */
    bool origin_required;
    bool durable_at_commit; /* synchronous_commit is not off */
    bool coalesce;
};

uint32_t config_keys(const char *dialect, const struct hp_config_key **out_keys);
void config_validate(const struct hp_config *config, const struct hp_config_report *report);
hp_status config_parse(const struct hp_config *config, struct sink_config *out, struct hp_error *err);
void config_finish(struct sink_config *c);
/* The value of a key with the dialect's default filled in. */
const char *config_value(const struct hp_config *config, const char *key);
bool config_is_java(const char *dialect);

#endif
