#include "common/core/gossip/pb.h"
#include "common/core/gossip/pb_time.h"
#include "tests/lib/test.h"

#define BYTES(literal) ((struct str){.p = "" literal, .n = sizeof(literal) - 1})

static struct arena *arena;

static void fields_come_with_number_type_and_place(void **state)
{
    struct pb_fault fault = {0};
    /* 1: 150 varint; 2: "hi"; 3: fixed32 1; 4: fixed64 2; 536870911: 0 */
    struct pb_reader r = pb_reader(BYTES("\x08\x96\x01"
                                         "\x12\x02hi"
                                         "\x1d\x01\0\0\0"
                                         "\x21\x02\0\0\0\0\0\0\0"
                                         "\xf8\xff\xff\xff\x0f\0"),
                                   100, &fault);
    static const struct {
        uint32_t number;
        enum pb_type type;
        uint64_t value;
        size_t at, whole;
    } want[] = {{1, PB_VARINT, 150, 100, 3},
                {2, PB_BYTES, 0, 103, 4},
                {3, PB_FIXED32, 1, 107, 5},
                {4, PB_FIXED64, 2, 112, 9},
                {536870911, PB_VARINT, 0, 121, 6}};
    struct pb_field f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        assert_true(pb_next(&r, &f));
        assert_int_equal(f.number, want[i].number);
        assert_int_equal(f.type, want[i].type);
        assert_int_equal(f.value, want[i].value);
        assert_int_equal(f.at, want[i].at);
        assert_int_equal(f.whole.n, want[i].whole);
        if (f.type == PB_BYTES) {
            assert_str_eq(f.bytes, "hi");
            assert_int_equal(f.bytes_at, 105);
        }
    }
    assert_false(pb_next(&r, &f));
    assert_int_equal(pb_result(&fault, "x", NULL), 0);
}

