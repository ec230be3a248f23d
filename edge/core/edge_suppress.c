/* What the uplink is told of muting: a forwarded alert that becomes suppressed, or is so no longer,
 * makes a transition of its own, with its cause. The global tier pages for what is not suppressed,
 * so whatever is unknown counts as not suppressed. */
#include "common/base/vec.h"
#include "edge/core/edge_internal.h"
#include "edge/core/suppress.h"

/* So many alerts are asked about in one step; the rest in the next one, which is due at once. */
#define ASKED_PER_STEP 500
#define INTERVAL_NAME_MAX 100 /* bytes of it in a cause */

/* A route with time intervals, and what they said when last asked. */
struct timed_route {
    const struct route *route;
    bool muted, changed;
};

struct edge_suppress {
    struct suppress *watched;
    struct {
        struct timed_route *v;
        size_t n, cap;
    } routes;
    int64_t minute; /* of the wall clock, when the routes were last asked */
};

static void on_silence_change(const struct silence *s, void *arg)
{
    struct edge *e = arg;

    for (size_t i = 0; i < s->sets_n; i++)
        suppress_concern(e->suppress->watched, &s->sets[i], NULL, 0);
}

void edge_suppress_init(struct edge *e)
{
    e->suppress = xcalloc(1, sizeof(*e->suppress));
    e->suppress->watched = suppress_new();
    silence_set_watch(e->mute->silences, on_silence_change, e);
}

void edge_suppress_free(struct edge *e)
{
    if (e->suppress == NULL)
        return;
    suppress_free(e->suppress->watched);
    VEC_CLEAR(&e->suppress->routes);
    free(e->suppress);
}

static void find_timed(struct edge_suppress *s, const struct route *r)
{
    if (r->intervals.mute_n + r->intervals.active_n > 0)
        *VEC_PUSH(&s->routes) = (struct timed_route){.route = r};
    for (size_t i = 0; i < r->children_n; i++)
        find_timed(s, r->children[i]);
}

void edge_suppress_config(struct edge *e)
{
    e->suppress->routes.n = 0;
    e->suppress->minute = -1;
    find_timed(e->suppress, e->config->am->root);
    suppress_concern_if(e->suppress->watched, NULL, NULL);
}

void edge_suppress_watch(struct edge *e, const struct alert *a, struct arena *scratch)
{
    if (a->forwarded)
        suppress_watch(e->suppress->watched, a->fp, alert_labels(a, scratch));
    else
        suppress_unwatch(e->suppress->watched, a->fp);
}

/* ---- inhibition ---- */

struct source {
    struct edge *e;
    struct labels labels;
    struct arena *scratch;
};

static void on_rule(const struct inhibit_rule *rule, void *arg)
{
    const struct source *src = arg;
    struct label *equal = ARENA_ARRAY(src->scratch, struct label, rule->equal_n);
    size_t n = 0;

    for (size_t i = 0; i < rule->equal_n; i++) {
        struct str value = labels_get(src->labels, rule->equal[i]);

        if (value.n > 0)
            equal[n++] = (struct label){.name = rule->equal[i], .value = value};
    }
    suppress_concern(src->e->suppress->watched, &rule->target, equal, n);
}

void edge_suppress_source(struct edge *e, const struct alert *a, struct arena *scratch)
{
    struct source src = {.e = e, .labels = alert_labels(a, scratch), .scratch = scratch};

    if (suppress_watched(e->suppress->watched) > 0)
        inhibit_each_rule(e->mute->inhibit, a->fp, on_rule, &src);
}

/* ---- time intervals ---- */

static const struct timed_route *timed(const struct edge_suppress *s, const struct route *r)
{
    size_t low = 0, high = s->routes.n; /* in depth-first order, so sorted by index */

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (s->routes.v[mid].route->index < r->index)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->routes.n && s->routes.v[low].route == r ? &s->routes.v[low] : NULL;
}

