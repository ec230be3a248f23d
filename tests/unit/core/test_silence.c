#include "common/core/mute/silence.h"
#include "tests/lib/test.h"

#define NOW(ms) ((struct now){.wall_ms = (ms)})
#define T0 INT64_C(1800000000000)

struct fixture {
    struct silence_set *set;
    struct arena *a;
    struct rand rand;
    struct err err;
};

static int setup(void **state)
{
    static struct fixture f;

    f.set = silence_set_new((struct silence_options){.retention_ms = MS_PER_H});
    f.a = arena_new(0);
    rand_seed(&f.rand, 7);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    silence_set_free(f->set);
    arena_free(f->a);
    return 0;
}

static struct matcher m(enum matcher_op op, const char *name, const char *value)
{
    return (struct matcher){.op = op, .name = str_from(name), .value = str_from(value)};
}

/* One matcher set from up to two matchers. */
static struct silence make(struct fixture *f, int64_t starts, int64_t ends, struct matcher first)
{
    struct matchers *set = ARENA_NEW(f->a, struct matchers);

    matchers_add(set, first, f->a);
    return (struct silence){.sets = set,
                            .sets_n = 1,
                            .starts_wall_ms = starts,
                            .ends_wall_ms = ends,
                            .updated_wall_us = T0 * 1000,
                            .expires_wall_ms = WALL_ABSENT,
                            .created_by = STR("me"),
                            .comment = STR("why")};
}

static struct labels labels1(const char *name, const char *value)
{
    static struct label l;

    l = (struct label){.name = str_from(name), .value = str_from(value)};
    return (struct labels){.v = &l, .n = 1};
}

static struct silence_change put(struct fixture *f, struct silence s, int64_t at)
{
    struct silence_change c = {0};

    if (silence_set_put(f->set, &s, NOW(at), &f->rand, &c, &f->err) < 0)
        fail_msg("%s", f->err.text);
    return c;
}

static void state_goes_by_start_and_end(void **state)
{
    static const struct {
        int64_t wall_ms;
        enum silence_state want;
    } cases[] = {/* ends is exclusive */
                 {999, SILENCE_PENDING},
                 {1000, SILENCE_ACTIVE},
                 {1999, SILENCE_ACTIVE},
                 {2000, SILENCE_EXPIRED}};
    struct silence s = {.starts_wall_ms = 1000, .ends_wall_ms = 2000};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(silence_state(&s, NOW(cases[i].wall_ms)), cases[i].want);
}

