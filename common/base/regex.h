/* The door to RE2 (one .cc file behind it): linear time, bounded memory, no logging. Go's syntax as
 * RE2 takes it:
 * `(?<name>` is rewritten to `(?P<name>`, `\C` is refused, `\z` stays; UTF-8. */
#pragma once

#include "common/base/err.h"
#include "common/base/str.h"

struct regex;

#define REGEX_BYTES_MAX KIB(64)

/* Compiled as ^(?:pattern)$, dot excluding newline: full match, as Alertmanager's matchers. */
MUST_CHECK int regex_new(struct str pattern, struct regex **ret, struct err *err);
void regex_free(struct regex *r);
bool regex_match(const struct regex *r, struct str text);
