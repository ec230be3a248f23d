/* I1: what was promised is on the disk when the promise leaves, and reaches every global node. */
#include "tests/sim/check.h"

struct word { /* the newest row of an alert of a stream, at a node */
    struct {
        const char *stream;
        uint64_t fp;
        int node;
        int zero;
    } key;
    uint64_t epoch, seq;
    unsigned store_life;
    bool firing;
    UT_hash_handle hh;
};

static struct word *word_at(struct word **table, const char *stream, uint64_t fp, int node,
                            bool make)
{
    struct word probe = {.key = {.stream = stream, .fp = fp, .node = node}}, *w;

    HASH_FIND(hh, *table, &probe.key, sizeof(probe.key), w);
    if (w == NULL && make) {
        w = xcalloc(1, sizeof(*w));
        w->key = probe.key;
        HASH_ADD(hh, *table, key, sizeof(w->key), w);
    }
    return w;
}

static void note(struct word **table, const struct h_ledger *l, int node, bool firing)
{
    struct word *w = word_at(table, l->stream, l->fp, node, true);

    if (l->epoch < w->epoch || (l->epoch == w->epoch && l->seq < w->seq))
        return;
    w->epoch = l->epoch;
    w->seq = l->seq;
    w->store_life = l->store_life;
    w->firing = firing;
}

static bool resolves(const struct h_ledger *l)
{
    return strcmp(l->cause, "explicit") == 0 || strcmp(l->cause, "timeout") == 0 ||
           strcmp(l->cause, "anti_entropy") == 0;
}

static void arrived(struct sim *s, struct word *accepted, struct word **applied)
{
    for (struct word *w = accepted; w != NULL; w = w->hh.next) {
        const struct sim_node *edge = &s->nodes[w->key.node];

        if (w->store_life != edge->store_life || strcmp(w->key.stream, edge->uuid) != 0)
            continue; /* an earlier store of this edge */
        for (int g = 0; g < s->globals_n; g++) {
            int node = sim_global(s, g);
            const struct word *have = word_at(applied, w->key.stream, w->key.fp, node, false);
            bool forgot = have == NULL || have->store_life != s->nodes[node].store_life;

            if (!w->firing && forgot && s->nodes[node].store_life > 1)
                continue; /* the node has lost its store since, and a resolve is not said twice */
            if (have == NULL || have->epoch < w->epoch ||
                (have->epoch == w->epoch && have->seq < w->seq))
                history_violation(s, s->now, "I1", "fp %016lx seq %lu of %s never reached %s",
                                  w->key.fp, w->seq, edge->id, s->nodes[node].id);
        }
    }
}

void check_custody(struct sim *s)
{
    struct word *accepted = NULL, *applied = NULL, *w, *next;

    VEC_EACH (&s->h.answers, const struct h_answer, a) {
        if (!a->durable)
            history_violation(s, a->t, "I1", "%s answered 200 for %s (%s) and has not stored it",
                              s->nodes[a->node].id, a->aid, a->firing ? "firing" : "resolved");
    }
    VEC_EACH (&s->h.receipts, const struct h_receipt, r) {
        if (r->disk_epoch < r->epoch || (r->disk_epoch == r->epoch && r->disk_cursor < r->cursor))
            history_violation(s, r->t, "I1", "%s receipted %lu of %.8s and has stored %lu",
                              s->nodes[r->node].id, r->cursor, r->stream, r->disk_cursor);
    }
    if (s->o.quiet)
        return;
    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (l->lost)
            continue;
        if (l->verdict == LEDGER_ACCEPTED)
            note(&accepted, l, l->node, !resolves(l));
        if (l->verdict == LEDGER_APPLIED)
            note(&applied, l, l->node, true);
    }
    arrived(s, accepted, &applied);
    HASH_ITER (hh, accepted, w, next) {
        HASH_DEL(accepted, w);
        free(w);
    }
    HASH_ITER (hh, applied, w, next) {
        HASH_DEL(applied, w);
        free(w);
    }
}
