/* What the files of the uplink share: uplink.c (life, dispatch), lanes.c (batches), heartbeat.c,
 * digest.c, relay.c (directives and journal). */
#pragma once

#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/rand.h"
#include "common/base/vec.h"
#include "edge/core/duty.h"
#include "edge/core/mirrors.h"
#include "edge/core/uplink.h"

#define UPLINK_BATCH_ROWS 2000
#define UPLINK_BATCH_BYTES MIB(1)
#define UPLINK_TIMEOUT_MS (5 * MS_PER_S)
#define UPLINK_POLL_TIMEOUT_MS (30 * MS_PER_S)
#define UPLINK_BACKOFF_MIN_MS 500
#define UPLINK_BACKOFF_MAX_MS (30 * MS_PER_S)
#define UPLINK_HOLD_MS (60 * MS_PER_S)    /* after an answer that trying again will not change */
#define UPLINK_BACKLOG_MS (30 * MS_PER_S) /* unreachable for so long: what waits is backlog */
#define UPLINK_DOWN_MS (60 * MS_PER_S)    /* until somebody is told */
#define UPLINK_RETRY_HEARTBEAT_MS (2 * MS_PER_S)
#define UPLINK_LEASE_MIN_MS (30 * MS_PER_S) /* what the global nodes count */
#define DIGEST_INTERVAL_MS (60 * MS_PER_S)
#define DIGEST_BUCKETS 256
#define DIGEST_REPAIR_MAX 2000 /* rows said again in one round */

/* The conversations with one node; each has at most one request under way. */
enum channel_kind {
    CHANNEL_BACKLOG,
    CHANNEL_LIVE,
    CHANNEL_HEARTBEAT,
    CHANNEL_DIGEST,
    CHANNEL_POLL,
    CHANNEL_JOURNAL,
    CHANNELS
};

struct channel {
    uint64_t send_id; /* 0: nothing under way */
    int64_t next_ms;  /* not before */
    unsigned fails;   /* in a row */
    bool held;        /* next_ms stands whatever else the node answers */
    int64_t sent_ms;
    uint64_t epoch;  /* at sending: of the spool */
    uint64_t cursor; /* at sending: the node's, so that an older one in the answer means it lost
                        something */
    uint64_t high;   /* digest: of the spool at sending. Batches: `to` */
    size_t rows;     /* batches */
};

struct uplink_node {
    char name[IDENTITY_NAME_MAX + 1];
    struct str url; /* lent by the configuration */
    struct channel channels[CHANNELS];
    int64_t last_answer_ms; /* of any request; the start when there was none */
    bool reachable;         /* the newest outcome was an answer */
    bool known;             /* a heartbeat told where it is with our stream */
    bool was_down;          /* it came back after UPLINK_BACKLOG_MS: what waits becomes backlog */
    uint64_t cursor;
    uint64_t window_from, window_to; /* 0, 0: none */
    uint64_t boundary; /* rows up to here go by the backlog lane; 0: there is no backlog */
    size_t rows_max;   /* rows a batch: halved by 413 */
    bool echoed;       /* the heartbeat under way carries the newest echo */
    struct edge_duty_other lowest;   /* the site's lowest-named other live stream as it sees it */
    uint64_t poll_since, poll_epoch; /* what the next poll confirms */
    uint64_t poll_news_since, poll_news_epoch; /* what it may confirm once poll_txn is stored */
    uint64_t poll_txn;                         /* 0: nothing waits */
    struct {
        uint64_t *v;
        size_t n, cap;
    } suspects; /* fps that fire there and not here, of the last round; sorted */
    struct {
        uint64_t batches, rows, receipts, heartbeats_failed, grants, digests, mismatches;
        uint64_t need_base, fenced, foreign, unknown_kind, bad_request, not_stored, other;
    } count;
};

