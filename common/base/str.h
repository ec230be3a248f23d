/* A borrowed piece of text: pointer and length, passed by value, not NUL-terminated. It owns
 * nothing and lives as long as what it points into. The empty string may have p == NULL. */
#pragma once

#include "common/base/base.h"

#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p
#define STR(literal) ((struct str){.p = "" literal, .n = sizeof(literal) - 1})
#define STR_INIT(literal) \
    { \
        .p = "" literal, .n = sizeof(literal) - 1 \
    } /* for static initialisers */
#define STR_EMPTY ((struct str){.p = "", .n = 0})

static inline struct str str_from(const char *cstring) /* NULL gives the empty string */
{
    return (struct str){.p = cstring, .n = cstring != NULL ? strlen(cstring) : 0};
}

static inline struct str str_sub(struct str s, size_t from,
                                 size_t to) /* [from, to), both clamped to s */
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return (struct str){.p = from > 0 ? s.p + from : s.p,
                        .n = to - from}; /* NULL + 0 is undefined */
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_eq_c(struct str a, const char *b)
{
    return str_eq(a, str_from(b));
}

int str_cmp(struct str a, struct str b);        /* byte order, shorter first; <0, 0, >0 */
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_contains(struct str s, struct str needle);
size_t str_find_char(struct str s, char c); /* index, or s.n when absent */
struct str str_trim(struct str s);          /* without ASCII white space at both ends */
bool str_split(struct str *rest, char sep,
               struct str *ret_head); /* takes the part before sep off *rest; false when
                                       *rest was exhausted (rest->p == NULL) */

/* Whole-text conversions: no sign (to_u64), no white space, no overflow; false leaves *ret alone.
 */
MUST_CHECK bool str_to_u64(struct str s, uint64_t *ret);
MUST_CHECK bool str_to_i64(struct str s, int64_t *ret);
MUST_CHECK bool str_to_hex_u64(struct str s, uint64_t *ret); /* exactly 16 hexadecimal digits */
