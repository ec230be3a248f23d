/* I7: at rest every node shows what fires, no more and no less; an incident is resolved only by its
 * site's own word; nothing is paged for an incident that was over. */
#include "tests/sim/check.h"

#include <stdio.h>

#define SLACK_MS (10 * MS_PER_S)
#define DENIED_MS (130 * MS_PER_S) /* two digests */

static bool shows(const struct sim *s, int node, const char *aid)
{
    VEC_EACH (&s->h.views, const struct h_view, v) {
        if (v->node == node && strcmp(v->aid, aid) == 0)
            return true;
    }
    return false;
}

static void view_of(struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];

    VEC_EACH (&s->alerts, const struct sim_alert, a) {
        bool shown = shows(s, node, a->aid), wanted = a->firing;

        if (strcmp(a->severity, "warning") == 0 ||
            (n->edge && strcmp(s->site_names[a->site], n->site) != 0))
            continue;
        if (shown != wanted)
            history_violation(s, s->now, "I7", "%s %s %s at rest", n->id,
                              shown ? "shows the zombie" : "does not show", a->aid);
    }
}

/* ---- resolves ---- */

struct said { /* the last word on an alert: of an edge, or what a global knows of it */
    struct {
        uint64_t fp;
        int64_t node;
    } key;
    int64_t resolved_at, fired_at; /* when an edge took the word in; -1: never */
    const char *incident, *site;   /* at a global: where it is filed */
    UT_hash_handle hh;
};

struct accepted { /* when an edge took a row in */
    struct {
        const char *stream;
        uint64_t epoch, seq;
    } key;
    int64_t t;
    UT_hash_handle hh;
};

struct words {
    struct said *edges, *globals;
    struct accepted *rows;
};

static struct said *said_of(struct said **table, uint64_t fp, int node)
{
    struct said probe = {.key = {.fp = fp, .node = node}}, *w;

    HASH_FIND(hh, *table, &probe.key, sizeof(probe.key), w);
    if (w == NULL) {
        w = xcalloc(1, sizeof(*w));
        w->key = probe.key;
        w->incident = w->site = "";
        w->resolved_at = w->fired_at = -1;
        HASH_ADD(hh, *table, key, sizeof(w->key), w);
    }
    return w;
}

static bool resolves(const char *reason)
{
    return strcmp(reason, "explicit") == 0 || strcmp(reason, "timeout") == 0 ||
           strcmp(reason, "anti_entropy") == 0;
}

static struct accepted *row_of(struct words *w, const struct h_ledger *l)
{
    struct accepted probe = {.key = {.stream = l->stream, .epoch = l->epoch, .seq = l->seq}}, *a;

    HASH_FIND(hh, w->rows, &probe.key, sizeof(probe.key), a);
    if (a == NULL) {
        a = xcalloc(1, sizeof(*a));
        a->key = probe.key;
        a->t = l->t;
        HASH_ADD(hh, w->rows, key, sizeof(a->key), a);
    }
    return a;
}

static void take_word(struct words *w, const struct h_ledger *l)
{
    struct said *m;

    if (l->verdict == LEDGER_ACCEPTED) {
        row_of(w, l)->t = l->t;
        if (resolves(l->cause))
            said_of(&w->edges, l->fp, l->node)->resolved_at = l->t;
    }
    if (l->verdict == LEDGER_APPLIED && strncmp(l->stream, "aaaaaaaa", 8) != 0) {
        m = said_of(&w->globals, l->fp, l->node);
        m->incident = l->incident;
        m->site = l->site;
        if (!resolves(l->reason) && row_of(w, l)->t > m->fired_at)
            m->fired_at = row_of(w, l)->t;
    }
}

/* Has an edge of the site resolved the alert after it last said that it fires, as far as the
 * global has heard? A new store counts: it does not know what it fired. */
static bool site_resolved(struct sim *s, struct words *w, const struct said *m)
{
    for (int i = 0; i < s->nodes_n; i++) {
        const struct sim_node *n = &s->nodes[i];

        if (!n->edge || strcmp(n->site, m->site) != 0)
            continue;
        if (n->store_life > 1 || said_of(&w->edges, m->key.fp, i)->resolved_at >= m->fired_at)
            return true;
    }
    return false;
}

