#include "tests/lib/test.h"

#include "common/cli/tabbed.h"

struct cells {
    const char *const *v;
    size_t n;
    const char *tail;
};

#define LINE(end, ...) \
    { \
        .v = (const char *const[]){__VA_ARGS__}, \
        .n = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), .tail = (end) \
    }

static void check(const struct cells *lines, size_t n, const char *want)
{
    struct tabbed t;
    struct buf out;

    tabbed_init(&t);
    buf_init(&out, 0);
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < lines[i].n; c++)
            tabbed_add(&t, str_from(lines[i].v[c]), CLI_PLAIN);
        tabbed_end(&t, str_from(lines[i].tail));
    }
    tabbed_write(&t, &out);
    assert_str_eq(buf_str(&out), want);
    buf_clear(&out);
    tabbed_clear(&t);
}

static void the_last_cell_is_padded_too(void **state)
{
    const struct cells lines[] = {LINE("", "ID", "State"), LINE("", "17", "up")};

    (void)state;
    check(lines, 2, "ID  State  \n17  up     \n");
}

static void an_empty_cell_has_two_spaces(void **state)
{
    const struct cells lines[] = {LINE("", "a", "", "c")};

    (void)state;
    check(lines, 1, "a    c  \n");
}

static void widths_count_runes(void **state)
{
    const struct cells lines[] = {LINE("", "ü", "x"), LINE("", "ab", "x")};

    (void)state;
    check(lines, 2, "ü   x  \nab  x  \n");
}

/* The cluster's layout: two lines with a tail, a gap, a head whose last word is a tail. */
static void a_column_reaches_over_neighbours_only(void **state)
{
    const struct cells lines[] = {
        LINE("ready", "Cluster Status:"),
        LINE("e1", "Node Name:"),
        {.tail = ""},
        LINE("Name", "Address"),
        LINE("", "10.0.0.1:9094", "a"),
        LINE("", "[::1]:1", "bcd"),
    };

    (void)state;
    check(lines, 6,
          "Cluster Status:  ready\n"
          "Node Name:       e1\n"
          "\n"
          "Address        Name\n"
          "10.0.0.1:9094  a    \n"
          "[::1]:1        bcd  \n");
}

static void a_cell_breaks_no_line_and_drives_no_terminal(void **state)
{
    const struct cells lines[] = {LINE("", "a\nb\tc\x1b[31m", "\xff")};

    (void)state;
    check(lines, 1, "a?b?c?[31m  \xef\xbf\xbd  \n");
}

static void nothing_is_nothing(void **state)
{
    (void)state;
    check(NULL, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_cell_is_padded_too),
        cmocka_unit_test(an_empty_cell_has_two_spaces),
        cmocka_unit_test(widths_count_runes),
        cmocka_unit_test(a_column_reaches_over_neighbours_only),
        cmocka_unit_test(a_cell_breaks_no_line_and_drives_no_terminal),
        cmocka_unit_test(nothing_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
