/* The nemesis: faults of random kind, place, time and length. Each seed has a random choice of
 * kinds (a swarm), so that some runs dwell on a few. Every fault ends by the time of the heal. */
#include "tests/sim/sim.h"

#include <stdio.h>

struct fault {
    enum mark_kind kind;
    int node, other; /* other: receiver or the far node; -1 */
    int64_t amount;
    bool flag;
};

void fault_cut(struct sim *s, int a, int b, bool on)
{
    s->links[a][b].cut += on ? 1U : -1U;
    s->links[b][a].cut += on ? 1U : -1U;
}

static struct rand *dice(struct sim *s)
{
    return &s->rand.nemesis;
}

static int random_edge(struct sim *s)
{
    return (int)rand_below(dice(s), (uint64_t)(s->sites_n * s->edges_n));
}

static int random_global(struct sim *s)
{
    return sim_global(s, (int)rand_below(dice(s), (uint64_t)s->globals_n));
}

static int random_node(struct sim *s) /* globals as often as edges */
{
    return rand_chance(dice(s), 5000) ? random_edge(s) : random_global(s);
}

static int64_t log_uniform(struct sim *s, int64_t low, int64_t high)
{
    int doublings = 0;
    int64_t v;

    while (low << (doublings + 1) <= high)
        doublings++;
    v = low << rand_below(dice(s), (uint64_t)doublings + 1);
    return min_i64(high, v + (int64_t)rand_below(dice(s), (uint64_t)v));
}

/* ---- links ---- */

static void cut_site(struct sim *s, int site, bool on)
{
    for (int k = 0; k < s->edges_n; k++) {
        for (int g = 0; g < s->globals_n; g++)
            fault_cut(s, sim_site_edge(s, site, k), sim_global(s, g), on);
    }
}

static void isolate(struct sim *s, const struct fault *f, bool on)
{
    for (int i = 0; i < s->sites_n * s->edges_n; i++)
        fault_cut(s, i, f->node, on);
    if (f->flag)
        s->nodes[f->node].isolated += on ? 1U : -1U;
}

static void congest(struct sim *s, const struct fault *f, int64_t until)
{
    for (int i = 0; i < s->nodes_n; i++) {
        struct sim_link *to = &s->links[i][f->node], *from = &s->links[f->node][i];

        if (f->other >= 0 && i != f->other)
            continue;
        to->clog_until = until;
        to->clog_ms = f->amount;
        if (f->flag) {
            from->clog_until = until;
            from->clog_ms = f->amount;
        }
    }
}

static void lose(struct sim *s, const struct fault *f, bool on)
{
    for (int i = 0; i < s->nodes_n; i++) {
        s->links[i][f->node].loss_per_10000 = on ? (unsigned)f->amount : 0;
        s->links[f->node][i].loss_per_10000 = on ? (unsigned)f->amount : 0;
    }
}

/* ---- begin and end ---- */

static enum receiver_mood mood_of(enum mark_kind k)
{
    switch (k) {
    case MARK_FAULT_RECEIVER_5XX:
        return MOOD_5XX;
    case MARK_FAULT_RECEIVER_HANG:
        return MOOD_HANG;
    case MARK_FAULT_RECEIVER_4XX:
        return MOOD_4XX;
    case MARK_FAULT_RECEIVER_MUTE:
        return MOOD_MUTE;
    default:
        return MOOD_DOWN;
    }
}

static bool needs_node_up(enum mark_kind k)
{
    return k == MARK_FAULT_CRASH || k == MARK_FAULT_STOP || k == MARK_FAULT_PAUSE ||
           k == MARK_FAULT_REGRESS || k == MARK_FAULT_WIPE;
}

static void down_with(struct sim *s, struct sim_node *n, const struct fault *f)
{
    if (f->kind == MARK_FAULT_STOP) {
        node_stop(s, n);
        return;
    }
    if (f->kind == MARK_FAULT_CRASH && f->flag) { /* at the worst moment */
        n->crash_on = n->edge || f->amount > 0 ? 1 : 2;
        return;
    }
    node_crash(s, n);
    if (f->kind == MARK_FAULT_REGRESS) {
        history_store_lost(s, n, disk_regress(&n->disk, (size_t)f->amount));
        n->regressed = true;
    }
    if (f->kind == MARK_FAULT_WIPE) {
        disk_wipe(&n->disk);
        history_store_lost(s, n, 0);
        n->wiped = true;
    }
}

