/* uthash with our hash function and our way to fail. Tables iterate in insertion order, so runs
 * repeat. */
#pragma once

#include "common/base/hash.h"

#include <stdlib.h>

static inline unsigned map_hash(const void *key, size_t n)
{
    uint64_t h = fnv1a_64(FNV1A_64_BASIS, key, n);

    return (unsigned)(h ^ (h >> 32));
}

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = map_hash((keyptr), (keylen)))
#define uthash_fatal(msg) abort()
#include <uthash.h>
