#include "global/core/pages.h"

#include "common/base/json.h"
#include "common/base/time_text.h"
#include "common/base/vec.h"
#include "common/core/bugs.h"
#include "common/core/integrations/integration.h"
#include "common/core/notify/retry.h"
#include "global/core/escalate.h"

#define COMPONENT "pages"
#define PAGE_ALERTS_MAX 30 /* in one message; the rest is counted */

struct pages *pages_new(uint64_t seed)
{
    struct pages *p = xcalloc(1, sizeof(*p));

    heap_init(&p->next);
    TAILQ_INIT(&p->waiting);
    rand_seed(&p->rand, seed);
    return p;
}

void pages_free(struct pages *p)
{
    if (p == NULL)
        return;
    heap_clear(&p->next);
    free(p);
}

static void free_page(struct global *g, struct page *p)
{
    struct pages *t = g->pages;

    heap_remove(&t->next, &p->next);
    if (p->waiting)
        TAILQ_REMOVE(&t->waiting, p, waiting_link);
    if (p->send_id != 0)
        HASH_DEL(t->by_send, p);
    TAILQ_REMOVE(&p->incident->pages, p, link);
    t->n--;
    global_config_unref(p->config);
    free(p->target);
    free(p->reason);
    free(p);
}

static void tell(struct out *out, enum ledger_verdict verdict, const struct page *p,
                 const char *cause)
{
    out_ledger(out, &(struct ledger_row){.verdict = verdict,
                                         .incident = incident_id(p->incident),
                                         .generation = p->generation,
                                         .phase = p->at.phase,
                                         .round = p->at.round,
                                         .step = (unsigned)p->at.step,
                                         .target = str_from(p->target),
                                         .reason = str_from(p->reason),
                                         .cause = str_from(cause)});
}

static void drop_page(struct global *g, struct page *p, const char *cause, struct out *out)
{
    struct mark *m = mark_find(p->incident, str_from(p->target), str_from(p->reason));

    if (m != NULL && (p->send_id != 0 || p->cause[0] != '\0'))
        m->unsure = true;
    if (out != NULL) {
        tell(out, LEDGER_PAGE_DROPPED, p, cause);
        if (p->send_id != 0)
            out_send(out, &(struct engine_send){.id = p->send_id, .cancel = true});
    }
    g->pages->counts.dropped++;
    free_page(g, p);
}

/* What is on its way is cancelled as far as it can be. Should it be due again (the ack is taken
 * back), it is marked: the cancelled one may have arrived. */
void pages_drop(struct global *g, struct incident *i, const char *cause, struct out *out)
{
    struct page *p;

    while ((p = TAILQ_FIRST(&i->pages)) != NULL)
        drop_page(g, p, cause, out);
}

void pages_drop_waiting(struct global *g, struct incident *i, const char *cause, struct out *out)
{
    struct page *p, *next;

    TAILQ_FOREACH_SAFE (p, &i->pages, link, next) {
        if (p->send_id == 0)
            drop_page(g, p, cause, out);
    }
}

/* ---- making them ---- */

static void make_key(struct page *p)
{
    char hex[2 * SHA256_BYTES + 1], text[1024];
    int n = snprintf(text, sizeof(text), "%s|%lu|%u|%u|%d|%.200s|%s|%zu", p->incident->id,
                     p->generation, p->at.phase, p->at.round, p->at.step, p->target, p->reason,
                     p->integration);

    sha256_hex(text, (size_t)n, hex);
    memcpy(p->dedup_key, hex, DEDUP_KEY_N);
}

/* Why the page may have been sent before; "" when it can't have been. */
static const char *cause_of(const struct incident *i, const struct mark *m)
{
    if (m->unsure)
        return "ambiguous_send";
    if (i->claim == CLAIM_TAKEN_OVER || (!m->own && i->claim != CLAIM_RESTORED))
        return "takeover";
    if (!m->own)
        return "restart";
    return i->split ? "dc_split" : "";
}

static void make_page(struct global *g, struct incident *i, const struct mark *m,
                      size_t integration)
{
    struct page *p = xcalloc(1, sizeof(*p));
    int64_t at = g->now.mono_ms;

    /* Whoever claimed the step is sending by now: a page from here, too, would be one too many. */
    if (!m->own && i->claim == CLAIM_OTHER)
        at = max_i64(at, i->heard_mono_ms + OWED_WAIT_MS);
    p->incident = i;
    p->generation = i->generation;
    p->at = i->at;
    p->target = xstrdup(m->target);
    p->reason = xstrdup(m->reason);
    p->integration = integration;
    p->cause = cause_of(i, m);
    p->config = global_config_ref(g->config);
    make_key(p);
    TAILQ_INSERT_TAIL(&i->pages, p, link);
    heap_set(&g->pages->next, &p->next, at);
    g->pages->n++;
}

