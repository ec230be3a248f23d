/* The one door of the core: an input goes in, an output comes out, nothing else happens.
 *
 * An engine is the whole deciding part of a daemon: edge/core/edge.h and global/core/global.h each
 * make one. The daemon (or the simulator) calls engine_step for every event and carries out what
 * the output lists, in this order: rows are handed to the store, then sends and replies go out,
 * then the next wake-up is armed. Slow work comes back as an input: ENGINE_STORED for rows,
 * ENGINE_DELIVERED for sends.
 *
 * Ownership: an input stays the caller's and must live until engine_step returns; the engine copies
 * what it keeps. The output lies in the arena and lives until the caller resets it. Pure: no clock,
 * socket, file, entropy or log below here. */
#pragma once

#include "common/base/arena.h"
#include "common/base/log.h"
#include "common/base/now.h"
#include "common/base/row.h"
#include "common/core/ledger.h"
#include "common/core/model/identity.h"

struct engine;
struct edge_config;
struct global_config;

/* ---- inputs ---- */

enum engine_input_kind {
    ENGINE_RESTORE,   /* one row of the store, in (kind, key) order; before ENGINE_START */
    ENGINE_IMPORT,    /* records of the daemon that an edge replaces; between rows and start */
    ENGINE_START,     /* all rows were given; from now on the engine decides */
    ENGINE_CONFIG,    /* a new configuration; the first one comes before ENGINE_RESTORE */
    ENGINE_TICK,      /* the wake-up asked for has come (or an earlier one) */
    ENGINE_REQUEST,   /* an authenticated HTTP request */
    ENGINE_MORE,      /* the client took the last slice of an answer that had `more` set */
    ENGINE_GONE,      /* the client of an unanswered (or half answered) request has left */
    ENGINE_STORED,    /* the fate of a transaction */
    ENGINE_DELIVERED, /* the fate of a send */
    ENGINE_HEALTH,    /* how this machine is: certificates, disk; every minute and on change */
    ENGINE_STOP       /* the daemon was asked to stop: give up duty, answer long polls */
};

enum engine_listener { LISTENER_WEB, LISTENER_FEDERATION };

/* Who asks, as io has authenticated it. */
struct principal {
    enum { PRINCIPAL_NONE, PRINCIPAL_USER, PRINCIPAL_PEER } kind;
    struct str user;          /* PRINCIPAL_USER: name from basic auth or the client certificate */
    struct identity identity; /* PRINCIPAL_PEER: from the one URI SAN of the client certificate */
};

struct engine_request {
    uint64_t id; /* unique while the process lives */
    enum engine_listener listener;
    struct principal who;
    struct str method; /* upper case; HEAD arrives as GET, but below /api/v2 */
    struct str path;   /* percent-decoded, without route prefix */
    struct str query;  /* raw, without '?' */
    struct str host;
    struct str content_type;
    struct str accept;
    struct str origin;
    struct str cors_method, cors_headers; /* Access-Control-Request-… */
    struct str body;
};

enum store_result {
    STORE_OK,
    STORE_UNKNOWN, /* a commit failed: the rows may or may not be there after a crash; the store
                      retries by itself */
    STORE_FULL     /* disk or queue full */
};

enum send_outcome {
    SEND_ANSWERED, /* a complete HTTP answer came: see status */
    SEND_NOT_SENT, /* nothing left this machine: refused, name not found, TLS failure, cancelled in
                      the queue */
    SEND_AMBIGUOUS /* bytes were sent but no answer came: it may have arrived */
};

struct engine_delivery {
    uint64_t send_id;
    enum send_outcome outcome;
    int status; /* SEND_ANSWERED only */
    struct str body;
    int64_t retry_after_ms; /* -1 when the answer had no Retry-After */
    struct str error;       /* for logs; without secrets */
};

struct engine_start {
    bool fresh;     /* the store is new */
    bool clean;     /* the last stop was orderly */
    bool regressed; /* rows known to have been committed are gone, or the store was set aside or
                       restored */
    char uuid[37];  /* a fresh random UUID, for whoever needs one at first start */
    char boot[17];  /* 16 hex digits, new at every start of the process */
};

/* A piece of a snapshot file of an Alertmanager: whole records (gossip/import.h). */
enum import_file { IMPORT_SILENCES, IMPORT_NFLOG, IMPORT_FILES };

struct engine_import {
    enum import_file file;
    struct str records;
    size_t at; /* of the piece in the file */
    bool last; /* the file ends with it */
};

/* Times are the wall clock's; TIME_NEVER when there is no such thing. */
struct engine_health {
    int64_t cert_ends_wall_ms; /* our certificate for the other tier */
    int64_t ca_ends_wall_ms;   /* the earliest of the CA file */
    int64_t crl_ends_wall_ms;  /* nextUpdate of the CRL */
    bool store_failing;
    uint64_t free_bytes; /* of the store's file system */
};

