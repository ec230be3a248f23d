#include "tests/unit/global/fixture.h"

#include "common/base/rand.h"

static void test_receipt_follows_commit(void **state)
{
    struct world w;
    uint64_t id;

    (void)state;
    world_init(&w);
    w.manual = true;
    id = world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    assert_int_equal(world_status(&w, id), 0);
    assert_true(world_member(&w, UUID_A, 7)->s.firing); /* memory does not wait */
    /* What a heartbeat says is a promise, too. */
    id = world_beat(&w, fra_e1, UUID_A, 1, "");
    assert_answer(&w, id, 200, "\"epoch\":0,\"cursor\":0");
    world_commit(&w);
    assert_answer(&w, 1, 200, "{\"v\":1,\"epoch\":1,\"cursor\":1}");
    id = world_beat(&w, fra_e1, UUID_A, 1, "");
    assert_answer(&w, id, 200, "\"epoch\":1,\"cursor\":1");
    world_clear(&w);
}

/* A heartbeat never says less than a receipt did, whatever else is on its way to the disk. */
static void test_position_never_falls_behind_a_receipt(void **state)
{
    struct world w;
    struct engine_input stored = {.kind = ENGINE_STORED};
    uint64_t id;

    (void)state;
    world_init(&w);
    w.manual = true;
    id = world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    stored.stored.txn = w.newest_txn;
    (void)world_say(&w, fra_e1, UUID_A, 2, 7, "resolved");
    world_step(&w, &stored);
    assert_answer(&w, id, 200, "\"cursor\":1");
    assert_answer(&w, world_beat(&w, fra_e1, UUID_A, 2, ""), 200, "\"cursor\":1");
    for (uint64_t seq = 3; seq < 100; seq++) /* more than are remembered */
        (void)world_say(&w, fra_e1, UUID_A, seq, 7, "firing");
    world_commit(&w);
    assert_answer(&w, world_beat(&w, fra_e1, UUID_A, 2, ""), 200, "\"cursor\":99");
    world_clear(&w);
}

/* The resend of a batch whose commit is under way waits for that commit. */
static void test_resend_waits_too(void **state)
{
    struct world w;
    uint64_t id;

    (void)state;
    world_init(&w);
    w.manual = true;
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    id = world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    assert_int_equal(world_status(&w, id), 0);
    world_commit(&w);
    assert_answer(&w, id, 200, "\"cursor\":1");
    assert_int_equal(heard.changes[MEMBER_OPENED], 1);
    assert_int_equal(w.ledger[LEDGER_DUPLICATE], 1);
    world_clear(&w);
}

static void test_failed_commit_promises_nothing(void **state)
{
    struct world w;
    uint64_t first, second;

    (void)state;
    world_init(&w);
    w.manual = true;
    first = world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    world_fail(&w, STORE_FULL);
    assert_answer(&w, first, 503, "not_stored");
    assert_int_equal(heard.changes[MEMBER_OPENED], 1); /* it pages all the same */
    second = world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    assert_int_equal(world_status(&w, second), 0);
    world_fail(&w, STORE_UNKNOWN);
    assert_answer(&w, second, 503, "not_stored");
    assert_answer(&w, world_beat(&w, fra_e1, UUID_A, 1, ""), 200, "\"cursor\":0");
    second = world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    world_commit(&w);
    assert_answer(&w, second, 200, "\"cursor\":1");
    world_restart(&w);
    assert_true(world_member(&w, UUID_A, 7)->s.firing);
    world_clear(&w);
}

static void test_hole_needs_base(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    assert_answer(&w, world_say(&w, fra_e1, UUID_A, 3, 8, "firing"), 409,
                  "\"error\":\"need_base\",\"epoch\":1,\"cursor\":1");
    assert_null(world_member(&w, UUID_A, 8));
    assert_answer(&w, world_batch(&w, fra_e1, UUID_A, 1, "backlog", false, 2, 3, "", "[2,3]"), 200,
                  "\"cursor\":3");
    world_clear(&w);
}

