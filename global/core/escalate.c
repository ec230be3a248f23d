#include "global/core/escalate.h"

#include "common/base/vec.h"
#include "common/core/bugs.h"
#include "global/core/duty.h"
#include "global/core/pages.h"
#include "global/core/sites.h"

#define COMPONENT "escalate"

/* ---- what is next ---- */

const struct team *escalate_team(const struct global *g, const struct incident *i, unsigned phase)
{
    return phase == 0 ? i->team : g->config->root;
}

const struct policy *escalate_policy(const struct global *g, const struct incident *i,
                                     unsigned phase)
{
    return escalate_team(g, i, phase)->policy;
}

static bool step_failed(const struct incident *i)
{
    bool any = false;

    VEC_EACH (&i->marks, struct mark, m) {
        if (!m->failed)
            return false;
        any = true;
    }
    return any;
}

struct next_step escalate_next(const struct global *g, const struct incident *i)
{
    const struct policy *p = escalate_policy(g, i, i->at.phase);
    struct next_step next = {.exists = true, .at = i->at};
    size_t step = i->at.step < 0 ? 0 : (size_t)i->at.step;
    bool is_root = i->at.phase > 0 || i->team == g->config->root;

    if (i->at.step < 0) {
        next.at.step = 0;
        return next;
    }
    next.delay_ms = p->steps[step < p->steps_n ? step : p->steps_n - 1].delay_ms;
    if (step_failed(i))
        next.delay_ms = min_i64(next.delay_ms, FAILED_STEP_DELAY_MS);
    next.at.step = 0;
    if (step + 1 < p->steps_n) {
        next.at.step = (int)step + 1;
    } else if (i->at.round < p->repeat) { /* NOLINT(bugprone-branch-clone): a rule a line */
        next.at.round++;
    } else if (p->on_exhausted == EXHAUSTED_STOP || BUG(BUG_POLICY_ENDS)) {
        next.exists = false;
        next.terminal = BUG(BUG_POLICY_ENDS) ? NULL : "policy exhausted, on_exhausted is stop";
    } else if (is_root) {
        next.at.round++; /* root goes on until somebody acknowledges */
    } else {
        next.at = (struct position){.phase = 1};
    }
    return next;
}

int64_t escalate_due_mono(const struct global *g, const struct incident *i)
{
    struct next_step next;

    if (i->resolved || incident_acked(i) || incident_suppressed(g, i))
        return TIME_NEVER;
    next = escalate_next(g, i);
    return next.exists ? i->step_mono_ms + next.delay_ms : TIME_NEVER;
}

/* ---- who pages ---- */

struct choice {
    struct str incident;
    struct str winner;
    uint64_t weight;
};

static void consider(struct choice *c, struct str node)
{
    uint64_t w = rendezvous_weight(node, c->incident);

    if (c->winner.n == 0 || w > c->weight || (w == c->weight && str_cmp(node, c->winner) > 0)) {
        c->winner = node;
        c->weight = w;
    }
}

static bool counts(const struct global *g, const struct member *m)
{
    return member_holds_open(g, m) && m->s.suppressed.n == 0 && stream_live(m->stream);
}

/* What a stream said of its holder holds for a lease's time at most. */
static bool holder_is_fresh(const struct global *g, const struct stream *s)
{
    return s->holder[0] != '\0' && s->last_heard_mono_ms >= 0 &&
           g->now.mono_ms - s->last_heard_mono_ms < DUTY_LEASE_MS;
}

/* An incident about a site: any node that is up; the others are those that live edges hear. */
static void consider_alive(const struct global *g, struct choice *c)
{
    consider(c, str_from(g->node));
    for (size_t n = 0; n < g->config->nodes_n; n++) {
        struct str name = g->config->nodes[n].name;

        if (!str_eq_c(name, g->node) && global_peer_alive(g, name))
            consider(c, name);
    }
}

enum pager escalate_pager(const struct global *g, const struct incident *i, struct str *ret_winner)
{
    struct choice c = {.incident = incident_id(i)};
    const struct site *considered = NULL; /* thousands of members come from few sites */
    bool self = false;
    struct member *m;

