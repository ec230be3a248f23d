#include "common/core/model/literals.h"

#include "common/base/buf.h"
#include "common/base/utf8.h"

struct reading {
    struct arena *arena;
    struct literal *v;
    size_t n;
};

#define NESTING_MAX 8

/* The index behind the class that begins at i; 0 when it has no plain end. */
static size_t class_end(struct str p, size_t i)
{
    i++;
    if (i < p.n && p.p[i] == '^')
        i++;
    if (i < p.n && p.p[i] == ']') /* first in a class it stands for itself */
        i++;
    for (; i < p.n && p.p[i] != ']'; i++) {
        if (p.p[i] == '[') /* [:name:], or not: let others judge */
            return 0;
        if (p.p[i] == '\\')
            i++;
    }
    return i < p.n ? i + 1 : 0;
}

/* The index behind the element at i: an escape, a class, a parenthesis, a byte. 0: not understood.
 */
static size_t element_end(struct str p, size_t i, int *depth)
{
    switch (p.p[i]) {
    case '\\':
        return i + 1 < p.n && p.p[i + 1] != 'Q' ? i + 2 : 0;
    case '[':
        return class_end(p, i);
    case '(':
        if (i + 1 < p.n && p.p[i + 1] == '?' && (i + 2 >= p.n || p.p[i + 2] != ':'))
            return 0; /* flags may reach into later alternatives */
        ++*depth;
        return i + 1;
    case ')':
        return --*depth < 0 ? 0 : i + 1;
    default:
        return i + 1;
    }
}

/* Where the alternative or group that i is in ends: at a | or ) of its own depth, or at the end. */
static size_t part_end(struct str p, size_t i, bool stop_at_bar)
{
    int depth = 0;

    while (i < p.n && !(depth == 0 && (p.p[i] == ')' || (stop_at_bar && p.p[i] == '|'))))
        i = element_end(p, i, &depth);
    return i;
}

static bool understood(struct str p)
{
    int depth = 0;

    for (size_t i = 0; i < p.n;) {
        i = element_end(p, i, &depth);
        if (i == 0)
            return false;
    }
    return depth == 0;
}

static bool add(struct reading *r, const struct buf *text, bool exact)
{
    if (text->n == 0 || text->overflow || r->n == LITERALS_MAX)
        return false;
    r->v[r->n++] = (struct literal){.text = arena_str(r->arena, buf_str(text)), .exact = exact};
    return true;
}

static bool is_quantifier(char c)
{
    return c == '*' || c == '?' || c == '{'; /* none at all may do */
}

static void drop_rune(struct buf *b)
{
    size_t n = b->n;

    while (n > 0 && ((unsigned char)b->p[n - 1] & 0xc0) == 0x80)
        n--;
    if (b->n > 0) {
        b->n = n > 0 ? n - 1 : 0;
        b->p[b->n] = '\0';
    }
}

