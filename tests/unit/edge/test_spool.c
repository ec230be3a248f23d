/* The spool alone: compaction, conservation, bounds, batches that cover, and what a restart finds.
 */
#include "tests/lib/engine_driver.h"
#include "tests/lib/test.h"

#include "common/base/json.h"
#include "common/base/rand.h"
#include "edge/core/edge_rows.h"
#include "edge/core/spool.h"

#include <stdlib.h>

/* An engine that does what the test asks for in one step. */
struct stub {
    struct engine engine;
    struct spool *spool;
    void (*act)(struct spool *s, struct now now, struct out *out);
};

static int64_t stub_step(struct engine *e, const struct engine_input *in, struct out *out)
{
    struct stub *t = (struct stub *)(void *)e;

    if (in->kind == ENGINE_RESTORE)
        spool_restore(t->spool, &in->row, in->now);
    if (in->kind == ENGINE_START)
        spool_start(t->spool, &in->start, in->now, out);
    if (in->kind == ENGINE_STORED)
        (void)spool_stored(t->spool, in->stored.txn);
    if (in->kind == ENGINE_TICK && t->act != NULL)
        t->act(t->spool, in->now, out);
    return TIME_NEVER;
}

static void stub_free(struct engine *e)
{
    struct stub *t = (struct stub *)(void *)e;

    spool_free(t->spool);
    free(t);
}

static uint64_t stub_digest(const struct engine *e)
{
    (void)e;
    return 0;
}

static const struct engine_ops ops = {stub_step, stub_free, stub_digest};
static struct driver d;

static struct engine *stub_new(void)
{
    struct stub *t = xcalloc(1, sizeof(*t));

    t->engine = (struct engine){.ops = &ops, .next_txn = 1};
    t->spool = spool_new(MIB(1));
    return &t->engine;
}

static struct spool *spool(void)
{
    return ((struct stub *)(void *)d.engine)->spool;
}

static void act(void (*what)(struct spool *s, struct now now, struct out *out))
{
    struct engine_input in = {.kind = ENGINE_TICK};

    ((struct stub *)(void *)d.engine)->act = what;
    driver_step(&d, &in);
}

static void begin(void)
{
    driver_init(&d, stub_new());
    driver_restore_and_start(&d);
}

static void restart(void)
{
    driver_restart(&d, stub_new());
    driver_restore_and_start(&d);
}

static struct { /* arguments of the acts */
    uint64_t fp, floor;
    bool firing;
    const char *suppressed;
} arg;

static void do_append(struct spool *s, struct now now, struct out *out)
{
    struct label label = {STR("alertname"), STR("a,\"labels\":b")};
    struct spool_change c = {.fp = arg.fp,
                             .firing = arg.firing,
                             .reason = arg.firing ? "open" : "explicit",
                             .suppressed = str_from(arg.suppressed),
                             .labels = {.v = &label, .n = 1},
                             .starts_wall_ms = now.wall_ms,
                             .ends_wall_ms = now.wall_ms};

    (void)spool_append(s, &c, now, out);
}

static void append(uint64_t fp, bool firing)
{
    arg.fp = fp;
    arg.firing = firing;
    act(do_append);
}

static void do_free(struct spool *s, struct now now, struct out *out)
{
    (void)now;
    spool_free_to(s, arg.floor, out);
}

static void free_to(uint64_t floor)
{
    arg.floor = floor;
    act(do_free);
}

static void assert_conserved(void)
{
    struct spool_stats s = spool_stats(spool());

    assert_int_equal(s.accepted, s.coalesced + s.freed + s.pending);
    assert_int_equal(driver_ledger_count(&d, LEDGER_ACCEPTED), s.accepted);
    assert_int_equal(driver_ledger_count(&d, LEDGER_COALESCED), s.coalesced);
    assert_int_equal(driver_ledger_count(&d, LEDGER_FREED), s.freed);
}

static void a_newer_row_of_an_episode_replaces_the_pending_one(void **state)
{
    struct spool_row r;
    int64_t first;

    (void)state;
    begin();
    append(7, true);
    first = d.now.wall_ms;
    driver_advance(&d, 5000);
    arg.suppressed = "silence:\"x\",\"labels\":";
    append(7, true);
    arg.suppressed = NULL;
    assert_int_equal(spool_stats(spool()).rows, 1);
    assert_true(spool_newest(spool(), 7, &r));
    assert_str_eq(r.suppressed, "silence:\"x\",\"labels\":");
    append(7, false);
    assert_true(spool_newest(spool(), 7, &r));
    assert_int_equal(r.seq, 3);
    assert_int_equal(r.episode, 1);
    assert_int_equal(r.transitions, 3);
    assert_int_equal(r.first_seen_wall_ms, first);
    append(7, true); /* a new episode; the old one's last word stays */
    assert_int_equal(spool_stats(spool()).rows, 2);
    assert_true(spool_newest(spool(), 7, &r));
    assert_int_equal(r.episode, 4);
    assert_int_equal(r.transitions, 1);
    assert_conserved();
    free_to(4);
    assert_int_equal(spool_stats(spool()).rows, 1);
    assert_int_equal(spool_stats(spool()).pending, 0);
    assert_conserved();
    driver_clear(&d);
}

