/* Membership of a mesh, and what its members tell each other: SWIM with Lifeguard's health
 * awareness and suspicion, as memberlist speaks it, so that Alertmanagers and our own nodes form
 * one cluster. docs/formats/gossip.md has the bytes, docs/decisions/gossip-core.md what is done
 * otherwise and why.
 *
 * Pure. Packets, streams and time go in; packets, operations on streams and events come out, into a
 * gossip_output whose memory is an arena's. Several inputs may write to one output. Randomness is a
 * generator seeded by the options. Texts in events live as long as that arena; those of members
 * (gossip_find, gossip_members) until the next input.
 *
 * A member is alive, suspect (accused, may still refute), dead or left; alive and suspect ones are
 * present. Dead and left ones are kept for a while, so that late news about them are known to be
 * late. */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/now.h"

struct gossip;

#define GOSSIP_OURS "tocsin/1" /* our nodes' meta begins so: they also get what is only for us */
#define GOSSIP_VERSIONS 6

struct gossip_address {
    uint8_t n; /* of bytes: 4 or 16; 0: unknown */
    uint8_t bytes[16];
    uint16_t port;
};
/* An IPv4 address that came mapped into IPv6 equals the plain one. */
bool gossip_address_eq(const struct gossip_address *a, const struct gossip_address *b);
struct str gossip_address_text(const struct gossip_address *a, struct arena *arena); /* host:port */

enum gossip_state { GOSSIP_ALIVE, GOSSIP_SUSPECT, GOSSIP_DEAD, GOSSIP_LEFT };
const char *gossip_state_text(enum gossip_state state);

struct gossip_member {
    struct str name, meta;
    struct gossip_address address;
    enum gossip_state state;
    uint32_t incarnation;
    int64_t since_mono_ms; /* of the state */
    uint8_t versions[GOSSIP_VERSIONS];
    bool self;
    bool ours; /* runs tocsin */
};

/* Zero members are filled with the defaults (memberlist's LAN profile, Alertmanager's exchange
 * interval). */
struct gossip_timing {
    int64_t probe_interval_ms;     /* 1000 */
    int64_t probe_timeout_ms;      /* 500 */
    int64_t gossip_interval_ms;    /* 200 */
    int64_t push_pull_interval_ms; /* 60000 */
    int64_t gossip_to_dead_ms;     /* 30000; later they are forgotten */
    int64_t tcp_timeout_ms;        /* 10000 */
    unsigned indirect_checks;      /* 3 */
    unsigned suspicion_mult;       /* 4 */
    unsigned suspicion_max_mult;   /* 6 */
    unsigned awareness_max;        /* 8: the probe interval is stretched at most so many times */
    unsigned retransmit_mult;      /* 4: of news about members */
    unsigned user_mult;            /* 3: of broadcasts */
    unsigned gossip_nodes;         /* 3 */
};

struct gossip_options {
    struct str name; /* 1 to 255 bytes of UTF-8 without control characters; unique in the mesh */
    struct gossip_address address; /* where others reach us */
    struct str meta;               /* at most 512 bytes; GOSSIP_OURS for a node of ours */
    struct str label;              /* of the cluster, at most 255 bytes; empty: none */
    uint64_t seed;                 /* unpredictable outside of tests */
    struct gossip_timing timing;
    size_t members_max;    /* 1024; dead ones included */
    size_t broadcasts_max; /* 4096 */
    size_t oversize_max;   /* 200: broadcasts waiting that are too long for a packet */
    size_t streams_max;    /* 64 that others opened */
    size_t per_source_max; /* 8 of those from one address */
    bool no_awareness;     /* for measuring what it brings */
    /* Appends our state for a full exchange; peer is NULL when it is not known who will read it. */
    void (*local_state)(struct buf *b, const struct gossip_member *peer, void *arg);
    void *arg;
};

/* -EINVAL when name, address, meta or label are not as they should be. */
MUST_CHECK int gossip_options_check(const struct gossip_options *o, struct err *err);
struct gossip *gossip_new(const struct gossip_options *o, struct now now); /* checked options */
void gossip_free(struct gossip *g);

/* ---- output ---- */

struct gossip_packet {
    struct gossip_address to;
    struct str bytes;
};

/* A stream is known by its id, given by gossip when it is asked to be opened or is accepted. */
enum gossip_stream_do {
    GOSSIP_STREAM_OPEN,  /* connect to `to`, then call gossip_stream_opened, or _closed */
    GOSSIP_STREAM_WRITE, /* bytes */
    GOSSIP_STREAM_CLOSE, /* when what was written has gone out; the id is over */
    GOSSIP_STREAM_DROP   /* at once; the id is over */
};

struct gossip_stream_op {
    enum gossip_stream_do what;
    uint64_t id;
    struct gossip_address to;
    struct str bytes;
};

enum gossip_event_kind {
    GOSSIP_JOINED, /* member is alive that was unknown, dead or left */
    GOSSIP_GONE,   /* member is dead or left: see its state */
    GOSSIP_SUSPECTED,
    GOSSIP_REFUTED,     /* a suspect is alive */
    GOSSIP_UPDATED,     /* meta or address have changed */
    GOSSIP_CONFLICT,    /* somebody at `address` uses the name of member (ours, when it is self) */
    GOSSIP_ACCUSED,     /* we were called suspect or dead (by text), and have refuted */
    GOSSIP_MESSAGE,     /* bytes: a user message, from a packet or a stream */
    GOSSIP_STATE,       /* bytes: a peer's whole state */
    GOSSIP_JOIN_OK,     /* gossip_join of `address`: states were exchanged */
    GOSSIP_JOIN_FAILED, /* the same: text says why */
    GOSSIP_UNTOLD,      /* member was not reached with bytes, a message over a stream; text */
    GOSSIP_LEFT_DONE,   /* the others have been told that we leave */
    GOSSIP_ONLY_TCP,    /* member answers over TCP, but not over UDP */
    GOSSIP_REFUSED      /* something from `address` was not understood; rate-limited; text */
};

