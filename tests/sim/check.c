#include "tests/sim/check.h"

void check_all(struct sim *s)
{
    check_custody(s);
    check_paging(s);
    check_once(s);
    check_ack(s);
    check_duty(s);
    check_progress(s);
    check_views(s);
    check_merge(s);
    check_mute(s);
    check_conservation(s);
    check_scope(s);
}

int64_t check_deadline(const struct sim *s, int64_t from, int64_t bound)
{
    int64_t d = from + bound;
    bool moved = true;

    while (moved) {
        moved = false;
        VEC_EACH (&s->h.faults, const struct h_fault, f) {
            if (f->from <= d && f->to > d - bound && f->to + bound > d) {
                d = f->to + bound;
                moved = true;
            }
        }
    }
    return d;
}

bool check_fault_near(const struct sim *s, int64_t from, int64_t to)
{
    VEC_EACH (&s->h.faults, const struct h_fault, f) {
        if (f->from <= to && f->to >= from)
            return true;
    }
    return false;
}

struct inc *inc_find(struct inc *table, const char *id)
{
    struct inc *i;

    HASH_FIND(hh, table, (const void *)&id, sizeof(id), i); /* interned: by address */
    return i;
}

static bool event_of(const struct h_ledger *l, enum inc_what *ret)
{
    static const struct {
        const char *cause;
        enum inc_what what;
    } words[] = {{"opened", INC_OPENED},     {"reopened", INC_REOPENED},
                 {"resolved", INC_RESOLVED}, {"superseded", INC_RESOLVED},
                 {"acked", INC_ACKED},       {"unacked", INC_UNACKED}};

    if (l->verdict == LEDGER_STEP_CLAIMED || l->verdict == LEDGER_TERMINAL) {
        *ret = l->verdict == LEDGER_TERMINAL ? INC_TERMINAL : INC_CLAIMED;
        return true;
    }
    if (l->verdict == LEDGER_ACK) {
        *ret = INC_ACKED;
        return true;
    }
    for (size_t i = 0; l->verdict == LEDGER_INCIDENT && i < ARRAY_SIZE(words); i++) {
        if (strcmp(l->cause, words[i].cause) == 0) {
            *ret = words[i].what;
            return true;
        }
    }
    return false;
}

static void note_muted(const struct sim *s, struct inc *i, uint64_t fp)
{
    VEC_EACH (&s->alerts, const struct sim_alert, a) {
        if (!a->muted || a->fp != fp)
            continue;
        i->muted = true;
        i->muted_site = a->site;
    }
}

struct inc *inc_table(const struct sim *s)
{
    struct inc *table = NULL;

    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        struct inc *i;
        enum inc_what what;

        if (l->incident[0] == '\0' || l->lost)
            continue;
        i = inc_find(table, l->incident);
        if (i == NULL) {
            i = xcalloc(1, sizeof(*i));
            i->id = l->incident;
            HASH_ADD(hh, table, id, sizeof(i->id), i);
        }
        if (strncmp(l->stream, "aaaaaaaa", 8) == 0)
            i->adversary = true;
        if (l->verdict == LEDGER_APPLIED)
            note_muted(s, i, l->fp);
        if (l->verdict == LEDGER_INCIDENT)
            i->key = l->what;
        if (event_of(l, &what))
            *VEC_PUSH(&i->events) = (struct inc_event){
                .t = l->t, .node = l->node, .what = what, .forgotten = l->forgotten};
    }
    return table;
}

bool inc_other_open(const struct inc *table, const struct inc *i, int64_t t)
{
    for (const struct inc *o = table; o != NULL; o = o->hh.next) {
        bool open = false;

        if (o == i || o->key != i->key || o->key == NULL)
            continue;
        VEC_EACH (&o->events, const struct inc_event, e) {
            if (e->t <= t && (e->what == INC_OPENED || e->what == INC_REOPENED))
                open = true;
            if (e->t <= t && e->what == INC_RESOLVED)
                open = false;
        }
        if (open)
            return true;
    }
    return false;
}

static bool opened_at(const struct inc *i, int node, int64_t by)
{
    VEC_EACH (&i->events, const struct inc_event, e) {
        if (e->node == node && e->t <= by && (e->what == INC_OPENED || e->what == INC_REOPENED))
            return true;
    }
    return false;
}

bool inc_in_duty(const struct sim *s, const struct inc *i, int64_t from, int64_t to)
{
    const char *sites[16];
    size_t n = 0;

    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        size_t k = 0;

        if (l->verdict != LEDGER_APPLIED || l->incident != i->id)
            continue;
        while (k < n && strcmp(sites[k], l->site) != 0)
            k++;
        if (k == n && n < ARRAY_SIZE(sites))
            sites[n++] = l->site;
    }
    VEC_EACH (&s->h.ledger, const struct h_ledger, l) {
        if (n == 0)
            return true;
        if (l->verdict != LEDGER_DUTY || l->t < from || l->t > to || !opened_at(i, l->node, to))
            continue;
        for (size_t k = 0; k < n; k++) {
            if (strcmp(sites[k], l->site) == 0)
                return true;
        }
    }
    return false;
}

void inc_free(struct inc *table)
{
    struct inc *i, *next;

    HASH_ITER (hh, table, i, next) {
        HASH_DEL(table, i);
        VEC_CLEAR(&i->events);
        free(i);
    }
}
