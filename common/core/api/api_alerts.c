/* GET /api/v2/alerts, in slices. A listing remembers its filters and where it goes on from: the
 * table may change between two slices, and an alert that is there all the time is listed once.
 *
 * Most queries ask for a few alerts by labels that they must have: these are found by the table's
 * index (alerts_with_label) and sorted; all other queries look through the table. */
#include "common/core/api/api_list.h"

#include "common/core/model/literals.h"

#include <stdlib.h>

/* What one listing may keep of the index: 512 KiB. */
#define LISTED_MAX 65536

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

/* ---- candidates by the index ---- */

struct candidates {
    const uint64_t *lists[LITERALS_MAX];
    size_t n[LITERALS_MAX];
    size_t lists_n, total;
};

static bool add_list(const struct alerts *alerts, struct str name, struct str value,
                     struct candidates *c)
{
    size_t i = c->lists_n;

    if (!alerts_with_label(alerts, name, value, &c->lists[i], &c->n[i]))
        return false;
    c->total += c->n[i];
    c->lists_n++;
    return true;
}

/* The alerts that a matcher leaves; false when it leaves too many, or nobody knows. */
static bool candidates_of(const struct alerts *alerts, const struct matcher *m,
                          struct candidates *ret)
{
    struct literal literals[LITERALS_MAX];
    struct arena *scratch;
    bool known = true;
    size_t n;

    ret->lists_n = ret->total = 0;
    if (m->value.n == 0 || (m->op != MATCH_EQ && m->op != MATCH_RE))
        return false;
    if (m->op == MATCH_EQ)
        return add_list(alerts, m->name, m->value, ret);
    scratch = arena_new(0);
    n = literals_of(m->value, scratch, literals);
    for (size_t i = 0; i < n && known; i++)
        known = literals[i].exact && add_list(alerts, m->name, literals[i].text, ret);
    arena_free(scratch);
    return n > 0 && known;
}

static int compare(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;

    return *a < *b ? -1 : *a > *b;
}

static void prepare(struct api_v2 *api, struct api_listing *l)
{
    struct candidates best = {.total = SIZE_MAX}, c;
    size_t n = 0;

    for (size_t i = 0; i < l->filter.labels.n; i++) {
        if (candidates_of(api->alerts, &l->filter.labels.v[i], &c) && c.total < best.total)
            best = c;
    }
    if (best.total == SIZE_MAX || best.total > LISTED_MAX)
        return;
    l->fps = xcalloc(best.total + 1, sizeof(*l->fps));
    for (size_t i = 0; i < best.lists_n; i++) {
        if (best.n[i] > 0)
            memcpy(l->fps + n, best.lists[i], best.n[i] * sizeof(*l->fps));
        n += best.n[i];
    }
    qsort(l->fps, n, sizeof(*l->fps), compare);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || l->fps[i] != l->fps[i - 1])
            l->fps[l->fps_n++] = l->fps[i];
    }
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
