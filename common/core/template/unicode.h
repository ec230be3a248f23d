/* What Go's unicode package says of runes, as far as templates need it: Unicode 14, simple case
 * mappings (one rune to one rune). */
#pragma once

#include "common/base/buf.h"

bool unicode_letter(uint32_t rune);
bool unicode_digit(uint32_t rune); /* decimal digits (Nd) */
bool unicode_mark(uint32_t rune);  /* non-spacing, spacing and enclosing marks */
bool unicode_space(uint32_t rune); /* unicode.IsSpace */

uint32_t unicode_upper(uint32_t rune);
uint32_t unicode_lower(uint32_t rune);
uint32_t unicode_title(uint32_t rune);
