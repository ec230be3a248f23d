/* Which of many lists of matchers match a label set, at a cost that grows with the labels and not
 * with the number of lists. Silences and inhibition rules are found by it.
 *
 * Each list is filed under one of its matchers, the one with the least company at that moment: name
 * and value of an equality, the values of an alternation of literals, or the literal prefixes of
 * another regular expression (model/literals.h). A label set looks up each of its labels, and once
 * more for each length that the prefixes of that name have. Lists with none of these (only
 * negations, empty values, regular expressions that may begin anyhow) are looked at every time.
 * Whatever is found is then matched in full: the index can cost time, never change an answer. */
#pragma once

#include "common/core/model/matcher.h"

/* A list, embedded in what it belongs to. Zeroed before it is added. */
struct match_entry {
    const struct matchers *matchers; /* lent until the entry is removed; empty matches everything */
    void *owner;
    uint64_t order; /* what is found comes in this order */
    /* the index's */
    struct match_name *name; /* under which it is filed; NULL: looked at every time */
    struct match_key *keys;  /* owned */
    size_t keys_n;
};

struct match_hits { /* zeroed at first; VEC_CLEAR at last */
    struct match_entry **v;
    size_t n, cap;
};

struct match_index;

struct match_index *match_index_new(void);
void match_index_free(struct match_index *ix); /* every entry must have been removed */

void match_index_add(struct match_index *ix, struct match_entry *e);
void match_index_remove(struct match_index *ix, struct match_entry *e); /* must be in it */

/* Whether the entry counts now; asked before it is matched. */
typedef bool (*match_wanted)(const struct match_entry *e, void *arg);

/* All entries that match, by order; wanted may be NULL. Adds none twice; replaces *ret. */
void match_index_find(const struct match_index *ix, struct labels l, match_wanted wanted, void *arg,
                      struct match_hits *ret);

struct match_index_stats {
    size_t entries;
    size_t unkeyed; /* looked at every time */
};
struct match_index_stats match_index_stats(const struct match_index *ix);
