#include "common/core/route/route.h"

#include "common/core/route/route_index.h"

static void clear(const struct route *r) /* as deep as ROUTE_DEPTH_MAX */
{
    struct matchers m = r->matchers;

    route_index_clear(r->finder); /* which borrows the matchers of the children */
    matchers_clear(&m);
    for (size_t i = 0; i < r->children_n; i++)
        clear(r->children[i]);
}

void route_clear(struct route *root)
{
    if (root != NULL)
        clear(root);
}

struct found {
    const struct route **v;
    size_t n, cap;
    struct arena *arena;
};

static void add(struct found *f, const struct route *r)
{
    if (f->n == f->cap) {
        size_t cap = f->cap != 0 ? 2 * f->cap : 4;
        const struct route **v = ARENA_ARRAY(f->arena, const struct route *, cap);

        if (f->n != 0)
            /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is moved */
            memcpy(v, f->v, f->n * sizeof(*v));
        f->v = v;
        f->cap = cap;
    }
    f->v[f->n++] = r;
}

static bool match(const struct route *r, struct labels labels, struct found *f);

/* True when the walk over the siblings ends at this one. */
static bool take(const struct route *child, struct labels labels, struct found *f)
{
    return match(child, labels, f) && !child->go_on;
}

static void match_children(const struct route *r, struct labels labels, struct found *f)
{
    struct route_walk w;
    size_t i;

    if (r->finder == NULL) {
        for (i = 0; i < r->children_n; i++) {
            if (take(r->children[i], labels, f))
                return;
        }
        return;
    }
    route_walk_begin(&w, r->finder, labels, f->arena);
    while ((i = route_walk_next(&w)) != ROUTE_WALK_END) {
        if (take(r->children[i], labels, f))
            return;
    }
}

static bool match(const struct route *r, struct labels labels, struct found *f)
{
    size_t before = f->n;

    if (!matchers_match(&r->matchers, labels))
        return false;
    match_children(r, labels, f);
    if (f->n == before)
        add(f, r);
    return true;
}

struct route_list route_match(const struct route *root, struct labels labels, struct arena *a)
{
    struct found f = {.arena = a};

    (void)match(root, labels, &f); /* the root has no matchers */
    return (struct route_list){.v = f.v, .n = f.n};
}

struct labels route_group_labels(const struct route *r, struct labels labels, struct arena *a)
{
    if (r->group_by_all)
        return labels;

    struct label *v = ARENA_ARRAY(a, struct label, r->group_by_n);
    size_t n = 0, i = 0;

    for (size_t k = 0; k < r->group_by_n; k++) { /* both are sorted */
        while (i < labels.n && str_cmp(labels.v[i].name, r->group_by[k]) < 0)
            i++;
        if (i < labels.n && str_eq(labels.v[i].name, r->group_by[k]))
            v[n++] = labels.v[i];
    }
    return (struct labels){.v = v, .n = n};
}

void route_add_group_key(struct buf *b, const struct route *r, struct labels group_labels)
{
    buf_add_str(b, r->key);
    buf_add_char(b, ':');
    labels_add_text(b, group_labels);
}

void route_mark_receivers(const struct route *r, bool *used)
{
    used[r->receiver->index] = true;
    for (size_t i = 0; i < r->children_n; i++)
        route_mark_receivers(r->children[i], used);
}
