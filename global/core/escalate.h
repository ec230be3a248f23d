/* Escalation: what is due next is a function of the incident's state, so an ack or a resolve leaves
 * nothing behind that could still fire. Only the node that holds paging duty for a live member's
 * site claims a step; of several, the one with the highest rendezvous weight for the incident; the
 * next takes over TAKEOVER_MS after due if it has seen no claim. */
#pragma once

#include "global/core/incident.h"

#define TAKEOVER_MS 5000
#define PAGE_TIMEOUT_MS 8000
#define DUTY_RECHECK_MS 500
#define FAILED_STEP_DELAY_MS \
    (30 * MS_PER_S) /* all targets of a step refused finally: do not wait its whole delay */

struct next_step {
    bool exists;
    const char *terminal; /* when it does not: the reason to record */
    struct position at;
    int64_t delay_ms; /* after the present one */
};

struct next_step escalate_next(const struct global *g, const struct incident *i);
/* The policy and team that the phase goes by. */
const struct policy *escalate_policy(const struct global *g, const struct incident *i,
                                     unsigned phase);
const struct team *escalate_team(const struct global *g, const struct incident *i, unsigned phase);

enum pager {
    PAGER_NONE,  /* no duty here for any live member: stale */
    PAGER_OTHER, /* duty here, but another node comes first */
    PAGER_SELF
};
/* ret_winner: the node that comes first, "" when unknown; lent. */
enum pager escalate_pager(const struct global *g, const struct incident *i, struct str *ret_winner);
/* Is there duty enough left to start a send now? */
bool escalate_may_send(const struct global *g, const struct incident *i);

int64_t escalate_due_mono(const struct global *g,
                          const struct incident *i); /* of the next step; TIME_NEVER */
void escalate_schedule(struct global *g, struct incident *i);
void escalate_fire(struct global *g, struct incident *i,
                   struct out *out); /* its wake-up has come */
/* Pages for a higher severity or a crossed threshold of sites. */
void escalate_extra(struct global *g, struct incident *i, struct out *out);
