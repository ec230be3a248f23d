#include "common/base/heap.h"

#include "common/base/now.h"
#include "common/base/vec.h"

#include <assert.h>

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void put(struct heap *h, size_t i, struct heap_node *node)
{
    h->v[i] = node;
    node->place = i + 1;
}

/* Moves the node, now thought to be at i, up or down to where it belongs. */
static void sift(struct heap *h, size_t i, struct heap_node *node)
{
    while (i > 0 && before(node, h->v[(i - 1) / 2])) {
        put(h, i, h->v[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < h->n && before(h->v[child + 1], h->v[child]))
            child++;
        if (child >= h->n || !before(h->v[child], node))
            break;
        put(h, i, h->v[child]);
        i = child;
    }
    put(h, i, node);
}

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_clear(struct heap *h)
{
    for (size_t i = 0; i < h->n; i++)
        h->v[i]->place = 0;
    VEC_CLEAR(h);
    h->next_order = 0;
}

void heap_set(struct heap *h, struct heap_node *node, int64_t at_ms)
{
    if (node->place == 0) {
        *VEC_PUSH(h) = node; /* NOLINT(bugprone-sizeof-expression): of pointers */
        node->place = h->n;
    }
    assert(node->place <= h->n && h->v[node->place - 1] == node);
    node->at_ms = at_ms;
    node->order = h->next_order++;
    sift(h, node->place - 1, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    size_t i = node->place;
    struct heap_node *last;

    if (i == 0)
        return;
    i--;
    assert(i < h->n && h->v[i] == node);
    node->place = 0;
    last = h->v[--h->n];
    if (last != node)
        sift(h, i, last);
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->n != 0 ? h->v[0] : NULL;
}

int64_t heap_next_ms(const struct heap *h)
{
    return h->n != 0 ? h->v[0]->at_ms : TIME_NEVER;
}
