#include "tests/lib/test.h"

#include "common/base/json.h"
#include "common/base/utf8.h"

#include <errno.h>

#define DEEP_16 "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"

/* json-c's own rendering of what was parsed; "error N" for what was not. */
static void assert_parses(struct str text, struct json_opt opt, const char *want)
{
    struct json_object *o = NULL;
    struct err err = {0};
    int r = json_parse(text, opt, &o, &err);
    char got[512];

    if (r == 0)
        (void)snprintf(got, sizeof(got), "%s",
                       json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
    else
        (void)snprintf(got, sizeof(got), "error %s", strerror(-r));
    if (strcmp(got, want) != 0)
        fail_msg("%.*s\ngot  %s (%s)\nwant %s", STR_ARG(text), got, err.text, want);
    if (r < 0)
        assert_non_null(strstr(err.text, "JSON"));
    json_object_put(o);
}

static void texts_that_are_json(void **state UNUSED)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"null", "null"},
        {" true\n", "true"},
        {"0", "0"},
        {"-0", "0"},
        {"-12", "-12"},
        {"1.5e+10", "1.5e+10"},
        {"0.1E-2", "0.1E-2"},
        {"\"\"", "\"\""},
        {"[]", "[]"},
        {"{\"a\":[1,{\"b\":null}],\"c\":\"\\/\\u00e4\\t\"}",
         "{\"a\":[1,{\"b\":null}],\"c\":\"/\xC3\xA4\\t\"}"},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
        {"\"\\ud83d\\ude42\"", "\"\xF0\x9F\x99\x82\""},
        {"\"a\\u0000b\"", "\"a\\u0000b\""},
        {"\"NaN Infinity 1. -01 \\\" /* \"", "\"NaN Infinity 1. -01 \\\" /* \""},
        {"{\"\":1}", "{\"\":1}"},
        {DEEP_16, DEEP_16},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct json_object *o = NULL;
        struct str text = str_from(cases[i].text);

        assert_int_equal(json_parse(text, (struct json_opt){0}, &o, NULL), 0);
        assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE),
                            cases[i].want);
        json_object_put(o);
    }
}

