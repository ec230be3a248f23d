#include "edge/core/uplink_internal.h"

#include <assert.h>

/* What an answer says of where a node is with the stream. */
struct position {
    uint64_t epoch, cursor, window_from, window_to;
};

static bool get_number(struct json_object *list, size_t i, uint64_t *ret)
{
    struct json_object *o = json_object_array_get_idx(list, i);
    int64_t v = json_object_is_type(o, json_type_int) ? json_object_get_int64(o) : -1;

    if (v < 0)
        return false;
    *ret = (uint64_t)v;
    return true;
}

static bool parse_position(struct json_object *o, struct position *ret)
{
    struct json_object *live = NULL;

    *ret = (struct position){0};
    if (json_get_u64(o, "epoch", &ret->epoch, NULL) < 0 ||
        json_get_u64(o, "cursor", &ret->cursor, NULL) < 0 ||
        json_get_array(o, "live", &live, NULL) < 0 || ret->epoch > INT64_MAX ||
        ret->cursor > INT64_MAX)
        return false;
    if (live == NULL)
        return true;
    return json_object_array_length(live) == 2 && get_number(live, 0, &ret->window_from) &&
           get_number(live, 1, &ret->window_to) && ret->window_from <= ret->window_to;
}

void lanes_forget(struct uplink_node *n)
{
    n->cursor = n->window_from = n->window_to = n->boundary = 0;
}

static void set_window(struct uplink_node *n, const struct position *p)
{
    n->window_from = p->window_from;
    n->window_to = p->window_to;
}

/* Takes over what is newer. Two requests may be under way, so an answer can be older than what we
 * know: a cursor only grows, and of two windows the later one is the newer. */
static void merge(struct uplink_node *n, const struct position *p)
{
    if (p->cursor > n->cursor)
        n->cursor = p->cursor;
    if (p->window_to > n->window_to || p->window_from > n->window_from)
        set_window(n, p);
    if (n->cursor >= n->window_to)
        n->window_from = n->window_to = 0;
    if (n->cursor >= n->boundary)
        n->boundary = 0;
}

static void receipted(struct uplink *u, struct uplink_node *n, uint64_t before, struct out *out)
{
    if (n->cursor <= before)
        return;
    n->count.receipts++;
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_RECEIPTED,
                                         .node = str_from(n->name),
                                         .stream = spool_stream(u->spool),
                                         .epoch = spool_epoch(u->spool),
                                         .seq = n->cursor});
}

/* exact: the answer is the truth, whatever we believed. */
static void take_position(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                          struct position *p, bool exact, struct now now, struct out *out)
{
    uint64_t ours = spool_epoch(u->spool), before = n->cursor;
    uint64_t most = p->cursor > p->window_to ? p->cursor : p->window_to;

    if (p->epoch > ours) {
        uplink_raise_epoch(u, p->epoch, "a newer epoch was seen there", now, out);
        return;
    }
    if (p->epoch < ours) {
        *p = (struct position){.epoch = ours};
    } else if (most > spool_high(u->spool) ||
               (!n->known && !exact && most > spool_start_high(u->spool))) {
        uplink_raise_epoch(u, p->epoch, "rows known there are missing here", now, out);
        return;
    }
    if (!n->known || exact || (sent->epoch == ours && p->cursor < sent->cursor)) {
        if (n->known && p->cursor < n->cursor) {
            OUT_LOG(out, LOG_WARN, "uplink", "global node has lost rows, sending them again",
                    KV("node", n->name), KV("cursor", p->cursor), KV("was", n->cursor));
            /* Positions and acks as well, before it is granted duty. */
            edge_mirrors_forget_receipts(u->mirrors, uplink_index(u, n));
        }
        n->known = true;
        n->boundary = 0;
        n->cursor = p->cursor;
        set_window(n, p);
        n->channels[CHANNEL_DIGEST].next_ms = now.mono_ms;
    } else {
        merge(n, p);
    }
    receipted(u, n, before, out);
}

