/* probe_test.c: `homeport probe` as the supervisor uses it: one question, one answer. */
#include "json.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static void make(void)
{
    char command[700];
    (void)strcpy(dir, "/tmp/homeport-probe-XXXXXX");
    cr_assert(mkdtemp(dir));
    (void)snprintf(command, sizeof command, "cp %s/source-lines.so %s/sieve.so %s && chmod 755 %s/*", PLUGINS, PLUGINS,
                   dir, dir);
    cr_assert_eq(system(command), 0);
}

static void clean(void)
{
    char command[100];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    (void)!system(command);
}

TestSuite(probe, .init = make, .fini = clean);

static json_t *ask(const char *request)
{
    char path[200], command[600], answer[200000];
    struct hp_error err = {.size = sizeof err};
    FILE *f;
    size_t n;
    json_t *json;
    (void)snprintf(path, sizeof path, "%s/request", dir);
    f = fopen(path, "w");
    cr_assert(f);
    (void)fputs(request, f);
    (void)fclose(f);
    (void)snprintf(command, sizeof command, "%s probe < %s", HOMEPORT_BINARY, path);
    f = popen(command, "r");
    n = fread(answer, 1, sizeof answer, f);
    cr_assert_eq(pclose(f), 0);
    json = json_parse(answer, n, &err);
    cr_assert(json, "%s", err.message);
    return json;
}

static json_t *validate(const char *class, const char *config)
{
    char request[2000];
    (void)snprintf(request, sizeof request,
                   "{\"do\":\"validate\",\"class\":\"%s\",\"plugin_path\":\"%s\",\"config\":%s}", class, dir, config);
    return ask(request);
}

static const json_t *info(const json_t *answer, const char *name)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(json_object_get(answer, "infos"), "configs"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(json_object_get(one, "value"), "name")), name) == 0) {
            return one;
        }
    }
    return NULL;
}

static size_t n_errors(const json_t *answer, const char *name)
{
    return json_array_size(json_object_get(json_object_get(info(answer, name), "value"), "errors"));
}

Test(probe, describes_own_keys_first)
{
    char request[300];
    json_t *answer, *keys;
    (void)snprintf(request, sizeof request,
                   "{\"do\":\"describe\",\"plugin\":\"%s/source-lines.so\",\"class\":\"source-lines\"}", dir);
    answer = ask(request);
    keys = json_object_get(answer, "keys");
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(keys, 0), "name")), "file");
    cr_assert_eq(json_array_size(keys), 3 + 20);
    json_decref(answer);
}

Test(probe, a_good_configuration_has_no_errors)
{
    json_t *answer =
        validate("FileStreamSource", "{\"name\":\"c\",\"connector.class\":\"FileStreamSource\",\"file\":\"/f\","
                                     "\"topic\":\"t\",\"tasks.max\":1,\"transforms\":\"s\","
                                     "\"transforms.s.type\":\"Sieve\",\"transforms.s.by\":3}");
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(answer, "infos"), "error_count")), 0);
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(answer, "infos"), "name")), "FileStreamSource");
    cr_assert(info(answer, "transforms.s.by"));
    cr_assert_eq(json_array_size(json_object_get(answer, "warnings")), 0);
    json_decref(answer);
}

Test(probe, every_error_is_at_its_key)
{
    json_t *answer = validate("source-lines",
                              "{\"name\":\"c\",\"connector.class\":\"source-lines\",\"file\":null,\"topic\":[],"
                              "\"tasks.max\":\"x\",\"transforms\":\"s,t\",\"transforms.s.type\":\"test-sieve\","
                              "\"transforms.s.by\":\"0\",\"transforms.t.type\":\"nobody\",\"transforms.s.odd\":\"1\","
                              "\"transforms.s.predicate\":\"p\",\"what.is\":\"this\"}");
    static const char *const bad[] = {
        "file", "topic", "tasks.max", "transforms.s.by", "transforms.t.type", "transforms.s.predicate"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_geq(n_errors(answer, bad[i]), 1, "%s", bad[i]);
    }
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(answer, "infos"), "error_count")), 7,
                 "tasks.max has two, as in Connect");
    cr_assert_eq(json_array_size(json_object_get(answer, "warnings")), 2, "what.is and transforms.s.odd");
    cr_assert_null(info(answer, "what.is"));
    json_decref(answer);
}

Test(probe, unknown_class_says_what_there_is)
{
    json_t *answer = validate("nobody", "{}");
    const char *message = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
    cr_assert(strstr(message, "Failed to find any class that implements Connector and which name matches nobody"));
    cr_assert(strstr(message, "source-lines"));
    json_decref(answer);
    answer = validate("test-sieve", "{}");
    cr_assert(json_object_get(answer, "error"), "a transformation is no connector");
    json_decref(answer);
}

Test(probe, nonsense_is_answered)
{
    static const char *const requests[] = {
        "", "{", "[]", "{}", "{\"do\":\"dance\"}", "{\"do\":\"validate\"}", "{\"do\":\"describe\",\"plugin\":5}"};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        json_t *answer = ask(requests[i]);
        cr_assert(json_object_get(answer, "error"), "%s", requests[i]);
        json_decref(answer);
    }
}