static void test_epochs(void **state)
{
    struct world w;
    struct buf row;

    (void)state;
    world_init(&w);
    buf_init(&row, 0);
    row_text(&row, 1, 7, 1, "firing");
    assert_answer(&w, world_batch(&w, fra_e1, UUID_A, 5, "backlog", false, 1, 1, row.p, ""), 200,
                  "\"epoch\":5,\"cursor\":1");
    assert_answer(&w, world_batch(&w, fra_e1, UUID_A, 4, "backlog", false, 2, 2, "", "[2,2]"), 409,
                  "\"error\":\"fenced\",\"epoch\":5");
    /* An unknown epoch begins at its first row. */
    assert_answer(&w, world_batch(&w, fra_e1, UUID_A, 6, "backlog", false, 9, 9, "", "[9,9]"), 409,
                  "\"error\":\"need_base\",\"epoch\":6,\"cursor\":0");
    assert_answer(&w, world_batch(&w, fra_e1, UUID_A, 5, "backlog", false, 2, 2, "", "[2,2]"), 200,
                  "\"epoch\":5,\"cursor\":2");
    buf_reset(&row);
    row_text(&row, 1, 7, 1, "resolved");
    assert_answer(&w, world_batch(&w, fra_e1, UUID_A, 6, "backlog", false, 1, 1, row.p, ""), 200,
                  "\"epoch\":6,\"cursor\":1");
    assert_false(world_member(&w, UUID_A, 7)->s.firing);
    buf_clear(&row);
    world_clear(&w);
}

static uint64_t live(struct world *w, bool start, uint64_t seq, uint64_t fp, const char *state)
{
    struct buf row;
    uint64_t id;

    buf_init(&row, 0);
    row_text(&row, seq, fp, seq, state);
    id = world_batch(w, fra_e1, UUID_A, 1, "live", start, seq, seq, row.p, "");
    buf_clear(&row);
    return id;
}

static void test_live_window(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    (void)world_say(&w, fra_e1, UUID_A, 1, 1, "firing");
    assert_answer(&w, live(&w, false, 10, 10, "firing"), 409, "need_base");
    assert_answer(&w, live(&w, true, 10, 10, "firing"), 200, "\"cursor\":1,\"live\":[10,10]");
    assert_answer(&w, live(&w, false, 11, 11, "firing"), 200, "\"live\":[10,11]");
    /* The start once more: a late copy must not shrink the window. */
    assert_answer(&w, live(&w, true, 10, 10, "firing"), 200, "\"live\":[10,11]");
    assert_answer(&w, live(&w, false, 13, 13, "firing"), 409, "need_base");
    /* A newer window: the older one is forgotten, its rows come again and change nothing. */
    assert_answer(&w, live(&w, true, 20, 11, "resolved"), 200, "\"cursor\":1,\"live\":[20,20]");
    assert_int_equal(heard.changes[MEMBER_OPENED], 3);
    assert_answer(&w, world_batch(&w, fra_e1, UUID_A, 1, "backlog", false, 2, 9, "", "[2,9]"), 200,
                  "\"cursor\":9,\"live\":[20,20]");
    (void)world_say(&w, fra_e1, UUID_A, 10, 10, "firing");
    (void)world_say(&w, fra_e1, UUID_A, 11, 11, "firing");
    assert_int_equal(heard.changes[MEMBER_OPENED], 3);
    assert_false(world_member(&w, UUID_A, 11)->s.firing);
    world_restart(&w);
    /* The backlog meets the window: the cursor jumps to its end. */
    assert_answer(&w, world_batch(&w, fra_e1, UUID_A, 1, "backlog", false, 12, 19, "", "[12,19]"),
                  200, "{\"v\":1,\"epoch\":1,\"cursor\":20}");
    assert_answer(&w, live(&w, true, 21, 21, "firing"), 200, "\"cursor\":21}");
    world_clear(&w);
}

