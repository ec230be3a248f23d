#include "tests/sim/disk.h"

#define UNDO_MAX 4096

static char *join_key(uint32_t kind, struct str key, size_t *ret_n)
{
    char *k = xmalloc(key.n + 5);

    k[0] = (char)(kind >> 24);
    k[1] = (char)(kind >> 16);
    k[2] = (char)(kind >> 8);
    k[3] = (char)kind;
    if (key.n > 0)
        memcpy(k + 4, key.p, key.n);
    k[key.n + 4] = '\0';
    *ret_n = key.n + 4;
    return k;
}

static char *copy(const char *p, size_t n)
{
    char *c = xmalloc(n + 1);

    if (n > 0)
        memcpy(c, p, n);
    c[n] = '\0';
    return c;
}

static void free_op(struct disk_op *op)
{
    free(op->key);
    free(op->value);
}

static void free_txn(struct disk_txn *t)
{
    for (size_t i = 0; i < t->n; i++)
        free_op(&t->v[i]);
    free(t->v);
}

static void drop_queue(struct disk *d)
{
    VEC_EACH (&d->queue, struct disk_txn, t)
        free_txn(t);
    d->queue.n = 0;
}

void disk_wipe(struct disk *d)
{
    struct disk_row *r, *next;

    HASH_ITER (hh, d->rows, r, next) {
        HASH_DEL(d->rows, r);
        free(r->key);
        free(r->value);
        free(r);
    }
    VEC_EACH (&d->undo, struct disk_undo, u)
        free_op(&u->old);
    d->undo.n = 0;
    drop_queue(d);
    d->durable_txn = 0;
    d->ever_used = false;
}

void disk_clear(struct disk *d)
{
    disk_wipe(d);
    VEC_CLEAR(&d->queue);
    VEC_CLEAR(&d->undo);
}

void disk_put(struct disk *d, const struct engine_output *o)
{
    struct disk_txn *t;

    if (o->rows_n == 0)
        return;
    t = VEC_PUSH(&d->queue);
    *t = (struct disk_txn){.txn = o->txn, .n = o->rows_n};
    t->v = xcalloc(o->rows_n, sizeof(*t->v));
    for (size_t i = 0; i < o->rows_n; i++) {
        const struct row_op *op = &o->rows[i];

        t->v[i].key = join_key(op->kind, op->key, &t->v[i].key_n);
        if (!op->remove) {
            t->v[i].value = copy(op->value.p, op->value.n);
            t->v[i].value_n = op->value.n;
        }
    }
}

/* Sets or removes; what was there goes to ret_old. Takes op's texts. */
static void write_op(struct disk *d, struct disk_op *op, struct disk_op *ret_old)
{
    struct disk_row *r;

    HASH_FIND(hh, d->rows, op->key, op->key_n, r);
    *ret_old = (struct disk_op){.key = copy(op->key, op->key_n), .key_n = op->key_n};
    if (r != NULL) {
        ret_old->value = r->value;
        ret_old->value_n = r->value_n;
    }
    if (op->value == NULL) {
        if (r != NULL) {
            HASH_DEL(d->rows, r);
            free(r->key);
            free(r);
        }
        free(op->key);
        return;
    }
    if (r == NULL) {
        r = xcalloc(1, sizeof(*r));
        r->key = op->key;
        r->key_n = op->key_n;
        HASH_ADD_KEYPTR(hh, d->rows, r->key, r->key_n, r);
    } else {
        free(op->key);
    }
    r->value = op->value;
    r->value_n = op->value_n;
}

static void write_first(struct disk *d)
{
    struct disk_txn *t = &d->queue.v[0];

    for (size_t i = 0; i < t->n; i++) {
        struct disk_undo *u = VEC_PUSH(&d->undo);

        u->txn = t->txn;
        write_op(d, &t->v[i], &u->old);
    }
    d->durable_txn = t->txn;
    d->ever_used = true;
    free(t->v);
    VEC_REMOVE(&d->queue, 0);
    while (d->undo.n > UNDO_MAX) {
        for (size_t i = 0; i < UNDO_MAX / 2; i++)
            free_op(&d->undo.v[i].old);
        memmove(d->undo.v, d->undo.v + UNDO_MAX / 2,
                (d->undo.n - UNDO_MAX / 2) * sizeof(*d->undo.v));
        d->undo.n -= UNDO_MAX / 2;
    }
}

bool disk_wants_commit(const struct disk *d)
{
    if (d->queue.n == 0)
        return false;
    return d->state == STORE_OK || !d->queue.v[d->queue.n - 1].failed;
}

void disk_commit(struct disk *d, uint64_t *ret_txn, enum store_result *ret_result)
{
    *ret_txn = d->queue.n > 0 ? d->queue.v[d->queue.n - 1].txn : 0;
    *ret_result = d->state;
    if (d->state != STORE_OK) {
        VEC_EACH (&d->queue, struct disk_txn, t)
            t->failed = true;
        return;
    }
    while (d->queue.n > 0)
        write_first(d);
}

size_t disk_untold(const struct disk *d)
{
    return d->queue.n;
}

void disk_crash(struct disk *d, size_t keep)
{
    for (size_t i = 0; i < keep && d->queue.n > 0; i++)
        write_first(d);
    drop_queue(d);
    d->committing = false;
}

uint64_t disk_regress(struct disk *d, size_t ops)
{
    while (ops > 0 && d->undo.n > 0) {
        uint64_t txn = d->undo.v[d->undo.n - 1].txn;

        /* whole transactions */
        while (d->undo.n > 0 && d->undo.v[d->undo.n - 1].txn == txn) {
            struct disk_op old = d->undo.v[--d->undo.n].old, now;

            write_op(d, &old, &now);
            free_op(&now);
            ops -= ops > 0;
        }
    }
    return d->undo.n > 0 ? d->undo.v[d->undo.n - 1].txn : 0;
}

static int compare(const void *a, const void *b)
{
    const struct disk_row *const *x = a, *const *y = b;

    return str_cmp((struct str){(*x)->key, (*x)->key_n}, (struct str){(*y)->key, (*y)->key_n});
}

const struct disk_row **disk_sorted(const struct disk *d, size_t *ret_n)
{
    size_t n = HASH_COUNT(d->rows), i = 0;
    const struct disk_row **v = xcalloc(n + 1, sizeof(*v));

    for (const struct disk_row *r = d->rows; r != NULL; r = r->hh.next)
        v[i++] = r;
    qsort(v, n, sizeof(*v), compare);
    *ret_n = n;
    return v;
}

const struct disk_row *disk_find(const struct disk *d, uint32_t kind, struct str key)
{
    struct disk_row *r;
    size_t n;
    char *k = join_key(kind, key, &n);

    HASH_FIND(hh, d->rows, k, n, r);
    free(k);
    return r;
}

struct row_op disk_row_op(const struct disk_row *r)
{
    const unsigned char *k = (const unsigned char *)r->key;

    return (struct row_op){.kind = (uint32_t)k[0] << 24 | (uint32_t)k[1] << 16 |
                                   (uint32_t)k[2] << 8 | k[3],
                           .key = {r->key + 4, r->key_n - 4},
                           .value = {r->value, r->value_n}};
}
