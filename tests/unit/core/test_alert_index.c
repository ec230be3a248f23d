/* The index of alerts by label pair, against a plain table, over random changes. */
#include "common/core/alerts/alert_index.h"

#include "common/base/rand.h"
#include "tests/lib/test.h"

#define FPS 6000
#define PAIRS 300

static bool there[FPS + 1];

static bool known(void *arg, uint64_t fp)
{
    (void)arg;
    return there[fp];
}

/* Every alert has three pairs: one that all have, one of few, one of its own. */
static uint64_t pair_of(uint64_t fp, unsigned i)
{
    uint64_t n = i == 0 ? 0 : i == 1 ? 1 + fp % PAIRS : 1000 + fp;

    return (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void set(struct alert_index *ix, uint64_t fp, bool on)
{
    there[fp] = on;
    for (unsigned i = 0; i < 3; i++)
        (on ? alert_index_add : alert_index_remove)(ix, pair_of(fp, i), fp);
}

static void check(const struct alert_index *ix, uint64_t pair, unsigned i)
{
    static bool found[FPS + 1];
    const uint64_t *v;
    size_t n;

    memset(found, 0, sizeof(found));
    assert_true(alert_index_find(ix, pair, &v, &n));
    for (size_t k = 0; k < n; k++)
        found[v[k]] = true;
    for (uint64_t fp = 1; fp <= FPS; fp++) {
        if (there[fp] && pair_of(fp, i) == pair && !found[fp])
            fail_msg("%lu is not found", fp);
    }
    assert_in_range(n, 0, 4 * FPS);
}

static void it_finds_what_is_there(void **state)
{
    struct alert_index *ix = alert_index_new(known, NULL);
    struct rand r;

    (void)state;
    memset(there, 0, sizeof(there));
    rand_seed(&r, 7);
    for (unsigned round = 0; round < 60000; round++) {
        uint64_t fp = 1 + rand_u64(&r) % FPS;

        set(ix, fp, !there[fp]);
        if (round % 2000 == 0) {
            check(ix, pair_of(fp, 0), 0);
            check(ix, pair_of(fp, 1), 1);
            check(ix, pair_of(fp, 2), 2);
        }
    }
    for (uint64_t fp = 1; fp <= FPS; fp++) {
        if (there[fp])
            set(ix, fp, false);
    }
    for (unsigned i = 0; i < 3; i++) {
        const uint64_t *v;
        size_t n;

        assert_true(alert_index_find(ix, pair_of(1, i), &v, &n));
        assert_int_equal(n, 0);
    }
    alert_index_free(ix);
}

static void a_pair_of_very_many_is_only_counted(void **state)
{
    struct alert_index *ix = alert_index_new(known, NULL);
    const uint64_t *v;
    size_t n, before;

    (void)state;
    memset(there, 0, sizeof(there));
    for (uint64_t i = 0; i < ALERT_INDEX_LIST_MAX; i++)
        alert_index_add(ix, 42, i);
    assert_true(alert_index_find(ix, 42, &v, &n));
    assert_int_equal(n, ALERT_INDEX_LIST_MAX);
    before = alert_index_bytes(ix);
    alert_index_add(ix, 42, ALERT_INDEX_LIST_MAX);
    assert_false(alert_index_find(ix, 42, &v, &n));
    assert_true(alert_index_bytes(ix) < before / 2);
    for (uint64_t i = 0; i <= ALERT_INDEX_LIST_MAX; i++)
        alert_index_remove(ix, 42, i);
    assert_true(alert_index_find(ix, 42, &v, &n)); /* from the start again */
    assert_int_equal(n, 0);
    alert_index_free(ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_is_there),
        cmocka_unit_test(a_pair_of_very_many_is_only_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
