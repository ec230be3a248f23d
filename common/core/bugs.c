#include "common/core/bugs.h"

#include "common/base/base.h"

#if TOCSIN_BUGS
enum bug bug_selected = BUG_NONE;
#endif

static const char *const names[BUGS] = {
    [BUG_NONE] = "none",
    [BUG_REPLY_BEFORE_STORED] = "reply_before_stored",
    [BUG_CURSOR_BEFORE_COMMIT] = "cursor_before_commit",
    [BUG_SEQ_LESS_EQUAL] = "seq_less_equal",
    [BUG_DEDUP_HIDES_SITE] = "dedup_hides_site",
    [BUG_SITE_FROM_PAYLOAD] = "site_from_payload",
    [BUG_ACK_OUTSIDE_CLAIM] = "ack_outside_claim",
    [BUG_LEASE_FROM_RECEIPT] = "lease_from_receipt",
    [BUG_STEP_AS_JOB] = "step_as_job",
    [BUG_RESOLVE_FROM_SILENCE] = "resolve_from_silence",
    [BUG_POLICY_ENDS] = "policy_ends",
    [BUG_PAGE_NOT_RETRIED] = "page_not_retried",
    [BUG_RESTART_REPAGES] = "restart_repages",
    [BUG_COUNT_LOST_ROW] = "count_lost_row",
    [BUG_ACK_NOT_MIRRORED] = "ack_not_mirrored",
};

const char *bug_name(enum bug b)
{
    return b < BUGS ? names[b] : "?";
}
