#include "common/core/group/groups.h"

#include "common/base/map.h"

#include <assert.h>
#include <errno.h>

#define FLUSH_DEADLINE_MIN_MS (10 * MS_PER_S)

struct group_id { /* no padding: it is hashed as bytes */
    uint64_t route_index;
    uint64_t labels_fp;
};

struct group {
    UT_hash_handle hh;
    struct group_id id;
    const struct route *route;
    struct arena *arena; /* labels and key */
    struct labels labels;
    struct str key;
    TAILQ_HEAD(, group_member) members;
    size_t n;
    struct heap_node timer;
    bool flushing; /* `flush` is under way */
    bool due;      /* the timer ran out meanwhile, at due_at */
    struct now due_at;
    struct flush flush;
    struct str_list muted_by; /* one block */
};

/* alert->counted: nothing, or a member's mark + 1. */
#define COUNTED_STATES (MEMBER_SUPPRESSED + 2)

struct groups {
    struct group *by_id;
    struct heap timers;
    size_t n, max;
    uint64_t refused;
    size_t states[COUNTED_STATES]; /* firing alerts, by alert->counted */
};

struct groups *groups_new(size_t groups_max)
{
    struct groups *g = xcalloc(1, sizeof(*g));

    g->max = groups_max;
    heap_init(&g->timers);
    return g;
}

static struct group *group_find(const struct groups *g, const struct group_id *id)
{
    struct group *found;

    HASH_FIND(hh, g->by_id, id, sizeof(*id), found);
    return found;
}

static struct group *group_new(struct groups *g, const struct route *r, struct labels labels,
                               const struct group_id *id)
{
    struct group *group = xcalloc(1, sizeof(*group));
    struct buf key;

    group->id = *id;
    group->route = r;
    group->arena = arena_new(256);
    group->labels = labels_copy(group->arena, labels);
    buf_init(&key, 0);
    route_add_group_key(&key, r, labels);
    group->key = arena_str(group->arena, buf_str(&key));
    buf_clear(&key);
    TAILQ_INIT(&group->members);
    HASH_ADD(hh, g->by_id, id, sizeof(group->id), group);
    g->n++;
    return group;
}

static void group_free(struct groups *g, struct group *group)
{
    assert(group->n == 0);
    HASH_DELETE(hh, g->by_id, group);
    heap_remove(&g->timers, &group->timer);
    free(group->flush.v);
    free(group->muted_by.v);
    arena_free(group->arena);
    free(group);
    g->n--;
}

/* ---- members ---- */

static struct group_member *member_find(const struct alert *a, const struct group *group)
{
    struct group_member *m = a->groups;

    while (m != NULL && m->group != group)
        m = m->next;
    return m;
}

static void member_add(struct group *group, struct alert *a)
{
    struct group_member *m, **tail = &a->groups;

    while (*tail != NULL)
        tail = &(*tail)->next;
    m = xcalloc(1, sizeof(*m));
    m->alert = a;
    m->group = group;
    *tail = m;
    TAILQ_INSERT_TAIL(&group->members, m, link);
    group->n++;
}

/* As suppressed if it is muted in one of its groups, as unprocessed if it was told of in none. */
static void count_alert(struct groups *g, struct alert *a)
{
    uint8_t state = 0;

    for (const struct group_member *m = a->firing ? a->groups : NULL; m != NULL; m = m->next)
        state = (uint8_t)max_i64(state, (int64_t)m->mark + 1);
    if (a->counted != 0)
        g->states[a->counted]--;
    if (state != 0)
        g->states[state]++;
    a->counted = state;
}

void groups_alert_changed(struct groups *g, struct alert *a)
{
    if (a->groups != NULL || a->counted != 0)
        count_alert(g, a);
}

static void member_remove(struct groups *g, struct group_member *m)
{
    struct group *group = m->group;
    struct group_member **p = &m->alert->groups;

    while (*p != m)
        p = &(*p)->next;
    *p = m->next;
    m->alert->grouped = false;
    count_alert(g, m->alert);
    TAILQ_REMOVE(&group->members, m, link);
    group->n--;
    for (size_t i = 0; group->flushing && i < group->flush.n; i++) {
        if (group->flush.v[i].member == m)
            group->flush.v[i].member = NULL;
    }
    free(m);
}