static bool is_alnum_or_high(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

/* A class of one plain byte: "[.]" */
static bool one_member(struct str alt, size_t i)
{
    return i + 2 < alt.n && alt.p[i + 2] == ']' && (unsigned char)alt.p[i + 1] < 0x80 &&
           str_find_char(STR("^]\\["), alt.p[i + 1]) == 4;
}

/* The literal run that alt begins with; true: it is all of alt. */
static bool read_run(struct str alt, struct buf *run)
{
    for (size_t i = 0; i < alt.n; i++) {
        char c = alt.p[i];

        if (is_quantifier(c)) {
            drop_rune(run);
            return false;
        }
        if (c == '\\') {
            if (is_alnum_or_high(alt.p[i + 1]))
                return false; /* \d and its like */
            c = alt.p[++i];
        } else if (c == '$') {
            return i + 1 == alt.n;
        } else if (c == '[' && one_member(alt, i)) { /* the other way to escape */
            c = alt.p[i + 1];
            i += 2;
        } else if (str_find_char(STR(".[(+^"), c) < 5) {
            return false;
        }
        buf_add_char(run, c);
    }
    return true;
}

static bool read_alternatives(struct reading *r, struct str p, int nesting);

static bool read_alternative(struct reading *r, struct str alt, int nesting)
{
    struct buf run;
    bool exact, ok, whole;

    if (alt.n > 0 && alt.p[0] == '^')
        alt = str_sub(alt, 1, alt.n);
    if (alt.n > 0 && alt.p[0] == '(') {
        size_t from = alt.n > 1 && alt.p[1] == '?' ? 3 : 1, first = r->n;
        size_t end = part_end(str_sub(alt, 0, alt.n), from, false);

        if (end + 1 < alt.n && is_quantifier(alt.p[end + 1]))
            return false;
        if (!read_alternatives(r, str_sub(alt, from, end), nesting + 1))
            return false;
        whole = end + 1 == alt.n || (end + 2 == alt.n && alt.p[end + 1] == '$');
        for (size_t i = first; !whole && i < r->n; i++)
            r->v[i].exact = false;
        return true;
    }
    buf_init(&run, KIB(4));
    exact = read_run(alt, &run);
    ok = add(r, &run, exact);
    buf_clear(&run);
    return ok;
}

static bool read_alternatives(struct reading *r, struct str p, int nesting)
{
    if (nesting > NESTING_MAX)
        return false;
    for (size_t i = 0;; i++) {
        size_t end = part_end(p, i, true);

        if (!read_alternative(r, str_sub(p, i, end), nesting))
            return false;
        if (end == p.n)
            return true;
        i = end;
    }
}

static bool covered(const struct literal *v, size_t n, const struct literal *l)
{
    for (size_t i = 0; i < n; i++) {
        if (&v[i] != l && (v[i].exact ? l->exact && &v[i] < l && str_eq(v[i].text, l->text)
                                      : str_starts(l->text, v[i].text) &&
                                            (l->exact || l->text.n > v[i].text.n || &v[i] < l)))
            return true;
    }
    return false;
}

size_t literals_of(struct str pattern, struct arena *a, struct literal ret[LITERALS_MAX])
{
    struct reading r = {.arena = a, .v = ret};
    struct literal kept[LITERALS_MAX];
    size_t n = 0;

    if (!understood(pattern) || !read_alternatives(&r, pattern, 0))
        return 0;
    for (size_t i = 0; i < r.n; i++) {
        if (!covered(ret, r.n, &ret[i]))
            kept[n++] = ret[i];
    }
    memcpy(ret, kept, n * sizeof(*ret));
    return n;
}

/* ---- runs within ---- */

struct runs {
    struct arena *arena;
    struct str *v;
    size_t n;
    struct buf run; /* the one that is being read */
    struct str best;
};

static void end_run(struct runs *r)
{
    if (r->run.n > r->best.n)
        r->best = arena_str(r->arena, buf_str(&r->run));
    buf_reset(&r->run);
}

/* The index behind the literal rune at i, which may be written \x or [x]; 0: there is none. */
static size_t rune_end(struct str alt, size_t i)
{
    uint32_t rune;

    if (alt.p[i] == '\\')
        return is_alnum_or_high(alt.p[i + 1]) ? 0 : i + 2;
    if (alt.p[i] == '[')
        return one_member(alt, i) ? i + 3 : 0;
    if (str_find_char(STR(".()*+?{}|^$]"), alt.p[i]) < 12)
        return 0;
    return i + utf8_decode(str_sub(alt, i, alt.n), &rune);
}

/* The index behind what stands at i and is no literal: a group, a class, a repetition, a sign. Of
 * escapes only those are passed over that are known to end after their letter, unlike \x41. */
static size_t skip_other(struct str alt, size_t i)
{
    size_t end;
    int depth = 0;

    if (alt.p[i] == '\\' && str_find_char(STR("dDsSwWbBAz"), alt.p[i + 1]) == 10)
        return alt.n;

    if (alt.p[i] == '(')
        return part_end(alt, i + (alt.p[i + 1] == '?' ? 3 : 1), false) + 1;
    if (alt.p[i] == '{') { /* or a plain brace: then what is up to the next one is not used */
        end = i + str_find_char(str_sub(alt, i, alt.n), '}');
        return end < alt.n ? end + 1 : alt.n;
    }
    return element_end(alt, i, &depth);
}

static void read_runs(struct runs *r, struct str alt)
{
    for (size_t i = 0, end; i < alt.n; i = end) {
        end = rune_end(alt, i);
        if (end == 0) {
            end_run(r);
            end = skip_other(alt, i);
        } else if (end < alt.n && is_quantifier(alt.p[end])) { /* it need not be there */
            end_run(r);
        } else {
            bool escaped = alt.p[i] == '\\' || alt.p[i] == '[';

            buf_add_str(&r->run, escaped ? str_sub(alt, i + 1, i + 2) : str_sub(alt, i, end));
        }
    }
    end_run(r);
}

/* Whether alt is one group, perhaps between ^ and $; *ret is what is in it. */
static bool only_a_group(struct str alt, struct str *ret)
{
    size_t from, end;

    if (alt.n > 0 && alt.p[0] == '^')
        alt = str_sub(alt, 1, alt.n);
    if (alt.n > 1 && alt.p[alt.n - 1] == '$' && alt.p[alt.n - 2] == ')')
        alt = str_sub(alt, 0, alt.n - 1);
    if (alt.n < 2 || alt.p[0] != '(')
        return false;
    from = alt.p[1] == '?' ? 3 : 1;
    end = part_end(alt, from, false);
    if (end + 1 != alt.n)
        return false;
    *ret = str_sub(alt, from, end);
    return true;
}

static bool read_all_runs(struct runs *r, struct str p, int nesting)
{
    if (nesting > NESTING_MAX)
        return false;
    for (size_t i = 0;; i++) {
        size_t end = part_end(p, i, true);
        struct str alt = str_sub(p, i, end), inner;

        if (only_a_group(alt, &inner)) {
            if (!read_all_runs(r, inner, nesting + 1))
                return false;
        } else {
            r->best = STR_EMPTY;
            read_runs(r, alt);
            if (r->best.n < LITERAL_RUN_MIN || r->n == LITERALS_MAX)
                return false;
            r->v[r->n++] = r->best;
        }
        if (end == p.n)
            return true;
        i = end;
    }
}

size_t literals_within(struct str pattern, struct arena *a, struct str ret[LITERALS_MAX])
{
    struct runs r = {.arena = a, .v = ret};
    bool known;

    buf_init(&r.run, KIB(4));
    known = understood(pattern) && read_all_runs(&r, pattern, 0);
    buf_clear(&r.run);
    return known ? r.n : 0;
}
