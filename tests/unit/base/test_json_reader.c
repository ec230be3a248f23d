#include "tests/lib/test.h"

#include "common/base/json_reader.h"

static void a_known_shape_is_read_in_place(void **state UNUSED)
{
    struct str text =
        STR(" {\"a\" : [1, \"x\", \"\\u00e4\"], \"b\":{\"skipped\":[{}, null]}, \"c\":true}x");
    struct arena *a = arena_new(0);
    struct json_reader r;
    struct str key, s;
    bool whole;

    json_reader_init(&r, text, false);
    assert_int_equal(json_reader_kind(&r), JSON_OBJECT);
    json_reader_open(&r);
    assert_true(json_reader_key(&r, &key));
    assert_str_eq(key, "a");
    assert_int_equal(json_reader_kind(&r), JSON_ARRAY);
    json_reader_open(&r);
    assert_true(json_reader_more(&r));
    assert_int_equal(json_reader_kind(&r), JSON_NUMBER);
    assert_str_eq(json_reader_number(&r, &whole), "1");
    assert_true(whole);
    assert_true(json_reader_more(&r));
    assert_int_equal(json_reader_kind(&r), JSON_STRING);
    s = json_reader_str(&r, a);
    assert_str_eq(s, "x");
    assert_true(s.p > text.p && s.p < text.p + text.n);
    assert_true(json_reader_more(&r));
    assert_int_equal(json_reader_kind(&r), JSON_STRING);
    s = json_reader_str(&r, a);
    assert_false(json_reader_more(&r));
    assert_true(json_reader_key(&r, &key));
    json_reader_skip(&r);
    assert_true(json_reader_key(&r, &key));
    assert_str_eq(key, "c");
    assert_int_equal(json_reader_kind(&r), JSON_BOOL);
    assert_true(json_reader_bool(&r));
    assert_false(json_reader_key(&r, &key));
    assert_null(r.fault);
    assert_true(json_reader_has_more(&r));
    assert_str_eq(s, "\xC3\xA4"); /* a copy: other strings have been read since */
    json_reader_clear(&r);
    arena_free(a);
}

/* Skipping looks at a value as closely as reading it. */
static void what_is_skipped_is_checked(void **state UNUSED)
{
    static const char *const bad[] = {
        "[1",
        "[1,]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":1,}",
        "{1:2}",
        "nul",
        "tru",
        "01",
        "\"\\x\"",
        "\"\n\"",
        "\"\\ud800\"",
        "[[[[[[[[[[[[[[[[[",
        "{\"\\u0000\":1}",
        "",
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct json_reader r;

        json_reader_init(&r, str_from(bad[i]), false);
        json_reader_skip(&r);
        if (r.fault == NULL)
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(json_reader_kind(&r), JSON_END);
        json_reader_clear(&r);
    }
}

/* A quote, an escape or a control character is found wherever in a long string it stands. */
static void every_position_of_a_string_is_looked_at(void **state UNUSED)
{
    char text[72];

    for (size_t at = 1; at < 64; at++) {
        struct json_reader r;

        memset(text, 'x', sizeof(text));
        text[0] = '"';
        text[at] = '"';
        json_reader_init(&r, (struct str){.p = text, .n = sizeof(text)}, false);
        assert_int_equal(json_reader_str(&r, NULL).n, at - 1);
        json_reader_clear(&r);

        text[at] = '\x1f';
        text[70] = '"';
        json_reader_init(&r, (struct str){.p = text, .n = sizeof(text)}, false);
        (void)json_reader_str(&r, NULL);
        assert_non_null(r.fault);
        assert_ptr_equal(r.at, text + at);
        json_reader_clear(&r);

        text[at] = '\xC3'; /* above 0x7f: not a control */
        text[at + 1] = '\xA4';
        json_reader_init(&r, (struct str){.p = text, .n = sizeof(text)}, false);
        assert_int_equal(json_reader_str(&r, NULL).n, 69);
        json_reader_clear(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_shape_is_read_in_place),
        cmocka_unit_test(what_is_skipped_is_checked),
        cmocka_unit_test(every_position_of_a_string_is_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