static bool has_changed_route(uint64_t fp, void *arg)
{
    const struct edge *e = arg;
    const struct alert *a = alerts_find(e->alerts, fp);

    for (const struct group_member *m = a != NULL ? a->groups : NULL; m != NULL; m = m->next) {
        const struct timed_route *t = timed(e->suppress, group_route(m->group));

        if (t != NULL && t->changed)
            return true;
    }
    return false;
}

/* Time intervals begin and end with a minute. */
static void ask_routes(struct edge *e, struct now now)
{
    struct edge_suppress *s = e->suppress;
    int64_t minute = now.wall_ms / MS_PER_MIN;
    bool any = false;

    if (minute == s->minute || s->routes.n == 0)
        return;
    s->minute = minute;
    VEC_EACH (&s->routes, struct timed_route, t) {
        bool muted =
            interval_mutes(&t->route->intervals, now.wall_ms, e->options.zones, NULL, NULL);

        t->changed = muted != t->muted;
        t->muted = muted;
        any = any || t->changed;
    }
    if (any)
        suppress_concern_if(s->watched, has_changed_route, e);
}

/* By time intervals an alert is suppressed when every route that it takes is muted. The names are
 * the first route's. */
static bool muted_everywhere(const struct edge *e, const struct alert *a, struct now now,
                             struct arena *arena, struct str_list *ret)
{
    if (a->groups == NULL || !a->grouped)
        return false;
    for (const struct group_member *m = a->groups; m != NULL; m = m->next) {
        if (!interval_mutes(&group_route(m->group)->intervals, now.wall_ms, e->options.zones, arena,
                            m == a->groups ? ret : NULL))
            return false;
    }
    return true;
}

/* ---- verdicts ---- */

static struct str interval_cause(struct str_list names, struct arena *arena)
{
    struct str name = names.n > 0 ? names.v[0] : STR_EMPTY;

    return arena_fmt(arena, "muted:" STR_FMT, STR_ARG(str_sub(name, 0, INTERVAL_NAME_MAX)));
}

struct str edge_suppress_cause(struct edge *e, const struct alert *a, struct str told,
                               struct now now, struct arena *arena)
{
    struct alert_status status;
    struct str_list names = {0};
    struct str cause = STR_EMPTY;

    edge_alert_status(e, a, now, arena, &status);
    for (size_t i = 0; i < status.silenced_by_n; i++) {
        cause = arena_fmt(arena, "silence:" STR_FMT, STR_ARG(status.silenced_by[i]));
        if (str_eq(cause, told))
            return cause; /* what was told still holds */
    }
    if (status.inhibited_by_n > 0)
        return arena_fmt(arena, "inhibited:" STR_FMT, STR_ARG(status.inhibited_by[0]));
    if (status.silenced_by_n > 0)
        return arena_fmt(arena, "silence:" STR_FMT, STR_ARG(status.silenced_by[0]));
    return muted_everywhere(e, a, now, arena, &names) ? interval_cause(names, arena) : STR_EMPTY;
}

static void ask(struct edge *e, uint64_t fp, struct now now, struct out *out)
{
    struct alert *a = alerts_find(e->alerts, fp);
    struct str told, cause;

    if (a == NULL || !a->firing || !forward_told(e, a, &told))
        return;
    told = arena_str(out_arena(out), told);
    cause = edge_suppress_cause(e, a, told, now, out_arena(out));
    if (str_eq(cause, told))
        return;
    if (cause.n > 0)
        e->count.forwarded_suppressed++;
    else
        e->count.forwarded_unsuppressed++;
    forward_suppressed(e, a, cause, now, out);
}

int64_t edge_suppress_run(struct edge *e, struct now now, struct out *out)
{
    struct edge_suppress *s = e->suppress;
    uint64_t fp;

    ask_routes(e, now);
    for (size_t n = 0; n < ASKED_PER_STEP && suppress_next(s->watched, &fp); n++)
        ask(e, fp, now, out);
    if (suppress_waiting(s->watched) > 0)
        return now.mono_ms;
    if (s->routes.n == 0 || suppress_watched(s->watched) == 0)
        return TIME_NEVER;
    return now.mono_ms + MS_PER_MIN - now.wall_ms % MS_PER_MIN;
}
