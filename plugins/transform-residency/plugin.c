/*
 * plugin.c: how the transform introduces itself, and its configuration: reads and checks the policy, when a connector
 * is validated ([any] thread) and when it starts ([task]). The records are judged in judge.c.
 */
#include "judge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION      "0.1.0"
#define HASH_KEY_MIN 16

HP_PLUGIN_NOTE("transform-residency", "transformation", "", VERSION);

static const struct hp_config_key keys[] = {
    {sizeof(struct hp_config_key), HP_CONFIG_STRING, HP_IMPORTANCE_HIGH, HP_KEY_REQUIRED, "policy.file", NULL, NULL,
     "Residency", "The policy: a JSON file that the worker can read. It is read when the connector starts."},
    {sizeof(struct hp_config_key), HP_CONFIG_STRING, HP_IMPORTANCE_HIGH, 0, "destination", NULL, NULL, "Residency",
     "Where the records go, by a name of the policy's \"destinations\". Without it, what the policy's \"connectors\" "
     "says "
     "of this connector; if both are given, they must agree."},
    {sizeof(struct hp_config_key), HP_CONFIG_PASSWORD, HP_IMPORTANCE_MEDIUM, 0, "hash.key", NULL, NULL, "Residency",
     "Secret of at least 16 characters for the columns that the policy hashes (HMAC-SHA256)."},
};

/* ---- configuration ---- */

/* A regular file of moderate size; opened so that nothing else can make us wait. */
static hp_status read_file(const char *path, char **out, size_t *out_len, struct hp_error *err)
{
    struct stat st;
    char *text = NULL;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        hp_status status = hp_fail(err, HP_ERROR_CONFIG, "", "policy.file: %s: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    if (S_ISREG(st.st_mode) && st.st_size <= (off_t)POLICY_SIZE_MAX && (text = malloc((size_t)st.st_size + 1))) {
        n = read(fd, text, (size_t)st.st_size);
    }
    (void)close(fd);
    if (n < 0 || n != st.st_size) {
        free(text);
        return hp_fail(err, HP_ERROR_CONFIG, "", "policy.file: %s: no readable file of at most %u bytes", path,
                       POLICY_SIZE_MAX);
    }
    *out = text;
    *out_len = (size_t)n;
    return HP_OK;
}

static hp_status load_policy(const char *path, struct policy *out, struct hp_error *err)
{
    struct hp_error why = {.size = sizeof why};
    char *text = NULL;
    size_t len = 0;
    hp_status status = read_file(path, &text, &len, err);
    if (status != HP_OK) {
        return status;
    }
    status = policy_parse(text, len, out, &why);
    free(text);
    return status == HP_OK ? HP_OK : hp_fail(err, HP_ERROR_CONFIG, "", "policy.file: %s: %s", path, why.message);
}

/* Which destination the instance serves; every doubt is an error. */
static hp_status choose_destination(const struct hp_config *config, const struct policy *policy, const char **out,
                                    struct hp_error *err)
{
    const char *given = hp_config_get(config, "destination", NULL);
    const char *named = config->connector ? policy_connector(policy, config->connector) : NULL;
    if (!given && !named) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "destination: not given, and the policy's \"connectors\" does not name this connector");
    }
    if (given && named && strcmp(given, named) != 0) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "destination: %s, but the policy's \"connectors\" gives this connector %s", given, named);
    }
    if (given && !policy_destination(policy, given)) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "destination: %s is not among the policy's \"destinations\"", given);
    }
    *out = given ? given : named;
    return HP_OK;
}

static hp_status check_hash_key(const struct hp_config *config, const struct policy *policy, const char *destination,
                                struct hp_error *err)
{
    const char *key = hp_config_get(config, "hash.key", NULL);
    if (key && strlen(key) < HASH_KEY_MIN) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "hash.key: at least %d characters are needed", HASH_KEY_MIN);
    }
    if (!key && policy_hashes(policy, destination)) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "hash.key: is needed, because the policy hashes columns for %s",
                       destination);
    }
    return HP_OK;
}

