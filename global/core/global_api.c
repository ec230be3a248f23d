/* The web listener: incidents, sites, teams, the merged read view of alerts, health and metrics.
 * docs/formats/global-api.md. */
#include "global/core/api.h"

#include "common/base/json.h"
#include "common/base/vec.h"
#include "common/core/api/http.h"
#include "common/core/metrics/metrics.h"
#include "global/core/duty.h"
#include "global/core/escalate.h"
#include "global/core/incident.h"
#include "global/core/pages.h"
#include "global/core/sites.h"

#define LIST_DEFAULT 500
#define LIST_MAX 10000
#define ACK_WAIT_MS 3000
#define COMMENT_MAX 1024
#define MEMBERS_SHOWN_MAX 1000
#define SLICE_BYTES KIB(192)
#define SLICE_MEMBERS_MAX 2000 /* looked at for one slice */
#define LISTINGS_MAX 16        /* at the same time; more are answered 503 */

/* An ack that is durable here, and whose 200 waits until the edges have it too: should this node
 * die now, the next one learns of it before it gets the duty. */
struct waiting_ack {
    uint64_t request_id;
    char incident[INCIDENT_ID_N + 1];
    uint64_t txn;
    int64_t until_mono_ms;
};

/* A GET /api/v2/alerts that is written in slices. */
struct listing {
    uint64_t request_id;
    struct arena *arena; /* filters */
    struct matchers filters;
    struct member_cursor at;
    bool comma;
    TAILQ_ENTRY(listing) link;
};

struct api {
    struct {
        struct waiting_ack *v;
        size_t n, cap;
    } waiting;
    TAILQ_HEAD(, listing) listings;
    size_t listings_n;
};

/* ---- writing ---- */

struct body {
    struct buf b;
    struct json_writer w;
};

static void body_begin(struct body *b)
{
    buf_init(&b->b, 0);
    json_writer_init(&b->w, &b->b);
    json_open_object(&b->w);
    json_put_i64(&b->w, "v", 1);
}

static void body_reply(struct body *b, struct out *out, uint64_t request_id, int status)
{
    json_close_object(&b->w);
    out_reply_json(out, request_id, status, arena_str(out_arena(out), buf_str(&b->b)));
    buf_clear(&b->b);
}

static void add_names(struct json_writer *w, const char *key, char *const *v, size_t n)
{
    json_key(w, key);
    json_open_array(w);
    for (size_t i = 0; i < n; i++)
        json_add_str(w, str_from(v[i]));
    json_close_array(w);
}

static struct str acked_by(const struct incident *i)
{
    struct str by = STR_EMPTY;

    VEC_EACH (&i->acks, struct ack, a) {
        if (!a->revoked)
            by = str_from(a->user);
    }
    return by;
}

static void add_incident_fields(struct json_writer *w, const struct global *g,
                                const struct incident *i)
{
    int64_t due = escalate_due_mono(g, i);
    struct str winner = STR_EMPTY;
    struct member *m;
    uint64_t stale = 0;

    TAILQ_FOREACH (m, &i->members, incident_link)
        stale += member_stale(m);
    json_put_str(w, "id", incident_id(i));
    json_put_str(w, "state", str_from(incident_state(i)));
    json_put_str(w, "title", str_from(i->title));
    json_put_str(w, "severity", str_from(severity_name(incident_severity(g, i))));
    json_put_str(w, "team", str_from(i->team_name));
    json_put_u64(w, "generation", i->generation);
    json_put_str(w, "dedup_key", str_from(i->dedup_key));
    add_names(w, "affected_sites", i->sites.v, i->sites.n);
    json_put_u64(w, "stale_members", stale);
    json_put_time(w, "opened_at", i->opened_wall_ms);
    if (i->resolved)
        json_put_time(w, "resolved_at", i->resolved_wall_ms);
    if (acked_by(i).n > 0)
        json_put_str(w, "acked_by", acked_by(i));
    json_put_u64(w, "phase", i->at.phase);
    json_put_u64(w, "round", i->at.round);
    json_put_i64(w, "step", i->at.step);
    if (due != TIME_NEVER)
        json_put_time(w, "next_step_at", g->now.wall_ms + max_i64(0, due - g->now.mono_ms));
    if (i->terminal != NULL)
        json_put_str(w, "terminal", str_from(i->terminal));
    (void)escalate_pager(g, i, &winner);
    json_put_str(w, "paged_by", winner);
}