static void group_drop(struct groups *g, struct group *group)
{
    struct group_member *m;

    group->flushing = false;
    while ((m = TAILQ_FIRST(&group->members)) != NULL)
        member_remove(g, m);
    group_free(g, group);
}

void groups_free(struct groups *g)
{
    struct group *group, *next;

    if (g == NULL)
        return;
    HASH_ITER (hh, g->by_id, group, next)
        group_drop(g, group);
    heap_clear(&g->timers);
    free(g);
}

/* ---- inserting ---- */

/* The group of one route, made when it is not there. NULL when there are too many. */
static struct group *group_for(struct groups *g, const struct route *r, const struct alert *a,
                               struct labels labels, struct now now, struct arena *scratch)
{
    struct labels own = route_group_labels(r, labels, scratch);
    struct group_id id = {.route_index = r->index, .labels_fp = labels_fingerprint(own)};
    struct group *group = group_find(g, &id);
    bool old;

    if (group != NULL)
        return group;
    if (g->n >= g->max) {
        g->refused++;
        return NULL;
    }
    group = group_new(g, r, own, &id);
    old = a->starts_wall_ms + r->group_wait_ms < now.wall_ms;
    heap_set(&g->timers, &group->timer, now.mono_ms + (old ? 0 : r->group_wait_ms));
    return group;
}

static int insert_all(struct groups *g, struct route_list routes, struct alert *a,
                      struct labels labels, struct now now, struct arena *scratch)
{
    int result = 0;

    for (size_t i = 0; i < routes.n; i++) {
        struct group *group = group_for(g, routes.v[i], a, labels, now, scratch);

        if (group == NULL)
            result = -ENOSPC;
        else if (member_find(a, group) == NULL)
            member_add(group, a);
    }
    a->grouped = result == 0;
    count_alert(g, a);
    return result;
}

int groups_insert(struct groups *g, const struct route *root, struct alert *a, struct now now,
                  struct arena *scratch)
{
    struct labels labels;

    if (a->grouped) /* labels never change, so neither do the routes */
        return 0;
    labels = alert_labels(a, scratch);
    return insert_all(g, route_match(root, labels, scratch), a, labels, now, scratch);
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

/* The route with the id of `old` in another tree: ids name the way by child indexes and matchers.
 */
static const struct route *route_twin(const struct route *root, const struct route *old)
{
    const struct route *up;

    if (old->parent == NULL)
        return root;
    up = route_twin(root, old->parent);
    if (up == NULL || old->child_index >= up->children_n)
        return NULL;
    up = up->children[old->child_index];
    return str_eq(up->id, old->id) ? up : NULL;
}

void groups_retarget(struct groups *g, const struct route *root,
                     void (*on_drop)(struct group *group, void *arg), void *arg)
{
    struct group *group, *next, *kept = NULL;

    HASH_ITER (hh, g->by_id, group, next) {
        const struct route *twin = route_twin(root, group->route);

        if (twin == NULL || !routes_alike(twin, group->route)) {
            on_drop(group, arg);
            group_drop(g, group);
            continue;
        }
        HASH_DELETE(hh, g->by_id, group);
        group->route = twin;
        group->id.route_index = twin->index;
        HASH_ADD(hh, kept, id, sizeof(group->id), group);
    }
    g->by_id = kept;
}

int groups_regroup(struct groups *g, const struct route *root, struct alert *a, struct now now,
                   struct arena *scratch)
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
        member_remove(g, m);
        if (group->n == 0 && !group->flushing)
            group_free(g, group);
    }
    return insert_all(g, routes, a, labels, now, scratch);
}

/* ---- flushing ---- */

struct sorted {
    struct labels labels;
    struct flush_item item;
};

static int compare(const void *x, const void *y)
{
    const struct sorted *a = x, *b = y;
    int c = labels_cmp_alert(a->labels, b->labels);

    if (c != 0)
        return c;
    return a->item.member->alert->fp < b->item.member->alert->fp ? -1 : 1;
}

