/* What gossip.c, news.c, probe.c, exchange.c and gossip_send.c share. Nobody else includes this. */
#pragma once

#include "common/base/heap.h"
#include "common/base/map.h"
#include "common/base/queue.h"
#include "common/base/rand.h"
#include "common/core/gossip/broadcasts.h"
#include "common/core/gossip/gossip.h"
#include "common/core/gossip/stream.h"
#include "common/core/gossip/wire.h"

#define ACCUSERS_MAX 16
#define RELAYS_MAX 256
#define INCARNATION_JUMP_MAX (UINT32_C(1) << 20)
#define OVERSIZE_OPEN_MAX 4     /* below what a peer takes from one address at once */
#define STREAM_HELD_MAX MIB(64) /* bytes of all streams that wait for the rest */

enum timer_kind {
    TIMER_PROBE_TICK,
    TIMER_PROBE_WAIT,
    TIMER_PROBE_END,
    TIMER_GOSSIP,
    TIMER_PUSH_PULL,
    TIMER_SUSPICION,
    TIMER_RELAY,
    TIMER_STREAM
};

struct timer {
    struct heap_node node;
    enum timer_kind kind;
};

/* A member and, while it is suspect, the case against it. */
struct member {
    struct gossip_member m; /* its texts are owned */
    UT_hash_handle hh;
    size_t place; /* in the list */
    struct timer suspicion;
    uint64_t accusers[ACCUSERS_MAX]; /* hashes of their names */
    unsigned accusers_n;
    unsigned wanted; /* confirmations that shorten the time to its least */
    int64_t suspected_ms, min_ms, max_ms;
    int64_t conflict_told_ms;
    struct gossip_member_stats stats;
};

/* A ping on behalf of somebody else. */
struct relay {
    UT_hash_handle hh;
    uint32_t seq, asker_seq;
    struct gossip_address asker;
    bool nack;
    struct timer timer;
};

/* One probe at a time: wait for the ack, then ask others and try TCP until the end. */
struct probe {
    struct member *target; /* NULL: none is under way */
    int64_t began_ms;
    uint32_t seq;
    unsigned expected, nacks;
    bool tcp_ok;
    bool tick_missed; /* the next one starts as soon as this one is over */
    uint64_t stream;  /* 0: none */
    struct timer wait, end;
};

struct shared { /* a message on its way over several streams */
    TAILQ_ENTRY(shared) link;
    size_t refs;
    bool ours_only;
    bool under_way; /* an oversize broadcast */
    size_t n;
    char data[];
};

enum purpose { STREAM_ACCEPTED, STREAM_JOIN, STREAM_EXCHANGE, STREAM_TELL, STREAM_PROBE };

struct stream {
    UT_hash_handle hh;
    uint64_t id;
    enum purpose purpose;
    struct gossip_address address;
    char *peer; /* whom we dialled, by name; NULL when it is not known */
    struct stream_reader reader;
    struct shared *message; /* STREAM_TELL */

    struct timer timer;
};

struct gossip {
    struct gossip_options options; /* its texts are owned */
    struct gossip_timing timing;
    struct rand rand;
    struct heap timers;
    struct timer probe_tick, gossip_tick, push_pull_tick;

    struct member *by_name;
    struct member **list; /* in the order in which they are probed */
    size_t n, cap, next;
    struct member *self;
    size_t present;
    bool leaving, left_told;

    unsigned health;
    uint32_t seq;
    struct probe probe;
    struct relay *relays;

    struct broadcasts *news;    /* about members */
    struct broadcasts *user[2]; /* by gossip_scope */
    TAILQ_HEAD(, shared) oversize;
    size_t oversize_n, oversize_open; /* waiting; under way */

    struct stream *streams;
    uint64_t next_stream;
    size_t accepted;
    int64_t refusal_told_ms;
    struct gossip_stats stats;
};

static inline void count(struct gossip_count *c, size_t bytes)
{
    c->n++;
    c->bytes += bytes;
}

static inline struct member *member_find(const struct gossip *g, struct str name)
{
    struct member *m = NULL;

    if (name.n > 0)
        HASH_FIND(hh, g->by_name, name.p, name.n, m);
    return m;
}