static void texts_that_are_not(void **state UNUSED)
{
    static const struct str cases[] = {
        STR_INIT(""),
        STR_INIT(" "),
        STR_INIT("nul"),
        STR_INIT("nullx"),
        STR_INIT("TRUE"),
        STR_INIT("NaN"),
        STR_INIT("-NaN"),
        STR_INIT("Infinity"),
        STR_INIT("[-Infinity]"),
        STR_INIT("01"),
        STR_INIT("-01"),
        STR_INIT("[-01]"),
        STR_INIT("1."),
        STR_INIT("[1.]"),
        STR_INIT(".5"),
        STR_INIT("+1"),
        STR_INIT("-"),
        STR_INIT("1e"),
        STR_INIT("1e+"),
        STR_INIT("1 2"),
        STR_INIT("{}{}"),
        STR_INIT("[1]]"),
        STR_INIT("[1,]"),
        STR_INIT("[,]"),
        STR_INIT("{\"a\":1,}"),
        STR_INIT("{a:1}"),
        STR_INIT("{\"a\" 1}"),
        STR_INIT("{\"a\":}"),
        STR_INIT("{1:2}"),
        STR_INIT("'a'"),
        STR_INIT("\"abc"),
        STR_INIT("\"\\"),
        STR_INIT("\"\\q\""),
        STR_INIT("\"\\u12\""),
        STR_INIT("\"\\u00G0\""),
        STR_INIT("\"a\nb\""),
        STR_INIT("\"12345678\t\""),
        STR_INIT("\"\x01\""),
        STR_INIT("\"a\0b\""),
        STR_INIT("{}\0"),
        STR_INIT("{}\0x"),
        STR_INIT("[1,\0 2]"),
        STR_INIT("/**/1"),
        STR_INIT("[1,2"),
        STR_INIT("{"),
        STR_INIT("\xEF\xBB\xBF{}"),
        STR_INIT("{\"a\\u0000b\":1}"),
        STR_INIT("{\"a\\u0000b\" \n:1}"),
        STR_INIT("\v1"),
        STR_INIT("\"\\ud800\""),
        STR_INIT("\"\\ud800\\u0041\""),
        STR_INIT("\"\\udc00\\ud800\""),
        STR_INIT("\"\\ud800"),
        STR_INIT("\"\\ud800\\udc"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_parses(cases[i], (struct json_opt){0}, "error Invalid argument");
    assert_parses(STR("[" DEEP_16 "]"), (struct json_opt){0}, "error Argument list too long");
    assert_parses(STR("\"\xFF\""), (struct json_opt){0},
                  "error Invalid or incomplete multibyte or wide character");
}

/* What Go's decoder makes of broken text. */
static void repair_makes_replacement_characters(void **state UNUSED)
{
    static const struct {
        struct str text;
        const char *want;
    } cases[] = {
        {STR_INIT("\"a\xFF\xC3(b\""), "\"a\xEF\xBF\xBD\xEF\xBF\xBD(b\""},
        {STR_INIT("\"\xED\xA0\x80\""), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {STR_INIT("\"\\ud800\""), "\"\xEF\xBF\xBD\""},
        {STR_INIT("\"\\udc00x\""), "\"\xEF\xBF\xBDx\""},
        {STR_INIT("\"\\ud800\\u0041\""), "\"\xEF\xBF\xBD"
                                         "A\""},
        {STR_INIT("\"\\ud800\\ud83d\\ude42\""), "\"\xEF\xBF\xBD\xF0\x9F\x99\x82\""},
        {STR_INIT("\"\\ud800\\n\""), "\"\xEF\xBF\xBD\\n\""},
        {STR_INIT("\"\\ud800\\udc\""), "error Invalid argument"},
        {STR_INIT("\"\\ud800z\\ude42\""), "\"\xEF\xBF\xBDz\xEF\xBF\xBD\""},
        {STR_INIT("{} \xFF"), "error Invalid argument"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_parses(cases[i].text, (struct json_opt){.repair_utf8 = true}, cases[i].want);
}

static void what_trails_may_be_ignored(void **state UNUSED)
{
    static const struct {
        struct str text;
        const char *want;
    } cases[] = {
        {STR_INIT("[1] x"), "[1]"},
        {STR_INIT("[1]]"), "[1]"},
        {STR_INIT("[1] NaN \"\n"), "[1]"},
        {STR_INIT("\"a\" \"\x01"), "\"a\""},
        {STR_INIT("{}\0\xC3\xA4"), "{}"},
        {STR_INIT("7 01"), "7"},
        {STR_INIT("[01] x"), "error Invalid argument"},
        {STR_INIT(" "), "error Invalid argument"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_parses(cases[i].text, (struct json_opt){.ignore_trailing = true}, cases[i].want);
}

static void look_ups_check_the_type(void **state UNUSED)
{
    struct str s = STR("preset"),
               text = STR("{\"s\":\"a\\u0000b\",\"i\":-5,\"u\":9223372036854775808,"
                          "\"b\":true,\"a\":[1],\"o\":{},\"n\":null,\"d\":1.0,"
                          "\"huge\":99999999999999999999,"
                          "\"low\":-99999999999999999999}");
    struct json_object *o = NULL, *got = NULL;
    struct err err;
    int64_t i = 42;
    uint64_t u = 42;
    bool b = false;

    assert_int_equal(json_parse(text, (struct json_opt){0}, &o, NULL), 0);
    assert_int_equal(json_get_str(o, "absent", &s, &err), 0);
    assert_int_equal(json_get_str(o, "n", &s, &err), 0);
    assert_str_eq(s, "preset");
    assert_int_equal(json_get_str(o, "s", &s, &err), 0);
    assert_int_equal(s.n, 3);
    assert_int_equal(json_get_str(o, "i", &s, &err), -EINVAL);
    assert_string_equal(err.text, "\"i\" must be a string");
    assert_int_equal(json_get_i64(o, "d", &i, &err), -EINVAL);
    assert_int_equal(json_get_i64(o, "u", &i, &err), -ERANGE);
    assert_int_equal(json_get_i64(o, "huge", &i, &err), -ERANGE);
    assert_int_equal(json_get_i64(o, "low", &i, &err), -ERANGE);
    assert_int_equal(json_get_u64(o, "i", &u, &err), -ERANGE);
    assert_int_equal(json_get_u64(o, "huge", &u, &err), -ERANGE);
    assert_int_equal(json_get_bool(o, "i", &b, &err), -EINVAL);
    assert_int_equal(json_get_array(o, "o", &got, &err), -EINVAL);
    assert_int_equal(json_get_object(o, "a", &got, &err), -EINVAL);
    assert_true(i == 42 && u == 42 && !b && got == NULL);
    assert_int_equal(json_get_i64(o, "i", &i, &err), 0);
    assert_int_equal(json_get_u64(o, "u", &u, &err), 0);
    assert_int_equal(json_get_bool(o, "b", &b, &err), 0);
    assert_true(i == -5 && u == UINT64_C(9223372036854775808) && b);
    assert_int_equal(json_get_array(o, "a", &got, &err), 0);
    assert_int_equal(json_get_str(got, "s", &s, &err), 0); /* no object: nothing is in it */
    assert_int_equal(json_get_object(o, "o", &got, &err), 0);
    assert_true(json_object_is_type(got, json_type_object));
    json_object_put(o);
}

static void keys_are_found_in_any_case(void **state UNUSED)
{
    struct json_object *o = NULL;

    assert_int_equal(
        json_parse(STR("{\"startsat\":1,\"STARTSAT\":2,\"endsAt\":3,\"ENDSAT\":4,\"x\":null}"),
                   (struct json_opt){0}, &o, NULL),
        0);
    assert_int_equal(json_object_get_int(json_find_nocase(o, "startsAt")), 2);
    assert_int_equal(json_object_get_int(json_find_nocase(o, "endsAt")), 3);
    assert_null(json_find_nocase(o, "X"));
    assert_null(json_find_nocase(o, "y"));
    assert_null(json_find_nocase(json_find_nocase(o, "endsAt"), "y"));
    assert_null(json_find_nocase(NULL, "y"));
    json_object_put(o);
}

static void strings_are_escaped_as_go_does(void **state UNUSED)
{
    static const struct {
        struct str text;
        const char *want;
    } cases[] = {
        {{.p = NULL, .n = 0}, "\"\""},
        {STR_INIT("plain text of more than sixteen bytes"),
         "\"plain text of more than sixteen bytes\""},
        {STR_INIT("\b\t\n\f\r\"\\/'\x7F"), "\"\\b\\t\\n\\f\\r\\\"\\\\/'\x7F\""},
        {STR_INIT("\0\x01\x1F"), "\"\\u0000\\u0001\\u001f\""},
        {STR_INIT("<a href=\"x\">&</a>"),
         "\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u003c/a\\u003e\""},
        {STR_INIT("\xC3\xA4\xF0\x9F\x99\x82\xEF\xBF\xBD"),
         "\"\xC3\xA4\xF0\x9F\x99\x82\xEF\xBF\xBD\""},
        {STR_INIT("\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xA7"), "\"\\u2028\\u2029\xE2\x80\xA7\""},
        {STR_INIT("a\xFF\xC3"), "\"a\\ufffd\\ufffd\""},
    };
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct json_writer w;

        buf_reset(&b);
        json_writer_init(&w, &b);
        json_add_str(&w, cases[i].text);
        assert_str_eq(buf_str(&b), cases[i].want);
    }
    buf_clear(&b);
}

/* Every byte at every place of a text longer than a vector, against a plain reader. */
static void every_string_comes_back(void **state UNUSED)
{
    struct buf b;

    buf_init(&b, 0);
    for (int c = 0; c < 0x80; c++) {
        for (size_t at = 0; at < 35; at++) {
            struct json_object *o = NULL;
            struct json_writer w;
            char text[35];

            memset(text, 'x', sizeof(text));
            text[at] = (char)c;
            buf_reset(&b);
            json_writer_init(&w, &b);
            json_add_str(&w, (struct str){.p = text, .n = sizeof(text)});
            assert_int_equal(json_parse(buf_str(&b), (struct json_opt){0}, &o, NULL), 0);
            assert_true(str_eq(json_str(o), (struct str){.p = text, .n = sizeof(text)}));
            json_object_put(o);
        }
    }
    buf_clear(&b);
}

static void the_writer_puts_commas_and_colons(void **state UNUSED)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_str(&w, "s", STR("x"));
    json_put_i64(&w, "i", -1);
    json_put_u64(&w, "u", 2);
    json_put_bool(&w, "b", false);
    json_put_time(&w, "t", 0);
    json_put_raw(&w, "r", STR("[0]"));
    json_key(&w, "a");
    json_open_array(&w);
    json_open_object(&w);
    json_close_object(&w);
    json_open_array(&w);
    json_close_array(&w);
    json_add_null(&w);
    json_add_bool(&w, true);
    json_close_array(&w);
    json_key_str(&w, STR("k\"1"));
    json_open_object(&w);
    json_close_object(&w);
    json_close_object(&w);
    assert_str_eq(buf_str(&b),
                  "{\"s\":\"x\",\"i\":-1,\"u\":2,\"b\":false,\"t\":\"1970-01-01T00:00:00.000Z\","
                  "\"r\":[0],\"a\":[{},[],null,true],\"k\\\"1\":{}}");
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_json),
        cmocka_unit_test(texts_that_are_not),
        cmocka_unit_test(repair_makes_replacement_characters),
        cmocka_unit_test(what_trails_may_be_ignored),
        cmocka_unit_test(look_ups_check_the_type),
        cmocka_unit_test(keys_are_found_in_any_case),
        cmocka_unit_test(strings_are_escaped_as_go_does),
        cmocka_unit_test(every_string_comes_back),
        cmocka_unit_test(the_writer_puts_commas_and_colons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