static bool has_pages(const struct incident *i, const struct mark *m)
{
    const struct page *p;

    TAILQ_FOREACH (p, &i->pages, link) {
        if (strcmp(p->target, m->target) == 0 && strcmp(p->reason, m->reason) == 0)
            return true;
    }
    return false;
}

static void drop_done(struct global *g, struct incident *i, struct out *out)
{
    struct page *p, *next;

    TAILQ_FOREACH_SAFE (p, &i->pages, link, next) {
        struct mark *m = mark_find(i, str_from(p->target), str_from(p->reason));

        if (m == NULL || m->done || m->failed)
            drop_page(g, p, "superseded", out);
    }
}

/* Is there anything to be told of the present step? */
static bool wanted(const struct global *g, const struct incident *i)
{
    if (BUG(BUG_STEP_AS_JOB) && i->at.step >= 0)
        return true;
    return !i->resolved && (!incident_acked(i) || BUG(BUG_ACK_OUTSIDE_CLAIM)) && i->at.step >= 0 &&
           !incident_suppressed(g, i);
}

void pages_review(struct global *g, struct incident *i, struct out *out)
{
    struct str winner;

    drop_done(g, i, out);
    if (!g->started)
        return;
    if (!wanted(g, i)) {
        pages_drop_waiting(g, i,
                           i->resolved         ? "resolved"
                           : incident_acked(i) ? "acked"
                                               : "suppressed",
                           out);
        return;
    }
    if (i->claim < CLAIM_TAKEN_OVER && escalate_pager(g, i, &winner) == PAGER_NONE)
        return;
    VEC_EACH (&i->marks, struct mark, m) {
        const struct receiver *r = receivers_find(&g->config->receivers, str_from(m->target));

        if (m->done || m->failed || has_pages(i, m))
            continue;
        if (r == NULL || r->n == 0) {
            m->failed = true;
            OUT_LOG(out, LOG_ERROR, COMPONENT, "a target has no integration",
                    KV("incident", incident_id(i)), KV("target", str_from(m->target)));
            incident_changed(g, i);
            continue;
        }
        for (size_t n = 0; n < r->n; n++)
            make_page(g, i, m, n);
    }
}

/* ---- sending ---- */

static size_t notice_alerts(const struct global *g, const struct incident *i, struct arena *a,
                            struct notice_alert **ret, size_t *ret_truncated)
{
    struct notice_alert *v = ARENA_ARRAY(a, struct notice_alert, PAGE_ALERTS_MAX);
    struct member *m;
    size_t n = 0;

    *ret_truncated = 0;
    TAILQ_FOREACH (m, &i->members, incident_link) {
        if (!member_holds_open(g, m))
            continue;
        if (n == PAGE_ALERTS_MAX) {
            (*ret_truncated)++;
            continue;
        }
        v[n++] = (struct notice_alert){.labels = m->s.labels,
                                       .annotations = m->s.annotations,
                                       .starts_wall_ms = m->s.starts_wall_ms,
                                       .ends_wall_ms = WALL_ABSENT,
                                       .generator_url = m->s.generator_url,
                                       .fp = m->fp};
    }
    *ret = v;
    return n;
}

/* A system incident has no member: it is shown as the alert it stands for. */
static size_t system_notice(const struct incident *i, struct arena *a, struct notice_alert **ret)
{
    struct notice_alert *v = ARENA_NEW(a, struct notice_alert);
    struct label *s = ARENA_ARRAY(a, struct label, 1);

    s[0] = (struct label){STR("summary"), i->system->summary};
    v[0] = (struct notice_alert){.labels = i->system->labels,
                                 .annotations = {s, 1},
                                 .starts_wall_ms = i->opened_wall_ms,
                                 .ends_wall_ms = WALL_ABSENT,
                                 .fp = labels_fingerprint(i->system->labels)};
    *ret = v;
    return 1;
}

static struct labels common_of(struct arena *a, const struct notice_alert *v, size_t n,
                               bool annotations)
{
    struct labels first = n == 0        ? (struct labels){0}
                          : annotations ? v[0].annotations
                                        : v[0].labels;
    struct label *l = ARENA_ARRAY(a, struct label, first.n + 1);
    size_t count = 0;

    LABELS_EACH (&first, it) {
        bool all = true;

        for (size_t k = 1; k < n && all; k++)
            all = str_eq(labels_get(annotations ? v[k].annotations : v[k].labels, it->name),
                         it->value);
        if (all)
            l[count++] = *it;
    }
    return (struct labels){l, count};
}

