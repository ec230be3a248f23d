#include "edge/core/edge_internal.h"
#include "edge/core/pages.h"

#include "common/core/api/cors.h"
#include "common/core/bugs.h"

#include <errno.h>

#define NOSNIFF "X-Content-Type-Options"

static void reply_text(struct out *out, const struct engine_request *r, int status,
                       const char *text)
{
    out_reply(out, &(struct engine_reply){.request_id = r->id,
                                          .status = status,
                                          .content_type = "text/plain; charset=utf-8",
                                          .headers = {{.name = status >= 400 ? NOSNIFF : NULL,
                                                       .value = STR("nosniff")}},
                                          .body = str_from(text)});
}

/* The router's own 405, outside API v2. */
static void reply_not_allowed(struct out *out, const struct engine_request *r, const char *allow)
{
    out_reply(out, &(struct engine_reply){.request_id = r->id,
                                          .status = 405,
                                          .content_type = "text/plain; charset=utf-8",
                                          .headers = {{.name = "Allow", .value = str_from(allow)},
                                                      {.name = NOSNIFF, .value = STR("nosniff")}},
                                          .body = STR("Method Not Allowed\n")});
}

static void reply_options(struct out *out, const struct engine_request *r, const char *allow)
{
    out_reply(out,
              &(struct engine_reply){.request_id = r->id,
                                     .status = 200,
                                     .headers = {{.name = "Allow", .value = str_from(allow)}}});
}

static struct engine_reply busy_reply(struct arena *a, const struct engine_request *r,
                                      const char *json)
{
    struct engine_reply reply = api_make_reply(a, r, 503, str_from(json));

    for (size_t i = 0; i < ENGINE_REPLY_HEADERS_MAX; i++) {
        if (reply.headers[i].name == NULL) {
            reply.headers[i] = (struct engine_header){.name = "Retry-After", .value = STR("5")};
            break;
        }
    }
    return reply;
}

void edge_reply_busy(struct out *out, const struct engine_request *r, const char *json)
{
    struct engine_reply reply = busy_reply(out_arena(out), r, json);

    out_reply(out, &reply);
}

/* ---- POST /api/v2/alerts ---- */

/* An alert that is forwarded has two rows, here and in the spool, each about what was posted. */
#define FORWARDED_BYTES(post_bytes) (3 * (post_bytes) + KIB(16))

struct post_count {
    size_t unknown;  /* alerts that are not in the table */
    size_t episodes; /* that would be opened */
    size_t ended;    /* episodes that would be closed */
};

static struct post_count count_post(const struct edge *e, const struct api_post *post,
                                    struct now now)
{
    struct post_count count = {0};

    for (size_t i = 0; i < post->n; i++) {
        const struct alert_input *in = &post->v[i];
        const struct alert *a = alerts_find(e->alerts, in->fp);
        bool firing = in->ends_wall_ms > now.wall_ms, forwarded = a != NULL && a->forwarded;

        count.unknown += a == NULL;
        count.episodes += firing && !forwarded && edge_forwards(e, in->labels);
        count.ended += !firing && forwarded;
    }
    return count;
}

/* --alerts.per-alertname-limit, as Alertmanager has it: the answer says nothing of it. What the
 * global tier is to hear of is never refused, since a 200 promises that it will. */
static bool admit_alertname(struct edge *e, const struct alert_input *in, struct out *out)
{
    struct str name = labels_get(in->labels, STR("alertname"));
    uint64_t refused;

    if (alert_limit_admits(e->limit, name) || alerts_find(e->alerts, in->fp) != NULL ||
        edge_forwards(e, in->labels))
        return true;
    refused = alert_limit_refuse(e->limit, name);
    if ((refused & (refused - 1)) == 0) /* 1, 2, 4, 8 …: it may go on for long */
        OUT_LOG(out, LOG_WARN, "alerts", "an alert was refused: too many of its alertname",
                KV("alertname", name), KV("refused", refused));
    return false;
}

/* Returns the transaction that the answer has to wait for; 0 for none. It may be an older one: an
 * alert repeated before its transition is on disk promises as much as the first time. */
static uint64_t apply(struct edge *e, const struct api_post *post, bool admitted, struct now now,
                      struct out *out)
{
    uint64_t wait = 0;

