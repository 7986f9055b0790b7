/* What workers tell is kept only in the agreed form, and survives the store. */
#include "seen.h"

#include <criterion/criterion.h>
#include <string.h>

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    cr_assert_not_null(json);
    return json;
}

static bool offsets(struct seen *s, const char *text)
{
    json_t *json = parse(text);
    bool ok = seen_offsets(s, json);
    json_decref(json);
    return ok;
}

static bool topics(struct seen *s, const char *text, bool *changed)
{
    json_t *json = parse(text);
    *changed = false;
    bool ok = seen_topics(s, json, changed);
    json_decref(json);
    return ok;
}

Test(seen, round_trip)
{
    struct seen a = {0}, b = {0};
    bool changed;
    cr_assert(offsets(&a, "[{\"partition\":{\"server\":\"x\"},\"offset\":{\"lsn\":12}}]"));
    cr_assert(topics(&a, "[\"t1\",\"t2\"]", &changed));
    cr_assert(changed && a.dirty);
    cr_assert(seen_flushed(&a, "src", "src/1", 7));
    cr_assert(seen_flushed(&a, "other", "other/1", 9));
    cr_assert(seen_flushed(&a, "src", "src/1", 8));
    seen_log(&a, 0, 4096);
    json_t *json = seen_json(&a);
    seen_load(&b, json);
    cr_assert_not(b.dirty);
    cr_assert(b.log_known && b.log_bytes == 0 && b.log_disk_bytes == 4096);
    cr_assert_eq(b.n_topics, 2);
    cr_assert_str_eq(b.topics[1], "t2");
    cr_assert_eq(b.n_flushed, 2);
    cr_assert_eq(b.flushed[0].offset, 8);
    cr_assert(json_equal(a.offsets, b.offsets));
    json_decref(json);
    seen_finish(&a);
    seen_finish(&b);
}

Test(seen, a_stream_made_anew_replaces_what_was_said_of_the_old_one)
{
    struct seen s = {0};
    cr_assert(seen_flushed(&s, "src", "src/1", 1000));
    cr_assert(seen_flushed(&s, "src", "src/2", 3));
    cr_assert_eq(s.n_flushed, 1);
    cr_assert_str_eq(s.flushed[0].id, "src/2");
    cr_assert_eq(s.flushed[0].offset, 3);
    seen_forget_flushed(&s);
    cr_assert_eq(s.n_flushed, 0);
    seen_finish(&s);
}

Test(seen, wrong_forms_change_nothing)
{
    static const char *const bad_offsets[] = {
        "{}",   "[1]", "[{\"partition\":1,\"offset\":{}}]", "[{\"offset\":{}}]", "[{\"partition\":{},\"offset\":3}]",
        "\"x\""};
    static const char *const bad_topics[] = {"{}", "[1]", "[\"a\",null]", "[\"\"]", "3"};
    struct seen s = {0};
    bool changed;
    for (size_t i = 0; i < sizeof bad_offsets / sizeof bad_offsets[0]; i++) {
        cr_assert_not(offsets(&s, bad_offsets[i]), "%s", bad_offsets[i]);
    }
    for (size_t i = 0; i < sizeof bad_topics / sizeof bad_topics[0]; i++) {
        cr_assert_not(topics(&s, bad_topics[i], &changed), "%s", bad_topics[i]);
    }
    cr_assert_not(seen_flushed(&s, NULL, "x", 1));
    cr_assert_not(s.dirty);
    json_t *json = parse("{\"offsets\":3,\"topics\":{},\"flushed\":[{\"stream\":1},{\"offset\":-1},7]}");
    seen_load(&s, json);
    cr_assert(s.n_flushed == 0 && s.n_topics == 0 && !s.offsets);
    json_decref(json);
    seen_finish(&s);
}

Test(seen, the_same_again_is_no_news)
{
    struct seen s = {0};
    bool changed;
    cr_assert(topics(&s, "[\"t\"]", &changed) && changed);
    cr_assert(offsets(&s, "[]"));
    s.dirty = false;
    cr_assert(topics(&s, "[\"t\"]", &changed) && !changed);
    cr_assert(offsets(&s, "[]"));
    cr_assert_not(s.dirty);
    seen_finish(&s);
}

Test(seen, altered_and_reset_offsets_show_at_once)
{
    struct seen s = {0};
    json_t *list = parse("[{\"partition\":{\"p\":1},\"offset\":{\"o\":5}},{\"partition\":{\"p\":3},\"offset\":null}]");
    json_t *wanted =
        parse("[{\"partition\":{\"p\":2},\"offset\":{\"o\":2}},{\"partition\":{\"p\":1},\"offset\":{\"o\":5}}]");
    cr_assert(offsets(&s,
                      "[{\"partition\":{\"p\":1},\"offset\":{\"o\":1}},{\"partition\":{\"p\":2},\"offset\":{\"o\":2}},"
                      "{\"partition\":{\"p\":3},\"offset\":{\"o\":3}}]"));
    seen_changed_offsets(&s, list);
    cr_assert(json_equal(s.offsets, wanted));
    seen_changed_offsets(&s, NULL);
    cr_assert_eq(json_array_size(s.offsets), 0);
    json_decref(list);
    json_decref(wanted);
    seen_finish(&s);
}
