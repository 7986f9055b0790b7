/* pg_text_time.c: dates, times and intervals from text. See pg_text.h; called by pg_text.c. */
#include "pg_text.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_US  INT64_C(1000000)
#define DAY_US     (86400 * SECOND_US)
#define EPOCH_2000 10957 /* days after 1970-01-01 */
#define DAYS_MAX                                                                                                       \
    106751984 /* beyond any timestamp; with a day and an offset more, 64 bits of microseconds still hold it */
#define DAY_HOURS      24
#define INTERVAL_HOURS INT64_C(2562047788)

struct cursor {
    const char *p;
    bool bad;
};

static int64_t number(struct cursor *c, int max_digits)
{
    int64_t v = 0;
    int n = 0;
    for (; *c->p >= '0' && *c->p <= '9' && n < max_digits; n++) {
        v = v * 10 + (*c->p++ - '0');
    }
    c->bad = c->bad || n == 0;
    return v;
}

static bool skip(struct cursor *c, char expected)
{
    if (*c->p != expected) {
        return false;
    }
    c->p++;
    return true;
}

static void need(struct cursor *c, char expected)
{
    c->bad = !skip(c, expected) || c->bad;
}

/* HH:MM:SS[.ffffff] in microseconds. */
static int64_t read_clock(struct cursor *c, int64_t max_hours)
{
    int64_t hours = number(c, 10);
    uint64_t us, unit = SECOND_US;
    c->bad = c->bad || hours > max_hours;
    us = c->bad ? 0 : (uint64_t)hours * 3600 * SECOND_US;
    need(c, ':');
    us += (uint64_t)number(c, 2) * 60 * SECOND_US;
    need(c, ':');
    us += (uint64_t)number(c, 2) * SECOND_US;
    if (skip(c, '.')) {
        for (; *c->p >= '0' && *c->p <= '9' && unit > 1; c->p++) {
            unit /= 10;
            us += (uint64_t)(*c->p - '0') * unit;
        }
    }
    c->bad = c->bad || us > INT64_MAX;
    return c->bad ? 0 : (int64_t)us;
}

/* Seconds east of Greenwich: +HH[:MM[:SS]]. */
static int64_t read_offset(struct cursor *c)
{
    bool west = *c->p == '-';
    int64_t s;
    c->p++;
    s = number(c, 2) * 3600;
    s += skip(c, ':') ? number(c, 2) * 60 : 0;
    s += skip(c, ':') ? number(c, 2) : 0;
    return west ? -s : s;
}

/* Days since 2000-01-01, the inverse of civil_of() in pg_time.c. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468 - EPOCH_2000;
}

static int64_t read_date(struct cursor *c, bool bc)
{
    int64_t year = number(c, 7), month, day;
    need(c, '-');
    month = number(c, 2);
    need(c, '-');
    day = number(c, 2);
    c->bad = c->bad || month < 1 || month > 12 || day < 1 || day > 31;
    return c->bad ? 0 : days_of(bc ? 1 - year : year, month, day);
}

/* " BC" at the end; *len is shortened by it. */
static bool is_bc(const char *text, size_t *len)
{
    if (*len < 3 || memcmp(text + *len - 3, " BC", 3) != 0) {
        return false;
    }
    *len -= 3;
    return true;
}

static bool is_infinity(const char *text, uint64_t plus, uint64_t minus, size_t size, struct buf *bin)
{
    bool yes = strcmp(text, "infinity") == 0, no = strcmp(text, "-infinity") == 0;
    if (yes || no) {
        text_put(bin, yes ? plus : minus, size);
    }
    return yes || no;
}

bool text_date(const char *text, size_t len, struct buf *bin)
{
    struct cursor c = {text, false};
    bool bc = is_bc(text, &len);
    int64_t days;
    if (is_infinity(text, INT32_MAX, (uint64_t)INT32_MIN, 4, bin)) {
        return true;
    }
    days = read_date(&c, bc);
    text_put(bin, (uint64_t)days, 4);
    return !c.bad && c.p == text + len;
}

bool text_time(const char *text, size_t len, struct buf *bin)
{
    struct cursor c = {text, false};
    text_put(bin, (uint64_t)read_clock(&c, DAY_HOURS), 8);
    return !c.bad && c.p == text + len;
}

bool text_timetz(const char *text, size_t len, struct buf *bin)
{
    struct cursor c = {text, false};
    text_put(bin, (uint64_t)read_clock(&c, DAY_HOURS), 8);
    text_put(bin, (uint64_t)-read_offset(&c), 4);
    return !c.bad && c.p == text + len;
}

bool text_timestamp(const char *text, size_t len, struct buf *bin)
{
    struct cursor c = {text, false};
    bool bc = is_bc(text, &len);
    int64_t us;
    if (is_infinity(text, INT64_MAX, (uint64_t)INT64_MIN, 8, bin)) {
        return true;
    }
    us = read_date(&c, bc);
    if (us > DAYS_MAX || us < -DAYS_MAX) {
        return false;
    }
    us *= DAY_US;
    need(&c, ' ');
    us += read_clock(&c, DAY_HOURS);
    if (!c.bad && c.p < text + len) {
        us -= read_offset(&c) * SECOND_US;
    }
    text_put(bin, (uint64_t)us, 8);
    return !c.bad && c.p == text + len;
}

/* "1 year 2 mons -3 days -04:05:06.7" */
bool text_interval(const char *text, size_t len, struct buf *bin)
{
    static const struct {
        const char *name;
        int64_t months, days;
    } units[] = {{"years", 12, 0}, {"year", 12, 0}, {"mons", 1, 0}, {"mon", 1, 0}, {"days", 0, 1}, {"day", 0, 1}};
    struct cursor c = {text, false};
    int64_t us = 0, days = 0, months = 0;
    while (!c.bad && c.p < text + len) {
        bool minus = *c.p == '-';
        const char *start;
        c.p += minus || *c.p == '+';
        start = c.p;
        int64_t n = number(&c, 10);
        if (*c.p == ':') {
            c.p = start;
            us = read_clock(&c, INTERVAL_HOURS) * (minus ? -1 : 1);
        } else {
            size_t u = 0, n_units = sizeof units / sizeof units[0];
            need(&c, ' ');
            while (u < n_units && strncmp(c.p, units[u].name, strlen(units[u].name)) != 0) {
                u++;
            }
            if (c.bad || u == n_units) {
                return false;
            }
            c.p += strlen(units[u].name);
            months += units[u].months * (minus ? -n : n);
            days += units[u].days * (minus ? -n : n);
        }
        (void)skip(&c, ' ');
    }
    text_put(bin, (uint64_t)us, 8);
    text_put(bin, (uint64_t)days, 4);
    text_put(bin, (uint64_t)months, 4);
    return !c.bad && len > 0 && days == (int32_t)days && months == (int32_t)months;
}
