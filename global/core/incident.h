/* Incidents: what people are told of. One for each (owning team, rule, values of the rule's
 * labels), over all sites, in generations. An incident's state is derived, never queued:
 *
 *   resolved      no member holds it open (or a person resolved it by force)
 *   acknowledged  some ack is not revoked
 *   triggered     otherwise
 *
 * Position is the last step that was claimed, by whichever node: (phase, round, step), phase 0 the
 * owner's policy and phase 1 root's. What is due next follows from it (escalate.h); a mirror
 * carries it to the other nodes (incident_mirror.c). Marks are the pages of that step and whether
 * each was accepted. */
#pragma once

#include "common/base/heap.h"
#include "common/base/map.h"
#include "common/base/queue.h"
#include "global/core/global_config.h"
#include "global/core/global_internal.h"

#define INCIDENT_ID_N 24
#define DEDUP_KEY_N 32
#define INCIDENTS_MAX 100000
#define INCIDENT_ACKS_MAX 64 /* beyond, the oldest revoked one is forgotten */
#define ACK_USER_MAX 128
#define INCIDENT_MARKS_MAX 256
#define INCIDENT_TIMELINE_MAX 400 /* entries kept; what comes after is counted */
#define INCIDENT_SITES_MAX 4096
#define SYSTEM_LABELS_MAX 8
#define CERTIFICATE_WARNING_MS (30 * MS_PER_DAY) /* before its end a certificate is an incident */
#define CERTIFICATE_CRITICAL_MS (7 * MS_PER_DAY)
#define TIMELINE_TEXT_MAX 1024

enum severity {
    SEVERITY_NONE = 0,
    SEVERITY_INFO,
    SEVERITY_WARNING,
    SEVERITY_ERROR,
    SEVERITY_CRITICAL
};

struct position {
    unsigned phase, round;
    int step; /* -1: nothing was claimed yet */
};

/* One page of the present step. */
struct mark {
    char *target; /* receiver */
    char *reason; /* step, threshold, severity */
    bool done;    /* its receiver accepted it */
    bool failed;  /* every integration of the receiver refused finally */
    bool own;     /* this process made it: nobody can have sent it before */
    bool some;    /* one of the receiver's integrations accepted it (this process only) */
    bool unsure;  /* a send was called off on its way, it may have arrived (this process only) */
};

struct ack {
    char id[33];
    char *user;
    int64_t at_wall_ms;
    int64_t at_mono_ms; /* the same on our clock, as far as it is known */
    bool revoked;
};

struct timeline_entry {
    uint64_t n;
    char *json; /* a complete object */
};

struct page;

/* Who claimed the present step, as far as it matters for the pages still owed: those of a step that
 * this process claimed are new, the others may have been sent before. */
enum claim { CLAIM_OTHER, CLAIM_RESTORED, CLAIM_TAKEN_OVER, CLAIM_HERE };

/* What a system incident stands for: one about the hierarchy itself, such as a site's silence. With
 * a label `node` it is that node's own affair: no other knows of it, and that one pages. */
struct system_alert {
    struct arena *arena; /* labels and summary lie in it */
    struct labels labels;
    struct str summary;
    bool over;
};

struct incident {
    char id[INCIDENT_ID_N + 1];
    char dedup_key[DEDUP_KEY_N + 1];
    uint64_t generation;
    char *team_name, *rule_name, *title;
    const struct team *team;     /* of the present configuration; root when the name is gone */
    const struct rule *rule;     /* NULL when the name is gone */
    struct system_alert *system; /* not NULL: owned; the incident has no members */

    TAILQ_HEAD(, member) members;
    size_t members_n, holding_n;
    struct {
        char **v;
        size_t n, cap;
    } sites; /* every site that had a member in this generation, sorted */

    bool resolved, forced;
    int64_t opened_wall_ms, resolved_wall_ms;
    int64_t
        resolved_mono_ms; /* decides whether it reopens: a clock that steps splits no incident */
    struct {
        struct ack *v;
        size_t n, cap;
    } acks;

    struct position at;
    int64_t step_wall_ms;        /* when that step was claimed, by the claimer's clock; 0 before */
    int64_t step_mono_ms;        /* the same on ours */
    int64_t heard_mono_ms;       /* when this node learned of that step; never from a wall clock */
    int64_t other_since_mono_ms; /* since when something is due that another node comes first for;
                                    0: nothing is */
    struct {
        struct mark *v;
        size_t n, cap;
    } marks;
    enum claim claim;
    bool split; /* at the claim another node may have had duty too: it may have claimed as well */
    unsigned severity_paged; /* of the last page */
    uint64_t sites_paged;
    char *terminal; /* why there is no next step; NULL: there is one */

    struct heap_node due; /* in incidents.due */
    TAILQ_HEAD(, page) pages;
    struct {
        struct timeline_entry *v;
        size_t n, cap;
    } timeline;
    uint64_t timeline_next, timeline_dropped;
    uint64_t reviewed; /* stamp of the last walk that saw it */
    bool dirty;        /* row and mirror are to be written at the end of the step */
    TAILQ_ENTRY(incident) dirty_link, list_link;
    UT_hash_handle hh;
};