    for (size_t i = 0; i < post->n; i++) {
        enum alert_change change;
        struct alert *a;

        if (!admit_alertname(e, &post->v[i], out))
            continue;
        if (alerts_put(e->alerts, &post->v[i], now, &a, &change) < 0) {
            OUT_LOG(out, LOG_ERROR, "alerts",
                    "an alert was refused: another one has the same fingerprint",
                    KV("fingerprint", post->v[i].fp));
            continue;
        }
        (void)edge_alert_changed(e, a, change, admitted, now, out);
        if (edge_alert_txn(e, a, out) > wait)
            wait = edge_alert_txn(e, a, out);
    }
    return wait;
}

/* errors: what was wrong with alerts of the post, "" for nothing. The others were taken in, so that
 * this answer, too, waits until they are on disk. */
static void answer_post(struct edge *e, const struct engine_request *r, uint64_t wait,
                        struct str errors, struct out *out)
{
    struct engine_reply reply =
        errors.n > 0 ? api_make_reply(out_arena(out), r, 400, api_json_string(out, errors))
                     : api_make_reply(out_arena(out), r, 200, STR_EMPTY);

    if (BUG(BUG_REPLY_BEFORE_STORED))
        wait = 0;
    if (wait == EDGE_TXN_LATE ||
        (e->store_failing && wait > deferred_stored_txn(e->deferred) && wait != out_txn(out))) {
        e->count.posts_refused_store++; /* its verdict has come already, and was bad */
        edge_reply_busy(out, r, "\"not durable: the store is failing\"");
        return;
    }
    deferred_reply(e->deferred, out, wait, &reply);
}

static void post_alerts(struct edge *e, const struct engine_request *r, struct now now,
                        struct out *out)
{
    struct api_post_rules rules = {.resolve_timeout_ms = e->config->am->global.resolve_timeout_ms,
                                   .classic_names = e->options.matchers == MATCHER_CLASSIC};
    struct api_post post;
    struct api_error error;
    struct post_count count;
    uint64_t wait;
    bool admitted;

    if (api_post_parse(r, &rules, now, out_arena(out), &post, &error) < 0) {
        api_reply_error(out, r, &error);
        return;
    }
    e->count.received_firing += post.received_firing;
    e->count.received_resolved += post.received_resolved;
    e->count.invalid += post.invalid;
    count = count_post(e, &post, now);
    if (!alerts_has_room(e->alerts, count.unknown)) {
        e->count.posts_refused_full++;
        edge_reply_busy(out, r, "\"too many alerts\"");
        return;
    }
    if (count.episodes + count.ended > 0 &&
        edge_store_refuses(e, FORWARDED_BYTES(r->body.n), now)) {
        e->count.posts_refused_queue++;
        edge_reply_busy(out, r, "\"not taken in: the store is behind\"");
        return;
    }
    admitted = count.episodes == 0 || forward_admits(e, count.episodes, out);
    wait = apply(e, &post, admitted, now, out);
    if (!admitted) { /* whatever else is wrong: the source must come again */
        e->count.posts_refused_spool++;
        edge_reply_busy(out, r, "\"notified here, but not forwarded: the spool is full\"");
    } else {
        answer_post(e, r, wait, post.errors, out);
    }
}

/* ---- the rest of API v2 ---- */

static void get_alerts(struct edge *e, const struct engine_request *r, struct now now,
                       struct out *out)
{
    api_v2_get_alerts(e->api, r, e->options.matchers, now, out);
}

static void get_groups(struct edge *e, const struct engine_request *r, struct now now,
                       struct out *out)
{
    api_v2_get_groups(e->api, r, e->options.matchers, now, out);
}

static void get_status(struct edge *e, const struct engine_request *r, struct now now,
                       struct out *out)
{
    struct api_status s = {.version = e->options.version,
                           .cluster_name = e->options.cluster_name,
                           .cluster_address = e->options.cluster_address,
                           .settled = true, /* alone: there is nobody to wait for */
                           .config = config_text(e->config->am, out_arena(out)),
                           .started_wall_ms = e->started_wall_ms};

    (void)now;
    api_v2_get_status(r, &s, out);
}

