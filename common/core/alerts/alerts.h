/* The alert table: what is known of every alert, firing or resolved a short while ago.
 *
 * An alert is its labels: it is found by their fingerprint, and two label sets of one fingerprint
 * are told apart (the second is refused and counted). A struct alert keeps its address as long as
 * it is in the table; its texts lie packed in one block of their own, which a change of annotations
 * replaces. Alertmanager's rules: core specification §1.
 *
 * Time. endsAt comes from another machine's wall clock. It is turned once, at receipt, into a
 * deadline on our monotonic clock, so that a step of our wall clock resolves nothing. `firing`
 * changes only in alerts_put and alerts_expire: whoever follows their reports misses no transition.
 *
 * The table is ordered by fingerprint, so that it can be listed in slices without a snapshot. */
#pragma once

#include "common/base/heap.h"
#include "common/base/now.h"
#include "common/base/time_text.h"
#include "common/core/model/labels.h"

struct group_member; /* common/core/group/groups.h */
struct alert_text;   /* labels, annotations and generatorURL, packed */

struct alert {
    uint64_t fp;
    struct alert *next;          /* the table's */
    struct alert_text *text;     /* owned */
    struct group_member *groups; /* where it is grouped, in route order; the groups' */
    int64_t starts_wall_ms;
    int64_t ends_wall_ms;                 /* as stated or synthesised */
    int64_t updated_wall_ms;              /* receipt */
    struct heap_node ends;                /* mono deadline; in the heap while firing */
    int64_t ended_mono_ms;                /* when it stopped firing; of no meaning while firing */
    uint32_t version;                     /* rises with every put */
    bool firing;                          /* reported as such */
    bool plain_labels, plain_annotations; /* none of the texts needs an escape in JSON */
    bool grouped;                         /* in the groups of all its routes; the groups' */
    uint8_t counted;      /* as which state the groups count it, 0: not at all; the groups' */
    bool timeout;         /* endsAt was synthesised from resolve_timeout */
    bool forwarded;       /* edge: an episode is open at the forwarding side */
    bool moved;           /* the last put changed endsAt of a firing alert */
    bool stored;          /* edge: there is a row of it in the store, though perhaps an older one */
    bool late;            /* edge: its row is still to be written */
    bool repeated;        /* edge: its source has moved endsAt since it fired */
    bool was_grouped;     /* edge: in a group before the reload under way */
    uint64_t forward_txn; /* edge: the transaction with its last forwarded transition */
};

enum alert_change {
    ALERT_NEW,       /* firing, not known before */
    ALERT_REFRESH,   /* firing before and now */
    ALERT_REFIRED,   /* known and resolved, now firing */
    ALERT_RESOLVED,  /* was firing; the source says it ended */
    ALERT_TIMED_OUT, /* was firing; endsAt has passed without a word */
    ALERT_QUIET      /* resolved before (or unknown) and resolved now */
};

/* What a source says. Texts are lent for the call. */
struct alert_input {
    struct labels labels; /* sorted, no empty value, at least one */
    struct labels annotations;
    struct str generator_url;
    int64_t starts_wall_ms; /* never WALL_ABSENT */
    int64_t ends_wall_ms;   /* ≥ starts_wall_ms */
    bool timeout;
    uint64_t fp; /* of the labels; 0: alerts_put computes it */
};

struct alerts;

struct alert_limit; /* common/core/alerts/alert_limit.h */

struct alerts *alerts_new(size_t alerts_max);
/* Counts firing alerts there; lent, may be NULL. Before the first alert. */
void alerts_set_limit(struct alerts *t, struct alert_limit *limit);
void alerts_free(struct alerts *t); /* no alert may be in a group any more */

/* Takes a statement in (merge rule §1.6). 0; -ENOSPC when the table is full, -EEXIST on a
 * fingerprint collision: then nothing has changed. */
MUST_CHECK int alerts_put(struct alerts *t, const struct alert_input *in, struct now now,
                          struct alert **ret, enum alert_change *ret_change);

/* What was known before a restart, of an alert that is not in the table: firing for left_ms more,
 * or resolved. Errors as alerts_put. */
MUST_CHECK int alerts_restore(struct alerts *t, const struct alert_input *in, bool firing,
                              int64_t left_ms, struct now now, struct alert **ret);

/* The next firing alert whose endsAt has passed, now resolved; NULL when there is none. */
struct alert *alerts_expire(struct alerts *t, struct now now);
int64_t alerts_next_ms(const struct alerts *t); /* mono; TIME_NEVER for none */

/* Removes it; it must be in no group. */
void alerts_remove(struct alerts *t, struct alert *a);

struct alert *alerts_find(const struct alerts *t, uint64_t fp); /* NULL */
/* The alert with the least fingerprint ≥ fp; NULL at the end. Listing goes on with fp + 1, whatever
 * has changed meanwhile. */
struct alert *alerts_from(const struct alerts *t, uint64_t fp);
/* The fingerprints of the alerts that have this label: in no order, some twice, some of others or
 * of alerts that are gone; lent until the next change. False when more than ALERT_INDEX_LIST_MAX
 * have it, or had. */
bool alerts_with_label(const struct alerts *t, struct str name, struct str value,
                       const uint64_t **ret, size_t *ret_n);
bool alerts_has_room(const struct alerts *t, size_t more);

struct alerts_stats {
    size_t count, firing; /* now */
    size_t max;
    size_t text_bytes;     /* of all text blocks */
    size_t index_bytes;    /* of the index by label */
    uint64_t collisions;   /* refused for a fingerprint collision */
    uint64_t refused_full; /* refused because the table was full */
};
struct alerts_stats alerts_stats(const struct alerts *t);

/* Views of the packed texts: the array lies in the arena, the texts are lent by the alert until its
 * next change. */
struct labels alert_labels(const struct alert *a, struct arena *arena);
struct labels alert_annotations(const struct alert *a, struct arena *arena);
struct str alert_generator_url(const struct alert *a);
struct str alert_label(const struct alert *a,
                       struct str name); /* "" when absent; allocates nothing */
/* Their JSON objects. */
void alert_add_labels_json(struct buf *b, const struct alert *a);
void alert_add_annotations_json(struct buf *b, const struct alert *a);
uint64_t alert_xxh64(const struct alert *a, struct arena *arena); /* the notification log's hash */

uint64_t alerts_digest(const struct alerts *t);
