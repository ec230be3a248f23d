#include "tests/lib/engine_driver.h"

#include "common/base/vec.h"

#include <assert.h>

static struct driver_text text(struct str s) /* bytes, not only characters */
{
    struct driver_text t = {.p = xmalloc(s.n + 1), .n = s.n};

    if (s.n > 0)
        memcpy(t.p, s.p, s.n);
    t.p[s.n] = '\0';
    return t;
}

static void append(struct driver_text *t, struct str s)
{
    t->p = xrealloc(t->p, t->n + s.n + 1, 1);
    if (s.n > 0)
        memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
    t->p[t->n] = '\0';
}

static struct driver_text headers(const struct engine_header *h, size_t max)
{
    struct driver_text t = text(STR_EMPTY);

    for (size_t i = 0; i < max && h[i].name != NULL; i++) {
        append(&t, str_from(h[i].name));
        append(&t, STR(": "));
        append(&t, h[i].value);
        append(&t, STR("\n"));
    }
    return t;
}

void driver_init(struct driver *d, struct engine *engine)
{
    *d = (struct driver){.engine = engine,
                         .arena = arena_new(0),
                         .now = {.mono_ms = DRIVER_MONO_START, .wall_ms = DRIVER_WALL_START},
                         .wake_mono_ms = TIME_NEVER,
                         .next_request = 1};
}

static void forget_traffic(struct driver *d)
{
    VEC_EACH (&d->replies, struct driver_reply, r) {
        free(r->body.p);
        free(r->headers.p);
    }
    VEC_EACH (&d->sends, struct driver_send, s) {
        free(s->url.p);
        free(s->body.p);
        free(s->peer.p);
        free(s->headers.p);
    }
    VEC_EACH (&d->ledger, struct driver_ledger, l) {
        free(l->target.p);
        free(l->what.p);
        free(l->cause.p);
    }
    VEC_CLEAR(&d->replies);
    VEC_CLEAR(&d->sends);
    VEC_CLEAR(&d->ledger);
}

static void drop_queue(struct driver *d)
{
    VEC_EACH (&d->queue, struct driver_txn, t) {
        for (size_t i = 0; i < t->n; i++) {
            free(t->v[i].key.p);
            free(t->v[i].value.p);
        }
        free(t->v);
    }
    VEC_CLEAR(&d->queue);
    d->queue_bytes = 0;
}

void driver_clear(struct driver *d)
{
    forget_traffic(d);
    drop_queue(d);
    VEC_EACH (&d->rows, struct driver_row, r) {
        free(r->key.p);
        free(r->value.p);
    }
    VEC_CLEAR(&d->rows);
    engine_free(d->engine);
    arena_free(d->arena);
}

void driver_restart(struct driver *d, struct engine *engine)
{
    forget_traffic(d);
    drop_queue(d);
    engine_free(d->engine);
    d->engine = engine;
    d->wake_mono_ms = TIME_NEVER;
}

/* ---- the disk ---- */

static int compare(const struct driver_row *r, uint32_t kind, struct str key)
{
    if (r->kind != kind)
        return r->kind < kind ? -1 : 1;
    return str_cmp((struct str){.p = r->key.p, .n = r->key.n}, key);
}

static void write_row(struct driver *d, const struct row_op *op)
{
    size_t i = 0, end = d->rows.n;
    bool found;

    while (i < end) {
        size_t mid = i + (end - i) / 2;

        if (compare(&d->rows.v[mid], op->kind, op->key) < 0)
            i = mid + 1;
        else
            end = mid;
    }
    found = i < d->rows.n && compare(&d->rows.v[i], op->kind, op->key) == 0;
    if (found) {
        free(d->rows.v[i].key.p);
        free(d->rows.v[i].value.p);
    }
    if (op->remove) {
        if (found)
            VEC_REMOVE(&d->rows, i);
        return;
    }
    if (!found) {
        (void)VEC_PUSH(&d->rows);
        memmove(&d->rows.v[i + 1], &d->rows.v[i], (d->rows.n - 1 - i) * sizeof(d->rows.v[0]));
    }
    d->rows.v[i] =
        (struct driver_row){.kind = op->kind, .key = text(op->key), .value = text(op->value)};
}

