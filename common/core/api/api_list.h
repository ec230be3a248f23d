/* What the lists of alerts and of groups share: filters from the query, elements, and the listings
 * that go on in slices. Inside of common/core/api. */
#pragma once

#include "common/base/map.h"
#include "common/core/api/api_v2.h"
#include "common/core/group/groups.h"

/* What may be looked at for one slice, in units of the cheapest thing, an alert that is filtered
 * away (about a tenth of a microsecond). */
#define API_SLICE_COST_MAX 20000
#define API_COST_STATUS 20
#define API_COST_TEMPLATE 2000

struct api_filter {
    struct arena *arena; /* the texts below */
    struct matchers labels;
    struct matchers receiver_matchers;
    struct regex *receiver;                  /* NULL: any */
    bool active, silenced, inhibited, muted; /* false: leave these out */
};

/* -EINVAL with the handler's text. f was zeroed; api_filter_clear in any case. */
MUST_CHECK int api_filter_parse(struct api_filter *f, struct str query, enum matcher_mode mode,
                                struct str *ret_error);
void api_filter_clear(struct api_filter *f);

/* Fires and has the labels; scratch is used up. */
bool api_filter_alert(const struct api_filter *f, const struct alert *a, struct arena *scratch);
bool api_filter_status(const struct api_filter *f, const struct alert_status *s);
bool api_filter_receiver_name(const struct api_filter *f, const struct receiver *r);
bool api_filter_receiver_labels(const struct api_filter *f, const struct receiver *r);

/* §10.7: with an empty pattern = and =~ ask for absence, != and !~ for presence. */
bool api_filter_labels(const struct matchers *m, struct labels l);

/* One element. receivers NULL: those of the alert's groups, in route order. */
void api_add_alert(struct buf *b, const struct alert *a, const struct alert_status *status,
                   const struct str *receivers, size_t receivers_n);
void api_add_quoted(struct buf *b, struct str s);
void api_add_labels(struct buf *b, struct labels l); /* an object */

/* A listing under way. */
struct api_listing {
    UT_hash_handle hh;
    uint64_t request_id;
    struct api_filter filter;
    /* Writes elements until the slice is full; true when all have been. */
    bool (*fill)(struct api_v2 *api, struct api_listing *l, struct now now, struct buf *b);
    bool comma; /* before the next element */

    /* alerts */
    uint64_t next_fp;
    bool ended;    /* the table has no more */
    uint64_t *fps; /* NULL: the whole table; else these, sorted, from fps_at on; owned */
    size_t fps_n, fps_at;

    /* groups */
    struct arena *place_arena;
    struct group_place place; /* of the group being listed, or of the last one */
    bool placed;              /* there is such a group */
    uint64_t *serials;        /* NULL: all groups; else only these, sorted; owned */
    size_t serials_n;
    bool element_comma; /* before its next alert */
    bool inside;        /* its alerts go on: fps and fps_at */
};

struct api_v2 {
    const struct alerts *alerts;
    const struct groups *groups;
    alert_status_fn status;
    struct str external_url; /* lent */
    void *arg;
    struct api_listing *by_request;
};

/* The fingerprints of all alerts that the filter's equalities can leave, sorted; to be freed. NULL:
 * they leave too many, or there are none, and all alerts must be looked at. */
uint64_t *api_candidates(const struct api_v2 *api, const struct api_filter *f, size_t *ret_n);
size_t api_sort_unique(uint64_t *v, size_t n); /* how many are left */

/* The rendered labels of the group's route, an object; what it cost is added. */
void api_add_route_labels(const struct api_v2 *api, struct buf *b, const struct group *group,
                          struct arena *scratch, struct now now, size_t *cost);

/* Answers the request with a first slice, or the error in the query. fill is the listing's. */
void api_listing_begin(struct api_v2 *api, const struct engine_request *r, enum matcher_mode mode,
                       struct now now,
                       bool (*fill)(struct api_v2 *, struct api_listing *, struct now,
                                    struct buf *),
                       void (*prepare)(struct api_v2 *, struct api_listing *), struct out *out);
