/* plugin_test.c: the configuration: what create() and validate() refuse, and under which key they say so. */
#include "residency_support.h"

#include <criterion/criterion.h>

#define POLICY                                                                                                         \
    "{\"policy_version\":1,\"destinations\":[\"us\",\"eu\"],\"connectors\":{\"c\":\"us\"},\"classes\":{\"h\":{\"eu\":" \
    "\"hash\"}},"                                                                                                      \
    "\"tables\":{}}"

static struct {
    char key[64], message[512];
    int n;
} reported;

static void on_error(const struct hp_config_report *report, const char *key, const char *message)
{
    (void)report;
    reported.n++;
    (void)snprintf(reported.key, sizeof reported.key, "%s", key);
    (void)snprintf(reported.message, sizeof reported.message, "%s", message);
}

Test(plugin, configuration)
{
    char *good = policy_write(POLICY), *bad = policy_write("{\"policy_version\":1,\n\"x\":1}"), paths[3][128];
    static const struct {
        int policy;                                              /* 0 good, 1 bad, 2 not there */
        const char *second, *third, *connector, *key, *expected; /* key NULL: fine */
    } rows[] = {
        {0, "destination=us", NULL, "c", NULL, NULL},
        {0, NULL, NULL, "c", NULL, NULL},
        {0, "destination=us", NULL, "other", NULL, NULL},
        {0, "destination=eu", "hash.key=0123456789abcdef", "other", NULL, NULL},
        {0, NULL, NULL, "other", "destination", "not given"},
        {0, "destination=ap", NULL, "other", "destination", "not among"},
        {0, "destination=eu", "hash.key=0123456789abcdef", "c", "destination", "gives this connector us"},
        {0, "destination=eu", NULL, "other", "hash.key", "is needed"},
        {0, "destination=us", "hash.key=short", "c", "hash.key", "at least 16"},
        {1, "destination=us", NULL, "c", "policy.file", "x: no such member"},
        {2, "destination=us", NULL, "c", "policy.file", "No such file"},
    };
    (void)snprintf(paths[0], sizeof paths[0], "policy.file=%s", good);
    (void)snprintf(paths[1], sizeof paths[1], "policy.file=%s", bad);
    (void)snprintf(paths[2], sizeof paths[2], "policy.file=%s.gone", good);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *pairs[3] = {paths[rows[i].policy]};
        struct mock_host *host = mock_host_create(false);
        struct mock_config config;
        struct hp_error err = {.size = sizeof err};
        struct hp_config_report report = {.size = sizeof report, .error = on_error, .warning = on_error};
        void *self = NULL;
        size_t n = 1;
        hp_status status;
        if (rows[i].second) {
            pairs[n++] = rows[i].second;
        }
        if (rows[i].third) {
            pairs[n++] = rows[i].third;
        }
        cr_assert(mock_config_init(&config, "transform-residency", rows[i].connector, n, pairs));
        reported.n = 0;
        hp_plugin_entry_v1.desc->validate(&config.config, &report);
        status = hp_plugin_entry_v1.create(mock_host_face(host), &config.config, &self, &err);
        cr_expect_eq(status, rows[i].key ? HP_ERROR : HP_OK, "row %zu: %s", i, err.message);
        cr_expect_eq(reported.n, rows[i].key ? 1 : 0, "row %zu", i);
        if (rows[i].key) {
            cr_expect_eq(err.klass, HP_ERROR_CONFIG);
            cr_expect_str_eq(reported.key, rows[i].key, "row %zu", i);
            cr_expect_not_null(strstr(reported.message, rows[i].expected), "row %zu: %s", i, reported.message);
            cr_expect_not_null(strstr(err.message, rows[i].expected), "row %zu: %s", i, err.message);
            cr_expect_null(self);
        } else {
            hp_plugin_entry_v1.destroy(self);
        }
        mock_config_finish(&config);
        mock_host_destroy(host);
    }
    policy_remove(good);
    policy_remove(bad);
}

Test(plugin, policy_file_must_be_a_file)
{
    static const char *const paths[] = {"policy.file=/dev/zero", "policy.file=/tmp", "policy.file="};
    for (size_t i = 0; i < 3; i++) {
        const char *pairs[] = {paths[i], "destination=us"};
        struct mock_host *host = mock_host_create(false);
        struct mock_config config;
        struct hp_error err = {.size = sizeof err};
        void *self = NULL;
        cr_assert(mock_config_init(&config, "transform-residency", "c", 2, pairs));
        cr_expect_eq(hp_plugin_entry_v1.create(mock_host_face(host), &config.config, &self, &err), HP_ERROR, "%s",
                     paths[i]);
        cr_expect_eq(err.klass, HP_ERROR_CONFIG);
        mock_config_finish(&config);
        mock_host_destroy(host);
    }
}
