/* LZW as memberlist compresses with it: GIF's, least significant bit first, literals of 8 bits,
 * codes of 9 to 12. Only reading: what we send, we may send plain. */
#pragma once

#include "common/base/buf.h"

/* Appends what `in` expands to, as far as out->max allows: beyond it is a fault, found before the
 * room is taken. 0 or -EINVAL with *why, a constant; out then holds what came before the fault. */
MUST_CHECK int lzw_expand(struct str in, struct buf *out, const char **why);
