/* Receivers in their moods, and the people who read their pagers. */
#include "tests/sim/sim.h"

#include "common/base/json.h"
#include "global/core/global_rows.h"

#include <stdio.h>

#define TRIES_MAX 6

/* ---- receivers ---- */

struct sim_receiver *receiver_find(struct sim *s, struct str name)
{
    for (int i = 0; i < s->receivers_n; i++) {
        if (str_eq_c(name, s->receivers[i].name))
            return &s->receivers[i];
    }
    return NULL;
}

static struct str host_of(struct str url)
{
    struct str rest = str_sub(url, sizeof("http://") - 1, url.n);

    return str_sub(rest, 0, str_find_char(rest, '/'));
}

static const char *text_of(struct sim *s, struct json_object *o, const char *key)
{
    struct str v = STR_EMPTY;

    (void)!json_get_str(o, key, &v, NULL);
    return history_text(&s->h, v);
}

static uint64_t number_of(struct json_object *o, const char *key)
{
    uint64_t v = 0;

    (void)!json_get_u64(o, key, &v, NULL);
    return v;
}

static const char *sites_of(struct sim *s, struct json_object *t)
{
    struct json_object *a = NULL;
    const char *ret;
    struct buf b;

    buf_init(&b, 0);
    (void)!json_get_array(t, "affected_sites", &a, NULL);
    buf_add_char(&b, ' ');
    for (size_t i = 0; a != NULL && i < json_object_array_length(a); i++) {
        buf_add_str(&b, json_str(json_object_array_get_idx(a, i)));
        buf_add_char(&b, ' ');
    }
    ret = history_text(&s->h, buf_str(&b));
    buf_clear(&b);
    return ret;
}

/* The first alert that is shown under a site that is not its own. */
static const char *foreign_of(struct sim *s, struct json_object *o)
{
    struct json_object *a = NULL, *labels;

    (void)!json_get_array(o, "alerts", &a, NULL);
    for (size_t i = 0; a != NULL && i < json_object_array_length(a); i++) {
        struct str site = STR_EMPTY, aid = STR_EMPTY;

        if (json_get_object(json_object_array_get_idx(a, i), "labels", &labels, NULL) < 0)
            continue;
        (void)!json_get_str(labels, "site", &site, NULL);
        (void)!json_get_str(labels, "instance", &aid, NULL);
        if (aid.n > 0 && site.n > 0 && !str_starts(aid, site))
            return history_text(&s->h, aid);
    }
    return NULL;
}

static void read_page(struct sim *s, struct h_page *p, struct str body)
{
    struct json_object *o = NULL, *t = NULL;

    if (json_parse(body, (struct json_opt){0}, &o, NULL) < 0)
        return;
    if (json_get_object(o, "tocsin", &t, NULL) == 0 && t != NULL) {
        p->page = true;
        p->incident = text_of(s, t, "incident");
        p->generation = number_of(t, "generation");
        p->phase = (unsigned)number_of(t, "phase");
        p->round = (unsigned)number_of(t, "round");
        p->step = (unsigned)number_of(t, "step");
        p->target = text_of(s, t, "target");
        p->reason = text_of(s, t, "reason");
        p->duplicate = text_of(s, t, "possible_duplicate");
        p->severity = text_of(s, t, "severity");
        p->key = text_of(s, t, "dedup_key");
        p->sites = sites_of(s, t);
        p->foreign = foreign_of(s, o);
    }
    json_object_put(o);
}

static void tell_sender(struct sim *s, struct sim_node *n, uint64_t send_id,
                        enum send_outcome outcome, int status)
{
    struct engine_input in = {
        .kind = ENGINE_DELIVERED,
        .delivery = {.send_id = send_id,
                     .outcome = outcome,
                     .status = status,
                     .retry_after_ms = -1,
                     .error = outcome == SEND_ANSWERED ? STR_EMPTY : STR("simulated")}};

    node_step(s, n, &in);
}

static void on_told(struct sim *s, struct sim_event *e) /* a: page, b: outcome */
{
    const struct h_page *p = &s->h.pages.v[e->a];

    if (!p->cancelled)
        tell_sender(s, &s->nodes[e->node], p->send_id, (enum send_outcome)e->b, p->status);
}

static void answer(struct sim *s, size_t i, int64_t at, enum send_outcome outcome)
{
    struct sim_node *n = &s->nodes[s->h.pages.v[i].node];
    struct sim_event *e;

    if (n->engine == NULL || n->life != s->h.pages.v[i].life)
        return;
    e = sim_file_for(s, at, on_told, n);
    e->a = i;
    e->b = outcome;
}