static void mistakes_have_alertmanagers_words(void **state)
{
    struct fixture *f = *state;
    struct silence ok = make(f, T0, T0 + 1000, m(MATCH_EQ, "a", "b")), s;
    struct matchers none = {0};
    struct silence_change c;

    s = ok;
    s.sets_n = 0;
    assert_int_equal(silence_set_put(f->set, &s, NOW(T0), &f->rand, &c, &f->err), -EINVAL);
    assert_string_equal(f->err.text, "invalid silence: at least one matcher set required");
    s = ok;
    s.sets = &none;
    assert_int_equal(silence_set_put(f->set, &s, NOW(T0), &f->rand, &c, &f->err), -EINVAL);
    assert_string_equal(f->err.text, "invalid silence: matcher set 0 is empty");
    static const struct {
        enum matcher_op op;
        const char *name, *value, *want;
    } cases[] = {
        {MATCH_EQ, "", "b", "invalid label matcher 0 in set 0: invalid label name \"\""},
        {MATCH_EQ, "a", "\xff", "invalid label matcher 0 in set 0: invalid label value \"\\xff\""},
        {MATCH_EQ, "a", "", "matcher set 0: at least one matcher must not match the empty string"},
        {MATCH_RE, "a", "x*",
         "matcher set 0: at least one matcher must not match the empty string"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char want[200];

        s = make(f, T0, T0 + 1000, m(cases[i].op, cases[i].name, cases[i].value));
        assert_int_equal(silence_set_put(f->set, &s, NOW(T0), &f->rand, &c, &f->err), -EINVAL);
        snprintf(want, sizeof(want), "invalid silence: %s", cases[i].want);
        assert_string_equal(f->err.text, want);
    }
    s = make(f, T0, T0 + 1000, m(MATCH_RE, "a", "("));
    assert_int_equal(silence_set_put(f->set, &s, NOW(T0), &f->rand, &c, &f->err), -EINVAL);
    assert_non_null(strstr(f->err.text, "invalid silence: invalid label matcher 0 in set 0: "
                                        "invalid regular expression \"(\": "));
    s = make(f, T0, WALL_ABSENT, m(MATCH_EQ, "a", "b"));
    assert_int_equal(silence_set_put(f->set, &s, NOW(T0), &f->rand, &c, &f->err), -EINVAL);
    assert_string_equal(f->err.text, "invalid silence: invalid zero end timestamp");
    s = make(f, T0, T0 - 1, m(MATCH_EQ, "a", "b"));
    assert_int_equal(silence_set_put(f->set, &s, NOW(T0), &f->rand, &c, &f->err), -EINVAL);
    assert_string_equal(f->err.text, "invalid silence: end time must not be before start time");
    s = ok;
    s.id = STR("nobody");
    assert_int_equal(silence_set_put(f->set, &s, NOW(T0), &f->rand, &c, &f->err), -ENOENT);
    assert_string_equal(f->err.text, "silence not found");
    assert_int_equal(silence_set_stats(f->set, NOW(T0)).by_state[SILENCE_ACTIVE], 0);
    put(f, make(f, T0, T0 + 1000, m(MATCH_NE, "a", "b")), T0); /* alone it is allowed */
}

static void creation_clamps_the_start(void **state)
{
    struct fixture *f = *state;
    struct silence_change c = put(f, make(f, 5, T0 + 1000, m(MATCH_EQ, "a", "b")), T0);

    assert_true(c.created);
    assert_null(c.expired);
    assert_int_equal(c.silence->id.n, 36);
    assert_true(c.silence->starts_wall_ms == T0);
    assert_true(c.silence->updated_wall_us == T0 * 1000);
    assert_true(c.silence->expires_wall_ms == T0 + 1000 + MS_PER_H);
    assert_true(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0)));
    assert_true(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0 + 999)));
    assert_false(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0 + 1000)));
    assert_false(silence_set_mutes(f->set, labels1("a", "c"), NOW(T0)));
}

static void an_active_one_is_extended_in_place(void **state)
{
    struct fixture *f = *state;
    struct silence s = make(f, T0, T0 + 10000, m(MATCH_EQ, "a", "b"));
    uint64_t version;
    struct silence_change c = put(f, s, T0);

    s.id = arena_str(f->a, c.silence->id);
    s.ends_wall_ms = T0 + 20000;
    version = silence_set_version(f->set);
    c = put(f, s, T0); /* within the same millisecond the update is later all the same */
    assert_false(c.created);
    assert_str_eq(c.silence->id, s.id.p);
    assert_true(c.silence->updated_wall_us == T0 * 1000 + 1);
    assert_true(silence_set_version(f->set) > version);
    assert_true(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0 + 15000)));
    s.starts_wall_ms = T0 + 999; /* the same second */
    assert_false(put(f, s, T0 + 1).created);
    s.starts_wall_ms = T0 + 1000;
    c = put(f, s, T0 + 1000);
    assert_true(c.created);
    assert_non_null(c.expired);
    assert_true(c.expired->ends_wall_ms == T0 + 1000);
    assert_str_eq(c.expired->id, s.id.p);
}

static void other_matchers_make_another_silence(void **state)
{
    struct fixture *f = *state;
    struct silence_change c = put(f, make(f, T0, T0 + 10000, m(MATCH_EQ, "a", "b")), T0);
    struct silence s = make(f, T0, T0 + 10000, m(MATCH_EQ, "a", "c"));

    s.id = arena_str(f->a, c.silence->id);
    c = put(f, s, T0 + 5);
    assert_true(c.created);
    assert_str_eq(c.expired->id, s.id.p);
    assert_false(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0 + 5)));
    assert_true(silence_set_mutes(f->set, labels1("a", "c"), NOW(T0 + 5)));
    s.ends_wall_ms = T0 + 20000; /* of an expired one: another again, and that one stays */
    c = put(f, s, T0 + 6);
    assert_true(c.created);
    assert_null(c.expired);
}

