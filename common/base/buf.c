#include "common/base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define CAP_FIRST 64

static char nothing[1]; /* what p points at before the first byte; never written, since cap == 0 */

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.p = nothing, .max = max_bytes != 0 ? max_bytes : BUF_MAX_DEFAULT};
}

void buf_clear(struct buf *b)
{
    if (b->cap != 0)
        free(b->p);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
    if (b->cap != 0)
        b->p[0] = '\0';
}

/* cap counts the terminator, n and max don't. */
void buf_reserve(struct buf *b, size_t more)
{
    size_t want = more < b->max - b->n ? b->n + more + 1 : b->max + 1, cap = b->cap;

    assert(b->n <= b->max);
    if (want <= cap)
        return;
    cap = cap < CAP_FIRST ? CAP_FIRST : cap + cap / 2;
    if (cap < want)
        cap = want;
    if (cap > b->max + 1)
        cap = b->max + 1;
    b->p = xrealloc(b->cap != 0 ? b->p : NULL, cap, 1);
    b->cap = cap;
    b->p[b->n] = '\0';
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0 || b->overflow)
        return;
    if (n >= b->cap - b->n || b->cap == 0) {
        buf_reserve(b, n);
        if (n > b->max - b->n) {
            n = b->max - b->n;
            b->overflow = true;
        }
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_add_fmt(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_add_vfmt(b, fmt, ap);
    va_end(ap);
}

void buf_add_vfmt(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    size_t n;
    int length;

    if (b->overflow)
        return;
    buf_reserve(b, CAP_FIRST);
    va_copy(again, ap);
    length = vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap);
    assert(length >= 0);
    n = (size_t)length;
    if (n >= b->cap - b->n) {
        buf_reserve(b, n);
        (void)vsnprintf(b->p + b->n, b->cap - b->n, fmt, again);
        if (n > b->max - b->n) {
            n = b->max - b->n;
            b->overflow = true;
        }
    }
    va_end(again);
    b->n += n;
}

void buf_add_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_add_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_add_char(b, '-');
    buf_add_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void buf_add_hex_u64(struct buf *b, uint64_t v)
{
    char digits[16];

    for (size_t i = sizeof(digits); i-- > 0; v >>= 4)
        digits[i] = "0123456789abcdef"[v & 15];
    buf_add(b, digits, sizeof(digits));
}

void buf_drop_front(struct buf *b, size_t n)
{
    assert(n <= b->n);
    if (n == 0)
        return;
    b->n -= n;
    memmove(b->p, b->p + n, b->n + 1);
}
