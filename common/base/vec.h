/* Growable arrays without a type of their own: any struct with `v`, `n` and `cap` will do.
 *     struct names { struct str *v; size_t n, cap; } names = {0};
 *     *VEC_PUSH(&names) = name;
 *     VEC_EACH(&names, struct str, it) …
 *     VEC_CLEAR(&names); */
#pragma once

#include "common/base/base.h"

#include <stdlib.h>

void *vec_grow(void *v, size_t n, size_t *cap, size_t size); /* room for one more than n */

/* A pointer to a new element at the end, contents undefined. Valid until the next push. */
#define VEC_PUSH(vec) \
    ((vec)->v = vec_grow((vec)->v, (vec)->n, &(vec)->cap, sizeof(*(vec)->v)), &(vec)->v[(vec)->n++])
#define VEC_EACH(vec, type, it) \
    for (type *it = (vec)->v; it != NULL && it < (vec)->v + (vec)->n; it++)
#define VEC_REMOVE(vec, i) \
    vec_remove_at((vec)->v, &(vec)->n, (i), sizeof(*(vec)->v)) /* keeps the order */
#define VEC_CLEAR(vec) (free((vec)->v), (vec)->v = NULL, (vec)->n = (vec)->cap = 0)

void vec_remove_at(void *v, size_t *n, size_t i, size_t size);
