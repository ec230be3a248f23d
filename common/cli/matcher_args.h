/* Matchers, labels and times of amtool's commands, as the command line gives them. Pure. */
#pragma once

#include "common/core/model/matcher.h"
#include "common/core/template/gotime.h"

/* The first argument as a matcher: one that does not parse becomes alertname="…". Lent, or in the
 * arena and NUL-terminated. */
const char *args_shorthand(const char *first, enum matcher_mode mode, struct arena *a);

/* Every argument; the first may be the shorthand. */
MUST_CHECK int args_matchers(const char *const *args, size_t n, enum matcher_mode mode,
                             struct arena *a, struct matchers *ret, struct err *err);

/* name=value pairs: all must be equalities. `what` names them in the error ("labels"). Of equal
 * names the last counts; sorted, an empty value stays. */
MUST_CHECK int args_labels(const char *const *args, size_t n, const char *what,
                           enum matcher_mode mode, struct arena *a, struct labels *ret,
                           struct err *err);

/* --start, --end, --duration. Absent texts are NULL. */
struct args_span {
    const char *start, *end, *duration;
};

/* The span that begins at `from` unless --start says otherwise, and ends by --end, else by
 * --duration behind the start; with neither *ret_end is left alone. */
MUST_CHECK int args_span(const struct args_span *s, struct go_time from, struct go_time *ret_start,
                         struct go_time *ret_end, struct err *err);
/* RFC 3339, as Go reads it. */
MUST_CHECK int args_time(const char *text, struct go_time *ret, struct err *err);
/* For bodies of requests: RFC 3339 with milliseconds, in the time's own zone. */
struct str args_time_text(struct arena *a, struct go_time t);