static void add_labels(struct json_writer *w, const char *key, struct labels l)
{
    json_key(w, key);
    json_open_object(w);
    LABELS_EACH (&l, it) {
        json_key_str(w, it->name);
        json_add_str(w, it->value);
    }
    json_close_object(w);
}

static void add_member(struct json_writer *w, const struct global *g, const struct member *m)
{
    char fp[17];

    (void)snprintf(fp, sizeof(fp), "%016lx", m->fp);
    json_open_object(w);
    json_put_str(w, "site", member_site(m));
    json_put_str(w, "node", str_from(m->stream->node));
    json_put_str(w, "fingerprint", str_from(fp));
    json_put_str(w, "state",
                 member_stale(m) ? STR("stale")
                 : m->s.firing   ? STR("firing")
                                 : STR("resolved"));
    json_put_bool(w, "holds_open", member_holds_open(g, m));
    json_put_str(w, "suppressed", m->s.suppressed);
    json_put_str(w, "reason", m->s.reason);
    json_put_time(w, "starts_at", m->s.starts_wall_ms);
    json_put_u64(w, "transitions", m->s.transitions);
    add_labels(w, "labels", m->s.labels);
    add_labels(w, "annotations", m->s.annotations);
    json_close_object(w);
}

/* ---- reading incidents ---- */

static bool has_site(const struct incident *i, struct str site)
{
    for (size_t n = 0; n < i->sites.n; n++) {
        if (str_eq_c(site, i->sites.v[n]))
            return true;
    }
    return false;
}

static void list_incidents(struct global *g, const struct engine_request *r, struct out *out)
{
    struct http_params q = http_query_parse(r->query, out_arena(out));
    struct str state = http_param_get(&q, "state"), team = http_param_get(&q, "team"),
               site = http_param_get(&q, "site"), limit_text = http_param_get(&q, "limit");
    uint64_t limit = LIST_DEFAULT, shown = 0, matching = 0;
    struct incident *i;
    struct body b;

    if (state.n > 0 && !str_eq_c(state, "triggered") && !str_eq_c(state, "acknowledged") &&
        !str_eq_c(state, "resolved") && !str_eq_c(state, "open")) {
        out_reply_error(out, r->id, 400, "state is triggered, acknowledged, resolved or open");
        return;
    }
    if (limit_text.n > 0 && (!str_to_u64(limit_text, &limit) || limit == 0 || limit > LIST_MAX)) {
        out_reply_error(out, r->id, 400, "limit is a number from 1 to %d", LIST_MAX);
        return;
    }
    body_begin(&b);
    json_key(&b.w, "incidents");
    json_open_array(&b.w);
    TAILQ_FOREACH_REVERSE(i, &g->incidents->list, incident_list, list_link)
    {
        if ((state.n > 0 && !str_eq_c(state, incident_state(i)) &&
             !(str_eq_c(state, "open") && !i->resolved)) ||
            (team.n > 0 && !str_eq_c(team, i->team_name)) || (site.n > 0 && !has_site(i, site)))
            continue;
        matching++;
        if (shown >= limit)
            continue;
        shown++;
        json_open_object(&b.w);
        add_incident_fields(&b.w, g, i);
        json_close_object(&b.w);
    }
    json_close_array(&b.w);
    json_put_u64(&b.w, "matching", matching);
    body_reply(&b, out, r->id, 200);
}

static void show_incident(struct global *g, const struct engine_request *r, struct incident *i,
                          struct out *out)
{
    struct member *m;
    size_t shown = 0;
    struct body b;

    body_begin(&b);
    add_incident_fields(&b.w, g, i);
    json_key(&b.w, "members");
    json_open_array(&b.w);
    TAILQ_FOREACH (m, &i->members, incident_link) {
        if (shown++ < MEMBERS_SHOWN_MAX)
            add_member(&b.w, g, m);
    }
    json_close_array(&b.w);
    json_put_u64(&b.w, "members_left_out",
                 shown > MEMBERS_SHOWN_MAX ? shown - MEMBERS_SHOWN_MAX : 0);
    json_key(&b.w, "pages");
    json_open_array(&b.w);
    VEC_EACH (&i->marks, struct mark, k) {
        json_open_object(&b.w);
        json_put_str(&b.w, "target", str_from(k->target));
        json_put_str(&b.w, "reason", str_from(k->reason));
        json_put_bool(&b.w, "accepted", k->done);
        json_put_bool(&b.w, "refused", k->failed);
        json_close_object(&b.w);
    }
    json_close_array(&b.w);
    json_key(&b.w, "timeline");
    json_open_array(&b.w);
    VEC_EACH (&i->timeline, struct timeline_entry, e)
        json_add_raw(&b.w, str_from(e->json));
    json_close_array(&b.w);
    json_put_u64(&b.w, "timeline_left_out", i->timeline_dropped);
    body_reply(&b, out, r->id, 200);
}

