#include "common/core/group/groups_internal.h"

#include <assert.h>
#include <errno.h>

#define FLUSH_DEADLINE_MIN_MS (10 * MS_PER_S)

struct groups *groups_new(size_t groups_max)
{
    struct groups *g = xcalloc(1, sizeof(*g));

    g->max = groups_max;
    heap_init(&g->timers);
    groups_order_init(g);
    TAILQ_INIT(&g->dirty);
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
    group->place = g->place_of[r->index];
    group->arena = arena_new(256);
    group->labels = labels_copy(group->arena, labels);
    buf_init(&key, 0);
    route_add_group_key(&key, r, labels);
    group->key = arena_str(group->arena, buf_str(&key));
    buf_clear(&key);
    TAILQ_INIT(&group->members);
    HASH_ADD(hh, g->by_id, id, sizeof(group->id), group);
    group_order_add(g, group);
    g->n++;
    return group;
}

void groups_free_group(struct groups *g, struct group *group)
{
    assert(group->n == 0);
    HASH_DELETE(hh, g->by_id, group);
    group_order_remove(g, group);
    heap_remove(&g->timers, &group->timer);
    group_forget(g, group);
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

    while (*tail != NULL && (*tail)->group->route->index < group->route->index)
        tail = &(*tail)->next;
    m = xcalloc(1, sizeof(*m));
    m->alert = a;
    m->group = group;
    m->next = *tail;
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

void groups_member_remove(struct groups *g, struct group_member *m)
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

void groups_drop(struct groups *g, struct group *group)
{
    struct group_member *m;

    group->flushing = false;
    while ((m = TAILQ_FIRST(&group->members)) != NULL)
        groups_member_remove(g, m);
    groups_free_group(g, group);
}

void groups_free(struct groups *g)
{
    struct group *group, *next;

    if (g == NULL)
        return;
    HASH_ITER (hh, g->by_id, group, next)
        groups_drop(g, group);
    heap_clear(&g->timers);
    groups_rows_clear(g);
    free(g->places);
    free(g->place_of);
    free(g);
}

/* ---- inserting ---- */

static void arm(struct groups *g, struct group *group, int64_t delay_ms, struct now now)
{
    group->delay_ms = delay_ms;
    heap_set(&g->timers, &group->timer, now.mono_ms + delay_ms);
}

/* The group of one route, made when it is not there. NULL when there are too many. */
static struct group *group_for(struct groups *g, const struct route *r, const struct alert *a,
                               struct labels labels, struct now now, struct arena *scratch)
{
    struct labels own = route_group_labels(r, labels, scratch);
    struct group_id id = {.route_index = r->index, .labels_fp = labels_fingerprint(own)};
    struct group *group = group_find(g, &id);
    struct group_timer timer;
    bool old;

    if (group != NULL)
        return group;
    if (g->n >= g->max) {
        g->refused++;
        return NULL;
    }
    group = group_new(g, r, own, &id);
    if (groups_take_timer(g, group, &timer)) {
        group->stored = true;
        group->delay_ms = timer.delay_ms;
        heap_set(&g->timers, &group->timer,
                 now.mono_ms + clamp_i64(timer.due_wall_ms - now.wall_ms, 0, timer.delay_ms));
        return group;
    }
    old = a->starts_wall_ms + r->group_wait_ms < now.wall_ms;
    arm(g, group, old ? 0 : r->group_wait_ms, now);
    group_touch(g, group);
    return group;
}

int groups_insert_all(struct groups *g, struct route_list routes, struct alert *a,
                      struct labels labels, struct group_wanted wanted, struct now now,
                      struct arena *scratch)
{
    bool everywhere = true;
    int result = 0;

    for (size_t i = 0; i < routes.n; i++) {
        struct group *group;

        if (wanted.ask != NULL && !wanted.ask(a, routes.v[i], labels, wanted.arg)) {
            everywhere = false;
            continue;
        }
        group = group_for(g, routes.v[i], a, labels, now, scratch);
        if (group == NULL)
            result = -ENOSPC;
        else if (member_find(a, group) == NULL)
            member_add(group, a);
    }
    a->grouped = result == 0 && everywhere;
    count_alert(g, a);
    return result;
}

int groups_insert(struct groups *g, const struct route *root, struct alert *a, struct now now,
                  struct arena *scratch)
{
    struct labels labels;

    if (a->grouped) /* labels never change, so neither do the routes */
        return 0;
    groups_follow(g, root);
    labels = alert_labels(a, scratch);
    return groups_insert_all(g, route_match(root, labels, scratch), a, labels,
                             (struct group_wanted){0}, now, scratch);
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
            groups_free_group(g, group);
        } else {
            arm(g, group, group->route->group_interval_ms, now);
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

        if (m != NULL && f->v[i].resolved && !f->v[i].owed && m->alert->version == f->v[i].version)
            groups_member_remove(g, m);
    }
    free(f->v);
    *f = (struct flush){0};
    if (group->n == 0) {
        groups_free_group(g, group);
        return;
    }
    if (group->due)
        arm(g, group, 0, now);
    group_touch(g, group);
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
