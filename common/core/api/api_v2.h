/* Alertmanager's API v2, as far as it is shared by those who serve it: reading POST /alerts, and
 * writing alerts, statuses and errors. Core specification §10; error bodies byte for byte. */
#pragma once

#include "common/core/alerts/alerts.h"
#include "common/core/api/alert_status.h"
#include "common/core/api/http.h"
#include "common/core/config/receivers.h"
#include "common/core/model/matcher.h"

/* ---- POST /api/v2/alerts ---- */

/* Of one alert, names and values. More makes that alert invalid (400), as rows and batches that
 * carry it have bounds of their own, and one that cannot be sent would hold up all behind it. */
#define API_LABELS_BYTES_MAX 65536
#define API_ANNOTATIONS_BYTES_MAX 1048576 /* generatorURL included */

struct api_post {
    struct alert_input *v; /* valid ones, in request order; texts in the body or in the arena */
    size_t n;
    size_t received_firing, received_resolved, invalid;
    struct str errors; /* of the invalid ones, joined by newlines; "" for none */
};

/* A whole-request mistake: object form {"code":…,"message":…}. */
struct api_error {
    int status, code;
    struct str message; /* in the arena */
};

struct api_post_rules {
    int64_t resolve_timeout_ms; /* the life of an alert without endsAt */
    bool classic_names;         /* of labels and annotations: [a-zA-Z_][a-zA-Z0-9_]* */
};

/* 0, or -EINVAL with *ret_error: then nothing of the request is to be applied. */
MUST_CHECK int api_post_parse(const struct engine_request *r, const struct api_post_rules *rules,
                              struct now now, struct arena *a, struct api_post *ret,
                              struct api_error *ret_error);

/* ---- requests ---- */

/* What the framework looks at before the handler: the media type of a body (415), or, without a
 * body, whether JSON is accepted (406). -EINVAL with *ret_error. */
MUST_CHECK int api_check_media(const struct engine_request *r, struct arena *a,
                               struct api_error *ret_error);
/* The same at once: false when it was answered. */
bool api_media_fine(const struct engine_request *r, struct out *out);

/* ---- answers ---- */

/* Every v2 answer carries Cache-Control: no-store, and CORS headers when there was an Origin. */
void api_reply(struct out *out, const struct engine_request *r, int status, struct str json);
void api_reply_empty(struct out *out, const struct engine_request *r, int status);
void api_reply_string(struct out *out, const struct engine_request *r, int status,
                      struct str text); /* a handler's error: a bare JSON string */
struct str api_json_string(struct out *out, struct str text); /* in the arena of the output */
void api_reply_error(struct out *out, const struct engine_request *r, const struct api_error *e);
/* The reply itself, for those who send it later. */
struct engine_reply api_make_reply(struct arena *a, const struct engine_request *r, int status,
                                   struct str json);
/* The framework's 404 and 405. allow: "GET,POST". */
void api_reply_not_found(struct out *out, const struct engine_request *r);
void api_reply_not_allowed(struct out *out, const struct engine_request *r, const char *allow);

/* The matchers of a repeated parameter, all of which must hold; texts in the arena, to be cleared
 * by matchers_clear. */
MUST_CHECK int api_params_matchers(const struct http_params *q, const char *name,
                                   enum matcher_mode mode, struct arena *a, struct matchers *ret,
                                   struct err *err);

/* ---- GET /api/v2/alerts and /api/v2/alerts/groups ---- */

/* Listings under way, one per request, written in slices of about API_SLICE_BYTES. */
struct api_v2;
struct groups;

#define API_SLICE_BYTES KIB(192)
#define API_LISTINGS_MAX 64 /* at the same time; more are answered 503 */

/* status NULL: every alert is active. */
struct api_v2 *api_v2_new(const struct alerts *alerts, const struct groups *groups,
                          struct str external_url, alert_status_fn status, void *arg);
void api_v2_free(struct api_v2 *api);
/* Answer the request, with a first slice. */
void api_v2_get_alerts(struct api_v2 *api, const struct engine_request *r, enum matcher_mode mode,
                       struct now now, struct out *out);
void api_v2_get_groups(struct api_v2 *api, const struct engine_request *r, enum matcher_mode mode,
                       struct now now, struct out *out);
/* ENGINE_MORE and ENGINE_GONE; false (more): not one of these. */
bool api_v2_more(struct api_v2 *api, uint64_t request_id, struct now now, struct out *out);
void api_v2_gone(struct api_v2 *api, uint64_t request_id);

/* ---- others ---- */

struct api_status {
    struct str version;
    struct str cluster_name, cluster_address; /* "": no cluster */
    bool settled;
    struct str config; /* YAML without secrets */
    int64_t started_wall_ms;
};
void api_v2_get_status(const struct engine_request *r, const struct api_status *s, struct out *out);
/* The labels of a receiver, its name among them; room for when it has no others. */
struct labels api_receiver_labels(const struct receiver *r, struct label *room);
void api_v2_get_receivers(const struct engine_request *r, const struct receivers *receivers,
                          enum matcher_mode mode, struct out *out);