static bool begin(struct sim *s, const struct fault *f, int64_t until)
{
    struct sim_node *n = &s->nodes[f->node];

    if (needs_node_up(f->kind) && (n->engine == NULL || n->stopping || n->paused_until > s->now))
        return false;
    switch (f->kind) {
    case MARK_FAULT_CRASH:
    case MARK_FAULT_STOP:
    case MARK_FAULT_REGRESS:
    case MARK_FAULT_WIPE:
        down_with(s, n, f);
        return true;
    case MARK_FAULT_PAUSE:
        n->paused_until = until;
        return true;
    case MARK_FAULT_CUT:
        fault_cut(s, f->node, f->other, true);
        return true;
    case MARK_FAULT_ONE_WAY:
        s->links[f->node][f->other].cut++;
        return true;
    case MARK_FAULT_CUT_SITE:
        cut_site(s, f->other, true);
        return true;
    case MARK_FAULT_ISOLATE:
        isolate(s, f, true);
        return true;
    case MARK_FAULT_CLOG:
        congest(s, f, until);
        return true;
    case MARK_FAULT_LOSS:
        lose(s, f, true);
        return true;
    case MARK_FAULT_DISK_FULL:
    case MARK_FAULT_DISK_ERROR:
        if (n->disk.state != STORE_OK)
            return false;
        node_disk_state(s, n, f->kind == MARK_FAULT_DISK_FULL ? STORE_FULL : STORE_UNKNOWN);
        return true;
    case MARK_FAULT_DISK_SLOW:
        n->disk_max_ms = f->amount;
        return true;
    case MARK_FAULT_WALL:
        n->wall_offset_ms += f->amount;
        return true;
    default:
        if (s->receivers[f->other].mood != MOOD_WELL)
            return false;
        s->receivers[f->other].mood = mood_of(f->kind);
        return true;
    }
}

static void end(struct sim *s, const struct fault *f)
{
    struct sim_node *n = &s->nodes[f->node];

    switch (f->kind) {
    case MARK_FAULT_CRASH:
    case MARK_FAULT_STOP:
    case MARK_FAULT_REGRESS:
    case MARK_FAULT_WIPE:
        n->crash_on = 0;
        if (n->engine == NULL)
            node_start(s, n);
        break;
    case MARK_FAULT_CUT:
        fault_cut(s, f->node, f->other, false);
        break;
    case MARK_FAULT_ONE_WAY:
        s->links[f->node][f->other].cut--;
        break;
    case MARK_FAULT_CUT_SITE:
        cut_site(s, f->other, false);
        break;
    case MARK_FAULT_ISOLATE:
        isolate(s, f, false);
        break;
    case MARK_FAULT_LOSS:
        lose(s, f, false);
        break;
    case MARK_FAULT_DISK_FULL:
    case MARK_FAULT_DISK_ERROR:
        node_disk_state(s, n, STORE_OK);
        break;
    case MARK_FAULT_DISK_SLOW:
        n->disk_max_ms = n->disk_min_ms + 10;
        break;
    case MARK_FAULT_WALL:
        n->wall_offset_ms -= f->amount;
        break;
    case MARK_FAULT_PAUSE:
    case MARK_FAULT_CLOG:
        break; /* over by itself */
    default:
        s->receivers[f->other].mood = MOOD_WELL;
        break;
    }
}

/* ---- choosing ---- */