    if (i->system != NULL) {
        self = !g->stopping;
        if (system_alert_local(i->system))
            consider(&c, str_from(g->node));
        else
            consider_alive(g, &c);
    }
    TAILQ_FOREACH (m, &i->members, incident_link) {
        struct stream *s;

        if (m->stream->site == considered || !counts(g, m))
            continue;
        considered = m->stream->site;
        if (duty_until(g, m->stream->site) > g->now.mono_ms) {
            self = true;
            consider(&c, str_from(g->node));
        }
        TAILQ_FOREACH (s, &m->stream->site->streams, site_link) {
            if (holder_is_fresh(g, s) && strcmp(s->holder, g->node) != 0)
                consider(&c, str_from(s->holder));
        }
        if (i->sites.n == 1)
            break; /* every member is of this one */
    }
    *ret_winner = c.winner;
    if (!self)
        return PAGER_NONE;
    return str_eq_c(c.winner, g->node) ? PAGER_SELF : PAGER_OTHER;
}

/* No edge's grant stands before an incident about a site, and an edge grants only a node that has
 * receipted what the others decided. So a node that has just started gives the edges the same time
 * to tell it: the incident may have been acknowledged, or be over, since it went down. */
static bool may_have_heard(const struct global *g, const struct incident *i)
{
    return system_alert_local(i->system) || g->config->nodes_n <= 1 ||
           g->now.mono_ms - g->started_mono_ms >= DUTY_LEASE_MS;
}

bool escalate_may_send(const struct global *g, const struct incident *i)
{
    struct member *m;

    if (i->system != NULL)
        return !g->stopping && may_have_heard(g, i);
    TAILQ_FOREACH (m, &i->members, incident_link) {
        if (counts(g, m) && duty_until(g, m->stream->site) > g->now.mono_ms + PAGE_TIMEOUT_MS)
            return true;
    }
    return false;
}

/* Do the live edges of the stream's site say with one voice who pages? If some grant this node and
 * others another one, or have not been heard for a lease's time, then both nodes may page. */
static bool site_is_split(const struct global *g, const struct stream *of)
{
    bool here = false, elsewhere = false;
    const struct stream *s;

    TAILQ_FOREACH (s, &of->site->streams, site_link) {
        if (strcmp(s->group, of->group) != 0 || !stream_live(s))
            continue;
        if (duty_for_stream(g, s))
            here = true;
        else if (g->now.mono_ms - s->last_heard_mono_ms >= DUTY_LEASE_MS ||
                 (s->holder[0] != '\0' && strcmp(s->holder, g->node) != 0))
            elsewhere = true;
    }
    return here && elsewhere;
}

static bool is_split(const struct global *g, const struct incident *i)
{
    const struct member *m;
    bool alone = true;

    for (size_t n = 0; n < g->config->nodes_n && alone; n++) {
        struct str name = g->config->nodes[n].name;

        alone = str_eq_c(name, g->node) || !global_peer_alive(g, name);
    }
    if (alone)
        return false;
    TAILQ_FOREACH (m, &i->members, incident_link) {
        if (counts(g, m) && site_is_split(g, m->stream))
            return true;
    }
    return false;
}

/* ---- when ---- */

/* With ack_timeout an ack lapses; the node that pages revokes it. */
static int64_t ack_lapses_mono(const struct global *g, const struct incident *i)
{
    int64_t timeout = escalate_policy(g, i, i->at.phase)->ack_timeout_ms, newest = 0;

    if (timeout == 0 || i->resolved || !incident_acked(i))
        return TIME_NEVER;
    VEC_EACH (&i->acks, struct ack, a) {
        if (!a->revoked)
            newest = max_i64(newest, a->at_mono_ms);
    }
    return newest + timeout;
}

static void note_terminal(struct global *g, struct incident *i, struct out *out)
{
    struct next_step next = escalate_next(g, i);

    if (next.exists && i->terminal != NULL) { /* another configuration goes on */
        free(i->terminal);
        i->terminal = NULL;
    }
    if (next.exists || next.terminal == NULL || i->terminal != NULL)
        return;
    i->terminal = xstrdup(next.terminal);
    g->incidents->counts.terminal++;
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_TERMINAL,
                                         .incident = incident_id(i),
                                         .generation = i->generation,
                                         .cause = str_from(next.terminal)});
    OUT_LOG(out, LOG_WARN, COMPONENT, "nobody acknowledged and the policy has ended",
            KV("incident", incident_id(i)), KV("reason", next.terminal));
    incident_say(g, i, out, "exhausted", STR_EMPTY, str_from(next.terminal));
}

