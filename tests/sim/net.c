/* The network: requests between nodes, and from people and programs to nodes. A request that is
 * lost, or whose answer is, ends by the sender's timeout; a clogged one may arrive after that; a
 * stray copy may arrive much later. Who asks is what the link knows, never what the bytes say. */
#include "tests/sim/sim.h"

#include <stdio.h>

#define WEB_TIMEOUT_MS (10 * MS_PER_S)
#define RECORD_MAX 500 /* of an ended call's answer in a trace */

static struct sim_call *find(struct sim *s, uint64_t id)
{
    struct sim_call *c;

    HASH_FIND(hh, s->calls, &id, sizeof(id), c);
    return c;
}

static void free_call(struct sim *s, struct sim_call *c)
{
    HASH_DEL(s->calls, c);
    free(c->method);
    free(c->path);
    free(c->query);
    free(c->body);
    free(c->answer);
    free(c->arg);
    free(c);
}

static void free_if_over(struct sim *s, struct sim_call *c)
{
    if (c->done && !c->arrived && !c->flying)
        free_call(s, c);
}

void net_free(struct sim *s)
{
    struct sim_call *c, *next;

    HASH_ITER (hh, s->calls, c, next)
        free_call(s, c);
}

static struct sim_call *new_call(struct sim *s, int from, int to)
{
    struct sim_call *c = xcalloc(1, sizeof(*c));

    c->id = ++s->next_id;
    c->from = from;
    c->to = to;
    c->from_life = from >= 0 ? s->nodes[from].life : 0;
    c->sent_at = s->now;
    HASH_ADD(hh, s->calls, id, sizeof(c->id), c);
    return c;
}

static const struct sim_link *link_of(struct sim *s, int from, int to)
{
    static const struct sim_link people;

    return from >= 0 && to >= 0 ? &s->links[from][to] : &people;
}

static int64_t delay(struct sim *s, const struct sim_link *l)
{
    int64_t ms = rand_between(&s->rand.net, s->latency_ms, 2 * s->latency_ms);

    if (!s->o.quiet && rand_chance(&s->rand.net, 100))
        ms += rand_between(&s->rand.net, 0, 2000); /* a long tail, so that requests overtake */
    if (l->clog_until > s->now)
        ms += rand_between(&s->rand.net, 0, l->clog_ms);
    return ms;
}

static bool lost(struct sim *s, const struct sim_link *l)
{
    return l->cut > 0 || rand_chance(&s->rand.net, (unsigned)s->loss_per_10000 + l->loss_per_10000);
}

/* ---- the caller hears ---- */

static void deliver(struct sim *s, struct sim_call *c, enum send_outcome outcome)
{
    struct engine_input in = {.kind = ENGINE_DELIVERED,
                              .delivery = {.send_id = c->send_id,
                                           .outcome = outcome,
                                           .retry_after_ms = -1,
                                           .error = STR("simulated")}};
    struct sim_node *n;

    c->done = true;
    if (c->from < 0) {
        if (c->on_answer != NULL)
            c->on_answer(s, c, outcome);
        return;
    }
    n = &s->nodes[c->from];
    if (n->life != c->from_life || n->engine == NULL)
        return;
    if (outcome == SEND_ANSWERED) {
        in.delivery.status = c->status;
        in.delivery.body = (struct str){c->answer, c->answer_n};
        in.delivery.error = STR_EMPTY;
    }
    node_step(s, n, &in);
}

static void on_gone(struct sim *s, struct sim_event *e)
{
    struct sim_call *c = find(s, e->a);
    struct engine_input in = {.kind = ENGINE_GONE, .request_id = e->a};

    if (c == NULL || !c->arrived)
        return;
    c->arrived = false;
    node_step(s, &s->nodes[e->node], &in);
    c = find(s, e->a);
    if (c != NULL)
        free_if_over(s, c);
}

static void tell_gone(struct sim *s, struct sim_call *c)
{
    bool cut = link_of(s, c->from, c->to)->cut > 0;

    /* Without a word from the other side the server finds out by its own deadline. */
    sim_file_for(s, s->now + (cut ? 60 * MS_PER_S : s->latency_ms), on_gone, &s->nodes[c->to])->a =
        c->id;
}

static void on_end(struct sim *s, struct sim_event *e) /* a: call, b: outcome */
{
    struct sim_call *c = find(s, e->a);

    if (c == NULL || c->done)
        return;
    if ((enum send_outcome)e->b == SEND_NOT_SENT)
        c->flying = false;
    deliver(s, c, (enum send_outcome)e->b);
    c = find(s, e->a);
    if (c == NULL)
        return;
    if (c->arrived)
        tell_gone(s, c);
    free_if_over(s, c);
}