struct gossip_event {
    enum gossip_event_kind kind;
    struct gossip_member member;
    struct gossip_address address;
    struct str bytes;
    struct str text; /* for people */
};

struct gossip_output {
    struct arena *arena;
    struct gossip_packet *packets;
    size_t packets_n, packets_cap;
    struct gossip_stream_op *ops; /* in this order */
    size_t ops_n, ops_cap;
    struct gossip_event *events;
    size_t events_n, events_cap;
};
void gossip_output_init(struct gossip_output *out, struct arena *arena);

/* ---- inputs ---- */

/* Does what is due; to be called at gossip_next_ms (mono) or whenever. */
void gossip_tick(struct gossip *g, struct now now, struct gossip_output *out);
int64_t gossip_next_ms(const struct gossip *g);

void gossip_packet(struct gossip *g, struct now now, const struct gossip_address *from,
                   struct str bytes, struct gossip_output *out);

/* Somebody connected. 0: refused, close it; else the stream's id. */
uint64_t gossip_accept(struct gossip *g, struct now now, const struct gossip_address *from);
void gossip_stream_opened(struct gossip *g, struct now now, uint64_t id, struct gossip_output *out);
void gossip_stream_bytes(struct gossip *g, struct now now, uint64_t id, struct str bytes,
                         struct gossip_output *out);
/* Ended by the other side, broken, or never opened. Unknown ids are ignored by all three. */
void gossip_stream_closed(struct gossip *g, struct now now, uint64_t id, struct str why,
                          struct gossip_output *out);

/* Exchanges states with whoever is there; ends in GOSSIP_JOIN_OK or _FAILED. */
void gossip_join(struct gossip *g, struct now now, const struct gossip_address *to,
                 struct gossip_output *out);
void gossip_leave(struct gossip *g, struct now now, struct gossip_output *out);

enum gossip_scope { GOSSIP_TO_ALL, GOSSIP_TO_OURS };

/* Tells everybody, or every node of ours. name: see broadcasts.h; only names of one scope meet.
 * What is too long for packets goes to each over a stream. False: too long altogether, or too many
 * are waiting. */
bool gossip_broadcast(struct gossip *g, struct now now, enum gossip_scope scope, struct str name,
                      struct str bytes, struct gossip_output *out);
/* Over a stream, to one. False: not present, or too many streams. */
bool gossip_send(struct gossip *g, struct now now, struct str member, struct str bytes,
                 struct gossip_output *out);

#define GOSSIP_PACKED_MAX 700                /* a broadcast up to this length goes by packet */
#define GOSSIP_MESSAGE_MAX (MIB(4) + KIB(1)) /* and this is the longest */

/* ---- questions ---- */

const struct gossip_member *gossip_find(const struct gossip *g, struct str name); /* NULL */
const struct gossip_member *gossip_self(const struct gossip *g);
/* Sorted by name, in the arena; present ones only, or all. */
size_t gossip_members(const struct gossip *g, bool all, struct arena *a,
                      const struct gossip_member ***ret);
size_t gossip_present(const struct gossip *g);  /* members alive or suspect, ourselves included */
size_t gossip_position(const struct gossip *g); /* present members whose names come before ours */
unsigned gossip_health(const struct gossip *g); /* Lifeguard's score; 0: well */

enum gossip_refusal { /* why something was not taken */
                      GOSSIP_BAD_FORM,
                      GOSSIP_BAD_VERSIONS,
                      GOSSIP_BAD_NODE, /* a name, address or port that cannot be */
                      GOSSIP_FOREIGN_LABEL,
                      GOSSIP_FAR_INCARNATION,
                      GOSSIP_TOO_MANY_MEMBERS,
                      GOSSIP_TOO_MANY_STREAMS,
                      GOSSIP_NOT_A_MEMBER, /* asked to probe somebody we do not know */
                      GOSSIP_TIMED_OUT,
                      GOSSIP_REFUSALS
};
const char *gossip_refusal_text(enum gossip_refusal r);

struct gossip_count {
    uint64_t n, bytes;
};

struct gossip_stats {
    struct gossip_count packets_in, packets_out;
    struct gossip_count streams_in, streams_out;
    struct gossip_count states_in, states_out;   /* of users, whole */
    struct gossip_count updates_in, updates_out; /* messages of users, each time one goes out */
    uint64_t refused[GOSSIP_REFUSALS];
    uint64_t probes, probes_failed, indirect_probes, tcp_probes_ok;
    uint64_t suspicions, deaths, refutations; /* refutations: our own */
    uint64_t conflicts;                       /* of names */
    uint64_t broadcasts_dropped, oversize, oversize_dropped;
    uint64_t untold; /* messages over streams, each to one, that did not arrive */
    size_t broadcasts_waiting, oversize_waiting; /* waiting: of users */
    size_t by_state[4];
};
struct gossip_stats gossip_stats(const struct gossip *g);

/* Round trips of answered probes of a member, and how often it was said to be alive. */
#define GOSSIP_PING_BUCKETS 8
extern const int gossip_ping_bounds_ms[GOSSIP_PING_BUCKETS - 1]; /* upper; the last has none */

struct gossip_member_stats {
    uint64_t pings[GOSSIP_PING_BUCKETS]; /* each ping in one of them */
    uint64_t pings_ms, alive_messages;
};
struct gossip_member_stats gossip_member_stats(const struct gossip *g, struct str name);
