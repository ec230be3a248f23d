/* Which of a route's children an alert may take, at a cost that grows with the alert's labels and
 * not with the number of children.
 *
 * Each child is filed under one of its matchers, the one that it shares with the fewest siblings:
 * name and value of an equality, the values of an alternation of literals, the literal prefixes of
 * another regular expression or a run of bytes within it (model/literals.h), or the regular
 * expression itself: those of one name are asked by one automaton (regex_set). Children with none
 * of these (only negations, or what an absent label may match) are candidates for every alert.
 * Candidates come in file order and are matched in full by the caller, who stops when §2.4 says so:
 * the index can cost time, never change an answer.
 *
 * Unlike mute/match_index.h it never changes and hands out candidates one by one, so that a list
 * full of equal children costs what the first of them costs. */
#pragma once

#include "common/core/model/labels.h"

#define ROUTE_INDEX_CHILDREN_MIN 8 /* fewer are simply walked */

struct route;
struct route_index;

/* Lies in the arena, but for its automata. children is lent for as long as the index lives. */
struct route_index *route_index_new(const struct route *const *children, size_t n, struct arena *a);
void route_index_clear(struct route_index *ix); /* frees the automata; NULL is fine */

struct route_run { /* of children, by number, rising */
    const uint32_t *v;
    size_t n;
};

#define ROUTE_WALK_RUNS 8 /* more lie in the arena */

/* A walk over the candidates. All of it is route_index.c's own. */
struct route_walk {
    struct arena *arena;
    struct route_run *runs;
    size_t n, cap;
    struct route_run first[ROUTE_WALK_RUNS];
};

#define ROUTE_WALK_END SIZE_MAX

void route_walk_begin(struct route_walk *w, const struct route_index *ix, struct labels labels,
                      struct arena *a);
size_t route_walk_next(struct route_walk *w); /* the next child's number, rising */
