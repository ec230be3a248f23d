#include "tests/lib/test.h"

#include "common/base/heap.h"
#include "common/base/now.h"
#include "common/base/rand.h"

struct item {
    struct heap_node node;
    int64_t want_ms;
    size_t put; /* when it was put in last */
    bool in;
};

/* The next item as a plain search finds it. */
static struct item *expected_first(struct item *items, size_t n)
{
    struct item *first = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!items[i].in)
            continue;
        if (first == NULL || items[i].want_ms < first->want_ms ||
            (items[i].want_ms == first->want_ms && items[i].put < first->put))
            first = &items[i];
    }
    return first;
}

static void the_heap_agrees_with_a_plain_search(void **state UNUSED)
{
    struct item items[60] = {0};
    struct heap h;
    struct rand r;

    rand_seed(&r, 1);
    heap_init(&h);
    for (size_t step = 1; step < 20000; step++) {
        struct item *item = &items[rand_below(&r, ARRAY_SIZE(items))], *first;

        if (rand_chance(&r, 6000)) {
            item->want_ms = rand_between(&r, -5, 5);
            item->put = step;
            item->in = true;
            heap_set(&h, &item->node, item->want_ms);
        } else {
            item->in = false;
            heap_remove(&h, &item->node);
        }
        first = expected_first(items, ARRAY_SIZE(items));
        assert_int_equal(heap_has(&item->node), item->in);
        assert_ptr_equal(heap_first(&h), first != NULL ? &first->node : NULL);
        assert_true(heap_next_ms(&h) == (first != NULL ? first->want_ms : TIME_NEVER));
    }
    heap_clear(&h);
    assert_null(heap_first(&h));
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        assert_false(heap_has(&items[i].node));
}

static void equal_deadlines_come_in_the_order_they_were_put_in(void **state UNUSED)
{
    struct heap_node nodes[50] = {0};
    struct heap h;

    heap_init(&h);
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
        heap_set(&h, &nodes[i], 7);
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        assert_ptr_equal(heap_first(&h), &nodes[i]);
        heap_remove(&h, &nodes[i]);
    }
    assert_true(heap_next_ms(&h) == TIME_NEVER);
    heap_remove(&h, &nodes[0]); /* not in it: nothing happens */
    heap_clear(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_heap_agrees_with_a_plain_search),
        cmocka_unit_test(equal_deadlines_come_in_the_order_they_were_put_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
