/* The alerts that a filter can leave, by the table's index of labels. */
#include "common/core/api/api_list.h"

#include "common/core/model/literals.h"

#include <stdlib.h>

/* What one listing may keep of the index: 512 KiB. */
#define LISTED_MAX 65536

struct candidates {
    const uint64_t *lists[LITERALS_MAX];
    size_t n[LITERALS_MAX];
    size_t lists_n, total;
};

static bool add_list(const struct alerts *alerts, struct str name, struct str value,
                     struct candidates *c)
{
    size_t i = c->lists_n;

    if (!alerts_with_label(alerts, name, value, &c->lists[i], &c->n[i]))
        return false;
    c->total += c->n[i];
    c->lists_n++;
    return true;
}

/* The alerts that a matcher leaves; false when it leaves too many, or nobody knows. */
static bool candidates_of(const struct alerts *alerts, const struct matcher *m,
                          struct candidates *ret)
{
    struct literal literals[LITERALS_MAX];
    struct arena *scratch;
    bool known = true;
    size_t n;

    ret->lists_n = ret->total = 0;
    if (m->value.n == 0 || (m->op != MATCH_EQ && m->op != MATCH_RE))
        return false;
    if (m->op == MATCH_EQ)
        return add_list(alerts, m->name, m->value, ret);
    scratch = arena_new(0);
    n = literals_of(m->value, scratch, literals);
    for (size_t i = 0; i < n && known; i++)
        known = literals[i].exact && add_list(alerts, m->name, literals[i].text, ret);
    arena_free(scratch);
    return n > 0 && known;
}

static int compare(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;

    return *a < *b ? -1 : *a > *b;
}

size_t api_sort_unique(uint64_t *v, size_t n)
{
    size_t kept = 0;

    if (n > 1)
        qsort(v, n, sizeof(*v), compare);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || v[i] != v[kept - 1])
            v[kept++] = v[i];
    }
    return kept;
}

uint64_t *api_candidates(const struct api_v2 *api, const struct api_filter *f, size_t *ret_n)
{
    struct candidates best = {.total = SIZE_MAX}, c;
    uint64_t *fps;
    size_t n = 0;

    for (size_t i = 0; i < f->labels.n; i++) {
        if (candidates_of(api->alerts, &f->labels.v[i], &c) && c.total < best.total)
            best = c;
    }
    if (best.total > LISTED_MAX)
        return NULL;
    fps = xcalloc(best.total + 1, sizeof(*fps));
    for (size_t i = 0; i < best.lists_n; i++) {
        if (best.n[i] > 0)
            memcpy(fps + n, best.lists[i], best.n[i] * sizeof(*fps));
        n += best.n[i];
    }
    *ret_n = api_sort_unique(fps, n);
    return fps;
}