static void faults_tell_where(void **state)
{
    static const struct {
        struct str bytes;
        const char *want;
    } cases[] = {
        {{"\x08", 1}, "m: at byte 1: the message ends within a number"},
        {{"\x08\x80", 2}, "m: at byte 1: the message ends within a number"},
        {{"\x88", 1}, "m: at byte 0: the message ends within a number"},
        {{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},
         "m: at byte 1: a number of more than 64 bits"},
        {{"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12},
         "m: at byte 1: a number of more than 64 bits"},
        {{"\x08\x01\0\x01", 4}, "m: at byte 2: no field has this number"},
        {{"\x80\x80\x80\x80\x10\0", 6}, "m: at byte 0: no field has this number"},
        {{"\x12\x03hi", 4}, "m: at byte 1: a length beyond the end of the message"},
        {{"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
         "m: at byte 1: a length beyond the end of the message"},
        {{"\x0d\0\0\0", 4}, "m: at byte 1: the message ends within a number"},
        {{"\x09\0\0\0\0\0\0\0", 8}, "m: at byte 1: the message ends within a number"},
        {{"\x0b\x0c", 2}, "m: at byte 0: a field of a type that is not taken"},
        {{"\x0e", 1}, "m: at byte 0: a field of a type that is not taken"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pb_fault fault = {0};
        struct pb_reader r = pb_reader(cases[i].bytes, 0, &fault);
        struct pb_field f;
        struct err err = {0};

        while (pb_next(&r, &f))
            ;
        assert_int_equal(pb_result(&fault, "m", &err), -EINVAL);
        assert_string_equal(err.text, cases[i].want);
        assert_false(pb_next(&r, &f)); /* and stays */
    }
}

static void the_largest_varint_is_read(void **state)
{
    struct pb_fault fault = {0};
    struct pb_reader r =
        pb_reader(BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 0, &fault);
    struct pb_field f;

    (void)state;
    assert_true(pb_next(&r, &f));
    assert_true(f.value == UINT64_MAX);
}

static void a_run_of_messages_ends_at_the_first_bad_length(void **state)
{
    struct pb_fault fault = {0};
    struct pb_reader r = pb_reader(BYTES("\x01"
                                         "a"
                                         "\0"
                                         "\x05"
                                         "abc"),
                                   0, &fault);
    struct pb_field f;
    struct err err = {0};

    (void)state;
    assert_true(pb_next_delimited(&r, 4, &f));
    assert_str_eq(f.bytes, "a");
    assert_true(pb_next_delimited(&r, 4, &f));
    assert_int_equal(f.bytes.n, 0);
    assert_false(pb_next_delimited(&r, 4, &f));
    assert_int_equal(pb_result(&fault, "run", &err), -EINVAL);
    assert_string_equal(err.text, "run: at byte 3: a message longer than is taken");
    fault = (struct pb_fault){0};
    assert_false(pb_next_delimited(&r, 8, &f));
    assert_true(fault.why != NULL);
}

static void lists_are_read_packed_and_not(void **state)
{
    /* 6: packed 1, 300; 6: 7; 6: packed nothing; 6: fixed32, which is no such list */
    struct str bytes = BYTES("\x32\x03\x01\xac\x02"
                             "\x30\x07"
                             "\x32\0"
                             "\x35\0\0\0\0");
    bool taken[] = {true, true, true, false};

    (void)state;
    for (size_t max = 2; max <= 3; max++) {
        struct pb_fault fault = {0};
        struct pb_reader r = pb_reader(bytes, 0, &fault);
        struct pb_u64s list = {0};
        struct pb_field f;
        size_t i = 0;

        while (pb_next(&r, &f))
            assert_int_equal(pb_get_u64s(&r, &f, max, arena, &list), taken[i++]);
        assert_int_equal(pb_result(&fault, "list", NULL), max == 3 ? 0 : -EINVAL);
        assert_int_equal(list.n, max);
        assert_int_equal(list.v[1], 300);
    }
}

static void what_is_written_is_read(void **state)
{
    static const uint64_t list[] = {0, 1, UINT64_MAX};
    struct pb_fault fault = {0};
    struct pb_reader r;
    struct pb_field f;
    struct buf b;
    size_t outer, inner;
    char text[300];

    (void)state;
    memset(text, 'x', sizeof(text));
    buf_init(&b, 0);
    pb_put_u64(&b, 1, 0);
    pb_put_bytes(&b, 1, STR_EMPTY);
    pb_put_u64s(&b, 1, NULL, 0);
    assert_int_equal(b.n, 0);
    outer = pb_open(&b, 1);
    inner = pb_open(&b, 2);
    pb_add_bytes(&b, 3, (struct str){.p = text, .n = sizeof(text)}); /* lengths of two bytes */
    pb_close(&b, inner);
    pb_put_u64s(&b, 4, list, 3);
    pb_close(&b, outer);
    pb_add_u64(&b, 5, 0);
    r = pb_reader(buf_str(&b), 0, &fault);
    assert_true(pb_next(&r, &f) && f.number == 1);

    struct pb_reader in = pb_within(&r, &f);
    struct pb_u64s got = {0};

    assert_true(pb_next(&in, &f) && f.number == 2);
    assert_int_equal(f.bytes.n, 303);
    assert_true(pb_next(&in, &f) && pb_get_u64s(&in, &f, 9, arena, &got));
    assert_int_equal(got.n, 3);
    assert_memory_equal(got.v, list, sizeof(list));
    assert_false(pb_next(&in, &f));
    assert_true(pb_next(&r, &f) && f.number == 5 && f.value == 0);
    assert_false(pb_next(&r, &f));
    assert_int_equal(pb_result(&fault, "", NULL), 0);
    buf_clear(&b);
}

static void a_full_buffer_is_left_full(void **state)
{
    struct buf b;
    size_t opened;

    (void)state;
    buf_init(&b, 8);
    opened = pb_open(&b, 1);
    buf_add_str(&b, STR("1234567"));
    pb_close(&b, opened);
    assert_true(b.overflow);
    buf_clear(&b);
}

static void times_are_cut_and_bounded(void **state)
{
    static const struct {
        struct str bytes; /* of a message with a Timestamp in field 1 */
        int64_t ms, us;   /* WALL_ABSENT: a fault */
    } cases[] = {
        {{"\x0a\0", 2}, 0, 0},
        {{"\x0a\x02\x08\x01", 4}, 1000, 1000000},
        {{"\x0a\x06\x10\xff\x93\xeb\xdc\x03", 8}, 999, 999999},
        {{"\x0a\x06\x10\x80\x94\xeb\xdc\x03", 8}, WALL_ABSENT, 0}, /* 1e9 nanos */
        {{"\x0a\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13}, WALL_ABSENT, 0}, /* -1 */
        {{"\x0a\x0d\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x01", 15}, -1000, -1000000},
        {{"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x10", 13}, WALL_ABSENT, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pb_fault fault = {0};
        struct pb_reader r = pb_reader(cases[i].bytes, 0, &fault);
        struct pb_time t = {0};
        struct pb_field f;

        assert_true(pb_next(&r, &f));
        assert_true(pb_get_time(&r, &f, &t));
        assert_int_equal(fault.why != NULL, cases[i].ms == WALL_ABSENT);
        if (fault.why != NULL)
            continue;
        assert_int_equal(pb_time_ms(t), cases[i].ms);
        assert_int_equal(pb_time_us(t), cases[i].us);
    }
    assert_int_equal(pb_time_ms(pb_time_of_ms(-1)), -1);
    assert_int_equal(pb_time_us(pb_time_of_us(-1)), -1);
    assert_int_equal(pb_time_of_ms(INT64_MIN).seconds, PB_TIME_YEAR_1_S);
    assert_int_equal(pb_time_of_ms(INT64_MAX).seconds, INT64_C(253402300799));
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
        cmocka_unit_test(fields_come_with_number_type_and_place),
        cmocka_unit_test(faults_tell_where),
        cmocka_unit_test(the_largest_varint_is_read),
        cmocka_unit_test(a_run_of_messages_ends_at_the_first_bad_length),
        cmocka_unit_test(lists_are_read_packed_and_not),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_full_buffer_is_left_full),
        cmocka_unit_test(times_are_cut_and_bounded),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