static void test_foreign_stream(void **state)
{
    struct world w;
    uint64_t digest;

    (void)state;
    world_init(&w);
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    digest = engine_digest(w.engine);
    assert_answer(&w, world_say(&w, ams_e1, UUID_A, 2, 7, "resolved"), 403, "foreign_stream");
    assert_answer(&w, world_say(&w, fra_e2, UUID_A, 2, 7, "resolved"), 403, "foreign_stream");
    assert_answer(&w, world_beat(&w, ams_e1, UUID_A, 1, ""), 403, "foreign_stream");
    assert_true(engine_digest(w.engine) == digest);
    assert_int_equal(world_global(&w)->counts.refused[REFUSED_FOREIGN_STREAM], 3);
    assert_int_equal(w.ledger[LEDGER_REFUSED], 3);
    world_restart(&w); /* the binding is kept */
    assert_answer(&w, world_say(&w, ams_e1, UUID_A, 2, 7, "resolved"), 403, "foreign_stream");
    world_clear(&w);
}

static void test_site_comes_from_the_certificate(void **state)
{
    static const char row[] = "{\"seq\":1,\"kind\":\"episode\",\"fp\":\"0000000000000007\","
                              "\"episode\":1,\"state\":\"firing\",\"labels\":{\"alertname\":\"A\","
                              "\"site\":\"ams1\"}}";
    struct world w;

    (void)state;
    world_init(&w);
    assert_answer(&w, world_batch(&w, fra_e1, UUID_A, 1, "backlog", false, 1, 1, row, ""), 200, "");
    assert_str_eq(member_site(world_member(&w, UUID_A, 7)), "fra1");
    assert_int_equal(world_global(&w)->counts.site_overwritten, 1);
    world_clear(&w);
}

static void test_other_identities(void **state)
{
    struct world w;
    struct engine_input in = {.kind = ENGINE_REQUEST};

    (void)state;
    world_init(&w);
    in.request = (struct engine_request){.id = 900,
                                         .listener = LISTENER_FEDERATION,
                                         .method = STR("POST"),
                                         .path = STR("/federation/v1/batches")};
    world_step(&w, &in);
    assert_answer(&w, 900, 401, "identity");
    in.request.id = 901;
    in.request.who.kind = PRINCIPAL_PEER;
    in.request.who.identity.kind = IDENTITY_GLOBAL;
    world_step(&w, &in);
    assert_answer(&w, 901, 403, "identity");
    assert_answer(&w, world_request(&w, fra_e1, "GET", "/federation/v1/batches", "", ""), 405, "");
    assert_answer(&w, world_post(&w, fra_e1, "nothing", ""), 404, "not_found");
    world_clear(&w);
}

#define ROW_OK \
    "{\"seq\":1,\"kind\":\"episode\",\"fp\":\"0000000000000007\",\"episode\":1," \
    "\"state\":\"firing\",\"labels\":{}}"

static void test_bad_batches_change_nothing(void **state)
{
    static const struct {
        const char *rows, *voids;
        uint64_t from, to;
        int status;
    } cases[] = {
        {ROW_OK, "", 1, 2, 400},
        {ROW_OK, "[1,1]", 1, 1, 400},
        {ROW_OK, "[3,3]", 1, 3, 400},
        {ROW_OK, "[2,9]", 1, 3, 400},
        {ROW_OK, "[2,-1]", 1, 3, 400},
        {ROW_OK, "[2]", 1, 2, 400},
        {ROW_OK, "[2,18446744073709551615]", 1, 2, 400},
        {ROW_OK, "", 2, 1, 400},
        {ROW_OK, "", 0, 1, 400},
        {ROW_OK "," ROW_OK, "", 1, 2, 400},
        {ROW_OK ",7", "", 1, 2, 400},
        {ROW_OK ",{\"seq\":2,\"kind\":\"episode\",\"fp\":\"7\",\"episode\":1,\"state\":\"firing\"}",
         "", 1, 2, 400},
        {ROW_OK ",{\"seq\":2,\"kind\":\"episode\",\"fp\":\"0000000000000007\",\"episode\":1,"
                "\"state\":\"maybe\"}",
         "", 1, 2, 400},
        {ROW_OK ",{\"seq\":2,\"kind\":\"episode\",\"fp\":\"0000000000000007\",\"episode\":1,"
                "\"state\":\"firing\",\"labels\":{\"a\":1}}",
         "", 1, 2, 400},
        {ROW_OK ",{\"seq\":2,\"kind\":\"heartache\"}", "", 1, 2, 422},
    };
    struct world w;

    (void)state;
    world_init(&w);
    (void)world_beat(&w, fra_e1, UUID_A, 0, "");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t digest = engine_digest(w.engine), id;

        id = world_batch(&w, fra_e1, UUID_A, 1, "backlog", false, cases[i].from, cases[i].to,
                         cases[i].rows, cases[i].voids);
        if (world_status(&w, id) != cases[i].status)
            fail_msg("case %zu: %d %s", i, world_status(&w, id), world_answer(&w, id)->body);
        assert_true(engine_digest(w.engine) == digest);
    }
    assert_answer(&w, world_post(&w, fra_e1, "batches", "[1]"), 400, "bad_request");
    assert_answer(&w, world_post(&w, fra_e1, "batches", "{\"v\":2}"), 400, "bad_request");
    assert_answer(&w, world_post(&w, fra_e1, "batches", "{\"v\":1,\"stream\":\"X\"}"), 400, "");
    assert_int_equal(heard.changes[MEMBER_OPENED], 0);
    world_clear(&w);
}