static int64_t choose(struct sim *s, enum mark_kind kind, struct fault *ret)
{
    struct rand *r = dice(s);
    int64_t ms = log_uniform(s, 4 * MS_PER_S, 200 * MS_PER_S);

    *ret = (struct fault){.kind = kind, .node = random_node(s), .other = -1};
    ret->flag = rand_chance(r, 5000);
    switch (kind) {
    case MARK_FAULT_CRASH:
        ret->amount = (int64_t)rand_below(r, 2);
        ms += ret->flag ? 20 * MS_PER_S : 0;
        break;
    case MARK_FAULT_STOP:
        ms += 20 * MS_PER_S;
        break;
    case MARK_FAULT_CUT:
    case MARK_FAULT_ONE_WAY:
        ret->node = random_edge(s);
        ret->other = random_global(s);
        if (kind == MARK_FAULT_ONE_WAY && ret->flag) {
            int swap = ret->node;

            ret->node = ret->other;
            ret->other = swap;
        }
        break;
    case MARK_FAULT_CUT_SITE:
        ret->other = (int)rand_below(r, (uint64_t)s->sites_n);
        break;
    case MARK_FAULT_ISOLATE:
        ret->node = random_global(s);
        break;
    case MARK_FAULT_CLOG:
        ret->node = random_global(s);
        ret->other = rand_chance(r, 5000) ? random_edge(s) : -1;
        ret->amount = log_uniform(s, 4 * MS_PER_S, 60 * MS_PER_S);
        break;
    case MARK_FAULT_LOSS:
        ret->amount = rand_between(r, 500, 5000);
        break;
    case MARK_FAULT_DISK_SLOW:
        ret->amount = log_uniform(s, 300, 9000);
        break;
    case MARK_FAULT_WALL:
        ret->amount = log_uniform(s, MS_PER_S, 24 * MS_PER_H) * (ret->flag ? 1 : -1);
        break;
    case MARK_FAULT_REGRESS:
        ret->amount = log_uniform(s, 1, 60);
        break;
    default:
        if (kind >= MARK_FAULT_RECEIVER_5XX && kind <= MARK_FAULT_RECEIVER_DOWN)
            ret->other = (int)rand_below(r, (uint64_t)s->receivers_n);
        break;
    }
    return ms;
}

static void on_end(struct sim *s, struct sim_event *e)
{
    const struct fault *f = (const struct fault *)(const void *)e->text;

    sim_trace(s, "fault ends: %s", mark_names[f->kind]);
    s->faults_active--;
    end(s, f);
}

static void on_begin(struct sim *s, struct sim_event *e) /* a: kind, b: the last moment */
{
    struct fault f, *copy;
    int64_t until;
    struct sim_event *ending;

    for (int tries = 0;; tries++) {
        until = s->now + choose(s, (enum mark_kind)e->a, &f);
        until = min_i64(until, (int64_t)e->b);
        if (begin(s, &f, until))
            break;
        if (tries == 20)
            return;
    }
    sim_trace(s, "fault begins: %s node=%s other=%d amount=%ld until %.3f", mark_names[f.kind],
              s->nodes[f.node].id, f.other, f.amount, (double)until / 1000);
    history_mark(s, f.kind);
    s->faults_active++;
    *VEC_PUSH(&s->h.faults) = (struct h_fault){
        .from = s->now, .to = until, .kind = f.kind, .node = f.node, .other = f.other};
    copy = xmalloc(sizeof(*copy));
    *copy = f;
    ending = sim_file(s, until, on_end);
    ending->text = (char *)copy;
}

static void on_heal(struct sim *s, struct sim_event *e)
{
    (void)e;
    faults_heal(s);
}

void faults_start(struct sim *s, int64_t from, int64_t to)
{
    struct rand *r = dice(s);
    enum mark_kind kinds[MARK_FAULT_WIPE + 1];
    size_t kinds_n = 0;
    int64_t n = rand_between(r, 26, 46);

    while (kinds_n < 5) {
        kinds_n = 0;
        for (int k = MARK_FAULT_CRASH; k <= MARK_FAULT_RECEIVER_DOWN; k++) {
            if (rand_chance(r, 6500))
                kinds[kinds_n++] = (enum mark_kind)k;
        }
    }
    for (int64_t i = 0; i < n; i++) {
        struct sim_event *e = sim_file(s, rand_between(r, from, to - 30 * MS_PER_S), on_begin);

        e->a = kinds[rand_below(r, kinds_n)];
        e->b = (uint64_t)to;
    }
    /* Stores that lose what they had: rare, one of a kind a seed. */
    for (int k = MARK_FAULT_REGRESS; k <= MARK_FAULT_WIPE; k++) {
        struct sim_event *e;

        if (!rand_chance(r, 3500))
            continue;
        e = sim_file(s, rand_between(r, from, to - 30 * MS_PER_S), on_begin);
        e->a = (uint64_t)k;
        e->b = (uint64_t)to;
    }
    sim_file(s, to, on_heal);
}

void faults_heal(struct sim *s)
{
    s->healed = true;
    s->loss_per_10000 = s->dup_per_10000 = 0;
    s->h.heal_at = s->now;
    sim_trace(s, "healed");
}
