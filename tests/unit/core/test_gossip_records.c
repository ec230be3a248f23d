#include "common/core/gossip/nflog_record.h"
#include "common/core/gossip/parts.h"
#include "common/core/gossip/pb_time.h"
#include "common/core/gossip/silence_record.h"
#include "tests/lib/test.h"

#define T0 INT64_C(1800000000000)

static struct arena *arena;

/* Records are written field by field, so that they can be wrong in every way. */

static void add_time(struct buf *b, uint32_t number, int64_t seconds, int32_t nanos)
{
    pb_add_time(b, number, (struct pb_time){.seconds = seconds, .nanos = nanos});
}

static void add_matcher(struct buf *b, uint32_t number, uint64_t type, const char *name,
                        const char *pattern)
{
    size_t opened = pb_open(b, number);

    pb_put_u64(b, 1, type);
    pb_put_bytes(b, 2, str_from(name));
    pb_put_bytes(b, 3, str_from(pattern));
    pb_close(b, opened);
}

static void add_set(struct buf *b, uint64_t type, const char *name, const char *pattern)
{
    size_t opened = pb_open(b, 11);

    add_matcher(b, 1, type, name, pattern);
    pb_close(b, opened);
}

static void add_pair(struct buf *b, uint32_t number, const char *key, const char *value)
{
    size_t opened = pb_open(b, number);

    pb_add_bytes(b, 1, str_from(key));
    pb_add_bytes(b, 2, str_from(value));
    pb_close(b, opened);
}

/* As a new Alertmanager writes it, with everything in it that there is. */
static void add_full_silence(struct buf *b)
{
    size_t opened = pb_open(b, 1);

    pb_put_bytes(b, 1, STR("b7159b7f-5f1e-42c5-8166-52a1c7bbb040"));
    add_matcher(b, 2, 0, "job", "api");
    add_time(b, 3, 1800000000, 123456789);
    add_time(b, 4, 1800003600, 0);
    add_time(b, 5, 1799999999, 1001);
    pb_put_bytes(b, 8, STR("me"));
    pb_put_bytes(b, 9, STR("\xc3\xa9 <why>"));
    add_pair(b, 10, "ticket", "");
    add_pair(b, 10, "zone", "eu");
    add_set(b, 0, "job", "api");
    add_set(b, 3, "job", "db.*");
    add_set(b, 1, "a b", "x|y");
    add_set(b, 2, "team", "");
    add_pair(b, 12, "receiver", "matcher sets, whatever they are");
    pb_add_u64(b, 99, 7);
    pb_close(b, opened);
    add_time(b, 2, 1800435600, 5);
    pb_add_bytes(b, 77, STR("mesh"));
}

static struct silence read_silence(const struct buf *b)
{
    struct silence s;
    struct err err = {0};

