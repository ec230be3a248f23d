/* Judges of a run, one a promise (docs/ARCHITECTURE.md names them as the code does: I1 … I12). Each
 * reads the history only and adds violations to it. */
#pragma once

#include "tests/sim/sim.h"

void check_custody(struct sim *s);      /* I1 */
void check_paging(struct sim *s);       /* I2 */
void check_once(struct sim *s);         /* I3 */
void check_ack(struct sim *s);          /* I4 */
void check_duty(struct sim *s);         /* I5 */
void check_progress(struct sim *s);     /* I6 */
void check_views(struct sim *s);        /* I7 */
void check_merge(struct sim *s);        /* I8 */
void check_mute(struct sim *s);         /* the other side of I2: silences hold */
void check_conservation(struct sim *s); /* I11 */
void check_scope(struct sim *s);        /* I12 */
void check_all(struct sim *s);

/* ---- what they share ---- */

enum inc_what {
    INC_OPENED,
    INC_REOPENED,
    INC_RESOLVED,
    INC_ACKED,
    INC_UNACKED,
    INC_CLAIMED,
    INC_TERMINAL
};

struct inc_event {
    int64_t t;
    int node;
    enum inc_what what;
    bool forgotten; /* the node's store has lost it later */
};

struct inc { /* an incident's life as all global nodes told it, in the order of time */
    const char *id;
    const char *key; /* dedup key: the same over its generations */
    bool adversary;  /* a forged alert is in it */
    bool muted;      /* of an alert that people of this site have silenced */
    int muted_site;
    struct {
        struct inc_event *v;
        size_t n, cap;
    } events;
    UT_hash_handle hh;
};

struct inc *inc_table(const struct sim *s); /* in the order of first mention */
struct inc *inc_find(struct inc *table, const char *id);
/* Is another generation of the incident open at that time? Nodes that were apart may number them
 * differently until the incident closes; what is owed is owed once. */
bool inc_other_open(const struct inc *table, const struct inc *i, int64_t t);
/* Did a node that has the incident hold duty for one of its sites in that time? A node that lost
 * its store may number what it is told again differently from the one that pages; it owes nothing
 * while it has no duty. True for an incident without members. */
bool inc_in_duty(const struct sim *s, const struct inc *i, int64_t from, int64_t to);
/* Did all nodes that have it open lose their store, and hear the site again whose silence it is?
 * Every node opens such an incident for itself, so nobody is left who could resolve it; a site that
 * is still silent opens it anew. Never of an incident with members. */
bool inc_forgotten(const struct sim *s, const struct inc *i, int64_t by);
/* Is it another generation of one that a person closed by force, of the very same rows, opened by
 * a node that lost its store in between? The node learns that the incident was closed, not for
 * which alerts, and pages them again while it has duty; a node that knows pages none of them. */
bool inc_closed_before(const struct sim *s, struct inc *table, const struct inc *i, int64_t by);
void inc_free(struct inc *table);

/* from + bound, pushed behind every fault that overlaps the wait. */
int64_t check_deadline(const struct sim *s, int64_t from, int64_t bound);
bool check_fault_near(const struct sim *s, int64_t from, int64_t to);
