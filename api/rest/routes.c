/* routes.c: see routes.h. Ids of the rows are those of reference connect-conformance. */
#include "routes.h"

#include "handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct route routes[] = {
    {METHOD_GET, "/", root_get},         /* REST-01 */
    {METHOD_GET, "/health", health_get}, /* REST-02 */
    {METHOD_GET, "/metrics", metrics_get},
    {METHOD_GET, "/connectors", connectors_list},                                     /* REST-03, 04 */
    {METHOD_POST, "/connectors", connectors_create},                                  /* REST-05 */
    {METHOD_GET, "/connectors/{connector}", connector_get},                           /* REST-07 */
    {METHOD_DELETE, "/connectors/{connector}", connector_delete},                     /* REST-20 */
    {METHOD_GET, "/connectors/{connector}/config", config_get},                       /* REST-08 */
    {METHOD_PUT, "/connectors/{connector}/config", config_put},                       /* REST-09 */
    {METHOD_PATCH, "/connectors/{connector}/config", config_patch},                   /* REST-10 */
    {METHOD_GET, "/connectors/{connector}/status", status_get},                       /* REST-11 */
    {METHOD_GET, "/connectors/{connector}/tasks", tasks_get},                         /* REST-12 */
    {METHOD_GET, "/connectors/{connector}/tasks/{task}/status", task_status_get},     /* REST-13 */
    {METHOD_POST, "/connectors/{connector}/tasks/{task}/restart", task_restart_post}, /* REST-14 */
    {METHOD_POST, "/connectors/{connector}/restart", restart_post},                   /* REST-15, 16 */
    {METHOD_PUT, "/connectors/{connector}/pause", pause_put},                         /* REST-17 */
    {METHOD_PUT, "/connectors/{connector}/resume", resume_put},                       /* REST-18 */
    {METHOD_PUT, "/connectors/{connector}/stop", stop_put},                           /* REST-19 */
    {METHOD_GET, "/connectors/{connector}/topics", topics_get},                       /* REST-21 */
    {METHOD_GET, "/connectors/{connector}/offsets", offsets_get},                     /* REST-23 */
    {METHOD_PATCH, "/connectors/{connector}/offsets", offsets_patch},                 /* REST-24 */
    {METHOD_DELETE, "/connectors/{connector}/offsets", offsets_delete},               /* REST-25 */
    {METHOD_GET, "/connector-plugins", plugins_list},                                 /* REST-27 */
    {METHOD_GET, "/connector-plugins/{plugin}/config", plugin_config_get},            /* REST-28 */
    {METHOD_PUT, "/connector-plugins/{plugin}/config/validate", plugin_validate},     /* REST-29 */
};
const size_t routes_n = sizeof routes / sizeof routes[0];

const char *const method_names[METHOD_N] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"};

static bool path_matches(const char *pattern, const struct url *url, const char *params[4])
{
    size_t segment = 0, n_params = 0;
    const char *p = pattern + 1;
    while (*p) {
        size_t len = strcspn(p, "/");
        const char *got = segment < url->n_segments ? url->segments[segment++] : NULL;
        if (!got) {
            return false;
        }
        if (*p == '{') {
            if (!*got) {
                return false;
            }
            params[n_params++] = got;
        } else if (strlen(got) != len || memcmp(got, p, len) != 0) {
            return false;
        }
        p += len + (p[len] == '/');
    }
    return segment == url->n_segments;
}

enum match routes_match(enum method method, const struct url *url, const struct route **out, const char *params[4],
                        unsigned *allowed)
{
    *allowed = 0;
    *out = NULL;
    for (size_t i = 0; i < routes_n; i++) {
        const char *found[4] = {NULL};
        if (path_matches(routes[i].path, url, found)) {
            *allowed |= 1U << routes[i].method;
            if (routes[i].method == method) {
                *out = &routes[i];
                memcpy(params, found, sizeof found);
            }
        }
    }
    return *out ? MATCH_FOUND : *allowed ? MATCH_NO_METHOD : MATCH_NO_PATH;
}

static char *allow_text(unsigned allowed)
{
    struct buf out;
    buf_init(&out, 256);
    for (unsigned m = 0; m < METHOD_OPTIONS; m++) {
        if (allowed & 1U << m) {
            (void)buf_printf(&out, "%s%s", method_names[m], m == METHOD_GET ? ",HEAD," : ",");
        }
    }
    (void)buf_puts(&out, "OPTIONS");
    return buf_steal(&out);
}

static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t n = strcspn(type, "; \t");
    return n == sizeof json - 1 && strncasecmp(type, json, n) == 0;
}

void routes_answer(struct request *rq)
{
    const struct route *route;
    unsigned allowed;
    switch (routes_match(rq->method, &rq->url, &route, rq->params, &allowed)) {
    case MATCH_NO_PATH:
        reply_error(rq, 404, "HTTP 404 Not Found");
        return;
    case MATCH_NO_METHOD:
        rq->allow = allow_text(allowed);
        if (rq->method == METHOD_OPTIONS) {
            reply_empty(rq, 200);
        } else {
            reply_error(rq, 405, "HTTP 405 Method Not Allowed");
        }
        return;
    case MATCH_FOUND:
        break;
    }
    if (route->handle != metrics_get && (rq->content_type ? !is_json(rq->content_type) : rq->body.len > 0)) {
        reply_error(rq, 415, "HTTP 415 Unsupported Media Type");
        return;
    }
    route->handle(rq);
}
