/* Groups: the alerts of one route that share their group labels, told together.
 *
 * One deadline heap over all groups. A new group waits group_wait, or not at all when the alert
 * that made it is older than that; then a flush is due every group_interval while it has alerts
 * (core specification §3.2, §3.3). A flush is a copy: which alerts, firing or resolved, in which
 * version. When it has succeeded, the alerts it told as resolved leave the group unless they have
 * changed since; an empty group goes away. While a flush is under way the next one waits for it. */
#pragma once

#include "common/base/queue.h"
#include "common/core/alerts/alerts.h"
#include "common/core/engine.h"
#include "common/core/route/route.h"

struct group;
struct groups;

/* One alert in one group. */
struct group_member {
    struct alert *alert;
    struct group *group;
    struct group_member *next; /* the alert's next group, in route order */
    TAILQ_ENTRY(group_member) link;
    enum { MEMBER_UNPROCESSED, MEMBER_ACTIVE, MEMBER_SUPPRESSED } mark; /* by the last flush */
};

struct flush_item {
    struct group_member *member; /* NULL once the alert was taken out of the group */
    uint32_t version;
    bool resolved;
    bool muted; /* not to be told: set by whoever mutes, before the flush goes on */
    bool owed;  /* muted, resolved, and to stay until that can be told: set by the same */
};

/* What a group says at one instant, in the order of §1.9. Lies in the group until groups_flushed.
 */
struct flush {
    struct group *group;
    void *job;     /* the notifier's */
    struct now at; /* the instant of the timer: what is asked of the time is asked of it */
    int64_t deadline_mono_ms; /* group_interval, at least 10 s, from the start */
    struct flush_item *v;
    size_t n;
};

struct groups *groups_new(size_t groups_max);
void groups_free(struct groups *g); /* removes every alert from its groups */

/* Puts an alert that has just been put, restored or is older (after a new configuration) into the
 * groups of its routes. -ENOSPC when a group could not be made: the alert is in the others. */
MUST_CHECK int groups_insert(struct groups *g, const struct route *root, struct alert *a,
                             struct now now, struct arena *scratch);

/* Another tree: groups of a route that stayed the same keep their timers and their flush; the
 * others go, and on_drop is called while each still exists. A route is the same if the matchers on
 * the way to it, its receiver, grouping and intervals are, wherever it stands among its siblings.
 * The caller calls groups_regroup for every alert afterwards. Both trees are alive. */
void groups_retarget(struct groups *g, const struct route *root,
                     void (*on_drop)(struct group *group, void *arg), void *arg);
/* Whether the alert, which is not in the group of that route, is to be put into it. */
struct group_wanted {
    bool (*ask)(const struct alert *a, const struct route *r, struct labels labels, void *arg);
    void *arg;
};
/* Like groups_insert, and takes the alert out of groups that are no longer its own. wanted.ask NULL
 * wants everything. */
MUST_CHECK int groups_regroup(struct groups *g, const struct route *root, struct alert *a,
                              struct group_wanted wanted, struct now now, struct arena *scratch);

/* The next group that is due, with its flush begun; NULL when none is. The timer has been armed
 * again. A group without alerts is removed instead of returned. */
struct flush *groups_next_due(struct groups *g, struct now now, struct arena *scratch);
int64_t groups_next_ms(const struct groups *g);

/* The flush is over. The flush, and perhaps the group, is gone afterwards. */
void groups_flushed(struct groups *g, struct flush *f, bool success, struct now now);

/* After muting: remembers which members were muted, for groups_alert_states. */
void groups_mark(struct groups *g, const struct flush *f);
/* The alert has begun or ceased to fire: to be called after groups_insert. */
void groups_alert_changed(struct groups *g, struct alert *a);
/* The time intervals that the group's last flush was muted by; none when it was not. Copied. */
void group_set_muted_by(struct group *g, const struct str *names, size_t n);
struct str_list group_muted_by(const struct group *g);

struct group_alert_states { /* firing alerts in groups; suppressed if muted in one of them */
    size_t active, suppressed, unprocessed;
};
struct group_alert_states groups_alert_states(const struct groups *g);

/* ---- the store: group_rows.c ---- */

/* A row: what the group's timer was when it is made. Before groups_regroup; then groups_restored
 * gives up the rows of groups that are no more. */
MUST_CHECK int groups_restore(struct groups *g, struct str key, struct str value, struct err *err);
void groups_restored(struct groups *g);
/* Deletes the rows of groups that are gone and puts those that have changed, at most rows_max. To
 * be called at the end of every step, but when the rows have to wait; false when some are left for
 * the next one. */
bool groups_write(struct groups *g, uint32_t kind, size_t rows_max, struct now now,
                  struct out *out);
size_t groups_unwritten(const struct groups *g);
void groups_touch_all(struct groups *g); /* the store has lost rows: write every one again */

/* ---- questions ---- */

const struct route *group_route(const struct group *g);
struct labels group_labels(const struct group *g);
struct str group_key(const struct group *g);
struct flush *group_flush(struct group *g); /* the one under way; NULL for none */

/* ---- in the order of the API: by label set, receiver, age ---- */

/* A place in that order, to go on from whatever has changed meanwhile. Lies in an arena. */
struct group_place {
    struct labels labels;
    struct str receiver;
    uint64_t serial;
};

/* The first group behind the place; NULL: the first of all. NULL at the end. */
const struct group *groups_behind(const struct groups *g, const struct group_place *place);
const struct group *groups_at(const struct groups *g, const struct group_place *place); /* NULL */
const struct group *group_next(const struct group *group); /* NULL at the end */
uint64_t group_serial(const struct group *group);
struct group_place group_place(const struct group *group, struct arena *a);
const struct group_member *group_members(const struct group *group); /* TAILQ_NEXT(m, link) … */
size_t group_size(const struct group *group);

size_t groups_count(const struct groups *g);
uint64_t groups_refused(const struct groups *g); /* not made because there were too many */
uint64_t groups_digest(const struct groups *g);
