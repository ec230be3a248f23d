/* Arenas, buffers, vectors and errors: what is bounded, aligned, terminated. */
#include "tests/lib/test.h"

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/utf8.h"
#include "common/base/vec.h"

#include <errno.h>

static void pieces_of_an_arena_are_zeroed_aligned_and_apart(void **state UNUSED)
{
    static const size_t sizes[] = {1, 0, 3, 16, 17, 1000, 40000, 5, 16384, 16383, 8};
    struct arena *a = arena_new(0);
    char *pieces[ARRAY_SIZE(sizes)];

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            pieces[i] = arena_alloc(a, sizes[i]);
            assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(pieces[i][k], 0);
            memset(pieces[i], (int)i + 1, sizes[i]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(pieces[i][k], i + 1);
        assert_true(arena_bytes(a) >= 73833);
        arena_reset(a);
        assert_int_equal(arena_bytes(a), 0);
    }
    arena_free(a);
    arena_free(NULL);
}

static void arena_texts_are_terminated(void **state UNUSED)
{
    struct arena *a = arena_new(64);
    struct str s = arena_str(a, str_sub(STR("abcdef"), 1, 3));
    struct str none = arena_str(a, (struct str){0}), long_text;
    char *many;

    assert_str_eq(s, "bc");
    assert_int_equal(s.p[2], '\0');
    assert_non_null(none.p);
    assert_int_equal(none.p[0], '\0');
    assert_str_eq(arena_fmt(a, "%s-%d", "x", 7), "x-7");
    long_text = arena_fmt(a, "%1000d", 5);
    assert_int_equal(long_text.n, 1000);
    assert_int_equal(strlen(long_text.p), 1000);
    many = ARENA_ARRAY(a, char, 100000);
    many[99999] = 1;
    arena_free(a);
}

static void a_buffer_keeps_a_prefix_when_it_overflows(void **state UNUSED)
{
    struct buf b;

    buf_init(&b, 10);
    assert_string_equal(b.p, "");
    buf_add(&b, "123456", 6);
    buf_add_fmt(&b, "%s", "abcdefgh");
    assert_true(b.overflow);
    assert_str_eq(buf_str(&b), "123456abcd");
    assert_int_equal(b.p[b.n], '\0');
    buf_drop_front(&b, 3);
    buf_add_char(&b, 'x'); /* what is behind a gap would mislead */
    assert_str_eq(buf_str(&b), "456abcd");
    buf_reset(&b);
    assert_false(b.overflow);
    assert_string_equal(b.p, "");
    for (int i = 0; i < 11; i++)
        buf_add_char(&b, 'y');
    assert_true(b.overflow);
    assert_str_eq(buf_str(&b), "yyyyyyyyyy");
    buf_clear(&b);
    assert_string_equal(b.p, "");
    assert_int_equal(b.max, 10);
    buf_clear(&b);
}

static void a_buffer_takes_exactly_its_maximum(void **state UNUSED)
{
    struct buf b;

    buf_init(&b, 4);
    buf_add_fmt(&b, "%d", 1234);
    assert_false(b.overflow);
    assert_str_eq(buf_str(&b), "1234");
    buf_add(&b, "", 0);
    assert_false(b.overflow);
    buf_add_fmt(&b, "%s", "");
    assert_false(b.overflow);
    buf_add_char(&b, '5');
    assert_true(b.overflow);
    buf_clear(&b);
}

static void numbers_in_a_buffer(void **state UNUSED)
{
    struct buf b;

    buf_init(&b, 0);
    buf_add_u64(&b, 0);
    buf_add_char(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, INT64_MIN);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, -1);
    buf_add_char(&b, ' ');
    buf_add_hex_u64(&b, 0xabc);
    assert_str_eq(buf_str(&b), "0 18446744073709551615 -9223372036854775808 -1 0000000000000abc");
    buf_reset(&b);
    for (int i = 0; i < 1000; i++)
        buf_add_fmt(&b, "%04d", i);
    assert_int_equal(b.n, 4000);
    buf_drop_front(&b, 3996);
    assert_str_eq(buf_str(&b), "0999");
    buf_drop_front(&b, 4);
    assert_string_equal(b.p, "");
    buf_clear(&b);
}

