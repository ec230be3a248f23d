/* The world of the simulator: nodes with the engines that ship, their clocks and disks, the network
 * between them, and the people and machines around them, in virtual time from one seed.
 *
 * Everything that happens is an event in one heap, ordered by (time, order of filing), and all
 * chance comes from generators split by purpose, so a seed is a whole run. What happens is written
 * into a history (history.h), which checkers (check.h) judge afterwards. */
#pragma once

#include "common/base/buf.h"
#include "common/base/heap.h"
#include "common/base/map.h"
#include "common/base/rand.h"
#include "common/base/vec.h"
#include "common/core/engine.h"
#include "tests/sim/disk.h"
#include "tests/sim/history.h"

#define SIM_WALL_START INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define SIM_SITES_MAX 4
#define SIM_EDGES_MAX 3 /* a site */
#define SIM_GLOBALS_MAX 3
#define SIM_NODES_MAX (SIM_SITES_MAX * SIM_EDGES_MAX + SIM_GLOBALS_MAX)
#define SIM_RECEIVERS_MAX 24

struct sim;
struct sim_event;
typedef void (*sim_event_fn)(struct sim *s, struct sim_event *e);

/* Owned by the heap until it runs; then freed. */
struct sim_event {
    struct heap_node at;
    sim_event_fn fn;
    int node;      /* whose input it is; -1: nobody's. A paused node's events wait */
    unsigned life; /* of that node, when it was filed; one of an earlier life is dropped unless
                      0 */
    uint64_t a, b; /* the event's own */
    void *arg;     /* lent */
    char *text;    /* owned */
    size_t text_n;
};

struct sim_node {
    char name[16], site[16]; /* site "" for globals */
    char id[40];             /* a/e1, g1 */
    int index;
    bool edge;
    struct engine *engine; /* NULL: down */
    unsigned life;         /* rises with each start; from 1 */
    unsigned store_life;   /* rises when the store is wiped or regressed */
    bool stopping;
    bool clean;            /* the last stop was orderly */
    bool regressed, wiped; /* before the next start */
    char uuid[37];         /* given at the first start of the present store */

    int64_t mono_offset_ms, drift_ppm, wall_offset_ms;
    int64_t paused_until;
    struct disk disk;
    int64_t disk_min_ms, disk_max_ms;
    struct sim_event *wake; /* filed; NULL: none */
    uint64_t last_txn;      /* of the newest step with rows in this life */
    int crash_on;           /* 1: at the next rows, 2: at the next page */
    unsigned isolated;      /* faults that keep it from receivers and people */
    int64_t started_at;
};

/* One request under way: from a node or a person to a node. */
struct sim_call {
    uint64_t id; /* request id at the callee, unique in the world */
    int from;    /* -1: a person */
    unsigned from_life, to_life;
    uint64_t send_id; /* of `from` */
    int to;
    bool done;    /* the caller has its answer, or gave up */
    bool arrived; /* the callee has it and has not answered */
    bool flying;  /* it will arrive */
    bool copy;    /* a stray duplicate: its answer goes nowhere */
    char *method, *path, *query, *body;
    size_t body_n;
    enum engine_listener listener;
    struct principal who;
    char user[32];
    int64_t sent_at;
    char *answer; /* slices so far */
    size_t answer_n;
    int status;
    void (*on_answer)(struct sim *s, struct sim_call *c, enum send_outcome outcome); /* people */
    void *arg; /* owned: freed with the call */
    UT_hash_handle hh;
};

enum receiver_mood { MOOD_WELL, MOOD_5XX, MOOD_HANG, MOOD_4XX, MOOD_MUTE, MOOD_DOWN };

struct sim_receiver {
    char name[24];
    bool pager; /* a human reads it */
    enum receiver_mood mood;
};

/* An alert that Prometheus of a site evaluates. */
struct sim_alert {
    uint8_t told[SIM_NODES_MAX]; /* the last word that each edge took in: 0 none, 1 resolved, 2
                                    firing */
    char aid[24];                /* <site>-<number> */
    int site;
    char alertname[24], service[16], team[16], severity[12];
    bool muted; /* people have silenced it, or are about to */
    bool firing;
    int64_t starts_at, ends_at; /* the present or last episode, true time */
    uint64_t episodes;
    int64_t resend_until; /* resolved ones are sent again for a while */
    uint64_t fp;
};

struct sim_link { /* from node i to node j, one way */
    unsigned cut; /* how many faults cut it */
    unsigned loss_per_10000;
    int64_t clog_until;
    int64_t clog_ms;
};

struct sim_options {
    const char *only; /* judge by one checker, by its name; NULL: all */
    uint64_t seed;
    bool trace;
    bool faults;
    int64_t safety_ms; /* 0: the default */
    /* for scenarios */
    bool quiet; /* no world of its own: no alerts, humans, faults */
    int sites, edges, globals;
};

