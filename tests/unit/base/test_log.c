#include "tests/lib/test.h"

#include "common/base/log.h"

static void a_record_is_one_line_of_logfmt_or_json(void **state UNUSED)
{
    const struct log_kv kv[] = {
        KV("peer", "eu-2"),
        KV("incarnation", 4),
        KV("big", UINT64_MAX),
        KV("small", INT64_MIN),
        KV("on", (bool)true),
        KV("empty", STR("")),
        KV("missing", (const char *)NULL),
        KV("spaced", STR("a b")),
        KV("forged", STR("x\nlevel=error")),
        KV("quote", STR("say \"hi\"")),
        KV("equals", STR("a=b")),
        KV("umlaut", STR("\xC3\xA4")),
        KV("bytes", STR("\xFF")),
    };
    const struct log_record r = {.level = LOG_WARN,
                                 .component = "gossip",
                                 .msg = "peer suspected",
                                 .kv = kv,
                                 .kv_n = ARRAY_SIZE(kv)};
    struct buf b;

    buf_init(&b, 0);
    log_format_logfmt(&b, 1795372684123, &r);
    assert_str_eq(buf_str(&b),
                  "ts=2026-11-22T18:38:04.123Z level=warn component=gossip msg=\"peer suspected\" "
                  "peer=eu-2 incarnation=4 big=18446744073709551615 small=-9223372036854775808 "
                  "on=true empty=\"\" missing=\"\" spaced=\"a b\" forged=\"x\\nlevel=error\" "
                  "quote=\"say \\\"hi\\\"\" equals=\"a=b\" umlaut=\xC3\xA4 bytes=\"\\xff\"\n");
    buf_reset(&b);
    log_format_json(&b, 1795372684123, &r);
    assert_str_eq(
        buf_str(&b),
        "{\"ts\":\"2026-11-22T18:38:04.123Z\",\"level\":\"warn\",\"component\":\"gossip\","
        "\"msg\":\"peer suspected\",\"peer\":\"eu-2\",\"incarnation\":4,"
        "\"big\":18446744073709551615,\"small\":-9223372036854775808,\"on\":true,"
        "\"empty\":\"\",\"missing\":\"\",\"spaced\":\"a b\",\"forged\":\"x\\nlevel=error\","
        "\"quote\":\"say \\\"hi\\\"\",\"equals\":\"a=b\",\"umlaut\":\"\xC3\xA4\","
        "\"bytes\":\"\\ufffd\"}\n");
    buf_clear(&b);
}

static void levels_have_names(void **state UNUSED)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    enum log_level level = LOG_WARN;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_true(log_level_parse(str_from(names[i]), &level));
        assert_int_equal(level, i);
        assert_string_equal(log_level_name(level), names[i]);
    }
    assert_false(log_level_parse(STR("WARN"), &level));
    assert_false(log_level_parse(STR(""), &level));
    assert_int_equal(level, LOG_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_one_line_of_logfmt_or_json),
        cmocka_unit_test(levels_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
