#include "tests/lib/test.h"

#include "common/base/hash.h"
#include "common/base/map.h"
#include "common/base/rand.h"
#include "common/base/utf8.h"

/* Label sets as Prometheus hashes them: name 0xFF value 0xFF, names in byte order. */
static void label_hashes_agree_with_the_ecosystem(void **state UNUSED)
{
    static const struct {
        struct str bytes;
        uint64_t fnv, xxh;
    } cases[] = {
        {STR_INIT(""), UINT64_C(0xcbf29ce484222325), UINT64_C(0xef46db3751d8e999)},
        {STR_INIT("alertname\xFFtest1\xFF"), UINT64_C(0x5ae90ff6f82ebe6b),
         UINT64_C(0x2d05aa6cabfbfed6)},
        {STR_INIT("alertname\xFF"
                  "alert1\xFFseverity\xFF"
                  "critical\xFF"),
         UINT64_C(0x0223b772b51c29e1), UINT64_C(0x1c90d584601c2f3c)},
        {STR_INIT("alertname\xFF"
                  "Disk\xF0\x9F\x99\x82\xFF\xCE\xA3\xFF\xC3\xBC\xFF"),
         UINT64_C(0x11f31ae7fa999839), UINT64_C(0x4ad3ce8c88647e3e)},
        {STR_INIT("job\xFF"
                  "foo\xFFseverity\xFFwarning\xFF"),
         UINT64_C(0x9266ef3da838ad95), 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str s = cases[i].bytes;

        assert_true(fnv1a_64(FNV1A_64_BASIS, s.p, s.n) == cases[i].fnv);
        if (cases[i].xxh != 0)
            assert_true(xxh64(s.p, s.n, 0) == cases[i].xxh);
        for (size_t cut = 0; cut <= s.n; cut++)
            assert_true(fnv1a_64(fnv1a_64(FNV1A_64_BASIS, s.p, cut), s.p + cut, s.n - cut) ==
                        cases[i].fnv);
    }
}

/* xxhash's own sanity buffer: bytes 56..63 of a product chain; figures from its xsum_sanity_check.
 */
static void xxh64_agrees_with_its_own_vectors(void **state UNUSED)
{
    static const struct {
        size_t n;
        uint64_t seed, want;
    } cases[] = {
        {0, 0, UINT64_C(0xEF46DB3751D8E999)},
        {0, 0x9E3779B1, UINT64_C(0xAC75FDA2929B17EF)},
        {1, 0, UINT64_C(0xE934A84ADB052768)},
        {1, 0x9E3779B1, UINT64_C(0x5014607643A9B4C3)},
        {4, 0, UINT64_C(0x9136A0DCA57457EE)},
        {14, 0, UINT64_C(0x8282DCC4994E35C8)},
        {14, 0x9E3779B1, UINT64_C(0xC3BD6BF63DEB6DF0)},
        {222, 0, UINT64_C(0xB641AE8CB691C174)},
        {222, 0x9E3779B1, UINT64_C(0x20CB8AB7AE10C14A)},
    };
    uint8_t bytes[222];
    uint64_t gen = 0x9E3779B1;

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(gen >> 56);
        gen *= UINT64_C(0x9E3779B185EBCA8D);
    }
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_true(xxh64(bytes, cases[i].n, cases[i].seed) == cases[i].want);
}

static void crc32c_agrees_with_rfc_3720_and_chains(void **state UNUSED)
{
    uint8_t zeros[32] = {0}, ones[32], up[32], random[300];
    struct rand r;

    memset(ones, 0xFF, sizeof(ones));
    for (size_t i = 0; i < sizeof(up); i++)
        up[i] = (uint8_t)i;
    assert_true(crc32c(0, "", 0) == 0);
    assert_true(crc32c(0, "123456789", 9) == 0xE3069283);
    assert_true(crc32c(0, zeros, 32) == 0x8A9136AA);
    assert_true(crc32c(0, ones, 32) == 0x62A8AB43);
    assert_true(crc32c(0, up, 32) == 0x46DD794E);
    rand_seed(&r, 3);
    for (size_t i = 0; i < sizeof(random); i++)
        random[i] = (uint8_t)rand_u64(&r);
    for (size_t cut = 0; cut <= sizeof(random); cut++) {
        uint32_t whole = crc32c(0, random, sizeof(random));

        assert_true(crc32c_portable(0, random, cut) == crc32c(0, random, cut));
        assert_true(crc32c(crc32c(0, random, cut), random + cut, sizeof(random) - cut) == whole);
    }
}

