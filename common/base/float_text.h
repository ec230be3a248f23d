/* Floating-point numbers to and from decimal text, the locale left out of it (one .cc file behind,
 * for C has no such functions). */
#pragma once

#include "common/base/str.h"

/* The fewest decimal digits that read back as v, which is finite: 0.d1d2d3… × 10^*ret_point. Zero
 * is "0" with point 1. Returns how many digits (at most 17, no trailing zeros); the sign is left
 * out. */
size_t float_digits(double v, char ret_digits[32], int *ret_point);

/* A whole decimal ("1.5e3") or hexadecimal ("0x1p-2") number with an optional sign; Inf, Infinity
 * and NaN in any case. False when it is none, or out of range. */
MUST_CHECK bool float_parse(struct str text, double *ret);
