/*
 * props_parse.c: the text form of props.h, as java.util.Properties.load reads it: natural lines joined by a backslash
 * before the line end, leading white space dropped, # and ! comments, the key up to the first unescaped =, : or white
 * space, escapes \t \n \r \f and \uXXXX (surrogate pairs included), and any other escaped character standing for
 * itself. The file is UTF-8 here. Pure but for props_load().
 */
#include "fs.h"
#include "props.h"

#include <stdlib.h>
#include <string.h>

#define PROPS_FILE_MAX (4u << 20)
#define PROPS_KEYS_MAX 10000u

struct scan {
    const char *p, *end;
    unsigned line; /* of the logical line being read */
    unsigned next; /* line number at p */
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

/* Skip one line end at p; CR LF is one. */
static void skip_eol(struct scan *s)
{
    if (s->p < s->end) {
        s->p += (s->p[0] == '\r' && s->p + 1 < s->end && s->p[1] == '\n') ? 2 : 1;
        s->next++;
    }
}

static bool at_eol(const struct scan *s)
{
    return s->p == s->end || *s->p == '\n' || *s->p == '\r';
}

/* To the start of the next line that is neither blank nor a comment; false at the end of the text. */
static bool next_line(struct scan *s)
{
    while (s->p < s->end) {
        while (s->p < s->end && (blank(*s->p) || *s->p == '\n' || *s->p == '\r')) {
            if (blank(*s->p)) {
                s->p++;
            } else {
                skip_eol(s);
            }
        }
        if (s->p == s->end) {
            return false;
        }
        if (*s->p != '#' && *s->p != '!') {
            s->line = s->next;
            return true;
        }
        while (!at_eol(s)) {
            s->p++;
        }
    }
    return false;
}

/* A backslash before a line end joins the next line, whose leading blanks do not count. True if it was one. */
static bool joined(struct scan *s)
{
    bool any = false;
    while (s->p < s->end && *s->p == '\\' && (s->p + 1 == s->end || s->p[1] == '\n' || s->p[1] == '\r')) {
        s->p++;
        skip_eol(s);
        while (s->p < s->end && blank(*s->p)) {
            s->p++;
        }
        any = true;
    }
    return any;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* XXXX at p, behind "\u"; -1 if it is not four hex digits. */
static long hex4(struct scan *s)
{
    long v = 0;
    if (s->end - s->p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(s->p[i]);
        if (d < 0) {
            return -1;
        }
        v = v * 16 + d;
    }
    s->p += 4;
    return v;
}

static void put_utf8(struct buf *out, unsigned long c)
{
    if (c < 0x80) {
        (void)buf_putc(out, (char)c);
    } else if (c < 0x800) {
        (void)buf_putc(out, (char)(0xc0 | c >> 6));
        (void)buf_putc(out, (char)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        (void)buf_putc(out, (char)(0xe0 | c >> 12));
        (void)buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
        (void)buf_putc(out, (char)(0x80 | (c & 63)));
    } else {
        (void)buf_putc(out, (char)(0xf0 | c >> 18));
        (void)buf_putc(out, (char)(0x80 | (c >> 12 & 63)));
        (void)buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
        (void)buf_putc(out, (char)(0x80 | (c & 63)));
    }
}

static bool unicode(struct scan *s, struct buf *out)
{
    long high = hex4(s), low;
    if (high <= 0) {
        return false; /* not hex, or a NUL, which no key or value can hold here */
    }
    if (high >= 0xdc00 && high <= 0xdfff) {
        return false;
    }
    if (high >= 0xd800 && high <= 0xdbff) {
        if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u') {
            return false;
        }
        s->p += 2;
        low = hex4(s);
        if (low < 0xdc00 || low > 0xdfff) {
            return false;
        }
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(out, (unsigned long)high);
    return true;
}

static bool escaped(struct scan *s, struct buf *out)
{
    static const char from[] = "tnrf", to[] = "\t\n\r\f";
    char c = *s->p++;
    const char *hit = c ? strchr(from, c) : NULL;
    if (c == 'u') {
        return unicode(s, out);
    }
    (void)buf_putc(out, hit ? to[hit - from] : c);
    return true;
}

/* A key (up to an unescaped separator) or a value (up to the line's end). */
static bool token(struct scan *s, bool key, struct buf *out)
{
    for (;;) {
        (void)joined(s);
        if (at_eol(s) || (key && (blank(*s->p) || *s->p == '=' || *s->p == ':'))) {
            return true;
        }
        if (*s->p == '\0') {
            return false;
        }
        if (*s->p != '\\') {
            (void)buf_putc(out, *s->p++);
        } else {
            s->p++; /* joined() has seen to a line end or the text's end behind it */
            if (!escaped(s, out)) {
                return false;
            }
        }
    }
}

static void skip_blanks(struct scan *s)
{
    do {
        while (s->p < s->end && blank(*s->p)) {
            s->p++;
        }
    } while (joined(s));
}

static hp_status parse_line(struct scan *s, struct props *p, struct buf *key, struct buf *value, struct hp_error *err)
{
    buf_reset(key);
    buf_reset(value);
    if (!token(s, true, key)) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "line %u: malformed \\uXXXX escape or NUL character in a key",
                       s->line);
    }
    skip_blanks(s);
    if (s->p < s->end && (*s->p == '=' || *s->p == ':')) {
        s->p++;
        skip_blanks(s);
    }
    if (!token(s, false, value)) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "line %u: malformed \\uXXXX escape or NUL character in the value of %.100s", s->line,
                       key->len ? (const char *)key->data : "");
    }
    if (p->n >= PROPS_KEYS_MAX) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "line %u: more than %u keys", s->line, PROPS_KEYS_MAX);
    }
    if (key->failed || value->failed ||
        !props_set(p, key->len ? (const char *)key->data : "", value->len ? (const char *)value->data : "")) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "line %u: out of memory", s->line);
    }
    return HP_OK;
}

hp_status props_parse(struct props *p, const char *text, size_t len, struct hp_error *err)
{
    struct scan s = {text, text + len, 1, 1};
    struct buf key, value;
    hp_status status = HP_OK;
    if (len > PROPS_FILE_MAX) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "properties text of %zu bytes; at most %u are read", len,
                       PROPS_FILE_MAX);
    }
    buf_init(&key, PROPS_FILE_MAX);
    buf_init(&value, PROPS_FILE_MAX);
    while (status == HP_OK && next_line(&s)) {
        status = parse_line(&s, p, &key, &value, err);
    }
    buf_finish(&key);
    buf_finish(&value);
    return status;
}

hp_status props_load(struct props *p, const char *path, struct hp_error *err)
{
    struct hp_error inner = {.size = sizeof inner};
    struct buf text;
    hp_status status;
    buf_init(&text, PROPS_FILE_MAX);
    status = fs_read(path, PROPS_FILE_MAX, &text, err);
    if (status == HP_OK) {
        status = props_parse(p, (const char *)text.data, text.len, &inner);
        if (status != HP_OK) {
            status = hp_fail(err, inner.klass, inner.code, "%.200s: %.700s", path, inner.message);
        }
    }
    buf_finish(&text);
    return status;
}
