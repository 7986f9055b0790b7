/* Configurations: both dialects' defaults, what is refused, and Debezium's own example. */
#include "keys.h"
#include "mock_host.h"
#include "settings.h"
#include "validate.h"

#include <criterion/criterion.h>

#define BASE                                                                                                           \
    "database.hostname=192.168.99.100", "database.user=postgres", "database.password=postgres",                        \
        "database.dbname=postgres"

static hp_status make(struct settings *out, const char *dialect, size_t n, const char *const *pairs,
                      struct hp_error *err)
{
    struct mock_config c;
    const char *key = NULL;
    hp_status st;
    cr_assert(mock_config_init(&c, dialect, "Orders EU", n, pairs));
    st = settings_init(out, &c.config, &key, err);
    if (st != HP_OK) {
        cr_assert(key && *key && err->klass == HP_ERROR_CONFIG);
    }
    mock_config_finish(&c);
    return st;
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

Test(settings, debezium_example)
{
    /* the example of Debezium's documentation, without what is the framework's */
    static const char *const pairs[] = {BASE, "database.port=5432", "topic.prefix=fulfillment",
                                        "table.include.list=public.inventory", "plugin.name=pgoutput"};
    struct hp_error err = {.size = sizeof err};
    struct settings s;
    cr_assert(make(&s, KEYS_JAVA_CLASS, COUNT(pairs), pairs, &err) == HP_OK, "%s", err.message);
    cr_assert(s.java && s.publication_mode == PUBLICATION_ALL_TABLES && s.skip == SKIP_TRUNCATE);
    cr_assert_str_eq(s.slot, "debezium");
    cr_assert_str_eq(s.publication, "dbz_publication");
    cr_assert_str_eq(s.sslmode, "prefer");
    cr_assert_str_eq(s.prefix, "fulfillment");
    settings_finish(&s);
}

Test(settings, own_defaults_are_the_safe_ones)
{
    static const char *const pairs[] = {BASE, "topic.prefix=eu"};
    struct hp_error err = {.size = sizeof err};
    struct settings s;
    cr_assert(make(&s, KEYS_OWN_ID, COUNT(pairs), pairs, &err) == HP_OK, "%s", err.message);
    cr_assert(!s.java && s.publication_mode == PUBLICATION_FILTERED && s.skip == 0);
    cr_assert_str_eq(s.sslmode, "verify-full");
    cr_assert_str_eq(s.slot, "homeport_orders_eu");
    cr_assert_str_eq(s.publication, "homeport_orders_eu");
    settings_finish(&s);
}

Test(settings, tls_on_loopback)
{
    static const char *const hosts[] = {"database.hostname=127.0.0.1", "database.hostname=localhost",
                                        "database.hostname=/run/postgresql"};
    for (size_t i = 0; i < COUNT(hosts); i++) {
        const char *const pairs[] = {hosts[i], "database.user=u", "database.dbname=d", "topic.prefix=eu"};
        struct hp_error err = {.size = sizeof err};
        struct settings s;
        cr_assert(make(&s, KEYS_OWN_ID, COUNT(pairs), pairs, &err) == HP_OK);
        cr_assert_str_eq(s.sslmode, "allow");
        settings_finish(&s);
    }
}

Test(settings, refused)
{
    static const char *const bad[] = {"slot.name=Upper",
                                      "slot.name=a-b",
                                      "topic.prefix=a b",
                                      "topic.prefix=a/b",
                                      "snapshot.mode=custom",
                                      "snapshot.mode=configuration_based",
                                      "table.include.list=public\\.(a",
                                      "skipped.operations=x",
                                      "message.key.columns=nocolon",
                                      "database.hostname=a,b",
                                      "publication.autocreate.mode=other",
                                      "snapshot.select.statement.overrides=public.a"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *const pairs[] = {bad[i], "database.hostname=h", "database.user=u", "database.dbname=d",
                                     "topic.prefix=eu"};
        struct hp_error err = {.size = sizeof err};
        struct settings s;
        cr_assert(make(&s, KEYS_OWN_ID, COUNT(pairs), pairs, &err) == HP_ERROR, "%s was taken", bad[i]);
        cr_assert(err.message[0]);
    }
}

Test(settings, include_and_exclude)
{
    static const char *const pairs[] = {BASE, "topic.prefix=eu", "table.include.list=a", "table.exclude.list=b"};
    struct hp_error err = {.size = sizeof err};
    struct settings s;
    cr_assert(make(&s, KEYS_OWN_ID, COUNT(pairs), pairs, &err) == HP_ERROR);
    cr_assert(strstr(err.message, "table.include.list") && strstr(err.message, "table.exclude.list"));
}

Test(settings, missing)
{
    static const char *const pairs[] = {"database.hostname=h", "database.dbname=d", "topic.prefix=eu"};
    struct hp_error err = {.size = sizeof err};
    struct settings s;
    cr_assert(make(&s, KEYS_OWN_ID, COUNT(pairs), pairs, &err) == HP_ERROR && strstr(err.message, "database.user"));
}

/* A table by its names, "schema.table", from itself to the topmost partitioned table. */
static struct lineage lineage_of(size_t n, const char *const *names)
{
    static char text[8][64];
    struct lineage l = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        char *dot;
        (void)snprintf(text[i], sizeof text[i], "%s", names[i]);
        dot = strchr(text[i], '.');
        *dot = '\0';
        lineage_add(&l, text[i], dot + 1);
    }
    return l;
}