static void sha256_and_hmac_agree_with_the_standards(void **state UNUSED)
{
    /* FIPS 180-2 appendix B.1; RFC 4231 case 2 */
    static const uint8_t want[SHA256_BYTES] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
                                               0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
                                               0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83,
                                               0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    char hex[2 * SHA256_BYTES + 1];
    uint8_t mac[SHA256_BYTES];

    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), mac);
    assert_memory_equal(mac, want, sizeof(mac));
    assert_true(bytes_eq_const_time(mac, want, sizeof(mac)));
    mac[31] ^= 1;
    assert_false(bytes_eq_const_time(mac, want, sizeof(mac)));
    hmac_sha256((struct str){0}, (struct str){0}, mac); /* an empty key is a key */
    assert_int_equal(mac[0], 0xb6);
}

/* RFC 1321: MD5("abc") = 900150983cd24fb0… */
static void md5_48_takes_six_bytes(void **state)
{
    (void)state;
    assert_true(md5_48("abc", 3) == UINT64_C(0xd23c98500190));
    assert_true(md5_48("", 0) == UINT64_C(0x8fd98c1dd4));
}

static void rendezvous_spreads_keys_and_moves_few(void **state UNUSED)
{
    static const struct str nodes[] = {STR_INIT("a"), STR_INIT("b"), STR_INIT("c")};
    size_t owned[ARRAY_SIZE(nodes)] = {0};

    assert_true(hash_mix(1, 2) != hash_mix(2, 1));
    for (uint64_t key = 0; key < 3000; key++) {
        struct str k = {.p = (const char *)&key, .n = sizeof(key)};
        size_t best = 0;

        for (size_t i = 1; i < ARRAY_SIZE(nodes); i++)
            if (rendezvous_weight(nodes[i], k) > rendezvous_weight(nodes[best], k))
                best = i;
        owned[best]++;
    }
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
        assert_in_range(owned[i], 900, 1100);
}

static void random_numbers_repeat_by_seed(void **state UNUSED)
{
    /* splitmix64 from 0 gives the state; xoshiro256** then these (reference implementation) */
    struct rand a, b;
    char one[37], two[37];

    rand_seed(&a, 0);
    rand_seed(&b, 0);
    assert_true(a.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(rand_u64(&a) == UINT64_C(0x99ec5f36cb75f2b4));
    (void)rand_u64(&b);
    for (int i = 0; i < 1000; i++) {
        uint64_t n = 1 + rand_below(&a, 1000);

        assert_true(n == 1 + rand_below(&b, 1000));
        assert_true(rand_below(&a, n) < n);
        (void)rand_below(&b, n);
        assert_in_range(rand_between(&a, 5, 7), 5, 7);
        (void)rand_between(&b, 5, 7);
    }
    (void)rand_between(&a, INT64_MIN, INT64_MAX);
    assert_true(rand_between(&a, INT64_MIN, INT64_MIN) == INT64_MIN);
    assert_true(rand_chance(&a, 10000));
    assert_false(rand_chance(&a, 0));
    rand_uuid(&a, one);
    rand_uuid(&a, two);
    assert_int_equal(strlen(one), 36);
    assert_int_equal(one[14], '4');
    assert_non_null(strchr("89ab", one[19]));
    assert_int_equal(one[8], '-');
    assert_string_not_equal(one, two);
}

static void a_map_iterates_in_the_order_of_insertion(void **state UNUSED)
{
    struct number {
        uint64_t key;
        UT_hash_handle hh;
    } *map = NULL, *it, *next;
    uint64_t want = 0;

    for (uint64_t i = 0; i < 500; i++) {
        it = xcalloc(1, sizeof(*it));
        it->key = i * 7919;
        HASH_ADD(hh, map, key, sizeof(it->key), it);
    }
    HASH_ITER (hh, map, it, next) {
        assert_true(it->key == want);
        want += 7919;
        HASH_DEL(map, it);
        free(it);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(label_hashes_agree_with_the_ecosystem),
        cmocka_unit_test(xxh64_agrees_with_its_own_vectors),
        cmocka_unit_test(crc32c_agrees_with_rfc_3720_and_chains),
        cmocka_unit_test(sha256_and_hmac_agree_with_the_standards),
        cmocka_unit_test(md5_48_takes_six_bytes),
        cmocka_unit_test(rendezvous_spreads_keys_and_moves_few),
        cmocka_unit_test(random_numbers_repeat_by_seed),
        cmocka_unit_test(a_map_iterates_in_the_order_of_insertion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