/* ---- acting on incidents ---- */

static struct str node_url(const struct global *g, struct str name)
{
    const struct config_node *n = global_config_find_node(g->config, name);

    return n != NULL ? n->url : STR_EMPTY;
}

/* Not this node's to decide: says where to go. */
static void misdirected(struct global *g, const struct engine_request *r, int status,
                        struct str winner, struct out *out)
{
    struct body b;

    body_begin(&b);
    json_put_str(&b.w, "error", STR("another node pages for this incident"));
    json_put_str(&b.w, "node", winner);
    json_put_str(&b.w, "url", node_url(g, winner));
    body_reply(&b, out, r->id, status);
}

static void effective(struct out *out, uint64_t request_id, bool yes)
{
    struct body b;

    body_begin(&b);
    json_put_bool(&b.w, "effective", yes);
    body_reply(&b, out, request_id, yes ? 200 : 202);
}

struct action {
    struct str comment;
    bool force;
};

static bool read_action(const struct engine_request *r, struct action *ret, struct out *out)
{
    struct json_object *o = NULL;
    struct err err = {0};
    struct str comment = STR_EMPTY;
    bool ok = true;

    *ret = (struct action){.comment = STR_EMPTY};
    if (r->body.n == 0)
        return true;
    if (json_parse(r->body, (struct json_opt){0}, &o, &err) < 0 ||
        (o != NULL && !json_object_is_type(o, json_type_object)) ||
        (o != NULL && (json_get_str(o, "comment", &comment, &err) < 0 ||
                       json_get_bool(o, "force", &ret->force, &err) < 0))) {
        out_reply_error(out, r->id, 400, "the body is no object with comment and force: %s",
                        err.text);
        ok = false;
    }
    if (ok && comment.n > COMMENT_MAX) {
        out_reply_error(out, r->id, 400, "comment is longer than %d bytes", COMMENT_MAX);
        ok = false;
    }
    ret->comment = arena_str(out_arena(out), comment);
    json_object_put(o);
    return ok;
}

/* A client that asks again, after a 202 or a lost answer, adds nothing. */
static bool repeats_ack(const struct incident *i, struct str user)
{
    VEC_EACH (&i->acks, struct ack, a) {
        if (!a->revoked && str_eq_c(str_sub(user, 0, ACK_USER_MAX), a->user))
            return true;
    }
    return false;
}

static void act_ack(struct global *g, const struct engine_request *r, struct incident *i,
                    const struct action *a, struct out *out)
{
    struct str winner = STR_EMPTY;
    enum pager who = escalate_pager(g, i, &winner);
    struct waiting_ack *w;

    if (i->resolved) {
        out_reply_error(out, r->id, 409, "the incident is resolved");
        return;
    }
    if (who != PAGER_SELF && node_url(g, winner).n > 0 && !str_eq_c(winner, g->node)) {
        misdirected(g, r, 421, winner, out);
        return;
    }
    if (!repeats_ack(i, r->who.user) || a->comment.n > 0)
        incident_take_ack(g, i, r->who.user, a->comment, out);
    w = VEC_PUSH(&g->api->waiting);
    *w = (struct waiting_ack){
        .request_id = r->id, .txn = 0, .until_mono_ms = g->now.mono_ms + ACK_WAIT_MS};
    memcpy(w->incident, i->id, sizeof(w->incident));
    if (who != PAGER_SELF)
        w->until_mono_ms = 0; /* kept; it becomes effective when it reaches the node that pages */
}

static void reply_after_commit(struct global *g, const struct engine_request *r, struct out *out)
{
    global_reply_stored(g, out,
                        &(struct engine_reply){.request_id = r->id,
                                               .status = 200,
                                               .content_type = "application/json",
                                               .body = STR("{\"v\":1,\"effective\":true}")});
}