#define LINEAGE(...)                                                                                                   \
    lineage_of(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__})

static bool wants(const struct settings *s, struct lineage l)
{
    struct hp_error err = {.size = sizeof err};
    bool out = false;
    cr_assert(settings_wants_table(s, &l, &out, &err) == HP_OK, "%s", err.message);
    return out;
}

static bool wants_column(const struct settings *s, struct lineage l, const char *column)
{
    struct hp_error err = {.size = sizeof err};
    bool out = false;
    cr_assert(settings_wants_column(s, &l, column, &out, &err) == HP_OK, "%s", err.message);
    return out;
}

static const char *rule(const struct rule *rules, size_t n, struct lineage l)
{
    struct hp_error err = {.size = sizeof err};
    const char *out = NULL;
    cr_assert(settings_rule(rules, n, &l, &out, &err) == HP_OK, "%s", err.message);
    return out;
}

Test(settings, wants_tables_and_columns)
{
    static const char *const pairs[] = {BASE, "topic.prefix=eu", "schema.include.list=public",
                                        "table.exclude.list=public\\.secret.*",
                                        "column.exclude.list=public\\.t\\.hidden"};
    struct hp_error err = {.size = sizeof err};
    struct settings s;
    cr_assert(make(&s, KEYS_OWN_ID, COUNT(pairs), pairs, &err) == HP_OK);
    cr_assert(wants(&s, LINEAGE("public.t")));
    cr_assert(!wants(&s, LINEAGE("public.secrets")));
    cr_assert(!wants(&s, LINEAGE("other.t")));
    cr_assert(!wants_column(&s, LINEAGE("public.t"), "hidden"));
    cr_assert(wants_column(&s, LINEAGE("public.t"), "shown"));
    settings_finish(&s);
}

Test(settings, partitions)
{
    static const char *const included[] = {BASE, "topic.prefix=eu", "table.include.list=public\\.mid",
                                           "column.exclude.list=public\\.mid\\.hidden"};
    static const char *const excluded[] = {BASE, "topic.prefix=eu", "schema.include.list=public",
                                           "table.exclude.list=parts\\.leaf1"};
    struct hp_error err = {.size = sizeof err};
    struct settings s;
    cr_assert(make(&s, KEYS_OWN_ID, COUNT(included), included, &err) == HP_OK);
    cr_assert(wants(&s, LINEAGE("parts.leaf1", "public.mid", "public.top")));
    cr_assert(wants(&s, LINEAGE("parts.leaf1", "public.lower", "public.mid", "public.top")));
    cr_assert(!wants(&s, LINEAGE("parts.leaf1", "public.other", "public.top")));
    cr_assert(!wants(&s, LINEAGE("public.top")));
    cr_assert(!wants_column(&s, LINEAGE("parts.leaf1", "public.mid"), "hidden"));
    cr_assert(wants_column(&s, LINEAGE("parts.leaf1", "public.top"), "hidden"));
    settings_finish(&s);
    cr_assert(make(&s, KEYS_OWN_ID, COUNT(excluded), excluded, &err) == HP_OK);
    cr_assert(!wants(&s, LINEAGE("parts.leaf1", "public.top")));
    cr_assert(wants(&s, LINEAGE("parts.leaf2", "public.top")));
    cr_assert(!wants(&s, LINEAGE("parts.leaf2")));
    settings_finish(&s);
}