/* Everything that can be known without a server. */
static hp_status check_config(const struct hp_config *config, struct policy *out_policy, const char **out_destination,
                              struct hp_error *err)
{
    const char *path = hp_config_get(config, "policy.file", NULL);
    if (!path) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "policy.file: is needed");
    }
    if (load_policy(path, out_policy, err) != HP_OK) {
        return HP_ERROR;
    }
    if (choose_destination(config, out_policy, out_destination, err) != HP_OK ||
        check_hash_key(config, out_policy, *out_destination, err) != HP_OK) {
        policy_finish(out_policy);
        return HP_ERROR;
    }
    return HP_OK;
}

static uint32_t get_keys(const char *dialect, const struct hp_config_key **out)
{
    (void)dialect;
    *out = keys;
    return sizeof keys / sizeof keys[0];
}

/* Errors begin with the key that they are about. */
static void validate(const struct hp_config *config, const struct hp_config_report *report)
{
    struct hp_error err = {.size = sizeof err};
    struct policy policy;
    const char *destination;
    if (!hp_config_get(config, "policy.file", NULL)) {
        return; /* the host has said so */
    }
    if (check_config(config, &policy, &destination, &err) == HP_OK) {
        policy_finish(&policy);
        return;
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t len = strlen(keys[i].name);
        if (strncmp(err.message, keys[i].name, len) == 0 && err.message[len] == ':') {
            report->error(report, keys[i].name, err.message + len + 2);
            return;
        }
    }
    report->error(report, "policy.file", err.message);
}

/* ---- life ---- */

static void destroy(void *self)
{
    struct residency *r = self;
    if (r) {
        for (uint32_t i = 0; i < r->n_plans; i++) {
            plan_destroy(r->plans[i]);
        }
        free(r->plans);
        free(r->slots);
        plan_destroy(r->others);
        policy_finish(&r->policy);
        free(r->destination);
        explicit_bzero(&r->key, sizeof r->key);
        free(r);
    }
}

static hp_status create(const struct hp_host *host, const struct hp_config *config, void **out_self,
                        struct hp_error *err)
{
    struct residency *r = calloc(1, sizeof *r);
    const char *destination, *key = hp_config_get(config, "hash.key", "");
    char line[256];
    if (!r) {
        return hp_fail(err, HP_ERROR_RETRY, "", "out of memory");
    }
    if (check_config(config, &r->policy, &destination, err) != HP_OK) {
        free(r);
        return HP_ERROR;
    }
    r->host = host;
    r->destination = strdup(destination);
    hmac_init(&r->key, key, strlen(key));
    r->maker = (struct plan_maker){host, host->service(host, HP_HOST_RECORDS), host->service(host, HP_HOST_METRICS),
                                   &r->policy, r->destination};
    r->others = plan_make_denied(&r->maker, (struct hp_bytes){"", 0}, (struct hp_bytes){"", 0});
    if (!r->destination || !r->others || !r->maker.records) {
        destroy(r);
        return hp_fail(err, HP_ERROR_FATAL, "", "the host has no memory, or no service %s", HP_HOST_RECORDS);
    }
    (void)snprintf(line, sizeof line, "policy version %lld, destination %s", (long long)r->policy.version,
                   r->destination);
    host->log(host, HP_LOG_INFO, line);
    *out_self = r;
    return HP_OK;
}

static hp_status start(void *self, struct hp_error *err)
{
    (void)self;
    (void)err;
    return HP_OK;
}

static void stop(void *self)
{
    (void)self;
}

static const struct hp_transform transform = {start, judge_batch, stop};

static const struct hp_transform_schemas schemas = {judge_schema};

static const void *get_interface(const char *id)
{
    return strcmp(id, HP_TRANSFORM) == 0           ? (const void *)&transform
           : strcmp(id, HP_TRANSFORM_SCHEMAS) == 0 ? (const void *)&schemas
                                                   : NULL;
}

static const struct hp_plugin_desc desc = {
    sizeof desc, HP_KIND_TRANSFORM, "transform-residency",
    "",          VERSION,           "Lets pass only what a policy file allows to leave for a destination",
    get_keys,    validate,
};

const struct hp_plugin_entry hp_plugin_entry_v1 = {
    sizeof hp_plugin_entry_v1, HP_ABI_MAJOR, HP_ABI_MINOR, 0, &desc, create, get_interface, destroy,
};
