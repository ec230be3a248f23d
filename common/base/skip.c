#include "common/base/skip.h"

#include <assert.h>
#include <stdlib.h>

void skip_init(struct skip *s, skip_compare compare)
{
    *s = (struct skip){.compare = compare};
}

/* The links that lead to where the node is or would be, on every level. */
static void path_to(struct skip *s, const struct skip_node *node,
                    struct skip_node **path[SKIP_HEIGHT_MAX])
{
    struct skip_node **links = s->first;

    for (unsigned level = SKIP_HEIGHT_MAX; level-- > 0;) {
        while (links[level] != NULL && s->compare(links[level], node) < 0)
            links = links[level]->next;
        path[level] = &links[level];
    }
}

void skip_insert(struct skip *s, struct skip_node *node, uint64_t hash)
{
    struct skip_node **path[SKIP_HEIGHT_MAX];

    assert(node->next == NULL);
    node->height = 1;
    while (node->height < SKIP_HEIGHT_MAX && (hash & 3) == 0) { /* a quarter goes one up */
        node->height++;
        hash >>= 2;
    }
    path_to(s, node, path);
    node->next = xcalloc(node->height, sizeof(struct skip_node *));
    for (unsigned level = 0; level < node->height; level++) {
        node->next[level] = *path[level];
        *path[level] = node;
    }
}

void skip_remove(struct skip *s, struct skip_node *node)
{
    struct skip_node **path[SKIP_HEIGHT_MAX];

    path_to(s, node, path);
    for (unsigned level = 0; level < node->height; level++) {
        assert(*path[level] == node);
        *path[level] = node->next[level];
    }
    free(node->next);
    *node = (struct skip_node){0};
}

struct skip_node *skip_find(const struct skip *s, skip_before before, const void *place)
{
    struct skip_node *const *links = s->first;

    if (place == NULL)
        return s->first[0];
    for (unsigned level = SKIP_HEIGHT_MAX; level-- > 0;) {
        while (links[level] != NULL && before(links[level], place))
            links = links[level]->next;
    }
    return links[0];
}