static void end_at(struct sim *s, struct sim_call *c, int64_t at, enum send_outcome outcome)
{
    struct sim_event *e = sim_file(s, at, on_end);

    e->node = c->from; /* a stopped caller hears it later */
    e->a = c->id;
    e->b = outcome;
}

/* ---- the callee hears ---- */

static void on_arrive(struct sim *s, struct sim_event *e)
{
    struct sim_call *c = find(s, e->a);
    struct sim_node *n = &s->nodes[e->node];

    if (c == NULL)
        return;
    c->flying = false;
    if (n->engine == NULL) { /* reset */
        if (!c->done && link_of(s, c->to, c->from)->cut == 0)
            end_at(s, c, s->now + s->latency_ms, SEND_AMBIGUOUS);
        free_if_over(s, c);
        return;
    }
    if (c->done && !c->copy)
        history_mark(s, MARK_NET_LATE);
    c->arrived = true;
    c->to_life = n->life;
    node_request(s, n, c);
    c = find(s, e->a);
    if (c != NULL && c->done && c->arrived && !c->copy)
        tell_gone(s, c);
}

static void arrive_at(struct sim *s, struct sim_call *c, int64_t at)
{
    struct sim_event *e = sim_file(s, at, on_arrive);

    c->flying = true;
    e->node = c->to;
    e->a = c->id;
}

static void on_more(struct sim *s, struct sim_event *e)
{
    struct engine_input in = {.kind = ENGINE_MORE, .request_id = e->a};

    if (find(s, e->a) != NULL)
        node_step(s, &s->nodes[e->node], &in);
}

void net_reply(struct sim *s, struct sim_node *n, const struct engine_reply *r)
{
    struct sim_call *c = find(s, r->request_id);
    const struct sim_link *back;

    if (c == NULL || !c->arrived)
        return;
    c->answer = xrealloc(c->answer, c->answer_n + r->body.n + 1, 1);
    if (r->body.n > 0)
        memcpy(c->answer + c->answer_n, r->body.p, r->body.n);
    c->answer_n += r->body.n;
    if (r->status != 0)
        c->status = r->status;
    if (r->more) {
        sim_file_for(s, s->now, on_more, n)->a = c->id;
        return;
    }
    sim_trace(s, "%-8s %d to %s %s from %s", n->id, c->status, c->method, c->path,
              c->from >= 0 ? s->nodes[c->from].id : "outside");
    c->arrived = false;
    if (n->edge && strcmp(c->path, "/api/v2/alerts") == 0 && strcmp(c->method, "POST") == 0)
        history_answer(s, n, c);
    if (strcmp(c->path, "/federation/v1/directives") == 0 &&
        str_contains((struct str){c->answer, c->answer_n}, STR("\"mirrors\":[{")))
        history_mark(s, MARK_MIRROR);
    if (strcmp(c->path, "/federation/v1/batches") == 0)
        history_receipt(s, n, (struct str){c->answer, c->answer_n}, c);
    back = link_of(s, c->to, c->from);
    if (c->done)
        free_if_over(s, c);
    else if (lost(s, back))
        history_mark(s, MARK_NET_REPLY_LOST);
    else
        end_at(s, c, s->now + delay(s, back), SEND_ANSWERED);
}

/* ---- sending ---- */

static void split_url(struct sim_call *c, struct str url)
{
    struct str rest = str_sub(url, sizeof("https://") - 1, url.n);
    size_t slash = str_find_char(rest, '/'), mark;

    rest = str_sub(rest, slash, rest.n);
    mark = str_find_char(rest, '?');
    c->path = xstrndup(rest.p, mark);
    rest = str_sub(rest, mark + 1, rest.n);
    c->query = xstrndup(rest.n > 0 ? rest.p : "", rest.n);
}

static void mark_request(struct sim *s, const struct sim_call *c)
{
    struct str body = {c->body, c->body_n};

    if (strcmp(c->path, "/federation/v1/batches") == 0) {
        history_mark(s, str_contains(body, STR("\"lane\":\"live\"")) ? MARK_LANE_LIVE
                                                                     : MARK_LANE_BACKLOG);
        if (str_contains(body, STR("\"voids\":[[")))
            history_mark(s, MARK_LANE_VOIDS);
    } else if (strcmp(c->path, "/federation/v1/journal") == 0) {
        history_mark(s, MARK_JOURNAL);
    }
}

static void copy_later(struct sim *s, const struct sim_call *c)
{
    struct sim_call *d = new_call(s, c->from, c->to);

    d->done = d->copy = true;
    d->listener = c->listener;
    d->who = c->who;
    memcpy(d->user, c->user, sizeof(d->user));
    if (d->who.kind == PRINCIPAL_USER)
        d->who.user = str_from(d->user);
    d->method = xstrdup(c->method);
    d->path = xstrdup(c->path);
    d->query = xstrdup(c->query);
    d->body = xstrndup(c->body, c->body_n);
    d->body_n = c->body_n;
    history_mark(s, MARK_NET_DUPLICATE);
    arrive_at(s, d, s->now + rand_between(&s->rand.net, 500, 90 * MS_PER_S));
}

