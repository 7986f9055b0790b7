/*
 * policy.h: the policy file: which columns and rows of which tables may go to which destination. README.md is its
 * reference. What the policy does not name is denied; what it misspells is an error. Pure: text in, answers out.
 */
#ifndef RESIDENCY_POLICY_H
#define RESIDENCY_POLICY_H

#include <homeport/homeport.h>

#include <jansson.h>

#define POLICY_SIZE_MAX (1u << 20)

enum policy_action {
    POLICY_DROP, /* also for all that is unknown */
    POLICY_MASK,
    POLICY_HASH,
    POLICY_ALLOW,
};

struct policy {
    json_t *root; /* checked: every lookup below finds the types it expects */
    int64_t version;
};

/* CONFIG errors name line and column of what is no JSON, or the path of the member that is wrong. */
hp_status policy_parse(const char *text, size_t len, struct policy *out, struct hp_error *err);
void policy_finish(struct policy *p);

/* The destination that the policy gives a connector, or NULL. */
const char *policy_connector(const struct policy *p, const char *connector);
/* Does the policy know this destination? */
int policy_destination(const struct policy *p, const char *destination);
/* Does any class say "hash" for it? */
int policy_hashes(const struct policy *p, const char *destination);
/* May messages of pg_logical_emit_message with this prefix go there? */
int policy_message(const struct policy *p, struct hp_bytes prefix, const char *destination);

/* A table's entry, or NULL: unknown. The first dot of an entry's name ends the schema: a schema with a dot in its own
   name cannot be named, and is denied. */
const json_t *policy_table(const struct policy *p, struct hp_bytes schema, struct hp_bytes table);
enum policy_action policy_column(const struct policy *p, const json_t *table, struct hp_bytes column,
                                 const char *destination);

/* The rows that may go there: those whose column equals one of the values. */
struct policy_rows {
    const char *column;   /* NULL: the policy has no condition for the table: every row may */
    const json_t *values; /* array of strings, integers and booleans; NULL with a column: no row may */
};
struct policy_rows policy_rows(const json_t *table, const char *destination);

#endif