bool lanes_position(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                    struct json_object *o, struct now now, struct out *out)
{
    struct position p;

    if (!parse_position(o, &p)) {
        u->count.bad_answers++;
        return false;
    }
    take_position(u, n, sent, &p, false, now, out);
    return true;
}

/* ---- sending ---- */

/* When much waits, what waits becomes backlog: new rows overtake it on the live lane. Only while
 * the live lane is idle, since its window moves. */
static void set_boundary(struct uplink *u, struct uplink_node *n)
{
    uint64_t top = spool_sendable(u->spool);
    uint64_t sent = n->cursor;
    bool late;

    if (n->channels[CHANNEL_LIVE].send_id != 0 || top <= n->cursor)
        return;
    if (n->boundary != 0)
        sent = n->window_to > n->boundary ? n->window_to : n->boundary;
    late = n->boundary == 0 && n->was_down;
    if (late || spool_count_after(u->spool, sent, UPLINK_BATCH_ROWS + 1) > UPLINK_BATCH_ROWS)
        n->boundary = top;
    n->was_down = false;
}

static void send_batch(struct uplink *u, struct uplink_node *n, enum channel_kind kind,
                       uint64_t from, uint64_t to, bool start, struct now now, struct out *out)
{
    struct channel *c = &n->channels[kind];
    struct json_writer w;
    struct buf b;

    uplink_open_body(u, &b, &w);
    json_put_bool(&w, "settled", uplink_settled(u, now));
    json_put_str(&w, "lane", kind == CHANNEL_LIVE ? STR("live") : STR("backlog"));
    json_put_bool(&w, "start", start);
    buf_add_char(&b, ',');
    to = spool_write_batch(u->spool, from, to, n->rows_max, UPLINK_BATCH_BYTES, &b, &c->rows);
    json_close_object(&w);
    c->high = to;
    n->count.batches++;
    n->count.rows += c->rows;
    uplink_send(u, n, kind, "POST", STR("/federation/v1/batches"), &b, now, out);
}

static void run_backlog(struct uplink *u, struct uplink_node *n, struct now now, struct out *out)
{
    if (n->boundary > n->cursor && channel_idle(&n->channels[CHANNEL_BACKLOG], now))
        send_batch(u, n, CHANNEL_BACKLOG, n->cursor + 1, n->boundary, false, now, out);
}

static void run_live(struct uplink *u, struct uplink_node *n, struct now now, struct out *out)
{
    uint64_t from = n->cursor + 1, top = spool_sendable(u->spool);
    bool start = false;

    if (!channel_idle(&n->channels[CHANNEL_LIVE], now))
        return;
    if (n->boundary != 0) {
        /* a window that the global kept from before may begin further back */
        start = n->window_to == 0 || n->window_from > n->boundary + 1 || n->window_to < n->boundary;
        from = start ? n->boundary + 1 : n->window_to + 1;
    }
    if (from <= top)
        send_batch(u, n, CHANNEL_LIVE, from, top, start, now, out);
}

int64_t lanes_run(struct uplink *u, struct uplink_node *n, struct now now, struct out *out)
{
    int64_t wake = TIME_NEVER;

    if (!n->known || n->cursor >= spool_sendable(u->spool))
        return TIME_NEVER;
    set_boundary(u, n);
    run_live(u, n, now, out);
    run_backlog(u, n, now, out);
    for (size_t k = CHANNEL_BACKLOG; k <= CHANNEL_LIVE; k++) {
        if (n->channels[k].send_id == 0 && n->channels[k].next_ms > now.mono_ms)
            wake = min_i64(wake, n->channels[k].next_ms);
    }
    return wake;
}

/* ---- answers ---- */

static void need_base(struct uplink *u, struct uplink_node *n, struct channel *c,
                      const struct channel *sent, struct json_object *o, struct now now,
                      struct out *out)
{
    struct position p;

