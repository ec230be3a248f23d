/* Inhibition: while a source alert fires, targets that agree with it in some labels are muted.
 * Pure; it learns of alerts by inhibit_put and inhibit_drop and keeps what it needs of them. Rules
 * as Alertmanager's (core specification §5), with one repair: all firing sources of a key are kept,
 * so that the end of one does not lift what another still holds.
 *
 * Both sides of the rules are found by an index (match_index.h), rules without a firing source are
 * passed over, and the sources of a rule are kept by the values of its `equal` labels: a decision
 * costs as much as few rules that match, not as all rules or sources. The values themselves are
 * compared, never only a hash of them: a collision would mute a page.
 *
 * Two-sided: an alert that matches both sides of a rule is not muted by a source that does as well.
 * So nothing inhibits itself, nor do two such alerts each other. */
#pragma once

#include "common/core/model/matcher.h"

#define INHIBIT_SOURCES_MAX 4000000 /* (alert, rule) pairs; what is beyond mutes nothing */

struct inhibit_rule {
    struct str name;                /* may be empty */
    struct matchers source, target; /* empty: everything matches */
    const struct str *equal;
    size_t equal_n;
    bool never; /* a null in the list of rules: taken, without effect */
};

struct inhibit;

/* rules are lent until inhibit_free. After a reload: a new one, and every firing alert once more.
 */
struct inhibit *inhibit_new(const struct inhibit_rule *rules, size_t n);
void inhibit_free(struct inhibit *ih);

/* The alert fires. Repeating it is cheap and changes nothing. True when the set of sources changed:
 * verdicts about others may now differ. */
bool inhibit_put(struct inhibit *ih, uint64_t fp, struct labels l);
/* It has resolved, or is gone. */
bool inhibit_drop(struct inhibit *ih, uint64_t fp);

/* The rules that a firing alert is a source of; none when it is not. */
void inhibit_each_rule(const struct inhibit *ih, uint64_t fp,
                       void (*on_rule)(const struct inhibit_rule *rule, void *arg), void *arg);

struct inhibit_verdict {
    uint64_t source_fp;
    size_t rule; /* its place in the rules */
};

/* Whether an alert of these labels is inhibited, firing or not: by the first rule that says so, in
 * the rules' order, and there by the source that has fired longest. *ret is untouched if not. */
bool inhibit_decide(struct inhibit *ih, struct labels l, struct inhibit_verdict *ret);

/* Rises with every change of the sources: as long as it stays the same, so does every verdict. */
uint64_t inhibit_version(const struct inhibit *ih);

struct inhibit_stats {
    size_t alerts;    /* that are a source of some rule */
    size_t sources;   /* (alert, rule) pairs */
    size_t unkeyed;   /* target sides that every alert has to be compared with */
    uint64_t refused; /* for INHIBIT_SOURCES_MAX */
};
struct inhibit_stats inhibit_stats(const struct inhibit *ih);
/* Equal for equal sources, in whatever order they came. */
uint64_t inhibit_digest(const struct inhibit *ih);
