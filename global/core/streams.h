/* Streams and sites: who speaks, where each stream stands, who is silent.
 *
 * A stream is bound to (site, group, node) of the first certificate that names it. Streams are
 * never forgotten while they have firing members. Sites are made with their first stream and kept.
 *
 * Silence is counted from the last authenticated request of the stream, or from the start of this
 * process if that is later. It is known to the millisecond: at silent_after, not before. */
#pragma once

#include "common/base/heap.h"
#include "common/base/map.h"
#include "common/base/queue.h"
#include "common/core/engine.h"

struct global;
struct member;

#define STREAM_UUID_MAX 36
#define STREAM_BOOT_MAX 32
#define STREAM_PEERS_MAX 16     /* other global nodes that a heartbeat may report */
#define STREAM_UNDER_WAY_MAX 16 /* of more, the oldest is left out: the next one covers it */
#define STREAMS_PER_SITE_MAX 64
#define SILENT_AFTER_MS (90 * MS_PER_S)

/* Where a node is with a stream. */
struct stream_position {
    uint64_t epoch;              /* 0: nothing received yet */
    uint64_t cursor;             /* every row up to here was received */
    uint64_t live_from, live_to; /* the window ahead of the cursor; live_to == 0: none */
};

struct stream_peer { /* another global node as this edge reports it */
    char name[IDENTITY_NAME_MAX + 1];
    int64_t heard_mono_ms; /* when the edge was last answered by it, on our clock */
};

struct site {
    char name[IDENTITY_NAME_MAX + 1];
    TAILQ_HEAD(, stream) streams; /* by node name, then uuid */
    size_t streams_n;
    bool silent;                /* no stream of it was heard for silent_after */
    int64_t since_wall_ms;      /* of `silent`, for people */
    int64_t last_heard_mono_ms; /* -1: not since the start of this process */
    int64_t last_heard_wall_ms; /* 0: never; stored now and then only */
    uint64_t walk;              /* stamp of the last walk that saw it */
    bool duty;                  /* duty_until is in the future, as last told to the incidents */
    UT_hash_handle hh;
};

struct stream {
    char uuid[STREAM_UUID_MAX + 1];
    struct site *site;
    char group[IDENTITY_NAME_MAX + 1];
    char node[IDENTITY_NAME_MAX + 1];
    TAILQ_ENTRY(stream) site_link;

    /* What memory has taken in, and what is known to be durable: only that is told, and it must
     * never fall behind a receipt. In between, the positions whose transactions are under way. */
    struct stream_position at, stored;
    struct {
        uint64_t txn;
        struct stream_position at;
    } under_way[STREAM_UNDER_WAY_MAX];
    size_t under_way_n;
    TAILQ_ENTRY(stream) dirty_link; /* in streams.dirty while under_way_n > 0 */

    int64_t last_heard_mono_ms; /* -1: not since the start of this process */
    bool silent;                /* as stored, too */
    struct heap_node silence;   /* deadline: last heard + silent_after */

    /* From its last heartbeat. */
    char boot[STREAM_BOOT_MAX + 1];
    char holder[IDENTITY_NAME_MAX + 1];
    bool settled;
    uint64_t high, firing;
    uint64_t said_epoch;
    struct stream_peer peers[STREAM_PEERS_MAX];
    size_t peers_n;

    int64_t duty_until_mono_ms; /* duty.h; 0: none */
    struct heap_node duty;

    /* Directives. */
    uint64_t
        confirmed_ver;     /* in this node's directive epoch; everything up to it is stored there */
    uint64_t poll_request; /* the long poll under way; 0: none */
    uint64_t poll_since;   /* … asks for what came after this */
    struct heap_node poll; /* … and is answered by then */

    TAILQ_HEAD(, member) members; /* all registers of this stream, firing or not, oldest first */
    size_t members_n, firing_n, doubted_n;
    UT_hash_handle hh;
};

struct streams {
    struct stream *by_uuid; /* uthash */
    struct site *sites;     /* uthash, in order of first use */
    struct heap silence, duty, poll;
    TAILQ_HEAD(, stream) dirty;
    size_t silent_sites;
};

void streams_init(struct streams *t);
void streams_clear(struct global *g);

struct site *site_find(const struct global *g, struct str name);     /* NULL when unknown */
struct stream *stream_find(const struct global *g, struct str uuid); /* NULL when unknown */
struct site *site_first(const struct global *g);                     /* in order of first use */
struct site *site_next(const struct site *s);

/* The stream that a request of `who` names, bound to it at the first use. On a refusal it answers
 * the request (400, 403 foreign_stream or identity, 503 too_many_streams), counts it and returns
 * NULL. Otherwise the stream and its site count as heard now. */
struct stream *stream_open(struct global *g, const struct engine_request *r, struct str uuid,
                           struct out *out);

void stream_changed(struct global *g, struct stream *s,
                    struct out *out); /* `at` did: put the row */
void stream_put(struct stream *s, struct out *out);
bool stream_restore(struct global *g, const struct row_op *row);
bool site_restore(struct global *g, const struct row_op *row);

void streams_start(struct global *g);     /* counts silence from now */
void streams_on_stored(struct global *g); /* everything up to deferred_stored_txn is durable */
