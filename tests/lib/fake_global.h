/* A global node as docs/formats/federation.md describes it, seen from an edge in a driver: it
 * checks that rows and voids cover each batch once, keeps cursor, window and registers, and
 * answers. For tests of the edge; what it believes is open to them. */
#pragma once

#include "tests/lib/engine_driver.h"

#define FAKE_REGISTERS_MAX 8192

struct fake_register {
    uint64_t fp, epoch, seq;
    bool firing;
    char reason[16];
    uint64_t transitions;
    int64_t first_seen_ms;
};

enum fake_mood {
    FAKE_WELL,
    FAKE_UNREACHABLE, /* nothing leaves the edge */
    FAKE_DEAF,        /* nothing arrives, the edge cannot tell */
    FAKE_MUTE,        /* all arrives, no answer comes back */
    FAKE_FULL         /* 503 not_stored to batches */
};

struct fake_global {
    const char *name;
    enum fake_mood mood;
    char boot[20];
    uint64_t epoch, cursor, window_from, window_to;
    struct fake_register *registers; /* FAKE_REGISTERS_MAX, by arrival */
    size_t registers_n;
    uint64_t fence; /* answers 409 fenced with this epoch to older ones */
    bool released;
    int batch_status;       /* not 0: batches get this status and batch_body */
    const char *batch_body; /* NULL: empty */
    size_t batch_rows_max;  /* not 0: batches with more rows get 413 */
    bool hold_backlog;      /* batches of the backlog lane are lost on their way */
    const char *streams;    /* JSON of the heartbeat's `streams`; NULL: [] */
    /* what it saw */
    size_t batches, live_batches, backlog_batches, need_bases, rows, heartbeats, echoes, digests,
        mismatches;
    size_t rows_of_last;
    int64_t last_echo_mono_ms; /* the token's */
    int64_t live_at_ms;        /* when the newest live batch was applied */
    char holder[64];           /* of the newest heartbeat */
    /* directives */
    char *mirrors; /* JSON array to hand down; owned; NULL: none */
    uint64_t mirrors_upto;
    uint64_t confirmed; /* `since` of the newest poll */
    char *journal;      /* body of the newest journal request; owned */
    size_t journals;
};

void fake_global_init(struct fake_global *g, const char *name);
void fake_global_clear(struct fake_global *g);
void fake_global_forget(struct fake_global *g); /* a new disk */
size_t fake_global_firing(const struct fake_global *g);
const struct fake_register *fake_global_find(const struct fake_global *g, uint64_t fp); /* NULL */

/* Answers what is under way to each of the n nodes, and again what the edge then sends, until
 * nothing new is. Long polls without news stay open. */
void fake_globals_serve(struct fake_global *g, size_t n, struct driver *d);
/* Lets time pass in small steps, serving after each. */
void fake_globals_run(struct fake_global *g, size_t n, struct driver *d, int64_t ms);
