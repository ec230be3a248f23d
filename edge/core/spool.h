/* The spool: what this edge still has to tell the global nodes, and what it last said of every
 * firing alert. Rows carry seq 1, 2, 3 … of one (stream, epoch).
 *
 * A row is kept while it is *pending* (some configured global lacks it), or while it is the newest
 * row of a firing episode: so the rows themselves are the register "newest row per fingerprint"
 * that digests, re-emission and transition detection read, and a restart finds it in the store. A
 * newer row of an episode replaces the older one (compaction); the episode's first_seen and its
 * count of transitions go on. Everything between 1 and high that is no row is a void.
 *
 * Conservation, by ledger rows: accepted = coalesced + freed + pending. Pure; every change of rows
 * is written through `out` in the step in which it is made. Rows may be sent once their transaction
 * has a result, good or bad: a full disk must not stop a page, and a lost tail is found by the
 * cursors that the globals answer (see uplink.h). */
#pragma once

#include "common/core/engine.h"
#include "common/core/model/labels.h"

#define SPOOL_STREAM_CHARS 36
#define SPOOL_ROW_TEXT_MAX KIB(512) /* beyond it a row goes without annotations */
#define SPOOL_ROW_FULL_BYTES KIB(4) /* a spool without so much room is told as full */
#define SPOOL_ROW_OVERHEAD 160      /* bytes of tables counted for a row besides its text */

struct spool;

struct spool_row { /* lent, until the next change to the spool */
    uint64_t seq;
    uint64_t fp;
    uint64_t episode; /* seq of the row that opened the episode */
    bool firing;
    struct str suppressed; /* "" or the cause */
    int64_t first_seen_wall_ms;
    uint64_t transitions;
    int64_t kept_mono_ms; /* when it was appended or restored */
    struct str json;      /* the row object, as it is sent */
};

/* A transition to be told. All lent. */
struct spool_change {
    uint64_t fp;
    bool firing;
    const char *reason; /* open, suppressed, unsuppressed, explicit, timeout … */
    struct str suppressed;
    struct labels labels, annotations;
    struct str generator_url;
    int64_t starts_wall_ms, ends_wall_ms; /* WALL_ABSENT is sent as 0 */
};

struct spool *spool_new(uint64_t bytes_max);
void spool_free(struct spool *s);
void spool_set_bytes_max(struct spool *s, uint64_t bytes_max);

/* ---- start ---- */

/* META rows "stream" and "spool", and SPOOL rows. A row that does not parse is dropped and counted
 * as damage: the epoch is then raised at start. */
void spool_restore(struct spool *s, const struct row_op *row, struct now now);
/* Makes the stream when there is none; raises the epoch when the store has lost rows. */
void spool_start(struct spool *s, const struct engine_start *start, struct now now,
                 struct out *out);

struct str spool_stream(const struct spool *s);
uint64_t spool_epoch(const struct spool *s);
uint64_t spool_high(const struct spool *s);       /* greatest seq given */
uint64_t spool_start_high(const struct spool *s); /* high when this process began, in this epoch: a
                                                     global that has more knows rows that we lost */
uint64_t spool_sendable(const struct spool *s);   /* rows up to here may be sent */
uint64_t spool_floor(const struct spool *s);      /* every configured global has all up to here */

/* ---- change ---- */

/* What a change would cost; and whether a new episode of that size may be admitted. What belongs to
 * an open episode always may: it replaces a row. */
size_t spool_change_bytes(const struct spool_change *c);
bool spool_admits(const struct spool *s, size_t bytes);

/* Appends the row: it continues the firing episode of c->fp, else it opens one. Returns its seq. */
uint64_t spool_append(struct spool *s, const struct spool_change *c, struct now now,
                      struct out *out);
/* Says the newest row of fp again under a new seq; 0 when there is none. */
uint64_t spool_refresh(struct spool *s, uint64_t fp, struct now now, struct out *out);
/* "fp does not fire here": for a firing that a global believes and this edge knows nothing of. */
uint64_t spool_deny(struct spool *s, uint64_t fp, struct now now, struct out *out);
/* Closes the firing episode of fp in its last words; 0 when there is none. */
uint64_t spool_close(struct spool *s, uint64_t fp, const char *reason, struct now now,
                     struct out *out);
/* A new epoch above `above`: what is kept is carried over under new seqs from 1, each row an
 * episode of its own. */
void spool_raise_epoch(struct spool *s, uint64_t above, struct now now, struct out *out);
/* Every configured global has all up to `floor` (the floor never falls). */
void spool_free_to(struct spool *s, uint64_t floor, struct out *out);
/* After the store has refused rows, puts them again: those from `from` on, 0 to begin with, about
 * bytes_max at a time, since all of them may be more than the store has room for. Returns where to
 * go on, 0 when there is no more to do. */
uint64_t spool_put_slice(const struct spool *s, uint64_t from, size_t bytes_max, struct out *out);
/* true when new rows may now be sent */
bool spool_stored(struct spool *s, uint64_t txn);

/* ---- read ---- */

/* The newest row of fp, while it is kept: false when the spool knows nothing of fp. */
bool spool_newest(const struct spool *s, uint64_t fp, struct spool_row *ret);
/* The first kept row with seq ≥ from; false when there is none. */
bool spool_next(const struct spool *s, uint64_t from, struct spool_row *ret);
/* Calls for every firing fp with its newest row, in order of seq. */
void spool_each_firing(const struct spool *s,
                       void (*on_row)(const struct spool_row *row, void *arg), void *arg);

/* Writes `"from":F,"to":T,"rows":[…],"voids":[…]` without braces into b: rows from `from` on, at
 * most `to`, rows_max rows and about bytes_max bytes. Returns T. from ≤ to ≤ high. */
uint64_t spool_write_batch(const struct spool *s, uint64_t from, uint64_t to, size_t rows_max,
                           size_t bytes_max, struct buf *b, size_t *ret_rows);

struct spool_stats {
    size_t rows;    /* kept */
    size_t pending; /* of them with seq > floor */
    size_t firing;
    uint64_t bytes;
    uint64_t bytes_max;
    int64_t oldest_pending_mono_ms; /* TIME_NEVER when nothing is pending */
    uint64_t accepted, coalesced, freed;
    uint64_t damaged; /* rows dropped at restore */
};

size_t spool_pending(const struct spool *s); /* rows that some configured global lacks */
struct spool_stats spool_stats(const struct spool *s);
/* How many kept rows have seq > after; stops counting at `limit`. */
size_t spool_count_after(const struct spool *s, uint64_t after, size_t limit);
uint64_t spool_digest(const struct spool *s); /* for engine_digest */
