/*
 * plugin_check.h: the checks of `homeport check-plugin`. Each runs alone in a child process, where it may crash or
 * hang: it prints what is wrong to stderr and returns how it went.
 */
#ifndef CLI_PLUGIN_CHECK_H
#define CLI_PLUGIN_CHECK_H

#include "load.h"
#include "schema_pool.h"

#include <stdbool.h>

enum check_result { CHECK_OK, CHECK_FAILED, CHECK_SKIPPED };

struct check {
    const char *path;                    /* a private copy of the file */
    const char *original;                /* as given */
    uint32_t seed;                       /* of random values, printed with the result */
    const struct hp_config_entry *given; /* KEY=VALUE of the command line */
    uint32_t n_given;
    int *result; /* of a check in a process of its own: an enum check_result, or -1 while it has not come to its end */
};

enum check_result check_note(const struct check *c);
enum check_result check_symbols(const struct check *c);
enum check_result check_load(const struct check *c);
enum check_result check_keys(const struct check *c);
enum check_result check_interfaces(const struct check *c);
enum check_result check_empty_config(const struct check *c);
enum check_result check_random_config(const struct check *c);
enum check_result check_growth(const struct check *c);
enum check_result check_process(const struct check *c);
enum check_result check_failed_start(const struct check *c);
enum check_result check_source(const struct check *c);
enum check_result check_transform(const struct check *c);

/* ---- shared by them ---- */

/* "FAILED: ..." line to stderr; returns CHECK_FAILED. */
enum check_result check_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Loads the plugin, or ends the check with the reason. */
struct plugin check_open(const struct check *c);

/* A host of its own for instances. */
struct check_host {
    struct hp_host host; /* first */
    struct schema_pool *pool;
    int waits; /* begin() without end() */
};
void check_host_init(struct check_host *h);

/* A configuration as the host would hand it over: what was given, and for every required key that was not, a value of
   its type. */
struct hp_config check_config(const struct check *c, const struct plugin *p);
/* create(); on failure checks that the error is well-formed and *out_self untouched. */
hp_status check_create(const struct plugin *p, struct check_host *h, const struct hp_config *config, void **out_self,
                       struct hp_error *err, enum check_result *result);
/* Is this an error as status.h wants it? */
enum check_result check_error(const struct hp_error *err, const char *call);

#endif
