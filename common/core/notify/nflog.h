/* The notification log: what each (group, receiver, integration) was last told, so that it is told
 * again only for a reason (core specification §4.2, §7). An entry's age is measured on the
 * monotonic clock; its wall time is kept for the store and for people.
 *
 * Entries are persisted as rows: key = SHA-256 (hex) of the entry's key, value JSON. */
#pragma once

#include "common/base/now.h"
#include "common/core/engine.h"

struct nflog_entry { /* lent by the log until its next change */
    int64_t at_wall_ms;
    int64_t at_mono_ms; /* may be negative after a restart */
    int64_t expires_mono_ms;
    const uint64_t *firing, *resolved; /* alert hashes, sorted */
    size_t firing_n, resolved_n;
};

struct nflog;

struct nflog *nflog_new(uint32_t row_kind, int64_t retention_ms);
void nflog_free(struct nflog *l);

/* `<group_key>:<receiver>/<integration>/<idx>` */
void nflog_add_key(struct buf *b, struct str group_key, struct str receiver,
                   const char *integration, size_t index);

const struct nflog_entry *nflog_find(const struct nflog *l, struct str key); /* NULL */

bool nflog_told_firing(const struct nflog_entry *entry, uint64_t alert_hash);

/* Sets the entry and adds its row, or notes it. The arrays are copied and sorted. Lifetime: the
 * less of retention and expiry_ms. */
void nflog_set(struct nflog *l, struct str key, const uint64_t *firing, size_t firing_n,
               const uint64_t *resolved, size_t resolved_n, int64_t expiry_ms, struct now now,
               struct out *out);

struct nflog_told { /* by somebody else */
    int64_t at_wall_ms, expires_wall_ms;
    const uint64_t *firing, *resolved;
    size_t firing_n, resolved_n;
};

enum nflog_merge {
    NFLOG_MERGED, /* new, or newer than ours: kept, with its row */
    NFLOG_OLD,    /* we have this or a newer one */
    NFLOG_GONE    /* it has expired */
};

/* An entry of another log. The later one counts; it lives as long as it says, retention at most. */
enum nflog_merge nflog_merge(struct nflog *l, struct str key, const struct nflog_told *told,
                             struct now now, struct out *out);

MUST_CHECK int nflog_restore(struct nflog *l, struct str value, struct now now, struct err *err);
void nflog_sweep(struct nflog *l, struct now now, struct out *out); /* expired ones go, with rows */
/* From now on rows are not written but noted, until nflog_write; off again: written at once. */
void nflog_postpone(struct nflog *l, bool on);
/* Writes what was noted, at most rows_max; false when some are left. */
bool nflog_write(struct nflog *l, size_t rows_max, struct out *out);
size_t nflog_unwritten(const struct nflog *l);
void nflog_touch_all(struct nflog *l); /* the store has lost rows: notes every one */
size_t nflog_count(const struct nflog *l);
uint64_t nflog_digest(const struct nflog *l);

enum notify_reason {
    NOTIFY_NONE, /* nothing new: say nothing */
    NOTIFY_FIRST,
    NOTIFY_NEW_ALERTS,
    NOTIFY_ALL_RESOLVED,
    NOTIFY_SOME_RESOLVED,
    NOTIFY_REPEAT
};

/* §4.2. entry NULL: none; the hash lists are sorted. */
enum notify_reason nflog_decide(const struct nflog_entry *entry, const uint64_t *firing,
                                size_t firing_n, const uint64_t *resolved, size_t resolved_n,
                                bool send_resolved, int64_t repeat_interval_ms, struct now now);
const char *notify_reason_text(enum notify_reason r); /* "first notification" … */
