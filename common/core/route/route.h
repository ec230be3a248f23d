/* The routing tree: which receivers an alert goes to, and how it is grouped on the way.
 * Alertmanager's semantics (core specification §2). A tree is immutable once loaded; it lies in the
 * arena of its configuration, except for the matchers' regexes, which route_clear frees. */
#pragma once

#include "common/core/config/matchers_load.h"
#include "common/core/config/receivers.h"
#include "common/core/mute/interval.h"

#define ROUTES_MAX 100000
#define ROUTE_DEPTH_MAX 30

#define GROUP_WAIT_MS_DEFAULT (30 * MS_PER_S)
#define GROUP_INTERVAL_MS_DEFAULT (5 * MS_PER_MIN)
#define REPEAT_INTERVAL_MS_DEFAULT (4 * MS_PER_H)

/* A block as the file has it. */
struct route_written {
    struct str receiver;
    struct str_list group_by;
    struct matchers_block matchers; /* .all is the route's, moved there */
    struct str_list mute_time_intervals, active_time_intervals;
    bool go_on;
    int64_t group_wait_ms, group_interval_ms, repeat_interval_ms;
    struct labels labels;
    bool has_group_by, has_group_wait, has_group_interval, has_repeat_interval; /* not null */
};

struct route {
    const struct receiver *receiver; /* own or inherited; never NULL in a valid tree */
    const struct str *group_by;      /* sorted, unique; of no meaning when group_by_all */
    size_t group_by_n;
    bool group_by_all;     /* ['...'] */
    int64_t group_wait_ms; /* ≥ 0 */
    int64_t group_interval_ms;
    int64_t repeat_interval_ms;
    struct matchers matchers;      /* own ones only, sorted as in the key */
    struct interval_use intervals; /* own ones only */
    struct labels labels;          /* the ancestors' and own; values are templates, maybe empty */
    bool go_on;                    /* `continue` */
    const struct route *parent;
    const struct route *const *children; /* in file order */
    size_t children_n;
    size_t child_index; /* in parent->children */
    size_t index;       /* in depth-first order over the whole tree; the root is 0 */
    struct str key;     /* {}/{a="b"}: equal for siblings with equal matchers */
    struct str id;      /* {}/{a="b"}/0: unique */
    int line;
    const struct route_written *written;
};

/* Mistakes go to l, worded as Alertmanager words them. NULL when there is no usable root. *ret_n is
 * the number of routes in the tree. */
struct route *route_load(struct config_loader *l, const struct yaml_node *node,
                         const struct receivers *receivers, const struct named_intervals *intervals,
                         size_t *ret_n);
/* The fields of a block, of struct route_written: for the reference page and the text. */
const struct config_field *route_fields(size_t *ret_n);
void route_clear(struct route *root); /* NULL is fine */

struct route_list {
    const struct route *const *v;
    size_t n;
};

/* The routes that an alert takes, in tree order (§2.4). At least one: the root always matches. */
struct route_list route_match(const struct route *root, struct labels labels, struct arena *a);

/* The labels of an alert that name its group on this route: the alert's own for group_by_all
 * (lent), else those of group_by that it has (texts lent, array in the arena). */
struct labels route_group_labels(const struct route *r, struct labels labels, struct arena *a);
/* The group's key: the route's key, ':', the label set. */
void route_add_group_key(struct buf *b, const struct route *r, struct labels group_labels);
