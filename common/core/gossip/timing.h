/* How long things take and how often they are said: memberlist's formulas, in whole milliseconds.
 * Logarithms are taken in fixed point, so that every machine gets the same. */
#pragma once

#include "common/base/base.h"

/* How often a message goes out in all, n nodes being there: mult × ⌈log10(n + 1)⌉. */
size_t timing_transmit_limit(unsigned mult, size_t n);

/* How long an accused node has to refute, when nobody else accuses it, or enough do:
 * mult × max(1, log10 n) × the probe interval. */
int64_t timing_suspicion_min_ms(unsigned mult, size_t n, int64_t probe_interval_ms);

/* The same after `confirmations` of the `wanted` ones, from max (none) to min (all). */
int64_t timing_suspicion_ms(unsigned confirmations, unsigned wanted, int64_t min_ms,
                            int64_t max_ms);

/* Full exchanges become rarer beyond 32 nodes, twice as rare whenever the number of nodes has
 * doubled. */
int64_t timing_push_pull_ms(int64_t interval_ms, size_t n);