static void a_pending_one_moves_freely_ahead(void **state)
{
    struct fixture *f = *state;
    struct silence s = make(f, T0 + 1000, T0 + 2000, m(MATCH_EQ, "a", "b"));
    struct silence_change c = put(f, s, T0);

    s.id = arena_str(f->a, c.silence->id);
    s.starts_wall_ms = T0 + 500;
    assert_false(put(f, s, T0).created);
    assert_false(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0 + 499)));
    assert_true(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0 + 500)));
    s.starts_wall_ms = T0 - 1;
    assert_true(put(f, s, T0).created);
}

static void refused_edits_leave_the_old_one(void **state)
{
    struct fixture *f = *state;
    struct silence s = make(f, T0, T0 + 10000, m(MATCH_EQ, "a", "b"));
    struct silence_change c = put(f, s, T0);
    uint64_t digest = silence_set_digest(f->set);

    silence_set_options(f->set, (struct silence_options){.silences_max = 1});
    s = make(f, T0, T0 + 10000, m(MATCH_EQ, "a", "c"));
    s.id = arena_str(f->a, c.silence->id);
    assert_int_equal(silence_set_put(f->set, &s, NOW(T0), &f->rand, &c, &f->err), -ENOSPC);
    assert_string_equal(f->err.text, "exceeded maximum number of silences: 1 (limit: 1)");
    silence_set_options(f->set, (struct silence_options){.silence_bytes_max = 10});
    assert_int_equal(silence_set_put(f->set, &s, NOW(T0), &f->rand, &c, &f->err), -E2BIG);
    assert_non_null(strstr(f->err.text, "silence exceeded maximum size: "));
    assert_non_null(strstr(f->err.text, " bytes (limit: 10 bytes)"));
    assert_true(silence_set_digest(f->set) == digest);
    assert_true(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0)));
}

static void expiring_ends_now(void **state)
{
    struct fixture *f = *state;
    struct silence_change active = put(f, make(f, T0, T0 + 9000, m(MATCH_EQ, "a", "b")), T0);
    struct str active_id = arena_str(f->a, active.silence->id);
    struct silence_change pending =
        put(f, make(f, T0 + 5000, T0 + 9000, m(MATCH_EQ, "a", "c")), T0);
    const struct silence *s;

    assert_int_equal(silence_set_expire(f->set, STR("x"), NOW(T0), &s), -ENOENT);
    assert_int_equal(silence_set_expire(f->set, active_id, NOW(T0 + 3), &s), 0);
    assert_true(s->starts_wall_ms == T0 && s->ends_wall_ms == T0 + 3);
    assert_false(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0 + 3)));
    assert_int_equal(silence_set_expire(f->set, active_id, NOW(T0 + 4), &s), 0);
    assert_null(s);
    assert_int_equal(silence_set_expire(f->set, pending.silence->id, NOW(T0 + 4), &s), 0);
    assert_true(s->starts_wall_ms == T0 + 4 && s->ends_wall_ms == T0 + 4);
}

static void count_gone(const struct silence *s, void *arg)
{
    (void)s;
    ++*(int *)arg;
}

static void time_starts_ends_and_forgets(void **state)
{
    struct fixture *f = *state;
    int gone = 0;
    uint64_t v;

    put(f, make(f, T0 + 10, T0 + 20, m(MATCH_EQ, "a", "b")), T0);
    silence_set_tick(f->set, NOW(T0), count_gone, &gone);
    assert_true(silence_set_next_wall_ms(f->set) == T0 + 10);
    v = silence_set_version(f->set);
    silence_set_tick(f->set, NOW(T0 + 9), count_gone, &gone);
    assert_true(silence_set_version(f->set) == v);
    silence_set_tick(f->set, NOW(T0 + 10), count_gone, &gone);
    assert_true(silence_set_version(f->set) == v + 1);
    assert_true(silence_set_next_wall_ms(f->set) == T0 + 20);
    silence_set_tick(f->set, NOW(T0 + 20), count_gone, &gone);
    assert_true(silence_set_next_wall_ms(f->set) == T0 + 20 + MS_PER_H);
    silence_set_tick(f->set, NOW(T0 + 15), count_gone, &gone); /* a step back */
    assert_true(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0 + 15)));
    assert_true(silence_set_version(f->set) == v + 3);
    silence_set_tick(f->set, NOW(T0 + 19 + MS_PER_H), count_gone, &gone);
    assert_int_equal(gone, 0);
    silence_set_tick(f->set, NOW(T0 + 20 + MS_PER_H), count_gone, &gone);
    assert_int_equal(gone, 1);
    assert_true(silence_set_next_wall_ms(f->set) == TIME_NEVER);
}

