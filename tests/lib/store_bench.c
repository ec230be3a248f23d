#include "tests/lib/store_bench.h"

#include "common/base/vec.h"
#include "tests/lib/folder.h"
#include "tests/lib/test.h"

static void on_stored(const struct store_report *report, void *arg)
{
    struct store_bench *b = arg;

    assert_true(report->txn >= b->reported);
    assert_true(report->txn < STORE_BENCH_TXNS);
    for (uint64_t id = b->reported + 1; id <= report->txn; id++)
        if (b->result[id] == 1)
            b->result[id] = report->result;
    b->reported = report->txn;
    if (report->recovered) {
        b->recovered++;
        b->lost += report->lost;
        if (report->incomplete)
            b->incomplete++;
    }
}

static void on_row(uint32_t kind, struct str key, struct str value, void *arg)
{
    struct store_bench *b = arg;

    *VEC_PUSH(b) = (struct store_bench_row){
        .kind = kind, .key = xstrndup(key.p, key.n), .value = xstrndup(value.p, value.n)};
}

static void forget_rows(struct store_bench *b)
{
    VEC_EACH (b, struct store_bench_row, row) {
        free(row->key);
        free(row->value);
    }
    VEC_CLEAR(b);
}

void store_bench_init(struct store_bench *b)
{
    *b = (struct store_bench){.folder = folder_new()};
    b->options =
        (struct store_options){.path = b->folder, .on_stored = on_stored, .arg = b, .manual = true};
}

int store_bench_try_open(struct store_bench *b, struct err *err)
{
    int rc;

    forget_rows(b);
    for (size_t i = 0; i < STORE_BENCH_TXNS; i++)
        b->result[i] = 1;
    b->reported = 0;
    b->recovered = b->incomplete = 0;
    b->lost = 0;
    rc = store_open(&b->store, &b->options, &b->opening, err);
    if (rc == 0)
        rc = store_load(b->store, &b->opening, on_row, b, err);
    return rc;
}

void store_bench_open(struct store_bench *b)
{
    struct err err = {0};

    if (store_bench_try_open(b, &err) < 0)
        fail_msg("open: %s", err.text);
}

int store_bench_close(struct store_bench *b)
{
    int rc = store_close(b->store);

    b->store = NULL;
    return rc;
}

void store_bench_clear(struct store_bench *b)
{
    (void)store_bench_close(b);
    forget_rows(b);
    folder_remove(b->folder);
}

int store_bench_put(struct store_bench *b, uint64_t txn, uint32_t kind, const char *key,
                    const char *value)
{
    struct row_op op = {
        .kind = kind, .key = str_from(key), .value = str_from(value), .remove = value == NULL};

    return store_put(b->store, txn, &op, 1);
}

void store_bench_work(struct store_bench *b)
{
    struct store_stats stats;

    do {
        (void)store_work(b->store);
        store_stats(b->store, &stats);
    } while (!stats.failing && stats.queue_txns > 0);
    while (!stats.failing && store_work(b->store)) /* the mark */
        store_stats(b->store, &stats);
    store_dispatch(b->store);
}

const char *store_bench_value(const struct store_bench *b, uint32_t kind, const char *key)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].kind == kind && strcmp(b->v[i].key, key) == 0)
            return b->v[i].value;
    return NULL;
}
