/* filters.c: see filters.h. */
#include "filters.h"

#include "no_memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define FILTER_MATCH_LIMIT 100000u /* backtracking steps per name: some 10 ms */
#define FILTER_DEPTH_LIMIT 1000u
#define FILTER_PATTERN_MAX 4096u
#define FILTER_ITEMS_MAX   10000u

struct filter {
    const char *key;
    size_t n;
    pcre2_match_context *context;
    pcre2_match_data *data;
    struct {
        pcre2_code *code;
        char *text;
    } items[];
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The comma of a repetition, as in \d{1,3}: it never separates. */
static bool in_braces(const char *list, size_t comma)
{
    size_t from = comma, to = comma + 1;
    while (from > 0 && list[from - 1] >= '0' && list[from - 1] <= '9') {
        from--;
    }
    to += strspn(list + to, "0123456789");
    return from < comma && from > 0 && list[from - 1] == '{' && list[to] == '}' && (from < 2 || list[from - 2] != '\\');
}

bool list_split(const char *list, char separator, char ***out_items, size_t *out_n)
{
    size_t len = strlen(list), max = 1, n = 0;
    char **items, *to, *begin;
    for (size_t i = 0; i < len; i++) {
        max += list[i] == separator;
    }
    items = malloc(max * sizeof *items + len + 1 + max);
    if (!items) {
        return false;
    }
    begin = to = (char *)(items + max);
    for (size_t i = 0; i <= len; i++) {
        if (i < len && list[i] == '\\' && list[i + 1]) {
            if (list[i + 1] != separator) {
                *to++ = list[i];
            }
            *to++ = list[++i];
        } else if (i < len && (list[i] != separator || (separator == ',' && in_braces(list, i)))) {
            *to++ = list[i];
        } else {
            char *end = to;
            while (begin < end && is_blank(*begin)) {
                begin++;
            }
            while (end > begin && is_blank(end[-1])) {
                end--;
            }
            *end = '\0';
            to++;
            if (end > begin) {
                items[n++] = begin;
            }
            begin = to;
        }
    }
    *out_items = items;
    *out_n = n;
    return true;
}

/* [a-z&&[^x]] and [a-c[x-z]] are Java's alone: taken for something else they would match other names than meant. */
static bool has_java_class(const char *p)
{
    bool in_class = false;
    for (; *p; p++) {
        if (p[0] == '\\' && p[1] == 'Q') {
            const char *end = strstr(p + 2, "\\E");
            if (!end) {
                return false;
            }
            p = end + 1;
        } else if (p[0] == '\\' && p[1]) {
            p++;
        } else if (!in_class && *p == '[') {
            in_class = true;
            p += p[1] == '^';
            p += p[1] == ']'; /* the first one stands for itself */
        } else if (in_class && ((*p == '[' && !strchr(":.=", p[1])) || (p[0] == '&' && p[1] == '&'))) {
            return true;
        } else if (in_class && p[0] == '[') {
            p = strchr(p, ']') ? strchr(p, ']') : p; /* [:alpha:] */
        } else if (in_class && *p == ']') {
            in_class = false;
        }
    }
    return false;
}

static hp_status compile(struct filter *f, const char *text, struct hp_error *err)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *compiled;
    if (strlen(text) > FILTER_PATTERN_MAX) {
        return hp_fail(err, HP_ERROR_CONFIG, "", "%s: a regular expression is longer than %u bytes", f->key,
                       FILTER_PATTERN_MAX);
    }
    if (has_java_class(text)) {
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "%s: \"%.200s\": a character class within a class, or && in one, is not supported; write it as "
                       "one class, and a bracket in a class as \\[",
                       f->key, text);
    }
    compiled = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                             PCRE2_CASELESS | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (!compiled) {
        PCRE2_UCHAR reason[160] = "";
        (void)pcre2_get_error_message(code, reason, sizeof reason);
        return hp_fail(err, HP_ERROR_CONFIG, "", "%s: \"%.200s\" is not a regular expression: %s at character %zu",
                       f->key, text, (const char *)reason, (size_t)at);
    }
    f->items[f->n].code = compiled;
    f->items[f->n].text = strdup(text);
    f->n++;
    return f->items[f->n - 1].text ? HP_OK : no_memory(err);
}

hp_status filter_create(const char *key, const char *list, struct filter **out, struct hp_error *err)
{
    char **items = NULL;
    size_t n = 0;
    struct filter *f = NULL;
    hp_status st = HP_OK;
    if (!list || !*list) {
        *out = NULL;
        return HP_OK;
    }
    if (!list_split(list, ',', &items, &n) || !(f = calloc(1, sizeof *f + n * sizeof f->items[0])) ||
        !(f->context = pcre2_match_context_create(NULL)) || !(f->data = pcre2_match_data_create(1, NULL))) {
        free(items);
        filter_destroy(f);
        return no_memory(err);
    }
    f->key = key;
    (void)pcre2_set_match_limit(f->context, FILTER_MATCH_LIMIT);
    (void)pcre2_set_depth_limit(f->context, FILTER_DEPTH_LIMIT);
    if (n > FILTER_ITEMS_MAX) {
        st = hp_fail(err, HP_ERROR_CONFIG, "", "%s: more than %u expressions", key, FILTER_ITEMS_MAX);
    }
    for (size_t i = 0; st == HP_OK && i < n; i++) {
        st = compile(f, items[i], err);
    }
    free(items);
    if (st != HP_OK || n == 0) {
        filter_destroy(f);
        f = NULL;
    }
    if (st == HP_OK) {
        *out = f;
    }
    return st;
}

void filter_destroy(struct filter *f)
{
    if (!f) {
        return;
    }
    for (size_t i = 0; i < f->n; i++) {
        pcre2_code_free(f->items[i].code);
        free(f->items[i].text);
    }
    pcre2_match_data_free(f->data);
    pcre2_match_context_free(f->context);
    free(f);
}

hp_status filter_match(const struct filter *f, const char *name, size_t len, bool *out, struct hp_error *err)
{
    for (size_t i = 0; i < f->n; i++) {
        int rc = pcre2_match(f->items[i].code, (PCRE2_SPTR)name, len, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED, f->data,
                             f->context);
        if (rc >= 0) {
            *out = true;
            return HP_OK;
        }
        /* A database in SQL_ASCII may hold names that are no UTF-8: nothing that is written here means one. */
        if (rc != PCRE2_ERROR_NOMATCH && (rc > PCRE2_ERROR_UTF8_ERR1 || rc < PCRE2_ERROR_UTF8_ERR21)) {
            return hp_fail(err, HP_ERROR_CONFIG, "",
                           "%s: the expression \"%.200s\" takes too long on the name \"%.*s\"; "
                           "write it without nested repetitions",
                           f->key, f->items[i].text, (int)(len < 200 ? len : 200), name);
        }
    }
    *out = false;
    return HP_OK;
}

hp_status filters_wants(const struct filters *f, const char *name, size_t len, bool *out, struct hp_error *err)
{
    bool hit = false;
    hp_status st;
    if (!f->include && !f->exclude) {
        *out = true;
        return HP_OK;
    }
    st = filter_match(f->include ? f->include : f->exclude, name, len, &hit, err);
    if (st == HP_OK) {
        *out = f->include ? hit : !hit;
    }
    return st;
}

void filters_finish(struct filters *f)
{
    filter_destroy(f->include);
    filter_destroy(f->exclude);
    f->include = f->exclude = NULL;
}
