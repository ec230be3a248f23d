#include "common/core/gossip/pb_time.h"

#define SECONDS_MAX INT64_C(253402300799) /* the end of 9999 */
#define NANOS_PER_S 1000000000
#define US_PER_S INT64_C(1000000)

bool pb_get_time(struct pb_reader *r, const struct pb_field *f, struct pb_time *ret)
{
    struct pb_reader in = pb_within(r, f);
    uint64_t seconds = (uint64_t)ret->seconds, nanos = (uint64_t)ret->nanos;
    struct pb_field part;

    if (f->type != PB_BYTES)
        return false;
    while (pb_next(&in, &part)) {
        if (part.number == 1)
            (void)pb_get_u64(&part, &seconds);
        else if (part.number == 2)
            (void)pb_get_u64(&part, &nanos);
    }
    if ((int64_t)seconds < PB_TIME_YEAR_1_S || (int64_t)seconds > SECONDS_MAX ||
        nanos >= NANOS_PER_S)
        pb_fail(r, f->at, "a time that is none");
    else
        *ret = (struct pb_time){.seconds = (int64_t)seconds, .nanos = (int32_t)nanos};
    return true;
}

void pb_add_time(struct buf *b, uint32_t number, struct pb_time t)
{
    size_t opened = pb_open(b, number);

    pb_put_u64(b, 1, (uint64_t)t.seconds);
    pb_put_u64(b, 2, (uint64_t)t.nanos);
    pb_close(b, opened);
}

int64_t pb_time_ms(struct pb_time t)
{
    return t.seconds * MS_PER_S + t.nanos / 1000000;
}

int64_t pb_time_us(struct pb_time t)
{
    return t.seconds * US_PER_S + t.nanos / 1000;
}

static struct pb_time of(int64_t units, int64_t per_s)
{
    int64_t seconds = units / per_s, rest = units % per_s;

    if (rest < 0) {
        rest += per_s;
        seconds--;
    }
    if (seconds < PB_TIME_YEAR_1_S)
        return (struct pb_time){.seconds = PB_TIME_YEAR_1_S};
    if (seconds > SECONDS_MAX)
        return (struct pb_time){.seconds = SECONDS_MAX};
    return (struct pb_time){.seconds = seconds, .nanos = (int32_t)(rest * (NANOS_PER_S / per_s))};
}

struct pb_time pb_time_of_ms(int64_t ms)
{
    return of(ms, MS_PER_S);
}

struct pb_time pb_time_of_us(int64_t us)
{
    return of(us, US_PER_S);
}
