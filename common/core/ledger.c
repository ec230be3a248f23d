#include "common/core/ledger.h"

#include <assert.h>

const char *ledger_verdict_name(enum ledger_verdict v)
{
    static const char *const names[LEDGER_VERDICTS] = {
        [LEDGER_ACCEPTED] = "accepted",
        [LEDGER_COALESCED] = "coalesced",
        [LEDGER_RECEIPTED] = "receipted",
        [LEDGER_FREED] = "freed",
        [LEDGER_REFUSED] = "refused",
        [LEDGER_GRANT_SENT] = "grant_sent",
        [LEDGER_NOTIFIED] = "notified",
        [LEDGER_NOTIFY_FAILED] = "notify_failed",
        [LEDGER_SUPPRESSED] = "suppressed",
        [LEDGER_APPLIED] = "applied",
        [LEDGER_DUPLICATE] = "duplicate",
        [LEDGER_DUTY] = "duty",
        [LEDGER_INCIDENT] = "incident",
        [LEDGER_STEP_CLAIMED] = "step_claimed",
        [LEDGER_PAGE_SENT] = "page_sent",
        [LEDGER_PAGED] = "paged",
        [LEDGER_PAGE_DROPPED] = "page_dropped",
        [LEDGER_NOT_OWNER] = "not_owner",
        [LEDGER_ACK] = "ack",
        [LEDGER_SITE] = "site",
        [LEDGER_TERMINAL] = "terminal",
    };

    assert(v < LEDGER_VERDICTS);
    return names[v];
}
