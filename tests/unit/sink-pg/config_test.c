/* config_test.c: keys, defaults of both dialects, what validation says. */
#include "config.h"

#include <criterion/criterion.h>

struct report {
    struct hp_config_report face;
    char text[4096];
};

static void note(const struct hp_config_report *r, const char *key, const char *message)
{
    struct report *report = r->host;
    size_t n = strlen(report->text);
    (void)snprintf(report->text + n, sizeof report->text - n, "%s: %s\n", key, message);
}

static void ignore(const struct hp_config_report *r, const char *key, const char *message)
{
    (void)r;
    (void)key;
    (void)message;
}

static struct hp_config config_of(const char *dialect, const struct hp_config_entry *entries, uint32_t n)
{
    struct hp_config c = {.size = sizeof c, .n_entries = n, .entries = entries, .dialect = dialect, .connector = "c"};
    return c;
}

#define URL                                                                                                            \
    {                                                                                                                  \
        "connection.url", "postgresql://db.example/app"                                                                \
    }
#define N(list) (uint32_t)(sizeof list / sizeof *list)

static const char *problems(const char *dialect, const struct hp_config_entry *entries, uint32_t n)
{
    static struct report r;
    struct hp_config c = config_of(dialect, entries, n);
    r = (struct report){.face = {.size = sizeof r.face, .host = &r, .error = note, .warning = ignore}};
    config_validate(&c, &r.face);
    return r.text;
}

Test(config, own_defaults_are_the_safe_ones)
{
    const struct hp_config_entry e[] = {URL, {"connection.username", "u"}, {"connection.password", "p"}};
    struct hp_config in = config_of(SINK_ID, e, N(e));
    struct hp_error err = {.size = sizeof err};
    struct sink_config c;
    cr_assert_str_eq(problems(SINK_ID, e, N(e)), "");
    cr_assert_eq(config_parse(&in, &c, &err), HP_OK, "%s", err.message);
    cr_assert_eq(c.insert_mode, MODE_UPSERT);
    cr_assert_eq(c.key_mode, KEY_MODE_RECORD_KEY);
    cr_assert(c.delete_enabled && c.truncate_enabled && c.exact_names && !c.evolve && c.origin_required && c.coalesce);
    cr_assert_str_eq(c.collection_format, "${source.schema}.${source.table}");
    cr_assert_str_eq(url_get(&c.url, "sslmode"), "verify-full");
    cr_assert_str_eq(url_get(&c.url, "user"), "u");
    cr_assert_str_eq(url_get(&c.url, "application_name"), "homeport c");
    cr_assert_str_eq(c.position_schema, "homeport");
    cr_assert_not(c.durable_at_commit);
    config_finish(&c);
}

Test(config, java_defaults_are_debeziums)
{
    const struct hp_config_entry e[] = {URL};
    struct hp_config in = config_of(SINK_ALIAS_JDBC, e, N(e));
    struct hp_error err = {.size = sizeof err};
    struct sink_config c;
    cr_assert_str_eq(problems(SINK_ALIAS_JDBC, e, N(e)), "");
    cr_assert_eq(config_parse(&in, &c, &err), HP_OK, "%s", err.message);
    cr_assert_eq(c.insert_mode, MODE_INSERT);
    cr_assert_eq(c.key_mode, KEY_MODE_NONE);
    cr_assert(!c.delete_enabled && !c.truncate_enabled && !c.exact_names);
    cr_assert_str_eq(c.collection_format, "${topic}");
    cr_assert_str_eq(url_get(&c.url, "sslmode"), "prefer");
    cr_assert_eq(c.batch_rows, 500);
    config_finish(&c);
}

Test(config, older_names_and_lists)
{
    const struct hp_config_entry e[] = {URL,
                                        {"table.name.format", "x_${topic}"},
                                        {"primary.key.fields", " a , b,,c "},
                                        {"primary.key.mode", "RECORD_KEY"},
                                        {"insert.mode", "Upsert"}};
    struct hp_config in = config_of(SINK_ALIAS_JDBC, e, N(e));
    struct hp_error err = {.size = sizeof err};
    struct sink_config c;
    cr_assert_eq(config_parse(&in, &c, &err), HP_OK, "%s", err.message);
    cr_assert_str_eq(c.collection_format, "x_${topic}");
    cr_assert_eq(c.key_fields.n, 3);
    cr_assert_str_eq(c.key_fields.items[2], "c");
    config_finish(&c);
}

Test(config, complains)
{
    static const struct {
        const char *dialect, *key, *value, *expect;
    } list[] = {
        {SINK_ID, "collection.name.format", "${nope}", "collection.name.format"},
        {SINK_ID, "collection.name.format", "a.b.c", "one dot"},
        {SINK_ID, "primary.key.mode", "kafka", "this version"},
        {SINK_ID, "primary.key.mode", "record_header", "this version"},
        {SINK_ID, "primary.key.mode", "record_value", "primary.key.fields"},
        {SINK_ID, "primary.key.mode", "none", "need a key"},
        {SINK_ID, "position.table", "nodot", "schema.table"},
        {SINK_ALIAS_JDBC, "insert.mode", "upsert", "need a key"},
        {SINK_ALIAS_JDBC, "delete.enabled", "true", "record_key"},
        {SINK_ID, "connection.url", "mysql://x", "connection.url"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct hp_config_entry e[] = {{list[i].key, list[i].value}, URL};
        const char *got = problems(list[i].dialect, e, 2);
        cr_assert_not_null(strstr(got, list[i].expect), "%s=%s: %s", list[i].key, list[i].value, got);
    }
}

Test(config, keys_are_the_same_in_both_dialects)
{
    const struct hp_config_key *own, *java;
    uint32_t n = config_keys(SINK_ID, &own);
    cr_assert_eq(config_keys(SINK_ALIAS_JDBC, &java), n);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_str_eq(own[i].name, java[i].name);
        cr_assert(own[i].doc && *own[i].doc && own[i].group);
        for (uint32_t k = 0; k < i; k++) {
            cr_assert_str_neq(own[i].name, own[k].name);
        }
    }
}