struct engine_input {
    enum engine_input_kind kind;
    struct now now;
    union {
        struct row_op row;             /* ENGINE_RESTORE */
        struct engine_import import;   /* ENGINE_IMPORT */
        struct engine_start start;     /* ENGINE_START */
        struct engine_request request; /* ENGINE_REQUEST */
        uint64_t request_id;           /* ENGINE_MORE, ENGINE_GONE */
        struct {                       /* ENGINE_STORED */
            uint64_t txn;              /* STORE_OK: this one and all before it are durable */
            enum store_result result;
        } stored;
        struct engine_delivery delivery;     /* ENGINE_DELIVERED */
        struct engine_health health;         /* ENGINE_HEALTH */
        struct edge_config *edge_config;     /* ENGINE_CONFIG: the engine becomes the owner */
        struct global_config *global_config; /* ENGINE_CONFIG: the engine becomes the owner */
    };
};

/* ---- output ---- */

struct engine_header {
    const char *name;
    struct str value;
};

#define ENGINE_REPLY_HEADERS_MAX 6

struct engine_reply {
    uint64_t request_id;
    int status;               /* 0: a later slice of an answer begun with `more` */
    const char *content_type; /* NULL: none */
    struct engine_header headers[ENGINE_REPLY_HEADERS_MAX]; /* name NULL ends */
    struct str body;
    bool more; /* the body goes on: ENGINE_MORE fetches the next slice (only body and more count
                  then) */
    bool io_metrics; /* the daemon appends its own metrics (store, HTTP, client, process) to the
                        body */
};

/* What kind of connection a send takes. */
enum send_way {
    SEND_RECEIVER, /* a receiver of notifications or pages */
    SEND_UPLINK    /* mutual TLS to a global node; `peer` is the name its certificate must carry */
};

#define ENGINE_SEND_HEADERS_MAX 8

struct engine_send {
    uint64_t id;
    enum send_way way;
    struct str peer; /* SEND_UPLINK */
    struct str
        lane; /* sends of one lane may wait for each other, other lanes never wait for them */
    const char *method;
    struct str url;
    const char *content_type;
    struct engine_header headers[ENGINE_SEND_HEADERS_MAX]; /* name NULL ends */
    struct str body;
    int64_t timeout_ms;
    bool cancel; /* give up send `id` if it is still under way; only id counts */
};

struct engine_output {
    const struct engine_reply *replies;
    size_t replies_n;
    const struct engine_send *sends;
    size_t sends_n;
    const struct row_op *rows; /* one transaction, atomic; none when rows_n == 0 */
    size_t rows_n;
    uint64_t txn; /* names that transaction in ENGINE_STORED; rises by one each */
    const struct log_record *logs;
    size_t logs_n;
    const struct ledger_row *ledger;
    size_t ledger_n;
    int64_t wake_mono_ms; /* call with ENGINE_TICK at this time, or earlier; TIME_NEVER for none */
};

struct engine_output engine_step(struct engine *e, const struct engine_input *in,
                                 struct arena *arena);
void engine_free(struct engine *e);

/* Order-independent digest of the engine's state, for the simulator's determinism check. */
uint64_t engine_digest(const struct engine *e);

/* ---- for engines: how one is made, and how an output is written ---- */

/* Embedded as the first member of struct edge and struct global. */
struct engine {
    const struct engine_ops *ops;
    uint64_t next_txn; /* starts at 1 */
    uint64_t next_send_id;
};

/* The output under construction. Everything added is copied into the arena, unless its comment says
 * "lent". */
struct out;

struct engine_ops {
    /* The handler of one input. Returns the next wake-up in mono_ms. */
    int64_t (*step)(struct engine *e, const struct engine_input *in, struct out *out);
    void (*free)(struct engine *e);
    uint64_t (*digest)(const struct engine *e);
};

struct arena *out_arena(struct out *out); /* for texts that the output lends */

/* body is lent: it lies in out_arena or is static. */
void out_reply(struct out *out, const struct engine_reply *reply);
void out_reply_json(struct out *out, uint64_t request_id, int status, struct str body);
/* {"error": "…"} with the status */
void out_reply_error(struct out *out, uint64_t request_id, int status, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Gives the send an id (returned) when send->id is 0. All its texts are lent. */
uint64_t out_send(struct out *out, const struct engine_send *send);
uint64_t out_next_send_id(struct out *out); /* to file the id before the send is written */

/* Overhead of a transaction in the store's queue; an operation has that of a struct row_op. */
#define ENGINE_TXN_BYTES 64

/* Rows of this step's transaction. key and value are copied. */
void out_put(struct out *out, uint32_t kind, struct str key, struct str value);
void out_delete(struct out *out, uint32_t kind, struct str key);
uint64_t out_txn(const struct out *out); /* the number that this step's rows have, or will have if
                                            any are added */
bool out_has_rows(const struct out *out);
/* What they take of the store's queue; ENGINE_TXN_BYTES included, 0 when there are none. */
uint64_t out_row_bytes(const struct out *out);

#define OUT_LOG(out, level, component, msg, ...) \
    out_log((out), (level), (component), (msg), (const struct log_kv[]){__VA_ARGS__}, \
            sizeof((const struct log_kv[]){__VA_ARGS__}) / sizeof(struct log_kv))
/* component and msg are constants; the fields' texts are copied. */
void out_log(struct out *out, enum log_level level, const char *component, const char *msg,
             const struct log_kv *kv, size_t kv_n);
void out_ledger(struct out *out, const struct ledger_row *row); /* its texts are copied */
