/* The only place where time and entropy are read. */
#pragma once

#include "common/base/now.h"

struct now clock_now(void);  /* CLOCK_BOOTTIME and CLOCK_REALTIME */
int64_t clock_mono_ms(void); /* CLOCK_BOOTTIME: goes on while the machine sleeps */
int64_t clock_mono_us(void); /* the same, for measuring */
int64_t clock_wall_ms(void); /* CLOCK_REALTIME */

void entropy_fill(void *p, size_t n); /* getrandom(2); aborts when the kernel has none */
uint64_t entropy_seed(void);          /* for rand_seed */
