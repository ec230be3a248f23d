/* Groups in the order of the API. */
#include "common/core/group/groups_internal.h"

#include "common/base/hash.h"

/* Receivers keep their names, and groups their labels, as long as the group lives: the order holds
 * over reloads. */
static int place_cmp(const struct group *a, struct labels labels, struct str receiver,
                     uint64_t serial)
{
    int c = labels_cmp(a->labels, labels);

    if (c == 0)
        c = str_cmp(a->route->receiver->name, receiver);
    if (c == 0)
        c = a->serial < serial ? -1 : a->serial > serial;
    return c;
}

static const struct group *of_node(const struct skip_node *n)
{
    return n == NULL ? NULL
                     : (const struct group *)(const void *)((const char *)n -
                                                            offsetof(struct group, sorted));
}

static int compare_sorted(const struct skip_node *a, const struct skip_node *b)
{
    const struct group *x = of_node(a), *y = of_node(b);

    return place_cmp(x, y->labels, y->route->receiver->name, y->serial);
}

static bool at_or_before(const struct skip_node *n, const void *place)
{
    const struct group_place *p = place;

    return place_cmp(of_node(n), p->labels, p->receiver, p->serial) <= 0;
}

static bool before(const struct skip_node *n, const void *place)
{
    const struct group_place *p = place;

    return place_cmp(of_node(n), p->labels, p->receiver, p->serial) < 0;
}

const struct group *groups_behind(const struct groups *g, const struct group_place *place)
{
    return of_node(skip_find(&g->sorted, at_or_before, place));
}

const struct group *groups_at(const struct groups *g, const struct group_place *place)
{
    const struct group *found = of_node(skip_find(&g->sorted, before, place));

    return found != NULL && found->serial == place->serial ? found : NULL;
}

const struct group *group_next(const struct group *group)
{
    return of_node(skip_next(&group->sorted));
}

uint64_t group_serial(const struct group *group)
{
    return group->serial;
}

struct group_place group_place(const struct group *group, struct arena *a)
{
    return (struct group_place){.labels = labels_copy(a, group->labels),
                                .receiver = arena_str(a, group->route->receiver->name),
                                .serial = group->serial};
}

const struct group_member *group_members(const struct group *group)
{
    return TAILQ_FIRST(&group->members);
}

size_t group_size(const struct group *group)
{
    return group->n;
}

void groups_order_init(struct groups *g)
{
    skip_init(&g->sorted, compare_sorted);
}

void group_order_add(struct groups *g, struct group *group)
{
    group->serial = ++g->serial;
    skip_insert(&g->sorted, &group->sorted, hash_mix(group->serial, group->id.labels_fp));
}

void group_order_remove(struct groups *g, struct group *group)
{
    skip_remove(&g->sorted, &group->sorted);
}
