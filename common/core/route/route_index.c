#include "common/core/route/route_index.h"

#include "common/base/hash.h"
#include "common/base/vec.h"
#include "common/core/model/literals.h"
#include "common/core/route/route.h"

#include <assert.h>

/* From so many different expressions on one label they are asked by an automaton; below, each child
 * is a candidate. */
#define SET_PATTERNS_MIN 4

/* Of longer runs within an expression so many bytes are a key, wherever they begin. */
#define RUN_BYTES_MAX 8
/* A value that holds more of the keys is compared with every child filed under runs. */
#define RUNS_FOUND_MAX 64

enum filing_kind { FILED_EXACT, FILED_PREFIX, FILED_RUN, FILED_REGEX, FILING_KINDS };

/* What looking under a key of that kind costs, in candidates looked at in vain. */
static const size_t kind_cost[FILING_KINDS] = {0, 1, 8, 32};

struct filing {
    enum filing_kind kind;
    uint32_t child;
    uint32_t option; /* filings of one option stand together: a child is filed under all of them */
    uint64_t hash;   /* of name, text and kind; equal ones of different keys do no harm */
    size_t bytes;    /* of the text: FILED_PREFIX, FILED_RUN */
    const struct matcher *matcher;
};

struct filings {
    struct filing *v;
    size_t n, cap;
    uint32_t options;
};

struct bucket {
    uint64_t hash;
    struct route_run run; /* empty: a free place */
};

struct lengths { /* rising */
    size_t *v;
    size_t n;
};

struct indexed_name {
    struct str text;
    uint64_t seed;
    bool exact;
    struct lengths prefixes, runs;
    struct route_run by_run;  /* children filed under any run */
    struct regex_set *set;    /* NULL: regexes are too few, see `regexes` */
    struct route_run *by_set; /* of each pattern of the set */
    struct route_run regexes; /* children filed under any of them */
};

struct route_index {
    struct indexed_name *names; /* sorted */
    size_t names_n;
    struct bucket *buckets; /* open addressing; a power of two */
    size_t buckets_n;
    struct route_run always;
};

static uint64_t name_seed(struct str name)
{
    return fnv1a_64(FNV1A_64_BASIS, name.p, name.n);
}

static uint64_t finish(uint64_t h, enum filing_kind kind)
{
    return hash_mix(h, (uint64_t)kind + 1);
}

/* ---- how a child could be filed ---- */

static void offer(struct filings *f, enum filing_kind kind, uint32_t child, const struct matcher *m,
                  struct str text)
{
    uint64_t h = fnv1a_64(name_seed(m->name), text.p, text.n);

    *VEC_PUSH(f) = (struct filing){.kind = kind,
                                   .child = child,
                                   .option = f->options,
                                   .hash = finish(h, kind),
                                   .bytes = text.n,
                                   .matcher = m};
}

/* Each window of a single run is an option of its own; of several runs each gives its end. */
static void offer_runs(struct filings *f, uint32_t child, const struct matcher *m,
                       struct arena *scratch)
{
    struct str runs[LITERALS_MAX];
    size_t n = literals_within(m->value, scratch, runs);

    for (size_t i = 0; i < n; i++) {
        size_t bytes = runs[i].n < RUN_BYTES_MAX ? runs[i].n : RUN_BYTES_MAX;
        size_t from = n > 1 ? runs[i].n - bytes : 0;

        for (; from + bytes <= runs[i].n; from++) {
            f->options += n == 1;
            offer(f, FILED_RUN, child, m, str_sub(runs[i], from, from + bytes));
        }
    }
}

static void offer_regex(struct filings *f, uint32_t child, const struct matcher *m,
                        struct arena *scratch)
{
    struct literal literals[LITERALS_MAX];
    size_t n = literals_of(m->value, scratch, literals), exact = 0;

    for (size_t i = 0; i < n; i++) {
        offer(f, literals[i].exact ? FILED_EXACT : FILED_PREFIX, child, m, literals[i].text);
        exact += literals[i].exact;
    }
    if (n == 0 || exact < n) {
        f->options++;
        offer_runs(f, child, m, scratch);
        f->options++;
        offer(f, FILED_REGEX, child, m, m->value);
    }
    arena_reset(scratch);
}

/* Nothing is offered for what an absent label matches. */
static void offer_all(struct filings *f, const struct route *const *children, size_t n)
{
    struct arena *scratch = arena_new(0);

    for (size_t c = 0; c < n; c++) {
        for (size_t i = 0; i < children[c]->matchers.n; i++) {
            const struct matcher *m = &children[c]->matchers.v[i];

            f->options++;
            if (m->op == MATCH_EQ && m->value.n > 0) {
                offer(f, FILED_EXACT, (uint32_t)c, m, m->value);
            } else if (m->op == MATCH_RE && !regex_match(m->regex, STR_EMPTY)) {
                offer_regex(f, (uint32_t)c, m, scratch);
            }
        }
    }
    arena_free(scratch);
}