static void a_vector_keeps_its_order(void **state UNUSED)
{
    struct {
        int *v;
        size_t n, cap;
    } ints = {0};
    int sum = 0;

    for (int i = 0; i < 100; i++)
        *VEC_PUSH(&ints) = i;
    VEC_REMOVE(&ints, 99);
    VEC_REMOVE(&ints, 0);
    VEC_REMOVE(&ints, 49);
    assert_int_equal(ints.n, 97);
    assert_int_equal(ints.v[48], 49);
    assert_int_equal(ints.v[49], 51);
    VEC_EACH (&ints, int, it)
        sum += *it;
    assert_int_equal(sum, 4950 - 99 - 50);
    VEC_CLEAR(&ints);
    assert_null(ints.v);
    VEC_EACH (&ints, int, it)
        fail_msg("nothing is left, but %d", *it);
}

static void errors_say_where_they_went_wrong(void **state UNUSED)
{
    struct err err = {0};

    assert_int_equal(err_set(&err, -EINVAL, "bad %s", "x"), -EINVAL);
    assert_int_equal(err_wrap(&err, "route \"%s\"", "a"), -EINVAL);
    assert_string_equal(err.text, "route \"a\": bad x");
    assert_int_equal(err.code, -EINVAL);
    assert_int_equal(err_set(NULL, -ENOENT, "unseen"), -ENOENT);
    assert_int_equal(err_wrap(NULL, "unseen"), -EINVAL);
}

/* Every cut of a text of wide runes, and wraps that push its end out. */
static void a_cut_error_is_valid_utf8(void **state UNUSED)
{
    char text[1400];

    for (size_t lead = 0; lead < 8; lead++) {
        struct err err = {0};
        size_t n = lead;

        memset(text, 'a', lead);
        while (n + 4 < sizeof(text) - 1) {
            memcpy(text + n, "\xF0\x9F\x99\x82", 4);
            n += 4;
        }
        text[n] = '\0';
        (void)err_set(&err, -EINVAL, "%s", text);
        assert_true(utf8_valid(str_from(err.text)));
        assert_true(strlen(err.text) > sizeof(err.text) - 6);
        (void)err_wrap(&err, "%s", "b\xC3\xA4");
        assert_true(utf8_valid(str_from(err.text)));
        (void)err_wrap(&err, "%s", text);
        assert_true(utf8_valid(str_from(err.text)));
    }
}

static void bytes_that_are_no_text_become_question_marks(void **state UNUSED)
{
    struct err err = {0};

    (void)err_set(&err, -EINVAL, "got \xFF\xC3( \xED\xA0\x80 \xC3\xA4 \xEF\xBF\xBD");
    assert_string_equal(err.text, "got ?\?( ??? \xC3\xA4 \xEF\xBF\xBD");
}

static void mistakes_are_bounded(void **state UNUSED)
{
    struct mistakes m;

    mistakes_init(&m);
    for (int i = 0; i < MISTAKES_MAX + 5; i++)
        mistakes_add(&m, i, "%*d", i * 20, i);
    assert_int_equal(m.n, MISTAKES_MAX);
    assert_int_equal(m.left_out, 5);
    assert_int_equal(m.v[7].line, 7);
    assert_int_equal(strlen(m.v[MISTAKES_MAX - 1].text), sizeof(m.v[0].text) - 1);
    mistakes_clear(&m);
    assert_int_equal(m.n, 0);
    assert_int_equal(m.left_out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_an_arena_are_zeroed_aligned_and_apart),
        cmocka_unit_test(arena_texts_are_terminated),
        cmocka_unit_test(a_buffer_keeps_a_prefix_when_it_overflows),
        cmocka_unit_test(a_buffer_takes_exactly_its_maximum),
        cmocka_unit_test(numbers_in_a_buffer),
        cmocka_unit_test(a_vector_keeps_its_order),
        cmocka_unit_test(errors_say_where_they_went_wrong),
        cmocka_unit_test(a_cut_error_is_valid_utf8),
        cmocka_unit_test(bytes_that_are_no_text_become_question_marks),
        cmocka_unit_test(mistakes_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
