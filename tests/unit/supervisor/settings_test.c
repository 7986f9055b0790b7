/* homeport.properties: defaults, checks, and the words of the errors. */
#include "settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/homeport-settings-XXXXXX";

static hp_status load(const char *text, struct props *out, struct hp_error *err)
{
    int fd;
    strcpy(path, "/tmp/homeport-settings-XXXXXX");
    fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    hp_status status = settings_load(path, out, err);
    unlink(path);
    return status;
}

Test(settings, defaults_without_a_file)
{
    struct props p;
    struct hp_error err = {.size = sizeof err};
    cr_assert_eq(settings_load(NULL, &p, &err), HP_OK);
    cr_assert_str_eq(settings_text(&p, "listeners"), "http://127.0.0.1:8083");
    cr_assert_eq(settings_long(&p, "offset.flush.interval.ms"), 60000);
    cr_assert_eq(settings_long(&p, "task.shutdown.graceful.timeout.ms"), 5000);
    cr_assert_eq(settings_long(&p, "worker.restart.max"), 5);
    cr_assert_eq(settings_long(&p, "log.retention.bytes"), -1);
    cr_assert_neq(strstr(settings_text(&p, "plugin.path"), "plugins"), NULL);
    props_finish(&p);
}

Test(settings, given_values_win_and_strange_keys_do_not_hurt)
{
    struct props p;
    struct hp_error err = {.size = sizeof err};
    cr_assert_eq(load("listeners=http://localhost:0\ngroup.id=connect\nno.such.key=1\nproducer.acks=all\n"
                      "log.level=debug\nplugin.path=/a,/b\n",
                      &p, &err),
                 HP_OK);
    cr_assert_str_eq(settings_text(&p, "listeners"), "http://localhost:0");
    cr_assert_str_eq(settings_text(&p, "plugin.path"), "/a,/b");
    cr_assert_null(props_get(&p, "no.such.key"));
    cr_assert_null(props_get(&p, "group.id"));
    props_finish(&p);
}

static void expect_fault(const char *text, const char *key, const char *value, const char *allowed)
{
    struct props p;
    struct hp_error err = {.size = sizeof err};
    props_init(&p);
    cr_assert_eq(load(text, &p, &err), HP_ERROR, "%s", text);
    cr_assert_eq(err.klass, HP_ERROR_CONFIG);
    cr_assert(strstr(err.message, key) && strstr(err.message, value) && strstr(err.message, allowed), "%s",
              err.message);
    cr_assert_eq(p.n, 0, "out-parameter touched");
}

Test(settings, faults_name_key_value_and_what_is_allowed)
{
    expect_fault("worker.restart.max=many\n", "worker.restart.max", "many", "from 1 to");
    expect_fault("worker.restart.max=0\n", "worker.restart.max", "0", "from 1 to");
    expect_fault("worker.hang.timeout.ms=30000ms\n", "worker.hang.timeout.ms", "30000ms", "whole number");
    expect_fault("log.level=LOUD\n", "log.level", "LOUD", "ERROR|WARN|INFO|DEBUG");
    expect_fault("log.level=\n", "log.level", "", "ERROR");
    expect_fault("offset.flush.interval.ms=99999999999999999999\n", "offset.flush.interval.ms", "9999", "whole number");
    expect_fault("worker.memory.max.bytes= 1\n", "worker.memory.max.bytes", "1", "from");
}

Test(settings, a_key_from_the_command_line_is_checked_like_one_of_the_file)
{
    struct props p;
    struct hp_error err = {.size = sizeof err};
    cr_assert_eq(settings_load(NULL, &p, &err), HP_OK);
    cr_assert_eq(settings_override(&p, "data.dir", "/x", &err), HP_OK);
    cr_assert_str_eq(settings_text(&p, "data.dir"), "/x");
    cr_assert_eq(settings_override(&p, "worker.restart.max", "x", &err), HP_ERROR);
    cr_assert_eq(settings_override(&p, "group.id", "x", &err), HP_ERROR);
    cr_assert_eq(settings_override(&p, "nothing", "x", &err), HP_ERROR);
    props_finish(&p);
}