static int build(struct global *g, const struct page *p, struct arena *a, struct engine_send *ret,
                 struct err *err)
{
    const struct incident *i = p->incident;
    const struct receiver *r = receivers_find(&p->config->receivers, str_from(p->target));
    const struct receiver_integration *in = &r->v[p->integration];
    struct str *sites = ARENA_ARRAY(a, struct str, i->sites.n + 1);
    struct label *group = ARENA_ARRAY(a, struct label, 1);
    struct notice_alert *alerts;
    struct notice n = {.receiver = r->name,
                       .external_url = str_from(g->external_url),
                       .reason = str_from(p->reason)};
    struct notice_page page = {
        .incident = incident_id(i),
        .generation = p->generation,
        .affected_sites = sites,
        .affected_sites_n = i->sites.n,
        .team = str_from(i->team_name),
        .phase = p->at.phase,
        .round = p->at.round,
        .step = (unsigned)p->at.step,
        .target = str_from(p->target),
        .reason = str_from(p->reason),
        .dedup_key = str_from(p->dedup_key),
        .possible_duplicate = str_from(p->cause),
        .severity = str_from(severity_name(incident_severity(g, i))),
        .ack_url = arena_fmt(a, "%s/api/v1/incidents/%s/ack", g->external_url, i->id)};

    for (size_t k = 0; k < i->sites.n; k++)
        sites[k] = str_from(i->sites.v[k]);
    n.alerts_n = i->system != NULL ? system_notice(i, a, &alerts)
                                   : notice_alerts(g, i, a, &alerts, &n.truncated_alerts);
    n.alerts = alerts;
    group[0] = (struct label){STR("alertname"), str_from(i->title)};
    n.group_labels = (struct labels){group, 1};
    n.group_key = arena_fmt(a, "%s/%lu", i->dedup_key, i->generation);
    n.common_labels = common_of(a, alerts, n.alerts_n, false);
    n.common_annotations = common_of(a, alerts, n.alerts_n, true);
    n.page = &page;
    return integration_build(in->integration, in->config, &n, a, ret, err);
}

static void give_up(struct global *g, struct page *p, const char *why, struct str error,
                    struct out *out)
{
    struct incident *i = p->incident;
    struct mark *m = mark_find(i, str_from(p->target), str_from(p->reason));

    g->pages->counts.given_up++;
    tell(out, LEDGER_PAGE_DROPPED, p, why);
    OUT_LOG(out, LOG_ERROR, COMPONENT, "page given up", KV("incident", incident_id(i)),
            KV("target", str_from(p->target)), KV("why", why), KV("err", error));
    incident_say(g, i, out, "page refused", str_from(p->target), error);
    free_page(g, p);
    if (m != NULL && !has_pages(i, m)) {
        m->done = m->done || m->some;
        m->failed = !m->done;
    }
    incident_changed(g, i);
}

/* A new configuration may have mended the receiver: what is tried again goes by it. */
static void rebind(struct global *g, struct page *p)
{
    const struct receiver *old = receivers_find(&p->config->receivers, str_from(p->target));
    const struct receiver *new = receivers_find(&g->config->receivers, str_from(p->target));

    if (p->config == g->config || new == NULL || new->n != old->n ||
        new->v[p->integration].integration != old->v[p->integration].integration)
        return;
    global_config_unref(p->config);
    p->config = global_config_ref(g->config);
}

static void send_page(struct global *g, struct page *p, struct out *out)
{
    struct engine_send send = {.way = SEND_RECEIVER, .timeout_ms = PAGE_TIMEOUT_MS};
    struct err err = {0};

    rebind(g, p);
    if (build(g, p, out_arena(out), &send, &err) < 0) {
        give_up(g, p, "cannot be built", str_from(err.text), out);
        return;
    }
    send.id = out_next_send_id(out);
    send.lane = arena_fmt(out_arena(out), "page/%s", p->target);
    send.timeout_ms =
        min_i64(send.timeout_ms > 0 ? send.timeout_ms : PAGE_TIMEOUT_MS, PAGE_TIMEOUT_MS);
    p->send_id = send.id;
    if (p->attempts++ == 0 && p->cause[0] != '\0')
        g->pages->counts.possible_duplicates++;
    p->began_mono_ms = g->now.mono_ms;
    HASH_ADD(hh, g->pages->by_send, send_id, sizeof(p->send_id), p);
    g->pages->counts.sent++;
    tell(out, LEDGER_PAGE_SENT, p, p->cause);
    out_send(out, &send);
}

/* A first attempt leaves after the claim's commit, so that a restart knows of the step; not through
 * deferred_send, as an ack, a resolve or the end of the term may come first. A commit that fails or
 * takes too long stops no page. */
