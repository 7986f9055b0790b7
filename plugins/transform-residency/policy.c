/* policy.c: see policy.h. Parsed by plugin.c when a connector is validated and when it starts; asked by plan.c once per
   schema, never per record. */
#include "policy.h"

#define NAME_SIZE 512 /* of a name and its NUL; longer ones are unknown */

/* "a.b: what is wrong there". */
static hp_status wrong(struct hp_error *err, const char *path, const char *name, const char *what)
{
    return hp_fail(err, HP_ERROR_CONFIG, "", "%s%s%s: %s", path, *path && *name ? "." : "", name, what);
}

/* ---- checks of one member each; path tells where they stand ---- */

static hp_status check_object(const json_t *value, const char *path, const char *name, struct hp_error *err)
{
    return json_is_object(value) ? HP_OK : wrong(err, path, name, "an object is expected");
}

static int known_destination(const json_t *root, const char *name)
{
    const json_t *list = json_object_get(root, "destinations");
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* A destination that is the name of a member. */
static hp_status check_destination(const json_t *root, const char *destination, const char *path, struct hp_error *err)
{
    return known_destination(root, destination)
               ? HP_OK
               : wrong(err, path, destination, "no destination of that name in \"destinations\"");
}

/* One that is the value of a member, or in its list. */
static hp_status check_named(const json_t *root, const char *destination, const char *path, const char *name,
                             struct hp_error *err)
{
    return known_destination(root, destination)
               ? HP_OK
               : hp_fail(err, HP_ERROR_CONFIG, "", "%s.%s: no destination \"%s\" in \"destinations\"", path, name,
                         destination);
}

/* A list of non-empty strings. */
static hp_status check_names(const json_t *list, const char *path, const char *name, struct hp_error *err)
{
    if (!json_is_array(list)) {
        return wrong(err, path, name, "a list of names is expected");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text || !*text) {
            return wrong(err, path, name, "holds something that is no name");
        }
    }
    return HP_OK;
}

static const char *const action_names[] = {
    [POLICY_DROP] = "drop", [POLICY_MASK] = "mask", [POLICY_HASH] = "hash", [POLICY_ALLOW] = "allow"};