/* from, to, rows and voids: read as a global node does. */
static void assert_covers(uint64_t from, uint64_t to, size_t rows_max)
{
    struct json_object *o = NULL, *rows = NULL, *voids = NULL;
    struct buf b;
    size_t n, row = 0, gap = 0;
    uint64_t end, pos = from;

    buf_init(&b, 0);
    buf_add_char(&b, '{');
    end = spool_write_batch(spool(), from, to, rows_max, MIB(1), &b, &n);
    buf_add_char(&b, '}');
    assert_true(n <= rows_max && end <= to && end >= from);
    assert_int_equal(json_parse(buf_str(&b), (struct json_opt){0}, &o, NULL), 0);
    assert_int_equal(json_get_array(o, "rows", &rows, NULL), 0);
    assert_int_equal(json_get_array(o, "voids", &voids, NULL), 0);
    assert_int_equal(json_object_array_length(rows), n);
    while (pos <= end) {
        struct json_object *r = json_object_array_get_idx(rows, row);
        uint64_t seq = 0;

        assert_true(r == NULL || json_get_u64(r, "seq", &seq, NULL) == 0);
        if (r != NULL && seq == pos) {
            row++;
            pos++;
            continue;
        }
        r = json_object_array_get_idx(voids, gap++);
        assert_non_null(r);
        assert_int_equal(json_object_get_int64(json_object_array_get_idx(r, 0)), pos);
        pos = (uint64_t)json_object_get_int64(json_object_array_get_idx(r, 1)) + 1;
    }
    assert_int_equal(pos, end + 1);
    assert_int_equal(gap, json_object_array_length(voids));
    json_object_put(o);
    buf_clear(&b);
}

static void batches_cover_whatever_happens(void **state)
{
    struct rand r;
    bool firing[40] = {false};

    (void)state;
    begin();
    rand_seed(&r, 3);
    for (int i = 0; i < 3000; i++) {
        uint64_t fp = rand_below(&r, ARRAY_SIZE(firing)), high, from;

        firing[fp] = !firing[fp];
        append(fp, firing[fp]);
        high = spool_high(spool());
        if (rand_chance(&r, 500))
            free_to(spool_floor(spool()) + rand_below(&r, high - spool_floor(spool()) + 1));
        from = 1 + rand_below(&r, high);
        assert_covers(from, from + rand_below(&r, high - from + 1), 1 + rand_below(&r, 50));
        if (i % 500 == 499) {
            struct spool_stats before = spool_stats(spool());

            assert_conserved();
            restart();
            assert_int_equal(spool_high(spool()), high);
            assert_int_equal(spool_epoch(spool()), 1);
            assert_int_equal(spool_stats(spool()).rows, before.rows);
            assert_int_equal(spool_stats(spool()).pending, before.pending);
            assert_int_equal(spool_stats(spool()).firing, before.firing);
            assert_int_equal(spool_stats(spool()).bytes, before.bytes);
            driver_clear(&d); /* counters begin anew with a process */
            begin();
            memset(firing, 0, sizeof(firing));
        }
    }
    driver_clear(&d);
}

static void the_bound_admits_no_new_episode(void **state)
{
    uint64_t fp = 0;

    (void)state;
    begin();
    spool_set_bytes_max(spool(), KIB(64));
    while (spool_admits(spool(), 600))
        append(fp++, true);
    assert_in_range(fp, 64, 300);
    assert_true(spool_stats(spool()).bytes <= KIB(64));
    for (uint64_t i = 0; i < fp; i++)
        append(i, false); /* what belongs to an episode always may */
    assert_in_range(spool_stats(spool()).bytes, 0, KIB(64) + 8 * fp);
    free_to(spool_high(spool()));
    assert_int_equal(spool_stats(spool()).bytes, 0);
    assert_true(spool_admits(spool(), KIB(64)));
    assert_false(spool_admits(spool(), KIB(64) + 1));
    driver_clear(&d);
}

static void rows_go_when_their_transaction_is_decided(void **state)
{
    (void)state;
    begin();
    d.manual_store = true;
    append(1, true);
    append(2, true);
    assert_int_equal(spool_sendable(spool()), 0);
    driver_stored(&d, d.txn - 1, STORE_OK);
    assert_int_equal(spool_sendable(spool()), 1);
    driver_stored(&d, d.txn, STORE_FULL);
    assert_int_equal(spool_sendable(spool()), 2);
    driver_clear(&d);
}

static void a_damaged_row_raises_the_epoch(void **state)
{
    struct spool_row r;

    (void)state;
    begin();
    for (uint64_t fp = 1; fp <= 5; fp++)
        append(fp, true);
    append(3, false);
    append(6, true);
    for (size_t i = 0; i < d.rows.n; i++) {
        if (d.rows.v[i].kind == EDGE_ROW_SPOOL &&
            (d.rows.v[i].key.p[7] == 1 || d.rows.v[i].key.p[7] == 7))
            d.rows.v[i].value.p[0] = 'x';
    }
    restart();
    assert_int_equal(spool_epoch(spool()), 2);
    assert_int_equal(spool_high(spool()), 4);
    assert_true(spool_newest(spool(), 3, &r));
    assert_false(r.firing);
    assert_int_equal(r.episode, r.seq);
    assert_covers(1, 4, 10);
    restart();
    assert_int_equal(spool_epoch(spool()), 2);
    assert_int_equal(spool_high(spool()), 4);
    driver_clear(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_row_of_an_episode_replaces_the_pending_one),
        cmocka_unit_test(batches_cover_whatever_happens),
        cmocka_unit_test(the_bound_admits_no_new_episode),
        cmocka_unit_test(rows_go_when_their_transaction_is_decided),
        cmocka_unit_test(a_damaged_row_raises_the_epoch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