static bool decides_here(struct global *g, const struct engine_request *r, const struct incident *i,
                         struct out *out)
{
    struct str winner = STR_EMPTY;

    if (escalate_pager(g, i, &winner) == PAGER_SELF || winner.n == 0 || str_eq_c(winner, g->node))
        return true;
    misdirected(g, r, 503, winner, out);
    return false;
}

static void act_unack(struct global *g, const struct engine_request *r, struct incident *i,
                      struct out *out)
{
    if (!decides_here(g, r, i, out))
        return;
    if (!incident_acked(i) || i->resolved) {
        out_reply_error(out, r->id, 409, "the incident is %s", incident_state(i));
        return;
    }
    incident_revoke_acks(g, i, r->who.user, "", out);
    reply_after_commit(g, r, out);
}

static void act_resolve(struct global *g, const struct engine_request *r, struct incident *i,
                        const struct action *a, struct out *out)
{
    struct member *m;

    if (!decides_here(g, r, i, out))
        return;
    if (i->resolved) {
        out_reply_error(out, r->id, 409, "the incident is resolved");
        return;
    }
    TAILQ_FOREACH (m, &i->members, incident_link) {
        if (member_holds_open(g, m) && !member_stale(m) && !a->force) {
            out_reply_error(out, r->id, 409,
                            "an alert at site " STR_FMT " still fires; force resolves all the same",
                            STR_ARG(member_site(m)));
            return;
        }
    }
    incident_force(g, i, r->who.user, out);
    reply_after_commit(g, r, out);
}

/* A browser that has this user's credentials may carry a foreign page's request: it says so. */
static bool same_origin(const struct global *g, struct str origin)
{
    struct str own = str_from(g->external_url);

    return origin.n == 0 ||
           (str_starts(own, origin) && (own.n == origin.n || own.p[origin.n] == '/'));
}

static void incident_request(struct global *g, const struct engine_request *r, struct str rest,
                             struct out *out)
{
    struct str id = str_sub(rest, 0, str_find_char(rest, '/')),
               verb = str_sub(rest, id.n + 1, rest.n);
    struct incident *i = incident_find(g, id);
    bool get = str_eq_c(r->method, "GET");
    struct action a;

    if (i == NULL)
        out_reply_error(out, r->id, 404, "no incident " STR_FMT, STR_ARG(id));
    else if (verb.n == 0 && get)
        show_incident(g, r, i, out);
    else if (verb.n == 0 ||
             ((str_eq_c(verb, "ack") || str_eq_c(verb, "unack") || str_eq_c(verb, "resolve")) &&
              !str_eq_c(r->method, "POST")))
        out_reply_error(out, r->id, 405, "method " STR_FMT " is not allowed here",
                        STR_ARG(r->method));
    else if (!same_origin(g, r->origin))
        out_reply_error(out, r->id, 403, "not from another origin: " STR_FMT, STR_ARG(r->origin));
    else if (!read_action(r, &a, out))
        return;
    else if (str_eq_c(verb, "ack"))
        act_ack(g, r, i, &a, out);
    else if (str_eq_c(verb, "unack"))
        act_unack(g, r, i, out);
    else if (str_eq_c(verb, "resolve"))
        act_resolve(g, r, i, &a, out);
    else
        out_reply_error(out, r->id, 404, "no such action: " STR_FMT, STR_ARG(verb));
}

static struct listing *listing_find(const struct global *g, uint64_t request_id)
{
    struct listing *l;

    if (g->api == NULL)
        return NULL;
    TAILQ_FOREACH (l, &g->api->listings, link) {
        if (l->request_id == request_id)
            return l;
    }
    return NULL;
}

static void listing_free(struct global *g, struct listing *l)
{
    for (size_t n = 0; n < l->filters.n; n++)
        regex_free(l->filters.v[n].regex);
    member_cursor_clear(g, &l->at);
    TAILQ_REMOVE(&g->api->listings, l, link);
    g->api->listings_n--;
    arena_free(l->arena);
    free(l);
}

/* ---- acks that wait ---- */

/* Has the ack reached whoever could page next? The streams that grant us duty have it; it is no
 * longer this node's to say so when they grant it to another one meanwhile. */
static bool mirrored(const struct global *g, const struct waiting_ack *w)
{
    const struct incident *i = incident_get(g, str_from(w->incident));
    struct str winner;

    if (w->until_mono_ms == 0 || i == NULL)
        return false;
    if (g->config->nodes_n <= 1)
        return true;
    return escalate_pager(g, i, &winner) == PAGER_SELF && duty_count(g) > 0 &&
           mirror_confirmed(g, str_from(i->id));
}

