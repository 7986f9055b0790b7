/*
 * keys.c: every key the sink knows, once, with its default under either dialect (design D18). The keys of Debezium's
 * JDBC sink keep its defaults under its name; the plugin's own name has the safe ones.
 */
#include "config.h"

#define H          HP_IMPORTANCE_HIGH
#define M          HP_IMPORTANCE_MEDIUM
#define L          HP_IMPORTANCE_LOW
#define CONNECTION "Connection"
#define WRITING    "Writing"
#define NAMING     "Naming"
#define POSITION   "Position"
#define OTHER      "Other"

/* X(name, type, importance, flags, own default, Java default, allowed, group, doc) */
#define SINK_KEYS(X)                                                                                                   \
    X("connection.url", STRING, H, HP_KEY_REQUIRED, NULL, NULL, NULL, CONNECTION,                                      \
      "Target database: jdbc:postgresql://host:port/db?... or postgresql://user@host:port/db?...")                     \
    X("connection.username", STRING, H, 0, NULL, NULL, NULL, CONNECTION, "Role to log in as.")                         \
    X("connection.password", PASSWORD, H, 0, NULL, NULL, NULL, CONNECTION, "Its password.")                            \
    X("insert.mode", STRING, H, 0, "upsert", "insert", "insert|upsert|update", WRITING,                                \
      "How a created, read or updated row is written: insert it, insert or update it by key, or only update it.")      \
    X("primary.key.mode", STRING, H, 0, "record_key", "none", "none|kafka|record_key|record_value|record_header",      \
      WRITING, "Where the key columns come from. kafka and record_header cannot be used yet.")                         \
    X("primary.key.fields", LIST, H, 0, NULL, NULL, NULL, WRITING,                                                     \
      "Names of the key columns; empty: all fields of the record's key.")                                              \
    X("delete.enabled", BOOLEAN, M, 0, "true", "false", NULL, WRITING,                                                 \
      "Whether deletes are applied. Needs primary.key.mode=record_key.")                                               \
    X("truncate.enabled", BOOLEAN, M, 0, "true", "false", NULL, WRITING, "Whether TRUNCATE is applied.")               \
    X("schema.evolution", STRING, M, 0, "none", "none", "none|basic", WRITING,                                         \
      "basic: create missing tables and add missing columns; never drops or retypes.")                                 \
    X("batch.size", INT, M, 0, "5000", "500", "1..1000000", WRITING,                                                   \
      "Most rows in one statement. Rows that are copied in are not bound by it.")                                      \
    X("collection.name.format", STRING, M, 0, "${source.schema}.${source.table}", "${topic}", NULL, NAMING,            \
      "Name of the target table, with ${topic}, ${source.schema}, ${source.table}, ${source.db}, ${source.name}. "     \
      "A dot outside of ${} separates schema and table; dots within ${topic} become underscores.")                     \
    X("table.name.format", STRING, L, 0, NULL, NULL, NULL, NAMING, "Older name of collection.name.format.")            \
    X("quote.identifiers", BOOLEAN, M, 0, "true", "false", NULL, NAMING,                                               \
      "Names are always quoted. false: a name that the target does not have as it is, is looked for, and created, "    \
      "in lower case.")                                                                                                \
    X("field.include.list", LIST, M, 0, NULL, NULL, NULL, NAMING,                                                      \
      "Fields to write, as field or topic:field; empty: all. Not together with field.exclude.list.")                   \
    X("field.exclude.list", LIST, M, 0, NULL, NULL, NULL, NAMING, "Fields to leave out, as field or topic:field.")     \
    X("use.time.zone", STRING, L, 0, "UTC", "UTC", NULL, OTHER,                                                        \
      "Time zone of the session, for values whose conversion depends on one.")                                         \
    X("database.time_zone", STRING, L, 0, NULL, NULL, NULL, OTHER, "Older name of use.time.zone.")                     \
    X("position.table", STRING, L, 0, "homeport.homeport_position", "homeport.homeport_position", NULL, POSITION,      \
      "schema.table in the target database that keeps, in the transaction of the rows, how far they go.")              \
    X("origin.required", BOOLEAN, L, 0, "true", "true", NULL, POSITION,                                                \
      "Whether the task fails if it may not mark its rows with a replication origin. Without the mark, a source on "   \
      "the target database sends them back.")                                                                          \
    X("synchronous.commit", STRING, L, 0, "off", "off", "off|on|local|remote_write|remote_apply", POSITION,            \
      "synchronous_commit of the sink's session. With off nothing is lost: the log keeps what is not flushed yet.")    \
    X("apply.coalesce", BOOLEAN, L, 0, "true", "true", NULL, WRITING,                                                  \
      "Write each row once per group of transactions. false: every change on its own, in its order.")                  \
    X("session.replication.role", STRING, L, 0, "origin", "origin", "origin|replica", WRITING,                         \
      "replica silences the target's ordinary triggers and foreign keys. Needs the right to set it.")                  \
    X("use.reduction.buffer", BOOLEAN, L, HP_KEY_IGNORED, NULL, "false", NULL, OTHER,                                  \
      "Rows are always reduced to their last state; see apply.coalesce.")                                              \
    X("dialect.postgres.unnest.insert.enabled", BOOLEAN, L, HP_KEY_IGNORED, NULL, "false", NULL, OTHER,                \
      "COPY and UNNEST are always used where they are the fastest.")                                                   \
    X("dialect.postgres.postgis.schema", STRING, L, HP_KEY_IGNORED, NULL, "public", NULL, OTHER,                       \
      "Types are found by the names that the target has.")                                                             \
    X("dialect.", STRING, L, HP_KEY_IGNORED | HP_KEY_PREFIX, NULL, NULL, NULL, OTHER, "Keys of other dialects.")       \
    X("connection.provider", STRING, L, HP_KEY_IGNORED, NULL, NULL, NULL, CONNECTION, "There is no such choice here.") \
    X("connection.pool.min_size", INT, L, HP_KEY_IGNORED, NULL, "5", NULL, CONNECTION, "One connection is used.")      \
    X("connection.pool.max_size", INT, L, HP_KEY_IGNORED, NULL, "32", NULL, CONNECTION, "One connection is used.")     \
    X("connection.pool.acquire_increment", INT, L, HP_KEY_IGNORED, NULL, "32", NULL, CONNECTION,                       \
      "One connection is used.")                                                                                       \
    X("connection.pool.timeout", LONG, L, HP_KEY_IGNORED, NULL, "1800", NULL, CONNECTION, "One connection is used.")   \
    X("connection.restart.on.errors", BOOLEAN, L, HP_KEY_IGNORED, NULL, "false", NULL, CONNECTION,                     \
      "The host always connects again after a lost connection.")                                                       \
    X("flush.max.retries", INT, L, HP_KEY_IGNORED, NULL, "5", NULL, OTHER, "The host retries, with backoff.")          \
    X("flush.retry.delay.ms", LONG, L, HP_KEY_IGNORED, NULL, "1000", NULL, OTHER, "The host retries, with backoff.")   \
    X("collection.naming.strategy", CLASS, L, HP_KEY_UNSUPPORTED, NULL,                                                \
      "io.debezium.sink.naming.DefaultCollectionNamingStrategy", NULL, NAMING, "Java classes cannot be loaded.")       \
    X("table.naming.strategy", CLASS, L, HP_KEY_UNSUPPORTED, NULL,                                                     \
      "io.debezium.connector.jdbc.naming.DefaultTableNamingStrategy", NULL, NAMING, "Java classes cannot be loaded.")  \
    X("column.naming.strategy", CLASS, L, HP_KEY_UNSUPPORTED, NULL,                                                    \
      "io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy", NULL, NAMING, "Java classes cannot be loaded.") \
    X("hibernate.", STRING, L, HP_KEY_IGNORED | HP_KEY_PREFIX, NULL, NULL, NULL, OTHER, "Hibernate is not used.")      \
    X("internal.", STRING, L, HP_KEY_IGNORED | HP_KEY_PREFIX, NULL, NULL, NULL, OTHER, "Internals of another program.")