static int cmp_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_hash(const void *pa, const void *pb)
{
    const struct filing *a = pa, *b = pb;
    int c = cmp_u64(a->hash, b->hash);

    return c != 0 ? c : cmp_u64(a->child, b->child);
}

/* The first filing whose hash is not less than this one's. */
static size_t lower_bound(const struct filings *sorted, uint64_t hash)
{
    size_t low = 0, high = sorted->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (sorted->v[mid].hash < hash)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static size_t company(const struct filings *sorted, uint64_t hash)
{
    size_t end = hash == UINT64_MAX ? sorted->n : lower_bound(sorted, hash + 1);

    return end - lower_bound(sorted, hash);
}

/* ---- choosing ---- */

static size_t option_end(const struct filings *f, size_t i)
{
    size_t end = i + 1;

    while (end < f->n && f->v[end].option == f->v[i].option)
        end++;
    return end;
}

/* Moves the cheapest option of each child to the front of f and drops the others. */
static void choose(struct filings *f)
{
    struct filings sorted = {.v = xcalloc(f->n, sizeof(*f->v)), .n = f->n, .cap = f->n};
    size_t kept = 0;

    memcpy(sorted.v, f->v, f->n * sizeof(*f->v));
    qsort(sorted.v, sorted.n, sizeof(*sorted.v), by_hash);
    for (size_t i = 0; i < f->n;) {
        uint32_t child = f->v[i].child;
        size_t best = 0, best_end = 0, best_cost = SIZE_MAX;

        for (size_t end; i < f->n && f->v[i].child == child; i = end) {
            size_t cost = 0;

            end = option_end(f, i);
            for (size_t k = i; k < end; k++)
                cost += company(&sorted, f->v[k].hash) + kind_cost[f->v[k].kind];
            assert(end > i);
            cost /= end - i; /* an alert has one of the values */
            if (cost < best_cost) {
                best = i;
                best_end = end;
                best_cost = cost;
            }
        }
        memmove(&f->v[kept], &f->v[best], (best_end - best) * sizeof(*f->v));
        kept += best_end - best;
    }
    f->n = kept;
    VEC_CLEAR(&sorted);
}

/* ---- building ---- */

static struct route_run run_of(const struct filing *v, size_t n, struct arena *a)
{
    uint32_t *children = ARENA_ARRAY(a, uint32_t, n);

    size_t kept = 0;

    for (size_t i = 0; i < n; i++) { /* a child may be under one key twice */
        if (i == 0 || v[i].child != v[i - 1].child)
            children[kept++] = v[i].child;
    }
    return (struct route_run){.v = children, .n = kept};
}

static struct bucket *bucket_at(const struct route_index *ix, uint64_t hash)
{
    size_t mask = ix->buckets_n - 1, i = (size_t)hash & mask;

    while (ix->buckets[i].run.n > 0 && ix->buckets[i].hash != hash)
        i = (i + 1) & mask;
    return &ix->buckets[i];
}

static void build_buckets(struct route_index *ix, struct filings *f, struct arena *a)
{
    ix->buckets_n = 2;
    while (ix->buckets_n < 2 * f->n)
        ix->buckets_n *= 2;
    ix->buckets = ARENA_ARRAY(a, struct bucket, ix->buckets_n);
    if (f->n > 1)
        qsort(f->v, f->n, sizeof(*f->v), by_hash);
    for (size_t i = 0, end; i < f->n; i = end) {
        for (end = i + 1; end < f->n && f->v[end].hash == f->v[i].hash; end++)
            ;
        if (f->v[i].kind != FILED_REGEX)
            *bucket_at(ix, f->v[i].hash) =
                (struct bucket){.hash = f->v[i].hash, .run = run_of(&f->v[i], end - i, a)};
    }
}

/* By name, then what its parts need: lengths together, equal expressions together. */
static int by_name(const void *pa, const void *pb)
{
    const struct filing *a = pa, *b = pb;
    int c = str_cmp(a->matcher->name, b->matcher->name);

    if (c == 0)
        c = cmp_u64(a->kind, b->kind);
    if (c == 0)
        c = cmp_u64(a->kind == FILED_EXACT ? 0 : a->bytes, b->kind == FILED_EXACT ? 0 : b->bytes);
    if (c == 0 && a->kind == FILED_REGEX)
        c = str_cmp(a->matcher->value, b->matcher->value);
    return c != 0 ? c : cmp_u64(a->child, b->child);
}

static int by_child(const void *pa, const void *pb)
{
    const struct filing *a = pa, *b = pb;

    return cmp_u64(a->child, b->child);
}

/* v: the filings of a name under expressions, equal ones together. */
static void add_regexes(struct indexed_name *name, struct filing *v, size_t n, struct arena *a)
{
    const struct regex **patterns = ARENA_ARRAY(a, const struct regex *, n);
    size_t patterns_n = 0;

    name->by_set = ARENA_ARRAY(a, struct route_run, n);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && str_eq(v[end].matcher->value, v[i].matcher->value); end++)
            ;
        patterns[patterns_n] = v[i].matcher->regex;
        name->by_set[patterns_n++] = run_of(&v[i], end - i, a);
    }
    if (patterns_n >= SET_PATTERNS_MIN)
        name->set = regex_set_new(patterns, patterns_n);
    if (n > 1)
        qsort(v, n, sizeof(*v), by_child);
    name->regexes = run_of(v, n, a);
}

