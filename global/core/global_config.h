/* global.yml as an immutable snapshot, everything linked: teams know parent, depth and effective
 * policy; what a step may name is known to resolve for every team that can reach it. */
#pragma once

#include "common/core/config/nodes_load.h"
#include "common/core/config/receivers.h"
#include "common/core/config/report.h"
#include "common/core/model/matcher.h"

#define TEAM_ROOT "root"
#define TEAMS_MAX 5000
#define TEAM_DEPTH_MAX 16
#define POLICIES_MAX 10000
#define POLICY_STEPS_MAX 50
#define POLICY_REPEAT_MAX 100
#define POLICY_TARGETS_MAX 50
#define ACK_TIMEOUT_MS_MAX (30 * MS_PER_DAY)
#define RULES_MAX 10000

#define STEP_DELAY_MS_DEFAULT (5 * MS_PER_MIN)
#define STEP_DELAY_MS_MIN MS_PER_S
#define STEP_DELAY_MS_MAX (7 * MS_PER_DAY)
#define SECRET_BYTES_MIN 16

enum target_kind {
    TARGET_ROLE,     /* the owning team's receiver for the role, bound when the step fires */
    TARGET_RECEIVER, /* one fixed receiver */
    TARGET_PARENT /* {team: parent}: those whom the first step of the parent team's policy tells */
};

struct policy_target {
    enum target_kind kind;
    struct str role;                 /* TARGET_ROLE */
    const struct receiver *receiver; /* TARGET_RECEIVER */
};

struct policy_step {
    const struct policy_target *targets; /* ≥ 1; kinds may be mixed in a step */
    size_t targets_n;
    int64_t delay_ms; /* from this step to the next (or to the next round, or to exhaustion) */
    int line;
};

enum on_exhausted { EXHAUSTED_ROOT, EXHAUSTED_STOP };

struct policy {
    struct str name;
    size_t index;
    const struct policy_step *steps; /* ≥ 1 */
    size_t steps_n;
    unsigned repeat;        /* rounds after the first; 0: one round */
    int64_t ack_timeout_ms; /* 0: an ack holds for ever */
    enum on_exhausted on_exhausted;
    int line;
};

struct team_role {
    struct str role;
    const struct receiver *receiver;
};

struct team {
    struct str name;
    size_t index;                  /* in global_config.teams, file order */
    const struct team *parent;     /* NULL for root only */
    size_t depth;                  /* 0 for root */
    struct matchers owns;          /* all must hold; empty for root only */
    const struct policy *policy;   /* own, or the nearest ancestor's; never NULL */
    const struct team_role *roles; /* own ones only; see team_role_receiver */
    size_t roles_n;
    int line;
};

enum rule_mode { RULE_MERGE, RULE_PER_SITE };

/* How alerts become incidents. The first rule whose matchers hold counts; a last one without
 * matchers, by [alertname, service], is always there. */
struct rule {
    struct str name; /* unique; "default" for the last one */
    size_t index;
    struct matchers matchers;
    const struct str *by; /* labels of the identity, in byte order, unique */
    size_t by_n;
    enum rule_mode mode;
    bool dedup;               /* false: each member is an incident of its own */
    const uint64_t *on_sites; /* page again when this many sites are affected; rising, ≥ 2 */
    size_t on_sites_n;
    int line;
};

struct global_config {
    uint64_t hash; /* of the text */
    struct am_global global;
    struct receivers receivers;
    const struct config_node *nodes; /* `globals`; may be empty with one node */
    size_t nodes_n;
    struct str secret_file; /* cluster.secret_file as written, relative to global.yml; "": none */
    struct str secret;      /* its bytes: global_config_set_secret */
    const struct team *teams;
    size_t teams_n;
    const struct team *root;
    const struct team *const *deepest_first; /* all teams; of equal depth in file order */
    const struct policy *policies;
    size_t policies_n;
    const struct rule *rules; /* ≥ 1: the default is the last */
    size_t rules_n;
    int64_t reopen_window_ms; /* default 5m */
    int64_t retention_ms;     /* default 720h */
    int64_t silent_after_ms;  /* default 90s */
    struct arena *arena;      /* everything lies in it, regexes apart */
    unsigned refs;
};

MUST_CHECK int global_config_parse(struct str text, enum matcher_mode mode,
                                   struct global_config **ret, struct config_report *report);
/* The key that signs what globals tell each other; copied. Once, before the engine gets the
 * configuration. At least SECRET_BYTES_MIN bytes after trimming white space, else -EINVAL. */
MUST_CHECK int global_config_set_secret(struct global_config *c, struct str secret,
                                        struct err *err);
struct global_config *global_config_ref(struct global_config *c);
void global_config_unref(struct global_config *c); /* frees with the last; NULL is fine */

const struct team *global_config_find_team(const struct global_config *c, struct str name);
const struct config_node *global_config_find_node(const struct global_config *c, struct str name);

/* The one owner: the deepest team whose owns all hold; root when none does. */
const struct team *team_owner(const struct global_config *c, struct labels labels);
/* The nearest ancestor's receiver for the role, the team's own first; NULL when nobody has it
 * (which parsing excludes for every role a reachable policy names). */
const struct receiver *team_role_receiver(const struct team *t, struct str role);
const struct rule *rule_for(const struct global_config *c, struct labels labels);