static void dispatch(struct sim *s, struct sim_call *c, int64_t timeout_ms)
{
    const struct sim_link *l = link_of(s, c->from, c->to);
    bool cut = l->cut > 0 || link_of(s, c->to, c->from)->cut > 0, left = true;

    end_at(s, c, s->now + timeout_ms, SEND_AMBIGUOUS);
    if (s->nodes[c->to].engine == NULL && !cut) {
        end_at(s, c, s->now + 2 * s->latency_ms, SEND_NOT_SENT); /* refused */
        left = false;
    } else if (cut && rand_chance(&s->rand.net, 5000)) {
        end_at(s, c, s->now + min_i64(timeout_ms, 3 * MS_PER_S), SEND_NOT_SENT); /* no connection */
        left = false;
    } else if (!lost(s, l)) { /* over a connection that stood before */
        arrive_at(s, c, s->now + delay(s, l));
    }
    /* Batches above all: theirs is the order that matters. Of what never left its machine there is
     * no copy: a sender that is told so takes back what the request said, a grant for one. */
    if (rand_chance(&s->rand.net,
                    (unsigned)s->dup_per_10000 * (strstr(c->path, "/batches") != NULL ? 6 : 1)) &&
        left)
        copy_later(s, c);
}

void net_send(struct sim *s, struct sim_node *from, const struct engine_send *send)
{
    char peer[16];
    struct sim_call *c;
    int to;

    (void)snprintf(peer, sizeof(peer), STR_FMT, STR_ARG(send->peer));
    to = sim_node_by_name(s, peer);
    c = new_call(s, from->index, to);
    c->send_id = send->id;
    c->listener = LISTENER_FEDERATION;
    c->who.kind = PRINCIPAL_PEER;
    c->who.identity.kind = IDENTITY_EDGE;
    memcpy(c->who.identity.site, from->site, sizeof(from->site));
    memcpy(c->who.identity.group, IDENTITY_GROUP_DEFAULT, sizeof(IDENTITY_GROUP_DEFAULT));
    memcpy(c->who.identity.node, from->name, sizeof(from->name));
    c->method = xstrdup(send->method);
    split_url(c, send->url);
    c->body = xstrndup(send->body.n > 0 ? send->body.p : "", send->body.n);
    c->body_n = send->body.n;
    mark_request(s, c);
    dispatch(s, c, send->timeout_ms);
}

void net_cancel(struct sim *s, struct sim_node *from, uint64_t send_id)
{
    struct sim_call *c, *next;

    HASH_ITER (hh, s->calls, c, next) {
        if (c->from != from->index || c->from_life != from->life || c->send_id != send_id ||
            c->done)
            continue;
        c->done = true;
        if (c->arrived)
            tell_gone(s, c);
        free_if_over(s, c);
        return;
    }
    receiver_cancel(s, from, send_id);
}

struct sim_call *net_web(struct sim *s, int to, const char *method, const char *path,
                         const char *query, const char *body, const char *user)
{
    struct sim_call *c = new_call(s, -1, to);

    c->listener = LISTENER_WEB;
    c->method = xstrdup(method);
    c->path = xstrdup(path);
    c->query = xstrdup(query);
    c->body = xstrdup(body);
    c->body_n = strlen(body);
    if (user != NULL) {
        (void)snprintf(c->user, sizeof(c->user), "%s", user);
        c->who = (struct principal){.kind = PRINCIPAL_USER, .user = str_from(c->user)};
    }
    dispatch(s, c, WEB_TIMEOUT_MS);
    return c;
}

struct sim_call *net_federation(struct sim *s, int to, const char *path, struct str body,
                                const struct principal *who)
{
    struct sim_call *c = new_call(s, -1, to);

    c->listener = LISTENER_FEDERATION;
    c->method = xstrdup("POST");
    c->path = xstrdup(path);
    c->query = xstrdup("");
    c->body = xstrndup(body.p, body.n);
    c->body_n = body.n;
    c->who = *who;
    dispatch(s, c, WEB_TIMEOUT_MS);
    return c;
}

void net_node_down(struct sim *s, struct sim_node *n)
{
    struct sim_call *c, *next;

    HASH_ITER (hh, s->calls, c, next) {
        if (c->to == n->index && c->arrived) {
            c->arrived = false;
            if (!c->done && link_of(s, c->to, c->from)->cut == 0)
                end_at(s, c, s->now + s->latency_ms, SEND_AMBIGUOUS);
        }
        if (c->from == n->index && !c->done) {
            c->done = true;
            if (c->arrived)
                tell_gone(s, c);
        }
        free_if_over(s, c);
    }
}
