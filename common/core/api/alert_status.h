/* Whether an alert is suppressed, and by what, as the API shows it. The API does not know what
 * mutes: whoever serves it is asked for each alert that a filter or a listing wants to know of, at
 * the time of the query. */
#pragma once

#include "common/base/arena.h"
#include "common/base/now.h"
#include "common/base/str.h"

struct alert;

struct alert_status {
    const struct str *silenced_by; /* ids of silences */
    size_t silenced_by_n;
    const struct str *inhibited_by; /* fingerprints, 16 hexadecimal digits */
    size_t inhibited_by_n;
    const struct str *muted_by; /* time intervals; a group's, so always empty in a list of alerts */
    size_t muted_by_n;
    bool suppressed; /* one of the lists is not empty */
};

/* Fills *ret for the alert, firing or not; what it points at lies in the arena or lives until the
 * next change of any silence. */
typedef void (*alert_status_fn)(void *arg, const struct alert *a, struct now now,
                                struct arena *arena, struct alert_status *ret);