    n->count.need_base++;
    OUT_LOG(out, LOG_WARN, "uplink", "global node wants rows from another place",
            KV("node", n->name), KV("ours", n->cursor));
    if (!parse_position(o, &p)) {
        u->count.bad_answers++;
        channel_hold(c, UPLINK_HOLD_MS, now);
        return;
    }
    if (c->fails > 0)
        channel_fail(u, c, now);
    else
        c->fails = 1; /* at once, unless it says so again */
    p.window_from = p.window_to = 0;
    if (sent->epoch == spool_epoch(u->spool))
        take_position(u, n, sent, &p, true, now, out);
}

static void fenced(struct uplink *u, struct uplink_node *n, struct json_object *o, struct now now,
                   struct out *out)
{
    uint64_t epoch = 0;

    n->count.fenced++;
    if (json_get_u64(o, "epoch", &epoch, NULL) < 0 || epoch > INT64_MAX) {
        u->count.bad_answers++;
        return;
    }
    if (epoch >= spool_epoch(u->spool))
        uplink_raise_epoch(u, epoch, "fenced by a global node", now, out);
}

static void refused(struct uplink *u, struct uplink_node *n, struct channel *c,
                    const struct channel *sent, const struct engine_delivery *d,
                    struct json_object *o, struct now now, struct out *out)
{
    struct str error = STR_EMPTY, detail = STR_EMPTY;
    uint64_t seq = 0;
    bool ours = true;

    if (json_get_str(o, "error", &error, NULL) < 0 || json_get_str(o, "detail", &detail, NULL) < 0)
        error = STR("?");
    (void)!json_get_u64(o, "seq", &seq, NULL);
    if (d->status == 403)
        n->count.foreign++;
    else if (d->status == 422)
        n->count.unknown_kind++;
    else if (d->status == 400)
        n->count.bad_request++;
    else if (d->status == 503)
        n->count.not_stored++;
    else
        n->count.other++;
    if (d->status == 413 && sent->rows > 1) {
        n->rows_max = sent->rows / 2;
        ours = false;
    } else if (d->status == 503 || d->status == 429 || d->status >= 500) {
        channel_fail(u, c, now);
        if (d->retry_after_ms >= 0)
            channel_hold(c, clamp_i64(d->retry_after_ms, 0, UPLINK_HOLD_MS), now);
        ours = false;
    } else {
        channel_hold(c, UPLINK_HOLD_MS, now);
    }
    OUT_LOG(out, ours ? LOG_ERROR : LOG_WARN, "uplink", "global node refuses a batch",
            KV("node", n->name), KV("status", d->status), KV("error", error), KV("detail", detail),
            KV("seq", seq), KV("to", sent->high));
}

static void accepted(struct uplink *u, struct uplink_node *n, struct channel *c,
                     const struct channel *sent, struct json_object *o, struct now now,
                     struct out *out)
{
    bool understood = true;

    if (sent->epoch == spool_epoch(u->spool))
        understood = lanes_position(u, n, sent, o, now, out);
    /* An answer that moves nothing must not make us spin. */
    if (understood && (sent->epoch != spool_epoch(u->spool) || n->cursor >= sent->high ||
                       n->window_to >= sent->high))
        channel_ok(c, now);
    else
        channel_fail(u, c, now);
}

void lanes_answered(struct uplink *u, struct uplink_node *n, enum channel_kind kind,
                    const struct channel *sent, const struct engine_delivery *d, struct now now,
                    struct out *out)
{
    struct channel *c = &n->channels[kind];
    struct json_object *o = uplink_answer(u, n, d->body, out);
    struct str error = STR_EMPTY;

    if (o != NULL && d->status == 200) {
        accepted(u, n, c, sent, o, now, out);
    } else if (o != NULL && d->status == 409 && json_get_str(o, "error", &error, NULL) == 0) {
        if (str_eq_c(error, "fenced"))
            fenced(u, n, o, now, out);
        else
            need_base(u, n, c, sent, o, now, out);
    } else {
        refused(u, n, c, sent, d, o, now, out);
    }
    json_object_put(o);
}
