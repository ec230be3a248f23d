/* A binary min-heap of deadlines, intrusive: the element carries its place, so that it can be moved
 * or removed in O(log n). Equal deadlines come out in the order in which they were put in, so that
 * runs repeat. */
#pragma once

#include "common/base/base.h"

struct heap_node {
    int64_t at_ms;  /* the deadline; the clock is the user's choice, one per heap */
    uint64_t order; /* set by the heap */
    size_t place;   /* index + 1; 0 when in no heap */
};

struct heap {
    struct heap_node **v;
    size_t n, cap;
    uint64_t next_order;
};

void heap_init(struct heap *h);
void heap_clear(struct heap *h); /* the nodes stay the caller's */
void heap_set(struct heap *h, struct heap_node *node, int64_t at_ms); /* inserts or moves */
void heap_remove(struct heap *h, struct heap_node *node); /* no-op when not in the heap */
struct heap_node *heap_first(const struct heap *h);       /* NULL when empty */
int64_t heap_next_ms(const struct heap *h);               /* TIME_NEVER when empty */

static inline bool heap_has(const struct heap_node *node)
{
    return node->place != 0;
}

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
