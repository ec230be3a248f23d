/* A sorted list with logarithmic search: a skip list (Pugh 1990), intrusive. The height of a node
 * comes from a hash that the caller gives, so that runs repeat. For what is listed in order, in
 * slices, while it changes. */
#pragma once

#include "common/base/base.h"

#define SKIP_HEIGHT_MAX 20

struct skip_node {
    struct skip_node **next; /* `height` of them, owned by the list; NULL when in no list */
    unsigned height;
};

/* <0, 0, >0; no two nodes of a list are equal. */
typedef int (*skip_compare)(const struct skip_node *a, const struct skip_node *b);
/* Whether the node stands before the place or at it. */
typedef bool (*skip_before)(const struct skip_node *node, const void *place);

struct skip {
    struct skip_node *first[SKIP_HEIGHT_MAX];
    skip_compare compare;
};

void skip_init(struct skip *s, skip_compare compare);
void skip_insert(struct skip *s, struct skip_node *node, uint64_t hash);
void skip_remove(struct skip *s, struct skip_node *node); /* it must be in the list */
/* The first node that does not stand before the place; NULL at the end. place NULL: the first. */
struct skip_node *skip_find(const struct skip *s, skip_before before, const void *place);

static inline struct skip_node *skip_next(const struct skip_node *node)
{
    return node->next[0];
}
