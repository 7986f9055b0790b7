/*
 * json.c: see json.h. jansson has its own depth limit, but not ours, and none on members; so the text is walked once
 * before jansson sees it, which also bounds the memory a hostile text can make it take. Pure. [any] thread.
 */
#include "json.h"

#include "buf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define JSON_DEPTH    32u
#define JSON_MEMBERS  10000u
#define JSON_TEXT_MAX (64u << 20)

/* Depth, and commas plus brackets as a bound on members, outside strings. Everything else is jansson's to judge. */
static hp_status json_limits(const char *text, size_t len, struct hp_error *err)
{
    unsigned depth = 0, members = 0, line = 1;
    size_t line_start = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
            continue;
        }
        switch (c) {
        case '"':
            in_string = true;
            break;
        case '\n':
            line++;
            line_start = i + 1;
            break;
        case '{':
        case '[':
            if (++depth > JSON_DEPTH) {
                return hp_fail(err, HP_ERROR_CONFIG, "", "line %u, column %zu: JSON nested deeper than %u", line,
                               i - line_start + 1, JSON_DEPTH);
            }
            break;
        case '}':
        case ']':
            depth -= depth > 0;
            break;
        case ',':
        case ':':
            if (++members > 2 * JSON_MEMBERS) {
                return hp_fail(err, HP_ERROR_CONFIG, "", "line %u, column %zu: JSON with more than %u members", line,
                               i - line_start + 1, JSON_MEMBERS);
            }
            break;
        default:
            break;
        }
    }
    return HP_OK;
}

static size_t count_members(const json_t *json)
{
    size_t n = 0, i;
    const char *key;
    json_t *value;
    if (json_is_object(json)) {
        json_object_foreach((json_t *)(uintptr_t)json, key, value)
        {
            n += 1 + count_members(value);
        }
    } else if (json_is_array(json)) {
        json_array_foreach(json, i, value)
        {
            n += 1 + count_members(value);
        }
    }
    return n;
}

json_t *json_parse(const char *text, size_t len, struct hp_error *err)
{
    json_error_t at;
    json_t *json;
    if (len > JSON_TEXT_MAX) {
        (void)hp_fail(err, HP_ERROR_CONFIG, "", "JSON text of %zu bytes; at most %u are read", len, JSON_TEXT_MAX);
        return NULL;
    }
    if (json_limits(text, len, err) != HP_OK) {
        return NULL;
    }
    /* Without JSON_ALLOW_NUL jansson refuses \u0000 in strings; it always refuses invalid UTF-8 and 1e999999. */
    json = json_loadb(text ? text : "", len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
    if (!json) {
        (void)hp_fail(err, HP_ERROR_CONFIG, "", "line %d, column %d: %s", at.line, at.column, at.text);
        return NULL;
    }
    if (count_members(json) > JSON_MEMBERS) {
        json_decref(json);
        (void)hp_fail(err, HP_ERROR_CONFIG, "", "line 1, column 1: JSON with more than %u members", JSON_MEMBERS);
        return NULL;
    }
    return json;
}

char *json_text(const json_t *json)
{
    return json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* Length of the UTF-8 sequence at p, 0 if it is not one (overlong, surrogate, cut, ...). */
static size_t utf8_len(const uint8_t *p, size_t left)
{
    static const struct {
        uint8_t lo, hi, len, second_lo, second_hi;
    } forms[] = {{0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
                 {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
                 {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f}};
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        if (p[0] >= forms[f].lo && p[0] <= forms[f].hi) {
            size_t n = forms[f].len;
            if (left < n || p[1] < forms[f].second_lo || p[1] > forms[f].second_hi) {
                return 0;
            }
            for (size_t i = 2; i < n; i++) {
                if (p[i] < 0x80 || p[i] > 0xbf) {
                    return 0;
                }
            }
            return n;
        }
    }
    return 0;
}

static void escape_control(struct buf *out, uint8_t c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *hit = memchr(from, c, sizeof from - 1);
    if (hit) {
        (void)buf_putc(out, '\\');
        (void)buf_putc(out, to[hit - from]);
    } else {
        (void)buf_printf(out, "\\u%04x", c);
    }
}

void json_escape(struct buf *out, const void *text, size_t len)
{
    const uint8_t *p = text;
    size_t plain = 0; /* start of the run not yet copied */
    (void)buf_putc(out, '"');
    for (size_t i = 0; i < len;) {
        size_t n = 1;
        if (p[i] >= 0x20 && p[i] < 0x80 && p[i] != '"' && p[i] != '\\') {
            i++;
            continue;
        }
        if (p[i] >= 0x80 && (n = utf8_len(p + i, len - i)) > 0) {
            i += n;
            continue;
        }
        (void)buf_append(out, p + plain, i - plain);
        if (p[i] >= 0x80) {
            (void)buf_puts(out, "\xef\xbf\xbd");
        } else {
            escape_control(out, p[i]);
        }
        plain = ++i;
    }
    if (len > plain) {
        (void)buf_append(out, p + plain, len - plain);
    }
    (void)buf_putc(out, '"');
}

json_t *json_said(const char *text)
{
    json_t *json = json_string(text);
    if (!json) {
        struct buf escaped;
        buf_init(&escaped, strlen(text) * 6 + 16);
        json_escape(&escaped, text, strlen(text));
        if (!escaped.failed) {
            json = json_loadb((char *)escaped.data, escaped.len, JSON_DECODE_ANY, NULL);
        }
        buf_finish(&escaped);
    }
    return json;
}
