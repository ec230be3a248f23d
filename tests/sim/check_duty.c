/* I5: of the nodes that hold duty for a stream there is never more than one, in true time. */
#include "tests/sim/check.h"

struct hold {
    struct {
        const char *stream;
        int64_t node;
    } key;
    unsigned life;
    int64_t until;
    UT_hash_handle hh;
};

/* When this life of the node stopped holding anything: its end, or the order to stop. */
static int64_t over_at(const struct sim *s, int node, unsigned life)
{
    VEC_EACH (&s->h.lives, const struct h_life, l) {
        if (l->node == node && l->life == life)
            return l->stop_at > 0 ? l->stop_at : l->to >= 0 ? l->to : INT64_MAX;
    }
    return INT64_MAX;
}

static struct hold *hold_of(struct hold **table, const char *stream, int node)
{
    struct hold probe = {.key = {.stream = stream, .node = node}}, *h;

    HASH_FIND(hh, *table, &probe.key, sizeof(probe.key), h);
    if (h == NULL) {
        h = xcalloc(1, sizeof(*h));
        h->key = probe.key;
        HASH_ADD(hh, *table, key, sizeof(h->key), h);
    }
    return h;
}

void check_duty(struct sim *s)
{
    struct hold *table = NULL, *h, *next;

    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (l->verdict != LEDGER_DUTY)
            continue;
        for (int g = 0; g < s->globals_n; g++) {
            int other = sim_global(s, g);

            if (other == l->node)
                continue;
            h = hold_of(&table, l->stream, other);
            if (h->life == 0)
                continue;
            if (min_i64(h->until, over_at(s, other, h->life)) > l->t)
                history_violation(s, l->t, "I5",
                                  "%s takes duty for %s (%.8s) while %s holds it until %.3f",
                                  s->nodes[l->node].id, l->site, l->stream, s->nodes[other].id,
                                  (double)h->until / 1000);
            else if (h->until != 0)
                history_mark(s, MARK_DUTY_MOVED);
            h->life = 0;
        }
        h = hold_of(&table, l->stream, l->node);
        h->life = l->life;
        h->until = l->until;
    }
    HASH_ITER (hh, table, h, next) {
        HASH_DEL(table, h);
        free(h);
    }
}
