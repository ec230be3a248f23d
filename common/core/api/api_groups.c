/* GET /api/v2/alerts/groups, in slices: groups by label set and receiver, in each its alerts by
 * job, instance and label set (core specification §3.4, §10.6). A listing goes on behind the group
 * it was at, or within it; the alerts of a group are chosen and sorted when it is begun. */
#include "common/core/api/api_list.h"

#include <stdlib.h>

struct sorted {
    struct labels labels;
    uint64_t fp;
};

static int compare(const void *x, const void *y)
{
    const struct sorted *a = x, *b = y;
    int c = labels_cmp_alert(a->labels, b->labels);

    return c != 0 ? c : a->fp < b->fp ? -1 : 1;
}

static int compare_names(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

static bool route_passes(const struct api_filter *f, const struct group *group)
{
    const struct receiver *r = group_route(group)->receiver;

    return api_filter_receiver_name(f, r) && api_filter_receiver_labels(f, r);
}

/* What all alerts of a group have in common can be judged before they are looked at. */
static bool group_may_pass(const struct api_filter *f, const struct group *group)
{
    struct labels own = group_labels(group);

    if (!route_passes(f, group) || (!f->muted && group_muted_by(group).n > 0))
        return false;
    for (size_t i = 0; i < f->labels.n; i++) {
        struct matchers one = {.v = &f->labels.v[i], .n = 1};

        if (labels_get(own, f->labels.v[i].name).n > 0 && !api_filter_labels(&one, own))
            return false;
    }
    return true;
}

/* The group's alerts that pass, into l->fps; true when there is one. */
static bool choose(const struct api_v2 *api, struct api_listing *l, const struct group *group,
                   struct now now, size_t *cost)
{
    const struct api_filter *f = &l->filter;
    struct arena *scratch = arena_new(0), *kept = arena_new(0);
    struct sorted *v = ARENA_ARRAY(kept, struct sorted, group_size(group));
    bool any_state = f->active && f->silenced && f->inhibited;
    struct alert_status status;
    size_t n = 0;

    for (const struct group_member *m = group_members(group); m != NULL; m = TAILQ_NEXT(m, link)) {
        bool pass = api_filter_alert(f, m->alert, scratch);

        if (pass && !any_state) {
            api->status(api->arg, m->alert, now, scratch, &status);
            pass = api_filter_status(f, &status);
            *cost += API_COST_STATUS;
        }
        if (pass)
            v[n++] = (struct sorted){.labels = alert_labels(m->alert, kept), .fp = m->alert->fp};
        arena_reset(scratch);
        *cost += 2;
    }
    if (n > 1)
        qsort(v, n, sizeof(*v), compare);
    free(l->fps);
    l->fps = xcalloc(n + 1, sizeof(*l->fps));
    for (size_t i = 0; i < n; i++)
        l->fps[i] = v[i].fp;
    l->fps_n = n;
    l->fps_at = 0;
    arena_free(scratch);
    arena_free(kept);
    return n > 0;
}

/* The receivers of all groups with the alert that are asked for, by name. */
static size_t receivers_of(const struct api_filter *f, const struct alert *a, struct arena *arena,
                           struct str **ret)
{
    size_t n = 0, k = 0;

    for (const struct group_member *m = a->groups; m != NULL; m = m->next)
        n++;
    *ret = ARENA_ARRAY(arena, struct str, n);
    for (const struct group_member *m = a->groups; m != NULL; m = m->next) {
        if (route_passes(f, m->group))
            (*ret)[k++] = group_route(m->group)->receiver->name;
    }
    if (k > 1)
        qsort(*ret, k, sizeof(**ret), compare_names);
    return k;
}

static void add_one(const struct api_v2 *api, struct api_listing *l, const struct alert *a,
                    struct str_list muted_by, struct now now, struct buf *b)
{
    struct arena *scratch = arena_new(0);
    struct alert_status status;
    struct str *receivers;
    size_t n = receivers_of(&l->filter, a, scratch, &receivers);

    api->status(api->arg, a, now, scratch, &status);
    status.muted_by = muted_by.v;
    status.muted_by_n = muted_by.n;
    status.suppressed = status.suppressed || muted_by.n > 0;
    if (l->element_comma)
        buf_add_char(b, ',');
    l->element_comma = true;
    api_add_alert(b, a, &status, receivers, n);
    arena_free(scratch);
}

/* Alerts of the group that the listing is in; true when it is complete. */
static bool fill_group(const struct api_v2 *api, struct api_listing *l, const struct group *group,
                       struct now now, struct buf *b, size_t *cost)
{
    while (l->fps_at < l->fps_n && b->n < API_SLICE_BYTES && *cost < API_SLICE_COST_MAX) {
        const struct alert *a = alerts_find(api->alerts, l->fps[l->fps_at++]);

        if (a == NULL || !a->firing || group == NULL)
            continue; /* it has ended since the group was begun */
        add_one(api, l, a, group_muted_by(group), now, b);
        *cost += API_COST_STATUS;
    }
    return l->fps_at == l->fps_n;
}

static void close_group(const struct api_v2 *api, struct api_listing *l, const struct group *group,
                        struct now now, struct buf *b, size_t *cost)
{
    struct arena *scratch = arena_new(0);

    buf_add_str(b, STR("],\"labels\":"));
    api_add_labels(b, l->place.labels);
    buf_add_str(b, STR(",\"receiver\":{\"name\":"));
    api_add_quoted(b, l->place.receiver);
    buf_add_str(b, STR("},\"routeLabels\":"));
    if (group != NULL)
        api_add_route_labels(api, b, group, scratch, now, cost);
    else
        buf_add_str(b, STR("{}"));
    buf_add_char(b, '}');
    arena_free(scratch);
}

/* The groups of the alerts that the filter can leave, when these are few. */
static void prepare(struct api_v2 *api, struct api_listing *l)
{
    size_t fps_n, n = 0, cap = 0;
    uint64_t *fps = api_candidates(api, &l->filter, &fps_n);
    struct alert *a;

    if (fps == NULL)
        return;
    for (size_t i = 0; i < fps_n; i++) {
        a = alerts_find(api->alerts, fps[i]);
        for (const struct group_member *m = a != NULL ? a->groups : NULL; m != NULL; m = m->next) {
            if (n == cap)
                l->serials = xrealloc(l->serials, cap = 2 * cap + 16, sizeof(*l->serials));
            l->serials[n++] = group_serial(m->group);
        }
    }
    if (n == 0)
        l->serials = xcalloc(1, sizeof(*l->serials)); /* none of the groups */
    l->serials_n = api_sort_unique(l->serials, n);
    free(fps);
}

static int compare_serials(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;

    return *a < *b ? -1 : *a > *b;
}

static bool is_wanted(const struct api_listing *l, const struct group *group)
{
    uint64_t serial = group_serial(group);

    return l->serials == NULL ||
           bsearch(&serial, l->serials, l->serials_n, sizeof(*l->serials), compare_serials) != NULL;
}

/* Goes to the next group and into it when something of it is to be listed; NULL at the end. */
static const struct group *step(const struct api_v2 *api, struct api_listing *l, struct now now,
                                size_t *cost)
{
    const struct group *group = groups_behind(api->groups, l->placed ? &l->place : NULL);

    while (group != NULL && !is_wanted(l, group) && *cost < API_SLICE_COST_MAX) {
        group = group_next(group);
        *cost += 2;
    }
    if (group == NULL)
        return NULL;
    arena_free(l->place_arena);
    l->place_arena = arena_new(512);
    l->place = group_place(group, l->place_arena);
    l->placed = true;
    *cost += 5;
    l->inside = is_wanted(l, group) && group_may_pass(&l->filter, group) &&
                choose(api, l, group, now, cost);
    return group;
}

static bool fill(struct api_v2 *api, struct api_listing *l, struct now now, struct buf *b)
{
    size_t cost = 0;

    while (b->n < API_SLICE_BYTES && cost < API_SLICE_COST_MAX) {
        const struct group *group;

        if (!l->inside) {
            if (step(api, l, now, &cost) == NULL)
                return true;
            if (!l->inside)
                continue;
            buf_add_str(b, l->comma ? STR(",{\"alerts\":[") : STR("{\"alerts\":["));
            l->comma = true;
            l->element_comma = false;
        }
        group = groups_at(api->groups, &l->place);
        if (fill_group(api, l, group, now, b, &cost)) {
            close_group(api, l, group, now, b, &cost);
            l->inside = false;
        }
    }
    return false;
}

void api_v2_get_groups(struct api_v2 *api, const struct engine_request *r, enum matcher_mode mode,
                       struct now now, struct out *out)
{
    api_listing_begin(api, r, mode, now, fill, prepare, out);
}
