#include "common/base/rand.h"

#include <assert.h>

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

/* splitmix64 (Steele, Lea & Flood 2014): no seed gives the forbidden all-zero state. */
void rand_seed(struct rand *r, uint64_t seed)
{
    for (size_t i = 0; i < ARRAY_SIZE(r->s); i++) {
        uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        r->s[i] = z ^ z >> 31;
    }
}

uint64_t rand_u64(struct rand *r)
{
    uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t rand_below(struct rand *r, uint64_t n)
{
    uint64_t v, low = -n % n; /* 2^64 mod n: values below it would be one time too many */

    assert(n > 0);
    do
        v = rand_u64(r);
    while (v < low);
    return v % n;
}

int64_t rand_between(struct rand *r, int64_t low, int64_t high)
{
    uint64_t span = (uint64_t)high - (uint64_t)low;

    assert(low <= high);
    return (int64_t)((uint64_t)low + (span == UINT64_MAX ? rand_u64(r) : rand_below(r, span + 1)));
}

bool rand_chance(struct rand *r, unsigned per_10000)
{
    return rand_below(r, 10000) < per_10000;
}

void rand_uuid(struct rand *r, char ret[37])
{
    uint64_t half[2] = {rand_u64(r), rand_u64(r)};
    size_t at = 0;

    half[0] = (half[0] & ~UINT64_C(0xf000)) | UINT64_C(0x4000);     /* version 4 */
    half[1] = (half[1] & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63; /* RFC 9562's variant */
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            ret[at++] = '-';
        ret[at++] = "0123456789abcdef"[half[i / 16] >> (60 - 4 * (i % 16)) & 15];
    }
    ret[at] = '\0';
}
