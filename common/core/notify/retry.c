#include "common/core/notify/retry.h"

int64_t retry_delay_ms(struct rand *r, unsigned attempts)
{
    int64_t base = RETRY_FIRST_MS;

    for (unsigned i = 1; i < attempts && base < RETRY_CAP_MS; i++)
        base = base * 3 / 2;
    base = min_i64(base, RETRY_CAP_MS);
    return rand_between(r, base / 2, base + base / 2);
}

int64_t retry_at_ms(struct rand *r, unsigned attempts, int64_t began_mono_ms, int64_t now_mono_ms,
                    int64_t at_least_ms)
{
    int64_t at = began_mono_ms + retry_delay_ms(r, attempts);

    return max_i64(at, now_mono_ms + max_i64(at_least_ms, 0));
}