static int action_of(const char *name)
{
    for (int i = 0; name && i < (int)(sizeof action_names / sizeof action_names[0]); i++) {
        if (strcmp(action_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static hp_status check_classes(json_t *root, struct hp_error *err)
{
    json_t *classes = json_object_get(root, "classes"), *class, *action;
    const char *name, *destination;
    if (check_object(classes, "", "classes", err) != HP_OK) {
        return HP_ERROR;
    }
    json_object_foreach(classes, name, class)
    {
        char path[NAME_SIZE];
        (void)snprintf(path, sizeof path, "classes.%s", name);
        if (check_object(class, path, "", err) != HP_OK) {
            return HP_ERROR;
        }
        json_object_foreach(class, destination, action)
        {
            if (check_destination(root, destination, path, err) != HP_OK) {
                return HP_ERROR;
            }
            if (action_of(json_string_value(action)) < 0) {
                return wrong(err, path, destination, "allow, mask, hash or drop is expected");
            }
        }
    }
    return HP_OK;
}

static hp_status check_condition(const json_t *columns, json_t *condition, const char *path, const char *name,
                                 struct hp_error *err)
{
    const char *column = json_string_value(json_object_get(condition, "column"));
    const json_t *values = json_object_get(condition, "in");
    if (json_object_size(condition) != 2 || !column || !json_is_array(values)) {
        return wrong(err, path, name, "{\"column\": NAME, \"in\": [VALUES]} is expected");
    }
    if (!json_object_get(columns, column)) {
        return wrong(err, path, name, "\"column\" is not among the table's columns");
    }
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *v = json_array_get(values, i);
        if (!json_is_string(v) && !json_is_integer(v) && !json_is_boolean(v)) {
            return wrong(err, path, name, "\"in\" holds something other than texts, integers and booleans");
        }
    }
    return HP_OK;
}

static hp_status check_columns(const json_t *root, json_t *columns, const char *path, struct hp_error *err)
{
    json_t *class;
    const char *name;
    if (check_object(columns, path, "", err) != HP_OK) {
        return HP_ERROR;
    }
    json_object_foreach(columns, name, class)
    {
        const char *text = json_string_value(class);
        if (!text || !json_object_get(json_object_get(root, "classes"), text)) {
            return wrong(err, path, name, "the name of a class in \"classes\" is expected");
        }
    }
    return HP_OK;
}

static hp_status check_rows(const json_t *root, const json_t *columns, json_t *rows, const char *path,
                            struct hp_error *err)
{
    json_t *condition;
    const char *destination;
    if (rows && check_object(rows, path, "", err) != HP_OK) {
        return HP_ERROR;
    }
    json_object_foreach(rows, destination, condition)
    {
        if (check_destination(root, destination, path, err) != HP_OK ||
            check_condition(columns, condition, path, destination, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    return HP_OK;
}

static hp_status check_table(const json_t *root, const char *name, json_t *table, struct hp_error *err)
{
    char path[NAME_SIZE], columns_path[NAME_SIZE + 8], rows_path[NAME_SIZE + 8];
    json_t *columns = json_object_get(table, "columns"), *rows = json_object_get(table, "rows"), *member;
    const char *key;
    (void)snprintf(path, sizeof path, "tables.%s", name);
    (void)snprintf(columns_path, sizeof columns_path, "%s.columns", path);
    (void)snprintf(rows_path, sizeof rows_path, "%s.rows", path);
    if (check_object(table, path, "", err) != HP_OK) {
        return HP_ERROR;
    }
    json_object_foreach(table, key, member)
    {
        if (strcmp(key, "columns") != 0 && strcmp(key, "rows") != 0) {
            return wrong(err, path, key, "no such member; columns and rows are known");
        }
    }
    return check_columns(root, columns, columns_path, err) == HP_OK ? check_rows(root, columns, rows, rows_path, err)
                                                                    : HP_ERROR;
}

static hp_status check_tables(json_t *root, struct hp_error *err)
{
    json_t *tables = json_object_get(root, "tables"), *table;
    const char *name;
    if (check_object(tables, "", "tables", err) != HP_OK) {
        return HP_ERROR;
    }
    json_object_foreach(tables, name, table)
    {
        if (!strchr(name, '.')) {
            return wrong(err, "tables", name, "schema.table is expected");
        }
        if (check_table(root, name, table, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    return HP_OK;
}

/* "connectors" maps names to one destination each, "messages" prefixes to a list of them; both may be missing. */
static hp_status check_maps(json_t *root, struct hp_error *err)
{
    json_t *connectors = json_object_get(root, "connectors"), *messages = json_object_get(root, "messages"), *member;
    const char *name;
    if ((connectors && check_object(connectors, "", "connectors", err) != HP_OK) ||
        (messages && check_object(messages, "", "messages", err) != HP_OK)) {
        return HP_ERROR;
    }
    json_object_foreach(connectors, name, member)
    {
        if (!json_is_string(member)) {
            return wrong(err, "connectors", name, "the name of a destination is expected");
        }
        if (check_named(root, json_string_value(member), "connectors", name, err) != HP_OK) {
            return HP_ERROR;
        }
    }
    json_object_foreach(messages, name, member)
    {
        if (check_names(member, "messages", name, err) != HP_OK) {
            return HP_ERROR;
        }
        for (size_t i = 0; i < json_array_size(member); i++) {
            if (check_named(root, json_string_value(json_array_get(member, i)), "messages", name, err) != HP_OK) {
                return HP_ERROR;
            }
        }
    }
    return HP_OK;
}

static hp_status check_root(json_t *root, struct hp_error *err)
{
    static const char *const members[] = {"policy_version", "destinations", "connectors",
                                          "classes",        "tables",       "messages"};
    json_t *member;
    const char *name;
    if (check_object(root, "", "policy", err) != HP_OK) {
        return HP_ERROR;
    }
    json_object_foreach(root, name, member)
    {
        size_t i = 0, n = sizeof members / sizeof members[0];
        while (i < n && strcmp(members[i], name) != 0) {
            i++;
        }
        if (i == n) {
            return wrong(err, "", name, "no such member");
        }
    }
    if (json_integer_value(json_object_get(root, "policy_version")) < 1) {
        return wrong(err, "", "policy_version", "a number from 1 on is expected");
    }
    if (check_names(json_object_get(root, "destinations"), "", "destinations", err) != HP_OK ||
        check_maps(root, err) != HP_OK || check_classes(root, err) != HP_OK) {
        return HP_ERROR;
    }
    return check_tables(root, err);
}

hp_status policy_parse(const char *text, size_t len, struct policy *out, struct hp_error *err)
{
    json_error_t error;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "line %d, column %d: %s", error.line, error.column, error.text);
    }
    if (check_root(root, err) != HP_OK) {
        json_decref(root);
        return HP_ERROR;
    }
    out->root = root;
    out->version = json_integer_value(json_object_get(root, "policy_version"));
    return HP_OK;
}

void policy_finish(struct policy *p)
{
    json_decref(p->root);
    p->root = NULL;
}

const char *policy_connector(const struct policy *p, const char *connector)
{
    return json_string_value(json_object_get(json_object_get(p->root, "connectors"), connector));
}

int policy_destination(const struct policy *p, const char *destination)
{
    return known_destination(p->root, destination);
}

int policy_hashes(const struct policy *p, const char *destination)
{
    json_t *class;
    const char *name;
    json_object_foreach(json_object_get(p->root, "classes"), name, class)
    {
        if (action_of(json_string_value(json_object_get(class, destination))) == POLICY_HASH) {
            return 1;
        }
    }
    return 0;
}

/* A member by a name that has no NUL of its own; names with one, or too long, are unknown. */
static json_t *member(const json_t *object, struct hp_bytes name)
{
    char key[NAME_SIZE];
    if (name.len >= sizeof key || (name.len && memchr(name.data, 0, (size_t)name.len))) {
        return NULL;
    }
    if (name.len) {
        memcpy(key, name.data, (size_t)name.len);
    }
    key[name.len] = 0;
    return json_object_get(object, key);
}

int policy_message(const struct policy *p, struct hp_bytes prefix, const char *destination)
{
    const json_t *list = member(json_object_get(p->root, "messages"), prefix);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), destination) == 0) {
            return 1;
        }
    }
    return 0;
}

const json_t *policy_table(const struct policy *p, struct hp_bytes schema, struct hp_bytes table)
{
    char name[NAME_SIZE];
    if (!schema.len || !table.len || schema.len + table.len + 1 > sizeof name ||
        memchr(schema.data, '.', (size_t)schema.len)) {
        return NULL;
    }
    memcpy(name, schema.data, (size_t)schema.len);
    name[schema.len] = '.';
    memcpy(name + schema.len + 1, table.data, (size_t)table.len);
    return member(json_object_get(p->root, "tables"), (struct hp_bytes){name, schema.len + 1 + table.len});
}

enum policy_action policy_column(const struct policy *p, const json_t *table, struct hp_bytes column,
                                 const char *destination)
{
    const char *class = json_string_value(member(json_object_get(table, "columns"), column));
    int action = class ? action_of(json_string_value(
                             json_object_get(json_object_get(json_object_get(p->root, "classes"), class), destination)))
                       : -1;
    return action < 0 ? POLICY_DROP : (enum policy_action)action;
}

struct policy_rows policy_rows(const json_t *table, const char *destination)
{
    const json_t *rows = json_object_get(table, "rows"), *condition = json_object_get(rows, destination);
    if (!rows) {
        return (struct policy_rows){NULL, NULL};
    }
    if (!condition) {
        return (struct policy_rows){"", NULL};
    }
    return (struct policy_rows){json_string_value(json_object_get(condition, "column")),
                                json_object_get(condition, "in")};
}