int64_t api_step(struct global *g, struct out *out)
{
    uint64_t stored = deferred_stored_txn(g->deferred);
    int64_t wake = TIME_NEVER;

    for (size_t n = 0; g->api != NULL && n < g->api->waiting.n;) {
        struct waiting_ack *w = &g->api->waiting.v[n];
        bool durable, late = w->until_mono_ms <= g->now.mono_ms;

        if (w->txn == 0) /* taken in this step, whose rows are all written by now */
            w->txn = global_txn(g, out);
        durable = w->txn <= stored;
        if (g->failing && !durable) {
            out_reply_error(out, w->request_id, 503, "not_stored");
        } else if (durable && mirrored(g, w)) {
            effective(out, w->request_id, true);
        } else if (durable && late) {
            g->incidents->counts.acks_in_transit++;
            effective(out, w->request_id, false);
        } else {
            if (!late)
                wake = min_i64(wake, w->until_mono_ms);
            n++;
            continue;
        }
        VEC_REMOVE(&g->api->waiting, n);
    }
    return wake;
}

void incident_on_confirmed(struct global *g, struct out *out)
{
    (void)api_step(g, out);
}

void global_api_gone(struct global *g, uint64_t request_id)
{
    struct listing *l = listing_find(g, request_id);

    if (l != NULL)
        listing_free(g, l);
    for (size_t n = 0; g->api != NULL && n < g->api->waiting.n; n++) {
        if (g->api->waiting.v[n].request_id == request_id) {
            VEC_REMOVE(&g->api->waiting, n);
            return;
        }
    }
}

void api_free(struct global *g)
{
    struct listing *l;

    if (g->api == NULL)
        return;
    while ((l = TAILQ_FIRST(&g->api->listings)) != NULL)
        listing_free(g, l);
    VEC_CLEAR(&g->api->waiting);
    free(g->api);
    g->api = NULL;
}

/* ---- sites and teams ---- */

static void add_stream(struct json_writer *w, const struct global *g, const struct stream *s)
{
    json_open_object(w);
    json_put_str(w, "node", str_from(s->node));
    json_put_str(w, "stream", str_from(s->uuid));
    json_put_bool(w, "live", stream_live(s));
    json_put_i64(w, "last_seen_ms_ago",
                 s->last_heard_mono_ms < 0 ? -1 : g->now.mono_ms - s->last_heard_mono_ms);
    json_put_str(w, "duty_holder", str_from(s->holder));
    json_put_bool(w, "settled", s->settled);
    json_put_u64(w, "epoch", s->at.epoch);
    json_put_u64(w, "cursor", s->at.cursor);
    json_put_u64(w, "high", s->high);
    json_put_u64(w, "firing", s->firing_n);
    json_close_object(w);
}

static void list_sites(struct global *g, const struct engine_request *r, struct out *out)
{
    struct body b;

    body_begin(&b);
    json_put_str(&b.w, "node", str_from(g->node));
    json_key(&b.w, "sites");
    json_open_array(&b.w);
    for (struct site *s = site_first(g); s != NULL; s = site_next(s)) {
        int64_t until = duty_until(g, s);
        struct stream *st;

        json_open_object(&b.w);
        json_put_str(&b.w, "site", str_from(s->name));
        json_put_str(&b.w, "state", s->silent ? STR("silent") : STR("live"));
        json_put_bool(&b.w, "duty_here", until > g->now.mono_ms);
        json_put_str(&b.w, "duty_holder",
                     until > g->now.mono_ms ? str_from(g->node) : duty_holder(g, s));
        json_key(&b.w, "streams");
        json_open_array(&b.w);
        TAILQ_FOREACH (st, &s->streams, site_link)
            add_stream(&b.w, g, st);
        json_close_array(&b.w);
        json_close_object(&b.w);
    }
    json_close_array(&b.w);
    body_reply(&b, out, r->id, 200);
}

