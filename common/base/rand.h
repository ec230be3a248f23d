/* A seeded generator (xoshiro256**, Blackman & Vigna 2018, seeded by splitmix64). The seed comes
 * from io (getrandom) or from the simulator; the same seed gives the same sequence everywhere. Not
 * for secrets. */
#pragma once

#include "common/base/base.h"

struct rand {
    uint64_t s[4];
};

void rand_seed(struct rand *r, uint64_t seed);
uint64_t rand_u64(struct rand *r);
uint64_t rand_below(struct rand *r, uint64_t n);                 /* [0, n); n > 0; unbiased */
int64_t rand_between(struct rand *r, int64_t low, int64_t high); /* [low, high] */
bool rand_chance(struct rand *r, unsigned per_10000);
void rand_uuid(struct rand *r, char ret[37]); /* version 4, lower case, NUL-terminated */
