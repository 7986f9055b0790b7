#include "logging.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What log_line() wrote, with stderr turned to a file meanwhile. */
static const char *logged(enum log_level level, const char *text)
{
    static char out[8192];
    int saved = dup(2);
    FILE *f = tmpfile();
    size_t n;
    dup2(fileno(f), 2);
    log_line(level, "%s", text);
    dup2(saved, 2);
    close(saved);
    rewind(f);
    n = fread(out, 1, sizeof out - 1, f);
    out[n] = '\0';
    fclose(f);
    return out;
}

Test(logging, one_event_is_one_line)
{
    const char *line = logged(LOG_LEVEL_WARN, "a\nb\x1b[0m\t\xc3\xa9");
    cr_assert(strstr(line, " WARN  a\\nb\\x1b[0m\\t\xc3\xa9\n"), "%s", line);
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
    log_set_who("connector x");
    cr_assert(strstr(logged(LOG_LEVEL_ERROR, "y"), "ERROR connector x: y\n"));
}

Test(logging, levels)
{
    cr_assert_str_eq(logged(LOG_LEVEL_DEBUG, "quiet"), "");
    log_set_level(LOG_LEVEL_DEBUG);
    cr_assert(strstr(logged(LOG_LEVEL_DEBUG, "loud"), "loud"));
}

Test(logging, long_lines_are_cut)
{
    static char text[20000];
    const char *line;
    memset(text, '\x01', sizeof text - 1);
    line = logged(LOG_LEVEL_ERROR, text);
    cr_assert(strlen(line) < 4400);
    cr_assert_str_eq(line + strlen(line) - 4, "...\n");
}