/* As common/io/store.c counts. */
static void enqueue(struct driver *d, const struct engine_output *o)
{
    struct driver_txn t = {.txn = o->txn, .bytes = 64, .n = o->rows_n};

    for (size_t i = 0; i < o->rows_n; i++)
        t.bytes +=
            sizeof(struct row_op) + o->rows[i].key.n + (o->rows[i].remove ? 0 : o->rows[i].value.n);
    if (d->queue_bytes + t.bytes > d->queue_max) {
        d->refused++;
        d->refused_txn = o->txn;
        d->owes_recovered = true;
        return;
    }
    t.v = xcalloc(t.n, sizeof(*t.v));
    for (size_t i = 0; i < t.n; i++) {
        t.v[i] = (struct driver_row){.kind = o->rows[i].kind, .key = text(o->rows[i].key)};
        if (!o->rows[i].remove)
            t.v[i].value = text(o->rows[i].value);
    }
    *VEC_PUSH(&d->queue) = t;
    d->queue_bytes += t.bytes;
    if (d->queue_bytes > d->queue_peak)
        d->queue_peak = d->queue_bytes;
}

bool driver_commit(struct driver *d)
{
    uint64_t txn = d->queue.n > 0 ? d->queue.v[d->queue.n - 1].txn : 0;
    bool recovered = d->owes_recovered;

    VEC_EACH (&d->queue, struct driver_txn, t) {
        for (size_t i = 0; i < t->n; i++)
            write_row(d, &(struct row_op){.kind = t->v[i].kind,
                                          .key = {.p = t->v[i].key.p, .n = t->v[i].key.n},
                                          .value = {.p = t->v[i].value.p, .n = t->v[i].value.n},
                                          .remove = t->v[i].value.p == NULL});
    }
    drop_queue(d);
    d->owes_recovered = false;
    if (txn != 0)
        d->stored_txn = txn;
    if (txn != 0 || recovered)
        driver_stored(d, d->stored_txn, STORE_OK);
    return txn != 0 || recovered;
}

/* ---- outputs ---- */

static void keep_reply(struct driver *d, const struct engine_reply *r)
{
    VEC_EACH (&d->replies, struct driver_reply, known) {
        if (known->request_id == r->request_id) {
            assert(known->more && r->status == 0);
            append(&known->body, r->body);
            known->more = r->more;
            return;
        }
    }
    *VEC_PUSH(&d->replies) =
        (struct driver_reply){.request_id = r->request_id,
                              .status = r->status,
                              .body = text(r->body),
                              .headers = headers(r->headers, ENGINE_REPLY_HEADERS_MAX),
                              .more = r->more};
}

static void keep_send(struct driver *d, const struct engine_send *s)
{
    if (s->cancel) {
        VEC_EACH (&d->sends, struct driver_send, known) {
            if (known->id == s->id)
                known->cancelled = true;
        }
        return;
    }
    *VEC_PUSH(&d->sends) =
        (struct driver_send){.id = s->id,
                             .way = s->way,
                             .url = text(s->url),
                             .body = text(s->body),
                             .peer = text(s->peer),
                             .headers = headers(s->headers, ENGINE_SEND_HEADERS_MAX),
                             .timeout_ms = s->timeout_ms,
                             .at_mono_ms = d->now.mono_ms};
}

static void keep(struct driver *d, const struct engine_output *o)
{
    if (d->queue_max > 0 && o->rows_n > 0)
        enqueue(d, o);
    for (size_t i = 0; d->queue_max == 0 && i < o->rows_n; i++)
        write_row(d, &o->rows[i]);
    for (size_t i = 0; i < o->replies_n; i++)
        keep_reply(d, &o->replies[i]);
    for (size_t i = 0; i < o->sends_n; i++)
        keep_send(d, &o->sends[i]);
    for (size_t i = 0; i < o->ledger_n; i++)
        *VEC_PUSH(&d->ledger) = (struct driver_ledger){.verdict = o->ledger[i].verdict,
                                                       .fp = o->ledger[i].fp,
                                                       .target = text(o->ledger[i].target),
                                                       .what = text(o->ledger[i].what),
                                                       .cause = text(o->ledger[i].cause)};
    d->wake_mono_ms = o->wake_mono_ms;
}

void driver_step(struct driver *d, struct engine_input *in)
{
    struct engine_output o;
    uint64_t txn;

    in->now = d->now;
    o = engine_step(d->engine, in, d->arena);
    keep(d, &o);
    txn = o.rows_n > 0 ? o.txn : 0;
    arena_reset(d->arena);
    if (txn == 0)
        return;
    d->txn = txn;
    if (d->refused_txn == txn)
        driver_stored(d, txn, STORE_FULL);
    else if (!d->manual_store && d->queue_max == 0)
        driver_stored(d, txn, STORE_OK);
}

