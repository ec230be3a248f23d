/* A store under test with what it reported and what was read from it. Ids of transactions and
 * contents of rows are derived from numbers, so that a test can say what must be there. */
#pragma once

#include "common/io/store.h"

#define STORE_BENCH_TXNS 4096

struct store_bench {
    char *folder;
    struct store_options
        options; /* path, callback and manual are set; a test may change the rest */
    struct store *store;
    struct store_opening opening;
    int result[STORE_BENCH_TXNS]; /* by transaction id: 1 not reported, 0 stored, else the error */
    uint64_t reported;            /* newest id reported */
    unsigned recovered, incomplete; /* reports of that kind */
    uint64_t lost;                  /* summed over them */
    struct store_bench_row {
        uint32_t kind;
        char *key, *value;
    } * v; /* loaded; a vec */
    size_t n, cap;
};

void store_bench_init(struct store_bench *b);  /* makes the folder, opens nothing */
void store_bench_clear(struct store_bench *b); /* closes, removes the folder */

void store_bench_open(struct store_bench *b); /* opens and loads; fails the test when that fails */
int store_bench_try_open(struct store_bench *b, struct err *err);
int store_bench_close(struct store_bench *b);

/* One row in one transaction; value NULL: removed. Returns what store_put returned. */
int store_bench_put(struct store_bench *b, uint64_t txn, uint32_t kind, const char *key,
                    const char *value);
void store_bench_work(struct store_bench *b); /* until there is no more, then dispatches */
const char *store_bench_value(const struct store_bench *b, uint32_t kind,
                              const char *key); /* as loaded; NULL when absent */
