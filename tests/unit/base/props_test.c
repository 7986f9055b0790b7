#include "props.h"

#include <criterion/criterion.h>
#include <string.h>

static struct hp_error err = {.size = sizeof err};

/* Expected values are those of java.util.Properties for the same text. */
static const struct {
    const char *text, *key, *value;
} cases[] = {
    {"a=1", "a", "1"},
    {"a:1", "a", "1"},
    {"a 1", "a", "1"},
    {"a\t=\t1", "a", "1"},
    {"a = = b", "a", "= b"},
    {"a  :  b  ", "a", "b  "},
    {"  a=1", "a", "1"},
    {"a", "a", ""},
    {"a=", "a", ""},
    {"=b", "", "b"},
    {"a\\ b=c", "a b", "c"},
    {"a\\:b=c", "a:b", "c"},
    {"a\\=b=c", "a=b", "c"},
    {"a=b\\\n   c", "a", "bc"},
    {"a=b\\\r\n c", "a", "bc"},
    {"a\\\nb=c", "ab", "c"},
    {"a=\\\n\\\n x", "a", "x"},
    {"a=b\\\\", "a", "b\\"},
    {"a=b\\\\\nc=d", "c", "d"},
    {"a=\\t\\n\\r\\f\\x", "a", "\t\n\r\fx"},
    {"a=\\u00e9", "a", "\xc3\xa9"},
    {"a=\\ud83d\\ude00", "a", "\xf0\x9f\x98\x80"},
    {"# a=1\n! b=2\nc=3", "c", "3"},
    {"a=1 # not a comment", "a", "1 # not a comment"},
    {"# joined \\\na=1", "a", "1"},
    {"a=1\na=2", "a", "2"},
    {"\n\n\r\n  \t\na=1\r", "a", "1"},
    {"a=b\\", "a", "b"},
    {"a \\\n = b", "a", "b"},
};

Test(props, like_java)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct props p;
        props_init(&p);
        cr_assert_eq(props_parse(&p, cases[i].text, strlen(cases[i].text), &err), HP_OK, "%s: %s", cases[i].text,
                     err.message);
        cr_assert(props_get(&p, cases[i].key), "%s", cases[i].text);
        cr_assert_str_eq(props_get(&p, cases[i].key), cases[i].value, "%s", cases[i].text);
        props_finish(&p);
    }
}

Test(props, errors_name_the_line)
{
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {
        {"a=1\nb=\\u12", 10}, {"a=1\n\\uzzzz=", 11}, {"a=1\nb=\\ud800", 12}, {"a=1\nb=\0", 7}, {"a=1\nb=\\u0000", 12}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct props p;
        props_init(&p);
        cr_assert_eq(props_parse(&p, bad[i].text, bad[i].len, &err), HP_ERROR, "%zu", i);
        cr_assert(strstr(err.message, "line 2"), "%s", err.message);
        cr_assert_eq(err.klass, HP_ERROR_CONFIG);
        props_finish(&p);
    }
}

Test(props, a_map_in_order)
{
    struct props p, q;
    props_init(&p);
    props_init(&q);
    cr_assert(props_set(&p, "b", "1") && props_set(&p, "a", "2") && props_set(&p, "c", "3") && props_set(&p, "b", "4"));
    cr_assert_eq(p.n, 3);
    cr_assert_str_eq(p.entries[0].value, "4");
    cr_assert(props_remove(&p, "a"));
    cr_assert_not(props_remove(&p, "a"));
    cr_assert_null(props_get(&p, "a"));
    cr_assert(props_copy(&q, &p));
    cr_assert_str_eq(q.entries[1].key, "c");
    props_finish(&p);
    props_finish(&q);
}