static void list_teams(struct global *g, const struct engine_request *r, struct out *out)
{
    struct body b;

    body_begin(&b);
    json_key(&b.w, "teams");
    json_open_array(&b.w);
    for (size_t n = 0; n < g->config->teams_n; n++) {
        const struct team *t = &g->config->teams[n];
        struct buf owns;

        buf_init(&owns, 0);
        matchers_add_text(&owns, &t->owns);
        json_open_object(&b.w);
        json_put_str(&b.w, "name", t->name);
        json_put_str(&b.w, "parent", t->parent != NULL ? t->parent->name : STR_EMPTY);
        json_put_str(&b.w, "owns", buf_str(&owns));
        json_put_str(&b.w, "escalation_policy", t->policy->name);
        json_key(&b.w, "roles");
        json_open_object(&b.w);
        for (size_t k = 0; k < t->roles_n; k++) {
            json_key_str(&b.w, t->roles[k].role);
            json_add_str(&b.w, t->roles[k].receiver->name);
        }
        json_close_object(&b.w);
        json_close_object(&b.w);
        buf_clear(&owns);
    }
    json_close_array(&b.w);
    body_reply(&b, out, r->id, 200);
}

/* ---- the merged read view of Alertmanager's API ---- */

static bool filters_parse(const struct engine_request *r, struct listing *l, struct out *out)
{
    struct http_params q = http_query_parse(r->query, l->arena);
    struct matchers *f = &l->filters;
    struct err err;

    f->v = ARENA_ARRAY(l->arena, struct matcher, q.n + 1);
    for (size_t n = 0; n < q.n; n++) {
        if (!str_eq_c(q.v[n].name, "filter"))
            continue;
        if (matcher_parse(q.v[n].value, MATCHER_FALLBACK, l->arena, &f->v[f->n], &err) < 0) {
            struct buf b;
            struct json_writer w;

            buf_init(&b, 0);
            json_writer_init(&w, &b);
            json_add_str(&w, str_from(err.text));
            out_reply_json(out, r->id, 400, arena_str(out_arena(out), buf_str(&b)));
            buf_clear(&b);
            return false;
        }
        f->n++;
    }
    return true;
}

/* One element a (site, alert): of several streams of a site the first that holds it open. */
static bool shown_already(const struct global *g, const struct member *m)
{
    const struct stream *s;

    TAILQ_FOREACH (s, &m->stream->site->streams, site_link) {
        const struct member *other;

        if (s == m->stream)
            return false;
        other = member_find(g, s, m->fp);
        if (other != NULL && member_holds_open(g, other))
            return true;
    }
    return false;
}

static void add_alert(struct json_writer *w, const struct global *g, const struct member *m)
{
    const struct team *team =
        m->incident != NULL ? m->incident->team : team_owner(g->config, m->s.labels);
    char fp[17];

    (void)snprintf(fp, sizeof(fp), "%016lx", labels_fingerprint(m->s.labels));
    json_open_object(w);
    add_labels(w, "annotations", m->s.annotations);
    json_put_time(w, "endsAt", m->changed_wall_ms + MS_PER_H);
    json_put_str(w, "fingerprint", str_from(fp));
    json_key(w, "receivers");
    json_open_array(w);
    json_open_object(w);
    json_put_str(w, "name", team->name);
    json_close_object(w);
    json_close_array(w);
    json_put_time(w, "startsAt", m->s.starts_wall_ms);
    json_key(w, "status");
    json_open_object(w);
    json_put_raw(w, "inhibitedBy", STR("[]"));
    json_put_raw(w, "mutedBy", STR("[]"));
    json_put_raw(w, "silencedBy", STR("[]"));
    json_put_str(w, "state", m->s.suppressed.n > 0 ? STR("suppressed") : STR("active"));
    json_close_object(w);
    json_put_time(w, "updatedAt", m->changed_wall_ms);
    if (m->s.generator_url.n > 0)
        json_put_str(w, "generatorURL", m->s.generator_url);
    add_labels(w, "labels", m->s.labels);
    json_close_object(w);
}

/* Elements until the slice is full; true when the list is complete. */
static bool fill_slice(struct global *g, struct listing *l, struct buf *b)
{
    for (size_t n = 0; l->at.next != NULL; n++) {
        const struct member *m = l->at.next;
        struct json_writer w;

        if (b->n >= SLICE_BYTES || n >= SLICE_MEMBERS_MAX)
            return false;
        l->at.next = member_next(m);
        if (!member_holds_open(g, m) || !matchers_match(&l->filters, m->s.labels) ||
            shown_already(g, m))
            continue;
        buf_add_char(b, l->comma ? ',' : '\n');
        l->comma = true;
        json_writer_init(&w, b);
        add_alert(&w, g, m);
    }
    return true;
}

