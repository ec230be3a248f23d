#include "common/io/clock.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>
#include <time.h>

static struct timespec read_clock(clockid_t id)
{
    struct timespec ts;
    int rc = clock_gettime(id, &ts);

    assert(rc == 0);
    (void)rc;
    return ts;
}

static int64_t clock_ms(clockid_t id)
{
    struct timespec ts = read_clock(id);

    return (int64_t)ts.tv_sec * MS_PER_S + ts.tv_nsec / 1000000;
}

struct now clock_now(void)
{
    return (struct now){.mono_ms = clock_mono_ms(), .wall_ms = clock_wall_ms()};
}

int64_t clock_mono_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

int64_t clock_mono_us(void)
{
    struct timespec ts = read_clock(CLOCK_BOOTTIME);

    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

void entropy_fill(void *p, size_t n)
{
    unsigned char *at = p;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* no kernel we support lacks it; guessable ids would be worse */
        at += got;
        n -= (size_t)got;
    }
}

uint64_t entropy_seed(void)
{
    uint64_t seed;

    entropy_fill(&seed, sizeof(seed));
    return seed;
}
