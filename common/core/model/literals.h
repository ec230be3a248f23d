/* How the matches of a regular expression begin, as far as that is plain to see: an index can then
 * file `team=~"a|b"` under two values and `instance=~"web-1.*"` under a prefix, and needs to run
 * the expression on few texts only.
 *
 * Sound, not complete: whatever the expression (taken as ^(?:pattern)$, as the regex door does)
 * matches is equal to one of the exact literals or begins with one of the others. Groups, classes,
 * quantifiers and escapes of punctuation are understood; of flags, \Q and unbalanced parentheses
 * nothing is said. */
#pragma once

#include "common/base/arena.h"

#define LITERALS_MAX 256
#define LITERAL_RUN_MIN 2

struct literal {
    struct str text; /* not empty; in the arena */
    bool exact;      /* the whole text; otherwise a prefix */
};

/* The number of literals, at most LITERALS_MAX and none of them the beginning of another unless
 * both are exact; 0: nothing is known, the expression may match anything. */
size_t literals_of(struct str pattern, struct arena *a, struct literal ret[LITERALS_MAX]);

/* Runs of bytes, of LITERAL_RUN_MIN at least, one of which stands somewhere in whatever the
 * expression matches: "-db" and "web" of `.*-db|.*web.*`; of each alternative the longest. The
 * number of runs; 0: nothing is known. */
size_t literals_within(struct str pattern, struct arena *a, struct str ret[LITERALS_MAX]);
