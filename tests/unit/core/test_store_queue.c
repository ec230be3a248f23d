#include "common/core/store_queue.h"
#include "tests/lib/test.h"

static void success_speaks_for_all_before_it(void **state)
{
    struct store_queue q = {0};

    (void)state;
    for (uint64_t txn = 1; txn <= 10; txn++)
        store_queue_put(&q, txn, 100);
    store_queue_stored(&q, 4, STORE_UNKNOWN); /* they wait on */
    assert_int_equal(q.bytes, 1000);
    store_queue_stored(&q, 4, STORE_OK);
    assert_int_equal(q.bytes, 600);
    store_queue_stored(&q, 4, STORE_OK);
    assert_int_equal(q.bytes, 600);
    store_queue_stored(&q, 99, STORE_OK);
    assert_int_equal(q.bytes, 0);
    store_queue_clear(&q);
}

static void a_refusal_speaks_for_itself(void **state)
{
    struct store_queue q = {0};

    (void)state;
    store_queue_put(&q, 1, 10);
    store_queue_put(&q, 2, 20);
    store_queue_put(&q, 3, 40);
    store_queue_stored(&q, 2, STORE_FULL);
    store_queue_stored(&q, 2, STORE_FULL);
    store_queue_stored(&q, 7, STORE_FULL); /* nobody knows it */
    assert_int_equal(q.bytes, 50);
    store_queue_stored(&q, 3, STORE_OK);
    assert_int_equal(q.bytes, 0);
    store_queue_clear(&q);
}

/* What is done with takes no memory. */
static void it_stays_small(void **state)
{
    struct store_queue q = {0};

    (void)state;
    for (uint64_t txn = 1; txn <= 100000; txn++) {
        store_queue_put(&q, txn, txn % 7);
        if (txn > 50)
            store_queue_stored(&q, txn - 50, STORE_OK);
    }
    assert_true(q.cap <= 1024);
    store_queue_stored(&q, 100000, STORE_OK);
    assert_int_equal(q.bytes, 0);
    store_queue_clear(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_speaks_for_all_before_it),
        cmocka_unit_test(a_refusal_speaks_for_itself),
        cmocka_unit_test(it_stays_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
