#include "common/core/gossip/broadcasts.h"

#include "common/base/map.h"
#include "common/base/queue.h"

#include <assert.h>

#define CLASS_BITS 5 /* sizes within 32 bytes of each other share a list */
#define CLASSES (BROADCAST_BYTES_MAX / (1 << CLASS_BITS) + 1)
#define TRIES 8 /* in the one list of which only a part fits */

struct item {
    TAILQ_ENTRY(item) link;
    UT_hash_handle hh; /* by name; not in the map when it has none */
    size_t told, name_n, n;
    char data[]; /* name, then bytes */
};

TAILQ_HEAD(items, item);

struct tier {
    struct items v[CLASSES]; /* newest first */
    uint64_t used;           /* bit: that list is not empty */
};

struct broadcasts {
    struct tier *tiers[BROADCAST_TIERS_MAX]; /* by how often told; made when needed */
    size_t tiers_n;                          /* above the highest that was ever made */
    struct item *by_name;
    size_t n, max;
    uint64_t dropped;
};

static_assert(CLASSES <= 64, "a tier's lists are marked in one word");

struct broadcasts *broadcasts_new(size_t max)
{
    struct broadcasts *b = xcalloc(1, sizeof(*b));

    assert(max > 0);
    b->max = max;
    return b;
}

static struct tier *tier_get(struct broadcasts *b, size_t told)
{
    struct tier *t;

    assert(told < BROADCAST_TIERS_MAX);
    t = b->tiers[told];
    if (t == NULL) {
        t = b->tiers[told] = xcalloc(1, sizeof(*t));
        for (size_t i = 0; i < CLASSES; i++)
            TAILQ_INIT(&t->v[i]);
        if (told >= b->tiers_n)
            b->tiers_n = told + 1;
    }
    return t;
}

static void file(struct broadcasts *b, struct item *it)
{
    struct tier *t = tier_get(b, it->told);
    size_t class = it->n >> CLASS_BITS;

    TAILQ_INSERT_HEAD(&t->v[class], it, link);
    t->used |= UINT64_C(1) << class;
}

static void unfile(struct broadcasts *b, struct item *it)
{
    struct tier *t = b->tiers[it->told];
    size_t class = it->n >> CLASS_BITS;

    TAILQ_REMOVE(&t->v[class], it, link);
    if (TAILQ_EMPTY(&t->v[class]))
        t->used &= ~(UINT64_C(1) << class);
}

static void item_free(struct broadcasts *b, struct item *it) /* which is in no list */
{
    if (it->name_n > 0) {
        assert(b->by_name != NULL); /* it is in there */
        HASH_DEL(b->by_name, it);
    }
    b->n--;
    free(it);
}

void broadcasts_free(struct broadcasts *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->tiers_n; i++) {
        for (size_t k = 0; b->tiers[i] != NULL && k < CLASSES; k++) {
            struct item *it, *next;

            TAILQ_FOREACH_SAFE (it, &b->tiers[i]->v[k], link, next)
                item_free(b, it);
        }
        free(b->tiers[i]);
    }
    free(b);
}

static struct item *find(const struct broadcasts *b, struct str name)
{
    struct item *it = NULL;

    if (name.n > 0)
        HASH_FIND(hh, b->by_name, name.p, name.n, it);
    return it;
}

void broadcasts_drop(struct broadcasts *b, struct str name)
{
    struct item *it = find(b, name);

    if (it == NULL)
        return;
    unfile(b, it);
    item_free(b, it);
}

/* The one that is missed least: told most, then shortest, then oldest. */
static void drop_one(struct broadcasts *b)
{
    for (size_t i = b->tiers_n; i-- > 0;) {
        struct tier *t = b->tiers[i];
        struct item *it;

        if (t == NULL || t->used == 0)
            continue;
        it = TAILQ_LAST(&t->v[__builtin_ctzll(t->used)], items);
        unfile(b, it);
        item_free(b, it);
        b->dropped++;
        return;
    }
}

void broadcasts_put(struct broadcasts *b, struct str name, struct str bytes)
{
    struct item *it;

    assert(bytes.n > 0 && bytes.n <= BROADCAST_BYTES_MAX);
    broadcasts_drop(b, name);
    if (b->n >= b->max)
        drop_one(b);
    it = xmalloc(sizeof(*it) + name.n + bytes.n);
    *it = (struct item){.name_n = name.n, .n = bytes.n};
    if (name.n > 0)
        memcpy(it->data, name.p, name.n);
    memcpy(it->data + name.n, bytes.p, bytes.n);
    if (name.n > 0)
        HASH_ADD_KEYPTR(hh, b->by_name, it->data, it->name_n, it);
    b->n++;
    file(b, it);
}

bool broadcasts_has(const struct broadcasts *b, struct str name)
{
    return find(b, name) != NULL;
}

size_t broadcasts_count(const struct broadcasts *b)
{
    return b->n;
}

uint64_t broadcasts_dropped(const struct broadcasts *b)
{
    return b->dropped;
}

/* The longest, as classes go, that has at most n bytes. In the one class where some are longer, the
 * first few are looked at. */
static struct item *longest(const struct tier *t, size_t n)
{
    size_t class = n >> CLASS_BITS;
    uint64_t used = t->used;
    struct item *it;
    size_t tries = 0;

    if (class < CLASSES) {
        TAILQ_FOREACH (it, &t->v[class], link) {
            if (it->n <= n)
                return it;
            if (++tries == TRIES)
                break;
        }
        used &= (UINT64_C(1) << class) - 1;
    }
    return used != 0 ? TAILQ_FIRST(&t->v[63 - __builtin_clzll(used)]) : NULL;
}

static void told_once_more(struct broadcasts *b, struct items *taken, size_t limit)
{
    struct item *it, *next;

    TAILQ_FOREACH_SAFE (it, taken, link, next) {
        it->told++;
        if (it->told >= limit || it->told >= BROADCAST_TIERS_MAX)
            item_free(b, it);
        else
            file(b, it);
    }
}

size_t broadcasts_fill(struct broadcasts *b, size_t *budget, size_t overhead, size_t limit,
                       struct arena *a, struct str *ret, size_t room)
{
    struct items taken = TAILQ_HEAD_INITIALIZER(taken);
    size_t n = 0;

    for (size_t i = 0; i < b->tiers_n; i++) {
        while (n < room && b->tiers[i] != NULL && *budget > overhead) {
            struct item *it = longest(b->tiers[i], *budget - overhead);

            if (it == NULL)
                break;
            unfile(b, it);
            TAILQ_INSERT_HEAD(&taken, it, link); /* filed again oldest last, as it was */
            *budget -= overhead + it->n;
            ret[n++] = arena_str(a, (struct str){.p = it->data + it->name_n, .n = it->n});
        }
    }
    told_once_more(b, &taken, limit);
    return n;
}
