/* pg_time.c: dates, times and intervals (cdc-facts 1.4, default time.precision.mode). See pg_values.h; called by
   pg_form.c. PostgreSQL counts from 2000-01-01, Debezium from 1970-01-01; days are Gregorian on both sides. */
#include "json_out.h"
#include "pg_values.h"

#include <inttypes.h>

#define DAY_US        INT64_C(86400000000)
#define EPOCH_DAYS    10957                        /* 1970-01-01 to 2000-01-01 */
#define TIMESTAMP_MIN INT64_C(-211813488000000000) /* 4714-11-24 BC */
#define TIMESTAMP_END INT64_C(9223371331200000000) /* 294277-01-01 */
#define DATE_MIN      (-2451545)
#define DATE_END      2145031949

/* What pgjdbc's infinity (milliseconds, DATE_POSITIVE_INFINITY) becomes in Debezium. */
#define INFINITY_US       INT64_C(9223372036825200000)
#define MINUS_INFINITY_US INT64_C(-9223372036832400000)

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct civil {
    int64_t year; /* astronomical: 0 is 1 BC */
    int month, day;
};

/* Days since 2000-01-01 to a date; era arithmetic over 400-year cycles that begin in March. */
static struct civil civil_of(int64_t days)
{
    int64_t z = days + EPOCH_DAYS + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    struct civil c = {yoe + era * 400, (int)(mp < 10 ? mp + 3 : mp - 9), (int)(doy - (153 * mp + 2) / 5 + 1)};
    c.year += c.month <= 2;
    return c;
}

static void put_two(int v, struct buf *out)
{
    char text[2] = {(char)('0' + v / 10), (char)('0' + v % 10)};
    (void)buf_append(out, text, 2);
}

/* HH:MM:SS and digits of the second's fraction: at least `min` of them, no trailing zeros beyond. */
static void put_clock(int64_t us, int min, struct buf *out)
{
    int64_t s = us / 1000000, f = us % 1000000;
    int digits = 6;
    put_two((int)(s / 3600), out);
    (void)buf_putc(out, ':');
    put_two((int)(s / 60 % 60), out);
    (void)buf_putc(out, ':');
    put_two((int)(s % 60), out);
    for (; digits > min && f % 10 == 0; f /= 10) {
        digits--;
    }
    if (digits > 0) {
        (void)buf_printf(out, ".%0*d", digits, (int)f);
    }
}

static bool read_date(struct wire *w, int32_t *days)
{
    *days = wire_i32(w);
    return wire_done(w) && (*days == INT32_MAX || *days == INT32_MIN || (*days >= DATE_MIN && *days < DATE_END));
}

static bool read_timestamp(struct wire *w, int64_t *us)
{
    *us = wire_i64(w);
    return wire_done(w) && (*us == INT64_MAX || *us == INT64_MIN || (*us >= TIMESTAMP_MIN && *us < TIMESTAMP_END));
}

bool pg_date_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int32_t days;
    (void)form;
    if (!read_date(&w, &days)) {
        return false;
    }
    /* The infinities wrap around, as in Debezium's arithmetic: -2147472692 and -2147472691. */
    json_out_int(out, (int32_t)((uint32_t)days + EPOCH_DAYS));
    return true;
}

bool pg_date_text(struct wire w, struct buf *out)
{
    int32_t days;
    struct civil c;
    if (!read_date(&w, &days)) {
        return false;
    }
    if (days == INT32_MAX || days == INT32_MIN) {
        return buf_puts(out, days == INT32_MAX ? "infinity" : "-infinity");
    }
    c = civil_of(days);
    return buf_printf(out, "%04" PRId64 "-%02d-%02d%s", c.year > 0 ? c.year : 1 - c.year, c.month, c.day,
                      c.year > 0 ? "" : " BC");
}

bool pg_time_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int64_t us = wire_i64(&w);
    if (!wire_done(&w) || us < 0 || us > DAY_US) {
        return false;
    }
    json_out_int(out, form->kind == PG_TIME_MILLIS ? us / 1000 : us);
    return true;
}

