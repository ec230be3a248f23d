/* I3: a page arrives once; another time only with its cause on it. Unmarked twice is excused only
 * between nodes that could not know of each other: after a fault, or a lost store. */
#include "tests/sim/check.h"

#define NEAR_MS (3 * MS_PER_MIN)

struct sent {
    const char *key;
    const struct h_page *first; /* unmarked */
    uint64_t n;
    UT_hash_handle hh;
};

static unsigned store_life_of(const struct sim *s, const struct h_page *p)
{
    VEC_EACH (&s->h.lives, const struct h_life, l) {
        if (l->node == p->node && l->life == p->life)
            return l->store_life;
    }
    return 0;
}

static void again(struct sim *s, const struct h_page *p, const struct h_page *first)
{
    bool same_mind = p->node == first->node && store_life_of(s, p) == store_life_of(s, first);

    if (!same_mind && check_fault_near(s, first->sent_at - NEAR_MS, p->sent_at)) {
        s->h.duplicates_excused++;
        return;
    }
    history_violation(s, p->got_at, "I3",
                      "page of %.8s at %u.%u.%u to %s twice without a mark: %s at %.3f, %s at %.3f",
                      p->incident, p->phase, p->round, p->step, p->target, s->nodes[first->node].id,
                      (double)first->sent_at / 1000, s->nodes[p->node].id,
                      (double)p->sent_at / 1000);
}

void check_once(struct sim *s)
{
    struct sent *table = NULL, *e, *next;

    VEC_EACH (&s->h.pages, const struct h_page, p) {
        if (!p->page || !p->accepted)
            continue;
        HASH_FIND(hh, table, (const void *)&p->key, sizeof(p->key), e);
        if (e == NULL) {
            e = xcalloc(1, sizeof(*e));
            e->key = p->key;
            HASH_ADD(hh, table, key, sizeof(e->key), e);
        }
        e->n++;
        if (e->n > 1 && p->duplicate[0] != '\0') {
            s->h.duplicates_flagged++;
            history_mark(s, MARK_DUP_PAGE);
        }
        if (e->n > 1 && s->h.faults.n == 0 && !s->o.faults)
            history_violation(s, p->got_at, "I3", "page of %.8s to %s twice without a fault",
                              p->incident, p->target);
        if (p->duplicate[0] != '\0')
            continue;
        if (e->first != NULL)
            again(s, p, e->first);
        else
            e->first = p;
    }
    HASH_ITER (hh, table, e, next) {
        HASH_DEL(table, e);
        free(e);
    }
}