/* When this node steps in for the one that comes first: TAKEOVER_MS after it could have been seen
 * to act. Not by wall clocks, not before the step's delay has passed here, and not at once when an
 * old due time comes back (an ack revoked, a silence ended): the other one sees that too. */
static int64_t takeover_mono(const struct global *g, const struct incident *i, int64_t due)
{
    if (i->at.step >= 0)
        due = max_i64(due, i->heard_mono_ms + escalate_next(g, i).delay_ms);
    return max_i64(due, i->other_since_mono_ms) + TAKEOVER_MS;
}

static bool is_zombie(const struct incident *i)
{
    return BUG(BUG_STEP_AS_JOB) && (i->resolved || incident_acked(i));
}

static int64_t next_due(const struct global *g, const struct incident *i)
{
    return min_i64(escalate_due_mono(g, i), ack_lapses_mono(g, i));
}

void escalate_schedule(struct global *g, struct incident *i)
{
    int64_t due = next_due(g, i);
    struct str winner;
    enum pager who;

    if (is_zombie(i) && due == TIME_NEVER && heap_has(&i->due))
        return; /* the job stays queued */
    if (BUG(BUG_ACK_OUTSIDE_CLAIM) && due == TIME_NEVER && incident_acked(i) && heap_has(&i->due))
        return;
    who = due == TIME_NEVER ? PAGER_NONE : escalate_pager(g, i, &winner);
    if (who != PAGER_OTHER || due > g->now.mono_ms)
        i->other_since_mono_ms = 0;
    else if (i->other_since_mono_ms == 0)
        i->other_since_mono_ms = g->now.mono_ms;
    if (who == PAGER_NONE)
        due = TIME_NEVER; /* a change of duty brings it back */
    else if (who == PAGER_OTHER)
        due = takeover_mono(g, i, due);
    if (due <= g->now.mono_ms && !escalate_may_send(g, i))
        due = g->now.mono_ms + DUTY_RECHECK_MS; /* the term is about to be renewed, or to end */
    incident_due(g, i, due);
}

/* ---- the claim ---- */

static void add_own(struct incident *i, struct str target, const char *reason)
{
    struct mark *m = mark_add(i, target, reason);

    if (m != NULL)
        m->own = true;
}

static void bind_targets(struct global *g, struct incident *i, const struct team *team,
                         const struct policy_step *step, int depth)
{
    for (size_t n = 0; n < step->targets_n; n++) {
        const struct policy_target *t = &step->targets[n];
        const struct team *parent = team->parent != NULL ? team->parent : team;
        const struct receiver *r = t->receiver;

        if (t->kind == TARGET_PARENT) {
            /* Whom the parent's own policy would tell first. Policies may refer upwards again, so
             * bound it. */
            if (depth < TEAM_DEPTH_MAX && parent != team)
                bind_targets(g, i, parent, &parent->policy->steps[0], depth + 1);
            continue;
        }
        if (t->kind == TARGET_ROLE)
            r = team_role_receiver(team, t->role);
        if (r != NULL)
            add_own(i, r->name, "step");
    }
}

static void claim(struct global *g, struct incident *i, struct position at, const char *cause,
                  struct out *out)
{
    const struct team *team = escalate_team(g, i, at.phase);
    const struct policy *p = team->policy;
    size_t step = (size_t)at.step < p->steps_n ? (size_t)at.step : p->steps_n - 1;

