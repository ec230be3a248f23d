/* The words of time intervals, shared by reading and writing them. */
#pragma once

#include "common/core/mute/interval.h"

extern const char *const interval_weekdays[7]; /* from sunday on */
extern const char *const interval_months[12];
extern const char *const interval_field_names[INTERVAL_FIELDS];
