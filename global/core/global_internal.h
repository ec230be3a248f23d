/* struct global, for the files of global/core. */
#pragma once

#include "common/core/deferred.h"
#include "common/core/engine.h"
#include "global/core/global.h"
#include "global/core/global_config.h"
#include "global/core/incident_hooks.h"
#include "global/core/members.h"
#include "global/core/mirrors.h"
#include "global/core/streams.h"

struct incidents; /* the incident side's state; made by incident_on_config or incident_start */
struct pages;
struct api;

enum refusal {
    REFUSED_IDENTITY,
    REFUSED_BAD_REQUEST,
    REFUSED_NOT_FOUND,
    REFUSED_FOREIGN_STREAM,
    REFUSED_TOO_MANY_STREAMS,
    REFUSED_TOO_MANY_MEMBERS,
    REFUSED_FENCED,
    REFUSED_NEED_BASE,
    REFUSED_UNKNOWN_KIND,
    REFUSED_TOO_LARGE,
    REFUSED_ECHO,
    REFUSED_MAC,
    REFUSED_TOO_MANY_MIRRORS,
    REFUSALS
};

struct global_counts {
    uint64_t batches, rows_applied, rows_duplicate, voids;
    uint64_t refused[REFUSALS];
    uint64_t heartbeats, grants;
    uint64_t digests_matched, digests_differed, digests_later;
    uint64_t mirrors_set, mirrors_received, mirrors_duplicate, journals, polls, polls_answered;
    uint64_t texts_cut;        /* labels or annotations cut to their bound */
    uint64_t site_overwritten; /* rows whose site label was not that of the certificate */
    uint64_t rows_damaged;     /* of the store, left out at the start */
    uint64_t store_failures;
};

struct global {
    struct engine engine; /* first */
    char node[IDENTITY_NAME_MAX + 1];
    char *external_url, *version;
    struct global_limits limits;
    struct global_config *config; /* owned; NULL before the first ENGINE_CONFIG */

    struct now now; /* of this step */
    char boot[17];
    char uuid[37]; /* of this node's store */
    struct engine_health health;
    bool started, stopping;
    int64_t started_mono_ms;

    struct deferred *deferred;
    struct {
        struct engine_reply *v;
        size_t n, cap;
    } replies; /* of this step, that wait for its transaction; texts lent until its end */
    /* A transaction failed and none was stored since: memory is ahead of the disk, which the store
     * mends by itself (io/store.h). What is promised meanwhile waits for a later transaction. */
    bool failing;

    struct streams streams;
    struct members members;
    struct mirrors mirrors;
    struct incidents *incidents;
    struct pages *pages;
    struct api *api;
    struct global_counts counts;
};

/* The transaction that a reply or a send must wait for: this step's if it has rows, else the newest
 * one. While the store fails it makes sure that there is one whose fate is yet to be told. */
uint64_t global_txn(struct global *g, struct out *out);
/* A reply that promises durability of everything that this step does: after the commit, or 503.
 * Its texts must live until the end of the step. */
void global_reply_stored(struct global *g, struct out *out, const struct engine_reply *reply);
/* Counts, writes LEDGER_REFUSED and answers {"error":"<word>"} with the status. */
void global_refuse(struct global *g, struct out *out, const struct engine_request *r,
                   enum refusal why, int status, const char *detail);
void global_count_refusal(struct global *g, struct out *out, const struct engine_request *r,
                          enum refusal why); /* without the answer */
const char *refusal_name(enum refusal why);
/* tocsin_global_*: appends exposition text, incident_metrics included. */
void global_metrics(const struct global *g, struct buf *b);