struct sim {
    struct sim_options o;
    int64_t now;
    struct heap heap;
    uint64_t events;
    uint64_t digest;
    struct {
        struct rand topology, work, net, disk, clock, nemesis, human, engine;
    } rand;
    struct arena *arena; /* of the step under way */
    struct sim_node nodes[SIM_NODES_MAX];
    int nodes_n, sites_n, edges_n, globals_n; /* edges_n: a site; globals come last in nodes */
    char site_names[SIM_SITES_MAX][16];
    struct sim_link links[SIM_NODES_MAX][SIM_NODES_MAX];
    struct sim_receiver receivers[SIM_RECEIVERS_MAX];
    int receivers_n;
    struct {
        struct sim_alert *v;
        size_t n, cap;
    } alerts;
    struct sim_call *calls; /* by id */
    uint64_t next_id;
    int64_t dup_per_10000, loss_per_10000; /* everywhere, always */
    int64_t latency_ms;
    bool work_over; /* no new episodes */
    bool healed;
    int faults_active;
    int64_t fault_last_end;
    char *global_yml;
    bool adversary; /* a node of site 0 with a good certificate and bad intentions */
    struct history h;
};

/* ---- world.c ---- */

struct sim *sim_new(const struct sim_options *o);
void sim_free(struct sim *s);
void sim_run_until(struct sim *s, int64_t t);
struct sim_event *sim_file(struct sim *s, int64_t at, sim_event_fn fn);
struct sim_event *sim_file_for(struct sim *s, int64_t at, sim_event_fn fn, struct sim_node *n);
void sim_trace(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sim_mix(struct sim *s, uint64_t v); /* into the digest */
int sim_site_edge(const struct sim *s, int site, int edge);
static inline int sim_global(const struct sim *s, int i)
{
    return s->nodes_n - s->globals_n + i;
}
int sim_node_by_name(const struct sim *s, const char *id);

/* ---- node.c ---- */

void node_start(struct sim *s, struct sim_node *n);
void node_crash(struct sim *s, struct sim_node *n);
void node_crash_soon(struct sim *s, struct sim_node *n, int64_t after_ms);
void node_stop(struct sim *s, struct sim_node *n);
void node_down(struct sim *s, struct sim_node *n, bool clean);
void node_step(struct sim *s, struct sim_node *n, struct engine_input *in);
void node_request(struct sim *s, struct sim_node *n, const struct sim_call *c);
struct now node_now(const struct sim *s, const struct sim_node *n);
int64_t node_mono_to_true(const struct sim_node *n, int64_t mono_ms);
void node_disk_state(struct sim *s, struct sim_node *n, enum store_result state);
void node_free(struct sim *s, struct sim_node *n);

/* ---- config.c ---- */

void config_make(struct sim *s);
struct edge_config *config_edge(const struct sim *s, const struct sim_node *n);
struct global_config *config_global(const struct sim *s);

/* ---- net.c ---- */

void net_send(struct sim *s, struct sim_node *from, const struct engine_send *send);
void net_cancel(struct sim *s, struct sim_node *from, uint64_t send_id);
void net_reply(struct sim *s, struct sim_node *n, const struct engine_reply *r);
void net_node_down(struct sim *s, struct sim_node *n);
/* A person or program at a node's web listener; on_answer comes once. */
struct sim_call *net_web(struct sim *s, int to, const char *method, const char *path,
                         const char *query, const char *body, const char *user);
struct sim_call *net_federation(struct sim *s, int to, const char *path, struct str body,
                                const struct principal *who);
void net_free(struct sim *s);

/* ---- work.c: Prometheus; people.c: receivers, humans, the adversary ---- */

struct post_item { /* what a POST said of an alert */
    size_t alert;
    bool firing;
};
struct post {
    size_t n;
    struct post_item v[];
};
void work_start(struct sim *s);
void work_post(struct sim *s, int site);
void work_fire(struct sim *s, struct sim_alert *a, int64_t for_ms);
void work_resolve(struct sim *s, struct sim_alert *a);
void work_schedule(struct sim *s, size_t alert, int64_t at); /* its next firing */
void silences_start(struct sim *s); /* silences.c: people who silence what is known */
struct sim_alert *work_alert(struct sim *s, int site, const char *alertname, const char *service,
                             const char *team, const char *severity);
void receiver_send(struct sim *s, struct sim_node *from, const struct engine_send *send);
void receiver_cancel(struct sim *s, struct sim_node *from, uint64_t send_id);
struct sim_receiver *receiver_find(struct sim *s, struct str name);
void human_ack(struct sim *s, int global, const char *incident, uint64_t generation,
               const char *verb, int tries);
void adversary_start(struct sim *s);

/* ---- views.c ---- */

/* Asks every node's API what it shows; the answers are in the history soon after. */
void views_ask(struct sim *s);

/* ---- run.c ---- */

/* A whole run: warm-up, faults, heal, rest, views, checkers. The caller frees. */
struct sim *sim_run(const struct sim_options *o);

/* ---- faults.c ---- */

void faults_start(struct sim *s, int64_t from, int64_t to);
void faults_heal(struct sim *s);
void fault_cut(struct sim *s, int a, int b, bool on); /* both ways */
