/* Members: the register (site, fingerprint, stream) of one alert, as its only writer, the edge's
 * stream, last described it; ordered by (epoch, seq), so that replay and reordering are no-ops.
 *
 * Whether a member holds its incident open (member_holds_open):
 *   - resolved: no;
 *   - firing, its stream heard within silent_after: yes;
 *   - firing, its stream silent: yes (stale, never resolved by silence), unless
 *     a) it is *doubted*, that is another stream of the site that had the alert reported it
 * resolved and this one was not heard since, and such a stream is live and settled; or b) its node
 * has come back with a new store: a younger stream of the same (site, group, node) is live, settled
 * and wholly received, and does not fire the alert. A change of that without a word of the member's
 * own stream is told as MEMBER_RELEASED or MEMBER_HELD.
 *
 * Resolved members stay, as registers, until the incident side forgets them; those without an
 * incident for MEMBER_ORPHAN_MS. */
#pragma once

#include "common/base/map.h"
#include "common/base/queue.h"
#include "common/core/model/labels.h"
#include "global/core/incident_hooks.h"
#include "global/core/streams.h"

#define MEMBER_LABELS_MAX 64
#define MEMBER_NAME_MAX 128     /* bytes of a label's or annotation's name */
#define MEMBER_LABEL_MAX KIB(1) /* bytes of a label's value */
#define MEMBER_ANNOTATION_MAX KIB(4)
#define MEMBER_REASON_MAX 128 /* bytes of `suppressed` */
#define MEMBER_URL_MAX KIB(2)
#define MEMBER_ORPHAN_MS MS_PER_H

struct member_key {
    const struct stream *stream;
    uint64_t fp;
};

/* What a row says. In a member the texts are its own. */
struct member_state {
    uint64_t epoch, seq, episode;
    bool firing;
    struct str suppressed; /* "" or the cause */
    struct str reason;
    struct labels labels; /* `site` set from the certificate */
    struct labels annotations;
    struct str generator_url;
    int64_t starts_wall_ms, ends_wall_ms; /* as the edge says; for people */
    int64_t first_seen_wall_ms;
    uint64_t transitions;
};

struct member {
    struct member_key key;
    struct stream *stream; /* key.stream; its site is the member's */
    uint64_t fp;
    struct member_state s;
    char *texts;
    bool doubted;
    bool holds_open;         /* as last told; member_holds_open */
    uint64_t changed_order;  /* local count of changes at the last one: an order without a clock */
    int64_t changed_wall_ms; /* for people */

    struct incident *incident;         /* the incident side's; NULL: none */
    TAILQ_ENTRY(member) incident_link; /* the incident side's */
    char *restored_incident; /* its id from the store, until incident_start has run; NULL: none */

    TAILQ_ENTRY(member) stream_link;
    TAILQ_ENTRY(member) orphan_link;
    int64_t orphan_mono_ms; /* -1: not in the list */
    UT_hash_handle hh;
};

/* A walk over all members that goes on in a later step: it survives the end of its next one. */
struct member_cursor {
    struct member *next;
    TAILQ_ENTRY(member_cursor) link;
};

struct members {
    struct member *by_key; /* uthash */
    size_t n;
    uint64_t next_order;
    TAILQ_HEAD(, member) orphans; /* resolved without an incident, by time */
    TAILQ_HEAD(, member_cursor) cursors;
};

void members_init(struct members *t);
void members_clear(struct global *g);

struct member *member_find(const struct global *g, const struct stream *s, uint64_t fp);
/* Walk: all of them, in order of their first row. */
struct member *member_first(const struct global *g);
struct member *member_next(const struct member *m);
void member_cursor_init(struct global *g, struct member_cursor *c); /* at the first one */
void member_cursor_clear(struct global *g, struct member_cursor *c);

/* Takes a row over (copying), tells the incidents, puts the row. False when the register is as new:
 * a no-op. The caller has checked the bounds. */
bool member_apply(struct global *g, struct stream *s, uint64_t fp, const struct member_state *row,
                  struct out *out);

bool member_holds_open(const struct global *g, const struct member *m);
bool member_stale(const struct member *m);      /* firing, and its stream is silent */
struct str member_site(const struct member *m); /* the name under which it counts; lent */

void member_put(struct member *m, struct out *out); /* when m->incident changed outside a hook */
/* Ends a resolved member and its row; the incident side calls it when it purges. */
void member_forget(struct global *g, struct member *m, struct out *out);

bool member_restore(struct global *g, const struct row_op *row);
void members_start(struct global *g);
/* holds_open anew, for the silent streams of the site: something about its live ones has changed.
 */
void members_review_site(struct global *g, struct site *site, struct out *out);
void members_on_heard(struct global *g, struct stream *s, bool was_silent, struct out *out);
void members_on_silent_stream(struct global *g, struct stream *s, struct out *out);
void members_on_silent_site(struct global *g, struct site *site, struct out *out);
int64_t members_tick(struct global *g, struct out *out); /* purges orphans; next wake-up */
