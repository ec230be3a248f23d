#include "common/base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Under AddressSanitizer what is not handed out is poisoned and pieces stand apart, so that a
 * pointer kept across a reset or an overrun is seen. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#define GAP 16
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define GAP 0
#endif

#define ALIGNMENT _Alignof(max_align_t)
#define BLOCK_BYTES_DEFAULT KIB(16)

struct block {
    struct block *next; /* older */
    size_t used, cap;
    _Alignas(max_align_t) char data[];
};

/* The first block is the one in use; pieces too large for a block get one of their own, filed
 * behind it. */
struct arena {
    struct block *first;
    size_t block_bytes;
    size_t bytes;
};

static struct block *block_new(size_t cap)
{
    struct block *b;
    size_t n;

    if (__builtin_add_overflow(sizeof(*b), cap, &n))
        abort();
    b = xmalloc(n);
    b->next = NULL;
    b->used = 0;
    b->cap = cap;
    POISON(b->data, cap);
    return b;
}

static void block_free(struct block *b)
{
    UNPOISON(b->data, b->cap);
    free(b);
}

struct arena *arena_new(size_t block_bytes)
{
    struct arena *a = xcalloc(1, sizeof(*a));

    a->block_bytes = block_bytes != 0 ? block_bytes : BLOCK_BYTES_DEFAULT;
    return a;
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    arena_reset(a);
    if (a->first != NULL)
        block_free(a->first);
    free(a);
}

void arena_reset(struct arena *a)
{
    struct block *kept = NULL, *next;

    for (struct block *b = a->first; b != NULL; b = next) {
        next = b->next;
        if (kept == NULL && b->cap == a->block_bytes) {
            kept = b; /* never an outsize one: it would stay for good */
            kept->used = 0;
            POISON(kept->data, kept->cap);
        } else {
            block_free(b);
        }
    }
    if (kept != NULL)
        kept->next = NULL;
    a->first = kept;
    a->bytes = 0;
}

size_t arena_bytes(const struct arena *a)
{
    return a->bytes;
}

void *arena_alloc_raw(struct arena *a, size_t n)
{
    struct block *b = a->first;
    size_t room;
    char *p;

    if (n == 0)
        n = 1;
    if (__builtin_add_overflow(n, (size_t)(GAP + ALIGNMENT - 1), &room))
        abort();
    room -= room % ALIGNMENT;
    if (b == NULL || b->cap - b->used < room) {
        bool outsize = room > a->block_bytes / 4;

        b = block_new(outsize ? room : a->block_bytes);
        if (outsize && a->first != NULL) {
            b->next = a->first->next;
            a->first->next = b;
        } else {
            b->next = a->first;
            a->first = b;
        }
    }
    p = b->data + b->used;
    b->used += room;
    a->bytes += room;
    UNPOISON(p, n);
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    return memset(arena_alloc_raw(a, n), 0, n);
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size)
{
    size_t n;

    if (__builtin_mul_overflow(count, size, &n))
        abort();
    return arena_alloc(a, n);
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = arena_alloc_raw(a, s.n + 1);

    if (s.n != 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct str){.p = p, .n = s.n};
}

struct str arena_fmt(struct arena *a, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    char *p;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    assert(n >= 0);
    p = arena_alloc_raw(a, (size_t)n + 1);
    if ((size_t)n < sizeof(small))
        memcpy(p, small, (size_t)n + 1);
    else
        (void)vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (struct str){.p = p, .n = (size_t)n};
}
