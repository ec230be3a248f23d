#include "common/core/alerts/limit.h"

#include "common/base/heap.h"
#include "common/base/map.h"

struct counted {
    UT_hash_handle hh; /* by fp */
    uint64_t fp;
    struct bucket *bucket;
    struct heap_node ends; /* wall */
};

struct bucket { /* of one alertname */
    UT_hash_handle hh;
    struct heap ends;
    size_t name_n;
    char name[];
};

struct alert_limit {
    size_t max;
    struct counted *by_fp;
    struct bucket *by_name;
    uint64_t refused;
};

struct alert_limit *alert_limit_new(size_t per_name)
{
    struct alert_limit *l = xcalloc(1, sizeof(*l));

    l->max = per_name;
    return l;
}

static void drop(struct alert_limit *l, struct counted *c)
{
    struct bucket *b = c->bucket;

    heap_remove(&b->ends, &c->ends);
    HASH_DELETE(hh, l->by_fp, c);
    free(c);
    if (heap_first(&b->ends) != NULL)
        return;
    HASH_DELETE(hh, l->by_name, b);
    heap_clear(&b->ends);
    free(b);
}

void alert_limit_free(struct alert_limit *l)
{
    struct counted *c, *next;

    if (l == NULL)
        return;
    HASH_ITER (hh, l->by_fp, c, next)
        drop(l, c);
    free(l);
}

static struct bucket *bucket_find(const struct alert_limit *l, struct str name)
{
    struct bucket *b;

    HASH_FIND(hh, l->by_name, name.p, name.n, b);
    return b;
}

static struct bucket *bucket_new(struct alert_limit *l, struct str name)
{
    struct bucket *b = xcalloc(1, sizeof(*b) + name.n + 1);

    heap_init(&b->ends);
    b->name_n = name.n;
    if (name.n > 0)
        memcpy(b->name, name.p, name.n);
    HASH_ADD_KEYPTR(hh, l->by_name, b->name, b->name_n, b);
    return b;
}

/* The one that ended first, if it has ended. */
static struct counted *ended(const struct bucket *b, struct now now)
{
    struct heap_node *first = heap_first(&b->ends);

    return first != NULL && first->at_ms <= now.wall_ms ? CONTAINER_OF(first, struct counted, ends)
                                                        : NULL;
}

bool alert_limit_admit(struct alert_limit *l, struct str alertname, uint64_t fp,
                       int64_t ends_wall_ms, struct now now)
{
    struct counted *c, *old;
    struct bucket *b;

    if (l->max == 0)
        return true;
    HASH_FIND(hh, l->by_fp, &fp, sizeof(fp), c);
    if (c != NULL) {
        heap_set(&c->bucket->ends, &c->ends, ends_wall_ms);
        return true;
    }
    b = bucket_find(l, alertname);
    if (b != NULL && b->ends.n >= l->max) {
        old = ended(b, now);
        if (old == NULL) {
            l->refused++;
            return false;
        }
        drop(l, old);
        b = bucket_find(l, alertname); /* it may have been the last one */
    }
    if (b == NULL)
        b = bucket_new(l, alertname);
    c = xcalloc(1, sizeof(*c));
    c->fp = fp;
    c->bucket = b;
    heap_set(&b->ends, &c->ends, ends_wall_ms);
    HASH_ADD(hh, l->by_fp, fp, sizeof(c->fp), c);
    return true;
}

void alert_limit_sweep(struct alert_limit *l, struct now now)
{
    struct counted *c, *next;

    HASH_ITER (hh, l->by_fp, c, next) {
        if (c->ends.at_ms <= now.wall_ms)
            drop(l, c);
    }
}

size_t alert_limit_max(const struct alert_limit *l)
{
    return l->max;
}

size_t alert_limit_count(const struct alert_limit *l)
{
    return HASH_COUNT(l->by_fp);
}

uint64_t alert_limit_refused(const struct alert_limit *l)
{
    return l->refused;
}
