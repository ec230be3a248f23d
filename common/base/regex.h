/* The door to RE2 (one .cc file behind it): linear time, bounded memory, no logging. Go's syntax as
 * RE2 takes it:
 * `(?<name>` is rewritten to `(?P<name>`, `\C` is refused, `\z` stays; UTF-8. */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct regex;

#define REGEX_BYTES_MAX KIB(64)

/* Compiled as ^(?:pattern)$, dot excluding newline: full match, as Alertmanager's matchers. */
MUST_CHECK int regex_new(struct str pattern, struct regex **ret, struct err *err);
void regex_free(struct regex *r);
bool regex_match(const struct regex *r, struct str text);

/* Compiled as it stands, as Go's regexp package does: regex_match then searches, unanchored. */
MUST_CHECK int regex_new_search(struct str pattern, struct regex **ret, struct err *err);

/* Go's Regexp.ReplaceAllString into b: every match, leftmost first, none overlapping; an empty one
 * right behind a match does not count. In the replacement $1, ${1}, $name and ${name} stand for
 * groups ("" when there is none such), $$ for a dollar; the name behind a bare $ is as long as
 * letters, digits and underscores go (ASCII here). Stops when b is full. Only for what
 * regex_new_search made. */
void regex_replace_all(const struct regex *r, struct str text, struct str replacement,
                       struct buf *b);

/* Many of regex_new's asked at once, by one automaton that is built as far as texts need it. Its
 * memory is bounded: what does not fit, or cannot share an automaton, is asked singly, which is
 * slower but gives the same answers. The regexes are lent until the set is freed. */
struct regex_set;

struct regex_set *regex_set_new(const struct regex *const *v, size_t n);
void regex_set_free(struct regex_set *s); /* NULL is fine */
/* The indexes of those that match, rising; the array lies in the arena. Returns their number. */
size_t regex_set_match(const struct regex_set *s, struct str text, struct arena *a, size_t **ret);
