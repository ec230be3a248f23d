/* A node's shell: what common/daemon does around the same engine, with clocks and a disk of its
 * own. */
#include "tests/sim/sim.h"

#include "edge/core/edge.h"
#include "global/core/global.h"

#include <assert.h>
#include <stdio.h>

#define RESTART_TICK_MAX 100000

/* ---- clocks ---- */

static int64_t mono_at(const struct sim_node *n, int64_t t)
{
    return n->mono_offset_ms + t + t * n->drift_ppm / 1000000;
}

struct now node_now(const struct sim *s, const struct sim_node *n)
{
    return (struct now){.mono_ms = mono_at(n, s->now),
                        .wall_ms = SIM_WALL_START + s->now + n->wall_offset_ms};
}

int64_t node_mono_to_true(const struct sim_node *n, int64_t mono_ms)
{
    int64_t t = mono_ms - n->mono_offset_ms;

    t -= t * n->drift_ppm / 1000000;
    while (mono_at(n, t) < mono_ms)
        t++;
    while (t > 0 && mono_at(n, t - 1) >= mono_ms)
        t--;
    return t;
}

/* ---- the disk ---- */

static void on_commit(struct sim *s, struct sim_event *e);

static void commit_soon(struct sim *s, struct sim_node *n)
{
    int64_t took;

    if (n->disk.committing || !disk_wants_commit(&n->disk))
        return;
    n->disk.committing = true;
    took = rand_between(&s->rand.disk, n->disk_min_ms, n->disk_max_ms);
    sim_file_for(s, s->now + took, on_commit, n);
}

static void on_commit(struct sim *s, struct sim_event *e)
{
    struct sim_node *n = &s->nodes[e->node];
    struct engine_input in = {.kind = ENGINE_STORED};
    bool recovered = n->disk.queue.n > 0 && n->disk.queue.v[0].failed;

    n->disk.committing = false;
    disk_commit(&n->disk, &in.stored.txn, &in.stored.result);
    if (in.stored.txn == 0)
        return;
    if (recovered && in.stored.result == STORE_OK)
        history_mark(s, MARK_STORE_RECOVERED);
    node_step(s, n, &in);
    if (n->engine != NULL)
        commit_soon(s, n);
}

void node_disk_state(struct sim *s, struct sim_node *n, enum store_result state)
{
    n->disk.state = state;
    if (n->engine != NULL)
        commit_soon(s, n);
}

/* ---- steps ---- */

static void on_wake(struct sim *s, struct sim_event *e)
{
    struct engine_input in = {.kind = ENGINE_TICK};
    struct sim_node *n = &s->nodes[e->node];

    n->wake = NULL;
    node_step(s, n, &in);
}

static void arm(struct sim *s, struct sim_node *n, int64_t mono_ms)
{
    int64_t at;

    if (n->wake != NULL) {
        heap_remove(&s->heap, &n->wake->at);
        free(n->wake);
        n->wake = NULL;
    }
    if (mono_ms == TIME_NEVER)
        return;
    at = max_i64(node_mono_to_true(n, mono_ms), s->now);
    n->wake = sim_file_for(s, at, on_wake, n);
}

static void show_logs(struct sim *s, const struct sim_node *n, const struct engine_output *o)
{
    if (!s->o.trace)
        return;
    for (size_t i = 0; i < o->logs_n; i++) {
        struct buf b;

        buf_init(&b, 0);
        log_format_logfmt(&b, SIM_WALL_START + s->now, &o->logs[i]);
        sim_trace(s, "%-8s %.*s", n->id, (int)(b.n > 0 ? b.n - 1 : 0), b.p);
        buf_clear(&b);
    }
}

/* In the order of engine.h: rows, sends, replies, wake-up. */
static void carry_out(struct sim *s, struct sim_node *n, const struct engine_output *o)
{
    if (o->rows_n > 0)
        n->last_txn = o->txn;
    disk_put(&n->disk, o);
    if (o->rows_n > 0 && n->crash_on == 1)
        node_crash_soon(s, n, 0);
    commit_soon(s, n);
    for (size_t i = 0; i < o->sends_n; i++) {
        const struct engine_send *send = &o->sends[i];

        if (send->cancel)
            net_cancel(s, n, send->id);
        else if (send->way == SEND_UPLINK)
            net_send(s, n, send);
        else
            receiver_send(s, n, send);
    }
    for (size_t i = 0; i < o->replies_n; i++)
        net_reply(s, n, &o->replies[i]);
    show_logs(s, n, o);
    history_ledger(s, n, o);
    arm(s, n, o->wake_mono_ms);
}

void node_step(struct sim *s, struct sim_node *n, struct engine_input *in)
{
    struct engine_output o;

    in->now = node_now(s, n);
    o = engine_step(n->engine, in, s->arena);
    sim_mix(s, o.rows_n << 40 | o.sends_n << 20 | o.replies_n);
    sim_mix(s, (uint64_t)o.wake_mono_ms);
    carry_out(s, n, &o);
    arena_reset(s->arena);
}

void node_request(struct sim *s, struct sim_node *n, const struct sim_call *c)
{
    struct engine_input in = {.kind = ENGINE_REQUEST,
                              .request = {.id = c->id,
                                          .listener = c->listener,
                                          .who = c->who,
                                          .method = str_from(c->method),
                                          .path = str_from(c->path),
                                          .query = str_from(c->query),
                                          .content_type = STR("application/json"),
                                          .body = {c->body, c->body_n}}};

    s->h.requests++;
    history_posted(s, n, c);
    node_step(s, n, &in);
}

/* ---- life ---- */

