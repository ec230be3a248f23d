#include "common/core/gossip/lzw.h"

#include <errno.h>

#define CODE_CLEAR 256
#define CODE_END 257
#define WIDTH_MIN 9
#define WIDTH_MAX 12
#define NONE UINT32_MAX

/* Whatever a code stands for has been written before, so that a table of places in the output will
 * do: entry `high` is the last expansion and the byte behind it. */
struct expander {
    const uint8_t *in, *end;
    uint32_t bits; /* read but not used, the next one lowest */
    unsigned bits_n;
    unsigned width;
    uint32_t high, over, last;
    struct {
        size_t at, n;
    } table[1U << WIDTH_MAX];
    size_t last_at, last_n; /* of the expansion before this one */
};

static void reset(struct expander *e)
{
    e->width = WIDTH_MIN;
    e->high = CODE_END;
    e->over = 1U << WIDTH_MIN;
    e->last = NONE;
}

static bool next_code(struct expander *e, uint32_t *ret)
{
    while (e->bits_n < e->width) {
        if (e->in == e->end)
            return false;
        e->bits |= (uint32_t)*e->in++ << e->bits_n;
        e->bits_n += 8;
    }
    *ret = e->bits & ((1U << e->width) - 1);
    e->bits >>= e->width;
    e->bits_n -= e->width;
    return true;
}

static int expand(struct expander *e, uint32_t code, struct buf *out, const char **why)
{
    size_t at, n;

    if (code > e->high || (code == e->high && e->last == NONE)) {
        *why = "LZW: a code that stands for nothing yet";
        return -EINVAL;
    }
    at = e->last_at;
    n = 1;
    if (code == e->high) {
        n = e->last_n + 1;
    } else if (code > CODE_END) {
        at = e->table[code].at;
        n = e->table[code].n;
    }
    if (n > out->max - out->n) {
        *why = "LZW: expands to more than is allowed";
        return -EINVAL;
    }
    buf_reserve(out, n);
    if (code < CODE_CLEAR)
        buf_add_char(out, (char)code);
    else
        for (size_t i = 0; i < n; i++) /* one by one: the last may be the first of these */
            buf_add_char(out, out->p[at + i]);
    if (e->last != NONE) {
        e->table[e->high].at = e->last_at;
        e->table[e->high].n = e->last_n + 1;
    }
    e->last = code;
    e->last_at = out->n - n;
    e->last_n = n;
    e->high++;
    if (e->high >= e->over) {
        if (e->width == WIDTH_MAX) { /* full: no more entries until it is cleared */
            e->last = NONE;
            e->high--;
        } else {
            e->width++;
            e->over *= 2;
        }
    }
    return 0;
}

int lzw_expand(struct str in, struct buf *out, const char **why)
{
    struct expander e;
    uint32_t code;

    e.in = (const uint8_t *)(in.n != 0 ? in.p : ""); /* NULL + 0 is undefined */
    e.end = e.in + in.n;
    e.bits = e.bits_n = 0;
    e.last_at = e.last_n = 0; /* the table needs no beginning: nothing is read before it is set */
    reset(&e);
    while (next_code(&e, &code)) {
        if (code == CODE_END)
            return 0;
        if (code == CODE_CLEAR) {
            reset(&e);
        } else {
            int r = expand(&e, code, out, why);

            if (r < 0)
                return r;
        }
    }
    *why = "LZW: the bytes end before the end code";
    return -EINVAL;
}