static void the_later_version_wins(void **state)
{
    struct fixture *f = *state;
    struct silence s = make(f, T0, T0 + 1000, m(MATCH_EQ, "a", "b")), t;
    struct silence_change c;

    s.id = STR("peer-1");
    assert_int_equal(silence_set_merge(f->set, &s, NOW(T0), &f->err), SILENCE_MERGED);
    assert_int_equal(silence_set_merge(f->set, &s, NOW(T0), &f->err), SILENCE_OLD);
    t = s;
    t.updated_wall_us--;
    t.ends_wall_ms += 5000;
    assert_int_equal(silence_set_merge(f->set, &t, NOW(T0), &f->err), SILENCE_OLD);
    t.updated_wall_us = s.updated_wall_us + 3600 * INT64_C(1000000); /* a fast clock */
    assert_int_equal(silence_set_merge(f->set, &t, NOW(T0), &f->err), SILENCE_MERGED);
    assert_true(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0 + 3000)));
    s.ends_wall_ms = T0 + 9000; /* our own edit is later than what we have seen */
    c = put(f, s, T0 + 1);
    assert_false(c.created);
    assert_true(c.silence->updated_wall_us == t.updated_wall_us + 1);
    t.id = STR("peer-2");
    t.expires_wall_ms = T0;
    assert_int_equal(silence_set_merge(f->set, &t, NOW(T0), &f->err), SILENCE_GONE);
}

static void versions_of_one_instant_agree_everywhere(void **state)
{
    struct fixture *f = *state;
    struct silence_set *other = silence_set_new((struct silence_options){0});
    struct silence s = make(f, T0, T0 + 1000, m(MATCH_EQ, "a", "b")), t;

    s.id = STR("one");
    t = s;
    t.comment = STR("because");
    (void)silence_set_merge(f->set, &s, NOW(T0), &f->err);
    (void)silence_set_merge(f->set, &t, NOW(T0), &f->err);
    (void)silence_set_merge(other, &t, NOW(T0), &f->err);
    (void)silence_set_merge(other, &s, NOW(T0), &f->err);
    assert_true(silence_set_digest(f->set) == silence_set_digest(other));
    silence_set_free(other);
}

static void a_bad_one_from_a_peer_unsilences_nobody(void **state)
{
    struct fixture *f = *state;
    struct silence bad = make(f, T0, T0 + 1000, m(MATCH_RE, "a", "\\Qfoo"));
    struct silence all = make(f, T0, T0 + 1000, m(MATCH_EQ, "a", ""));

    put(f, make(f, T0, T0 + 1000, m(MATCH_EQ, "a", "b")), T0);
    bad.id = STR("bad");
    all.id = STR("all");
    assert_int_equal(silence_set_merge(f->set, &all, NOW(T0), &f->err), SILENCE_INVALID);
    all.sets_n = 0;
    assert_int_equal(silence_set_merge(f->set, &all, NOW(T0), &f->err), SILENCE_INVALID);
    bad.sets[0].v[0].value = STR("(?<");
    assert_int_equal(silence_set_merge(f->set, &bad, NOW(T0), &f->err), SILENCE_INVALID);
    assert_int_equal(silence_set_stats(f->set, NOW(T0)).merge_invalid, 3);
    assert_null(silence_set_find(f->set, STR("bad")));
    assert_true(silence_set_mutes(f->set, labels1("a", "b"), NOW(T0)));
    assert_false(silence_set_mutes(f->set, labels1("c", "d"), NOW(T0)));
}

