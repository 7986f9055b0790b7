/* The route table: matching, and its agreement with openapi.yaml in both directions. */
#include "fs.h"
#include "routes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static enum match match(enum method method, const char *target, const char **path, const char *params[4])
{
    struct url u;
    const struct route *r;
    unsigned allowed;
    cr_assert_null(url_parse(&u, target));
    enum match m = routes_match(method, &u, &r, params, &allowed);
    *path = r ? r->path : NULL;
    static char kept[256];
    if (r && params[0]) {
        (void)snprintf(kept, sizeof kept, "%s", params[0]);
        params[0] = kept;
    }
    url_finish(&u);
    return m;
}

Test(routes, found)
{
    const char *path, *params[4];
    cr_assert_eq(match(METHOD_GET, "/", &path, params), MATCH_FOUND);
    cr_assert_str_eq(path, "/");
    cr_assert_eq(match(METHOD_GET, "/connectors/", &path, params), MATCH_FOUND);
    cr_assert_str_eq(path, "/connectors");
    cr_assert_eq(match(METHOD_PUT, "/connectors/a%2Fb/config", &path, params), MATCH_FOUND);
    cr_assert_str_eq(path, "/connectors/{connector}/config");
    cr_assert_str_eq(params[0], "a/b");
    cr_assert_eq(match(METHOD_GET, "/connectors/config", &path, params), MATCH_FOUND);
    cr_assert_str_eq(path, "/connectors/{connector}");
}

Test(routes, G1_no_path_and_no_method)
{
    const char *path, *params[4];
    cr_assert_eq(match(METHOD_GET, "/nothing", &path, params), MATCH_NO_PATH);
    cr_assert_eq(match(METHOD_GET, "/connectors/a/b", &path, params), MATCH_NO_PATH);
    cr_assert_eq(match(METHOD_GET, "/connectors//status", &path, params), MATCH_NO_PATH);
    cr_assert_eq(match(METHOD_GET, "/Connectors", &path, params), MATCH_NO_PATH);
    cr_assert_eq(match(METHOD_GET, "/connectors/a/pause", &path, params), MATCH_NO_METHOD);
    cr_assert_eq(match(METHOD_DELETE, "/connectors", &path, params), MATCH_NO_METHOD);
    cr_assert_eq(match(METHOD_OPTIONS, "/connectors", &path, params), MATCH_NO_METHOD);
}

Test(routes, no_two_rows_answer_the_same)
{
    for (size_t i = 0; i < routes_n; i++) {
        cr_assert_not_null(routes[i].handle);
        for (size_t j = 0; j < i; j++) {
            cr_assert(routes[i].method != routes[j].method || strcmp(routes[i].path, routes[j].path) != 0, "%s",
                      routes[i].path);
        }
    }
}

/* "  /path:" opens a path and "    get:" a method of it, as everywhere in that file. */
Test(routes, openapi_names_the_same_rows)
{
    struct hp_error err = {.size = sizeof err};
    struct buf text;
    char path[256] = "", *save = NULL;
    bool in_paths = false;
    size_t found = 0;
    buf_init(&text, 1u << 20);
    cr_assert_eq(fs_read(SOURCE_DIR "/api/rest/openapi.yaml", 1u << 20, &text, &err), HP_OK, "%s", err.message);
    for (char *line = strtok_r((char *)text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (line[0] != ' ' && line[0] != '#') {
            in_paths = strcmp(line, "paths:") == 0;
        } else if (in_paths && strncmp(line, "  /", 3) == 0) {
            (void)snprintf(path, sizeof path, "%.*s", (int)strcspn(line + 2, ":"), line + 2);
        } else if (in_paths && strncmp(line, "    ", 4) == 0 && line[4] != ' ') {
            char method[16];
            bool known = false;
            (void)snprintf(method, sizeof method, "%.*s", (int)strcspn(line + 4, ":"), line + 4);
            if (strcmp(method, "parameters") == 0) {
                continue;
            }
            for (size_t i = 0; i < routes_n; i++) {
                known = known ||
                        (strcmp(routes[i].path, path) == 0 && strcasecmp(method_names[routes[i].method], method) == 0);
            }
            cr_expect(known, "openapi.yaml has %s %s, the table has not", method, path);
            found++;
        }
    }
    cr_assert_eq(found, routes_n, "openapi.yaml has %zu rows, the table %zu", found, routes_n);
    buf_finish(&text);
}
