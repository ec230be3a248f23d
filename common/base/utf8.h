/* UTF-8 as Go reads it. */
#pragma once

#include "common/base/buf.h"

bool utf8_valid(struct str s);       /* no overlong forms, no surrogates, at most U+10FFFF */
size_t utf8_valid_run(struct str s); /* how many bytes at the start are valid */

/* Decodes the first rune of s; returns its length in bytes (≥ 1 when s is not empty). An invalid
 * byte gives U+FFFD and length 1. */
size_t utf8_decode(struct str s, uint32_t *ret_rune);
void utf8_encode(struct buf *b, uint32_t rune);
size_t utf8_cut(struct str s,
                size_t max_bytes); /* the greatest length ≤ max_bytes that splits no rune */
void utf8_add_repaired(struct buf *b, struct str s); /* each invalid byte as U+FFFD */

bool utf8_printable(uint32_t rune); /* Go's strconv.IsPrint */

/* Go's strconv.Quote: quotes included; \a\b\f\n\r\t\v\\\" escaped, other control characters and
 * invalid bytes as \xNN, non-printable runes as \uNNNN or \UNNNNNNNN. */
void go_quote(struct buf *b, struct str s);