static void any_of_several_sets_matches_once(void **state)
{
    struct fixture *f = *state;
    struct silence s = make(f, T0, T0 + 1000, m(MATCH_EQ, "a", "b"));
    struct matchers sets[2] = {s.sets[0], {0}};
    const struct silence *const *hits;

    matchers_add(&sets[1], m(MATCH_RE, "a", "b|c"), f->a);
    s.sets = sets;
    s.sets_n = 2;
    put(f, s, T0);
    assert_int_equal(silence_set_match(f->set, labels1("a", "b"), NOW(T0), f->a, &hits), 1);
    assert_int_equal(silence_set_match(f->set, labels1("a", "c"), NOW(T0), f->a, &hits), 1);
    assert_int_equal(silence_set_match(f->set, labels1("a", "d"), NOW(T0), f->a, &hits), 0);
}

static void lists_are_sorted_and_filtered(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int64_t starts, ends;
        const char *comment;
    } cases[] = {{1000, 9000, "p1000"}, {500, 9000, "p500"}, {0, 3000, "a3000"}, {0, 2000, "a2000"},
                 {0, 10, "e10"},        {0, 20, "e20"},      {0, 2000, "a2000b"}};
    struct matchers filter = {0};
    struct silence_query q = {.states = BIT(SILENCE_ACTIVE) | BIT(SILENCE_PENDING) |
                                        BIT(SILENCE_EXPIRED)};
    const struct silence *const *v;
    struct buf got;
    size_t n;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct silence s = make(f, T0 + cases[i].starts, T0 + cases[i].ends,
                                m(MATCH_EQ, "a", i % 2 == 0 ? "even" : "odd"));

        s.comment = str_from(cases[i].comment);
        put(f, s, T0);
    }
    n = silence_set_query(f->set, &q, NOW(T0 + 100), f->a, &v);
    buf_init(&got, 0);
    for (size_t i = 0; i < n; i++)
        buf_add_fmt(&got, STR_FMT " ", STR_ARG(v[i]->comment));
    assert_str_eq(buf_str(&got), "a2000 a2000b a3000 p500 p1000 e20 e10 ");
    buf_clear(&got);
    matchers_add(&filter, m(MATCH_EQ, "a", "odd"), f->a);
    q.filter = &filter;
    assert_int_equal(silence_set_query(f->set, &q, NOW(T0 + 100), f->a, &v), 3);
    q.states = BIT(SILENCE_PENDING);
    assert_int_equal(silence_set_query(f->set, &q, NOW(T0 + 100), f->a, &v), 1);
    filter.v[0].op = MATCH_RE; /* alike is not the same */
    assert_int_equal(silence_set_query(f->set, &q, NOW(T0 + 100), f->a, &v), 0);
}

/* Numbers counted by hand from the record's definition. */
static void size_is_that_of_the_record(void **state)
{
    struct fixture *f = *state;
    struct silence s = make(f, 1000, 2000, m(MATCH_EQ, "a", "b"));

    s.updated_wall_us = 3000000;
    s.expires_wall_ms = 4000;
    s.id = STR("i");
    s.created_by = s.comment = STR_EMPTY;
    /* id 3, three times 4, a set of 10 (2 + 2 + name 3 + pattern 3): 25; 2 before; expires 4 */
    assert_int_equal(silence_wire_bytes(&s), 25 + 2 + 4);
    s.sets[0].v[0].op = MATCH_RE;
    assert_int_equal(silence_wire_bytes(&s), 27 + 2 + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_goes_by_start_and_end),
        cmocka_unit_test_setup_teardown(mistakes_have_alertmanagers_words, setup, teardown),
        cmocka_unit_test_setup_teardown(creation_clamps_the_start, setup, teardown),
        cmocka_unit_test_setup_teardown(an_active_one_is_extended_in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(other_matchers_make_another_silence, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pending_one_moves_freely_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_edits_leave_the_old_one, setup, teardown),
        cmocka_unit_test_setup_teardown(expiring_ends_now, setup, teardown),
        cmocka_unit_test_setup_teardown(time_starts_ends_and_forgets, setup, teardown),
        cmocka_unit_test_setup_teardown(the_later_version_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(versions_of_one_instant_agree_everywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_one_from_a_peer_unsilences_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(any_of_several_sets_matches_once, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_are_sorted_and_filtered, setup, teardown),
        cmocka_unit_test_setup_teardown(size_is_that_of_the_record, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
