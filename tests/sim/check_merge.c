/* I8: merging hides no datacenter and no severity. */
#include "tests/sim/check.h"

#include <stdio.h>

#define SLACK_MS (20 * MS_PER_S) /* from building a page to its leaving, on a slow disk */

struct joined { /* a site came to an incident at a node */
    int64_t t;
    int node;
    unsigned store_life;
    const char *incident, *site;
    uint64_t fp;
};

struct joins {
    struct joined *v;
    size_t n, cap;
};

static bool has(const char *sites, const char *site)
{
    char word[24];

    (void)snprintf(word, sizeof(word), " %s ", site);
    return strstr(sites, word) != NULL;
}

static void pages(struct sim *s, const struct joins *j)
{
    VEC_EACH (&s->h.pages, const struct h_page, p) {
        unsigned life = 0;

        if (!p->page)
            continue;
        if (strchr(p->sites + 1, ' ') != strrchr(p->sites, ' '))
            history_mark(s, MARK_MULTI_SITE);
        VEC_EACH (&s->h.lives, const struct h_life, l) {
            if (l->node == p->node && l->life == p->life)
                life = l->store_life;
        }
        VEC_EACH (j, const struct joined, m) {
            if (m->incident == p->incident && m->node == p->node && m->store_life == life &&
                m->t < p->sent_at - SLACK_MS && !has(p->sites, m->site)) {
                history_violation(s, p->sent_at, "I8", "%s paged %.8s for%sand hides %s",
                                  s->nodes[p->node].id, p->incident, p->sites, m->site);
                break;
            }
        }
    }
}

static int rank(const char *severity)
{
    static const char *const names[] = {"none", "info", "warning", "error", "critical"};

    for (int i = 0; i < (int)ARRAY_SIZE(names); i++) {
        if (strcmp(severity, names[i]) == 0)
            return i;
    }
    return 0;
}

static void at_rest(struct sim *s, const struct joins *j)
{
    VEC_EACH (&s->h.incidents, const struct h_incident, i) {
        int severity = 0;

        VEC_EACH (j, const struct joined, m) {
            if (m->incident != i->id || m->node != i->node ||
                m->store_life != s->nodes[i->node].store_life)
                continue;
            if (!has(i->sites, m->site))
                history_violation(s, s->now, "I8", "%s shows %.8s with%sand hides %s",
                                  s->nodes[i->node].id, i->id, i->sites, m->site);
            VEC_EACH (&s->alerts, const struct sim_alert, a) {
                if (a->fp == m->fp && a->firing && !a->muted && rank(a->severity) > severity &&
                    strcmp(s->site_names[a->site], m->site) == 0)
                    severity = rank(a->severity);
            }
        }
        if (rank(i->severity) < severity)
            history_violation(s, s->now, "I8", "%s shows %.8s as %s", s->nodes[i->node].id, i->id,
                              i->severity);
    }
}

void check_merge(struct sim *s)
{
    struct joins joins = {0};

    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (l->verdict == LEDGER_APPLIED && !l->lost && l->incident[0] != '\0' &&
            strcmp(l->cause, "firing") == 0)
            *VEC_PUSH(&joins) = (struct joined){.t = l->t,
                                                .node = l->node,
                                                .store_life = l->store_life,
                                                .incident = l->incident,
                                                .site = l->site,
                                                .fp = l->fp};
    }
    pages(s, &joins);
    at_rest(s, &joins);
    VEC_CLEAR(&joins);
}