/* What is known of a dedup key beyond its present incident. */
struct dedup {
    char key[DEDUP_KEY_N + 1];
    struct incident *last;      /* the newest generation here; NULL: none yet */
    uint64_t generation;        /* of that */
    uint64_t mirror_generation; /* the newest that another node told of */
    bool mirror_open, mirror_forced;
    bool mirror_own;                 /* only this node told of it, before it lost its store */
    int64_t mirror_resolved_wall_ms; /* by its node's clock */
    UT_hash_handle hh;
};

struct incidents {
    struct incident *by_id;
    struct dedup *by_key;
    TAILQ_HEAD(incident_list, incident) list; /* oldest first */
    TAILQ_HEAD(, incident) dirty;
    struct heap due;
    size_t n, open_n, purged_n;
    uint64_t ack_count, walk;
    int64_t purge_mono_ms;
    struct {
        uint64_t opened, resolved, reopened, claims, takeovers, acks, acks_in_transit, terminal,
            refused, mirrors_cut, superseded;
    } counts;
};

/* ---- system.c ---- */

struct system_alert *system_alert_new(struct labels labels, struct str summary); /* copies */
void system_alert_free(struct system_alert *s);
bool system_alert_local(const struct system_alert *s); /* this node's own affair */

/* ---- incidents.c ---- */

/* The state of what key_text names: opens the incident, raises its severity, ends it. Nothing
 * happens while it stays as it was, also after a person has resolved it by hand. */
struct incident *incident_system(struct global *g, struct str key_text,
                                 const struct system_alert *alert, struct str rule,
                                 struct str title, const char *over_cause, struct out *out);

struct incident *incident_find(const struct global *g,
                               struct str id); /* or an unambiguous prefix of ≥ 6; NULL */
struct incident *incident_get(const struct global *g, struct str id); /* exact; NULL */
/* The same on all nodes; dedup_key has DEDUP_KEY_N bytes. */
void incident_make_id(char ret[INCIDENT_ID_N + 1], struct str dedup_key, uint64_t generation);
struct incident *incident_new(struct global *g, struct str dedup_key, uint64_t generation);
void incident_changed(
    struct global *g,
    struct incident *i); /* row, mirror and due are brought up to date at the step's end */
bool incident_acked(const struct incident *i);
const char *incident_state(const struct incident *i); /* triggered acknowledged resolved */
unsigned incident_severity(const struct global *g,
                           const struct incident *i); /* of its unsuppressed members */
const char *severity_name(unsigned severity);
bool incident_suppressed(const struct global *g,
                         const struct incident *i);          /* every holding member is */
bool incident_add_site(struct incident *i, struct str site); /* true: it is new */
void incident_bind(struct global *g, struct incident *i); /* names to the configuration's structs */
void incident_review(struct global *g, struct incident *i, const char *cause,
                     struct out *out); /* resolved or not? */
void incident_say(struct global *g, struct incident *i, struct out *out, const char *what,
                  struct str who, struct str text); /* a timeline entry */
void incident_log(struct global *g, const struct incident *i, struct out *out, const char *cause);
void marks_clear(struct incident *i);
struct mark *mark_add(struct incident *i, struct str target, const char *reason);
struct mark *mark_find(struct incident *i, struct str target, struct str reason);
struct ack *ack_find(struct incident *i, struct str id);
struct ack *ack_add(const struct global *g, struct incident *i, struct str id, struct str user,
                    int64_t at_wall_ms); /* NULL: no room, or no id */
void incident_take_ack(struct global *g, struct incident *i, struct str user, struct str comment,
                       struct out *out);
void incident_revoke_acks(struct global *g, struct incident *i, struct str who, const char *why,
                          struct out *out);
void incident_force(struct global *g, struct incident *i, struct str user, struct out *out);
/* Another node has a later generation of the key open while ours is: its members go over, so that
 * all nodes speak of one incident again. */
void incident_follow(struct global *g, struct dedup *d, struct out *out);
void incident_due(struct global *g, struct incident *i,
                  int64_t at_mono_ms); /* TIME_NEVER: not at all */
void incident_adopt_step(struct global *g, struct incident *i, struct position at,
                         int64_t step_wall_ms);

/* ---- incident_rows.c ---- */

void incident_put(struct global *g, struct incident *i, struct out *out);
void timeline_put(struct global *g, struct incident *i, const struct timeline_entry *e,
                  struct out *out);
void incident_forget(struct global *g, struct incident *i,
                     struct out *out);                      /* purge: rows, members, mirrors */
int64_t incidents_purge(struct global *g, struct out *out); /* past retention; next time, mono */
void incident_free(struct incident *i);

/* ---- incident_mirror.c ---- */

void incident_send_mirror(struct global *g, struct incident *i, struct out *out);
void incident_merge_mirrors(struct global *g, struct incident *i,
                            struct out *out); /* what others told before it existed here */