static void on_human(struct sim *s, struct sim_event *e)
{
    const struct h_page *p = &s->h.pages.v[e->a];
    int g = (int)rand_below(&s->rand.human, (uint64_t)s->globals_n);

    human_ack(s, sim_global(s, g), p->incident, p->generation, "ack", 0);
}

static void accept(struct sim *s, size_t i)
{
    struct h_page *p = &s->h.pages.v[i];
    const struct sim_receiver *r = receiver_find(s, str_from(p->receiver));

    p->accepted = true;
    if (!p->page)
        return;
    s->h.pages_accepted++;
    sim_trace(s, "page     %s incident=%.8s/%lu at=%u.%u.%u reason=%s duplicate=%s sites=%s",
              p->receiver, p->incident, p->generation, p->phase, p->round, p->step, p->reason,
              p->duplicate, p->sites);
    if (!s->o.quiet && r->pager && rand_chance(&s->rand.human, 2500))
        sim_file(s, s->now + rand_between(&s->rand.human, 10 * MS_PER_S, 6 * MS_PER_MIN), on_human)
            ->a = i;
}

static void on_page(struct sim *s, struct sim_event *e) /* a: page, b: when the sender gives up */
{
    struct h_page *p = &s->h.pages.v[e->a];
    const struct sim_receiver *r = receiver_find(s, str_from(p->receiver));
    int64_t soon = s->now + rand_between(&s->rand.net, 1, 100), late = (int64_t)e->b;

    if (p->cancelled)
        return;
    p->got_at = s->now;
    sim_mix(s, (uint64_t)r->mood ^ p->send_id);
    switch (r->mood) {
    case MOOD_WELL:
        p->status = 200;
        accept(s, e->a);
        answer(s, e->a, soon, SEND_ANSWERED);
        break;
    case MOOD_5XX:
        p->status = 503;
        answer(s, e->a, soon, SEND_ANSWERED);
        break;
    case MOOD_4XX:
        p->status = 400;
        answer(s, e->a, soon, SEND_ANSWERED);
        break;
    case MOOD_HANG:
        if (rand_chance(&s->rand.net, 5000))
            accept(s, e->a);
        answer(s, e->a, late, SEND_AMBIGUOUS);
        break;
    case MOOD_MUTE:
        accept(s, e->a);
        answer(s, e->a, soon, SEND_AMBIGUOUS);
        break;
    case MOOD_DOWN:
        p->got_at = -1;
        answer(s, e->a, soon, SEND_NOT_SENT);
        break;
    }
}

void receiver_send(struct sim *s, struct sim_node *from, const struct engine_send *send)
{
    size_t i = s->h.pages.n;
    struct h_page *p = VEC_PUSH(&s->h.pages);
    struct sim_event *e;

    *p = (struct h_page){.sent_at = s->now,
                         .got_at = -1,
                         .node = from->index,
                         .life = from->life,
                         .send_id = send->id,
                         .receiver = history_text(&s->h, host_of(send->url)),
                         .incident = "",
                         .duplicate = ""};
    read_page(s, p, send->body);
    if (p->page)
        sim_trace(s, "%-8s sends page to %s incident=%.8s at=%u.%u.%u reason=%s duplicate=%s",
                  from->id, p->receiver, p->incident, p->phase, p->round, p->step, p->reason,
                  p->duplicate);
    if (p->page && from->crash_on == 2)
        node_crash_soon(s, from, rand_between(&s->rand.net, 1, 200));
    if (from->isolated > 0) {
        answer(s, i, s->now + min_i64(3000, send->timeout_ms), SEND_NOT_SENT);
        return;
    }
    e = sim_file(s, s->now + rand_between(&s->rand.net, 1, 150), on_page);
    e->a = i;
    e->b = (uint64_t)(s->now + (send->timeout_ms > 0 ? send->timeout_ms : 10 * MS_PER_S));
}

void receiver_cancel(struct sim *s, struct sim_node *from, uint64_t send_id)
{
    for (size_t i = s->h.pages.n; i > 0; i--) {
        struct h_page *p = &s->h.pages.v[i - 1];

        if (p->node == from->index && p->life == from->life && p->send_id == send_id) {
            p->cancelled = true;
            return;
        }
    }
}

/* ---- people ---- */

