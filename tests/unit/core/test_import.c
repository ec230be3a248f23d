#include "common/core/gossip/import.h"
#include "tests/lib/test.h"

static struct arena *arena;

static void add_silence(struct buf *b, const char *id)
{
    struct matchers set = {0};
    struct silence s = {.id = str_from(id), .sets = &set, .sets_n = 1, .updated_wall_us = 1};
    size_t opened = pb_open(b, 0);

    matchers_add(&set, (struct matcher){.name = STR("a"), .value = STR("b")}, arena);
    silence_record_add(b, &s);
    pb_close(b, opened);
}

static void add_entry(struct buf *b, const char *group_key)
{
    struct nflog_record e = {.group_key = str_from(group_key), .receiver = STR("r")};
    size_t opened = pb_open(b, 0);

    nflog_record_add(b, &e);
    pb_close(b, opened);
}

/* What a walk meets: ids, "!" and the error for a bad one. */
static const char *walk(struct str records, size_t base)
{
    struct import im = {.records = records, .base = base};
    struct silence s;
    struct err err;
    struct buf b;
    const char *text;
    enum import_step step;

    buf_init(&b, 0);
    while ((step = import_silence(&im, arena, &s, &err)) != IMPORT_END) {
        if (step == IMPORT_RECORD)
            buf_add_fmt(&b, STR_FMT "\n", STR_ARG(s.id));
        else
            buf_add_fmt(&b, "!%s\n", err.text);
    }
    assert_int_equal(import_silence(&im, arena, &s, &err), IMPORT_END);
    text = arena_str(arena, buf_str(&b)).p;
    buf_clear(&b);
    return text;
}

static void a_bad_record_does_not_touch_its_neighbours(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    assert_string_equal(walk(buf_str(&b), 0), "");
    add_silence(&b, "one");
    buf_add_str(&b, STR("\x03\x0a\x01\x0a")); /* a silence that ends within a field */
    buf_add_char(&b, '\0');                   /* and a record with nothing in it */
    add_silence(&b, "two");

    size_t first = b.n;

    assert_string_equal(walk(buf_str(&b), 1000),
                        arena_fmt(arena,
                                  "one\n"
                                  "!silence: at byte %zu: the message ends within a number\n"
                                  "!silence: at byte %zu: no silence in it\n"
                                  "two\n",
                                  1000 + (first - 5) / 2 + 4, 1000 + (first - 5) / 2 + 5)
                            .p);
    buf_clear(&b);
}

static void a_broken_length_ends_the_file(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    add_silence(&b, "one");

    size_t first = b.n;

    buf_add_str(&b, STR("\x05xyz"));
    assert_string_equal(walk(buf_str(&b), 0),
                        arena_fmt(arena,
                                  "one\n!at byte %zu: a length beyond the end of the message: the "
                                  "remaining 4 bytes cannot be read\n",
                                  first)
                            .p);
    b.n = first;
    buf_add_str(&b, STR("\x81\x80\x80\x02")); /* 4 MiB and one */
    assert_non_null(strstr(walk(buf_str(&b), 0), "a message longer than is taken"));
    buf_clear(&b);
}

static void entries_are_walked_alike(void **state)
{
    struct import im;
    struct nflog_record e;
    struct err err;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    add_entry(&b, "{}:{}");
    add_entry(&b, "");
    add_entry(&b, "{}:{a=\"b\"}");
    im = (struct import){.records = buf_str(&b)};
    assert_int_equal(import_nflog(&im, arena, &e, &err), IMPORT_RECORD);
    assert_str_eq(e.group_key, "{}:{}");
    assert_int_equal(import_nflog(&im, arena, &e, &err), IMPORT_BAD);
    assert_non_null(strstr(err.text, "no group key in it"));
    assert_int_equal(import_nflog(&im, arena, &e, &err), IMPORT_RECORD);
    assert_str_eq(e.group_key, "{}:{a=\"b\"}");
    assert_int_equal(import_nflog(&im, arena, &e, &err), IMPORT_END);
    buf_clear(&b);
}

static void pieces_are_whole_records(void **state)
{
    size_t ends[10], at = 0;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    assert_int_equal(import_piece(buf_str(&b), 100), 0);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        add_silence(&b, "some id");
        ends[i] = b.n;
    }
    assert_int_equal(import_piece(buf_str(&b), 1), ends[0]); /* at least one */
    assert_int_equal(import_piece(buf_str(&b), ends[3]), ends[3]);
    assert_int_equal(import_piece(buf_str(&b), ends[3] + 1), ends[3]);
    assert_int_equal(import_piece(buf_str(&b), MIB(1)), b.n);
    for (size_t i = 0; at < b.n; i++) {
        size_t n = import_piece(str_sub(buf_str(&b), at, b.n), ends[2]);

        assert_true(n > 0);
        at += n;
        assert_int_equal(at, i < 3 ? ends[3 * i + 2] : b.n);
    }
    buf_add_char(&b, '\x7f'); /* its end is missing: the reader is to tell */
    assert_int_equal(import_piece(str_sub(buf_str(&b), ends[8], b.n), MIB(1)), b.n - ends[8]);
    buf_clear(&b);
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_record_does_not_touch_its_neighbours),
        cmocka_unit_test(a_broken_length_ends_the_file),
        cmocka_unit_test(entries_are_walked_alike),
        cmocka_unit_test(pieces_are_whole_records),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
