#include "tests/fuzz/fuzz.h"

#include "common/core/model/matcher.h"

static bool unnamed(const struct matchers *m) /* legal, but its rendering is not, as upstream */
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].name.n == 0)
            return true;
    }
    return false;
}

/* What was read reads the same again from its canonical text. */
static void check_round_trip(const struct matchers *m, enum matcher_mode mode, struct arena *a)
{
    struct matchers again = {0};
    struct buf b;

    buf_init(&b, 0);
    matchers_add_text(&b, m);
    int rc = matchers_parse(buf_str(&b), mode, a, &again, NULL);

    assert(rc == 0 && again.n == m->n);
    for (size_t i = 0; i < m->n; i++)
        assert(matcher_eq(&again.v[i], &m->v[i]));
    matchers_clear(&again);
    buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(0);
    struct str text = fuzz_text(data, size);
    bool good[3];

    for (int mode = MATCHER_FALLBACK; mode <= MATCHER_UTF8; mode++) {
        struct matchers m = {0};
        struct matcher one;
        struct err err = {0};

        good[mode] = matchers_parse(text, (enum matcher_mode)mode, a, &m, &err) == 0;
        assert(good[mode] || (m.n == 0 && err.text[0] != '\0'));
        if (good[mode] && !unnamed(&m)) {
            check_round_trip(&m, MATCHER_UTF8, a);
            check_round_trip(&m, MATCHER_FALLBACK, a);
        }
        (void)matchers_match(&m, (struct labels){0});
        matchers_clear(&m);
        if (matcher_parse(text, (enum matcher_mode)mode, a, &one, NULL) == 0)
            matcher_clear(&one);
    }
    assert(good[MATCHER_FALLBACK] == (good[MATCHER_CLASSIC] || good[MATCHER_UTF8]));
    arena_free(a);
    return 0;
}
