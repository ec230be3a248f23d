/* The heap of events, topology, and time. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define DIGEST_EVERY 2000 /* events between two looks into the engines */

void sim_mix(struct sim *s, uint64_t v)
{
    s->digest = hash_mix(s->digest, v);
}

void sim_trace(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (!s->o.trace)
        return;
    printf("%10.3f ", (double)s->now / 1000);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

struct sim_event *sim_file(struct sim *s, int64_t at, sim_event_fn fn)
{
    struct sim_event *e = xcalloc(1, sizeof(*e));

    e->fn = fn;
    e->node = -1;
    heap_set(&s->heap, &e->at, max_i64(at, s->now));
    return e;
}

struct sim_event *sim_file_for(struct sim *s, int64_t at, sim_event_fn fn, struct sim_node *n)
{
    struct sim_event *e = sim_file(s, at, fn);

    e->node = n->index;
    e->life = n->life;
    return e;
}

static void free_event(struct sim_event *e)
{
    free(e->text);
    free(e);
}

static void run_one(struct sim *s, struct sim_event *e)
{
    struct sim_node *n = e->node >= 0 ? &s->nodes[e->node] : NULL;

    if (n != NULL && e->life != 0 && (n->life != e->life || n->engine == NULL)) {
        heap_remove(&s->heap, &e->at);
        free_event(e);
        return;
    }
    if (n != NULL && n->paused_until > s->now) { /* a stopped process hears it when it goes on */
        heap_set(&s->heap, &e->at, n->paused_until);
        return;
    }
    heap_remove(&s->heap, &e->at);
    s->events++;
    sim_mix(s, (uint64_t)s->now ^ (uint64_t)(e->node + 1) << 56);
    e->fn(s, e);
    free_event(e);
    if (s->events % DIGEST_EVERY == 0) {
        for (int i = 0; i < s->nodes_n; i++) {
            if (s->nodes[i].engine != NULL)
                sim_mix(s, engine_digest(s->nodes[i].engine));
        }
    }
}

void sim_run_until(struct sim *s, int64_t t)
{
    struct heap_node *first;

    while ((first = heap_first(&s->heap)) != NULL && first->at_ms <= t) {
        s->now = max_i64(s->now, first->at_ms);
        run_one(s, CONTAINER_OF(first, struct sim_event, at));
    }
    s->now = t;
}

/* ---- topology ---- */

int sim_site_edge(const struct sim *s, int site, int edge)
{
    return site * s->edges_n + edge;
}

int sim_node_by_name(const struct sim *s, const char *id)
{
    for (int i = 0; i < s->nodes_n; i++) {
        if (strcmp(s->nodes[i].id, id) == 0)
            return i;
    }
    return -1;
}

static struct sim_node *add_node(struct sim *s, bool edge, const char *site, const char *name)
{
    struct sim_node *n = &s->nodes[s->nodes_n];

    n->index = s->nodes_n++;
    n->edge = edge;
    (void)snprintf(n->name, sizeof(n->name), "%s", name);
    (void)snprintf(n->site, sizeof(n->site), "%s", site);
    (void)snprintf(n->id, sizeof(n->id), "%s%s%s", site, edge ? "/" : "", name);
    n->mono_offset_ms = rand_between(&s->rand.clock, 100 * MS_PER_S, 90 * MS_PER_DAY);
    n->drift_ppm = s->o.quiet ? 0 : rand_between(&s->rand.clock, -500, 500);
    n->wall_offset_ms = s->o.quiet ? 0 : rand_between(&s->rand.clock, -2000, 2000);
    n->disk_min_ms = 1;
    n->disk_max_ms = s->o.quiet ? 1 : rand_between(&s->rand.topology, 2, 20);
    return n;
}

static void seed_all(struct sim *s)
{
    struct rand *all[] = {&s->rand.topology, &s->rand.work,    &s->rand.net,   &s->rand.disk,
                          &s->rand.clock,    &s->rand.nemesis, &s->rand.human, &s->rand.engine};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        rand_seed(all[i], hash_mix(s->o.seed, i + 1));
}

struct sim *sim_new(const struct sim_options *o)
{
    static const char *const sites[] = {"ams1", "fra1", "lon1", "nyc1"};
    struct sim *s = xcalloc(1, sizeof(*s));
    char name[16];

    s->o = *o;
    heap_init(&s->heap);
    seed_all(s);
    s->arena = arena_new(0);
    s->sites_n = o->sites > 0 ? o->sites : (int)rand_between(&s->rand.topology, 3, 4);
    s->edges_n = o->edges > 0 ? o->edges : rand_chance(&s->rand.topology, 1500) ? 3 : 2;
    s->globals_n = o->globals > 0 ? o->globals : (int)rand_between(&s->rand.topology, 2, 3);
    s->latency_ms = o->quiet ? 1 : rand_between(&s->rand.topology, 1, 60);
    s->loss_per_10000 = o->faults ? rand_between(&s->rand.topology, 0, 30) : 0;
    s->dup_per_10000 = o->faults ? rand_between(&s->rand.topology, 0, 60) : 0;
    for (int i = 0; i < s->sites_n; i++) {
        (void)snprintf(s->site_names[i], sizeof(s->site_names[i]), "%s", sites[i]);
        for (int k = 0; k < s->edges_n; k++) {
            (void)snprintf(name, sizeof(name), "e%d", k + 1);
            (void)add_node(s, true, sites[i], name);
        }
    }
    for (int i = 0; i < s->globals_n; i++) {
        (void)snprintf(name, sizeof(name), "g%d", i + 1);
        (void)add_node(s, false, "", name);
    }
    config_make(s);
    for (int i = 0; i < s->nodes_n; i++)
        node_start(s, &s->nodes[i]);
    return s;
}

void sim_free(struct sim *s)
{
    struct heap_node *first;

    for (int i = 0; i < s->nodes_n; i++)
        node_free(s, &s->nodes[i]);
    while ((first = heap_first(&s->heap)) != NULL) {
        heap_remove(&s->heap, first);
        free_event(CONTAINER_OF(first, struct sim_event, at));
    }
    net_free(s);
    heap_clear(&s->heap);
    VEC_CLEAR(&s->alerts);
    history_clear(&s->h);
    arena_free(s->arena);
    free(s->global_yml);
    free(s);
}
