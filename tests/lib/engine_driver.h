/* Drives an engine in virtual time and keeps what it said. Rows go into a table of their own, as
 * into a disk, so that another engine can be started from them. */
#pragma once

#include "common/core/engine.h"

struct driver_text { /* owned, NUL-terminated */
    char *p;
    size_t n;
};

struct driver_reply {
    uint64_t request_id;
    int status;
    struct driver_text body;    /* all slices so far */
    struct driver_text headers; /* "Name: value\n"… */
    bool more;
};

struct driver_send {
    uint64_t id;
    enum send_way way;
    struct driver_text url, body, peer;
    struct driver_text headers;
    int64_t timeout_ms;
    int64_t at_mono_ms; /* when it left */
    bool cancelled;
    bool done; /* its fate was given by driver_deliver */
};

struct driver_row {
    uint32_t kind;
    struct driver_text key, value;
};

struct driver_txn { /* waits in the queue of a slow store */
    uint64_t txn;
    size_t bytes;
    struct driver_row *v; /* value.p NULL: a removal */
    size_t n;
};

struct driver_ledger {
    enum ledger_verdict verdict;
    uint64_t fp;
    struct driver_text target, what, cause;
};

struct driver {
    struct engine *engine;
    struct arena *arena;
    struct now now;
    int64_t wake_mono_ms;
    uint64_t next_request;
    bool manual_store; /* the test gives ENGINE_STORED itself */
    uint64_t txn;      /* the newest transaction put out */
    size_t queue_max;  /* not 0: the store is slow and commits in driver_commit only; what is more
                          is refused */
    size_t queue_bytes, queue_peak, refused;
    uint64_t refused_txn; /* the last of them */
    uint64_t stored_txn;  /* the last one reported as stored */
    bool owes_recovered;  /* after a refusal, a report without a new transaction */
    struct {
        struct driver_txn *v;
        size_t n, cap;
    } queue; /* lost by a restart */
    struct {
        struct driver_reply *v;
        size_t n, cap;
    } replies;
    struct {
        struct driver_send *v;
        size_t n, cap;
    } sends;
    struct {
        struct driver_row *v;
        size_t n, cap;
    } rows; /* sorted by kind and key: the disk */
    struct {
        struct driver_ledger *v;
        size_t n, cap;
    } ledger;
};

#define DRIVER_WALL_START INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define DRIVER_MONO_START INT64_C(1000000)

void driver_init(struct driver *d, struct engine *engine); /* owns the engine */
void driver_clear(struct driver *d);
/* Another engine on the same disk: the old one is freed, requests and sends are forgotten. */
void driver_restart(struct driver *d, struct engine *engine);

void driver_step(struct driver *d, struct engine_input *in); /* sets in->now, keeps the output */
void driver_restore_and_start(struct driver *d);             /* after the first configuration */
/* Lets time pass, with a tick whenever the engine asked for one. */
void driver_advance(struct driver *d, int64_t ms);
/* Ticks until nothing is due at this instant. */
void driver_settle(struct driver *d);

uint64_t driver_request(struct driver *d, const char *method, const char *path, const char *query,
                        const char *body);               /* JSON; returns the request's id */
void driver_more(struct driver *d, uint64_t request_id); /* until the answer is complete */
const struct driver_reply *driver_reply(const struct driver *d, uint64_t request_id); /* NULL */

/* Gives the fate of a send. */
void driver_deliver(struct driver *d, uint64_t send_id, int status);
void driver_deliver_full(struct driver *d, const struct engine_delivery *delivery);
void driver_stored(struct driver *d, uint64_t txn, enum store_result result);
/* A slow store commits all that waits and reports it; false when nothing did. */
bool driver_commit(struct driver *d);
/* Sends to receivers whose fate is open; the i-th, in the order in which they left. */
size_t driver_open_sends(const struct driver *d);
const struct driver_send *driver_open_send(const struct driver *d, size_t i);
size_t driver_ledger_count(const struct driver *d, enum ledger_verdict verdict);
