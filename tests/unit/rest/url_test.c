/* Request-targets: segments decoded once and after splitting (AC-11), parameters, and what is refused. */
#include "url.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void segments(const char *target, const char *wanted)
{
    struct url u;
    char got[512] = "";
    cr_assert_null(url_parse(&u, target), "%s", target);
    for (size_t i = 0; i < u.n_segments; i++) {
        strcat(got, u.segments[i]);
        strcat(got, "|");
    }
    cr_assert_str_eq(got, wanted, "%s -> %s", target, got);
    url_finish(&u);
}

Test(url, segments)
{
    segments("/", "");
    segments("/connectors", "connectors|");
    segments("/connectors/", "connectors|");
    segments("/connectors/a/status", "connectors|a|status|");
    segments("/connectors/a%2Fb%20c%25/status", "connectors|a/b c%|status|");
    segments("/connectors/a+b", "connectors|a+b|");
    segments("/connectors/%C3%A9\xc3\xa9", "connectors|\xc3\xa9\xc3\xa9|");
    segments("/connectors//status", "connectors||status|");
    segments("/connectors/%252F", "connectors|%2F|");
    segments("/a//", "a||");
}

Test(url, refused)
{
    static const char *const bad[] = {
        "connectors", "",        "*",          "http://x/",          "/%",     "/%2",   "/%zz", "/%00", "/%0a",
        "/%ff",       "/%c0%af", "/%ed%a0%80", "/a/b/c/d/e/f/g/h/i", "/?a=%0", "/?%00", "/%1f"};
    struct url u;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not_null(url_parse(&u, bad[i]), "%s", bad[i]);
    }
    char *longer = malloc(URL_MAX + 10);
    memset(longer, 'a', URL_MAX + 9);
    longer[0] = '/';
    longer[URL_MAX + 9] = '\0';
    cr_assert_not_null(url_parse(&u, longer));
    free(longer);
}

Test(url, parameters)
{
    struct url u;
    cr_assert_null(url_parse(&u, "/connectors?expand=status&expand=info&&x&y=a+b%26&includeTasks=TRUE&onlyFailed=yes"));
    cr_assert_str_eq(url_param(&u, "expand", 0), "status");
    cr_assert_str_eq(url_param(&u, "expand", 1), "info");
    cr_assert_null(url_param(&u, "expand", 2));
    cr_assert_str_eq(url_param(&u, "x", 0), "");
    cr_assert_str_eq(url_param(&u, "y", 0), "a b&");
    cr_assert(url_flag(&u, "includeTasks")); /* G8 */
    cr_assert_not(url_flag(&u, "onlyFailed"));
    cr_assert_not(url_flag(&u, "none"));
    url_finish(&u);
}

Test(url, encoding_is_the_way_back)
{
    static const char *const names[] = {"plain", "a/b c%?#&", "\xc3\xa9\xe2\x82\xac", "-._~"};
    for (size_t i = 0; i < 4; i++) {
        char target[256], *e = url_encode(names[i]);
        struct url u;
        (void)snprintf(target, sizeof target, "/%s", e);
        cr_assert_null(url_parse(&u, target));
        cr_assert_str_eq(u.segments[0], names[i]);
        url_finish(&u);
        free(e);
    }
}
