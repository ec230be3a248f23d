/* Power failures at random moments: whatever was reported as stored is there afterwards, each
 * transaction whole, and nothing stands in the store that was not put. The same test must find a
 * loss where syncs are left out, else it could not see one.
 * CRASH_SEED and CRASH_ROUNDS in the environment repeat or prolong it. */
#include "common/io/store.h"

#include "common/base/rand.h"
#include "tests/lib/crash_vfs.h"
#include "tests/lib/store_bench.h"
#include "tests/lib/test.h"

#include <sqlite3.h>

#define ROUNDS 250
#define ROUNDS_UNSYNCED 60
#define KEYS 40
#define PER_TXN 3

/* What was put, by key number: transactions write their id to PER_TXN keys at once. */
struct history {
    uint64_t stored[KEYS]; /* newest transaction reported as stored: at least that must be there */
    uint64_t put[KEYS];    /* newest one put: nothing later may be there */
    uint64_t txn;
};

static void key_name(char ret[16], unsigned key)
{
    (void)snprintf(ret, 16, "key-%02u", key);
}

/* Transaction txn writes these; by its id, so that wholeness can be checked afterwards. */
static unsigned key_of(uint64_t txn, uint64_t i)
{
    return (unsigned)((txn * 7 + i * 13) % KEYS);
}

static void put(struct store_bench *b, struct history *h, struct rand *r, uint64_t base)
{
    uint64_t txn = ++h->txn;
    char keys[PER_TXN][16];
    char values[PER_TXN][3000];
    struct row_op ops[PER_TXN];

    for (unsigned i = 0; i < PER_TXN; i++) {
        size_t padding = (size_t)rand_below(r, 2900);

        key_name(keys[i], key_of(txn, i));
        memset(values[i], '.', sizeof(values[i]));
        (void)snprintf(values[i], 24, "%llu ", (unsigned long long)txn);
        ops[i] = (struct row_op){
            .kind = 1, .key = str_from(keys[i]), .value = {.p = values[i], .n = 24 + padding}};
        h->put[key_of(txn, i)] = txn;
    }
    assert_int_equal(store_put(b->store, txn - base, ops, PER_TXN), 0);
}

static void note_stored(const struct store_bench *b, struct history *h, uint64_t base)
{
    for (uint64_t txn = base + 1; txn <= h->txn; txn++)
        if (b->result[txn - base] == 0)
            for (unsigned i = 0; i < PER_TXN; i++)
                h->stored[key_of(txn, i)] = txn;
}

static uint64_t found_at(const struct store_bench *b, unsigned key)
{
    char name[16];
    const char *value;

    key_name(name, key);
    value = store_bench_value(b, 1, name);
    return value != NULL ? strtoull(value, NULL, 10) : 0;
}

/* How many keys went back behind what was stored; the test fails on what no crash explains. */
static unsigned check(const struct store_bench *b, struct history *h, bool synced)
{
    unsigned lost = 0;

    for (unsigned key = 0; key < KEYS; key++) {
        uint64_t found = found_at(b, key);

        assert_true(found <= h->put[key]);
        if (found < h->stored[key])
            lost++;
        for (unsigned i = 0; synced && found > 0 && i < PER_TXN; i++) /* each transaction whole */
            assert_true(found_at(b, key_of(found, i)) >= found);
    }
    for (unsigned key = 0; key < KEYS; key++) /* the world goes on from what is there */
        h->stored[key] = h->put[key] = found_at(b, key);
    return lost;
}

static unsigned env_number(const char *name, unsigned fallback)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : fallback;
}

struct outcome {
    unsigned lost, regressed, damaged, crashes;
    uint64_t stored;
};

/* One life: opens, checks, writes until the power fails or the life ends well. */
static void live(struct store_bench *b, struct history *h, struct rand *r, bool first,
                 bool unsynced, struct outcome *o)
{
    uint64_t base = h->txn;

    store_bench_open(b);
    o->damaged += b->opening.damaged;
    o->regressed += b->opening.regressed;
    if (!first)
        o->lost += check(b, h, !unsynced);
    if (!unsynced)
        assert_false(b->opening.damaged);
    crash_vfs_writeback((unsigned)rand_below(r, 3) * 1000);
    crash_vfs_crash_after(1 + rand_below(r, rand_chance(r, 5000) ? 40 : 2500), NULL);
    for (uint64_t i = 1 + rand_below(r, 300); i > 0 && !crash_vfs_crashed(); i--) {
        for (uint64_t n = 1 + rand_below(r, 8); n > 0; n--)
            put(b, h, r, base);
        (void)store_work(b->store);
        store_dispatch(b->store);
    }
    note_stored(b, h, base);
    for (uint64_t txn = base + 1; txn <= h->txn; txn++)
        o->stored += b->result[txn - base] == 0;
    if (!crash_vfs_crashed() && rand_chance(r, 5000))
        crash_vfs_crash();
    o->crashes += crash_vfs_crashed();
    crash_vfs_crash_after(0, NULL);
    (void)store_bench_close(b);
    note_stored(b, h, base); /* a healthy close stores the rest */
    crash_vfs_restart();
}

static struct outcome run(unsigned rounds, uint64_t seed, bool unsynced, bool lying_disk)
{
    struct store_bench *b = xcalloc(1, sizeof(*b));
    struct history h = {0};
    struct outcome o = {0};
    struct rand r;

    assert_int_equal(crash_vfs_register(false), SQLITE_OK);
    crash_vfs_reset(seed);
    crash_vfs_ignore_sync(lying_disk);
    rand_seed(&r, seed);
    store_bench_init(b);
    b->options.vfs = CRASH_VFS_NAME;
    b->options.synchronous_off = unsynced;
    for (unsigned i = 0; i < rounds; i++) {
        live(b, &h, &r, i == 0, unsynced || lying_disk, &o);
        if (o.lost > 0 && !unsynced && !lying_disk)
            fail_msg("seed %llu round %u: %u stored rows lost", (unsigned long long)seed, i,
                     o.lost);
    }
    store_bench_open(b);
    o.lost += check(b, &h, !unsynced && !lying_disk);
    store_bench_clear(b);
    free(b);
    crash_vfs_reset(seed);
    print_message("%u lives, %u crashes, %llu transactions stored, %u rows lost,"
                  " %u regressions seen, %u databases damaged\n",
                  rounds, o.crashes, (unsigned long long)o.stored, o.lost, o.regressed, o.damaged);
    return o;
}

static void nothing_stored_is_lost(void **state)
{
    struct outcome o =
        run(env_number("CRASH_ROUNDS", ROUNDS), env_number("CRASH_SEED", 1), false, false);

    (void)state;
    assert_int_equal(o.lost, 0);
    assert_int_equal(o.damaged, 0);
    assert_int_equal(o.regressed, 0);
    assert_true(o.crashes > ROUNDS / 2);
}

static void without_syncs_the_loss_is_found(void **state)
{
    struct outcome o = run(ROUNDS_UNSYNCED, env_number("CRASH_SEED", 2), true, false);

    (void)state;
    assert_true(o.lost > 0);
    assert_true(o.regressed > 0);
}

static void on_a_disk_that_lies_the_loss_is_found(void **state)
{
    struct outcome o = run(ROUNDS_UNSYNCED, env_number("CRASH_SEED", 3), false, true);

    (void)state;
    assert_true(o.lost > 0);
    assert_true(o.regressed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_stored_is_lost),
        cmocka_unit_test(without_syncs_the_loss_is_found),
        cmocka_unit_test(on_a_disk_that_lies_the_loss_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