static void on_health(struct sim *s, struct sim_event *e)
{
    struct sim_node *n = &s->nodes[e->node];
    struct engine_input in = {.kind = ENGINE_HEALTH,
                              .health = {.cert_ends_wall_ms = TIME_NEVER,
                                         .ca_ends_wall_ms = TIME_NEVER,
                                         .crl_ends_wall_ms = TIME_NEVER,
                                         .store_failing = n->disk.state != STORE_OK,
                                         .free_bytes = MIB(1000)}};

    node_step(s, n, &in);
    sim_file_for(s, s->now + 60 * MS_PER_S, on_health, n);
}

static struct engine *make_engine(struct sim *s, struct sim_node *n)
{
    char url[64];

    (void)snprintf(url, sizeof(url), "http://%s:9193", n->name);
    if (n->edge) {
        struct edge_options o = {.external_url = str_from(url),
                                 .version = STR("sim"),
                                 .node = str_from(n->name),
                                 .seed = rand_u64(&s->rand.engine)};

        return edge_new(&o);
    }
    return global_new(
        &(struct global_options){.node = n->name, .external_url = url, .version = "sim"});
}

static void give_config(struct sim *s, struct sim_node *n)
{
    struct engine_input in = {.kind = ENGINE_CONFIG};

    if (n->edge)
        in.edge_config = config_edge(s, n);
    else
        in.global_config = config_global(s);
    node_step(s, n, &in);
}

static void restore(struct sim *s, struct sim_node *n)
{
    size_t rows_n;
    const struct disk_row **rows = disk_sorted(&n->disk, &rows_n);

    for (size_t i = 0; i < rows_n; i++) {
        struct engine_input in = {.kind = ENGINE_RESTORE, .row = disk_row_op(rows[i])};

        node_step(s, n, &in);
    }
    free(rows);
}

void node_start(struct sim *s, struct sim_node *n)
{
    struct engine_input in = {.kind = ENGINE_START};

    assert(n->engine == NULL);
    n->life++;
    if (n->life == 1 || n->wiped || n->regressed)
        n->store_life++;
    n->stopping = false;
    n->crash_on = 0;
    n->started_at = s->now;
    n->last_txn = 0;
    n->disk.durable_txn = 0;
    n->disk.committing = false;
    VEC_EACH (&n->disk.undo, struct disk_undo, u)
        u->txn = 0; /* numbers begin again */
    in.start = (struct engine_start){
        .fresh = !n->disk.ever_used, .clean = n->clean && !n->regressed, .regressed = n->regressed};
    rand_uuid(&s->rand.engine, in.start.uuid);
    (void)snprintf(in.start.boot, sizeof(in.start.boot), "%016lx", rand_u64(&s->rand.engine));
    if (in.start.fresh)
        memcpy(n->uuid, in.start.uuid, sizeof(n->uuid));
    *VEC_PUSH(&s->h.lives) = (struct h_life){.node = n->index,
                                             .life = n->life,
                                             .store_life = n->store_life,
                                             .from = s->now,
                                             .to = -1,
                                             .wiped = n->wiped,
                                             .regressed = n->regressed,
                                             .uuid = history_text(&s->h, str_from(n->uuid))};
    sim_trace(s, "%-8s starts%s%s", n->id, in.start.fresh ? ", fresh" : "",
              in.start.regressed ? ", regressed" : "");
    n->engine = make_engine(s, n);
    give_config(s, n);
    restore(s, n);
    node_step(s, n, &in);
    n->clean = n->regressed = n->wiped = false;
    sim_file_for(s, s->now, on_health, n);
}

void node_down(struct sim *s, struct sim_node *n, bool clean)
{
    if (n->engine == NULL)
        return;
    history_crashed(s, n);
    engine_free(n->engine);
    n->engine = NULL;
    n->clean = clean;
    n->paused_until = 0;
    arm(s, n, TIME_NEVER);
    net_node_down(s, n);
}

void node_crash(struct sim *s, struct sim_node *n)
{
    size_t untold = disk_untold(&n->disk);

    if (n->engine == NULL)
        return;
    if (untold > 0)
        history_mark(s, MARK_CRASH_FORGOT);
    disk_crash(&n->disk, (size_t)rand_below(&s->rand.disk, untold + 1));
    sim_trace(s, "%-8s crashes, %zu transactions were not told", n->id, untold);
    node_down(s, n, false);
}

static void on_crash(struct sim *s, struct sim_event *e)
{
    node_crash(s, &s->nodes[e->node]);
}

void node_crash_soon(struct sim *s, struct sim_node *n, int64_t after_ms)
{
    n->crash_on = 0;
    sim_file_for(s, s->now + after_ms, on_crash, n);
}

static void on_stopped(struct sim *s, struct sim_event *e)
{
    struct sim_node *n = &s->nodes[e->node];

    if (n->disk.state == STORE_OK)
        disk_crash(&n->disk, SIZE_MAX); /* the store is closed: all of it is written */
    else
        disk_crash(&n->disk, 0);
    sim_trace(s, "%-8s has stopped", n->id);
    node_down(s, n, n->disk.state == STORE_OK);
}

void node_stop(struct sim *s, struct sim_node *n)
{
    struct engine_input in = {.kind = ENGINE_STOP};

    if (n->engine == NULL || n->stopping)
        return;
    n->stopping = true;
    sim_trace(s, "%-8s is told to stop", n->id);
    VEC_EACH (&s->h.lives, struct h_life, l) {
        if (l->node == n->index && l->life == n->life)
            l->stop_at = s->now;
    }
    if (!n->edge)
        history_mark(s, MARK_RELEASED);
    node_step(s, n, &in);
    sim_file_for(s, s->now + (n->edge ? 500 : 12000), on_stopped, n);
}

void node_free(struct sim *s, struct sim_node *n)
{
    (void)s;
    engine_free(n->engine);
    n->engine = NULL;
    disk_clear(&n->disk);
}
