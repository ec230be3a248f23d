/* Worlds with the real incident side: two sites, an edge each or two, two globals g1 and g2 whose
 * mirrors a fake edge carries. */
#pragma once

#define FIXTURE_INCIDENTS
#include "global/core/escalate.h"
#include "global/core/incident.h"
#include "global/core/pages.h"
#include "tests/unit/global/fixture.h"

#define RECEIVERS \
    "receivers:\n" \
    "- {name: sre, webhook_configs: [{url: 'http://sre/'}]}\n" \
    "- {name: pager, webhook_configs: [{url: 'http://pager/'}]}\n" \
    "- {name: lead, webhook_configs: [{url: 'http://lead/'}]}\n" \
    "- {name: chat, webhook_configs: [{url: 'http://chat/'}]}\n" \
    "- {name: pair, webhook_configs: [{url: 'http://one/'}, {url: 'http://two/'}]}\n"
#define TEAMS \
    "teams:\n" \
    "- {name: root, escalation_policy: sre, roles: {primary: sre}}\n" \
    "- {name: plat, parent: root, owns: ['team=\"plat\"'], escalation_policy: default,\n" \
    "   roles: {primary: pager, secondary: lead}}\n" \
    "- {name: quiet, parent: root, owns: ['team=\"quiet\"'], escalation_policy: ends,\n" \
    "   roles: {primary: pair}}\n"
#define POLICIES \
    "escalation_policies:\n" \
    "- {name: sre, steps: [{notify: [{role: primary}], delay: 5m}]}\n" \
    "- name: default\n" \
    "  steps:\n" \
    "  - {notify: [{role: primary}], delay: 2m}\n" \
    "  - {notify: [{role: secondary}, {receiver: chat}, {team: parent}], delay: 3m}\n" \
    "  repeat: 1\n" \
    "  ack_timeout: 20m\n" \
    "- {name: ends, steps: [{notify: [{role: primary}], delay: 2m}], on_exhausted: stop}\n"
#define RULES "rules: [{name: wide, matchers: ['alertname=\"Wide\"'], on_sites: [2, 3]}]\n"
#define ONE RECEIVERS TEAMS POLICIES RULES
#define TWO \
    ONE "cluster: {secret_file: key}\n" \
        "globals: [{name: g1, url: 'https://g1:9193'}, {name: g2, url: 'https://g2:9193'}]\n"

static inline struct global *real(struct world *w)
{
    return world_global(w);
}

static inline void tick(struct world *w)
{
    struct engine_input in = {.kind = ENGINE_TICK};

    world_step(w, &in);
}

static inline void advance(struct world *w, int64_t ms)
{
    world_run_to(w, w->now.mono_ms + ms);
}

struct say {
    const char *name, *team, *severity, *state, *suppressed;
    uint64_t fp, episode, seq;
};

/* A row of an alert; labels by default alertname A, team plat, critical. fp 0: 1. */
static inline uint64_t say_full(struct world *w, struct peer peer, const char *uuid, struct say s)
{
    char row[1024];
    bool firing = s.state == NULL || strcmp(s.state, "firing") == 0;

    (void)snprintf(row, sizeof(row),
                   "{\"seq\":%lu,\"kind\":\"episode\",\"fp\":\"%016lx\",\"episode\":%lu,"
                   "\"state\":\"%s\",\"reason\":\"%s\",\"suppressed\":\"%s\",\"labels\":{"
                   "\"alertname\":\"%s\",\"severity\":\"%s\",\"team\":\"%s\"},"
                   "\"annotations\":{},\"starts_at_ms\":1,\"first_seen_ms\":1,\"transitions\":1}",
                   s.seq, s.fp != 0 ? s.fp : 1, s.episode != 0 ? s.episode : 1,
                   firing ? "firing" : "resolved", firing ? "open" : "explicit",
                   s.suppressed != NULL ? s.suppressed : "", s.name != NULL ? s.name : "A",
                   s.severity != NULL ? s.severity : "critical", s.team != NULL ? s.team : "plat");
    return world_batch(w, peer, uuid, 1, "backlog", false, s.seq, s.seq, row, "");
}

#define SAY(w, peer, uuid, ...) (void)say_full((w), (peer), (uuid), (struct say){__VA_ARGS__})

/* A heartbeat that grants this node, or says that another one holds. */
static inline void grant(struct world *w, struct peer peer, const char *uuid)
{
    char more[160];

    (void)snprintf(more, sizeof(more),
                   ",\"echo\":{\"node\":\"%s\",\"boot\":\"%s\",\"mono_ms\":%ld}", w->options.node,
                   real(w)->boot, w->now.mono_ms);
    (void)world_beat(w, peer, uuid, 0, more);
}

