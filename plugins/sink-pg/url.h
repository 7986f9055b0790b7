/*
 * url.h: a connection URL taken apart. Pure; called by validate [any] and at create [task].
 *
 * Two forms are read: pgjdbc's jdbc:postgresql://host[:port][,...]/db?name=value&... and libpq's
 * postgresql://user:password@host[:port][,...]/db?name=value&... . Only parameters of an allow-list reach libpq: a
 * URL cannot name a service file, a password file or server options. Errors never repeat the URL, which may hold a
 * password.
 */
#ifndef SINK_PG_URL_H
#define SINK_PG_URL_H

#include "mem.h"

#define URL_PARAMS_MAX 32
#define URL_LENGTH_MAX 8192

struct url_param {
    const char *key; /* libpq's keyword; static */
    char *value;
};

struct url {
    size_t n;
    struct url_param params[URL_PARAMS_MAX];
    char *schema;         /* currentSchema: where tables without a schema live; NULL: not given */
    struct bytes ignored; /* names of pgjdbc parameters without a meaning here, ", " between, NUL-terminated if any */
};

hp_status url_parse(const char *text, struct url *out, struct hp_error *err); /* finish *out only on success */
void url_finish(struct url *u);
const char *url_get(const struct url *u, const char *key);       /* NULL: not there */
bool url_set(struct url *u, const char *key, const char *value); /* key static; replaces; false: no room or memory */
bool url_is_loopback(const struct url *u);                       /* every host is this machine */

#endif
