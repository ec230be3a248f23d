/* GET /api/v2/alerts, in slices. A listing remembers its filters and where it goes on from: the
 * table may change between two slices, and an alert that is there all the time is listed once.
 *
 * Most queries ask for a few alerts by labels that they must have: these are found by the table's
 * index (alerts_with_label) and sorted; all other queries look through the table. */
#include "common/core/api/api_list.h"

/* At least one receiver has the name, and at least one (maybe another) the labels. */
static bool receivers_pass(const struct api_filter *f, const struct alert *a)
{
    bool named = f->receiver == NULL, matched = f->receiver_matchers.n == 0;

    for (const struct group_member *m = a->groups; m != NULL && !(named && matched); m = m->next) {
        const struct receiver *r = group_route(m->group)->receiver;

        named = named || api_filter_receiver_name(f, r);
        matched = matched || api_filter_receiver_labels(f, r);
    }
    return named && matched;
}

static void prepare(struct api_v2 *api, struct api_listing *l)
{
    l->fps = api_candidates(api, &l->filter, &l->fps_n);
}

/* ---- slices ---- */

static const struct alert *next_listed(const struct api_v2 *api, struct api_listing *l)
{
    const struct alert *a = NULL;

    while (a == NULL && l->fps_at < l->fps_n)
        a = alerts_find(api->alerts, l->fps[l->fps_at++]);
    return a;
}

/* *ahead is what the call before has found already: its texts come while it is not needed yet. */
static const struct alert *next_of_table(const struct api_v2 *api, struct api_listing *l,
                                         const struct alert **ahead)
{
    const struct alert *a = *ahead;

    *ahead = NULL;
    if (a == NULL && !l->ended)
        a = alerts_from(api->alerts, l->next_fp);
    l->ended = a == NULL || a->fp == UINT64_MAX;
    if (l->ended)
        return a;
    l->next_fp = a->fp + 1;
    *ahead = alerts_from(api->alerts, l->next_fp);
    if (*ahead != NULL)
        __builtin_prefetch((*ahead)->text);
    return a;
}

static void list(struct api_listing *l, const struct alert *a, const struct alert_status *status,
                 struct buf *b)
{
    if (l->comma)
        buf_add_char(b, ',');
    l->comma = true;
    api_add_alert(b, a, status, NULL, 0);
}

static bool fill(struct api_v2 *api, struct api_listing *l, struct now now, struct buf *b)
{
    struct arena *scratch = arena_new(0);
    const struct alert *a = NULL, *ahead = NULL;
    struct alert_status status;
    size_t cost = 0;

    if (l->filter.labels.n == 0)
        buf_reserve(b, API_SLICE_BYTES + KIB(8));
    while (b->n < API_SLICE_BYTES && cost < API_SLICE_COST_MAX) {
        a = l->fps != NULL ? next_listed(api, l) : next_of_table(api, l, &ahead);
        if (a == NULL)
            break;
        cost++;
        if (api_filter_alert(&l->filter, a, scratch) && receivers_pass(&l->filter, a)) {
            cost += API_COST_STATUS;
            api->status(api->arg, a, now, scratch, &status);
            if (api_filter_status(&l->filter, &status))
                list(l, a, &status, b);
        }
        arena_reset(scratch);
    }
    arena_free(scratch);
    return a == NULL;
}

void api_v2_get_alerts(struct api_v2 *api, const struct engine_request *r, enum matcher_mode mode,
                       struct now now, struct out *out)
{
    api_listing_begin(api, r, mode, now, fill, prepare, out);
}
