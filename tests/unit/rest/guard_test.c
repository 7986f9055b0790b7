/* SEC-06 and SEC-12: the request heads that are refused, as far as they can be seen behind libmicrohttpd. */
#include "guard.h"

#include <criterion/criterion.h>
#include <string.h>

static unsigned judge(const char *method, const char *target, const char *version, const char *const *pairs)
{
    static const char *const hosts[] = {"connect.example", NULL};
    struct guard_header headers[GUARD_HEADERS + 1];
    struct guard_head head = {method, target, version, headers, 0};
    for (; pairs && *pairs; pairs += 2) {
        headers[head.n_headers++] = (struct guard_header){pairs[0], pairs[1], strlen(pairs[0]), strlen(pairs[1])};
    }
    return guard_judge(&head, hosts).status;
}
#define HEAD(method, target, version, ...) judge(method, target, version, (const char *const[]){__VA_ARGS__, NULL})
#define HOST                               "Host", "localhost:8083"

Test(guard, ordinary_requests_pass)
{
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", HOST), 0);
    cr_assert_eq(
        HEAD("POST", "/connectors?x=%20", "HTTP/1.1", HOST, "Content-Length", "12", "Content-Type", "application/json"),
        0);
    cr_assert_eq(HEAD("PUT", "/c/\xc3\xa9", "HTTP/1.1", HOST, "Transfer-Encoding", "Chunked"), 0);
    cr_assert_eq(judge("GET", "/", "HTTP/1.0", NULL), 0);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "host", "127.0.0.1"), 0);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "[::1]:8083"), 0);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "connect.example:80"), 0);
}

Test(guard, SEC12_ambiguous_framing)
{
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Content-Length", "5", "Content-Length", "6"), 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Content-Length", "5", "content-length", "5"), 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Content-Length", "+5"), 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Content-Length", "5a"), 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Content-Length", "-1"), 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Content-Length", ""), 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Content-Length", "18446744073709551617"), 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Content-Length", "5, 5"), 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Content-Length", "5", "Transfer-Encoding", "chunked"), 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Transfer-Encoding", "xchunked"), 501);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Transfer-Encoding", "chunked, identity"), 501);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Transfer-Encoding", "identity"), 501);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"),
                 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.1", HOST, "Transfer-Encoding ", "chunked"), 400);
    cr_assert_eq(HEAD("POST", "/", "HTTP/1.0", HOST, "Transfer-Encoding", "chunked"), 400);
}

Test(guard, SEC12_malformed_lines_and_headers)
{
    cr_assert_eq(HEAD("get", "/", "HTTP/1.1", HOST), 400);
    cr_assert_eq(HEAD("GET", "/a b", "HTTP/1.1", HOST), 400);
    cr_assert_eq(HEAD("GET", "/a\"b", "HTTP/1.1", HOST), 400);
    cr_assert_eq(HEAD("GET", "*", "HTTP/1.1", HOST), 400);
    cr_assert_eq(HEAD("GET", "http://localhost/", "HTTP/1.1", HOST), 400);
    cr_assert_eq(HEAD("GET", "/", "HTTP/2.0", HOST), 505);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", HOST, "X Y", "z"), 400);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", HOST, "", "z"), 400);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", HOST, "X", "a\001b"), 400);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", HOST, "X", "a\nb"), 400);
}

Test(guard, SEC12_a_NUL_in_a_value)
{
    static const char *const hosts[] = {NULL};
    struct guard_header headers[] = {{"Host", "localhost", 4, 9}, {"X", "a\0b", 1, 3}};
    struct guard_head head = {"GET", "/", "HTTP/1.1", headers, 2};
    cr_assert_eq(guard_judge(&head, hosts).status, 400);
}

Test(guard, SEC12_more_than_100_headers)
{
    const char *pairs[2 * (GUARD_HEADERS + 1) + 1];
    size_t n = 0;
    for (size_t i = 0; i <= GUARD_HEADERS; i++) {
        pairs[n++] = i ? "X" : "Host";
        pairs[n++] = "localhost";
    }
    pairs[n] = NULL;
    cr_assert_eq(judge("GET", "/", "HTTP/1.1", pairs), 431);
}

Test(guard, SEC06_hosts)
{
    cr_assert_eq(judge("GET", "/", "HTTP/1.1", NULL), 400);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", HOST, HOST), 400);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "evil.example"), 403);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "127.0.0.1.evil.example"), 403);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "localhost.evil.example"), 403);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "xlocalhost"), 403);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "a.localhost"), 0);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "LOCALHOST."), 0);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", ""), 400);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "localhost:80x"), 400);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "user@localhost"), 400);
    cr_assert_eq(HEAD("GET", "/", "HTTP/1.1", "Host", "[::1"), 400);
}

Test(guard, SEC06_origins)
{
    cr_assert_eq(HEAD("PUT", "/connectors/a/pause", "HTTP/1.1", HOST, "Origin", "http://evil.example"), 403);
    cr_assert_eq(HEAD("DELETE", "/connectors/a", "HTTP/1.1", HOST, "Origin", "null"), 403);
    cr_assert_eq(HEAD("POST", "/connectors", "HTTP/1.1", HOST, "Origin", "http://localhost:8084"), 403);
    cr_assert_eq(HEAD("POST", "/connectors", "HTTP/1.1", HOST, "Origin", "http://localhost:8083", "Origin", "x"), 403);
    cr_assert_eq(HEAD("POST", "/connectors", "HTTP/1.1", HOST, "Origin", "http://localhost:8083"), 0);
    cr_assert_eq(HEAD("GET", "/connectors", "HTTP/1.1", HOST, "Origin", "http://evil.example"), 0);
}