/* A legal alert is never refused for its size. */
static void test_long_texts_are_cut(void **state)
{
    struct world w;
    struct buf row;
    struct member *m;
    struct str v;

    (void)state;
    world_init(&w);
    buf_init(&row, 0);
    buf_add_fmt(&row, "{\"seq\":1,\"kind\":\"episode\",\"fp\":\"0000000000000007\",\"episode\":1,"
                      "\"state\":\"firing\",\"labels\":{\"a\":\"");
    for (int i = 0; i < 1000; i++)
        buf_add(&row, "\xc3\xa9", 2);
    buf_add_fmt(&row, "\",\"severity\":\"critical\"");
    for (int i = 0; i < 200; i++)
        buf_add_fmt(&row, ",\"l%03d\":\"v\"", i);
    buf_add_fmt(&row, "},\"annotations\":{\"x\":\"");
    for (int i = 0; i < 100000; i++)
        buf_add_char(&row, 'y');
    buf_add_fmt(&row, "\"}}");
    assert_answer(&w, world_batch(&w, fra_e1, UUID_A, 1, "backlog", false, 1, 1, row.p, ""), 200,
                  "\"cursor\":1");
    m = world_member(&w, UUID_A, 7);
    assert_str_eq(labels_get(m->s.labels, STR("severity")), "critical");
    assert_int_equal(m->s.labels.n, MEMBER_LABELS_MAX + 1); /* and the site */
    v = labels_get(m->s.labels, STR("a"));
    assert_true(v.n <= MEMBER_LABEL_MAX && str_ends(v, STR("é…")));
    v = labels_get(m->s.annotations, STR("x"));
    assert_int_equal(v.n, MEMBER_ANNOTATION_MAX);
    assert_true(world_global(&w)->counts.texts_cut > 100);
    buf_clear(&row);
    world_clear(&w);
}

static void test_bound_of_members(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    world_global(&w)->limits.members_max = 1;
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    assert_answer(&w, world_say(&w, fra_e1, UUID_A, 2, 8, "firing"), 503, "too_many_members");
    assert_answer(&w, world_say(&w, fra_e1, UUID_A, 2, 7, "resolved"), 200, "\"cursor\":2");
    world_clear(&w);
}

static void test_metrics(void **state)
{
    static const char *const want[] = {
        "tocsin_global_rows_total{result=\"applied\"} 1\n",
        "tocsin_global_rows_total{result=\"duplicate\"} 1\n",
        "tocsin_global_refused_total{cause=\"foreign_stream\"} 1\n",
        "tocsin_global_streams{state=\"live\"} 1\n",
        "tocsin_global_members{state=\"firing\"} 1\n",
        "# TYPE tocsin_global_duty_streams gauge\ntocsin_global_duty_streams 0\n",
    };
    struct world w;
    struct buf b;

    (void)state;
    world_init(&w);
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    (void)world_say(&w, ams_e1, UUID_A, 2, 7, "firing");
    buf_init(&b, 0);
    global_metrics(world_global(&w), &b);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        if (strstr(b.p, want[i]) == NULL)
            fail_msg("no %s in %s", want[i], b.p);
    }
    buf_clear(&b);
    world_clear(&w);
}

