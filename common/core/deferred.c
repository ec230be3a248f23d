#include "common/core/deferred.h"

#include "common/base/queue.h"

#include <stdlib.h>

/* One waiting reply or send, with its texts in an arena of its own: few wait at a time, and each
 * for a commit. */
struct waiting {
    TAILQ_ENTRY(waiting) link;
    uint64_t txn;
    bool is_send;
    struct engine_reply reply;
    struct engine_send send;
    struct arena *arena;
};

struct deferred {
    TAILQ_HEAD(, waiting) queue; /* in the order of txn */
    size_t n;
    uint64_t stored_txn;
};

struct deferred *deferred_new(void)
{
    struct deferred *d = xcalloc(1, sizeof(*d));

    TAILQ_INIT(&d->queue);
    return d;
}

static void drop(struct deferred *d, struct waiting *w)
{
    TAILQ_REMOVE(&d->queue, w, link);
    d->n--;
    arena_free(w->arena);
    free(w);
}

void deferred_free(struct deferred *d)
{
    struct waiting *w;

    if (d == NULL)
        return;
    while ((w = TAILQ_FIRST(&d->queue)) != NULL)
        drop(d, w);
    free(d);
}

size_t deferred_count(const struct deferred *d)
{
    return d->n;
}

uint64_t deferred_stored_txn(const struct deferred *d)
{
    return d->stored_txn;
}

static struct waiting *enqueue(struct deferred *d, uint64_t txn)
{
    struct waiting *w = xcalloc(1, sizeof(*w));

    w->txn = txn;
    w->arena = arena_new(1024);
    TAILQ_INSERT_TAIL(&d->queue, w, link);
    d->n++;
    return w;
}

static void copy_headers(struct arena *a, struct engine_header *h, size_t n)
{
    for (size_t i = 0; i < n && h[i].name != NULL; i++)
        h[i].value = arena_str(a, h[i].value);
}

static struct engine_reply copy_reply(struct arena *a, const struct engine_reply *reply)
{
    struct engine_reply r = *reply;

    r.body = arena_str(a, r.body);
    copy_headers(a, r.headers, ARRAY_SIZE(r.headers));
    return r;
}

static struct engine_send copy_send(struct arena *a, const struct engine_send *send)
{
    struct engine_send s = *send;

    s.peer = arena_str(a, s.peer);
    s.lane = arena_str(a, s.lane);
    s.url = arena_str(a, s.url);
    s.body = arena_str(a, s.body);
    copy_headers(a, s.headers, ARRAY_SIZE(s.headers));
    return s;
}

void deferred_reply(struct deferred *d, struct out *out, uint64_t txn,
                    const struct engine_reply *reply)
{
    struct waiting *w;

    if (txn <= d->stored_txn) {
        out_reply(out, reply);
        return;
    }
    w = enqueue(d, txn);
    w->reply = copy_reply(w->arena, reply);
}

void deferred_send(struct deferred *d, struct out *out, uint64_t txn,
                   const struct engine_send *send)
{
    struct waiting *w;

    if (txn <= d->stored_txn) {
        out_send(out, send);
        return;
    }
    w = enqueue(d, txn);
    w->is_send = true;
    w->send = copy_send(w->arena, send);
    if (w->send.id == 0)
        w->send.id = out_next_send_id(out);
}

void deferred_gone(struct deferred *d, uint64_t request_id)
{
    struct waiting *w, *next;

    TAILQ_FOREACH_SAFE (w, &d->queue, link, next) {
        if (!w->is_send && w->reply.request_id == request_id)
            drop(d, w);
    }
}

static void refuse(struct out *out, uint64_t request_id)
{
    struct engine_reply r = {
        .request_id = request_id,
        .status = 503,
        .content_type = "application/json",
        .headers = {{.name = "Retry-After", .value = STR_INIT("5")}},
        .body = STR("{\"error\":\"not_stored\",\"detail\":\"processed but not durable: the store "
                    "is full or failing\"}"),
    };

    out_reply(out, &r);
}

/* A failed transaction concerns exactly itself; a stored one vouches for all before it that did not
 * fail. */
void deferred_stored(struct deferred *d, struct out *out, uint64_t txn, enum store_result result)
{
    struct waiting *w, *next;
    struct arena *a = out_arena(out);

    if (result == STORE_OK && txn > d->stored_txn)
        d->stored_txn = txn;
    TAILQ_FOREACH_SAFE (w, &d->queue, link, next) {
        if (result == STORE_OK ? w->txn > txn : w->txn != txn)
            continue;
        if (w->is_send) {
            struct engine_send s = copy_send(a, &w->send);

            out_send(out, &s);
        } else if (result == STORE_OK) {
            struct engine_reply r = copy_reply(a, &w->reply);

            out_reply(out, &r);
        } else {
            refuse(out, w->reply.request_id);
        }
        drop(d, w);
    }
}
