/* json_read.c: see json_read.h. */
#include "json_read.h"

#include <string.h>

#define JSON_DEPTH_MAX 8

struct json_read json_read_of(const void *text, size_t len)
{
    const char *at = text;
    struct json_read j = {at, at + len, false};
    return j;
}

static bool fail(struct json_read *j)
{
    j->failed = true;
    j->at = j->end;
    return false;
}

static char peek(struct json_read *j)
{
    while (j->at < j->end && strchr(" \t\r\n", *j->at) && *j->at) {
        j->at++;
    }
    return j->at < j->end ? *j->at : '\0';
}

bool json_enter(struct json_read *j, char bracket)
{
    if (peek(j) != bracket) {
        return fail(j);
    }
    j->at++;
    return true;
}

bool json_next(struct json_read *j, char *key, size_t size, bool *first)
{
    char c = peek(j), close = key ? '}' : ']';
    if (j->failed) {
        return false;
    }
    if (c == close) {
        j->at++;
        return false;
    }
    if (!*first) {
        if (c != ',') {
            return fail(j);
        }
        j->at++;
    }
    *first = false;
    if (!key) {
        return peek(j) != '\0' || fail(j);
    }
    if (!json_string(j, key, size) || peek(j) != ':') {
        return fail(j);
    }
    j->at++;
    return true;
}

bool json_string(struct json_read *j, char *out, size_t size)
{
    size_t n = 0;
    if (peek(j) != '"') {
        return fail(j);
    }
    for (j->at++; j->at < j->end && *j->at != '"'; j->at++) {
        char c = *j->at;
        if ((unsigned char)c < 0x20) {
            return fail(j);
        }
        if (c == '\\') {
            if (++j->at == j->end || !strchr("\"\\/", *j->at) || !*j->at) {
                return fail(j); /* names in positions need no other escape */
            }
            c = *j->at;
        }
        if (n + 1 < size) {
            out[n++] = c;
        }
    }
    if (j->at == j->end) {
        return fail(j);
    }
    j->at++;
    if (size) {
        out[n] = '\0';
    }
    return true;
}

static bool literal(struct json_read *j, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(j->end - j->at) < len || memcmp(j->at, word, len) != 0) {
        return fail(j);
    }
    j->at += len;
    return true;
}

bool json_number(struct json_read *j, int64_t *out)
{
    bool quoted = peek(j) == '"', negative;
    int64_t v = 0;
    const char *digits;
    if (peek(j) == 'n') {
        *out = 0;
        return literal(j, "null");
    }
    j->at += quoted;
    negative = j->at < j->end && *j->at == '-';
    j->at += negative;
    for (digits = j->at; j->at < j->end && *j->at >= '0' && *j->at <= '9'; j->at++) {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *j->at - '0', &v)) {
            return fail(j);
        }
    }
    if (j->at == digits || (quoted && (j->at == j->end || *j->at != '"'))) {
        return fail(j);
    }
    j->at += quoted;
    *out = negative ? -v : v;
    return true;
}

static bool skip(struct json_read *j, int depth)
{
    char key[2], c = peek(j);
    bool first = true;
    int64_t number;
    if (depth > JSON_DEPTH_MAX) {
        return fail(j);
    }
    switch (c) {
    case '{':
    case '[':
        j->at++;
        while (json_next(j, c == '{' ? key : NULL, sizeof key, &first)) {
            if (!skip(j, depth + 1)) {
                return false;
            }
        }
        return !j->failed;
    case '"':
        return json_string(j, key, sizeof key);
    case 't':
        return literal(j, "true");
    case 'f':
        return literal(j, "false");
    default:
        return json_number(j, &number);
    }
}

bool json_skip(struct json_read *j)
{
    return skip(j, 0);
}

bool json_done(struct json_read *j)
{
    return peek(j) == '\0' && j->at == j->end && !j->failed;
}