static inline bool is_present(const struct member *m)
{
    return m->m.state == GOSSIP_ALIVE || m->m.state == GOSSIP_SUSPECT;
}

/* gossip.c */
bool address_read(struct gossip_address *ret, struct str bytes, uint16_t port);
struct str address_bytes(const struct gossip_address *a); /* lends */
void timer_set(struct gossip *g, struct timer *t, int64_t at_ms);
void timer_stop(struct gossip *g, struct timer *t);
struct member *member_add(struct gossip *g, struct str name, const struct gossip_address *address);
void member_set_meta(struct member *m, struct str meta);
void member_enter(struct gossip *g, struct member *m, enum gossip_state state, struct now now);
void members_reap(struct gossip *g, struct now now);
void members_shuffle(struct gossip *g);
/* Up to n random ones for which want says yes; writes them to ret. */
size_t members_pick(struct gossip *g, size_t n, struct member **ret,
                    bool (*want)(const struct member *m, const void *arg), const void *arg);
void health_change(struct gossip *g, int by);
void refuse(struct gossip *g, struct now now, enum gossip_refusal why,
            const struct gossip_address *from, const char *text, struct gossip_output *out);

/* gossip_send.c */
struct gossip_event *out_event(struct gossip_output *out, enum gossip_event_kind kind,
                               const struct member *m);
struct gossip_stream_op *out_op(struct gossip_output *out, enum gossip_stream_do what, uint64_t id);
struct str wire_text(struct arena *a, const struct wire_message *m);
void tell_news(struct gossip *g, const struct wire_message *m, struct str about);
void tell_self(struct gossip *g);
void send_first(struct gossip *g, const struct gossip_address *to, const struct member *m,
                const struct wire_message *first, bool piggyback, struct gossip_output *out);
void send_both(struct gossip *g, const struct member *to, const struct wire_message *first,
               const struct wire_message *second, struct gossip_output *out);
bool send_gossip(struct gossip *g, const struct member *to, struct gossip_output *out);

/* news.c */
void news_alive(struct gossip *g, struct now now, const struct wire_alive *a,
                struct gossip_output *out);
void news_suspect(struct gossip *g, struct now now, const struct wire_accusation *s,
                  struct gossip_output *out);
void news_dead(struct gossip *g, struct now now, const struct wire_accusation *d,
               struct gossip_output *out);
void suspicion_due(struct gossip *g, struct now now, struct member *m, struct gossip_output *out);
const char *merge_refused(const struct gossip *g, const struct wire_record *records, size_t n);
void merge_records(struct gossip *g, struct now now, const struct wire_record *records, size_t n,
                   struct gossip_output *out);

/* probe.c */
void probe_tick(struct gossip *g, struct now now, struct gossip_output *out);
void probe_wait_due(struct gossip *g, struct now now, struct gossip_output *out);
void probe_end_due(struct gossip *g, struct now now, struct gossip_output *out);
void probe_ping(struct gossip *g, const struct gossip_address *from, const struct wire_ping *p,
                struct gossip_output *out);
void probe_indirect(struct gossip *g, struct now now, const struct gossip_address *from,
                    const struct wire_indirect_ping *p, struct gossip_output *out);
void probe_ack(struct gossip *g, struct now now, uint32_t seq, struct gossip_output *out);
void probe_nack(struct gossip *g, uint32_t seq);
void probe_tcp_ack(struct gossip *g, uint32_t seq);
struct wire_ping probe_ping_of(const struct gossip *g, struct str node, uint32_t seq);
void relay_due(struct gossip *g, struct relay *r, struct gossip_output *out);
void relays_clear(struct gossip *g);

/* exchange.c */
void exchange_tick(struct gossip *g, struct now now, struct gossip_output *out);
uint64_t stream_dial(struct gossip *g, struct now now, enum purpose purpose,
                     const struct gossip_address *to, struct str peer, int64_t deadline_ms,
                     struct gossip_output *out);
void stream_drop(struct gossip *g, uint64_t id, struct gossip_output *out);
void stream_due(struct gossip *g, struct now now, struct stream *s, struct gossip_output *out);
void oversize_next(struct gossip *g, struct now now, struct gossip_output *out);
void streams_clear(struct gossip *g);
