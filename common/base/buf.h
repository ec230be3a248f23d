/* A growing byte buffer with a stated maximum. It stays NUL-terminated. Going past the maximum sets
 * `overflow` and drops what did not fit; the writer checks once, at the end. */
#pragma once

#include "common/base/str.h"

#include <stdarg.h>

struct buf {
    char *p; /* never NULL after buf_init: points at a static "" until the first byte */
    size_t n;
    size_t cap;
    size_t max;
    bool overflow;
};

#define BUF_MAX_DEFAULT MIB(256)

void buf_init(struct buf *b,
              size_t max_bytes);              /* allocates nothing; max_bytes 0: BUF_MAX_DEFAULT */
void buf_clear(struct buf *b);                /* frees; usable again as after buf_init */
void buf_reset(struct buf *b);                /* empties, keeps the memory, clears overflow */
void buf_reserve(struct buf *b, size_t more); /* room for `more` bytes as far as max allows */

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_fmt(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_add_vfmt(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
void buf_add_u64(struct buf *b, uint64_t v); /* decimal, without printf */
void buf_add_i64(struct buf *b, int64_t v);
void buf_add_hex_u64(struct buf *b, uint64_t v); /* 16 lower-case digits */
void buf_drop_front(struct buf *b, size_t n);    /* removes the first n bytes */

static inline void buf_add_str(struct buf *b, struct str s)
{
    if (s.n < b->cap - b->n && s.n > 0 &&
        !b->overflow) { /* here, for many are constant and short */
        memcpy(b->p + b->n, s.p, s.n);
        b->n += s.n;
        b->p[b->n] = '\0';
    } else {
        buf_add(b, s.p, s.n);
    }
}

static inline void buf_add_char(struct buf *b, char c)
{
    buf_add_str(b, (struct str){.p = &c, .n = 1});
}

static inline struct str buf_str(const struct buf *b) /* lends; until the next change */
{
    return (struct str){.p = b->p, .n = b->n};
}
