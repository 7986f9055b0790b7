/* sink_topics.c: see sink_topics.h. */
#include "sink_topics.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT 100000u /* steps; a topic's name is short */

struct sink_topics {
    char **names; /* one block */
    size_t n;
    pcre2_code *pattern;
    pcre2_match_context *limits;
    pcre2_match_data *match;
};

static hp_status compile(struct sink_topics *t, const char *regex, struct hp_error *err)
{
    PCRE2_SIZE at;
    int code;
    t->pattern =
        pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (!t->pattern) {
        PCRE2_UCHAR text[160];
        (void)pcre2_get_error_message(code, text, sizeof text);
        return hp_fail(err, HP_ERROR_CONFIG, "",
                       "Invalid value %.300s for configuration topics.regex: %s at character %zu", regex,
                       (const char *)text, (size_t)at);
    }
    t->limits = pcre2_match_context_create(NULL);
    t->match = pcre2_match_data_create(1, NULL);
    if (!t->limits || !t->match) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    (void)pcre2_set_match_limit(t->limits, MATCH_LIMIT);
    return HP_OK;
}

static hp_status split(struct sink_topics *t, const char *list, struct hp_error *err)
{
    size_t commas = 0, len = strlen(list);
    char *copy;
    for (const char *c = list; *c; c++) {
        commas += *c == ',';
    }
    t->names = malloc((commas + 1) * sizeof *t->names + len + 1);
    if (!t->names) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    copy = (char *)(t->names + commas + 1);
    memcpy(copy, list, len + 1);
    for (char *one; (one = strsep(&copy, ",")) != NULL;) {
        size_t end;
        one += strspn(one, " \t\r\n");
        end = strlen(one);
        while (end && strchr(" \t\r\n", one[end - 1])) {
            one[--end] = '\0';
        }
        if (end) {
            t->names[t->n++] = one;
        }
    }
    return HP_OK;
}

hp_status sink_topics_create(const struct props *config, struct sink_topics **out, struct hp_error *err)
{
    const char *list = props_get(config, "topics"), *regex = props_get(config, "topics.regex");
    struct sink_topics *t = calloc(1, sizeof *t);
    hp_status st;
    if (!t) {
        return hp_fail(err, HP_ERROR_RETRY, "ENOMEM", "out of memory");
    }
    st = split(t, list ? list : "", err);
    if (st == HP_OK && regex && regex[0]) {
        st = compile(t, regex, err);
    }
    if (st == HP_OK && !t->n && !t->pattern) {
        st = hp_fail(err, HP_ERROR_CONFIG, "", "Must configure one of topics or topics.regex");
    }
    if (st != HP_OK) {
        sink_topics_destroy(t);
        return st;
    }
    *out = t;
    return HP_OK;
}

void sink_topics_destroy(struct sink_topics *t)
{
    if (t) {
        pcre2_code_free(t->pattern);
        pcre2_match_context_free(t->limits);
        pcre2_match_data_free(t->match);
        free(t->names);
        free(t);
    }
}

bool sink_topics_want(const struct sink_topics *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->names[i], name) == 0) {
            return true;
        }
    }
    return t->pattern && pcre2_match(t->pattern, (PCRE2_SPTR)name, strlen(name), 0, 0, t->match, t->limits) >= 0;
}
