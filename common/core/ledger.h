/* The ledger: every verdict on an alert, a row, an incident or a page, as data, in the order in
 * which it was reached. Nothing is decided that has no row here; explanations, duplicate counts,
 * latency and the simulator's checkers read it. */
#pragma once

#include "common/base/now.h"
#include "common/base/str.h"

enum ledger_verdict {
    /* edge */
    LEDGER_ACCEPTED,   /* a transition of a forwarded alert was taken in: fp, stream, epoch, seq,
                          cause (open, resolve …) */
    LEDGER_COALESCED,  /* a pending row was superseded by a newer one of its episode: fp, seq (the
                          old one), ver (the new) */
    LEDGER_RECEIPTED,  /* a global node took custody: node, stream, epoch, seq (cursor) */
    LEDGER_FREED,      /* a row left the spool, every global has it: fp, seq */
    LEDGER_REFUSED,    /* something from outside was refused: cause, site, stream */
    LEDGER_GRANT_SENT, /* an echo went to `node`; until_mono_ms: when this edge takes it as lapsed
                          at the latest */
    LEDGER_NOTIFIED,   /* a DC notification was accepted by a receiver: target, what (group key),
                          cause (reason) */
    LEDGER_NOTIFY_FAILED, /* a receiver refused finally: target, what, cause */
    LEDGER_SUPPRESSED,    /* an alert was not told in a flush: fp, what (group key), reason
                             (inhibition, silence …), cause (silence:<id> …) */
    /* global */
    LEDGER_APPLIED,   /* a row changed a member: site, fp, stream, epoch, seq, incident, cause
                         (firing, resolved …) */
    LEDGER_DUPLICATE, /* a row was a no-op (replay, reorder, resend): stream, epoch, seq */
    LEDGER_DUTY, /* this node holds duty for a stream until until_mono_ms (its clock): site, stream,
                    node (itself) */
    LEDGER_INCIDENT,     /* an incident changed state: incident, generation, cause (opened, joined,
                            acked, resolved …) */
    LEDGER_STEP_CLAIMED, /* a step was claimed: incident, generation, phase, round, step, cause */
    LEDGER_PAGE_SENT, /* an attempt left: incident, generation, phase, round, step, target, reason,
                         cause (possible duplicate) */
    LEDGER_PAGED,     /* a receiver accepted: the same fields */
    LEDGER_PAGE_DROPPED, /* a page was given up with a reason: cause (acked, resolved,
                            permanent_failure, superseded …) */
    LEDGER_NOT_OWNER,    /* due here, but another node pages: incident, node, cause */
    LEDGER_ACK, /* an ack was taken: incident, generation, what (ack id), target (user), cause (api,
                   mirror) */
    LEDGER_SITE,     /* a site went silent or came back: site, cause */
    LEDGER_TERMINAL, /* an unacked incident has no next step: incident, cause (the recorded reason)
                      */
    LEDGER_VERDICTS
};

struct ledger_row {
    enum ledger_verdict verdict;
    uint64_t fp;
    struct str site, stream, node;
    uint64_t epoch, seq, ver;
    struct str incident;
    uint64_t generation;
    unsigned phase, round, step;
    struct str target;
    struct str reason;
    struct str cause;
    struct str what;
    int64_t until_mono_ms;
};

const char *ledger_verdict_name(enum ledger_verdict v); /* "accepted", "step_claimed" … */
