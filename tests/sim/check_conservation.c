/* I11: nothing is lost in counting. At an edge every row that was accepted was replaced or freed,
 * once, or is still the newest word; at a global every row was applied once in a store's life, and
 * none was dropped that nobody had applied. */
#include "tests/sim/check.h"

struct count {
    struct {
        const char *stream;
        uint64_t epoch, seq;
        int64_t node;
        uint64_t store_life;
    } key;
    uint64_t fp;
    unsigned accepted, over, applied, duplicate;
    int64_t t;
    UT_hash_handle hh;
};

static struct count *count_of(struct count **table, const struct h_ledger *l)
{
    struct count probe = {0}, *c;

    probe.key.stream = l->stream;
    probe.key.epoch = l->epoch;
    probe.key.seq = l->seq;
    probe.key.node = l->node;
    probe.key.store_life = l->store_life;
    HASH_FIND(hh, *table, &probe.key, sizeof(probe.key), c);
    if (c == NULL) {
        c = xcalloc(1, sizeof(*c));
        c->key = probe.key;
        c->fp = l->fp;
        c->t = l->t;
        HASH_ADD(hh, *table, key, sizeof(c->key), c);
    }
    return c;
}

static void count(struct sim *s, struct count **table)
{
    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (l->lost)
            continue;
        switch (l->verdict) {
        case LEDGER_ACCEPTED:
            count_of(table, l)->accepted++;
            break;
        case LEDGER_COALESCED:
        case LEDGER_FREED:
            count_of(table, l)->over++;
            break;
        case LEDGER_APPLIED:
            count_of(table, l)->applied++;
            break;
        case LEDGER_DUPLICATE:
            count_of(table, l)->duplicate++;
            break;
        default:
            break;
        }
    }
}

/* A store that lost its tail keeps older rows: they end in this life, and began in an earlier one.
 */
static unsigned accepted_before(const struct count *table, const struct count *c)
{
    struct count probe = {.key = c->key}, *before;

    while (probe.key.store_life > 0) {
        probe.key.store_life--;
        HASH_FIND(hh, table, &probe.key, sizeof(probe.key), before);
        if (before != NULL && before->accepted > 0)
            return before->accepted;
    }
    return 0;
}

static void edge_row(struct sim *s, const struct count *table, const struct count *c)
{
    const struct sim_node *n = &s->nodes[c->key.node];
    unsigned accepted = c->accepted > 0 ? c->accepted : accepted_before(table, c);

    if (c->key.store_life != n->store_life || strcmp(c->key.stream, n->uuid) != 0)
        return; /* rows that went with an earlier store */
    if (accepted != 1 || c->over > 1)
        history_violation(s, c->t, "I11", "row %lu/%lu of %s: accepted %u times, ended %u times",
                          c->key.epoch, c->key.seq, n->id, accepted, c->over);
    else if (c->over == 0)
        history_violation(s, c->t, "I11", "row %lu/%lu of %s has come to no end", c->key.epoch,
                          c->key.seq, n->id);
}

static void global_row(struct sim *s, const struct count *c)
{
    const struct sim_node *n = &s->nodes[c->key.node];

    if (c->applied > 1)
        history_violation(s, c->t, "I11", "%s applied row %lu/%lu of %.8s %u times", n->id,
                          c->key.epoch, c->key.seq, c->key.stream, c->applied);
}

/* A row called a duplicate was applied before, or a newer one of its alert was. */
struct newest {
    struct {
        const char *stream;
        uint64_t fp;
        int64_t node;
    } key;
    uint64_t epoch, seq;
    UT_hash_handle hh;
};

/* Had its edge replaced it by a newer one before? Then the node has been told so by a void, ahead
 * of a copy of the row that was under way for long; the newer row is judged by itself. */
static bool was_replaced(const struct sim *s, const struct h_ledger *row)
{
    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (l->t > row->t)
            break;
        if (l->verdict == LEDGER_COALESCED && l->stream == row->stream && l->fp == row->fp &&
            l->epoch == row->epoch && l->seq == row->seq)
            return true;
    }
    return false;
}

static void dropped(struct sim *s)
{
    struct newest *table = NULL, *w, *next;

    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        struct newest probe = {0};

        if (l->lost || (l->verdict != LEDGER_APPLIED && l->verdict != LEDGER_DUPLICATE))
            continue;
        probe.key.stream = l->stream;
        probe.key.fp = l->fp;
        probe.key.node = l->node;
        HASH_FIND(hh, table, &probe.key, sizeof(probe.key), w);
        if (w == NULL) {
            w = xcalloc(1, sizeof(*w));
            w->key = probe.key;
            HASH_ADD(hh, table, key, sizeof(w->key), w);
        }
        if (l->verdict == LEDGER_APPLIED &&
            (l->epoch > w->epoch || (l->epoch == w->epoch && l->seq > w->seq))) {
            w->epoch = l->epoch;
            w->seq = l->seq;
        }
        if (l->verdict == LEDGER_DUPLICATE &&
            (l->epoch > w->epoch || (l->epoch == w->epoch && l->seq > w->seq)) &&
            !was_replaced(s, l))
            history_violation(s, l->t, "I11", "%s dropped row %lu/%lu of %.8s unapplied",
                              s->nodes[l->node].id, l->epoch, l->seq, l->stream);
    }
    HASH_ITER (hh, table, w, next) {
        HASH_DEL(table, w);
        free(w);
    }
}

void check_conservation(struct sim *s)
{
    struct count *table = NULL, *c, *next;

    dropped(s);
    count(s, &table);
    for (c = table; c != NULL; c = c->hh.next) {
        if (s->nodes[c->key.node].edge) {
            if (!s->o.quiet)
                edge_row(s, table, c);
        } else {
            global_row(s, c);
        }
    }
    HASH_ITER (hh, table, c, next) {
        HASH_DEL(table, c);
        free(c);
    }
}