static void reply_slice(struct global *g, struct listing *l, struct engine_reply *reply,
                        struct out *out)
{
    bool done;
    struct buf b;

    buf_init(&b, 0);
    if (reply->status != 0)
        buf_add_char(&b, '[');
    done = fill_slice(g, l, &b);
    if (done)
        buf_add_str(&b, STR("]\n"));
    else if (b.n == 0)
        buf_add_char(&b, '\n'); /* a slice is never empty: the client's taking it brings the next */
    reply->request_id = l->request_id;
    reply->body = arena_str(out_arena(out), buf_str(&b));
    reply->more = !done;
    out_reply(out, reply);
    buf_clear(&b);
    if (done)
        listing_free(g, l);
}

void global_api_more(struct global *g, uint64_t request_id, struct out *out)
{
    struct listing *l = listing_find(g, request_id);
    struct engine_reply reply = {.status = 0};

    if (l != NULL)
        reply_slice(g, l, &reply, out);
}

static void list_alerts(struct global *g, const struct engine_request *r, struct out *out)
{
    struct engine_reply reply = {.status = 200, .content_type = "application/json"};
    struct listing *l;

    if (g->api->listings_n >= LISTINGS_MAX) {
        out_reply_error(out, r->id, 503, "%d lists are being written already", LISTINGS_MAX);
        return;
    }
    l = xcalloc(1, sizeof(*l));
    l->request_id = r->id;
    l->arena = arena_new(1024);
    member_cursor_init(g, &l->at);
    TAILQ_INSERT_TAIL(&g->api->listings, l, link);
    g->api->listings_n++;
    if (filters_parse(r, l, out))
        reply_slice(g, l, &reply, out);
    else
        listing_free(g, l);
}

static void show_status(struct global *g, const struct engine_request *r, struct out *out)
{
    struct body b;

    body_begin(&b);
    json_put_raw(&b.w, "cluster", STR("{\"status\":\"disabled\",\"peers\":[]}"));
    json_put_raw(&b.w, "config", STR("{\"original\":\"\"}"));
    json_put_time(&b.w, "uptime", g->now.wall_ms - (g->now.mono_ms - g->started_mono_ms));
    json_key(&b.w, "versionInfo");
    json_open_object(&b.w);
    json_put_str(&b.w, "version", str_from(g->version));
    json_put_str(&b.w, "branch", STR(""));
    json_put_str(&b.w, "buildDate", STR(""));
    json_put_str(&b.w, "buildUser", STR(""));
    json_put_str(&b.w, "goVersion", STR(""));
    json_put_str(&b.w, "revision", STR(""));
    json_close_object(&b.w);
    body_reply(&b, out, r->id, 200);
}

/* ---- the door ---- */

static void health(struct global *g, const struct engine_request *r, bool ready, struct out *out)
{
    bool ok = !ready || (g->started && !g->stopping && !g->failing);

    out_reply(out,
              &(struct engine_reply){
                  .request_id = r->id,
                  .status = ok ? 200 : 503,
                  .content_type = "text/plain; charset=utf-8",
                  .body = ok ? STR("OK") : STR("not ready: the store fails or we are stopping\n")});
}

static void show_metrics(struct global *g, const struct engine_request *r, struct out *out)
{
    struct buf b;

    buf_init(&b, 0);
    global_metrics(g, &b);
    out_reply(out, &(struct engine_reply){.request_id = r->id,
                                          .status = 200,
                                          .content_type = METRICS_CONTENT_TYPE,
                                          .body = arena_str(out_arena(out), buf_str(&b)),
                                          .io_metrics = true});
    buf_clear(&b);
}

static void unauthorized(const struct engine_request *r, struct out *out)
{
    out_reply(
        out,
        &(struct engine_reply){
            .request_id = r->id,
            .status = 401,
            .content_type = "application/json",
            .headers = {{.name = "WWW-Authenticate", .value = STR_INIT("Basic realm=\"tocsin\"")}},
            .body =
                STR("{\"error\":\"credentials are needed: basic auth or a client certificate\"}")});
}

