#include "common/base/hash.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

uint64_t fnv1a_64(uint64_t state, const void *p, size_t n)
{
    const uint8_t *bytes = p;

    for (size_t i = 0; i < n; i++)
        state = (state ^ bytes[i]) * UINT64_C(0x100000001b3);
    return state;
}

/* xxHash64 as its specification (xxhash.com, doc/xxhash_spec.md) names the steps. */
#define P1 UINT64_C(0x9e3779b185ebca87)
#define P2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define P3 UINT64_C(0x165667b19e3779f9)
#define P4 UINT64_C(0x85ebca77c2b2ae63)
#define P5 UINT64_C(0x27d4eb2f165667c5)

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static uint32_t load32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return v;
}

static uint64_t xxh_round(uint64_t acc, uint64_t lane)
{
    return rotl(acc + lane * P2, 31) * P1;
}

static uint64_t xxh_merge(uint64_t h, uint64_t acc)
{
    return (h ^ xxh_round(0, acc)) * P1 + P4;
}

uint64_t xxh64(const void *p, size_t n, uint64_t seed)
{
    const uint8_t *at = p;
    size_t left = n;
    uint64_t h;

    if (n >= 32) {
        uint64_t v[4] = {seed + P1 + P2, seed + P2, seed, seed - P1};

        for (; left >= 32; at += 32, left -= 32)
            for (size_t i = 0; i < 4; i++)
                v[i] = xxh_round(v[i], load64(at + 8 * i));
        h = rotl(v[0], 1) + rotl(v[1], 7) + rotl(v[2], 12) + rotl(v[3], 18);
        for (size_t i = 0; i < 4; i++)
            h = xxh_merge(h, v[i]);
    } else {
        h = seed + P5;
    }
    h += n;
    for (; left >= 8; at += 8, left -= 8)
        h = rotl(h ^ xxh_round(0, load64(at)), 27) * P1 + P4;
    if (left >= 4) {
        h = rotl(h ^ load32(at) * P1, 23) * P2 + P3;
        at += 4;
        left -= 4;
    }
    for (; left > 0; at++, left--)
        h = rotl(h ^ *at * P5, 11) * P1;
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}

/* One nibble at a time: small, and only where the processor has no instruction for it. */
static uint32_t crc32c_table(uint32_t crc, const uint8_t *p, size_t n)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p,
                                                               size_t n)
{
    uint64_t state = crc;

    for (; n >= 8; p += 8, n -= 8)
        state = __builtin_ia32_crc32di(state, load64(p));
    crc = (uint32_t)state;
    for (; n > 0; p++, n--)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(~crc, p, n);
#endif
    return crc32c_portable(crc, p, n);
}

uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n)
{
    return ~crc32c_table(~crc, p, n);
}

uint32_t crc32_ieee(uint32_t crc, const void *p, size_t n)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const uint8_t *at = p;

    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

/* The finaliser of MurmurHash3 over a sum that tells (a, b) from (b, a). */
uint64_t hash_mix(uint64_t a, uint64_t b)
{
    uint64_t h = rotl(a, 29) * P1 + b * P2 + P3;

    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

void sha256(const void *p, size_t n, uint8_t ret[SHA256_BYTES])
{
    unsigned length = 0;
    int ok = EVP_Digest(n != 0 ? p : "", n, ret, &length, EVP_sha256(), NULL);

    assert(ok == 1 && length == SHA256_BYTES); /* fails only without memory or provider */
}

void sha256_hex(const void *p, size_t n, char ret[2 * SHA256_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES];

    sha256(p, n, digest);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        ret[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        ret[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    ret[(size_t)2 * SHA256_BYTES] = '\0';
}

void hmac_sha256(struct str key, struct str message, uint8_t ret[SHA256_BYTES])
{
    unsigned length = 0;
    const void *done;

    assert(key.n <= INT_MAX);
    done = HMAC(EVP_sha256(), key.n != 0 ? key.p : "", (int)key.n,
                (const unsigned char *)(message.n != 0 ? message.p : ""), message.n, ret, &length);
    assert(done != NULL && length == SHA256_BYTES);
}

uint64_t md5_48(const void *p, size_t n)
{
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};
    unsigned length = 0;
    uint64_t v = 0;

    if (EVP_Digest(n != 0 ? p : "", n, digest, &length, EVP_md5(), NULL) != 1)
        return 0; /* FIPS */
    for (unsigned i = 6; i-- > 0;)
        v = v << 8 | digest[i];
    return v;
}

bool bytes_eq_const_time(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

uint64_t rendezvous_weight(struct str node, struct str key)
{
    return hash_mix(xxh64(node.p, node.n, 0), xxh64(key.p, key.n, 0));
}
