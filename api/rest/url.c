/* url.c: see url.h. Pure. [any] thread. */
#include "url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. False: a broken escape, or a NUL. */
static bool decode(char *text, bool plus)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (*p == '%') {
            int hi = hex(p[1]), lo = hi < 0 ? -1 : hex(p[2]);
            if (lo < 0 || (hi == 0 && lo == 0)) {
                return false;
            }
            *to++ = (char)(hi * 16 + lo);
            p += 2;
        } else {
            *to++ = plus && *p == '+' ? ' ' : *p;
        }
    }
    *to = '\0';
    return true;
}

bool utf8_ok(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        unsigned more = *p < 0x80 ? 0 : *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
        unsigned long v = more == 0 ? *p : *p & (0x3fU >> more);
        if (*p < 0x20 || (*p >= 0x80 && *p < 0xc2) || *p > 0xf4) {
            return false;
        }
        p++;
        for (unsigned i = 0; i < more; i++, p++) {
            if ((*p & 0xc0) != 0x80) {
                return false;
            }
            v = v << 6 | (*p & 0x3f);
        }
        if ((more == 2 && v < 0x800) || (more == 3 && (v < 0x10000 || v > 0x10ffff)) || (v >= 0xd800 && v <= 0xdfff)) {
            return false;
        }
    }
    return true;
}

static const char *parse_path(struct url *u, char *path)
{
    size_t len = strlen(path);
    if (path[0] != '/') {
        return "the request-target must begin with a slash";
    }
    if (len > 1 && path[len - 1] == '/') {
        path[len - 1] = '\0';
    }
    for (char *p = path + 1, *end; p && *p; p = end) {
        end = strchr(p, '/');
        if (end) {
            *end++ = '\0';
        }
        if (u->n_segments == URL_SEGMENTS) {
            return "the path has too many segments";
        }
        if (!decode(p, false)) {
            return "the path has a broken percent-escape";
        }
        if (!utf8_ok(p)) {
            return "the path is not UTF-8, or holds control characters";
        }
        u->segments[u->n_segments++] = p;
        if (end && !*end) { /* "a//": the last segment is empty */
            if (u->n_segments == URL_SEGMENTS) {
                return "the path has too many segments";
            }
            u->segments[u->n_segments++] = end;
        }
    }
    return NULL;
}

static const char *parse_query(struct url *u, char *query)
{
    for (char *p = query, *end; p && *p; p = end) {
        char *eq;
        end = strchr(p, '&');
        if (end) {
            *end++ = '\0';
        }
        if (!*p) {
            continue;
        }
        if (u->n_params == URL_PARAMS) {
            return "the query has too many parameters";
        }
        eq = strchr(p, '=');
        if (eq) {
            *eq++ = '\0';
        }
        if (!decode(p, true) || (eq && !decode(eq, true)) || !utf8_ok(p) || (eq && !utf8_ok(eq))) {
            return "the query has a broken percent-escape, is not UTF-8, or holds control characters";
        }
        u->params[u->n_params].name = p;
        u->params[u->n_params++].value = eq ? eq : p + strlen(p);
    }
    return NULL;
}

const char *url_parse(struct url *u, const char *target)
{
    char *query;
    const char *fault;
    memset(u, 0, sizeof *u);
    if (strlen(target) > URL_MAX) {
        return "the request-target is too long";
    }
    u->text = strdup(target);
    if (!u->text) {
        return "out of memory";
    }
    query = strchr(u->text, '?');
    if (query) {
        *query++ = '\0';
    }
    fault = parse_path(u, u->text);
    if (!fault && query) {
        fault = parse_query(u, query);
    }
    if (fault) {
        url_finish(u);
    }
    return fault;
}

void url_finish(struct url *u)
{
    free(u->text);
    memset(u, 0, sizeof *u);
}

const char *url_param(const struct url *u, const char *name, size_t at)
{
    for (size_t i = 0; i < u->n_params; i++) {
        if (strcmp(u->params[i].name, name) == 0 && at-- == 0) {
            return u->params[i].value;
        }
    }
    return NULL;
}

bool url_flag(const struct url *u, const char *name)
{
    const char *value = url_param(u, name, 0);
    return value && strcasecmp(value, "true") == 0;
}

char *url_encode(const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    char *out = malloc(strlen(text) * 3 + 1), *to = out;
    for (const unsigned char *p = (const unsigned char *)text; out && *p; p++) {
        if (strchr(plain, *p)) {
            *to++ = (char)*p;
        } else {
            *to++ = '%';
            *to++ = digits[*p >> 4];
            *to++ = digits[*p & 15];
        }
    }
    if (out) {
        *to = '\0';
    }
    return out;
}
