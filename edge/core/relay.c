#include "edge/core/uplink_internal.h"

#define JOURNAL_BYTES MIB(1)
#define POLL_PAUSE_MS MS_PER_S /* after an answer without news that came at once */

static void send_poll(struct uplink *u, struct uplink_node *n, struct now now, struct out *out)
{
    struct str stream = spool_stream(u->spool);
    struct str path = arena_fmt(
        out_arena(out), "/federation/v1/directives?stream=" STR_FMT "&epoch=%llu&since=%llu",
        STR_ARG(stream), (unsigned long long)n->poll_epoch, (unsigned long long)n->poll_since);

    uplink_send(u, n, CHANNEL_POLL, "GET", path, NULL, now, out);
}

static void send_journal(struct uplink *u, struct uplink_node *n, struct now now, struct out *out)
{
    struct json_writer w;
    struct buf b, list;

    buf_init(&b, 0);
    buf_init(&list, 0);
    (void)edge_mirrors_write_journal(u->mirrors, uplink_index(u, n), JOURNAL_BYTES, &list);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_i64(&w, "v", 1);
    json_put_str(&w, "stream", spool_stream(u->spool));
    json_put_raw(&w, "mirrors", buf_str(&list));
    json_close_object(&w);
    buf_clear(&list);
    uplink_send(u, n, CHANNEL_JOURNAL, "POST", STR("/federation/v1/journal"), &b, now, out);
}

static int64_t run_channel(struct uplink *u, struct uplink_node *n, enum channel_kind kind,
                           void (*send)(struct uplink *, struct uplink_node *, struct now,
                                        struct out *),
                           struct now now, struct out *out)
{
    struct channel *c = &n->channels[kind];

    if (channel_idle(c, now))
        send(u, n, now, out);
    return c->send_id != 0 ? TIME_NEVER : c->next_ms;
}

int64_t relay_run(struct uplink *u, struct uplink_node *n, struct now now, struct out *out)
{
    int64_t wake = TIME_NEVER;

    if (!n->known || !n->reachable)
        return TIME_NEVER;
    if (n->poll_txn == 0)
        wake = run_channel(u, n, CHANNEL_POLL, send_poll, now, out);
    if (edge_mirrors_lacking(u->mirrors, uplink_index(u, n)))
        wake = min_i64(wake, run_channel(u, n, CHANNEL_JOURNAL, send_journal, now, out));
    return wake;
}

/* What is no news may still be on its way to the disk, from another node: then it waits as well. */
static void confirm(struct uplink *u, struct uplink_node *n, struct now now)
{
    if (u->mirrors_txn != 0) {
        n->poll_txn = u->mirrors_txn;
    } else if (u->rows_lost) {
        channel_hold(&n->channels[CHANNEL_POLL], 5 * MS_PER_S, now); /* nothing is confirmed */
    } else {
        n->poll_epoch = n->poll_news_epoch;
        n->poll_since = n->poll_news_since;
    }
}

void relay_poll_answered(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                         const struct engine_delivery *d, struct now now, struct out *out)
{
    struct channel *c = &n->channels[CHANNEL_POLL];
    struct json_object *o = d->status == 200 ? uplink_answer(u, n, d->body, out) : NULL;
    struct json_object *list = NULL;
    uint64_t epoch = 0, upto = 0;
    bool moved;

    if (o == NULL || json_get_u64(o, "epoch", &epoch, NULL) < 0 ||
        json_get_u64(o, "upto", &upto, NULL) < 0 || json_get_array(o, "mirrors", &list, NULL) < 0) {
        channel_fail(u, c, now);
        json_object_put(o);
        return;
    }
    channel_ok(c, now);
    moved = epoch != n->poll_epoch || upto != n->poll_since;
    if (!moved && now.mono_ms - sent->sent_ms < POLL_PAUSE_MS)
        c->next_ms = now.mono_ms + POLL_PAUSE_MS;
    if (moved) {
        if (n->poll_epoch != 0 && epoch != n->poll_epoch) /* an older store, or a new one */
            edge_mirrors_forget_receipts(u->mirrors, uplink_index(u, n));
        if (edge_mirrors_take(u->mirrors, list, uplink_index(u, n), out) > 0)
            u->mirrors_txn = out_txn(out);
        n->poll_news_epoch = epoch;
        n->poll_news_since = upto;
        confirm(u, n, now);
    }
    json_object_put(o);
}

void relay_stored(struct uplink_node *n, uint64_t txn, enum store_result result, struct now now)
{
    if (n->poll_txn == 0 || txn < n->poll_txn)
        return;
    n->poll_txn = 0;
    if (result == STORE_OK) {
        n->poll_epoch = n->poll_news_epoch;
        n->poll_since = n->poll_news_since;
    } else {
        channel_hold(&n->channels[CHANNEL_POLL], 5 * MS_PER_S, now); /* nothing is confirmed */
    }
}

void relay_journal_delivered(struct uplink *u, struct uplink_node *n,
                             const struct engine_delivery *d, struct now now, struct out *out)
{
    struct channel *c = &n->channels[CHANNEL_JOURNAL];
    struct json_object *o = NULL;
    bool receipt = false;

    if (d->outcome == SEND_ANSWERED && d->status == 200)
        o = uplink_answer(u, n, d->body, out);
    if (o != NULL && json_get_bool(o, "receipt", &receipt, NULL) < 0)
        receipt = false;
    edge_mirrors_journal_done(u->mirrors, uplink_index(u, n), receipt);
    if (receipt)
        channel_ok(c, now);
    else if (d->outcome == SEND_ANSWERED)
        channel_fail(u, c, now);
    json_object_put(o);
}
