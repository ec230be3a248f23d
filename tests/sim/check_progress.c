/* I6: an open incident that nobody has acknowledged takes its next step, or says why there is none.
 * Time in which faults were at work does not count. */
#include "tests/sim/check.h"

#define DELAY_MAX_MS (3 * MS_PER_MIN) /* the longest of config.c's policies */
#define SLACK_MS (100 * MS_PER_S)     /* lease, take-over, clocks */

#define BOUND_MS (DELAY_MAX_MS + SLACK_MS)

/* It may rest: it has another number where it is escalated, nobody who has it holds duty, or a
 * store was lost. A node that holds duty in the calm time before `due` has no excuse for its step
 * of what was closed by force elsewhere. */
static bool excused(const struct sim *s, struct inc *table, const struct inc *i, int64_t since,
                    int64_t due)
{
    return inc_other_open(table, i, due) || !inc_in_duty(s, i, since, due) ||
           inc_forgotten(s, i, due) ||
           (!inc_in_duty(s, i, due - BOUND_MS, due) && inc_closed_before(s, table, i, due));
}

static void judge(struct sim *s, struct inc *table, const struct inc *i)
{
    int64_t since = -1; /* open and unacknowledged, last progress; -1: not owed */
    bool acked = false, resolved = true;
    size_t n = i->events.n;

    for (size_t k = 0; k <= n; k++) {
        const struct inc_event *e = k < n ? &i->events.v[k] : NULL;
        int64_t t = e != NULL ? e->t : s->h.end_at;
        int64_t due;

        if (since >= 0) {
            due = check_deadline(s, since, BOUND_MS);
            if (t > due && !excused(s, table, i, since, due)) {
                history_violation(s, due, "I6",
                                  "incident %.8s is open, not acknowledged, and rests since %.1f s",
                                  i->id, (double)since / 1000);
                return;
            }
        }
        if (e == NULL)
            return;
        switch (e->what) {
        case INC_TERMINAL:
            return; /* a reason is recorded */
        case INC_OPENED:
        case INC_REOPENED:
            resolved = false;
            break;
        case INC_RESOLVED:
            resolved = true;
            break;
        case INC_ACKED:
            acked = true;
            break;
        case INC_UNACKED:
            acked = false;
            break;
        case INC_CLAIMED:
            break;
        }
        since = acked || resolved ? -1 : e->t;
    }
}

void check_progress(struct sim *s)
{
    struct inc *table = inc_table(s);

    for (const struct inc *i = table; i != NULL; i = i->hh.next) {
        if (!i->adversary && !i->muted)
            judge(s, table, i);
    }
    inc_free(table);
}
