/* What a global node that lost its store cannot know, and so does not owe. Each excuse asks for its
 * evidence in the history; without it the incident is owed as any other. */
#include "tests/sim/check.h"

static bool at(const struct h_ledger *l, int node, int64_t from, int64_t to)
{
    return l->node == node && l->t >= from && l->t <= to;
}

/* ---- a silent site, known to the lost store only ---- */

static bool site_heard(const struct sim *s, int node, const char *site, int64_t from, int64_t to)
{
    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (at(l, node, from, to) && l->site == site &&
            (l->verdict == LEDGER_APPLIED || l->verdict == LEDGER_DUTY))
            return true;
    }
    return false;
}

/* The ledger does not say which site an incident is about: of those that fell silent for the node
 * in that step, all have to be heard again. None did: it is about something else. */
static bool silence_over(const struct sim *s, int node, int64_t opened, int64_t from, int64_t to)
{
    bool any = false;

    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (!at(l, node, opened, opened) || l->verdict != LEDGER_SITE ||
            strcmp(l->cause, "silent") != 0)
            continue;
        any = true;
        if (!site_heard(s, node, l->site, from, to))
            return false;
    }
    return any;
}

/* When the node's next store began; -1: it has not by then. */
static int64_t wiped_after(const struct sim *s, int node, int64_t from, int64_t by)
{
    VEC_EACH (&s->h.lives, const struct h_life, l) {
        if (l->node == node && l->wiped && l->from > from && l->from <= by)
            return l->from;
    }
    return -1;
}

bool inc_forgotten(const struct sim *s, const struct inc *i, int64_t by)
{
    int64_t opened[SIM_NODES_MAX] = {0}; /* by that node, and not resolved there; 0: no */
    bool any = false;

    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (l->verdict == LEDGER_APPLIED && l->incident == i->id)
            return false; /* the edges tell of their alerts again */
    }
    VEC_EACH (&i->events, const struct inc_event, e) {
        if (e->t <= by && (e->what == INC_OPENED || e->what == INC_REOPENED))
            opened[e->node] = e->t;
        if (e->t <= by && e->what == INC_RESOLVED)
            opened[e->node] = 0;
    }
    for (int node = 0; node < s->nodes_n; node++) {
        int64_t next;

        if (opened[node] == 0)
            continue;
        any = true;
        next = wiped_after(s, node, opened[node], by);
        if (next < 0 || !silence_over(s, node, opened[node], next, by))
            return false;
    }
    return any;
}

/* ---- alerts of an incident that a person closed by force ---- */

/* When the node closed it by hand, told so by a person; -1: nobody was told. */
static int64_t closed_by_hand(const struct inc *o, const struct h_act *a)
{
    int64_t t = -1;

    VEC_EACH (&o->events, const struct inc_event, e) {
        if (e->node == a->node && e->what == INC_RESOLVED && e->t <= a->t)
            t = e->t;
    }
    return t;
}

static bool in_before(const struct sim *s, const struct h_ledger *row, const struct inc *o,
                      int node, int64_t t)
{
    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (at(l, node, 0, t) && l->verdict == LEDGER_APPLIED && l->incident == o->id &&
            l->fp == row->fp && l->stream == row->stream && l->epoch == row->epoch &&
            l->seq == row->seq)
            return true;
    }
    return false;
}

/* Has nothing fired under the key since, but the very rows that the node held then? */
static bool only_what_was_closed(const struct sim *s, struct inc *table, const struct inc *o,
                                 int node, int64_t t, int64_t by)
{
    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        const struct inc *of;

        if (l->verdict != LEDGER_APPLIED || l->t <= t || l->t > by ||
            strcmp(l->cause, "resolved") == 0)
            continue;
        of = inc_find(table, l->incident);
        if (of != NULL && of->key == o->key && !in_before(s, l, o, node, t))
            return false;
    }
    return true;
}

bool inc_closed_before(const struct sim *s, struct inc *table, const struct inc *i, int64_t by)
{
    int64_t opened = -1;

    VEC_EACH (&i->events, const struct inc_event, e) {
        if (e->what == INC_OPENED && opened < 0)
            opened = e->t;
    }
    VEC_EACH (&s->h.acts, const struct h_act, a) {
        const struct inc *o = inc_find(table, a->incident);
        int64_t t;

        if (a->status != 200 || strcmp(a->verb, "resolve") != 0 || o == NULL || o == i ||
            o->key == NULL || o->key != i->key)
            continue;
        t = closed_by_hand(o, a);
        /* A node whose store is whole would not have opened it. */
        if (t >= 0 && t < opened && wiped_after(s, i->events.v[0].node, t, opened) >= 0 &&
            only_what_was_closed(s, table, o, a->node, t, by))
            return true;
    }
    return false;
}
