/* validate.c: what the declared types and ranges cannot say: everything settings_init() finds, and warnings about
   choices that are allowed but weak. Pure. [any] */
#include "validate.h"

#include "keys.h"
#include "settings.h"

static void warn_about_tls(const struct hp_config *config, const struct settings *s,
                           const struct hp_config_report *report)
{
    static const char *const weak[] = {"disable", "allow", "prefer", "require", "verify-ca"};
    bool loopback = s->host[0] == '/' || strcmp(s->host, "localhost") == 0 || strncmp(s->host, "127.", 4) == 0 ||
                    strcmp(s->host, "::1") == 0;
    if (loopback) {
        return;
    }
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        if (strcmp(s->sslmode, weak[i]) == 0 && (s->java || hp_config_get(config, "database.sslmode", NULL))) {
            report->warning(report, "database.sslmode",
                            "does not prove that the server is the right one; verify-full does");
        }
    }
}

void validate_config(const struct hp_config *config, const struct hp_config_report *report)
{
    struct hp_error err = {.size = sizeof err};
    struct settings s;
    const char *key = "";
    if (settings_init(&s, config, &key, &err) != HP_OK) {
        report->error(report, key, err.message);
        return;
    }
    warn_about_tls(config, &s, report);
    if (s.java && s.publication_mode == PUBLICATION_ALL_TABLES) {
        report->warning(
            report, "publication.autocreate.mode",
            "all_tables makes the server refuse updates and deletes of every table without a primary key or "
            "replica identity; filtered publishes the captured tables only");
    }
    if (s.java && strcmp(keys_value(config, "plugin.name"), "pgoutput") != 0) {
        report->warning(report, "plugin.name",
                        "decoderbufs is not used: Homeport reads pgoutput, which every server accepts");
    }
    settings_finish(&s);
}