    pages_drop(g, i, "superseded", out);
    marks_clear(i);
    i->at = at;
    i->step_wall_ms = g->now.wall_ms;
    i->step_mono_ms = i->heard_mono_ms = g->now.mono_ms;
    i->other_since_mono_ms = 0;
    i->claim = cause[0] == '\0' ? CLAIM_HERE : CLAIM_TAKEN_OVER;
    i->split = is_split(g, i);
    bind_targets(g, i, team, &p->steps[step], 0);
    if (incident_severity(g, i) > i->severity_paged)
        i->severity_paged = incident_severity(g, i);
    if (i->sites.n > i->sites_paged)
        i->sites_paged = i->sites.n;
    g->incidents->counts.claims++;
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_STEP_CLAIMED,
                                         .incident = incident_id(i),
                                         .generation = i->generation,
                                         .phase = at.phase,
                                         .round = at.round,
                                         .step = (unsigned)at.step,
                                         .cause = str_from(cause)});
    incident_say(g, i, out, "step", STR_EMPTY,
                 arena_fmt(out_arena(out), "policy " STR_FMT ", round %u, step %d",
                           STR_ARG(p->name), at.round + 1, at.step + 1));
    if (i->marks.n == 0)
        OUT_LOG(out, LOG_ERROR, COMPONENT, "a step has nobody to page",
                KV("incident", incident_id(i)), KV("policy", p->name), KV("step", at.step + 1));
    incident_changed(g, i);
}

void escalate_fire(struct global *g, struct incident *i, struct out *out)
{
    struct next_step next;
    struct str winner = STR_EMPTY;
    enum pager who = escalate_pager(g, i, &winner);
    bool due = escalate_due_mono(g, i) <= g->now.mono_ms;

    if (is_zombie(i))
        who = PAGER_SELF;
    if (who == PAGER_OTHER &&
        (i->other_since_mono_ms == 0 || takeover_mono(g, i, next_due(g, i)) > g->now.mono_ms)) {
        escalate_schedule(g, i);
        return;
    }
    if (ack_lapses_mono(g, i) <= g->now.mono_ms && who != PAGER_NONE) {
        incident_revoke_acks(g, i, STR("ack_timeout"), "nobody resolved it in time", out);
        return;
    }
    if (is_zombie(i) || (BUG(BUG_ACK_OUTSIDE_CLAIM) && incident_acked(i)))
        due = true;
    next = escalate_next(g, i);
    if (!due || who == PAGER_NONE || !next.exists || (!escalate_may_send(g, i) && !is_zombie(i))) {
        escalate_schedule(g, i);
        return;
    }
    if (who == PAGER_OTHER) {
        g->incidents->counts.takeovers++;
        out_ledger(out, &(struct ledger_row){.verdict = LEDGER_NOT_OWNER,
                                             .incident = incident_id(i),
                                             .node = winner,
                                             .cause = STR("takeover")});
    }
    claim(g, i, next.at, who == PAGER_OTHER ? "takeover" : "", out);
}

/* ---- pages besides the steps ---- */

/* Those whom the present step tells are told again. A second time within a step the reason says
 * which, so that it is a page of its own. */
static void page_again(struct global *g, struct incident *i, const char *reason, struct str which,
                       struct out *out)
{
    size_t n = i->marks.n;

    for (size_t k = 0; k < n; k++) {
        struct str target = str_from(i->marks.v[k].target);

        if (strcmp(i->marks.v[k].reason, "step") != 0)
            continue;
        if (mark_find(i, target, str_from(reason)) == NULL)
            add_own(i, target, reason);
        else
            add_own(i, target, arena_fmt(out_arena(out), "%s:" STR_FMT, reason, STR_ARG(which)).p);
    }
    incident_say(g, i, out, reason, STR_EMPTY, which);
    incident_changed(g, i);
}

void escalate_extra(struct global *g, struct incident *i, struct out *out)
{
    unsigned severity = incident_severity(g, i);
    struct str winner;

    if (i->resolved || i->at.step < 0)
        return;
    note_terminal(g, i, out); /* on every node: the one that pages may have come in second */
    if (escalate_pager(g, i, &winner) != PAGER_SELF)
        return;
    if (severity > i->severity_paged) {
        i->severity_paged = severity;
        page_again(g, i, "severity", str_from(severity_name(severity)), out);
    }
    for (size_t n = 0; i->rule != NULL && n < i->rule->on_sites_n; n++) {
        uint64_t threshold = i->rule->on_sites[n];

        if (threshold > i->sites_paged && i->sites.n >= threshold) {
            i->sites_paged = i->sites.n;
            page_again(g, i, "threshold", arena_fmt(out_arena(out), "%zu", i->sites.n), out);
            break;
        }
    }
}
