/*
 * logging.c: see logging.h. A line is put together on the stack and written with one write(2), so that lines of
 * threads and of workers sharing stderr do not mix. Longer ones are cut at LINE_MAX_BYTES and say so.
 */
#include "logging.h"

#include "clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static atomic_int max_level = LOG_LEVEL_INFO;
static char who_text[160];

void log_set_level(enum log_level level)
{
    atomic_store(&max_level, (int)level);
}

void log_set_who(const char *who)
{
    (void)snprintf(who_text, sizeof who_text, "%s", who);
}

/* Control characters of `text` as \n, \t or \xNN; bytes above 0x7f pass (UTF-8). Returns the new length. */
static size_t escape(char *out, size_t room, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (n + 8 > room) {
            memcpy(out + n, "...", 3);
            return n + 3;
        }
        if (*p >= 0x20 && *p != 0x7f) {
            out[n++] = (char)*p;
        } else if (*p == '\n' || *p == '\t' || *p == '\r') {
            out[n++] = '\\';
            out[n++] = *p == '\n' ? 'n' : *p == '\t' ? 't' : 'r';
        } else {
            out[n++] = '\\';
            out[n++] = 'x';
            out[n++] = hex[*p >> 4];
            out[n++] = hex[*p & 15];
        }
    }
    return n;
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"?", "ERROR", "WARN", "INFO", "DEBUG"};
    char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 256];
    int64_t now = clock_wall_us();
    time_t seconds = (time_t)(now / 1000000);
    struct tm tm;
    va_list args;
    size_t n;
    int head, saved = errno;
    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed)) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)gmtime_r(&seconds, &tm);
    n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
    head = snprintf(line + n, sizeof line - n, ".%03dZ %-5s %s%s", (int)(now / 1000 % 1000), names[level], who_text,
                    who_text[0] ? ": " : "");
    n += head > 0 ? (size_t)head : 0;
    n += escape(line + n, sizeof line - n - 1, text);
    line[n++] = '\n';
    for (size_t done = 0; done < n;) {
        ssize_t put = write(STDERR_FILENO, line + done, n - done);
        if (put < 0 && errno != EINTR) {
            break; /* nobody listens: there is no other place to say so */
        }
        done += put > 0 ? (size_t)put : 0;
    }
    errno = saved;
}