void driver_restore_and_start(struct driver *d)
{
    struct engine_input in = {.kind = ENGINE_RESTORE};

    for (size_t i = 0; i < d->rows.n; i++) { /* restoring writes nothing */
        const struct driver_row *r = &d->rows.v[i];

        in.row = (struct row_op){.kind = r->kind,
                                 .key = {.p = r->key.p, .n = r->key.n},
                                 .value = {.p = r->value.p, .n = r->value.n}};
        driver_step(d, &in);
    }
    in = (struct engine_input){.kind = ENGINE_START,
                               .start = {.fresh = d->rows.n == 0,
                                         .clean = true,
                                         .uuid = "2f7c1d3e-0000-4000-8000-000000000001",
                                         .boot = "00000000000000aa"}};
    driver_step(d, &in);
}

static void tick(struct driver *d)
{
    struct engine_input in = {.kind = ENGINE_TICK};

    driver_step(d, &in);
}

void driver_settle(struct driver *d)
{
    for (int i = 0; d->wake_mono_ms <= d->now.mono_ms; i++) {
        assert(i < 10000); /* an engine that always wants to be woken at once */
        tick(d);
    }
}

void driver_advance(struct driver *d, int64_t ms)
{
    int64_t end = d->now.mono_ms + ms;

    driver_settle(d);
    while (d->wake_mono_ms <= end) {
        d->now.wall_ms += d->wake_mono_ms - d->now.mono_ms;
        d->now.mono_ms = d->wake_mono_ms;
        driver_settle(d);
    }
    d->now.wall_ms += end - d->now.mono_ms;
    d->now.mono_ms = end;
}

uint64_t driver_request(struct driver *d, const char *method, const char *path, const char *query,
                        const char *body)
{
    struct engine_input in = {.kind = ENGINE_REQUEST,
                              .request = {.id = d->next_request++,
                                          .listener = LISTENER_WEB,
                                          .method = str_from(method),
                                          .path = str_from(path),
                                          .query = str_from(query),
                                          .content_type = STR("application/json"),
                                          .body = str_from(body)}};

    driver_step(d, &in);
    return in.request.id;
}

const struct driver_reply *driver_reply(const struct driver *d, uint64_t request_id)
{
    VEC_EACH (&d->replies, const struct driver_reply, r) {
        if (r->request_id == request_id)
            return r;
    }
    return NULL;
}

void driver_more(struct driver *d, uint64_t request_id)
{
    struct engine_input in = {.kind = ENGINE_MORE, .request_id = request_id};

    while (driver_reply(d, request_id)->more)
        driver_step(d, &in);
}

void driver_deliver_full(struct driver *d, const struct engine_delivery *delivery)
{
    struct engine_input in = {.kind = ENGINE_DELIVERED, .delivery = *delivery};

    VEC_EACH (&d->sends, struct driver_send, s) {
        if (s->id == delivery->send_id)
            s->done = true;
    }
    driver_step(d, &in);
}

void driver_deliver(struct driver *d, uint64_t send_id, int status)
{
    driver_deliver_full(d, &(struct engine_delivery){.send_id = send_id,
                                                     .outcome = SEND_ANSWERED,
                                                     .status = status,
                                                     .retry_after_ms = -1});
}

void driver_stored(struct driver *d, uint64_t txn, enum store_result result)
{
    struct engine_input in = {.kind = ENGINE_STORED, .stored = {.txn = txn, .result = result}};

    driver_step(d, &in);
}

static bool is_open(const struct driver_send *s)
{
    return s->way == SEND_RECEIVER && !s->done && !s->cancelled;
}

size_t driver_open_sends(const struct driver *d)
{
    size_t n = 0;

    VEC_EACH (&d->sends, const struct driver_send, s)
        n += is_open(s);
    return n;
}

const struct driver_send *driver_open_send(const struct driver *d, size_t i)
{
    VEC_EACH (&d->sends, const struct driver_send, s) {
        if (is_open(s) && i-- == 0)
            return s;
    }
    return NULL;
}

size_t driver_ledger_count(const struct driver *d, enum ledger_verdict verdict)
{
    size_t n = 0;

    VEC_EACH (&d->ledger, const struct driver_ledger, l)
        n += l->verdict == verdict;
    return n;
}