static void get_receivers(struct edge *e, const struct engine_request *r, struct now now,
                          struct out *out)
{
    (void)now;
    api_v2_get_receivers(r, &e->config->am->receivers, e->options.matchers, out);
}

/* Paths below /api/v2; the silences' have a file of their own. */
static const struct {
    const char *path, *allow;
    void (*get)(struct edge *e, const struct engine_request *r, struct now now, struct out *out);
    void (*post)(struct edge *e, const struct engine_request *r, struct now now, struct out *out);
} v2_routes[] = {
    {"/alerts", "GET,POST", get_alerts, post_alerts},
    {"/alerts/groups", "GET", get_groups, NULL},
    {"/status", "GET", get_status, NULL},
    {"/receivers", "GET", get_receivers, NULL},
};

static void request_v2(struct edge *e, const struct engine_request *r, struct now now,
                       struct out *out)
{
    struct str path = str_sub(r->path, sizeof("/api/v2") - 1, r->path.n);

    while (path.n > 1 && path.p[path.n - 1] == '/') /* one too many does no harm */
        path.n--;
    for (size_t i = 0; i < ARRAY_SIZE(v2_routes); i++) {
        bool get = str_eq_c(r->method, "GET");
        bool post = str_eq_c(r->method, "POST") && v2_routes[i].post != NULL;

        if (!str_eq_c(path, v2_routes[i].path))
            continue;
        if (!get && !post)
            api_reply_not_allowed(out, r, v2_routes[i].allow);
        else if (api_media_fine(r, out))
            (get ? v2_routes[i].get : v2_routes[i].post)(e, r, now, out);
        return;
    }
    if (!edge_silences_request(e, r, path, e->options.matchers, now, out))
        api_reply_not_found(out, r);
}

/* ---- the routes ---- */

static void deprecated_v1(struct out *out, const struct engine_request *r)
{
    out_reply_json(out, r->id, 410,
                   STR("{\"status\":\"deprecated\",\"error\":\"The Alertmanager v1 API was "
                       "deprecated in version 0.16.0 and is removed as of version 0.27.0 - please "
                       "use the equivalent route in the v2 API\"}\n"));
}

static bool is_v1(struct str path)
{
    static const char *const paths[] = {"/api/v1/status", "/api/v1/receivers", "/api/v1/alerts",
                                        "/api/v1/silences"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        if (str_eq_c(path, paths[i]))
            return true;
    }
    return str_starts(path, STR("/api/v1/silence/"));
}

static void request_page(struct edge *e, const struct engine_request *r, struct now now,
                         struct out *out)
{
    bool health = str_eq_c(r->path, "/-/healthy") || str_eq_c(r->path, "/-/ready");
    const struct page *page = page_find(r->path);

    if (!health && page == NULL && !str_eq_c(r->path, "/metrics"))
        reply_text(out, r, 404, "404 page not found\n");
    else if (str_eq_c(r->method, "OPTIONS"))
        reply_options(out, r, "GET, HEAD, OPTIONS");
    else if (!str_eq_c(r->method, "GET"))
        reply_not_allowed(out, r, "GET, HEAD, OPTIONS");
    else if (page != NULL)
        page_reply(page, r, out);
    else if (health && e->stopping && str_eq_c(r->path, "/-/ready"))
        reply_text(out, r, 503, "stopping\n");
    else if (health)
        reply_text(out, r, 200, "OK");
    else
        edge_get_metrics(e, r, now, out);
}

void edge_request(struct edge *e, const struct engine_request *r, struct now now, struct out *out)
{
    if (!e->started) {
        if (str_eq_c(r->path, "/-/healthy"))
            reply_text(out, r, 200, "OK");
        else
            reply_text(out, r, 503, "starting\n");
    } else if (str_starts(r->path, STR("/api/v2/")) || str_eq_c(r->path, "/api/v2")) {
        if (cors_is_preflight(r))
            cors_reply_preflight(r, e->options.external_url, e->options.cors_allow_writes, out);
        else
            request_v2(e, r, now, out);
    } else if (str_starts(r->path, STR("/api/tocsin/v1/"))) {
        if (!forward_request(e, r, now, out))
            out_reply_error(out, r->id, 404, "not_found");
    } else if (is_v1(r->path)) {
        deprecated_v1(out, r);
    } else {
        request_page(e, r, now, out);
    }
}
