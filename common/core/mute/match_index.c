#include "common/core/mute/match_index.h"

#include "common/base/map.h"
#include "common/base/vec.h"
#include "common/core/model/literals.h"

#include <assert.h>

struct match_key {
    uint64_t hash;       /* of name, text and kind; equal hashes of different ones do no harm */
    size_t prefix_bytes; /* 0: exact */
};

struct bucket {
    uint64_t hash;
    struct match_entry **v;
    size_t n, cap;
    UT_hash_handle hh;
};

struct prefix_length {
    size_t bytes, uses;
};

/* A label name with entries. */
struct match_name {
    char *text;
    uint64_t seed;
    size_t entries, exact; /* exact: keys */
    struct {
        struct prefix_length *v; /* by length, rising */
        size_t n, cap;
    } prefixes;
    UT_hash_handle hh;
};

struct match_index {
    struct match_name *names;
    struct bucket *buckets;
    struct match_hits unkeyed;
    struct arena *scratch;
    size_t entries;
};

struct match_index *match_index_new(void)
{
    struct match_index *ix = xcalloc(1, sizeof(*ix));

    ix->scratch = arena_new(0);
    return ix;
}

void match_index_free(struct match_index *ix)
{
    if (ix == NULL)
        return;
    assert(ix->entries == 0 && ix->names == NULL && ix->buckets == NULL);
    VEC_CLEAR(&ix->unkeyed);
    arena_free(ix->scratch);
    free(ix);
}

static uint64_t finish(uint64_t h, bool exact)
{
    return hash_mix(h, exact ? 1 : 2);
}

static struct bucket *bucket_find(const struct match_index *ix, uint64_t hash)
{
    struct bucket *b;

    HASH_FIND(hh, ix->buckets, &hash, sizeof(hash), b);
    return b;
}

/* ---- choosing the matcher to file an entry under ---- */

struct choice {
    const struct matcher *matcher;
    struct literal literals[LITERALS_MAX];
    size_t n;
    size_t company; /* entries in the fullest of its buckets */
};

static uint64_t name_seed(struct str name)
{
    return fnv1a_64(FNV1A_64_BASIS, name.p, name.n);
}

static uint64_t literal_hash(struct str name, const struct literal *l)
{
    return finish(fnv1a_64(name_seed(name), l->text.p, l->text.n), l->exact);
}

static void consider(struct match_index *ix, const struct matcher *m, struct choice *best)
{
    struct choice c = {.matcher = m};

    if (m->op == MATCH_EQ && m->value.n > 0) {
        c.n = 1;
        c.literals[0] = (struct literal){.text = m->value, .exact = true};
    } else if (m->op == MATCH_RE) {
        c.n = literals_of(m->value, ix->scratch, c.literals);
    }
    for (size_t i = 0; i < c.n; i++) {
        const struct bucket *b = bucket_find(ix, literal_hash(m->name, &c.literals[i]));

        if (b != NULL && b->n > c.company)
            c.company = b->n;
    }
    if (c.n > 0 &&
        (best->n == 0 || c.company < best->company ||
         (c.company == best->company && m->op == MATCH_EQ && best->matcher->op != MATCH_EQ)))
        *best = c;
}

/* ---- filing ---- */

static struct match_name *name_get(struct match_index *ix, struct str text)
{
    struct match_name *n;

    HASH_FIND(hh, ix->names, text.p, text.n, n);
    if (n == NULL) {
        n = xcalloc(1, sizeof(*n));
        n->text = xstrndup(text.n > 0 ? text.p : "", text.n);
        n->seed = name_seed(text);
        HASH_ADD_KEYPTR(hh, ix->names, n->text, text.n, n);
    }
    return n;
}

static void name_release(struct match_index *ix, struct match_name *n)
{
    if (--n->entries > 0)
        return;
    HASH_DELETE(hh, ix->names, n);
    VEC_CLEAR(&n->prefixes);
    free(n->text);
    free(n);
}

static void prefix_use(struct match_name *n, size_t bytes)
{
    size_t i = 0;

    while (i < n->prefixes.n && n->prefixes.v[i].bytes < bytes)
        i++;
    if (i == n->prefixes.n || n->prefixes.v[i].bytes > bytes) {
        VEC_PUSH(&n->prefixes);
        memmove(&n->prefixes.v[i + 1], &n->prefixes.v[i],
                (n->prefixes.n - 1 - i) * sizeof(n->prefixes.v[0]));
        n->prefixes.v[i] = (struct prefix_length){.bytes = bytes};
    }
    n->prefixes.v[i].uses++;
}

static void prefix_release(struct match_name *n, size_t bytes)
{
    size_t i = 0;

    while (n->prefixes.v[i].bytes != bytes)
        i++;
    if (--n->prefixes.v[i].uses == 0)
        VEC_REMOVE(&n->prefixes, i);
}

