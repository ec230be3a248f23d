#include "common/base/vec.h"

#include <assert.h>
#include <string.h>

void *vec_grow(void *v, size_t n, size_t *cap, size_t size)
{
    assert(n <= *cap);
    if (n < *cap)
        return v;
    if (*cap > SIZE_MAX / 2)
        abort();
    *cap = *cap < 4 ? 4 : *cap + *cap / 2;
    return xrealloc(v, *cap, size);
}

void vec_remove_at(void *v, size_t *n, size_t i, size_t size)
{
    char *at = (char *)v + i * size;

    assert(i < *n);
    --*n;
    memmove(at, at + size, (*n - i) * size);
}
