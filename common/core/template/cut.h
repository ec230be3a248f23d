/* Texts made to fit the limits of services, with the ellipsis that Alertmanager's users know. */
#pragma once

#include "common/base/arena.h"

/* At most n code points: the first n - 1 and "…" when there are more, the first n when n is 3 or
 * less. An invalid byte counts as one, and is U+FFFD in what was cut; what fits is lent as it is.
 * ret_cut (may be NULL) says whether something is missing. */
struct str cut_runes(struct str s, size_t n, struct arena *a, bool *ret_cut);

/* At most n bytes, whole code points and "…" (three bytes); as many dots when n is 2 or less. */
struct str cut_bytes(struct str s, size_t n, struct arena *a, bool *ret_cut);