struct uplink {
    const struct federation_config *config; /* lent */
    struct spool *spool;
    struct edge_mirrors *mirrors;
    struct edge_duty duty;
    struct rand rand;
    struct uplink_node *nodes[UPLINK_GLOBALS_MAX];
    size_t nodes_n;
    char node[IDENTITY_NAME_MAX + 1]; /* our own name */
    char boot[17];
    int64_t resolve_timeout_ms;
    int64_t started_ms;
    bool started;
    bool whole_start; /* the store was clean and whole */
    bool told_settled;
    bool duty_known;                     /* the store said who was granted last */
    char granted[IDENTITY_NAME_MAX + 1]; /* what it said */
    uint64_t duty_txn;                   /* the transaction that names the node to be granted */
    bool echoed_once;                    /* a grant was sent since the start */
    uint64_t mirrors_txn; /* the newest with rows of mirrors; 0 when all are stored, or refused */
    bool rows_lost;       /* the store has refused rows: all are put again when it has room */
    bool putting;         /* those of the spool, in slices, from put_next_seq on */
    uint64_t put_next_seq;
    struct {
        uint64_t epochs_raised, refreshed, denied, bad_answers, freed_early;
    } count;
};

/* ---- uplink.c ---- */

/* Begins `{"v":1,"stream":…,"epoch":…` in w over a fresh buffer b. */
void uplink_open_body(const struct uplink *u, struct buf *b, struct json_writer *w);
/* Sends the body (moved into the arena; NULL for GET) on the channel. path begins with '/'. */
void uplink_send(struct uplink *u, struct uplink_node *n, enum channel_kind kind,
                 const char *method, struct str path, struct buf *body, struct now now,
                 struct out *out);
bool channel_idle(const struct channel *c, struct now now); /* nothing under way, and due */
void channel_ok(struct channel *c, struct now now);
void channel_fail(struct uplink *u, struct channel *c, struct now now); /* backs off */
void channel_hold(struct channel *c, int64_t ms, struct now now);
/* When the path counts as down; TIME_NEVER when nothing waits for a first receipt. */
int64_t uplink_down_ms(const struct uplink *u);
bool uplink_settled(const struct uplink *u, struct now now);
void uplink_raise_epoch(struct uplink *u, uint64_t above, const char *cause, struct now now,
                        struct out *out);
/* Parses an answer's object; NULL (counted, logged) when it is none. json_object_put it. */
struct json_object *uplink_answer(struct uplink *u, const struct uplink_node *n, struct str body,
                                  struct out *out);
size_t uplink_index(const struct uplink *u, const struct uplink_node *n);
struct str uplink_arena_body(struct buf *b, struct out *out);

/* ---- lanes.c ---- */

/* An answer says where the node is with our stream; false when it does not parse. */
bool lanes_position(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                    struct json_object *o, struct now now, struct out *out);
void lanes_forget(struct uplink_node *n); /* the epoch was raised */
int64_t lanes_run(struct uplink *u, struct uplink_node *n, struct now now, struct out *out);
void lanes_answered(struct uplink *u, struct uplink_node *n, enum channel_kind kind,
                    const struct channel *sent, const struct engine_delivery *d, struct now now,
                    struct out *out);

/* ---- heartbeat.c, digest.c, relay.c ---- */

int64_t heartbeat_run(struct uplink *u, struct uplink_node *n, struct now now, struct out *out);
/* d is any outcome, failures included */
void heartbeat_delivered(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                         const struct engine_delivery *d, struct now now, struct out *out);
int64_t digest_run(struct uplink *u, struct uplink_node *n, struct now now, struct out *out);
void digest_answered(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                     const struct engine_delivery *d, struct now now, struct out *out);
int64_t relay_run(struct uplink *u, struct uplink_node *n, struct now now, struct out *out);
void relay_poll_answered(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                         const struct engine_delivery *d, struct now now, struct out *out);
void relay_journal_delivered(struct uplink *u, struct uplink_node *n,
                             const struct engine_delivery *d, struct now now, struct out *out);
void relay_stored(struct uplink_node *n, uint64_t txn, enum store_result result, struct now now);