#define OWN_KEY(name_, type_, importance_, flags_, own_, java_, allowed_, group_, doc_)                                \
    {sizeof(struct hp_config_key), HP_CONFIG_##type_, importance_, flags_, name_, own_, allowed_, group_, doc_},
#define JAVA_KEY(name_, type_, importance_, flags_, own_, java_, allowed_, group_, doc_)                               \
    {sizeof(struct hp_config_key), HP_CONFIG_##type_, importance_, flags_, name_, java_, allowed_, group_, doc_},

static const struct hp_config_key own_keys[] = {SINK_KEYS(OWN_KEY)};
static const struct hp_config_key java_keys[] = {SINK_KEYS(JAVA_KEY)};

bool config_is_java(const char *dialect)
{
    return dialect && strcmp(dialect, SINK_ID) != 0;
}

uint32_t config_keys(const char *dialect, const struct hp_config_key **out_keys)
{
    *out_keys = config_is_java(dialect) ? java_keys : own_keys;
    return (uint32_t)(sizeof own_keys / sizeof *own_keys);
}

const char *config_value(const struct hp_config *config, const char *key)
{
    const struct hp_config_key *keys;
    uint32_t n = config_keys(config->dialect, &keys);
    const char *given = hp_config_get(config, key, NULL);
    for (uint32_t i = 0; !given && i < n; i++) {
        if (strcmp(keys[i].name, key) == 0) {
            given = keys[i].default_value;
        }
    }
    return given;
}
