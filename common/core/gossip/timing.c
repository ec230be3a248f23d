#include "common/core/gossip/timing.h"

#include <assert.h>

#define FRACTION 24                /* bits */
#define LOG2_10 UINT64_C(55732705) /* log2(10) << FRACTION, rounded */

/* log2(v) << FRACTION, rounded down: the number is squared, and each doubling that this makes is
 * the next bit. */
static uint64_t log2_fixed(uint64_t v)
{
    unsigned whole = 63 - (unsigned)__builtin_clzll(v);
    uint64_t x = v << (63 - whole) >> 32; /* [2^31, 2^32): v as 1.31 */
    uint64_t result = whole;

    for (unsigned i = 0; i < FRACTION; i++) {
        x = x * x >> 31;
        result <<= 1;
        if (x >> 32 != 0) {
            x >>= 1;
            result |= 1;
        }
    }
    return result;
}

size_t timing_transmit_limit(unsigned mult, size_t n)
{
    size_t digits = 0; /* as many as n + 1 takes powers of ten to reach */

    for (size_t v = n; v > 0; v /= 10)
        digits++;
    return mult * digits;
}

int64_t timing_suspicion_min_ms(unsigned mult, size_t n, int64_t probe_interval_ms)
{
    uint64_t thousandths = 1000;

    /* Rounding up by less than a thousandth keeps log10(100) at 2. */
    if (n > 10)
        thousandths = ((log2_fixed(n) + 16) * 1000) / LOG2_10;
    return (int64_t)((uint64_t)mult * thousandths * (uint64_t)probe_interval_ms / 1000);
}

int64_t timing_suspicion_ms(unsigned confirmations, unsigned wanted, int64_t min_ms, int64_t max_ms)
{
    uint64_t part, whole;

    assert(min_ms <= max_ms);
    if (wanted == 0 || confirmations >= wanted)
        return min_ms;
    part = log2_fixed(confirmations + 1);
    whole = log2_fixed(wanted + 1);
    return max_i64(min_ms, max_ms - (int64_t)((uint64_t)(max_ms - min_ms) * part / whole) -
                               (part > 0 ? 1 : 0));
}

int64_t timing_push_pull_ms(int64_t interval_ms, size_t n)
{
    int64_t times = 1;

    for (size_t v = 32; v < n; v *= 2)
        times++;
    return interval_ms * times;
}
