/* Alertmanager's configuration file as an immutable snapshot. What tocsin does not act on yet is
 * read, checked and warned of, never silently accepted. */
#pragma once

#include "common/core/config/inhibit_load.h"
#include "common/core/config/receivers.h"
#include "common/core/config/report.h"
#include "common/core/config/tracing.h"
#include "common/core/route/route.h"

struct am_config {
    struct str original; /* the text as given */
    struct am_global global;
    struct receivers receivers;
    const struct route *root;
    size_t routes_n;
    const struct inhibit_rule *inhibit_rules; /* in file order */
    size_t inhibit_rules_n;
    struct named_intervals intervals;     /* of mute_time_intervals and of time_intervals */
    struct str_list templates;            /* patterns of files, joined to the file's folder */
    const struct tracing_config *tracing; /* NULL: none; without effect */
    const struct event_recorder_config *event_recorder; /* NULL: none; without effect */

    struct arena *arena; /* everything lies in it */
    struct route *tree;  /* root, for am_config_free */
    struct inhibit_rules inhibit;
};

/* -EINVAL with at least one mistake in the report. Locations of time intervals are not looked at:
 * ask am_config_check_locations. */
MUST_CHECK int am_config_parse(struct str text, enum matcher_mode mode, struct am_config **ret,
                               struct config_report *report);
void am_config_free(struct am_config *c);
/* The top level, of struct am_config, in the order of the text: for the reference page. */
const struct config_field *am_config_fields(size_t *ret_n);

/* The tz database is outside of the core: `known` says which of its names there are. -EINVAL with
 * mistakes in the report when some location is not. */
MUST_CHECK int am_config_check_locations(const struct am_config *c, struct config_report *report,
                                         bool (*known)(struct str location, void *arg), void *arg);