    /* a copy, for what is read lends from it */
    if (silence_record_read(arena_str(arena, buf_str(b)), 0, arena, &s, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static void a_silence_is_read(void **state)
{
    struct buf b;
    struct silence s;

    (void)state;
    buf_init(&b, 0);
    add_full_silence(&b);
    s = read_silence(&b);
    assert_str_eq(s.id, "b7159b7f-5f1e-42c5-8166-52a1c7bbb040");
    assert_int_equal(s.starts_wall_ms, INT64_C(1800000000123));
    assert_int_equal(s.ends_wall_ms, INT64_C(1800003600000));
    assert_int_equal(s.updated_wall_us, INT64_C(1799999999000001));
    assert_int_equal(s.expires_wall_ms, INT64_C(1800435600000));
    assert_str_eq(s.created_by, "me");
    assert_str_eq(s.comment, "\xc3\xa9 <why>");
    assert_int_equal(s.annotations.n, 2);
    assert_str_eq(labels_get(s.annotations, STR("zone")), "eu");
    assert_int_equal(s.sets_n, 4);
    assert_int_equal(s.sets[0].v[0].op, MATCH_EQ);
    assert_int_equal(s.sets[1].v[0].op, MATCH_NRE);
    assert_int_equal(s.sets[2].v[0].op, MATCH_RE);
    assert_int_equal(s.sets[3].v[0].op, MATCH_NE);
    assert_str_eq(s.sets[1].v[0].value, "db.*");
    assert_str_eq(s.sets[2].v[0].name, "a b");
    assert_str_eq(s.sets[3].v[0].value, "");
    buf_clear(&b);
}

static void assert_same_bytes(const struct buf *got, const struct buf *want)
{
    assert_int_equal(got->n, want->n);
    assert_memory_equal(got->p, want->p, want->n);
}

static void an_unchanged_silence_is_written_as_it_was(void **state)
{
    struct buf want, got;
    struct silence s;

    (void)state;
    buf_init(&want, 0);
    buf_init(&got, 0);
    add_full_silence(&want);
    s = read_silence(&want);
    silence_record_add(&got, &s);
    assert_same_bytes(&got, &want);
    buf_clear(&want);
    buf_clear(&got);
}

/* Before 0.32: no matcher sets; between, old nodes keep new fields behind all others. */
static void the_old_form_stays_old(void **state)
{
    struct buf want, got;
    struct silence s;
    size_t opened;

    (void)state;
    buf_init(&want, 0);
    buf_init(&got, 0);
    opened = pb_open(&want, 1);
    pb_put_bytes(&want, 1, STR("x"));
    add_matcher(&want, 2, 1, "a", "b.*");
    add_matcher(&want, 2, 0, "c", "");
    add_time(&want, 3, 1, 0);
    add_time(&want, 4, 2, 0);
    add_time(&want, 5, 1, 0);
    pb_close(&want, opened);
    add_time(&want, 2, 3, 0);
    s = read_silence(&want);
    assert_int_equal(s.sets_n, 1);
    assert_int_equal(s.sets[0].n, 2);
    silence_record_add(&got, &s);
    assert_same_bytes(&got, &want);
    buf_clear(&want);
    buf_clear(&got);
}

static void a_changed_time_is_the_silences_own(void **state)
{
    struct buf b;
    struct silence s, again;

    (void)state;
    buf_init(&b, 0);
    add_full_silence(&b);
    s = read_silence(&b);
    s.ends_wall_ms = s.starts_wall_ms + 7;
    s.updated_wall_us += 1;
    buf_reset(&b);
    silence_record_add(&b, &s);
    again = read_silence(&b);
    assert_int_equal(again.starts_wall_ms, s.starts_wall_ms);
    assert_int_equal(again.ends_wall_ms, s.ends_wall_ms);
    assert_int_equal(again.updated_wall_us, s.updated_wall_us);
    assert_str_eq(again.id, "b7159b7f-5f1e-42c5-8166-52a1c7bbb040");
    buf_clear(&b);
}

static void our_own_has_the_length_that_limits_count(void **state)
{
    static const struct label annotations[] = {{STR_INIT("a"), STR_INIT("")},
                                               {STR_INIT("b"), STR_INIT("c")}};
    struct matchers sets[2] = {{0}, {0}};
    struct silence s = {.id = STR("8d"), /* so short that every length takes one byte */
                        .sets = sets,
                        .sets_n = 2,
                        .starts_wall_ms = T0 + 1,
                        .ends_wall_ms = T0 + 5000,
                        .updated_wall_us = T0 * 1000 + 7,
                        .expires_wall_ms = T0 + 9000,
                        .created_by = STR("me"),
                        .annotations = {.v = annotations, .n = 2}};
    struct silence back;
    struct pb_fault fault = {0};
    struct pb_reader r;
    struct pb_field f;
    size_t copy = 0;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    for (unsigned op = MATCH_EQ; op <= MATCH_NRE; op++)
        matchers_add(
            &sets[op % 2],
            (struct matcher){.op = (enum matcher_op)op, .name = STR("a"), .value = STR("b")},
            arena);
    silence_record_add(&b, &s);
    back = read_silence(&b);
    assert_true(silence_hash(&back) == silence_hash(&s));
    assert_int_equal(back.expires_wall_ms, s.expires_wall_ms);
    assert_int_equal(back.unread.n, 0);
    r = pb_reader(buf_str(&b), 0, &fault);
    assert_true(pb_next(&r, &f));
    for (struct pb_reader in = pb_within(&r, &f); pb_next(&in, &f);)
        copy += f.number == 2 ? f.whole.n : 0; /* the copy for old readers does not count */
    assert_true(copy > 0);
    assert_int_equal(b.n - copy, silence_wire_bytes(&s));
    buf_clear(&b);
}

static void old_comments_become_the_comment(void **state)
{
    struct buf b;
    struct silence s;
    size_t silence, comment;

    (void)state;
    buf_init(&b, 0);
    silence = pb_open(&b, 1);
    for (int i = 0; i < 2; i++) {
        comment = pb_open(&b, 7);
        pb_put_bytes(&b, 1, i == 0 ? STR("author") : STR("other"));
        pb_put_bytes(&b, 2, i == 0 ? STR("text") : STR("more"));
        pb_close(&b, comment);
    }
    pb_close(&b, silence);
    s = read_silence(&b);
    assert_str_eq(s.created_by, "author");
    assert_str_eq(s.comment, "text");
    assert_int_equal(s.starts_wall_ms, 0); /* an absent time is the epoch */
    buf_clear(&b);
}

static void a_zero_time_is_absent(void **state)
{
    struct buf b;
    struct silence s;
    size_t silence;

    (void)state;
    buf_init(&b, 0);
    silence = pb_open(&b, 1);
    add_time(&b, 3, PB_TIME_YEAR_1_S, 0);
    pb_close(&b, silence);
    s = read_silence(&b);
    assert_int_equal(s.starts_wall_ms, WALL_ABSENT);
    buf_clear(&b);
}

static void many_sets(struct buf *b, size_t sets, size_t matchers)
{
    for (size_t i = 0; i < sets; i++) {
        size_t opened = pb_open(b, 11);

        for (size_t k = 0; k < matchers; k++)
            add_matcher(b, 1, 0, "a", "b");
        pb_close(b, opened);
    }
}

static void bad_silences_are_refused(void **state)
{
    enum { N = 9 };
    static const char *const want[N] = {
        "silence: at byte 7: no silence in it",
        "silence: at byte 11: text that is no UTF-8",
        "silence: at byte 9: an unknown type of matcher",
        "silence: at byte 9: a time that is none",
        "silence: at byte 10: the message ends within a number",
        "more matcher sets than are taken",
        "more matchers than are taken",
        "more matchers than are taken",
        "an annotation's name with a NUL byte",
    };

    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct silence s;
        struct err err = {0};
        struct buf b;
        size_t opened;

        buf_init(&b, 0);
        opened = i == 0 ? 0 : pb_open(&b, 1);
        if (i == 0)
            pb_add_bytes(&b, 3, STR("x"));
        else if (i == 1)
            pb_add_bytes(&b, 9, STR("\xff"));
        else if (i == 2)
            add_matcher(&b, 2, 4, "a", "b");
        else if (i == 3)
            add_time(&b, 3, INT64_C(1) << 50, 0);
        else if (i == 4)
            buf_add_str(&b, STR("\x0a"));
        else if (i == 5)
            many_sets(&b, SILENCE_SETS_MAX + 1, 1);
        else if (i == 6)
            many_sets(&b, 3, SILENCE_MATCHERS_MAX / 2);
        else if (i == 7)
            for (size_t k = 0; k <= SILENCE_MATCHERS_MAX; k++)
                add_matcher(&b, 2, 0, "a", "b");
        else
            pb_add_bytes(&b, 10, (struct str){.p = "\x0a\x01\0", .n = 3});
        if (i > 0)
            pb_close(&b, opened);
        assert_int_equal(silence_record_read(buf_str(&b), 7, arena, &s, &err), -EINVAL);
        if (strstr(err.text, want[i]) == NULL)
            fail_msg("%zu: %s", i, err.text);
        buf_clear(&b);
    }
}

/* ---- notification log ---- */

static void add_full_entry(struct buf *b)
{
    static const uint64_t firing[] = {UINT64_C(18206368493460310830), 1};
    static const uint64_t resolved[] = {0};
    size_t entry = pb_open(b, 1), receiver;

    pb_put_bytes(b, 1, STR("{}/{a=\"b\"}:{alertname=\"Golden\"}"));
    receiver = pb_open(b, 2);
    pb_put_bytes(b, 1, STR("hook"));
    pb_put_bytes(b, 2, STR("webhook"));
    pb_put_u64(b, 3, 3);
    pb_close(b, receiver);
    add_time(b, 5, 1800000000, 415634719);
    pb_put_u64s(b, 6, firing, 2);
    pb_put_u64s(b, 7, resolved, 1);
    add_pair(b, 8, "threadTs",
             "\x0a\x05"
             "12345");
    add_pair(b, 8, "channelId",
             "\x0a\x02"
             "C1");
    pb_close(b, entry);
    add_time(b, 2, 1800007200, 415634719);
}

static struct nflog_record read_entry(const struct buf *b)
{
    struct nflog_record e;
    struct err err = {0};

    if (nflog_record_read(buf_str(b), 0, arena, &e, &err) < 0)
        fail_msg("%s", err.text);
    return e;
}

static void an_entry_is_read_and_written_as_it_was(void **state)
{
    struct buf want, got;
    struct nflog_record e;

    (void)state;
    buf_init(&want, 0);
    buf_init(&got, 0);
    add_full_entry(&want);
    e = read_entry(&want);
    assert_str_eq(e.group_key, "{}/{a=\"b\"}:{alertname=\"Golden\"}");
    assert_str_eq(e.receiver, "hook");
    assert_str_eq(e.integration, "webhook");
    assert_int_equal(e.index, 3);
    assert_int_equal(e.at_wall_ms, INT64_C(1800000000415));
    assert_int_equal(e.expires_wall_ms, INT64_C(1800007200415));
    assert_int_equal(e.firing_n, 2);
    assert_true(e.firing[0] == UINT64_C(18206368493460310830));
    assert_int_equal(e.resolved_n, 1);
    nflog_record_add(&got, &e);
    assert_same_bytes(&got, &want);
    buf_clear(&want);
    buf_clear(&got);
}

static void bad_entries_are_refused(void **state)
{
    static const char *const want[] = {"no entry in it", "no receiver in it", "no group key in it",
                                       "text that is no UTF-8", "a longer list than is taken"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        struct nflog_record e;
        struct err err = {0};
        struct buf b;
        size_t opened;

        buf_init(&b, 0);
        opened = i == 0 ? 0 : pb_open(&b, 1);
        if (i == 1)
            pb_put_bytes(&b, 1, STR("{}:{}"));
        if (i >= 2)
            pb_add_bytes(&b, 2, STR_EMPTY);
        if (i == 3)
            pb_add_bytes(&b, 1, STR("\xc3"));
        if (i == 4) {
            uint64_t *v = ARENA_ARRAY(arena, uint64_t, NFLOG_RECORD_ALERTS_MAX + 1);

            pb_put_bytes(&b, 1, STR("{}:{}"));
            pb_put_u64s(&b, 6, v, NFLOG_RECORD_ALERTS_MAX + 1);
        }
        if (i > 0)
            pb_close(&b, opened);
        assert_int_equal(nflog_record_read(buf_str(&b), 0, arena, &e, &err), -EINVAL);
        if (strstr(err.text, want[i]) == NULL)
            fail_msg("%zu: %s", i, err.text);
        buf_clear(&b);
    }
}

/* ---- parts ---- */

static void parts_are_read_and_written(void **state)
{
    struct full_state f;
    struct part p;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    part_add(&b, STR(PART_SILENCES), STR("data"));
    assert_int_equal(part_read(buf_str(&b), &p, NULL), 0);
    assert_str_eq(p.key, "sil");
    assert_str_eq(p.data, "data");
    assert_int_equal(p.data_at, 7);
    buf_reset(&b);
    full_state_add(&b, STR(PART_NFLOG), STR_EMPTY);
    pb_add_u64(&b, 9, 1);
    full_state_add(&b, STR(PART_SILENCES), STR("x"));
    full_state_begin(&f, buf_str(&b));
    assert_true(full_state_next(&f, &p));
    assert_str_eq(p.key, "nfl");
    assert_int_equal(p.data.n, 0);
    assert_true(full_state_next(&f, &p));
    assert_str_eq(p.key, "sil");
    assert_str_eq(p.data, "x");
    assert_false(full_state_next(&f, &p));
    assert_int_equal(full_state_result(&f, NULL), 0);
    buf_add_str(&b, STR("\x0a\x02\x0a\x05"));
    full_state_begin(&f, buf_str(&b));
    while (full_state_next(&f, &p))
        ;
    assert_int_equal(full_state_result(&f, NULL), -EINVAL);
    assert_int_equal(part_read(STR("\x0a\x01\xff"), &p, NULL), -EINVAL);
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
        cmocka_unit_test(a_silence_is_read),
        cmocka_unit_test(an_unchanged_silence_is_written_as_it_was),
        cmocka_unit_test(the_old_form_stays_old),
        cmocka_unit_test(a_changed_time_is_the_silences_own),
        cmocka_unit_test(our_own_has_the_length_that_limits_count),
        cmocka_unit_test(old_comments_become_the_comment),
        cmocka_unit_test(a_zero_time_is_absent),
        cmocka_unit_test(bad_silences_are_refused),
        cmocka_unit_test(an_entry_is_read_and_written_as_it_was),
        cmocka_unit_test(bad_entries_are_refused),
        cmocka_unit_test(parts_are_read_and_written),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
