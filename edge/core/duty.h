/* Paging duty as the edge sees it: to which global node its next heartbeat may carry a grant. A
 * small pure state machine; docs/formats/federation.md, "Paging duty", has the rules and why two
 * nodes never hold at once. Times are the edge's CLOCK_BOOTTIME. */
#pragma once

#include "common/base/now.h"
#include "common/base/str.h"
#include "common/core/model/identity.h"

#define DUTY_NODES_MAX 16
#define DUTY_TOKEN_AGE_MAX_MS (15 * MS_PER_S)
#define DUTY_GATE_WAIT_MS (30 * MS_PER_S) /* how long an unreceipted mirror can hold duty up */
/* How long the node granted last may stay away while another one answers, before that one gets the
 * duty. Longer than a lost heartbeat's time-out and the pause before the next: when a cut heals,
 * the nodes come back one by one, and the site's edges would each grant whichever answered them
 * first. */
#define DUTY_PATIENCE_MS (8 * MS_PER_S)
#define DUTY_BOOT_CHARS 64

/* L(1 + 2ρ), ρ = 500 ppm, rounded up */
static inline int64_t edge_duty_term_ms(int64_t lease_ms)
{
    return lease_ms + (lease_ms + 999) / 1000;
}

struct edge_duty_token {
    char boot[DUTY_BOOT_CHARS + 1];
    int64_t mono_ms; /* the node's own clock */
};

struct edge_duty_node {
    char name[IDENTITY_NAME_MAX + 1];
    bool answers;             /* the last heartbeat was answered */
    int64_t answers_since_ms; /* without an absence of DUTY_TOKEN_AGE_MAX_MS */
    bool released;
    bool has_token;
    struct edge_duty_token token;
    int64_t token_at_ms;  /* when we got it */
    bool mirrors_lacking; /* it has not receipted every mirror that we have */
};

/* What a global last told of another stream of this site. */
struct edge_duty_other {
    char node[IDENTITY_NAME_MAX + 1];
    char holder[IDENTITY_NAME_MAX + 1];
};

enum duty_persist { DUTY_PERSIST_NO, DUTY_PERSIST_UNDER_WAY, DUTY_PERSIST_DONE };

struct edge_duty {
    int64_t lease_ms;
    struct edge_duty_node nodes[DUTY_NODES_MAX]; /* in configuration order */
    size_t nodes_n;
    char granted[IDENTITY_NAME_MAX + 1]; /* last granted node; "" never */
    int64_t until_ms;                    /* it may hold until then */
    int64_t until_before_ms;             /* for an echo that never left */
    bool unanswered;                     /* the newest echo has no answer yet */
    bool echoed; /* by this process: `granted` is more than what the store says */
    char persisted[IDENTITY_NAME_MAX + 1]; /* the name that the store has, or is about to have */
    enum duty_persist persist;
    char self[IDENTITY_NAME_MAX + 1]; /* our own name */
    struct edge_duty_other lowest;    /* the lowest-named other live stream; node "" for none */
};

void edge_duty_init(struct edge_duty *d, int64_t lease_ms);
/* Keeps what is known of nodes that stay. */
void edge_duty_set_nodes(struct edge_duty *d, const struct str *names, size_t n);
/* What the store says: known == false when it says nothing. Then, and for every node but `granted`,
 * a whole term must pass first. */
void edge_duty_start(struct edge_duty *d, bool known, struct str granted, int64_t now_ms);

/* A heartbeat of node i was answered. When i is the granted node this ends the waiting for an
 * echo's answer, also when this heartbeat carried none: the way is open, so a new term is no
 * unheard one. */
void edge_duty_answered(struct edge_duty *d, size_t i, const struct edge_duty_token *token,
                        bool released, int64_t now_ms);
void edge_duty_failed(struct edge_duty *d, size_t i); /* a heartbeat was not answered */
void edge_duty_echo_not_sent(struct edge_duty *d);    /* the newest echo never left this machine */
void edge_duty_set_others(struct edge_duty *d, const struct edge_duty_other *lowest);

/* The node that duty should go to; nodes_n when none answers, or none has for long enough. */
size_t edge_duty_choice(const struct edge_duty *d, int64_t now_ms);
/* When time alone may change the choice next; TIME_NEVER. */
int64_t edge_duty_next_ms(const struct edge_duty *d, int64_t now_ms);
/* Node i could be granted now if only its name were stored: store it, and say so here. */
bool edge_duty_wants_persist(const struct edge_duty *d, size_t i, int64_t now_ms);
void edge_duty_persisting(struct edge_duty *d, size_t i);
void edge_duty_persisted(struct edge_duty *d);

bool edge_duty_may_echo(const struct edge_duty *d, size_t i, int64_t now_ms);
/* Records that the heartbeat now written to node i carries its token back. */
void edge_duty_echo_sent(struct edge_duty *d, size_t i, int64_t now_ms);
const char *edge_duty_holder(const struct edge_duty *d, int64_t now_ms); /* "" for none */
