#include "common/base/base.h"

#include <stdlib.h>
#include <string.h>

static void *check(void *p)
{
    if (p == NULL)
        abort(); /* out of memory */
    return p;
}

static size_t product(size_t count, size_t size)
{
    size_t n;

    if (__builtin_mul_overflow(count, size, &n))
        abort();
    return n != 0 ? n : 1; /* malloc(0) may return NULL */
}

void *xmalloc(size_t n)
{
    return check(malloc(n != 0 ? n : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return check(calloc(1, product(count, size)));
}

void *xrealloc(void *p, size_t count, size_t size)
{
    return check(realloc(p, product(count, size)));
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
    size_t length = n > 0 ? strnlen(s, n) : 0; /* an empty struct str may point nowhere */
    char *copy = xmalloc(length + 1);

    if (length > 0)
        memcpy(copy, s, length);
    copy[length] = '\0';
    return copy;
}
