/* Matchers: name op value. Syntax and modes as Alertmanager (core specification §9). A missing
 * label counts as "". */
#pragma once

#include "common/base/regex.h"
#include "common/core/model/labels.h"

enum matcher_op { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };

enum matcher_mode { MATCHER_FALLBACK, MATCHER_CLASSIC, MATCHER_UTF8 };

/* What MATCHER_FALLBACK has to say about a text that it took: the caller warns. */
enum matcher_note {
    MATCHER_FINE,
    MATCHER_INCOMPATIBLE, /* the UTF-8 parser refuses the text; the classic result holds */
    MATCHER_DISAGREEMENT  /* the parsers read it differently; the classic result holds */
};

struct matcher {
    enum matcher_op op;
    struct str name, value;
    struct regex *regex; /* MATCH_RE, MATCH_NRE: compiled, owned */
    enum matcher_note note;
};

struct matchers { /* all must hold; owns its regexes, texts lie in the arena they were parsed into
                   */
    struct matcher *v; /* capacity: the next power of two, see matchers_add */
    size_t n;
};

/* The texts of all matchers made here are copied into the arena. A failure leaves *ret as it was.
 * Names are not checked beyond the syntax; label_name_valid_* is the caller's affair. */

/* List form ("{a=\"b\",c!=\"d\"}" or one bare matcher); used by configuration. Appends to *ret. */
MUST_CHECK int matchers_parse(struct str text, enum matcher_mode mode, struct arena *a,
                              struct matchers *ret, struct err *err);
/* Exactly one matcher: API filters and command lines. */
MUST_CHECK int matcher_parse(struct str text, enum matcher_mode mode, struct arena *a,
                             struct matcher *ret, struct err *err);
MUST_CHECK int matcher_make(enum matcher_op op, struct str name, struct str value, struct arena *a,
                            struct matcher *ret, struct err *err);
void matcher_clear(struct matcher *m);   /* frees the regex */
void matchers_clear(struct matchers *m); /* frees the regexes; empty afterwards */
/* Appends and becomes the owner. m was zeroed at first and filled by these functions only. */
void matchers_add(struct matchers *m, struct matcher add, struct arena *a);
void matchers_sort(struct matchers *m); /* by name, value, operator: as in route keys */

bool matcher_eq(const struct matcher *a, const struct matcher *b); /* operator, name and value */
bool matcher_matches(const struct matcher *m, struct labels l);
bool matchers_match(const struct matchers *m, struct labels l);
void matcher_add_text(struct buf *b, const struct matcher *m); /* name="value", escaped (§9.4) */
const char *matcher_op_text(enum matcher_op op);
void matchers_add_text(struct buf *b, const struct matchers *m); /* {…,…} */
