/* Time as the core sees it: read once per input, by the loop (or the simulator). */
#pragma once

#include "common/base/base.h"

struct now {
    int64_t mono_ms; /* CLOCK_BOOTTIME; for delays and deadlines; never steps */
    int64_t wall_ms; /* since 1970-01-01 UTC; for people and peers; may step */
};

#define TIME_NEVER INT64_MAX
