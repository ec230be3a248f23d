/* Hashes, each named after what it must agree with. */
#pragma once

#include "common/base/str.h"

#define FNV1A_64_BASIS UINT64_C(0xcbf29ce484222325)

uint64_t fnv1a_64(uint64_t state, const void *p,
                  size_t n); /* FNV-1a: Prometheus' label fingerprints */
uint64_t xxh64(const void *p, size_t n,
               uint64_t seed); /* xxHash64: Alertmanager's notification log */
uint32_t crc32c(uint32_t crc, const void *p,
                size_t n); /* Castagnoli; start with 0, chain the result: store rows */
uint32_t crc32c_portable(uint32_t crc, const void *p,
                         size_t n); /* the same without the processor's instruction */
/* CRC-32 as zlib and Ethernet have it (IEEE 802.3, reflected); start with 0, chain the result:
 * gossip. */
uint32_t crc32_ieee(uint32_t crc, const void *p, size_t n);
uint64_t hash_mix(uint64_t a, uint64_t b); /* order-dependent combination, for tables */

#define SHA256_BYTES 32
void sha256(const void *p, size_t n, uint8_t ret[SHA256_BYTES]);
void sha256_hex(const void *p, size_t n, char ret[2 * SHA256_BYTES + 1]);
void hmac_sha256(struct str key, struct str message, uint8_t ret[SHA256_BYTES]);
/* The first 6 bytes of MD5, little-endian: how Alertmanager makes a number of its configuration.
 * Not for secrets. 0 where the library refuses MD5. */
uint64_t md5_48(const void *p, size_t n);
bool bytes_eq_const_time(const void *a, const void *b, size_t n);

/* Highest random weight (Thaler & Ravishankar 1998): the node with the greatest weight for a key
 * owns it. */
uint64_t rendezvous_weight(struct str node, struct str key);