void global_api_request(struct global *g, const struct engine_request *r, struct out *out)
{
    static const struct {
        const char *path;
        void (*get)(struct global *g, const struct engine_request *r, struct out *out);
    } routes[] = {{"/api/v1/incidents", list_incidents}, {"/api/v1/sites", list_sites},
                  {"/api/v1/teams", list_teams},         {"/api/v2/alerts", list_alerts},
                  {"/api/v2/status", show_status},       {"/metrics", show_metrics}};
    struct str prefix = STR("/api/v1/incidents/");

    if (g->api == NULL) {
        g->api = xcalloc(1, sizeof(*g->api));
        TAILQ_INIT(&g->api->listings);
    }
    if (str_eq_c(r->path, "/-/healthy") || str_eq_c(r->path, "/-/ready")) {
        health(g, r, str_eq_c(r->path, "/-/ready"), out);
        return;
    }
    if (r->who.kind != PRINCIPAL_USER) {
        unauthorized(r, out);
        return;
    }
    if (str_starts(r->path, prefix)) {
        incident_request(g, r, str_sub(r->path, prefix.n, r->path.n), out);
        return;
    }
    for (size_t n = 0; n < ARRAY_SIZE(routes); n++) {
        if (!str_eq_c(r->path, routes[n].path))
            continue;
        if (str_eq_c(r->method, "GET"))
            routes[n].get(g, r, out);
        else
            out_reply_error(out, r->id, 405, "method " STR_FMT " is not allowed here",
                            STR_ARG(r->method));
        return;
    }
    out_reply_error(out, r->id, 404, "no such path: " STR_FMT, STR_ARG(r->path));
}

void incident_metrics(const struct global *g, struct buf *b)
{
    struct metrics m;

    if (g->incidents == NULL)
        return;
    metrics_init(&m, b);
    metrics_gauge(&m, "tocsin_global_incidents", "Incidents kept.", (int64_t)g->incidents->n);
    metrics_gauge(&m, "tocsin_global_incidents_open", "Incidents not resolved.",
                  (int64_t)g->incidents->open_n);
    metrics_counter(&m, "tocsin_global_incidents_opened_total", "Incidents opened.",
                    g->incidents->counts.opened);
    metrics_counter(&m, "tocsin_global_incidents_reopened_total",
                    "Incidents that fired again within the window.", g->incidents->counts.reopened);
    metrics_counter(&m, "tocsin_global_incidents_resolved_total", "Incidents resolved.",
                    g->incidents->counts.resolved);
    metrics_counter(&m, "tocsin_global_steps_claimed_total",
                    "Escalation steps claimed by this node.", g->incidents->counts.claims);
    metrics_counter(&m, "tocsin_global_takeovers_total",
                    "Steps claimed because their node did not.", g->incidents->counts.takeovers);
    metrics_counter(&m, "tocsin_global_acks_total", "Acks taken by this node.",
                    g->incidents->counts.acks);
    metrics_counter(&m, "tocsin_global_acks_in_transit_total", "Acks answered 202.",
                    g->incidents->counts.acks_in_transit);
    metrics_counter(&m, "tocsin_global_terminal_total",
                    "Incidents whose policy ended without an ack.", g->incidents->counts.terminal);
    metrics_counter(&m, "tocsin_global_incidents_superseded_total",
                    "Incidents closed because another node has the next generation open.",
                    g->incidents->counts.superseded);
    metrics_counter(&m, "tocsin_global_mirror_bodies_refused_total",
                    "Mirrors of other nodes that were not understood.",
                    g->incidents->counts.refused);
    metrics_counter(&m, "tocsin_global_mirror_bodies_cut_total",
                    "Mirrors that left out sites or pages to stay within their bound.",
                    g->incidents->counts.mirrors_cut);
    metrics_gauge(&m, "tocsin_global_pages_under_way", "Pages not accepted yet.",
                  (int64_t)g->pages->n);
    metrics_counter(&m, "tocsin_global_page_attempts_total", "Pages sent, retries included.",
                    g->pages->counts.sent);
    metrics_counter(&m, "tocsin_global_pages_total", "Pages accepted by a receiver.",
                    g->pages->counts.accepted);
    metrics_counter(&m, "tocsin_global_page_failures_total", "Attempts that failed.",
                    g->pages->counts.failed);
    metrics_counter(&m, "tocsin_global_pages_given_up_total", "Pages refused finally.",
                    g->pages->counts.given_up);
    metrics_counter(&m, "tocsin_global_possible_duplicates_total",
                    "Pages that may have been sent before.", g->pages->counts.possible_duplicates);
}
