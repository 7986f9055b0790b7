/* control_test.c: the start message, there and back. */
#include "control.h"
#include "json.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct control_start sample(void)
{
    struct control_start s;
    struct hp_error err = {.size = sizeof err};
    memset(&s, 0, sizeof s);
    s.op = strdup("run");
    s.connector = strdup("a \"b\"\n\xc3\xa4");
    s.kind = strdup("source");
    s.plugin = strdup("/p.so");
    s.dialect = strdup("source-pg");
    s.plugin_path = strdup("/a,/b");
    s.data_dir = strdup("/d");
    props_init(&s.config);
    props_init(&s.settings);
    (void)props_set(&s.config, "k", "v");
    (void)props_set(&s.settings, "max.record.bytes", "5");
    s.epoch = 7;
    s.floor = -1;
    s.floor_topics = 3;
    s.paused = true;
    s.offsets = json_parse("[1]", 3, &err);
    return s;
}

Test(control, start_survives_the_way)
{
    struct control_start s = sample(), t;
    struct hp_error err = {.size = sizeof err};
    char *line;
    json_t *json;
    cr_assert_eq(control_start_encode(&s, &line, &err), HP_OK);
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
    json = json_parse(line, strlen(line), &err);
    cr_assert_eq(control_start_decode(json, &t, &err), HP_OK, "%s", err.message);
    cr_assert_str_eq(t.connector, s.connector);
    cr_assert_str_eq(t.data_dir, "/d");
    cr_assert_str_eq(props_get(&t.config, "k"), "v");
    cr_assert_eq(t.epoch, 7);
    cr_assert_eq(t.floor, -1);
    cr_assert_eq(t.floor_topics, 3);
    cr_assert(t.paused);
    cr_assert_eq(json_array_size(t.offsets), 1);
    json_decref(json);
    free(line);
    control_start_finish(&s);
    control_start_finish(&t);
}

Test(control, a_missing_or_odd_member_is_refused)
{
    static const char *const members[] = {"op",          "connector", "kind",    "plugin",       "dialect",
                                          "plugin_path", "epoch",     "floor",   "floor_topics", "paused",
                                          "config",      "settings",  "data_dir"};
    struct control_start s = sample(), t;
    struct hp_error err = {.size = sizeof err};
    char *line;
    cr_assert_eq(control_start_encode(&s, &line, &err), HP_OK);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *json = json_parse(line, strlen(line), &err);
        json_object_set_new(json, members[i], json_array());
        cr_assert_eq(control_start_decode(json, &t, &err), HP_ERROR, "%s", members[i]);
        json_object_del(json, members[i]);
        cr_assert_eq(control_start_decode(json, &t, &err), HP_ERROR, "%s", members[i]);
        json_decref(json);
    }
    free(line);
    control_start_finish(&s);
}
