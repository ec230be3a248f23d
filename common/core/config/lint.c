#include "common/core/config/lint.h"

#include "common/base/map.h"
#include "common/base/time_text.h"
#include "common/base/vec.h"

#include <stdlib.h>

#define SHOWN(s) STR_ARG(str_sub((s), 0, 120))

/* ---- inhibitions ---- */

/* Whether an alert that matches must have the label. */
static bool forces_presence(const struct matchers *m, struct str label)
{
    struct labels none = {0};

    for (size_t i = 0; i < m->n; i++) {
        if (str_eq(m->v[i].name, label) && !matcher_matches(&m->v[i], none))
            return true;
    }
    return false;
}

static void lint_inhibitions(const struct am_config *c, struct mistakes *ret)
{
    for (size_t i = 0; i < c->inhibit.n; i++) {
        const struct inhibit_rule *r = &c->inhibit.v[i];

        for (size_t k = 0; k < r->equal_n && !r->never; k++) {
            if (!forces_presence(&r->source, r->equal[k]) &&
                !forces_presence(&r->target, r->equal[k]))
                mistakes_add(ret, c->inhibit.lines[i],
                             "two alerts that lack the label \"" STR_FMT
                             "\" are equal in it: a source without it inhibits every target "
                             "without it; add " STR_FMT "!=\"\" to the matchers of one side",
                             SHOWN(r->equal[k]), SHOWN(r->equal[k]));
        }
    }
}

/* ---- durations ---- */

static void lint_repeat(const struct route *r, struct mistakes *ret)
{
    const struct route *p = r->parent;
    int64_t every = r->group_interval_ms, wanted = r->repeat_interval_ms, times;
    struct buf text;

    if (wanted % every == 0 ||
        (p != NULL && p->group_interval_ms == every && p->repeat_interval_ms == wanted))
        return;
    times = wanted / every + 1; /* both are at most 292 years */
    buf_init(&text, 0);
    buf_add_str(&text, STR("repeat_interval "));
    duration_add(&text, wanted);
    buf_add_str(&text, STR(" is no multiple of group_interval "));
    duration_add(&text, every);
    buf_add_str(&text, STR(", so it is repeated after "));
    duration_add(&text, every <= INT64_MAX / times ? every * times : INT64_MAX);
    mistakes_add(ret, r->line, STR_FMT, STR_ARG(buf_str(&text)));
    buf_clear(&text);
}

/* ---- siblings ---- */

/* An earlier sibling without `continue` that has a matcher of equality. It is filed under the one
 * that fewest siblings have: a later one that it shadows must have it, too. */
struct entry {
    struct str key; /* the matcher as text */
    size_t count;   /* of siblings that have it */
    struct {
        const struct route **v;
        size_t n, cap;
    } earlier;
    UT_hash_handle hh;
};

struct siblings {
    struct arena *arena;
    struct entry *entries;
    struct {
        const struct route **v;
        size_t n, cap;
    } loose; /* earlier ones without equality */
    size_t comparisons;
};

static struct entry *entry_of(struct siblings *s, const struct matcher *m)
{
    struct entry *e;
    struct buf b;

    buf_init(&b, 0);
    matcher_add_text(&b, m);
    HASH_FIND(hh, s->entries, b.p, b.n, e);
    if (e == NULL) {
        e = ARENA_NEW(s->arena, struct entry);
        e->key = arena_str(s->arena, buf_str(&b));
        HASH_ADD_KEYPTR(hh, s->entries, e->key.p, e->key.n, e);
    }
    buf_clear(&b);
    return e;
}

static bool implied(const struct matcher *m, const struct matchers *by)
{
    for (size_t i = 0; i < by->n; i++) {
        const struct matcher *other = &by->v[i];
        struct label pair = {.name = other->name, .value = other->value};
        struct labels one = {.v = &pair, .n = other->value.n > 0};

        if (matcher_eq(m, other) ||
            (other->op == MATCH_EQ && str_eq(m->name, other->name) && matcher_matches(m, one)))
            return true;
    }
    return false;
}

static bool shadows(const struct route *earlier, const struct route *later)
{
    for (size_t i = 0; i < earlier->matchers.n; i++) {
        if (!implied(&earlier->matchers.v[i], &later->matchers))
            return false;
    }
    return true;
}

static const struct route *find_shadow(struct siblings *s, const struct route *r)
{
    for (size_t i = 0; i < s->loose.n && s->comparisons < LINT_COMPARISONS_MAX; i++) {
        s->comparisons++;
        if (shadows(s->loose.v[i], r))
            return s->loose.v[i];
    }
    for (size_t m = 0; m < r->matchers.n; m++) {
        const struct entry *e =
            r->matchers.v[m].op == MATCH_EQ ? entry_of(s, &r->matchers.v[m]) : NULL;

        for (size_t i = 0; e != NULL && i < e->earlier.n && s->comparisons < LINT_COMPARISONS_MAX;
             i++) {
            s->comparisons++;
            if (shadows(e->earlier.v[i], r))
                return e->earlier.v[i];
        }
    }
    return NULL;
}

