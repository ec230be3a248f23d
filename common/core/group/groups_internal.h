/* Between the files of the groups: groups.c (members, timers, flushes), group_tree.c (which route a
 * group belongs to when there is another tree), group_rows.c (the store). */
#pragma once

#include "common/base/map.h"
#include "common/base/skip.h"
#include "common/base/vec.h"
#include "common/core/group/groups.h"

struct group_id { /* no padding: it is hashed as bytes */
    uint64_t route_index;
    uint64_t labels_fp;
};

/* As in a row's key. */
struct group_row_id {
    uint64_t place, labels_fp;
};

struct group {
    UT_hash_handle hh;
    struct group_id id;
    struct skip_node sorted;
    uint64_t serial; /* rises with every group that is made */
    const struct route *route;
    struct arena *arena; /* labels and key */
    struct labels labels;
    struct str key;
    TAILQ_HEAD(, group_member) members;
    size_t n;
    struct heap_node timer;
    bool flushing; /* `flush` is under way */
    bool due;      /* the timer ran out meanwhile, at due_at */
    struct now due_at;
    struct flush flush;
    struct str_list muted_by; /* one block */
    uint64_t place;           /* of the route, see struct place */
    int64_t delay_ms;         /* of the timer, when it was armed */
    bool stored, dirty;       /* there is a row; it is to be written: in the list of these */
    TAILQ_ENTRY(group) dirty_link;
};

/* A route among its like, whatever stands beside it: the same in two trees that have the same way
 * to it, even if other routes were added or removed. */
struct place {
    uint64_t place;
    const struct route *route;
};

/* A timer of a row that was read back. */
struct group_timer {
    UT_hash_handle hh;
    struct group_row_id id;
    int64_t due_wall_ms, delay_ms;
};

/* alert->counted: nothing, or a member's mark + 1. */
#define COUNTED_STATES (MEMBER_SUPPRESSED + 2)

struct groups {
    struct group *by_id;
    struct skip sorted;
    uint64_t serial; /* the last one given */
    struct heap timers;
    size_t n, max;
    uint64_t refused;
    size_t states[COUNTED_STATES]; /* firing alerts, by alert->counted */
    const struct route *root;      /* that `places` are of */
    struct place *places;          /* sorted by place */
    uint64_t *place_of;            /* by the route's index */
    size_t places_n;
    TAILQ_HEAD(, group) dirty;
    size_t dirty_n;
    struct {
        struct group_row_id *v; /* rows of groups that are gone */
        size_t n, cap;
    } gone;
    struct group_timer *restored; /* until the groups that they belong to are made */
};

int groups_insert_all(struct groups *g, struct route_list routes, struct alert *a,
                      struct labels labels, struct group_wanted wanted, struct now now,
                      struct arena *scratch);
void groups_member_remove(struct groups *g, struct group_member *m);
void groups_drop(struct groups *g, struct group *group); /* with its members */
void groups_free_group(struct groups *g, struct group *group);

/* group_tree.c */
void groups_follow(struct groups *g, const struct route *root); /* no-op when it is the same */

/* group_order.c */
void groups_order_init(struct groups *g);
void group_order_add(struct groups *g, struct group *group);
void group_order_remove(struct groups *g, struct group *group);

/* group_rows.c */
void group_touch(struct groups *g, struct group *group);  /* its row is to be written */
void group_forget(struct groups *g, struct group *group); /* it goes, and its row too */
/* The timer of a restored group; false when there is none. */
bool groups_take_timer(struct groups *g, const struct group *group, struct group_timer *ret);
void groups_rows_clear(struct groups *g);
