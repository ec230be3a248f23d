/* Entities of HTML, as far as they can matter to a language inside an attribute: those that stand
 * for ASCII characters and the space that does not break, by name, and all by number. */
#pragma once

#include "common/base/buf.h"

/* Appends s with its entities resolved. False: there was a name that isn't known here, which was
 * left as it stands. */
MUST_CHECK bool html_unescape(struct buf *b, struct str s);
