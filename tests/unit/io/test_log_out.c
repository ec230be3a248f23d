#include "common/io/log_out.h"

#include "tests/lib/test.h"

#include <unistd.h>

#define LOG_COMPONENT "test"

static int ends[2];

static int set_up(void **state UNUSED)
{
    assert_int_equal(pipe(ends), 0);
    log_out_set_fd(ends[1]);
    log_out_setup(LOG_INFO, LOG_OUT_LOGFMT);
    return 0;
}

static int tear_down(void **state UNUSED)
{
    log_out_set_fd(STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static size_t read_some(char *p, size_t size)
{
    ssize_t n = read(ends[0], p, size - 1);

    assert_true(n > 0);
    p[n] = '\0';
    return (size_t)n;
}

static void a_record_is_a_line_above_the_level(void **state UNUSED)
{
    char line[512];

    log_debug("not wanted");
    log_info("peer joined", KV("peer", "eu-2"), KV("n", 3));
    (void)read_some(line, sizeof(line));
    assert_non_null(strstr(line, "level=info component=test msg=\"peer joined\" peer=eu-2 n=3\n"));
    assert_null(strstr(line, "not wanted"));
    log_out_setup(LOG_WARN, LOG_OUT_JSON);
    log_info("no");
    log_error("bare");
    (void)read_some(line, sizeof(line));
    assert_int_equal(line[0], '{');
    assert_non_null(strstr(line, "bare"));
}

/* Nobody reads: the call returns all the same, and says later how much was dropped. Every line that
 * comes out is whole. */
static void a_full_pipe_drops_and_counts(void **state UNUSED)
{
    static char text[MIB(1)];
    char big[2000];
    struct log_out_stats before;
    struct log_out_stats after;
    size_t n = 0;
    size_t lines = 0;

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    log_out_stats(&before);
    for (int i = 0; i < 400; i++)
        log_warn("flood", KV("big", (const char *)big));
    log_out_stats(&after);
    assert_true(after.dropped > before.dropped);
    assert_true(after.written > before.written);
    while (strstr(text, "log records dropped") == NULL) {
        n += read_some(text + n, sizeof(text) - n);
        log_out_flush();
    }
    log_info("the end");
    while (strstr(text, "the end") == NULL)
        n += read_some(text + n, sizeof(text) - n);
    for (char *line = text; *line != '\0'; lines++) {
        assert_memory_equal(line, "ts=", 3);
        line = strchr(line, '\n');
        assert_non_null(line);
        line++;
    }
    assert_int_equal(lines, after.written - before.written + 2);
}

static void a_record_that_is_too_long_is_cut_but_ends(void **state UNUSED)
{
    static char big[2 * LOG_OUT_LINE_MAX];
    static char text[3 * LOG_OUT_LINE_MAX];
    size_t n;

    memset(big, 'x', sizeof(big) - 1);
    log_info("long", KV("big", (const char *)big));
    log_out_flush();
    n = read_some(text, sizeof(text));
    assert_in_range(n, LOG_OUT_LINE_MAX - 1, LOG_OUT_LINE_MAX);
    assert_int_equal(text[n - 1], '\n');
}

static void log_every_lets_one_through_per_interval(void **state UNUSED)
{
    struct log_every e = {0};
    uint64_t suppressed = 99;

    assert_true(log_every(&e, 1000, 500, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_false(log_every(&e, 1001, 500, &suppressed));
    assert_false(log_every(&e, 1499, 500, &suppressed));
    assert_true(log_every(&e, 1500, 500, &suppressed));
    assert_int_equal(suppressed, 2);
    assert_true(log_every(&e, 2000, 500, &suppressed));
    assert_int_equal(suppressed, 0);
}

static void formats_have_names(void **state UNUSED)
{
    enum log_out_format format = LOG_OUT_LOGFMT;

    assert_true(log_out_format_parse(STR("json"), &format));
    assert_int_equal(format, LOG_OUT_JSON);
    assert_false(log_out_format_parse(STR("xml"), &format));
    assert_int_equal(format, LOG_OUT_JSON);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_a_line_above_the_level),
        TEST(a_full_pipe_drops_and_counts),
        TEST(a_record_that_is_too_long_is_cut_but_ends),
        cmocka_unit_test(log_every_lets_one_through_per_interval),
        cmocka_unit_test(formats_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
