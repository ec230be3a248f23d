/* What ingest tells the incidents, and what the engine asks of them. Everything here is called by
 * global.c, members.c, sites.c, duty.c, digests.c and mirrors.c and implemented by the incident
 * side (incidents, escalation, pages, API). Calls come within one engine step, each after the state
 * it speaks of has changed; none may free what it was given. */
#pragma once

#include "common/core/engine.h"

struct global;
struct member;
struct site;
struct incident;

enum member_change {
    MEMBER_OPENED,     /* firing begins; also a new episode in place of one whose end was skipped */
    MEMBER_RESOLVED,   /* its stream says resolved (perhaps as the first thing heard of it) */
    MEMBER_REFRESHED,  /* the same state under a newer row; texts may have changed */
    MEMBER_SUPPRESSED, /* firing, now suppressed (m->suppressed has the cause) */
    MEMBER_UNSUPPRESSED, /* firing, no longer suppressed */
    MEMBER_RELEASED,     /* member_holds_open became false without a word from its own stream */
    MEMBER_HELD          /* … and true again: its stream is back */
};

/* m is up to date, labels and all. The hook files m under an incident (m->incident,
 * m->incident_link) when it wants to. The member's row is written after it. */
void incident_on_member(struct global *g, struct member *m, enum member_change change,
                        struct out *out);

/* A site went silent or came back (not called for what was so before a restart already). */
void incident_on_site(struct global *g, struct site *site, bool silent, struct out *out);

/* g->health is new: the end of certificates. Only after the start. */
void incident_on_health(struct global *g, struct out *out);

/* Another node's position of an incident, authenticated, newer than any before. body is JSON text
 * (a mirror's body), valid JSON but otherwise unchecked. */
void incident_on_mirror(struct global *g, struct str origin, struct str incident, struct str body,
                        struct out *out);

/* Some stream has confirmed more directives: mirror_confirmed may have become true. */
void incident_on_confirmed(struct global *g, struct out *out);

/* duty_until(g, site) went from past to future or back. */
void incident_on_duty_change(struct global *g, struct site *site, struct out *out);

/* A new configuration is in g->config. `old` (may be NULL) lives until this returns. */
void incident_on_config(struct global *g, const struct global_config *old, struct out *out);

/* At the end of every step. Returns the next wake-up in mono_ms, TIME_NEVER for none. */
int64_t incident_step(struct global *g, struct out *out);

/* ENGINE_RESTORE of kinds from GLOBAL_ROW_INCIDENT on. All streams, sites, members and mirrors are
 * there already. false: the row is damaged or unknown; it is counted and logged by the caller. */
bool incident_restore_row(struct global *g, const struct row_op *row, struct out *out);

/* ENGINE_START: all rows were given. Members carry the id of their incident in restored_incident;
 * mirrors of other nodes can be walked (mirrors.h). */
void incident_start(struct global *g, struct out *out);

struct str incident_id(const struct incident *i); /* lent; "" for NULL */
uint64_t incident_digest(const struct global *g);
void incident_free_all(struct global *g); /* members still point at incidents; do not touch them */
void incident_metrics(const struct global *g, struct buf *b); /* appends exposition text */

/* The web listener. It answers at once, or by deferred_reply(g->deferred, …), or in slices. */
void global_api_request(struct global *g, const struct engine_request *r, struct out *out);
void global_api_more(struct global *g, uint64_t request_id, struct out *out);
void global_api_gone(struct global *g, uint64_t request_id);

/* The fate of a send. */
void pages_on_delivered(struct global *g, const struct engine_delivery *d, struct out *out);
