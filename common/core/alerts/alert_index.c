#include "common/core/alerts/alert_index.h"

#include <assert.h>
#include <stdlib.h>

#define SLOTS_MIN 256
#define LIST_MIN 4

/* Of a pair that more than one has. Entries of alerts that are gone stay in it until they are more
 * than the others: so taking one out costs no search. */
struct list {
    size_t live;   /* alerts that have the pair now */
    size_t n, cap; /* entries */
    bool common;   /* has become too long once: counted only */
    uint64_t v[];
};

/* Open addressing with linear probing. The lowest bit of `pair` is not the hash's: it says that a
 * list is there; a free slot has pair 0 and no list. */
struct slot {
    uint64_t pair;
    union {
        uint64_t fp;
        struct list *list;
    };
};

struct alert_index {
    struct slot *slots;
    size_t slots_n, used; /* slots_n: a power of two */
    size_t list_bytes;
    alert_index_known known;
    void *arg;
};

struct alert_index *alert_index_new(alert_index_known known, void *arg)
{
    struct alert_index *ix = xcalloc(1, sizeof(*ix));

    ix->known = known;
    ix->arg = arg;
    ix->slots_n = SLOTS_MIN;
    ix->slots = xcalloc(ix->slots_n, sizeof(*ix->slots));
    return ix;
}

static bool is_list(const struct slot *s)
{
    return (s->pair & 1) != 0;
}

void alert_index_free(struct alert_index *ix)
{
    if (ix == NULL)
        return;
    for (size_t i = 0; i < ix->slots_n; i++) {
        if (is_list(&ix->slots[i]))
            free(ix->slots[i].list);
    }
    free(ix->slots);
    free(ix);
}

/* The hash as it is kept: even, and never 0. */
static uint64_t clean(uint64_t pair)
{
    pair &= ~UINT64_C(1);
    return pair != 0 ? pair : 2;
}

static size_t home_of(const struct alert_index *ix, uint64_t pair)
{
    return (size_t)(pair >> 1) & (ix->slots_n - 1);
}

/* The pair's slot, or the free one where it would be. */
static struct slot *slot_of(const struct alert_index *ix, uint64_t pair)
{
    size_t i = home_of(ix, pair);

    while (ix->slots[i].pair != 0 && (ix->slots[i].pair & ~UINT64_C(1)) != pair)
        i = (i + 1) & (ix->slots_n - 1);
    return &ix->slots[i];
}

static void grow(struct alert_index *ix)
{
    struct slot *old = ix->slots;
    size_t old_n = ix->slots_n;

    ix->slots_n *= 2;
    ix->slots = xcalloc(ix->slots_n, sizeof(*ix->slots));
    for (size_t i = 0; i < old_n; i++) {
        if (old[i].pair != 0)
            *slot_of(ix, old[i].pair & ~UINT64_C(1)) = old[i];
    }
    free(old);
}

/* Frees the slot and moves up what had been pushed behind it, so that no search ends too early. */
static void slot_remove(struct alert_index *ix, struct slot *s)
{
    size_t mask = ix->slots_n - 1, hole = (size_t)(s - ix->slots), i = hole;

    for (;;) {
        i = (i + 1) & mask;
        if (ix->slots[i].pair == 0)
            break;
        if (((i - home_of(ix, ix->slots[i].pair)) & mask) < ((i - hole) & mask))
            continue; /* its home lies behind the hole */
        ix->slots[hole] = ix->slots[i];
        hole = i;
    }
    ix->slots[hole] = (struct slot){0};
    ix->used--;
}

static size_t list_bytes(const struct list *l)
{
    return sizeof(*l) + l->cap * sizeof(l->v[0]);
}

static struct list *list_resize(struct alert_index *ix, struct list *l, size_t cap)
{
    if (l != NULL)
        ix->list_bytes -= list_bytes(l);
    l = xrealloc(l, 1, sizeof(*l) + cap * sizeof(l->v[0]));
    l->cap = cap;
    ix->list_bytes += list_bytes(l);
    return l;
}

static int compare(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;

    return *a < *b ? -1 : *a > *b;
}

static void list_compact(struct alert_index *ix, struct list *l)
{
    size_t n = 0;

    qsort(l->v, l->n, sizeof(l->v[0]), compare);
    for (size_t i = 0; i < l->n; i++) {
        if ((n == 0 || l->v[n - 1] != l->v[i]) && ix->known(ix->arg, l->v[i]))
            l->v[n++] = l->v[i];
    }
    l->n = n;
}

static struct list *list_add(struct alert_index *ix, struct list *l, uint64_t fp)
{
    l->live++;
    if (l->common)
        return l;
    if (l->live > ALERT_INDEX_LIST_MAX) {
        l = list_resize(ix, l, 0);
        l->n = 0;
        l->common = true;
        return l;
    }
    if (l->n == l->cap)
        l = list_resize(ix, l, l->cap + l->cap / 2);
    l->v[l->n++] = fp;
    return l;
}

void alert_index_add(struct alert_index *ix, uint64_t pair, uint64_t fp)
{
    struct slot *s;

    if (ix->used * 4 >= ix->slots_n * 3)
        grow(ix);
    pair = clean(pair);
    s = slot_of(ix, pair);
    if (s->pair == 0) {
        *s = (struct slot){.pair = pair, .fp = fp};
        ix->used++;
    } else if (is_list(s)) {
        s->list = list_add(ix, s->list, fp);
    } else {
        struct list *l = list_resize(ix, NULL, LIST_MIN);

        l->live = 1;
        l->n = 1;
        l->common = false;
        l->v[0] = s->fp;
        s->list = list_add(ix, l, fp);
        s->pair |= 1;
    }
}

void alert_index_remove(struct alert_index *ix, uint64_t pair, uint64_t fp)
{
    struct slot *s = slot_of(ix, clean(pair));

    if (s->pair == 0 || (!is_list(s) && s->fp != fp))
        return;
    if (is_list(s)) {
        struct list *l = s->list;

        assert(l->live > 0);
        l->live--;
        if (l->live > 0) {
            if (!l->common && l->n > 2 * l->live + LIST_MIN)
                list_compact(ix, l);
            return;
        }
        ix->list_bytes -= list_bytes(l);
        free(l);
    }
    slot_remove(ix, s);
}

bool alert_index_find(const struct alert_index *ix, uint64_t pair, const uint64_t **ret,
                      size_t *ret_n)
{
    const struct slot *s = slot_of(ix, clean(pair));

    *ret = NULL;
    *ret_n = 0;
    if (s->pair == 0)
        return true;
    if (!is_list(s)) {
        *ret = &s->fp;
        *ret_n = 1;
        return true;
    }
    *ret = s->list->v;
    *ret_n = s->list->n;
    return !s->list->common;
}

size_t alert_index_bytes(const struct alert_index *ix)
{
    return ix->slots_n * sizeof(*ix->slots) + ix->list_bytes;
}