struct act {
    char incident[40], verb[12];
    uint64_t generation;
    int tries;
};

static void on_again(struct sim *s, struct sim_event *e)
{
    const struct act *a = (const struct act *)(const void *)e->text;

    human_ack(s, (int)e->a, a->incident, a->generation, a->verb, a->tries);
}

static void again(struct sim *s, const struct act *a, int global, const char *verb, int tries,
                  int64_t after_ms)
{
    struct sim_event *e = sim_file(s, s->now + after_ms, on_again);
    struct act *copy = xmalloc(sizeof(*copy));

    *copy = *a;
    copy->tries = tries;
    (void)snprintf(copy->verb, sizeof(copy->verb), "%s", verb);
    e->text = (char *)copy;
    e->a = (uint64_t)global;
}

/* 421 and 503 say who decides. */
static int told_node(struct sim *s, const struct sim_call *c)
{
    struct json_object *o = NULL;
    struct str name = STR_EMPTY;
    char id[16] = "";
    int node;

    if (json_parse((struct str){c->answer, c->answer_n}, (struct json_opt){0}, &o, NULL) < 0)
        return -1;
    (void)!json_get_str(o, "node", &name, NULL);
    (void)snprintf(id, sizeof(id), STR_FMT, STR_ARG(name));
    node = sim_node_by_name(s, id);
    json_object_put(o);
    return node;
}

static void mark_act(struct sim *s, const struct act *a, int status)
{
    if (strcmp(a->verb, "ack") == 0) {
        if (status == 200)
            history_mark(s, MARK_ACK_200);
        if (status == 202)
            history_mark(s, MARK_ACK_202);
        if (status == 421)
            history_mark(s, MARK_ACK_421);
    } else if (status == 200) {
        history_mark(s, strcmp(a->verb, "unack") == 0 ? MARK_UNACK : MARK_FORCED);
    }
}

static void on_acted(struct sim *s, struct sim_call *c, enum send_outcome outcome)
{
    const struct act *a = c->arg;
    int status = outcome == SEND_ANSWERED ? c->status : 0, other;
    int random = sim_global(s, (int)rand_below(&s->rand.human, (uint64_t)s->globals_n));

    *VEC_PUSH(&s->h.acts) = (struct h_act){.t = s->now,
                                           .node = c->to,
                                           .verb = history_text(&s->h, str_from(a->verb)),
                                           .incident = history_text(&s->h, str_from(a->incident)),
                                           .generation = a->generation,
                                           .status = status};
    mark_act(s, a, status);
    sim_trace(s, "human    %s of %.8s at %s: %d", a->verb, a->incident, s->nodes[c->to].id, status);
    if (s->o.quiet && status != 421)
        return;
    if (status == 200) {
        if (strcmp(a->verb, "ack") == 0 && rand_chance(&s->rand.human, 1500))
            again(s, a, c->to, "unack", 0, rand_between(&s->rand.human, 20000, 200000));
        else if (strcmp(a->verb, "ack") == 0 && rand_chance(&s->rand.human, 700))
            again(s, a, c->to, "resolve", 0, rand_between(&s->rand.human, 20000, 200000));
        return;
    }
    if (a->tries >= TRIES_MAX || status == 409 || status == 202)
        return;
    other = status == 421 || status == 503 ? told_node(s, c) : -1;
    again(s, a, other >= 0 ? other : random, a->verb, a->tries + 1, other >= 0 ? 500 : 8000);
}

void human_ack(struct sim *s, int global, const char *incident, uint64_t generation,
               const char *verb, int tries)
{
    char path[128];
    struct act *a = xcalloc(1, sizeof(*a));
    struct sim_call *c;

    (void)snprintf(path, sizeof(path), "/api/v1/incidents/%s/%s", incident, verb);
    c = net_web(s, global, "POST", path, "",
                strcmp(verb, "resolve") == 0 ? "{\"force\":true}" : "{}", "alice");
    (void)snprintf(a->incident, sizeof(a->incident), "%s", incident);
    (void)snprintf(a->verb, sizeof(a->verb), "%s", verb);
    a->generation = generation;
    a->tries = tries;
    c->arg = a;
    c->on_answer = on_acted;
}

/* ---- the adversary: a node of site 0 with a good certificate ---- */

