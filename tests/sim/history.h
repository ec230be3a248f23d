/* What happened, as the world saw it: the checkers' only evidence. Texts are interned, so equal
 * texts are equal pointers; times are the world's true milliseconds unless a name says mono. */
#pragma once

#include "common/base/map.h"
#include "common/base/vec.h"
#include "common/core/ledger.h"

enum mark_kind {
#define MARK(name, text) MARK_##name,
#include "tests/sim/marks.def"
#undef MARK
    MARKS
};
extern const char *const mark_names[MARKS];

struct text {
    char *p;
    UT_hash_handle hh;
};

/* A ledger row as a node emitted it. */
struct h_ledger {
    int64_t t;
    int node;
    unsigned life, store_life;
    uint64_t txn;   /* the row's effects are in transactions up to this one */
    bool lost;      /* a crash forgot that transaction */
    bool forgotten; /* it was on the disk, and the store lost it: restored from a copy, or wiped */
    enum ledger_verdict verdict;
    uint64_t fp, epoch, seq, ver, generation;
    const char *site, *stream, *peer, *incident, *target, *reason, *cause, *what;
    unsigned phase, round, step;
    int64_t until; /* true time */
};

/* A page or notification as a receiver got it, or as its sender let it go. */
struct h_page {
    int64_t sent_at, got_at; /* got_at −1: never arrived */
    int node;
    unsigned life;
    bool accepted; /* the receiver took it, whatever the sender learned */
    int status;    /* told to the sender; 0: none */
    bool page;     /* has the member `tocsin` */
    bool cancelled;
    uint64_t send_id;
    const char *receiver, *incident, *target, *reason, *duplicate, *severity, *sites, *key;
    const char *foreign; /* an alert shown under another site than its own; NULL: none */
    uint64_t generation;
    unsigned phase, round, step;
};

/* A critical transition answered 200 by an edge. */
struct h_answer {
    int64_t t, posted_at;
    int node;
    uint64_t fp;
    const char *aid;
    bool firing;
    bool durable; /* the disk said so when the answer left */
};

/* A 200 of a global node to a batch, with what its disk held at that moment. */
struct h_receipt {
    int64_t t;
    int node;
    const char *stream;
    uint64_t epoch, cursor, disk_epoch, disk_cursor;
};

/* What a person did. */
struct h_act {
    int64_t t;
    int node;
    const char *verb, *incident;
    uint64_t generation;
    int status;
    bool effective;
};

struct h_fault {
    int64_t from, to;
    enum mark_kind kind;
    int node, other; /* −1: all or none */
};

struct h_life {
    int node;
    unsigned life, store_life;
    int64_t from, to; /* to −1: still up */
    int64_t stop_at;  /* told to stop; 0: never */
    bool wiped, regressed;
    const char *uuid;
};

struct violation {
    int64_t t;
    const char *invariant;
    char *text;
};

/* An incident as a global's API shows it at the end. */
struct h_incident {
    int node;
    const char *id, *state, *severity, *team, *sites, *terminal;
    uint64_t generation;
    const char *dedup_key;
};

struct h_view { /* an alert as a node's API shows it at the end */
    int node;
    const char *site, *aid;
};

#define HISTORY(type, name) \
    struct { \
        struct type *v; \
        size_t n, cap; \
    } name

struct history {
    struct text *texts;
    HISTORY(h_ledger, ledger);
    HISTORY(h_page, pages);
    HISTORY(h_answer, answers);
    HISTORY(h_receipt, receipts);
    HISTORY(h_act, acts);
    HISTORY(h_fault, faults);
    HISTORY(h_life, lives);
    HISTORY(violation, violations);
    HISTORY(h_incident, incidents);
    HISTORY(h_view, views);
    uint64_t marks[MARKS];
    uint64_t episodes, posts, requests, foreign_sent;
    uint64_t duplicates_flagged, duplicates_excused, pages_accepted;
    int64_t heal_at, end_at;
};

struct sim;
struct sim_node;
struct engine_output;

void history_clear(struct history *h);
const char *history_text(struct history *h, struct str s);
void history_ledger(struct sim *s, struct sim_node *n, const struct engine_output *o);
struct sim_call;
/* An edge takes in a POST of alerts: from now on that is the last word it was given. */
void history_posted(struct sim *s, const struct sim_node *n, const struct sim_call *c);
/* An edge's 200 to a POST of alerts leaves: is what it promises on the disk? */
void history_answer(struct sim *s, struct sim_node *n, const struct sim_call *c);
/* A global's 200 to a batch leaves. */
void history_receipt(struct sim *s, struct sim_node *n, struct str body, const struct sim_call *c);
void history_crashed(struct sim *s, struct sim_node *n);
/* The store has just lost what was on it; of the last life's transactions it has those up to
 * kept. */
void history_store_lost(struct sim *s, const struct sim_node *n, uint64_t kept);
void history_mark(struct sim *s, enum mark_kind m);
void history_violation(struct sim *s, int64_t t, const char *invariant, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