bool pg_timetz_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int64_t us = wire_i64(&w);
    int32_t west = wire_i32(&w); /* seconds west of Greenwich */
    (void)form;
    if (!wire_done(&w) || us < 0 || us > DAY_US || west <= -86400 || west >= 86400) {
        return false;
    }
    if (us < DAY_US || west) { /* 24:00:00 at UTC stays what it is */
        us = (us + west * INT64_C(1000000)) % DAY_US;
        us += us < 0 ? DAY_US : 0;
    }
    (void)buf_putc(out, '"');
    put_clock(us, 0, out);
    return buf_puts(out, "Z\"");
}

bool pg_timestamp_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int64_t us, unix_us;
    if (!read_timestamp(&w, &us)) {
        return false;
    }
    if (us == INT64_MAX || us == INT64_MIN) {
        unix_us = us == INT64_MAX ? INFINITY_US : MINUS_INFINITY_US;
    } else if (__builtin_add_overflow(us, EPOCH_DAYS * DAY_US, &unix_us)) {
        if (form->kind == PG_TIMESTAMP_MICROS) {
            return buf_puts(out, "null"); /* after year 294247: no int64 of microseconds */
        }
        json_out_int(out, us / 1000 + EPOCH_DAYS * (DAY_US / 1000));
        return true;
    }
    json_out_int(out, form->kind == PG_TIMESTAMP_MILLIS ? floor_div(unix_us, 1000) : unix_us);
    return true;
}

/* The date part and the clock part of a timestamp that is not infinite. */
static struct civil split(int64_t us, int64_t *out_clock)
{
    int64_t days = floor_div(us, DAY_US);
    *out_clock = us - days * DAY_US;
    return civil_of(days);
}

bool pg_timestamptz_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int64_t us, clock;
    struct civil c;
    if (!read_timestamp(&w, &us)) {
        return false;
    }
    if (us == INT64_MAX || us == INT64_MIN) {
        return buf_puts(out, us == INT64_MAX ? "\"infinity\"" : "\"-infinity\"");
    }
    c = split(us, &clock);
    (void)buf_printf(out, "\"%s%04" PRId64 "-%02d-%02dT",
                     c.year < 0      ? "-"
                     : c.year > 9999 ? "+"
                                     : "",
                     c.year < 0 ? -c.year : c.year, c.month, c.day);
    put_clock(clock, form->scale, out);
    return buf_puts(out, "Z\"");
}

bool pg_timestamp_text(struct wire w, bool utc_offset, struct buf *out)
{
    int64_t us, clock;
    struct civil c;
    if (!read_timestamp(&w, &us)) {
        return false;
    }
    if (us == INT64_MAX || us == INT64_MIN) {
        return buf_puts(out, us == INT64_MAX ? "infinity" : "-infinity");
    }
    c = split(us, &clock);
    (void)buf_printf(out, "%04" PRId64 "-%02d-%02d ", c.year > 0 ? c.year : 1 - c.year, c.month, c.day);
    put_clock(clock, 0, out);
    (void)buf_puts(out, utc_offset ? "+00" : "");
    return buf_puts(out, c.year > 0 ? "" : " BC");
}

/* io.debezium.time.MicroDuration: a month is 365.25/12 days; the sums are made in double there, so also here. */
bool pg_interval_json(const struct pg_form *form, struct wire w, struct buf *out)
{
    int64_t us = wire_i64(&w);
    int32_t days = wire_i32(&w), months = wire_i32(&w);
    double sum;
    (void)form;
    if (!wire_done(&w)) {
        return false;
    }
    sum = (double)months * (365.25 / 12.0) + (double)days;
    sum = sum * 24 + (double)(us / INT64_C(3600000000));
    sum = sum * 60 + (double)(us / 60000000 % 60);
    sum = sum * 60 + ((double)(us / 1000000 % 60) + (double)(us % 1000000) / 1000000.0);
    sum *= 1e6;
    /* Java's cast saturates; C's would be undefined. */
    json_out_int(out, sum >= 9223372036854775808.0    ? INT64_MAX
                      : sum <= -9223372036854775808.0 ? INT64_MIN
                                                      : (int64_t)sum);
    return true;
}