static void file(struct siblings *s, const struct route *r)
{
    struct entry *rarest = NULL;

    for (size_t m = 0; m < r->matchers.n; m++) {
        struct entry *e = r->matchers.v[m].op == MATCH_EQ ? entry_of(s, &r->matchers.v[m]) : NULL;

        if (e != NULL && (rarest == NULL || e->count < rarest->count))
            rarest = e;
    }
    if (rarest != NULL)
        *VEC_PUSH(&rarest->earlier) = r;
    else
        *VEC_PUSH(&s->loose) = r;
}

static void lint_shadows(const struct route *parent, struct mistakes *ret)
{
    struct siblings s = {.arena = arena_new(0)};
    struct entry *e, *next;

    for (size_t i = 0; i < parent->children_n; i++) {
        const struct matchers *m = &parent->children[i]->matchers;

        for (size_t k = 0; k < m->n; k++) {
            if (m->v[k].op == MATCH_EQ)
                entry_of(&s, &m->v[k])->count++;
        }
    }
    for (size_t i = 0; i < parent->children_n; i++) {
        const struct route *r = parent->children[i], *by = find_shadow(&s, r);

        if (by != NULL)
            mistakes_add(
                ret, r->line,
                "the route on line %d takes everything that this one would match, and does "
                "not continue",
                by->line);
        if (!r->go_on)
            file(&s, r);
    }
    HASH_ITER (hh, s.entries, e, next) {
        VEC_CLEAR(&e->earlier);
        HASH_DEL(s.entries, e);
    }
    VEC_CLEAR(&s.loose);
    arena_free(s.arena);
}

static int cmp_key(const void *a, const void *b)
{
    const struct route *const *x = a, *const *y = b;
    int c = str_cmp((*x)->key, (*y)->key);

    return c != 0
               ? c
               : ((*x)->child_index > (*y)->child_index) - ((*x)->child_index < (*y)->child_index);
}

static void lint_keys(const struct route *parent, struct mistakes *ret)
{
    const struct route **v = xcalloc(parent->children_n + 1, sizeof(*v));

    for (size_t i = 0; i < parent->children_n; i++)
        v[i] = parent->children[i];
    if (parent->children_n > 1)
        qsort(v, parent->children_n, sizeof(*v), cmp_key); /* NOLINT(bugprone-sizeof-expression) */
    for (size_t i = 1; i < parent->children_n; i++) {
        if (str_eq(v[i - 1]->key, v[i]->key))
            mistakes_add(ret, v[i]->line,
                         "it has the same matchers as the route on line %d, so that their groups "
                         "have the same keys",
                         v[i - 1]->line);
    }
    free(v);
}

/* ---- receivers and intervals ---- */

static void mark_receivers(const struct route *r, bool *used)
{
    used[r->receiver->index] = true;
    for (size_t i = 0; i < r->children_n; i++)
        mark_receivers(r->children[i], used);
}

static void lint_receivers(const struct am_config *c, struct mistakes *ret)
{
    bool *used = xcalloc(c->receivers.n + 1, sizeof(*used));

    mark_receivers(c->root, used);
    for (size_t i = 0; i < c->receivers.n; i++) {
        if (!used[i])
            mistakes_add(ret, c->receivers.v[i].line,
                         "no route leads to the receiver \"" STR_FMT "\"",
                         SHOWN(c->receivers.v[i].name));
    }
    free(used);
}

static void lint_intervals(const struct am_config *c, struct mistakes *ret)
{
    for (size_t i = 0; i < c->intervals.n; i++) {
        const struct named_interval *named = &c->intervals.v[i];
        bool possible = false;

        for (size_t k = 0; k < named->n; k++)
            possible = possible || interval_possible(&named->v[k]);
        if (!possible)
            mistakes_add(ret, named->line,
                         "the time interval \"" STR_FMT "\" never holds: routes active in it only "
                         "are always muted",
                         SHOWN(named->name));
    }
}

/* ---- all ---- */

static void lint_route(const struct route *r, struct mistakes *ret) /* as deep as ROUTE_DEPTH_MAX */
{
    lint_repeat(r, ret);
    lint_shadows(r, ret);
    lint_keys(r, ret);
    for (size_t i = 0; i < r->children_n; i++)
        lint_route(r->children[i], ret);
}

void config_lint(const struct am_config *c, struct lint_options options, struct mistakes *ret)
{
    struct config_report report = {0};

    lint_inhibitions(c, ret);
    lint_route(c->root, ret);
    if (!options.receivers_elsewhere)
        lint_receivers(c, ret);
    lint_intervals(c, ret);
    report.mistakes = *ret; /* sorting moves no memory */
    config_report_sort(&report);
}