static void on_foreign(struct sim *s, struct sim_call *c, enum send_outcome outcome)
{
    *VEC_PUSH(&s->h.acts) = (struct h_act){.t = s->now,
                                           .node = c->to,
                                           .verb = history_text(&s->h, STR("foreign")),
                                           .incident = "",
                                           .status = outcome == SEND_ANSWERED ? c->status : 0};
}

/* Does the node know whose stream it is? The first use binds a stream. */
static bool bound(const struct sim *s, int global, const char *stream)
{
    return disk_find(&s->nodes[global].disk, GLOBAL_ROW_STREAM, str_from(stream)) != NULL;
}

static void attack_batch(struct sim *s, int global, const struct principal *who)
{
    struct buf b;
    const struct sim_node *victim =
        &s->nodes[sim_site_edge(s, 1, (int)rand_below(&s->rand.human, (uint64_t)s->edges_n))];
    bool foreign = rand_chance(&s->rand.human, 5000) && bound(s, global, victim->uuid);
    struct sim_call *c;

    buf_init(&b, 0);
    if (foreign) { /* a stream of another site */
        const struct sim_alert *a = &s->alerts.v[s->alerts.n - 1];

        s->h.foreign_sent++;
        buf_add_fmt(
            &b,
            "{\"v\":1,\"stream\":\"%s\",\"epoch\":99,\"settled\":true,\"lane\":\"backlog\","
            "\"from\":1,\"to\":1,\"rows\":[{\"seq\":1,\"kind\":\"episode\",\"fp\":\"%016lx\","
            "\"episode\":1,\"state\":\"resolved\",\"reason\":\"explicit\",\"labels\":{},"
            "\"annotations\":{}}]}",
            victim->uuid, a->fp);
    } else { /* its own stream, another site's label */
        history_mark(s, MARK_SPOOF_OVERWRITTEN);
        buf_add_fmt(
            &b,
            "{\"v\":1,\"stream\":\"aaaaaaaa-0000-4000-8000-000000000001\",\"epoch\":1,"
            "\"settled\":true,\"lane\":\"backlog\",\"from\":1,\"to\":1,\"rows\":[{\"seq\":1,"
            "\"kind\":\"episode\",\"fp\":\"00000000000000aa\",\"episode\":1,"
            "\"state\":\"firing\",\"reason\":\"open\",\"labels\":{\"alertname\":\"Spoofed\","
            "\"severity\":\"critical\",\"instance\":\"%s-spoofed\",\"site\":\"%s\"},"
            "\"annotations\":{}}]}",
            s->site_names[0], s->site_names[1]);
    }
    c = net_federation(s, global, "/federation/v1/batches", buf_str(&b), who);
    if (foreign)
        c->on_answer = on_foreign;
    buf_clear(&b);
}

static void attack_journal(struct sim *s, int global, const struct principal *who)
{
    struct buf b;
    const char *incident = s->h.pages.n > 0 ? s->h.pages.v[s->h.pages.n - 1].incident : "";

    if (incident[0] == '\0')
        return;
    buf_init(&b, 0);
    buf_add_fmt(&b,
                "{\"v\":1,\"stream\":\"aaaaaaaa-0000-4000-8000-000000000001\",\"mirrors\":[{"
                "\"incident\":\"%s\",\"origin\":\"g9\",\"epoch\":1,\"ver\":1,\"body\":\"{}\","
                "\"mac\":\"%064d\"}]}",
                incident, 0);
    (void)net_federation(s, global, "/federation/v1/journal", buf_str(&b), who);
    buf_clear(&b);
}

static void on_attack(struct sim *s, struct sim_event *e)
{
    struct principal who = {.kind = PRINCIPAL_PEER, .identity = {.kind = IDENTITY_EDGE}};
    int global = sim_global(s, (int)rand_below(&s->rand.human, (uint64_t)s->globals_n));

    (void)e;
    if (s->healed)
        return;
    memcpy(who.identity.site, s->site_names[0], sizeof(s->site_names[0]));
    memcpy(who.identity.group, IDENTITY_GROUP_DEFAULT, sizeof(IDENTITY_GROUP_DEFAULT));
    memcpy(who.identity.node, "e9", 3);
    if (rand_chance(&s->rand.human, 7000))
        attack_batch(s, global, &who);
    else
        attack_journal(s, global, &who);
    sim_file(s, s->now + rand_between(&s->rand.human, MS_PER_S, 4 * MS_PER_MIN), on_attack);
}

void adversary_start(struct sim *s)
{
    s->adversary = true;
    sim_file(s, s->now + 5 * MS_PER_MIN, on_attack);
}
