/* Go's fmt, for the values of templates. */
#pragma once

#include "common/core/template/value.h"

/* An action's output: "<no value>" for nothing, else %v. */
void format_printed(struct buf *b, struct tv v);

void format_value(struct buf *b, struct tv v); /* %v; <nil> for nothing */

/* fmt.Sprint: a space between two operands when neither is a string. */
void format_print(struct buf *b, const struct tv *v, size_t n);
void format_println(struct buf *b, const struct tv *v, size_t n);
void format_printf(struct buf *b, struct str format, const struct tv *v, size_t n);

void format_float(struct buf *b, double v); /* %v */

/* encoding/json's way: false when a value has no JSON (NaN, infinities, too deep). */
MUST_CHECK bool format_json(struct buf *b, struct tv v);
