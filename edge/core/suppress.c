#include "edge/core/suppress.h"

#include "common/base/map.h"
#include "common/base/queue.h"
#include "common/core/model/literals.h"

/* A watched alert under one of its labels. */
struct filed {
    TAILQ_ENTRY(filed) link;
    struct posting *posting;
    struct watched *w;
};

/* The watched alerts with one label of one value. Found by a hash of both: a collision only asks
 * about an alert too many. */
struct posting {
    UT_hash_handle hh;
    uint64_t hash;
    TAILQ_HEAD(, filed) list;
    size_t n;
};

struct watched {
    UT_hash_handle hh;
    uint64_t fp;
    TAILQ_ENTRY(watched) link; /* in the queue */
    bool queued;
    size_t labels_n;
    struct filed filed[];
};

struct suppress {
    struct watched *by_fp;
    struct posting *postings;
    TAILQ_HEAD(, watched) queue;
    size_t queued;
};

struct suppress *suppress_new(void)
{
    struct suppress *s = xcalloc(1, sizeof(*s));

    TAILQ_INIT(&s->queue);
    return s;
}

static uint64_t label_hash(struct str name, struct str value)
{
    return hash_mix(xxh64(name.p, name.n, 0), xxh64(value.p, value.n, 1));
}

static struct posting *posting_find(const struct suppress *s, uint64_t hash)
{
    struct posting *p;

    HASH_FIND(hh, s->postings, &hash, sizeof(hash), p);
    return p;
}

static void file(struct suppress *s, struct watched *w, struct filed *f, const struct label *l)
{
    uint64_t hash = label_hash(l->name, l->value);
    struct posting *p = posting_find(s, hash);

    if (p == NULL) {
        p = xcalloc(1, sizeof(*p));
        p->hash = hash;
        TAILQ_INIT(&p->list);
        HASH_ADD(hh, s->postings, hash, sizeof(p->hash), p);
    }
    f->posting = p;
    f->w = w;
    TAILQ_INSERT_TAIL(&p->list, f, link);
    p->n++;
}

static void unfile(struct suppress *s, struct filed *f)
{
    struct posting *p = f->posting;

    TAILQ_REMOVE(&p->list, f, link);
    if (--p->n > 0)
        return;
    HASH_DELETE(hh, s->postings, p);
    free(p);
}

static struct watched *find(const struct suppress *s, uint64_t fp)
{
    struct watched *w;

    HASH_FIND(hh, s->by_fp, &fp, sizeof(fp), w);
    return w;
}

static void enqueue(struct suppress *s, struct watched *w)
{
    if (w->queued)
        return;
    w->queued = true;
    TAILQ_INSERT_TAIL(&s->queue, w, link);
    s->queued++;
}

static void dequeue(struct suppress *s, struct watched *w)
{
    if (!w->queued)
        return;
    w->queued = false;
    TAILQ_REMOVE(&s->queue, w, link);
    s->queued--;
}

void suppress_watch(struct suppress *s, uint64_t fp, struct labels labels)
{
    struct watched *w = find(s, fp);

    if (w != NULL)
        return;
    w = xcalloc(1, sizeof(*w) + labels.n * sizeof(w->filed[0]));
    w->fp = fp;
    w->labels_n = labels.n;
    for (size_t i = 0; i < labels.n; i++)
        file(s, w, &w->filed[i], &labels.v[i]);
    HASH_ADD(hh, s->by_fp, fp, sizeof(w->fp), w);
    enqueue(s, w);
}

static void drop(struct suppress *s, struct watched *w)
{
    dequeue(s, w);
    for (size_t i = 0; i < w->labels_n; i++)
        unfile(s, &w->filed[i]);
    HASH_DELETE(hh, s->by_fp, w);
    free(w);
}

void suppress_unwatch(struct suppress *s, uint64_t fp)
{
    struct watched *w = find(s, fp);

    if (w != NULL)
        drop(s, w);
}

void suppress_free(struct suppress *s)
{
    struct watched *w, *next;

    if (s == NULL)
        return;
    HASH_ITER (hh, s->by_fp, w, next)
        drop(s, w);
    free(s);
}

/* ---- whom a change concerns ---- */

/* The postings that hold everything which can match one matcher. */
struct candidates {
    uint64_t hashes[LITERALS_MAX];
    size_t hashes_n;
    size_t alerts;
    bool all; /* nothing is known: everything may match */
};

static void add_value(const struct suppress *s, struct candidates *c, struct str name,
                      struct str value)
{
    uint64_t hash = label_hash(name, value);
    const struct posting *p = posting_find(s, hash);

    if (p == NULL)
        return;
    c->hashes[c->hashes_n++] = hash;
    c->alerts += p->n;
}

static void of_regex(const struct suppress *s, const struct matcher *m, struct candidates *c)
{
    struct arena *a = arena_new(0);
    struct literal v[LITERALS_MAX];
    size_t n = literals_of(m->value, a, v);

    c->all = n == 0;
    for (size_t i = 0; i < n && !c->all; i++)
        c->all = !v[i].exact;
    for (size_t i = 0; i < n && !c->all; i++)
        add_value(s, c, m->name, v[i].text);
    arena_free(a);
}

static void of_matcher(const struct suppress *s, const struct matcher *m, struct candidates *c)
{
    c->hashes_n = c->alerts = 0;
    c->all = false;
    if (m->op == MATCH_EQ && m->value.n > 0)
        add_value(s, c, m->name, m->value);
    else if (m->op == MATCH_RE)
        of_regex(s, m, c);
    else
        c->all = true;
}

static void take_fewer(struct candidates *best, const struct candidates *c)
{
    if (!c->all && (best->all || c->alerts < best->alerts))
        *best = *c;
}

void suppress_concern(struct suppress *s, const struct matchers *m, const struct label *equal,
                      size_t equal_n)
{
    struct candidates best = {.all = true}, c;

    for (size_t i = 0; i < m->n; i++) {
        of_matcher(s, &m->v[i], &c);
        take_fewer(&best, &c);
    }
    for (size_t i = 0; i < equal_n; i++) {
        struct matcher is = {.op = MATCH_EQ, .name = equal[i].name, .value = equal[i].value};

        of_matcher(s, &is, &c);
        take_fewer(&best, &c);
    }
    if (best.all) {
        suppress_concern_if(s, NULL, NULL);
        return;
    }
    for (size_t i = 0; i < best.hashes_n; i++) {
        struct filed *f;

        TAILQ_FOREACH (f, &posting_find(s, best.hashes[i])->list, link)
            enqueue(s, f->w);
    }
}

void suppress_concern_if(struct suppress *s, bool (*is)(uint64_t fp, void *arg), void *arg)
{
    for (struct watched *w = s->by_fp; w != NULL; w = w->hh.next) {
        if (is == NULL || is(w->fp, arg))
            enqueue(s, w);
    }
}

bool suppress_next(struct suppress *s, uint64_t *ret_fp)
{
    struct watched *w = TAILQ_FIRST(&s->queue);

    if (w == NULL)
        return false;
    dequeue(s, w);
    *ret_fp = w->fp;
    return true;
}

size_t suppress_waiting(const struct suppress *s)
{
    return s->queued;
}

size_t suppress_watched(const struct suppress *s)
{
    return HASH_COUNT(s->by_fp);
}
