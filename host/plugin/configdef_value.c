/*
 * configdef_value.c: is a text a value of a key's type, within its range or among its allowed values? The wordings are
 * those of org.apache.kafka.common.config.ConfigDef. Pure. [any] thread.
 */
#include "configdef.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char blanks[] = " \t\r\n\f\v";

struct span {
    const char *text;
    size_t len;
};

static struct span trim(const char *text, size_t len)
{
    while (len && strchr(blanks, text[len - 1])) {
        len--;
    }
    while (len && strchr(blanks, *text)) {
        text++;
        len--;
    }
    return (struct span){text, len};
}

static bool parse_whole(struct span s, int64_t *out)
{
    char copy[32], *end;
    long long value;
    if (s.len == 0 || s.len >= sizeof copy || strchr(blanks, s.text[0])) {
        return false;
    }
    memcpy(copy, s.text, s.len);
    copy[s.len] = '\0';
    errno = 0;
    value = strtoll(copy, &end, 10);
    *out = value;
    return errno == 0 && *end == '\0';
}

static bool parse_double(struct span s, double *out)
{
    char copy[64], *end;
    if (s.len == 0 || s.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, s.text, s.len);
    copy[s.len] = '\0';
    *out = strtod(copy, &end);
    return *end == '\0';
}

/* "min..max", either side empty. */
static bool out_of_range(const char *allowed, double value, char *why, size_t size)
{
    const char *dots = strstr(allowed, "..");
    if (!dots) {
        return false;
    }
    if (dots != allowed && value < strtod(allowed, NULL)) {
        (void)snprintf(why, size, "Value must be at least %.*s", (int)(dots - allowed), allowed);
        return true;
    }
    if (dots[2] && value > strtod(dots + 2, NULL)) {
        (void)snprintf(why, size, "Value must be no more than %s", dots + 2);
        return true;
    }
    return false;
}

static bool not_among(const char *allowed, struct span value, char *why, size_t size)
{
    size_t at;
    for (const char *one = allowed;; one++) {
        size_t len = strcspn(one, "|");
        if (len == value.len && strncasecmp(one, value.text, len) == 0) {
            return false;
        }
        one += len;
        if (!*one) {
            break;
        }
    }
    at = (size_t)snprintf(why, size, "String must be one of: ");
    for (const char *c = allowed; *c && at + 3 < size; c++) {
        if (*c == '|') {
            why[at++] = ',';
            why[at++] = ' ';
        } else {
            why[at++] = *c;
        }
        why[at] = '\0';
    }
    return true;
}

static const struct {
    uint32_t type;
    const char *name;
    int64_t min, max;
} whole_types[] = {
    {HP_CONFIG_SHORT, "SHORT", INT16_MIN, INT16_MAX},
    {HP_CONFIG_INT, "INT", INT32_MIN, INT32_MAX},
    {HP_CONFIG_LONG, "LONG", INT64_MIN, INT64_MAX},
};

static bool number_bad(const struct hp_config_key *key, struct span s, char *why, size_t size)
{
    double real = 0;
    if (key->type == HP_CONFIG_DOUBLE) {
        if (!parse_double(s, &real)) {
            (void)snprintf(why, size, "Not a number of type DOUBLE");
            return true;
        }
    }
    for (size_t i = 0; i < sizeof whole_types / sizeof whole_types[0]; i++) {
        int64_t whole;
        if (whole_types[i].type != key->type) {
            continue;
        }
        if (!parse_whole(s, &whole) || whole < whole_types[i].min || whole > whole_types[i].max) {
            (void)snprintf(why, size, "Not a number of type %s", whole_types[i].name);
            return true;
        }
        real = (double)whole;
    }
    return key->allowed && out_of_range(key->allowed, real, why, size);
}

bool config_value_bad(const struct hp_config_key *key, const char *value, char *why, size_t size)
{
    struct span s = trim(value, strlen(value));
    switch (key->type) {
    case HP_CONFIG_BOOLEAN:
        if ((s.len == 4 && strncasecmp(s.text, "true", 4) == 0) ||
            (s.len == 5 && strncasecmp(s.text, "false", 5) == 0)) {
            return false;
        }
        (void)snprintf(why, size, "Expected value to be either true or false");
        return true;
    case HP_CONFIG_INT:
    case HP_CONFIG_SHORT:
    case HP_CONFIG_LONG:
    case HP_CONFIG_DOUBLE:
        return number_bad(key, s, why, size);
    case HP_CONFIG_LIST:
        while (key->allowed && s.len) {
            const char *comma = memchr(s.text, ',', s.len);
            size_t len = comma ? (size_t)(comma - s.text) : s.len;
            if (not_among(key->allowed, trim(s.text, len), why, size)) {
                return true;
            }
            s.text += len + (comma != NULL);
            s.len -= len + (comma != NULL);
        }
        return false;
    default:
        return key->allowed && not_among(key->allowed, s, why, size);
    }
}

bool config_key_covers(const struct hp_config_key *key, const char *name)
{
    return (key->flags & HP_KEY_PREFIX) ? strncmp(key->name, name, strlen(key->name)) == 0
                                        : strcmp(key->name, name) == 0;
}
