/*
 * settings.h: a connector's configuration as the rest of the plugin uses it. Made by settings_init (which also is
 * what validate.c runs), immutable afterwards; [task].
 */
#ifndef SOURCE_PG_SETTINGS_H
#define SOURCE_PG_SETTINGS_H

#include "filters.h"

enum snapshot_mode { SNAPSHOT_INITIAL, SNAPSHOT_ALWAYS, SNAPSHOT_INITIAL_ONLY, SNAPSHOT_NO_DATA, SNAPSHOT_WHEN_NEEDED };
enum publication_mode { PUBLICATION_ALL_TABLES, PUBLICATION_DISABLED, PUBLICATION_FILTERED, PUBLICATION_NO_TABLES };

#define SKIP_CREATE   1u
#define SKIP_UPDATE   2u
#define SKIP_DELETE   4u
#define SKIP_TRUNCATE 8u

struct rule { /* an expression for tables, and what is said about them */
    struct filter *tables;
    char *value;
};

struct settings {
    bool java; /* asked for under the Java name */
    char *connector, *prefix, *delimiter;
    char *host, *port, *user, *password, *dbname;
    char *sslmode, *sslcert, *sslkey, *sslpassword, *sslrootcert;
    bool keepalive;
    char *initial_statements; /* NULL: none */
    int64_t query_timeout_ms;
    char *slot, *publication;
    bool slot_drop, slot_failover, via_root;
    enum publication_mode publication_mode;
    enum snapshot_mode snapshot_mode;
    struct filters schemas, tables, columns, messages;
    struct filter *snapshot_tables; /* NULL: all captured */
    struct rule *identities, *keys; /* replica.identity.autoset.values, message.key.columns */
    size_t n_identities, n_keys;
    struct rule *overrides; /* of the snapshot: value is the SELECT */
    size_t n_overrides;
    unsigned skip; /* SKIP_* */
    int64_t status_interval_ms;
    uint32_t retry_after_ms, slot_retry_ms; /* 0: the host's own backoff */
};

/* Fills *out or says what is wrong and with which key (klass CONFIG, out_key one of the declared ones). */
hp_status settings_init(struct settings *out, const struct hp_config *config, const char **out_key,
                        struct hp_error *err);
void settings_finish(struct settings *s);

/* A table, then the partitioned tables that it is part of, up to the topmost: lists mean a partition by any of these
   names, and one that leaves out counts before one that takes in. */
#define LINEAGE_MAX 32u /* what lies deeper goes by the names of the nearest ones */
struct lineage {
    struct {
        const char *schema, *table;
    } names[LINEAGE_MAX];
    size_t n;
};
void lineage_add(struct lineage *l, const char *schema, const char *table);

/* Is the table captured at all. */
hp_status settings_wants_table(const struct settings *s, const struct lineage *table, bool *out, struct hp_error *err);
hp_status settings_wants_column(const struct settings *s, const struct lineage *table, const char *column, bool *out,
                                struct hp_error *err);
/* Are the rows that are there already wanted too. */
hp_status settings_wants_snapshot(const struct settings *s, const struct lineage *table, bool *out,
                                  struct hp_error *err);
/* The value of the first rule that matches the table, by its nearest name; NULL: none. */
hp_status settings_rule(const struct rule *rules, size_t n, const struct lineage *table, const char **out,
                        struct hp_error *err);

#endif
