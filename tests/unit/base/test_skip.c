/* The skip list against a sorted array. */
#include "common/base/skip.h"

#include "common/base/rand.h"
#include "tests/lib/test.h"

#define N 500

struct item {
    struct skip_node node;
    unsigned value;
};

static unsigned value_of(const struct skip_node *n)
{
    return ((const struct item *)(const void *)n)->value; /* the first member */
}

static int compare(const struct skip_node *a, const struct skip_node *b)
{
    return value_of(a) < value_of(b) ? -1 : value_of(a) > value_of(b);
}

static bool before(const struct skip_node *n, const void *place)
{
    return value_of(n) < *(const unsigned *)place;
}

static void check(const struct skip *s, const struct item *items)
{
    const struct skip_node *n = skip_find(s, before, NULL);

    for (unsigned i = 0; i < N; i++) {
        if (items[i].node.next == NULL)
            continue;
        assert_ptr_equal(n, &items[i].node);
        n = skip_next(n);
    }
    assert_null(n);
    for (unsigned place = 0; place < N + 2; place += 7) {
        unsigned i = place;

        while (i < N && items[i].node.next == NULL)
            i++;
        assert_ptr_equal(skip_find(s, before, &place), i < N ? &items[i].node : NULL);
    }
}

static void it_is_sorted_whatever_comes_and_goes(void **state)
{
    static struct item items[N];
    struct skip s;
    struct rand r;

    (void)state;
    skip_init(&s, compare);
    rand_seed(&r, 3);
    for (unsigned i = 0; i < N; i++)
        items[i].value = i;
    for (unsigned round = 0; round < 5000; round++) {
        struct item *it = &items[rand_u64(&r) % N];

        if (it->node.next == NULL)
            skip_insert(&s, &it->node, rand_u64(&r));
        else
            skip_remove(&s, &it->node);
        if (round % 100 == 0)
            check(&s, items);
    }
    for (unsigned i = 0; i < N; i++) {
        if (items[i].node.next != NULL)
            skip_remove(&s, &items[i].node);
    }
    assert_null(skip_find(&s, before, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_sorted_whatever_comes_and_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