/* ---- replay and order ---- */

#define STORY 60

struct piece {
    uint64_t from, to;
    bool live, start;
};

static void story_rows(struct buf *rows, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++)
        row_text(rows, seq, seq % 7, seq, seq / 7 % 2 == 0 ? "firing" : "resolved");
}

static int send_piece(struct world *w, struct piece p)
{
    struct buf rows;
    uint64_t id;

    buf_init(&rows, 0);
    story_rows(&rows, p.from, p.to);
    id = world_batch(w, fra_e1, UUID_A, 1, p.live ? "live" : "backlog", p.start, p.from, p.to,
                     rows.p, "");
    buf_clear(&rows);
    return world_status(w, id);
}

static uint64_t told_in_order(void)
{
    struct world w;
    uint64_t digest;

    world_init(&w);
    assert_int_equal(send_piece(&w, (struct piece){1, STORY, false, false}), 200);
    digest = engine_digest(w.engine);
    world_clear(&w);
    return digest;
}

/* Pieces in any order, repeated, overlapping, with restarts in between: once the backlog has been
 * through, the state is that of one orderly batch. */
static void test_any_order_is_the_same(void **state)
{
    uint64_t want = told_in_order();
    struct rand r;

    (void)state;
    rand_seed(&r, 42);
    for (int round = 0; round < 60; round++) {
        struct world w;

        world_init(&w);
        for (int i = 0; i < 40; i++) {
            struct piece p = {.from = 1 + rand_below(&r, STORY)};

            p.to = p.from + rand_below(&r, STORY - p.from + 1);
            p.live = rand_chance(&r, 6000);
            p.start = p.live && rand_chance(&r, 5000);
            (void)send_piece(&w, p);
            if (rand_chance(&r, 500))
                world_restart(&w);
        }
        for (uint64_t seq = 1; seq <= STORY; seq++)
            assert_int_equal(send_piece(&w, (struct piece){seq, seq, false, false}), 200);
        assert_true(engine_digest(w.engine) == want);
        assert_int_equal(stream_find(world_global(&w), STR(UUID_A))->at.cursor, STORY);
        world_clear(&w);
    }
}

/* Whatever was receipted is there after a crash. */
static void test_crash_keeps_what_was_receipted(void **state)
{
    struct rand r;

    (void)state;
    rand_seed(&r, 7);
    for (int round = 0; round < 40; round++) {
        struct world w;
        uint64_t cursor = 0;

        world_init(&w);
        w.manual = true;
        for (uint64_t seq = 1; seq <= STORY; seq++) {
            if (send_piece(&w, (struct piece){seq, seq, false, false}) == 0 &&
                rand_chance(&r, 4000)) {
                world_commit(&w);
                cursor = seq;
            }
            if (rand_chance(&r, 800)) {
                world_restart(&w);
                assert_int_equal(
                    cursor > 0 ? stream_find(world_global(&w), STR(UUID_A))->at.cursor : 0, cursor);
                seq = cursor;
            }
        }
        world_commit(&w);
        w.manual = false;
        assert_true(engine_digest(w.engine) == told_in_order());
        world_clear(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receipt_follows_commit),
        cmocka_unit_test(test_position_never_falls_behind_a_receipt),
        cmocka_unit_test(test_resend_waits_too),
        cmocka_unit_test(test_failed_commit_promises_nothing),
        cmocka_unit_test(test_hole_needs_base),
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_live_window),
        cmocka_unit_test(test_foreign_stream),
        cmocka_unit_test(test_site_comes_from_the_certificate),
        cmocka_unit_test(test_other_identities),
        cmocka_unit_test(test_bad_batches_change_nothing),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_bound_of_members),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_any_order_is_the_same),
        cmocka_unit_test(test_crash_keeps_what_was_receipted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
