/* Pages under way from this node: for each mark that is not done, one page per integration of its
 * receiver, sent until it is accepted, refused finally, or pointless (acked, resolved, superseded).
 * Nothing of it is stored: after a restart the incident's marks say what is still owed, and such a
 * page says that it may be a duplicate. */
#pragma once

#include "common/base/rand.h"
#include "global/core/escalate.h"
#include "global/core/incident.h"

/* A page that another node owes leaves here so long after its step was heard of. */
#define OWED_WAIT_MS TAKEOVER_MS
#define COMMIT_WAIT_MS (3 * MS_PER_S) /* a disk that hangs must not hold a page */

struct page {
    struct incident *incident;
    uint64_t generation;
    struct position at;
    char *target, *reason;
    size_t integration; /* index in the receiver */
    char dedup_key[DEDUP_KEY_N + 1];
    const char *cause; /* possible duplicate: "" restart takeover ambiguous_send */
    unsigned attempts;
    int64_t began_mono_ms;
    uint64_t txn;     /* its first attempt waits for the claim's commit; 0: not reached yet */
    bool waiting;     /* in pages.waiting */
    uint64_t send_id; /* 0: waiting for its time */
    struct global_config *config; /* counted: the receiver's settings lie in it */
    struct heap_node next;
    TAILQ_ENTRY(page) link, waiting_link;
    UT_hash_handle hh; /* by send_id, while under way */
};

struct pages {
    struct page *by_send;
    struct heap next;           /* pages that wait for their time */
    TAILQ_HEAD(, page) waiting; /* … for a commit, and no longer than COMMIT_WAIT_MS; by txn */
    struct rand rand;
    size_t n;
    struct {
        uint64_t sent, accepted, failed, given_up, possible_duplicates, dropped;
    } counts;
};

struct pages *pages_new(uint64_t seed);
void pages_free(struct pages *p);
/* Makes the pages that the marks still owe, if this node is to page; drops those that no longer
 * are. */
void pages_review(struct global *g, struct incident *i, struct out *out);
void pages_drop(struct global *g, struct incident *i, const char *cause, struct out *out);
/* Leaves those alone that are on their way: their answer says whether the page is still owed should
 * the incident reopen. Without it a page would come twice though nothing failed. */
void pages_drop_waiting(struct global *g, struct incident *i, const char *cause, struct out *out);
int64_t pages_tick(struct global *g, struct out *out); /* sends what is due; next time */
