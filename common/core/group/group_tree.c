#include "common/core/group/groups_internal.h"

#include "common/base/hash.h"

/* ---- places ---- */

struct sibling {
    uint64_t key_hash;
    const struct route *route;
};

static int compare_sibling(const void *x, const void *y)
{
    const struct sibling *a = x, *b = y;

    if (a->key_hash != b->key_hash)
        return a->key_hash < b->key_hash ? -1 : 1;
    return a->route->child_index < b->route->child_index ? -1 : 1;
}

struct places {
    struct place *v;
    size_t n, cap;
};

/* A place is made of the matchers on the way, and at each step of how many siblings before have the
 * same ones. As deep as ROUTE_DEPTH_MAX. */
static void walk(const struct route *r, uint64_t place, struct places *all)
{
    struct sibling *v;
    uint64_t nth = 0;

    *VEC_PUSH(all) = (struct place){.place = place, .route = r};
    if (r->children_n == 0)
        return;
    v = xcalloc(r->children_n, sizeof(*v));
    for (size_t i = 0; i < r->children_n; i++)
        v[i] = (struct sibling){.key_hash = xxh64(r->children[i]->key.p, r->children[i]->key.n, 0),
                                .route = r->children[i]};
    qsort(v, r->children_n, sizeof(*v), compare_sibling);
    for (size_t i = 0; i < r->children_n; i++) {
        nth = i > 0 && v[i].key_hash == v[i - 1].key_hash ? nth + 1 : 0;
        walk(v[i].route, hash_mix(hash_mix(place, v[i].key_hash), nth), all);
    }
    free(v);
}

static int compare_place(const void *x, const void *y)
{
    const struct place *a = x, *b = y;

    return a->place < b->place ? -1 : a->place > b->place;
}

void groups_follow(struct groups *g, const struct route *root)
{
    struct places all = {0};

    if (g->root == root)
        return;
    free(g->places);
    free(g->place_of);
    walk(root, 0, &all);
    g->root = root;
    g->places = all.v;
    g->places_n = all.n;
    g->place_of = xcalloc(all.n, sizeof(*g->place_of));
    for (size_t i = 0; i < all.n; i++)
        g->place_of[all.v[i].route->index] = all.v[i].place;
    qsort(g->places, g->places_n, sizeof(*g->places), compare_place);
}

static const struct route *route_at(const struct groups *g, uint64_t place)
{
    struct place want = {.place = place};
    const struct place *found = bsearch(&want, g->places, g->places_n, sizeof(want), compare_place);

    return found != NULL ? found->route : NULL;
}

/* ---- another tree ---- */

static bool routes_alike(const struct route *a, const struct route *b)
{
    if (!str_eq(a->receiver->name, b->receiver->name) || a->group_by_all != b->group_by_all ||
        a->group_wait_ms != b->group_wait_ms || a->group_interval_ms != b->group_interval_ms ||
        a->repeat_interval_ms != b->repeat_interval_ms)
        return false;
    if (a->group_by_all)
        return true;
    if (a->group_by_n != b->group_by_n)
        return false;
    for (size_t i = 0; i < a->group_by_n; i++) {
        if (!str_eq(a->group_by[i], b->group_by[i]))
            return false;
    }
    return true;
}

void groups_retarget(struct groups *g, const struct route *root,
                     void (*on_drop)(struct group *group, void *arg), void *arg)
{
    struct group *group, *next, *kept = NULL;

    groups_follow(g, root);
    HASH_ITER (hh, g->by_id, group, next) {
        const struct route *twin = route_at(g, group->place);

        if (twin == NULL || !str_eq(twin->key, group->route->key) ||
            !routes_alike(twin, group->route)) {
            on_drop(group, arg);
            groups_drop(g, group);
            continue;
        }
        HASH_DELETE(hh, g->by_id, group);
        group->route = twin;
        group->id.route_index = twin->index;
        HASH_ADD(hh, kept, id, sizeof(group->id), group);
    }
    g->by_id = kept;
}

int groups_regroup(struct groups *g, const struct route *root, struct alert *a,
                   struct group_wanted wanted, struct now now, struct arena *scratch)
{
    struct labels labels = alert_labels(a, scratch);
    struct route_list routes = route_match(root, labels, scratch);

    for (struct group_member *m = a->groups, *next; m != NULL; m = next) {
        struct group *group = m->group;
        bool own = false;

        next = m->next;
        for (size_t i = 0; i < routes.n && !own; i++)
            own = routes.v[i] == group->route;
        if (own)
            continue;
        groups_member_remove(g, m);
        if (group->n == 0 && !group->flushing)
            groups_free_group(g, group);
    }
    return groups_insert_all(g, routes, a, labels, wanted, now, scratch);
}