static void resolved(struct sim *s, struct words *w, const struct h_ledger *l)
{
    for (const struct said *m = w->globals; m != NULL; m = m->hh.next) {
        if (m->key.node != l->node || m->incident != l->incident || m->fired_at < 0)
            continue;
        if (!site_resolved(s, w, m))
            history_violation(s, l->t, "I7",
                              "%s resolved incident %.8s, and no edge of %s has resolved fp %016lx",
                              s->nodes[l->node].id, l->incident, m->site, m->key.fp);
    }
}

static bool forced(const struct sim *s, const char *incident)
{
    VEC_EACH (&s->h.acts, const struct h_act, a) {
        if (a->incident == incident && strcmp(a->verb, "resolve") == 0)
            return true;
    }
    return false;
}

static void resolves_follow(struct sim *s)
{
    struct words w = {0};
    struct said *m, *next_m;
    struct accepted *a, *next_a;

    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        take_word(&w, l);
        if (l->verdict == LEDGER_INCIDENT && strcmp(l->cause, "resolved") == 0 &&
            !forced(s, l->incident))
            resolved(s, &w, l);
    }
    HASH_ITER (hh, w.edges, m, next_m) {
        HASH_DEL(w.edges, m);
        free(m);
    }
    HASH_ITER (hh, w.globals, m, next_m) {
        HASH_DEL(w.globals, m);
        free(m);
    }
    HASH_ITER (hh, w.rows, a, next_a) {
        HASH_DEL(w.rows, a);
        free(a);
    }
}

/* ---- zombies ---- */

static bool open_elsewhere(const struct inc *i, const struct h_page *p, const struct inc_event *end)
{
    bool open = false;

    VEC_EACH (&i->events, const struct inc_event, e) {
        if (e->node == p->node || e->t <= end->t || e->t > p->sent_at)
            continue;
        if (e->what == INC_REOPENED || e->what == INC_OPENED)
            open = true;
        if (e->what == INC_RESOLVED)
            open = false;
    }
    return open;
}

/* The node's store has lost the end that it knew. Until the edges' digests, two a minute apart,
 * have denied the alert again it believes that it fires, and rather pages than keeps still. Nor
 * does it say that the incident opened again: that the others do. */
static bool cannot_know(const struct sim *s, const struct inc *i, const struct h_page *p,
                        const struct inc_event *end)
{
    if (!end->forgotten)
        return false;
    VEC_EACH (&s->h.lives, const struct h_life, l) {
        if (l->node == p->node && (l->regressed || l->wiped) && l->from > end->t)
            return p->sent_at >= l->from && (p->sent_at <= check_deadline(s, l->from, DENIED_MS) ||
                                             open_elsewhere(i, p, end));
    }
    return false;
}

static void zombies(struct sim *s)
{
    struct inc *table = inc_table(s);

    VEC_EACH (&s->h.pages, const struct h_page, p) {
        const struct inc *i = p->page ? inc_find(table, p->incident) : NULL;
        const struct inc_event *end = NULL;

        if (i == NULL)
            continue;
        VEC_EACH (&i->events, const struct inc_event, e) {
            if (e->node != p->node || e->t > p->sent_at)
                continue;
            if (e->what == INC_RESOLVED)
                end = e;
            if (e->what == INC_REOPENED || e->what == INC_OPENED)
                end = NULL;
        }
        if (end != NULL && p->sent_at > end->t + SLACK_MS && !cannot_know(s, i, p, end))
            history_violation(s, p->sent_at, "I7", "%s paged %.8s, which it resolved at %.1f s",
                              s->nodes[p->node].id, p->incident, (double)end->t / 1000);
    }
    inc_free(table);
}

void check_views(struct sim *s)
{
    if (!s->o.quiet) {
        for (int i = 0; i < s->nodes_n; i++)
            view_of(s, i);
    }
    resolves_follow(s);
    zombies(s);
}
