/* Planted bugs: each proves that a checker of the simulator can see. Only in builds with
 * TOCSIN_BUGS=ON can one be selected, at run time; everywhere else BUG() is the constant false and
 * the compiler drops the branch. */
#pragma once

#include <stdbool.h>

enum bug {
    BUG_NONE,
    BUG_REPLY_BEFORE_STORED,  /* edge: 200 without waiting for the commit */
    BUG_CURSOR_BEFORE_COMMIT, /* global: receipt sent before the commit */
    BUG_SEQ_LESS_EQUAL,       /* global: <= for < on seq, drops the row after the cursor */
    BUG_DEDUP_HIDES_SITE,     /* global: a second site's member does not join affected_sites */
    BUG_SITE_FROM_PAYLOAD,    /* global: believes the site label of the body */
    BUG_ACK_OUTSIDE_CLAIM,    /* global: the ack is checked when a step is scheduled, not when it is
                                 claimed */
    BUG_LEASE_FROM_RECEIPT, /* global: lease counted from the grant's arrival instead of the token's
                               time */
    BUG_STEP_AS_JOB, /* global: a step's due time is a queued job that survives resolve and ack */
    BUG_RESOLVE_FROM_SILENCE, /* global: a silent site's members are resolved */
    BUG_POLICY_ENDS,          /* global: an exhausted policy just stops */
    BUG_PAGE_NOT_RETRIED,     /* global: a page is forgotten after its first failure */
    BUG_RESTART_REPAGES,      /* global: the position of an incident is not restored */
    BUG_COUNT_LOST_ROW,       /* edge: compaction drops a row without a ledger row */
    BUG_ACK_NOT_MIRRORED,     /* global: an ack does not travel to the next paging node */
    BUGS
};

#if TOCSIN_BUGS
extern enum bug bug_selected; /* set by the simulator before a run */
#define BUG(which) (bug_selected == (which))
#else
#define BUG(which) false
#endif

const char *bug_name(enum bug b);
