/* guard.c: see guard.h. Pure. [any] thread. */
#include "guard.h"

#include <string.h>
#include <strings.h>

#define FIT         ((struct guard_verdict){0, NULL})
#define BAD(reason) ((struct guard_verdict){400, reason})

static bool is_token(const char *text, size_t len)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum && (c == 0 || c >= 0x80 || !strchr(marks, c))) {
            return false;
        }
    }
    return len > 0;
}

static bool is_field_value(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static struct guard_verdict judge_line(const struct guard_head *h)
{
    for (const char *p = h->method; *p; p++) {
        if (*p < 'A' || *p > 'Z') {
            return BAD("the method must be of capital letters");
        }
    }
    if (strcmp(h->version, "HTTP/1.1") != 0 && strcmp(h->version, "HTTP/1.0") != 0) {
        return (struct guard_verdict){505, "HTTP/1.1 and HTTP/1.0 are spoken here"};
    }
    if (h->target[0] != '/') {
        return BAD("the request-target must begin with a slash");
    }
    for (const unsigned char *p = (const unsigned char *)h->target; *p; p++) {
        if (*p <= 0x20 || *p == 0x7f || strchr("\"<>\\^`{|}", *p)) {
            return BAD("the request-target holds characters that must be percent-encoded");
        }
    }
    return FIT;
}

static bool is(const struct guard_header *h, const char *name)
{
    return h->name_len == strlen(name) && strncasecmp(h->name, name, h->name_len) == 0;
}

/* The only header of that name, NULL if none; *n counts them. */
static const struct guard_header *only(const struct guard_head *head, const char *name, unsigned *n)
{
    const struct guard_header *found = NULL;
    *n = 0;
    for (size_t i = 0; i < head->n_headers; i++) {
        if (is(&head->headers[i], name)) {
            found = &head->headers[i];
            ++*n;
        }
    }
    return found;
}

static struct guard_verdict judge_framing(const struct guard_head *head)
{
    unsigned lengths, encodings;
    const struct guard_header *length = only(head, "Content-Length", &lengths);
    const struct guard_header *encoding = only(head, "Transfer-Encoding", &encodings);
    if (lengths > 1 || encodings > 1 || (lengths && encodings)) {
        return BAD("the length of the body is given more than once");
    }
    if (length &&
        (length->value_len < 1 || length->value_len > 10 || strspn(length->value, "0123456789") != length->value_len)) {
        return BAD("Content-Length must be 1 to 10 digits");
    }
    if (encoding && (encoding->value_len != 7 || strncasecmp(encoding->value, "chunked", 7) != 0)) {
        return (struct guard_verdict){501, "chunked is the only Transfer-Encoding spoken here"};
    }
    if (encoding && strcmp(head->version, "HTTP/1.0") == 0) {
        return BAD("HTTP/1.0 has no Transfer-Encoding");
    }
    return FIT;
}

bool guard_is_loopback(const char *host)
{
    size_t len = strlen(host);
    if (len && host[len - 1] == '.') {
        len--;
    }
    if (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host)) {
        return true;
    }
    return strcmp(host, "[::1]") == 0 || (len == 9 && strncasecmp(host, "localhost", 9) == 0) ||
           (len > 10 && strncasecmp(host + len - 10, ".localhost", 10) == 0);
}

/* Host or an origin's authority, without port, into out. False: not of that form. */
static bool host_of(const char *text, size_t len, char out[256])
{
    const char *end = len && text[0] == '[' ? memchr(text, ']', len) : memchr(text, ':', len);
    size_t n = end ? (size_t)(end - text) + (text[0] == '[') : len;
    const char *port = text + n;
    if (n == 0 || n > 255 || (len && text[0] == '[' && !end)) {
        return false;
    }
    if (n < len && (*port != ':' || strspn(port + 1, "0123456789") != len - n - 1)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= 0x20 || c >= 0x7f || strchr("/?#@\"<>\\", c)) {
            return false;
        }
    }
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}

static struct guard_verdict judge_host(const struct guard_head *head, const char *const *hosts)
{
    unsigned n;
    const struct guard_header *h = only(head, "Host", &n);
    char host[256];
    if (n > 1 || (n == 0 && strcmp(head->version, "HTTP/1.1") == 0)) {
        return BAD("exactly one Host header is needed");
    }
    if (!h) {
        return FIT;
    }
    if (!host_of(h->value, h->value_len, host)) {
        return BAD("the Host header is malformed");
    }
    if (guard_is_loopback(host)) {
        return FIT;
    }
    for (; *hosts; hosts++) {
        if (strcasecmp(*hosts, host) == 0) {
            return FIT;
        }
    }
    return (struct guard_verdict){403, "This host does not answer to the name in the Host header; if it should, set "
                                       "rest.advertised.host.name to it"};
}

/* A browser says for which page it asks. Pages of others may not change anything. */
static struct guard_verdict judge_origin(const struct guard_head *head)
{
    unsigned n, m;
    const struct guard_header *origin = only(head, "Origin", &n), *host = only(head, "Host", &m);
    bool reads =
        strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0 || strcmp(head->method, "OPTIONS") == 0;
    if (n == 0 || reads) {
        return FIT;
    }
    if (n == 1 && m == 1 && origin->value_len == host->value_len + 7 && strncasecmp(origin->value, "http://", 7) == 0 &&
        strncasecmp(origin->value + 7, host->value, host->value_len) == 0) {
        return FIT;
    }
    return (struct guard_verdict){403, "Pages of other origins may not change anything here"};
}

struct guard_verdict guard_judge(const struct guard_head *head, const char *const *hosts)
{
    struct guard_verdict v = judge_line(head);
    if (v.status == 0 && head->n_headers > GUARD_HEADERS) {
        v = (struct guard_verdict){431, "more than 100 headers"};
    }
    for (size_t i = 0; v.status == 0 && i < head->n_headers; i++) {
        const struct guard_header *h = &head->headers[i];
        if (!is_token(h->name, h->name_len) || !is_field_value(h->value, h->value_len)) {
            v = BAD("a header is malformed");
        }
    }
    if (v.status == 0) {
        v = judge_framing(head);
    }
    if (v.status == 0) {
        v = judge_host(head, hosts);
    }
    return v.status == 0 ? judge_origin(head) : v;
}