static bool committed(struct global *g, struct page *p, struct out *out)
{
    if (p->txn == 0) {
        p->txn = max_i64(1, (int64_t)global_txn(g, out));
        if (!g->failing && deferred_stored_txn(g->deferred) < p->txn) {
            p->waiting = true;
            TAILQ_INSERT_TAIL(&g->pages->waiting, p, waiting_link);
            heap_set(&g->pages->next, &p->next, g->now.mono_ms + COMMIT_WAIT_MS);
            return false;
        }
    }
    return true;
}

static void try_send(struct global *g, struct page *p, struct out *out)
{
    struct str winner;

    if (!wanted(g, p->incident))
        drop_page(g, p, "no longer due", out);
    else if (p->incident->claim < CLAIM_TAKEN_OVER &&
             escalate_pager(g, p->incident, &winner) == PAGER_OTHER) /* it sends, or has gone */
        heap_set(&g->pages->next, &p->next, g->now.mono_ms + OWED_WAIT_MS);
    else if (!escalate_may_send(g, p->incident) && !(BUG(BUG_STEP_AS_JOB) && p->incident->resolved))
        heap_set(&g->pages->next, &p->next, g->now.mono_ms + DUTY_RECHECK_MS);
    else if (committed(g, p, out))
        send_page(g, p, out);
}

static void end_waiting(struct global *g)
{
    struct page *p;

    while ((p = TAILQ_FIRST(&g->pages->waiting)) != NULL &&
           (g->failing || deferred_stored_txn(g->deferred) >= p->txn)) {
        TAILQ_REMOVE(&g->pages->waiting, p, waiting_link);
        p->waiting = false;
        heap_set(&g->pages->next, &p->next, g->now.mono_ms);
    }
}

int64_t pages_tick(struct global *g, struct out *out)
{
    struct heap_node *n;

    end_waiting(g);
    while ((n = heap_first(&g->pages->next)) != NULL && n->at_ms <= g->now.mono_ms) {
        struct page *p = CONTAINER_OF(n, struct page, next);

        heap_remove(&g->pages->next, n);
        if (p->waiting) {
            TAILQ_REMOVE(&g->pages->waiting, p, waiting_link);
            p->waiting = false;
        }
        try_send(g, p, out);
    }
    return heap_next_ms(&g->pages->next);
}

/* ---- the answer ---- */

static void accepted(struct global *g, struct page *p, struct out *out)
{
    struct incident *i = p->incident;
    struct mark *m = mark_find(i, str_from(p->target), str_from(p->reason));

    g->pages->counts.accepted++;
    tell(out, LEDGER_PAGED, p, p->cause);
    OUT_LOG(out, LOG_INFO, COMPONENT, "paged", KV("incident", incident_id(i)),
            KV("target", str_from(p->target)), KV("step", p->at.step + 1),
            KV("round", p->at.round + 1), KV("reason", str_from(p->reason)),
            KV("possible_duplicate", p->cause));
    incident_say(g, i, out, "paged", str_from(p->target), str_from(p->reason));
    free_page(g, p);
    if (m != NULL) {
        m->some = true;
        m->done = !has_pages(i, m);
    }
    incident_changed(g, i);
}

void pages_on_delivered(struct global *g, const struct engine_delivery *d, struct out *out)
{
    struct page *p;
    const struct receiver *r;
    struct judgement j;

    HASH_FIND(hh, g->pages->by_send, &d->send_id, sizeof(d->send_id), p);
    if (p == NULL)
        return;
    HASH_DEL(g->pages->by_send, p);
    p->send_id = 0;
    r = receivers_find(&p->config->receivers, str_from(p->target));
    if (d->outcome == SEND_ANSWERED)
        j = r->v[p->integration].integration->judge(r->v[p->integration].config, d);
    else
        j = (struct judgement){.verdict = VERDICT_RETRY}; /* nobody has refused anything */
    if (j.verdict == VERDICT_SENT) {
        accepted(g, p, out);
        return;
    }
    g->pages->counts.failed++;
    if (j.verdict == VERDICT_GIVE_UP || BUG(BUG_PAGE_NOT_RETRIED)) {
        give_up(g, p, "permanent failure", d->error.n > 0 ? d->error : d->body, out);
        return;
    }
    if (d->outcome == SEND_AMBIGUOUS) {
        p->cause = "ambiguous_send";
        g->pages->counts.possible_duplicates++;
    }
    OUT_LOG(out, LOG_WARN, COMPONENT, "page not accepted, trying again",
            KV("incident", incident_id(p->incident)), KV("target", str_from(p->target)),
            KV("attempts", p->attempts), KV("status", d->status), KV("err", d->error));
    if (p->incident->resolved) {
        drop_page(g, p, "resolved", out);
        return;
    }
    heap_set(
        &g->pages->next, &p->next,
        retry_at_ms(&g->pages->rand, p->attempts, p->began_mono_ms, g->now.mono_ms, j.delay_ms));
}
