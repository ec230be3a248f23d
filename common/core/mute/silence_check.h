/* What a silence must be like, whoever sends it. */
#pragma once

#include "common/core/mute/silence.h"

/* A deep copy with compiled matchers, whose texts lie in the arena. -EINVAL with Alertmanager's
 * words: then there is nothing to clear. */
MUST_CHECK int silence_copy_checked(const struct silence *in, bool classic_names, struct arena *a,
                                    struct silence *ret, struct err *err);
void silence_clear(struct silence *s); /* the regexes */

/* The same matcher sets in the same order. */
bool silence_same_matchers(const struct silence *a, const struct silence *b);
