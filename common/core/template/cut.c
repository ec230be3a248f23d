#include "common/core/template/cut.h"

#include "common/base/utf8.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define ELLIPSIS_BYTES 3

/* The bytes that the first n code points take; fewer when there are not so many. */
static size_t runes_end(struct str s, size_t n)
{
    size_t at = 0;

    for (size_t i = 0; i < n && at < s.n; i++) {
        uint32_t rune;

        at += utf8_decode(str_sub(s, at, s.n), &rune);
    }
    return at;
}

static struct str shortened(struct str s, bool repaired, const char *tail, struct arena *a)
{
    struct str ret;
    struct buf b;

    buf_init(&b, 0);
    if (repaired)
        utf8_add_repaired(&b, s);
    else
        buf_add_str(&b, s);
    buf_add_str(&b, str_from(tail));
    ret = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return ret;
}

struct str cut_runes(struct str s, size_t n, struct arena *a, bool *ret_cut)
{
    bool cut = runes_end(s, n)<s.n, marked = n> 3;

    if (ret_cut != NULL)
        *ret_cut = cut;
    if (!cut)
        return s;
    s = str_sub(s, 0, runes_end(s, marked ? n - 1 : n));
    return shortened(s, true, marked ? ELLIPSIS : "", a);
}

struct str cut_bytes(struct str s, size_t n, struct arena *a, bool *ret_cut)
{
    bool cut = s.n > n;

    if (ret_cut != NULL)
        *ret_cut = cut;
    if (!cut)
        return s;
    if (n < ELLIPSIS_BYTES)
        return str_sub(STR(".."), 0, n);
    return shortened(str_sub(s, 0, utf8_cut(s, n - ELLIPSIS_BYTES)), false, ELLIPSIS, a);
}