static size_t kind_end(const struct filing *v, size_t n, size_t i, enum filing_kind kind)
{
    while (i < n && v[i].kind == kind)
        i++;
    return i;
}

/* v: rising by bytes. */
static struct lengths lengths_of(const struct filing *v, size_t n, struct arena *a)
{
    struct lengths l = {.v = ARENA_ARRAY(a, size_t, n)};

    for (size_t i = 0; i < n; i++) {
        if (i == 0 || v[i].bytes != v[i - 1].bytes)
            l.v[l.n++] = v[i].bytes;
    }
    return l;
}

static void add_name(struct route_index *ix, struct filing *v, size_t n, struct arena *a)
{
    struct indexed_name *name = &ix->names[ix->names_n++];
    size_t prefixes = kind_end(v, n, 0, FILED_EXACT);
    size_t runs = kind_end(v, n, prefixes, FILED_PREFIX);
    size_t regexes = kind_end(v, n, runs, FILED_RUN);

    name->text = v[0].matcher->name;
    name->seed = name_seed(name->text);
    name->exact = prefixes > 0;
    name->prefixes = lengths_of(&v[prefixes], runs - prefixes, a);
    name->runs = lengths_of(&v[runs], regexes - runs, a);
    if (regexes < n)
        add_regexes(name, &v[regexes], n - regexes, a);
    if (regexes - runs > 1)
        qsort(&v[runs], regexes - runs, sizeof(*v), by_child);
    name->by_run = run_of(&v[runs], regexes - runs, a);
}

static void build_names(struct route_index *ix, struct filings *f, struct arena *a)
{
    size_t names = 0;

    if (f->n > 1)
        qsort(f->v, f->n, sizeof(*f->v), by_name);
    for (size_t i = 0; i < f->n; i++)
        names += i == 0 || !str_eq(f->v[i].matcher->name, f->v[i - 1].matcher->name);
    ix->names = ARENA_ARRAY(a, struct indexed_name, names);
    for (size_t i = 0, end; i < f->n; i = end) {
        for (end = i + 1; end < f->n && str_eq(f->v[end].matcher->name, f->v[i].matcher->name);
             end++)
            ;
        add_name(ix, &f->v[i], end - i, a);
    }
}

/* f: by child. */
static void build_always(struct route_index *ix, const struct filings *f, size_t n, struct arena *a)
{
    uint32_t *children = ARENA_ARRAY(a, uint32_t, n);
    size_t left = 0;

    for (size_t c = 0, i = 0; c < n; c++) {
        if (i == f->n || f->v[i].child != c)
            children[left++] = (uint32_t)c;
        while (i < f->n && f->v[i].child == c)
            i++;
    }
    ix->always = (struct route_run){.v = children, .n = left};
}

struct route_index *route_index_new(const struct route *const *children, size_t n, struct arena *a)
{
    struct route_index *ix = ARENA_NEW(a, struct route_index);
    struct filings f = {0};

    offer_all(&f, children, n);
    if (f.n > 0)
        choose(&f);
    build_always(ix, &f, n, a);
    build_names(ix, &f, a);
    build_buckets(ix, &f, a);
    VEC_CLEAR(&f);
    return ix;
}

void route_index_clear(struct route_index *ix)
{
    if (ix == NULL)
        return;
    for (size_t i = 0; i < ix->names_n; i++) {
        regex_set_free(ix->names[i].set);
        ix->names[i].set = NULL;
    }
}

/* ---- walking ---- */

