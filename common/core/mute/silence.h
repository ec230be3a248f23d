/* Silences: what is muted, by whom, until when. Pure: no clock, no I/O. Rules as Alertmanager's
 * (core specification §6), error texts included.
 *
 * A silence_set owns its silences; a pointer from it lives until the next change to it. It forgets
 * a silence when its retention has passed, in silence_set_tick only.
 *
 * What mutes is found by an index (match_index.h), so that there is no cache of verdicts that a
 * change could leave stale; silence_set_version is there for users who keep one. A silence whose
 * matchers do not compile exactly as they will be run is refused, from a peer as well: it never
 * stands in the way of others.
 *
 * One state rule for muting and for the API: ends is exclusive. (Alertmanager's muting holds for
 * the instant `ends` itself, its API does not.) */
#pragma once

#include "common/base/now.h"
#include "common/base/rand.h"
#include "common/base/time_text.h"
#include "common/core/model/matcher.h"

#define SILENCES_MAX 200000 /* whatever the options say; peers' are counted, too */
#define SILENCE_SETS_MAX 64
#define SILENCE_MATCHERS_MAX 256 /* in all sets of a silence */
#define SILENCE_ID_BYTES_MAX 128
#define SILENCE_BYTES_MAX MIB(1) /* as silence_wire_bytes counts */

enum silence_state { SILENCE_PENDING, SILENCE_ACTIVE, SILENCE_EXPIRED };

/* As input: texts are lent, matchers need no regex. */
struct silence {
    struct str id;         /* a UUID's text; "" as input: a new one */
    struct matchers *sets; /* one of them must match */
    size_t sets_n;
    int64_t starts_wall_ms, ends_wall_ms; /* WALL_ABSENT as input: not given */
    int64_t updated_wall_us;              /* the later one of two versions counts; ignored by put */
    int64_t expires_wall_ms; /* when it is forgotten; WALL_ABSENT in a merge: ends + retention */
    struct str created_by, comment;
    struct labels annotations;
    struct str unread; /* a peer's fields that are kept for it without being evaluated, as its codec
                          wrote them */
};

/* Pending before starts, active in [starts, ends), expired from ends on. */
enum silence_state silence_state(const struct silence *s, struct now now);
const char *silence_state_text(enum silence_state state); /* pending active expired */

/* The length of Alertmanager's record (MeshSilence, without its copy of the first matcher set);
 * times are counted in whole milliseconds. */
size_t silence_wire_bytes(const struct silence *s);
uint64_t silence_hash(const struct silence *s); /* of all of it but expires_wall_ms */

struct silence_options {
    size_t silences_max;      /* stored, expired ones included; 0: SILENCES_MAX */
    size_t silence_bytes_max; /* silence_wire_bytes; 0: SILENCE_BYTES_MAX */
    int64_t retention_ms;     /* that expired ones are kept */
    bool classic_names;       /* label names put here must be [a-zA-Z_][a-zA-Z0-9_]* */
};

struct silence_set;

struct silence_set *silence_set_new(struct silence_options options);
void silence_set_free(struct silence_set *set);
/* For reloads; what is stored is not judged again. */
void silence_set_options(struct silence_set *set, struct silence_options options);

/* on_change is told of each silence whose matches may have another verdict now: it has begun or
 * ceased to be active, was edited, or goes for another version of it (then it still mutes). It may
 * not change the set. */
void silence_set_watch(struct silence_set *set,
                       void (*on_change)(const struct silence *s, void *arg), void *arg);

/* ---- changes; what changed is to be stored and told to the peers ---- */

struct silence_change {
    const struct silence *silence; /* created or updated */
    const struct silence *expired; /* the one that it replaces, expired by this; or NULL */
    bool created;
};

/* Creates one, or edits the one of that id: in place when its matchers stay and its past does not
 * change, otherwise by expiring it and creating another. -EINVAL, -ENOENT (no such id), -ENOSPC
 * (too many), -E2BIG: then nothing has changed. */
MUST_CHECK int silence_set_put(struct silence_set *set, const struct silence *in, struct now now,
                               struct rand *rand, struct silence_change *ret, struct err *err);

/* Ends it now. *ret is NULL when it had ended before. -ENOENT. */
MUST_CHECK int silence_set_expire(struct silence_set *set, struct str id, struct now now,
                                  const struct silence **ret);

enum silence_merge {
    SILENCE_MERGED,  /* new, or newer than ours: to be stored and passed on */
    SILENCE_OLD,     /* we have this or a newer one */
    SILENCE_GONE,    /* its retention has passed */
    SILENCE_INVALID, /* skipped: not what we would accept ourselves */
    SILENCE_FULL     /* skipped: SILENCES_MAX */
};

/* A peer's version, or one from the store. The later update wins; of two at the same microsecond
 * the one with the greater hash, so that all agree. */
enum silence_merge silence_set_merge(struct silence_set *set, const struct silence *in,
                                     struct now now, struct err *err);

/* Follows the time; to be called before questions are asked at a new one (after a step back of the
 * clock above all: ended silences are not in the index). on_gone is told of each silence that is
 * forgotten, before it is. */
void silence_set_tick(struct silence_set *set, struct now now,
                      void (*on_gone)(const struct silence *s, void *arg), void *arg);
/* When the next one starts, ends or is forgotten (wall); TIME_NEVER. After a step of the clock it
 * may have passed. */
int64_t silence_set_next_wall_ms(const struct silence_set *set);

/* Rises with every change, a start or end that silence_set_tick has seen included: as long as it
 * stays the same, so does every verdict. */
uint64_t silence_set_version(const struct silence_set *set);

/* ---- questions ---- */

/* The active silences that match, in the order of their creation here; the array lies in the
 * arena. */
size_t silence_set_match(struct silence_set *set, struct labels l, struct now now, struct arena *a,
                         const struct silence *const **ret);
bool silence_set_mutes(struct silence_set *set, struct labels l, struct now now);

const struct silence *silence_set_find(const struct silence_set *set, struct str id); /* NULL */

struct silence_query {
    unsigned states;               /* BIT(SILENCE_ACTIVE) | … */
    const struct matchers *filter; /* NULL or: each of them stands, as it is, in some set */
};

/* Sorted as the API lists them: active by end, then pending by start, then expired by end, the last
 * one first; equal ones in the order of their creation. The array lies in the arena. */
size_t silence_set_query(const struct silence_set *set, const struct silence_query *q,
                         struct now now, struct arena *a, const struct silence *const **ret);

struct silence_stats {
    size_t by_state[3];
    size_t unkeyed;            /* matcher sets that every alert has to be compared with */
    uint64_t merge_invalid;    /* peers' silences skipped */
    uint64_t merge_full;       /* the same, for want of room */
    uint64_t merged, replaced; /* peers' accepted: new and newer */
};
struct silence_stats silence_set_stats(const struct silence_set *set, struct now now);
/* Equal for equal contents, in whatever order they came. */
uint64_t silence_set_digest(const struct silence_set *set);
