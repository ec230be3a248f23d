/* Which of the two syntaxes a text is read by, and what is said when they differ. */
#include "common/core/model/matcher_syntax.h"

#include <errno.h>

static bool same(const struct matchers *a, const struct matchers *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!matcher_eq(&a->v[i], &b->v[i]))
            return false;
    }
    return true;
}

static void append(struct matchers *to, struct matchers *from, enum matcher_note note,
                   struct arena *a)
{
    for (size_t i = 0; i < from->n; i++) {
        from->v[i].note = note;
        matchers_add(to, from->v[i], a);
    }
    *from = (struct matchers){0}; /* the regexes have moved */
}

static int read_fallback(struct str text, struct arena *a, struct matchers *ret, struct err *err)
{
    struct matchers utf8 = {0}, classic = {0};
    int utf8_rc = matchers_read_utf8(text, a, &utf8, NULL);
    int classic_rc = matchers_read_classic(text, a, &classic, err);
    int rc = 0;

    if (utf8_rc < 0)
        matchers_clear(&utf8);
    if (classic_rc < 0)
        matchers_clear(&classic);

    if (utf8_rc < 0 && classic_rc < 0)
        rc = classic_rc;
    else if (utf8_rc < 0)
        append(ret, &classic, MATCHER_INCOMPATIBLE, a);
    else if (classic_rc == 0 && !same(&utf8, &classic))
        append(ret, &classic, MATCHER_DISAGREEMENT, a);
    else
        append(ret, &utf8, MATCHER_FINE, a);
    matchers_clear(&utf8);
    matchers_clear(&classic);
    return rc;
}

int matchers_parse(struct str text, enum matcher_mode mode, struct arena *a, struct matchers *ret,
                   struct err *err)
{
    struct matchers got = {0};
    int rc;

    if (mode == MATCHER_FALLBACK)
        return read_fallback(text, a, ret, err);
    if (mode == MATCHER_CLASSIC)
        rc = matchers_read_classic(text, a, &got, err);
    else
        rc = matchers_read_utf8(text, a, &got, err);
    if (rc == 0)
        append(ret, &got, MATCHER_FINE, a);
    matchers_clear(&got);
    return rc;
}

static int one_utf8(struct str text, struct arena *a, struct matcher *ret, struct err *err)
{
    struct matchers got = {0};
    int rc = matchers_read_utf8(text, a, &got, err);

    if (rc == 0 && got.n == 0)
        rc = err_set(err, -EINVAL, "no matchers");
    else if (rc == 0 && got.n > 1)
        rc = err_set(err, -EINVAL, "expected 1 matcher, found %zu", got.n);
    if (rc == 0) {
        *ret = got.v[0];
        got.n = 0;
    }
    matchers_clear(&got);
    return rc;
}

static int one_fallback(struct str text, struct arena *a, struct matcher *ret, struct err *err)
{
    struct matcher utf8 = {0}, classic = {0};
    int utf8_rc = one_utf8(text, a, &utf8, NULL);
    int classic_rc = matcher_read_classic(text, a, &classic, err);

    if (utf8_rc < 0 && classic_rc < 0)
        return classic_rc;
    if (utf8_rc == 0 && (classic_rc < 0 || matcher_eq(&utf8, &classic))) {
        matcher_clear(&classic);
        *ret = utf8;
        return 0;
    }
    classic.note = utf8_rc < 0 ? MATCHER_INCOMPATIBLE : MATCHER_DISAGREEMENT;
    matcher_clear(&utf8);
    *ret = classic;
    return 0;
}

int matcher_parse(struct str text, enum matcher_mode mode, struct arena *a, struct matcher *ret,
                  struct err *err)
{
    if (mode == MATCHER_CLASSIC)
        return matcher_read_classic(text, a, ret, err);
    if (str_starts(text, STR("{")) || str_ends(text, STR("}")))
        return err_set(err, -EINVAL, "unexpected open or close brace: " STR_FMT, STR_ARG(text));
    if (mode == MATCHER_UTF8)
        return one_utf8(text, a, ret, err);
    return one_fallback(text, a, ret, err);
}