static void add_run(struct route_walk *w, struct route_run run)
{
    if (run.n == 0)
        return;
    if (w->n == w->cap) {
        struct route_run *runs = ARENA_ARRAY(w->arena, struct route_run, 2 * w->cap);

        memcpy(runs, w->runs, w->n * sizeof(*runs));
        w->runs = runs;
        w->cap *= 2;
    }
    w->runs[w->n++] = run;
}

static int cmp_child(const void *pa, const void *pb)
{
    const uint32_t *a = pa, *b = pb;

    return *a < *b ? -1 : *a > *b;
}

/* Many patterns can match at once: their children become one run. */
static void add_set(struct route_walk *w, const struct indexed_name *name, struct str value)
{
    size_t *hits, hits_n = regex_set_match(name->set, value, w->arena, &hits), total = 0;
    uint32_t *children;

    for (size_t i = 0; i < hits_n; i++)
        total += name->by_set[hits[i]].n;
    if (hits_n <= 1) {
        if (hits_n == 1)
            add_run(w, name->by_set[hits[0]]);
        return;
    }
    children = ARENA_ARRAY(w->arena, uint32_t, total);
    total = 0;
    for (size_t i = 0; i < hits_n; i++) {
        struct route_run run = name->by_set[hits[i]];

        memcpy(&children[total], run.v, run.n * sizeof(*children));
        total += run.n;
    }
    qsort(children, total, sizeof(*children), cmp_child);
    add_run(w, (struct route_run){.v = children, .n = total});
}

static bool has_run(const struct route_walk *w, size_t from, struct route_run run)
{
    for (size_t i = from; i < w->n; i++) {
        if (w->runs[i].v == run.v)
            return true;
    }
    return false;
}

/* The keys that stand somewhere in the value. */
static void add_within(struct route_walk *w, const struct route_index *ix,
                       const struct indexed_name *name, struct str value)
{
    size_t before = w->n;

    for (size_t at = 0; at < value.n; at++) {
        uint64_t h = name->seed;
        size_t done = 0;

        for (size_t i = 0; i < name->runs.n && name->runs.v[i] <= value.n - at; i++) {
            struct route_run run;

            h = fnv1a_64(h, value.p + at + done, name->runs.v[i] - done);
            done = name->runs.v[i];
            run = bucket_at(ix, finish(h, FILED_RUN))->run;
            if (run.n == 0 || has_run(w, before, run))
                continue;
            if (w->n - before == RUNS_FOUND_MAX) {
                w->n = before;
                add_run(w, name->by_run);
                return;
            }
            add_run(w, run);
        }
    }
}

static void add_value(struct route_walk *w, const struct route_index *ix,
                      const struct indexed_name *name, struct str value)
{
    uint64_t h = name->seed;
    size_t done = 0;

    for (size_t i = 0; i < name->prefixes.n && name->prefixes.v[i] <= value.n; i++) {
        h = fnv1a_64(h, value.p + done, name->prefixes.v[i] - done);
        done = name->prefixes.v[i];
        add_run(w, bucket_at(ix, finish(h, FILED_PREFIX))->run);
    }
    if (name->exact) {
        h = fnv1a_64(h, value.p + done, value.n - done);
        add_run(w, bucket_at(ix, finish(h, FILED_EXACT))->run);
    }
    if (name->runs.n > 0)
        add_within(w, ix, name, value);
    if (name->set != NULL)
        add_set(w, name, value);
    else
        add_run(w, name->regexes);
}

static const struct indexed_name *find_name(const struct route_index *ix, struct str text)
{
    size_t low = 0, high = ix->names_n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = str_cmp(ix->names[mid].text, text);

        if (c == 0)
            return &ix->names[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

void route_walk_begin(struct route_walk *w, const struct route_index *ix, struct labels labels,
                      struct arena *a)
{
    w->arena = a;
    w->runs = w->first;
    w->n = 0;
    w->cap = ARRAY_SIZE(w->first);
    add_run(w, ix->always);
    LABELS_EACH (&labels, it) {
        const struct indexed_name *name = find_name(ix, it->name);

        if (name != NULL && it->value.n > 0)
            add_value(w, ix, name, it->value);
    }
}

size_t route_walk_next(struct route_walk *w)
{
    size_t next = ROUTE_WALK_END;

    for (size_t i = 0; i < w->n; i++) {
        if (w->runs[i].n > 0 && w->runs[i].v[0] < next)
            next = w->runs[i].v[0];
    }
    for (size_t i = 0; i < w->n; i++) {
        if (w->runs[i].n > 0 && w->runs[i].v[0] == next) {
            w->runs[i].v++;
            w->runs[i].n--;
        }
    }
    return next;
}
