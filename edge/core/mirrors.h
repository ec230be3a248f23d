/* Mirrors: registers (incident, origin) that the edge carries between global nodes. It keeps the
 * newest of each by (epoch, ver), durably, and remembers which node has receipted it. It cannot
 * read more of one than its state: the MAC is the globals' own. Bounded: past EDGE_MIRRORS_MAX a
 * resolved register goes first, else the oldest, and is counted. Pure. */
#pragma once

#include "common/core/engine.h"

#define EDGE_MIRRORS_MAX 10000
#define EDGE_MIRROR_BODY_MAX KIB(64)
#define EDGE_MIRRORS_NODES_MAX 16
#define EDGE_MIRRORS_JOURNAL_MAX 500 /* registers in one journal request */

struct edge_mirrors;
struct json_object;

struct edge_mirrors *edge_mirrors_new(void);
void edge_mirrors_free(struct edge_mirrors *m);
void edge_mirrors_restore(struct edge_mirrors *m, const struct row_op *row);
/* Renumbers the nodes: receipts of a name that stays are kept. */
void edge_mirrors_set_nodes(struct edge_mirrors *m, const struct str *names, size_t n);

/* Takes the registers of a directives answer of node `from` (which has them all). Returns how many
 * were news; malformed ones are skipped and counted. */
size_t edge_mirrors_take(struct edge_mirrors *m, struct json_object *list, size_t from,
                         struct out *out);

bool edge_mirrors_lacking(struct edge_mirrors *m,
                          size_t node); /* some register has no receipt of it */
/* Writes `[…]` of registers that node lacks; remembers them as under way. Returns how many. */
size_t edge_mirrors_write_journal(struct edge_mirrors *m, size_t node, size_t bytes_max,
                                  struct buf *b);
/* The fate of what was under way to node: receipted when `ok`. */
void edge_mirrors_journal_done(struct edge_mirrors *m, size_t node, bool ok);

/* The node has lost its store: nothing counts as receipted by it any more. */
void edge_mirrors_forget_receipts(struct edge_mirrors *m, size_t node);

void edge_mirrors_put_all(const struct edge_mirrors *m, struct out *out);

struct edge_mirrors_stats {
    size_t registers;
    uint64_t taken, refused, dropped;
};

struct edge_mirrors_stats edge_mirrors_stats(const struct edge_mirrors *m);
uint64_t edge_mirrors_digest(const struct edge_mirrors *m);
