/* Exponential backoff as Alertmanager's notifications have it (core specification §4.3): the first
 * attempt at once, then 500 ms × 1.5ⁿ, each ±50 %, the base capped at 60 s. A delay counts from the
 * beginning of the attempt before it. */
#pragma once

#include "common/base/now.h"
#include "common/base/rand.h"

#define RETRY_FIRST_MS 500
#define RETRY_CAP_MS (60 * MS_PER_S)

/* The delay before attempt n + 1, n ≥ 1 attempts having been made. */
int64_t retry_delay_ms(struct rand *r, unsigned attempts);

/* When to try again: began + backoff, at least at_least_ms (a receiver's wish, 0: none) from now.
 */
int64_t retry_at_ms(struct rand *r, unsigned attempts, int64_t began_mono_ms, int64_t now_mono_ms,
                    int64_t at_least_ms);
