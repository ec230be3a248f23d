/* Nobody is paged for an alert that people have silenced at all edges of its site, unless one of
 * them cannot know it any more: its store is another one, or its clock says another time. */
#include "tests/sim/check.h"

static bool may_have_forgotten(const struct sim *s, int node, int64_t by)
{
    VEC_EACH (&s->h.lives, const struct h_life, l) {
        if (l->node == node && l->from <= by && (l->wiped || l->regressed || l->store_life > 1))
            return true;
    }
    VEC_EACH (&s->h.faults, const struct h_fault, f) {
        if (f->node == node && f->from <= by && f->kind == MARK_FAULT_WALL)
            return true;
    }
    return false;
}

static bool site_may_page(const struct sim *s, int site, int64_t at)
{
    for (int k = 0; k < s->edges_n; k++) {
        if (may_have_forgotten(s, sim_site_edge(s, site, k), at))
            return true;
    }
    return false;
}

void check_mute(struct sim *s)
{
    struct inc *table = inc_table(s);

    VEC_EACH (&s->h.pages, const struct h_page, p) {
        const struct inc *i = p->page ? inc_find(table, p->incident) : NULL;

        if (i == NULL || !i->muted || i->adversary)
            continue;
        if (!site_may_page(s, i->muted_site, p->sent_at))
            history_violation(s, p->sent_at, "I2", "%s paged %.8s, which is silenced",
                              s->nodes[p->node].id, i->id);
    }
    inc_free(table);
}
