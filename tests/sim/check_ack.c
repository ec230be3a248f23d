/* I4: after an ack was answered 200 no step of that incident is sent any more, unless somebody, or
 * the ack's time-out, took it back. */
#include "tests/sim/check.h"

#define SLACK_MS (8 * MS_PER_S) /* a send that was under way */

static bool taken_back(const struct inc *i, int64_t from, int64_t to)
{
    VEC_EACH (&i->events, const struct inc_event, e) {
        if (e->what == INC_UNACKED && e->t >= from && e->t <= to)
            return true;
    }
    return false;
}

/* On a node whose disk fails the ack's time-out counts, too: it pages from memory. A crash later
 * forgets that it took the ack back; the page was due all the same. */
static bool taken_back_in_memory(const struct sim *s, const struct h_act *a, const struct h_page *p)
{
    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (l->lost && l->node == p->node && l->life == p->life && l->incident == p->incident &&
            l->verdict == LEDGER_INCIDENT && strcmp(l->cause, "unacked") == 0 && l->t >= a->t &&
            l->t <= p->sent_at)
            return true;
    }
    return false;
}

static void page_after(struct sim *s, struct inc *table, const struct h_act *a)
{
    const struct inc *i = inc_find(table, a->incident);

    VEC_EACH (&s->h.pages, const struct h_page, p) {
        if (p->incident != a->incident || p->generation != a->generation ||
            p->sent_at <= a->t + SLACK_MS || strcmp(p->reason, "step") != 0)
            continue;
        /* The unack may have been decided just before the ack's answer arrived. */
        if (i != NULL && taken_back(i, a->t - 10 * MS_PER_S, p->sent_at))
            return;
        if (taken_back_in_memory(s, a, p))
            continue;
        history_violation(s, p->sent_at, "I4",
                          "%s paged step %u.%u.%u of %.8s, acknowledged with 200 by %s at %.1f s",
                          s->nodes[p->node].id, p->phase, p->round, p->step, p->incident,
                          s->nodes[a->node].id, (double)a->t / 1000);
        return;
    }
}

void check_ack(struct sim *s)
{
    struct inc *table = inc_table(s);

    VEC_EACH (&s->h.acts, const struct h_act, a) {
        if (strcmp(a->verb, "ack") == 0 && a->status == 200)
            page_after(s, table, a);
    }
    inc_free(table);
}