Test(settings, rules)
{
    static const char *const pairs[] = {
        BASE,
        "topic.prefix=eu",
        "message.key.columns=public\\.a:x,y;.*\\.b:z",
        "replica.identity.autoset.values=public\\.a:FULL,public\\.b:INDEX b_idx",
        "snapshot.select.statement.overrides=public.a",
        "snapshot.select.statement.overrides.public.a=SELECT * FROM public.a WHERE x > 1"};
    struct hp_error err = {.size = sizeof err};
    struct settings s;
    cr_assert(make(&s, KEYS_OWN_ID, COUNT(pairs), pairs, &err) == HP_OK, "%s", err.message);
    cr_assert_str_eq(rule(s.keys, s.n_keys, LINEAGE("public.a")), "x,y");
    cr_assert_str_eq(rule(s.keys, s.n_keys, LINEAGE("other.b")), "z");
    cr_assert_str_eq(rule(s.keys, s.n_keys, LINEAGE("other.leaf", "public.a")), "x,y");
    cr_assert_str_eq(rule(s.keys, s.n_keys, LINEAGE("other.b", "public.a")), "z", "the nearest name counts");
    cr_assert_null(rule(s.keys, s.n_keys, LINEAGE("other.c")));
    cr_assert_str_eq(rule(s.identities, s.n_identities, LINEAGE("public.b")), "INDEX b_idx");
    cr_assert(strncmp(rule(s.overrides, s.n_overrides, LINEAGE("public.a")), "SELECT", 6) == 0);
    settings_finish(&s);
}

Test(settings, identities_are_checked)
{
    static const char *const wrong[] = {BASE, "topic.prefix=eu",
                                        "replica.identity.autoset.values=a.b:full,a.c:SOMETIMES"};
    static const char *const nameless[] = {BASE, "topic.prefix=eu", "replica.identity.autoset.values=a.b:INDEX  "};
    struct hp_error err = {.size = sizeof err};
    struct settings s;
    cr_assert(make(&s, KEYS_OWN_ID, COUNT(wrong), wrong, &err) == HP_ERROR && strstr(err.message, "SOMETIMES"));
    cr_assert(make(&s, KEYS_OWN_ID, COUNT(nameless), nameless, &err) == HP_ERROR);
}

Test(keys, both_dialects_declare_the_same_names)
{
    const struct hp_config_key *own, *java;
    uint32_t n = keys_table(KEYS_OWN_ID, &own);
    cr_assert(keys_table(KEYS_JAVA_CLASS, &java) == n && n > 80);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_str_eq(own[i].name, java[i].name);
        cr_assert(own[i].doc && *own[i].doc && own[i].group && own[i].size == sizeof *own);
        for (uint32_t k = 0; k < i; k++) {
            cr_assert_str_neq(own[k].name, own[i].name);
        }
    }
}

static unsigned errors, warnings;

static void on_error(const struct hp_config_report *r, const char *key, const char *message)
{
    (void)r;
    cr_assert(key && message);
    errors++;
}

static void on_warning(const struct hp_config_report *r, const char *key, const char *message)
{
    (void)r;
    cr_assert(key && message);
    warnings++;
}

Test(validate, reports)
{
    static const char *const good[] = {BASE, "topic.prefix=eu"}, *const bad[] = {"topic.prefix=eu"};
    const struct hp_config_report report = {.size = sizeof report, .error = on_error, .warning = on_warning};
    struct mock_config c;
    cr_assert(mock_config_init(&c, KEYS_JAVA_CLASS, "c", COUNT(good), good));
    validate_config(&c.config, &report);
    cr_assert(errors == 0 && warnings == 3, "%u errors, %u warnings", errors, warnings);
    mock_config_finish(&c);
    cr_assert(mock_config_init(&c, KEYS_JAVA_CLASS, "c", COUNT(bad), bad));
    validate_config(&c.config, &report);
    cr_assert(errors == 1);
    mock_config_finish(&c);
}
