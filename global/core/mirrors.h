/* Mirrors: registers (incident, origin) that carry each incident's position as one global node last
 * decided it, ordered by (epoch, ver). Ours are made by mirror_touch and go down to the edges as
 * directives, which carry them to the other nodes; those of other nodes come in by the journal.
 * Each has a MAC under the key that the global nodes share. */
#pragma once

#include "common/base/map.h"
#include "common/base/queue.h"
#include "global/core/streams.h"

#define MIRROR_INCIDENT_MAX 64
#define MIRROR_BODY_MAX KIB(64)
#define MIRROR_SITES_MAX 4096
#define MIRROR_MAC_HEX 64
#define POLL_HOLD_MS (25 * MS_PER_S)
#define POLL_ANSWER_MAX MIB(1) /* bytes of bodies in one answer; the next poll gets the rest */

struct mirror {
    char *key; /* origin "\n" incident */
    size_t key_n;
    struct str origin, incident; /* lent by key */
    uint64_t epoch, ver;
    struct str body; /* lent by text */
    char *text;
    char mac[MIRROR_MAC_HEX + 1];
    bool own;
    bool all_sites; /* own: for every edge */
    struct site **sites;
    size_t sites_n;
    bool pending;             /* own: not known to be durable, so it may not be told */
    uint64_t txn;             /* own: of its last version */
    TAILQ_ENTRY(mirror) link; /* own: by ver. Others: by arrival */
    UT_hash_handle hh;
};

struct mirrors {
    struct mirror *by_key;
    TAILQ_HEAD(mirror_list, mirror) own, others;
    size_t n;
    uint64_t epoch;    /* directive epoch of this node, from 1 */
    uint64_t ver;      /* the last one given */
    uint64_t told_ver; /* durable, polls were woken for it */
};

void mirrors_init(struct mirrors *t);
void mirrors_clear(struct global *g);

/* Sets this node's register of the incident: a new ver, written in this step's transaction, sent to
 * the edges once that is stored. sites: those with a member; none (sites_n 0) means every edge.
 * body: JSON text, ≤ MIRROR_BODY_MAX (asserted). No-op when body and sites are as they were. */
void mirror_touch(struct global *g, struct str incident, struct site *const *sites, size_t sites_n,
                  struct str body, struct out *out);

/* Has every live stream of the incident's sites that grants duty to this node confirmed our
 * register of it? Vacuously true without such a stream; false without a register. */
bool mirror_confirmed(const struct global *g, struct str incident);

/* Forgets the incident's registers of all origins (purge). */
void mirror_forget(struct global *g, struct str incident, struct out *out);

struct mirror *mirror_find(const struct global *g, struct str origin, struct str incident);
/* Registers of other nodes, oldest arrival first. */
struct mirror *mirror_other_first(const struct global *g);
struct mirror *mirror_other_next(const struct mirror *m);

bool mirror_restore(struct global *g, const struct row_op *row);
void mirrors_start(struct global *g, const struct engine_start *start, struct out *out);
void mirrors_on_stored(struct global *g, struct out *out); /* wakes long polls */
void mirrors_tick(struct global *g, struct out *out);      /* long polls that are due */
void mirrors_on_gone(struct global *g, uint64_t request_id);
void mirrors_stop(struct global *g, struct out *out); /* answers all long polls */

/* Requests: GET directives, POST journal. */
void directives_request(struct global *g, const struct engine_request *r, struct out *out);
void journal_request(struct global *g, const struct engine_request *r, struct out *out);
