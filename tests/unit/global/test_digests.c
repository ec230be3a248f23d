#include "tests/unit/global/fixture.h"

struct sums {
    uint64_t v[256];
};

static uint64_t send_digest(struct world *w, const struct sums *s, uint64_t epoch, uint64_t high)
{
    struct buf b;
    uint64_t id;

    buf_init(&b, 0);
    buf_add_fmt(&b,
                "{\"v\":1,\"stream\":\"" UUID_A
                "\",\"epoch\":%lu,\"high\":%lu,\"settled\":true,\"buckets\":[",
                epoch, high);
    for (size_t i = 0; i < 256; i++)
        buf_add_fmt(&b, "%s\"%016lx\"", i > 0 ? "," : "", s->v[i]);
    buf_add_fmt(&b, "]}");
    id = world_post(w, fra_e1, "digests", b.p);
    buf_clear(&b);
    return id;
}

static void test_match_and_difference(void **state)
{
    struct sums s = {{0}};
    struct world w;

    (void)state;
    world_init(&w);
    assert_answer(&w, send_digest(&w, &s, 1, 0), 200, "\"match\":true"); /* nothing on both sides */
    (void)world_say(&w, fra_e1, UUID_A, 1, 0x107, "firing");
    (void)world_say(&w, fra_e1, UUID_A, 2, 0x207, "firing");
    (void)world_say(&w, fra_e1, UUID_A, 3, 0x107, "resolved");
    s.v[7] = hash_mix(0x207, 2);
    assert_answer(&w, send_digest(&w, &s, 1, 3), 200, "{\"v\":1,\"match\":true}");
    s.v[7] += hash_mix(0x107, 1);
    s.v[9] = 1;
    assert_answer(&w, send_digest(&w, &s, 1, 3), 200,
                  "\"match\":false,\"have\":{\"7\":[[\"0000000000000207\",1,2]],\"9\":[]}}");
    /* Rows are on their way: no comparison. */
    assert_answer(&w, send_digest(&w, &s, 1, 4), 200, "\"match\":null");
    assert_answer(&w, send_digest(&w, &s, 2, 3), 200, "\"match\":null");
    (void)world_batch(&w, fra_e1, UUID_A, 1, "live", true, 9, 9, "", "[9,9]");
    assert_answer(&w, send_digest(&w, &s, 1, 3), 200, "\"match\":null");
    world_clear(&w);
}

/* The store was wiped: an epoch without a row yet. What stands here from before is told. */
static void test_new_empty_epoch(void **state)
{
    struct sums s = {{0}};
    struct world w;

    (void)state;
    world_init(&w);
    (void)world_say(&w, fra_e1, UUID_A, 1, 0x107, "firing");
    assert_answer(&w, send_digest(&w, &s, 2, 0), 200,
                  "\"have\":{\"7\":[[\"0000000000000107\",1,1]]}");
    world_clear(&w);
}

static void test_at_most_16_buckets(void **state)
{
    struct sums s = {{0}};
    struct world w;
    uint64_t id;

    (void)state;
    world_init(&w);
    for (size_t i = 0; i < 256; i++)
        s.v[i] = 1;
    id = send_digest(&w, &s, 1, 0);
    assert_answer(&w, id, 200, "\"15\":[]}}");
    assert_null(strstr(world_answer(&w, id)->body, "\"16\""));
    world_clear(&w);
}

static void test_bad_digests(void **state)
{
    static const char *const bodies[] = {
        "{\"v\":1,\"stream\":\"" UUID_A "\"}",
        "{\"v\":1,\"stream\":\"" UUID_A "\",\"buckets\":[\"0\"]}",
        "{\"v\":1,\"stream\":\"" UUID_A "\",\"buckets\":7}",
    };
    struct world w;

    (void)state;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
        assert_answer(&w, world_post(&w, fra_e1, "digests", bodies[i]), 400, "bad_request");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match_and_difference),
        cmocka_unit_test(test_new_empty_epoch),
        cmocka_unit_test(test_at_most_16_buckets),
        cmocka_unit_test(test_bad_digests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
