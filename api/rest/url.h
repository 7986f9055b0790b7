/*
 * url.h: a request-target taken apart: path segments, percent-decoded once and after splitting, so that a name may hold
 * a slash (AC-11), and query parameters. Pure; what came from outside is bounded and checked.
 */
#ifndef REST_URL_H
#define REST_URL_H

#include <stdbool.h>
#include <stddef.h>

#define URL_SEGMENTS 8u
#define URL_PARAMS   16u
#define URL_MAX      8192u

struct url {
    char *text; /* what the pointers below point into */
    char *segments[URL_SEGMENTS];
    size_t n_segments;
    struct {
        char *name, *value;
    } params[URL_PARAMS];
    size_t n_params;
};

/* NULL: taken; else what is wrong. One slash at the end is not a segment. */
const char *url_parse(struct url *u, const char *target);
void url_finish(struct url *u);
/* Number `at` of the values of a parameter, or NULL. */
const char *url_param(const struct url *u, const char *name, size_t at);
bool url_flag(const struct url *u, const char *name); /* G8: "true" in any case, else false */
/* Percent-encodes all but unreserved characters. Caller frees; NULL: no memory. */
char *url_encode(const char *text);
bool utf8_ok(const char *text); /* also refuses control characters C0 */

#endif
