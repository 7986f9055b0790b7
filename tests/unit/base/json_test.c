#include "buf.h"
#include "json.h"
#include "props.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct hp_error err = {.size = sizeof err};

static bool parses(const char *text)
{
    json_t *json = json_parse(text, strlen(text), &err);
    json_decref(json);
    return json != NULL;
}

Test(json, limits_of_SEC_13)
{
    char deep[200];
    struct buf wide;
    memset(deep, 0, sizeof deep);
    memset(deep, '[', 32);
    memset(deep + 32, ']', 32);
    cr_assert(parses(deep));
    memset(deep, '[', 33);
    memset(deep + 33, ']', 33);
    cr_assert_not(parses(deep));
    cr_assert(strstr(err.message, "column 33"), "%s", err.message);
    cr_assert_not(parses("{\"a\":1,\"a\":2}"));
    cr_assert_not(parses("\"a\\u0000b\""));
    cr_assert_not(parses("\"\xff\""));
    cr_assert_not(parses("1e999999"));
    cr_assert_not(parses(""));
    cr_assert_not(parses("{} x"));
    cr_assert(parses("null"));
    cr_assert(parses("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\""));
    buf_init(&wide, 1 << 20);
    buf_putc(&wide, '[');
    for (int i = 0; i < 10000; i++) {
        buf_puts(&wide, i ? ",1" : "1");
    }
    buf_puts(&wide, "]");
    cr_assert(parses((char *)wide.data));
    wide.len--;
    buf_puts(&wide, ",1]");
    cr_assert_not(parses((char *)wide.data));
    buf_finish(&wide);
    cr_assert_not(parses("{\n\"a\": tru}"));
    cr_assert(strstr(err.message, "line 2"), "%s", err.message);
}

Test(json, escape)
{
    struct buf out;
    buf_init(&out, 1000);
    json_escape(&out, "a\"\\\n\x01\x7f\xc3\xa9\xff\xed\xa0\x80\xf0\x9f\x98\x80", 16);
    cr_assert_str_eq(
        (char *)out.data,
        "\"a\\\"\\\\\\n\\u0001\x7f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80\"");
    buf_reset(&out);
    json_escape(&out, "a\0b", 3);
    cr_assert_str_eq((char *)out.data, "\"a\\u0000b\"");
    buf_reset(&out);
    json_escape(&out, NULL, 0);
    cr_assert_str_eq((char *)out.data, "\"\"");
    buf_finish(&out);
}

Test(json, what_others_said_is_a_string_in_any_case)
{
    static const char *const said[][2] = {{"plain", "plain"},
                                          {"\xc3\xa9", "\xc3\xa9"},
                                          {"f\xfcr", "f\xef\xbf\xbdr"},
                                          {"cut \xc3", "cut \xef\xbf\xbd"},
                                          {"", ""}};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        json_t *json = json_said(said[i][0]);
        cr_assert_str_eq(json_string_value(json), said[i][1]);
        json_decref(json);
    }
}

Test(json, props_both_ways)
{
    struct props p;
    static const char four[] = "{\"b\":\"x\",\"a\":1,\"c\":true,\"d\":1.5}";
    json_t *json = json_parse(four, strlen(four), &err), *back;
    char *text;
    props_init(&p);
    cr_assert(json, "%s", err.message);
    cr_assert_eq(json_to_props(json, &p, &err), HP_OK);
    cr_assert_eq(p.n, 4);
    cr_assert_str_eq(props_get(&p, "a"), "1");
    cr_assert_str_eq(props_get(&p, "c"), "true");
    back = json_from_props(&p);
    text = json_text(back);
    cr_assert_str_eq(text, "{\"b\":\"x\",\"a\":\"1\",\"c\":\"true\",\"d\":\"1.5\"}");
    free(text);
    json_decref(back);
    json_decref(json);
    json = json_parse("{\"k\":{}}", 8, &err);
    cr_assert_eq(json_to_props(json, &p, &err), HP_ERROR);
    cr_assert(strstr(err.message, "\"k\""));
    json_decref(json);
    json = json_parse("[]", 2, &err);
    cr_assert_eq(json_to_props(json, &p, &err), HP_ERROR);
    json_decref(json);
    props_finish(&p);
}
