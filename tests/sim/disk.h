/* A node's disk in virtual time: rows (kind, key) -> value as in common/io/store.h. Transactions
 * commit in order and in groups after a latency. A crash keeps what was reported and some prefix of
 * the rest. A failing disk reports each transaction once, keeps it, and writes it later. */
#pragma once

#include "common/base/map.h"
#include "common/base/rand.h"
#include "common/base/vec.h"
#include "common/core/engine.h"

struct disk_row {
    char *key; /* kind, then the row's key: what the table is hashed by */
    size_t key_n;
    char *value;
    size_t value_n;
    UT_hash_handle hh;
};

struct disk_op {
    char *key;
    size_t key_n;
    char *value; /* NULL: removed */
    size_t value_n;
};

struct disk_txn {
    uint64_t txn;
    bool failed; /* its fate was told; it waits to be written */
    struct disk_op *v;
    size_t n;
};

/* What a committed operation replaced, so that a store can come back without its tail. */
struct disk_undo {
    uint64_t txn;
    struct disk_op old;
};

struct disk {
    struct disk_row *rows;
    struct {
        struct disk_txn *v;
        size_t n, cap;
    } queue; /* not on the disk, oldest first */
    struct {
        struct disk_undo *v;
        size_t n, cap;
    } undo;
    uint64_t durable_txn;    /* of this process: every one up to it is on the disk */
    enum store_result state; /* what a commit gives now */
    bool committing;         /* a commit is under way */
    bool ever_used;
};

void disk_clear(struct disk *d);
void disk_put(struct disk *d, const struct engine_output *o);
/* A commit ends. Returns what to tell the engine: result and the newest transaction of the group;
 * txn 0 for nothing. */
void disk_commit(struct disk *d, uint64_t *ret_txn, enum store_result *ret_result);
bool disk_wants_commit(const struct disk *d);
/* The process dies: `keep` of the transactions that were not told are on the disk. */
void disk_crash(struct disk *d, size_t keep);
size_t disk_untold(const struct disk *d);
/* Takes the last operations back. The newest transaction of this life that is left; 0: none is. */
uint64_t disk_regress(struct disk *d, size_t ops);
void disk_wipe(struct disk *d);
/* Rows in (kind, key) order; the caller frees the array. */
const struct disk_row **disk_sorted(const struct disk *d, size_t *ret_n);
/* NULL when there is none. */
const struct disk_row *disk_find(const struct disk *d, uint32_t kind, struct str key);
struct row_op disk_row_op(const struct disk_row *r);
