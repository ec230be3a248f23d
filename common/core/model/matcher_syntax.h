/* The two readers of matcher texts, and the runes that set them apart. For matcher_parse.c only:
 * everybody else wants the modes of matcher.h. */
#pragma once

#include "common/core/model/matcher.h"

bool matcher_rune_is_space(uint32_t r);    /* Unicode white space, as Go's unicode.IsSpace */
bool matcher_rune_is_reserved(uint32_t r); /* white space or one of { } ! = ~ , \ " ' ` */

/* Both fill a zeroed *ret; a failure leaves it with what was read so far, to be cleared. */
MUST_CHECK int matchers_read_classic(struct str text, struct arena *a, struct matchers *ret,
                                     struct err *err);
MUST_CHECK int matcher_read_classic(struct str text, struct arena *a, struct matcher *ret,
                                    struct err *err);
MUST_CHECK int matchers_read_utf8(struct str text, struct arena *a, struct matchers *ret,
                                  struct err *err);