static void begin(struct group *group, struct now at, struct now now, struct arena *scratch)
{
    struct sorted *v = ARENA_ARRAY(scratch, struct sorted, group->n);
    struct flush *f = &group->flush;
    struct group_member *m;
    size_t n = 0;

    TAILQ_FOREACH (m, &group->members, link) {
        v[n].labels = alert_labels(m->alert, scratch);
        v[n++].item = (struct flush_item){
            .member = m, .version = m->alert->version, .resolved = !m->alert->firing};
    }
    if (n > 1)
        qsort(v, n, sizeof(*v), compare);
    *f = (struct flush){.group = group,
                        .at = at,
                        .deadline_mono_ms = now.mono_ms + max_i64(group->route->group_interval_ms,
                                                                  FLUSH_DEADLINE_MIN_MS),
                        .v = xcalloc(n, sizeof(*f->v)),
                        .n = n};
    for (size_t i = 0; i < n; i++)
        f->v[i] = v[i].item;
    group->flushing = true;
}

struct flush *groups_next_due(struct groups *g, struct now now, struct arena *scratch)
{
    struct heap_node *first;

    while ((first = heap_first(&g->timers)) != NULL && first->at_ms <= now.mono_ms) {
        struct group *group = CONTAINER_OF(first, struct group, timer);

        if (group->flushing) { /* ticks do not pile up */
            heap_remove(&g->timers, &group->timer);
            group->due = true;
            group->due_at = now;
        } else if (group->n == 0) {
            group_free(g, group);
        } else {
            heap_set(&g->timers, &group->timer, now.mono_ms + group->route->group_interval_ms);
            begin(group, group->due ? group->due_at : now, now, scratch);
            group->due = false;
            return &group->flush;
        }
    }
    return NULL;
}

int64_t groups_next_ms(const struct groups *g)
{
    return heap_next_ms(&g->timers);
}

void groups_flushed(struct groups *g, struct flush *f, bool success, struct now now)
{
    struct group *group = f->group;

    assert(group->flushing && f == &group->flush);
    group->flushing = false;
    for (size_t i = 0; success && i < f->n; i++) {
        struct group_member *m = f->v[i].member;

        if (m != NULL && f->v[i].resolved && m->alert->version == f->v[i].version)
            member_remove(g, m);
    }
    free(f->v);
    *f = (struct flush){0};
    if (group->n == 0) {
        group_free(g, group);
    } else if (group->due) {
        heap_set(&g->timers, &group->timer, now.mono_ms);
    }
}

void groups_mark(struct groups *g, const struct flush *f)
{
    for (size_t i = 0; i < f->n; i++) {
        f->v[i].member->mark = f->v[i].muted ? MEMBER_SUPPRESSED : MEMBER_ACTIVE;
        count_alert(g, f->v[i].member->alert);
    }
}

struct group_alert_states groups_alert_states(const struct groups *g)
{
    return (struct group_alert_states){.active = g->states[MEMBER_ACTIVE + 1],
                                       .suppressed = g->states[MEMBER_SUPPRESSED + 1],
                                       .unprocessed = g->states[MEMBER_UNPROCESSED + 1]};
}

void group_set_muted_by(struct group *g, const struct str *names, size_t n)
{
    size_t bytes = n * sizeof(struct str);
    char *text;

    free(g->muted_by.v);
    g->muted_by = (struct str_list){0};
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        bytes += names[i].n;
    g->muted_by = (struct str_list){.v = xmalloc(bytes), .n = n};
    text = (char *)(g->muted_by.v + n);
    for (size_t i = 0; i < n; i++) {
        memcpy(text, names[i].p, names[i].n);
        g->muted_by.v[i] = (struct str){.p = text, .n = names[i].n};
        text += names[i].n;
    }
}

struct str_list group_muted_by(const struct group *g)
{
    return g->muted_by;
}

const struct route *group_route(const struct group *g)
{
    return g->route;
}

struct labels group_labels(const struct group *g)
{
    return g->labels;
}

struct str group_key(const struct group *g)
{
    return g->key;
}

struct flush *group_flush(struct group *g)
{
    return g->flushing ? &g->flush : NULL;
}

size_t groups_count(const struct groups *g)
{
    return g->n;
}

uint64_t groups_refused(const struct groups *g)
{
    return g->refused;
}

uint64_t groups_digest(const struct groups *g)
{
    const struct group *group;
    uint64_t sum = 0;

    for (group = g->by_id; group != NULL; group = group->hh.next) {
        uint64_t h = hash_mix(group->id.labels_fp, group->id.route_index);

        h = hash_mix(h, group->n);
        sum += hash_mix(h, (uint64_t)(heap_has(&group->timer) ? group->timer.at_ms : -1));
    }
    return sum;
}