static void key_add(struct match_index *ix, struct match_entry *e, const struct match_key *key)
{
    struct bucket *b = bucket_find(ix, key->hash);

    if (b == NULL) {
        b = xcalloc(1, sizeof(*b));
        b->hash = key->hash;
        HASH_ADD(hh, ix->buckets, hash, sizeof(b->hash), b);
    }
    *VEC_PUSH(b) = e; /* NOLINT(bugprone-sizeof-expression): of pointers */
    if (key->prefix_bytes > 0)
        prefix_use(e->name, key->prefix_bytes);
    else
        e->name->exact++;
}

static void forget(struct match_hits *list, const struct match_entry *e)
{
    size_t i = 0;

    while (list->v[i] != e)
        i++;
    list->v[i] = list->v[--list->n];
}

static void key_remove(struct match_index *ix, struct match_entry *e, const struct match_key *key)
{
    struct bucket *b = bucket_find(ix, key->hash);
    struct match_hits list = {.v = b->v, .n = b->n};

    forget(&list, e);
    b->n = list.n;
    if (b->n == 0) {
        HASH_DELETE(hh, ix->buckets, b);
        VEC_CLEAR(b);
        free(b);
    }
    if (key->prefix_bytes > 0)
        prefix_release(e->name, key->prefix_bytes);
    else
        e->name->exact--;
}

void match_index_add(struct match_index *ix, struct match_entry *e)
{
    struct choice best = {0};

    for (size_t i = 0; i < e->matchers->n; i++)
        consider(ix, &e->matchers->v[i], &best);
    ix->entries++;
    e->keys_n = best.n;
    if (best.n == 0) {
        *VEC_PUSH(&ix->unkeyed) = e; /* NOLINT(bugprone-sizeof-expression): of pointers */
    } else {
        e->name = name_get(ix, best.matcher->name);
        e->name->entries++;
        e->keys = xcalloc(best.n, sizeof(*e->keys));
    }
    for (size_t i = 0; i < best.n; i++) {
        const struct literal *l = &best.literals[i];

        e->keys[i].hash = literal_hash(best.matcher->name, l);
        e->keys[i].prefix_bytes = l->exact ? 0 : l->text.n;
        key_add(ix, e, &e->keys[i]);
    }
    arena_reset(ix->scratch);
}

void match_index_remove(struct match_index *ix, struct match_entry *e)
{
    ix->entries--;
    if (e->name == NULL) {
        forget(&ix->unkeyed, e);
        return;
    }
    for (size_t i = 0; i < e->keys_n; i++)
        key_remove(ix, e, &e->keys[i]);
    name_release(ix, e->name);
    free(e->keys);
    e->keys = NULL;
    e->keys_n = 0;
    e->name = NULL;
}

/* ---- finding ---- */

struct search {
    struct labels labels;
    match_wanted wanted;
    void *arg;
    struct match_hits *hits;
};

static void try_all(const struct search *s, struct match_entry *const *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((s->wanted == NULL || s->wanted(v[i], s->arg)) &&
            matchers_match(v[i]->matchers, s->labels))
            *VEC_PUSH(s->hits) = v[i]; /* NOLINT(bugprone-sizeof-expression): of pointers */
    }
}

static void try_bucket(const struct match_index *ix, const struct search *s, uint64_t hash)
{
    const struct bucket *b = bucket_find(ix, hash);

    if (b != NULL)
        try_all(s, b->v, b->n);
}

static void try_label(const struct match_index *ix, const struct search *s, const struct label *l)
{
    struct match_name *n;
    uint64_t h;
    size_t done = 0;

    HASH_FIND(hh, ix->names, l->name.p, l->name.n, n);
    if (n == NULL)
        return;
    h = n->seed;
    VEC_EACH (&n->prefixes, struct prefix_length, p) {
        if (p->bytes > l->value.n)
            break;
        h = fnv1a_64(h, l->value.p + done, p->bytes - done);
        done = p->bytes;
        try_bucket(ix, s, finish(h, false));
    }
    if (n->exact > 0)
        try_bucket(ix, s, finish(fnv1a_64(h, l->value.p + done, l->value.n - done), true));
}

static int by_order(const void *pa, const void *pb)
{
    const struct match_entry *a = *(struct match_entry *const *)pa;
    const struct match_entry *b = *(struct match_entry *const *)pb;

    return a->order < b->order ? -1 : a->order > b->order;
}

void match_index_find(const struct match_index *ix, struct labels l, match_wanted wanted, void *arg,
                      struct match_hits *ret)
{
    struct search s = {.labels = l, .wanted = wanted, .arg = arg, .hits = ret};
    size_t n = 0;

    ret->n = 0;
    if (ix->names != NULL) {
        LABELS_EACH (&l, it)
            try_label(ix, &s, it);
    }
    try_all(&s, ix->unkeyed.v, ix->unkeyed.n);
    if (ret->n < 2)
        return;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
    qsort(ret->v, ret->n, sizeof(*ret->v), by_order);
    for (size_t i = 1; i < ret->n; i++) { /* one found twice: two of its keys have one hash */
        if (ret->v[i] != ret->v[n])
            ret->v[++n] = ret->v[i];
    }
    ret->n = n + 1;
}

struct match_index_stats match_index_stats(const struct match_index *ix)
{
    return (struct match_index_stats){.entries = ix->entries, .unkeyed = ix->unkeyed.n};
}
