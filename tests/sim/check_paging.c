/* I2, as far as it exists: an open incident that nobody has acknowledged is paged within a bound of
 * calm time, and a page is given up only by the word of its receiver. */
#include "tests/sim/check.h"

#define RECENT_MS (10 * MS_PER_MIN)
#define BOUND_MS (150 * MS_PER_S) /* lease, next heartbeat, backoff of the receiver */

/* Of the incident, or of another generation of it: nodes that were apart may number them
 * differently, and people have been told all the same. */
static bool paged(const struct sim *s, struct inc *table, const struct inc *i, int64_t opened,
                  int64_t deadline)
{
    VEC_EACH (&s->h.pages, const struct h_page, p) {
        const struct inc *of = p->accepted && p->page ? inc_find(table, p->incident) : NULL;

        if (of == NULL || of->key != i->key || p->got_at > deadline)
            continue;
        if (of == i || p->got_at >= opened - RECENT_MS)
            return true;
    }
    return false;
}

static void owed(struct sim *s, struct inc *table, const struct inc *i)
{
    int64_t opened = -1, over = s->h.end_at, terminal = INT64_MAX, deadline;

    VEC_EACH (&i->events, const struct inc_event, e) {
        if (e->what == INC_OPENED && opened < 0)
            opened = e->t;
        if ((e->what == INC_RESOLVED || e->what == INC_ACKED) && e->t < over)
            over = e->t;
        if (e->what == INC_TERMINAL)
            terminal = min_i64(terminal, e->t);
    }
    if (opened < 0 || i->adversary || i->muted)
        return;
    deadline = check_deadline(s, opened, BOUND_MS);
    /* A policy that stops may end before a receiver that refuses comes to its senses. */
    if (over <= deadline || terminal <= deadline)
        return;
    if (!paged(s, table, i, opened, deadline) && !inc_other_open(table, i, deadline) &&
        inc_in_duty(s, i, opened, deadline) && !inc_forgotten(s, i, deadline))
        history_violation(s, deadline, "I2", "incident %.8s opened at %.1f s was not paged by then",
                          i->id, (double)opened / 1000);
}

static bool refused(const struct sim *s, const struct h_ledger *l)
{
    VEC_EACH (&s->h.pages, const struct h_page, p) {
        if (p->node == l->node && p->incident == l->incident && p->target == l->target &&
            p->phase == l->phase && p->round == l->round && p->step == l->step &&
            p->status >= 400 && p->status < 500)
            return true;
    }
    return false;
}

static bool muted(struct inc *table, const char *incident)
{
    const struct inc *i = inc_find(table, incident);

    return i != NULL && i->muted;
}

void check_paging(struct sim *s)
{
    struct inc *table = inc_table(s);

    for (const struct inc *i = table; i != NULL; i = i->hh.next)
        owed(s, table, i);
    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (l->verdict != LEDGER_PAGE_DROPPED || muted(table, l->incident) ||
            strcmp(l->cause, "acked") == 0 || strcmp(l->cause, "resolved") == 0 ||
            strcmp(l->cause, "superseded") == 0)
            continue;
        if (!refused(s, l))
            history_violation(s, l->t, "I2", "%s gave up the page of %.8s to %s: %s",
                              s->nodes[l->node].id, l->incident, l->target, l->cause);
    }
    inc_free(table);
}