static inline void beat_holder(struct world *w, struct peer peer, const char *uuid,
                               const char *holder)
{
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"v\":1,\"stream\":\"%s\",\"epoch\":1,\"boot\":\"9f\",\"high\":0,"
                   "\"settled\":true,\"firing\":0,\"holder\":\"%s\"}",
                   uuid, holder);
    (void)world_post(w, peer, "heartbeats", body);
}

/* Time passes; the site's edge grants every ten seconds. */
static inline void stay(struct world *w, struct peer peer, const char *uuid, int64_t ms)
{
    for (; ms > 0; ms -= 10000) {
        grant(w, peer, uuid);
        advance(w, min_i64(ms, 10000));
    }
}

static inline uint64_t web(struct world *w, const char *method, const char *path, const char *query,
                           const char *body)
{
    struct engine_input in = {.kind = ENGINE_REQUEST};

    in.request = (struct engine_request){.id = w->next_request++,
                                         .listener = LISTENER_WEB,
                                         .who = {.kind = PRINCIPAL_USER, .user = STR("alice")},
                                         .method = str_from(method),
                                         .path = str_from(path),
                                         .query = str_from(query),
                                         .body = str_from(body)};
    world_step(w, &in);
    return in.request.id;
}

static inline struct incident *newest(struct world *w)
{
    return TAILQ_LAST(&real(w)->incidents->list, incident_list);
}

static inline size_t count(struct world *w)
{
    return real(w)->incidents->n;
}

static inline uint64_t act(struct world *w, const struct incident *i, const char *verb,
                           const char *body)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "/api/v1/incidents/%s%s%s", i->id, verb[0] ? "/" : "", verb);
    return web(w, verb[0] ? "POST" : "GET", path, "", body);
}

static inline size_t pages_to(const struct world *w, const char *url)
{
    size_t n = 0;

    for (size_t i = 0; i < w->sent.n; i++)
        n += strcmp(w->sent.v[i].url, url) == 0;
    return n;
}

static inline const struct page_sent *last_page(const struct world *w)
{
    assert_true(w->sent.n > 0);
    return &w->sent.v[w->sent.n - 1];
}

static inline void deliver(struct world *w, size_t n, enum send_outcome outcome, int status)
{
    struct engine_input in = {.kind = ENGINE_DELIVERED};

    assert_true(n < w->sent.n && !w->sent.v[n].done);
    w->sent.v[n].done = true;
    in.delivery = (struct engine_delivery){
        .send_id = w->sent.v[n].id, .outcome = outcome, .status = status, .retry_after_ms = -1};
    world_step(w, &in);
}

/* Every receiver accepts what is under way. */
static inline void deliver_all(struct world *w)
{
    for (size_t n = 0; n < w->sent.n; n++) {
        if (!w->sent.v[n].done && !w->sent.v[n].cancelled)
            deliver(w, n, SEND_ANSWERED, 200);
    }
}

/* ---- the fake edge: carries what `from` tells its stream to `to`, and confirms it ---- */

struct relay {
    uint64_t since;
    uint64_t request; /* the poll under way; 0: none */
};

static inline void relay_poll(struct relay *r, struct world *from, struct peer peer,
                              const char *uuid)
{
    char query[128];

    (void)snprintf(query, sizeof(query), "stream=%s&epoch=%lu&since=%lu", uuid,
                   real(from)->mirrors.epoch, r->since);
    r->request = world_request(from, peer, "GET", "/federation/v1/directives", query, "");
}

/* What has been told since is stored at the edge and, with `to`, carried on. */
static inline void relay(struct relay *r, struct world *from, struct world *to, struct peer peer,
                         const char *uuid)
{
    const struct answer *a;
    const char *mirrors, *upto;
    struct buf b;

    if (r->request == 0)
        relay_poll(r, from, peer, uuid);
    while ((a = world_answer(from, r->request)) != NULL) {
        assert_int_equal(a->status, 200);
        mirrors = strstr(a->body, "\"mirrors\":");
        upto = strstr(a->body, "\"upto\":");
        assert_non_null(mirrors);
        assert_non_null(upto);
        r->since = strtoul(upto + 7, NULL, 10);
        if (to != NULL && strstr(mirrors, "\"incident\"") != NULL) {
            buf_init(&b, 0);
            buf_add_fmt(&b, "{\"v\":1,\"stream\":\"%s\",%s", uuid, mirrors);
            assert_answer(to, world_post(to, peer, "journal", b.p), 200, "true");
            buf_clear(&b);
        }
        relay_poll(r, from, peer, uuid);
    }
}
