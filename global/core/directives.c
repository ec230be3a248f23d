/* Directives down by long polls, other nodes' mirrors in by the journal. */
#include "global/core/global_internal.h"
#include "global/core/mirror_codec.h"
#include "global/core/wire.h"

#include <errno.h>

#define JOURNAL_BYTES_MAX MIB(4)
#define JOURNAL_MIRRORS_MAX 2000
/* An edge that knows a newer epoch of ours than we do has seen a store that we have lost. One that
 * claims more than this has not. */
#define EPOCH_JUMP_MAX 1000000

/* ---- long polls ---- */

static bool has_news(const struct global *g, const struct stream *s)
{
    const struct mirror *m;

    TAILQ_FOREACH_REVERSE(m, &g->mirrors.own, mirror_list, link)
    {
        if (m->ver <= s->poll_since)
            break;
        if (!m->pending && mirror_for_site(m, s->site))
            return true;
    }
    return false;
}

/* The first register after `since`; the list is by ver and news is short. */
static const struct mirror *first_after(const struct mirrors *t, uint64_t since)
{
    const struct mirror *m, *first = NULL;

    TAILQ_FOREACH_REVERSE(m, &t->own, mirror_list, link)
    {
        if (m->ver <= since)
            break;
        first = m;
    }
    return first;
}

/* Answers the stream's poll with everything durable that it has not, as far as one answer goes. */
static void answer_poll(struct global *g, struct stream *s, struct out *out)
{
    const struct mirrors *t = &g->mirrors;
    uint64_t upto = t->told_ver;
    size_t bytes = 0;
    struct json_writer w;
    struct buf b;

    wire_open(&w, &b);
    json_put_u64(&w, "epoch", t->epoch);
    json_key(&w, "mirrors");
    json_open_array(&w);
    for (const struct mirror *m = first_after(t, s->poll_since); m != NULL && !m->pending;
         m = TAILQ_NEXT(m, link)) {
        if (bytes > 0 && bytes + m->body.n > POLL_ANSWER_MAX) {
            upto = TAILQ_PREV(m, mirror_list, link)->ver;
            break;
        }
        if (!mirror_for_site(m, s->site))
            continue;
        bytes += m->body.n;
        json_open_object(&w);
        mirror_write(&w, m);
        json_close_object(&w);
    }
    json_close_array(&w);
    json_put_u64(&w, "upto", upto > s->poll_since ? upto : s->poll_since);
    out_reply_json(out, s->poll_request, 200, wire_close(&w, &b, out));
    s->poll_request = 0;
    heap_remove(&g->streams.poll, &s->poll);
    g->counts.polls_answered++;
}

void mirrors_on_stored(struct global *g, struct out *out)
{
    struct mirrors *t = &g->mirrors;
    uint64_t stored = deferred_stored_txn(g->deferred), told = t->told_ver;
    struct mirror *m;

    TAILQ_FOREACH_REVERSE(m, &t->own, mirror_list, link)
    {
        if (!m->pending)
            break;
        if (m->txn > stored)
            continue;
        m->pending = false;
        if (m->ver > t->told_ver)
            t->told_ver = m->ver;
    }
    if (t->told_ver == told)
        return;
    for (struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next) {
        if (s->poll_request != 0 && has_news(g, s))
            answer_poll(g, s, out);
    }
}

void mirrors_tick(struct global *g, struct out *out)
{
    struct heap_node *n;

    while ((n = heap_first(&g->streams.poll)) != NULL && n->at_ms <= g->now.mono_ms)
        answer_poll(g, CONTAINER_OF(n, struct stream, poll), out);
}

void mirrors_on_gone(struct global *g, uint64_t request_id)
{
    for (struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next) {
        if (s->poll_request != request_id)
            continue;
        s->poll_request = 0;
        heap_remove(&g->streams.poll, &s->poll);
        return;
    }
}

void mirrors_stop(struct global *g, struct out *out)
{
    for (struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next) {
        if (s->poll_request != 0)
            answer_poll(g, s, out);
    }
}

/* "I have stored all up to since" */
static void confirm(struct global *g, struct stream *s, uint64_t since, struct out *out)
{
    uint64_t confirmed = since < g->mirrors.told_ver ? since : g->mirrors.told_ver;

    if (confirmed <= s->confirmed_ver)
        return;
    s->confirmed_ver = confirmed;
    incident_on_confirmed(g, out);
}

static bool read_poll(struct str query, struct str *ret_stream, uint64_t *ret_epoch,
                      uint64_t *ret_since)
{
    struct str epoch = STR("0"), since = STR("0");

    *ret_stream = STR_EMPTY;
    (void)wire_query(query, "stream", ret_stream);
    (void)wire_query(query, "epoch", &epoch);
    (void)wire_query(query, "since", &since);
    return str_to_u64(epoch, ret_epoch) && str_to_u64(since, ret_since);
}

void directives_request(struct global *g, const struct engine_request *r, struct out *out)
{
    struct mirrors *t = &g->mirrors;
    uint64_t epoch, since;
    struct str uuid;
    struct stream *s;
    bool same_epoch;

    if (!read_poll(r->query, &uuid, &epoch, &since)) {
        global_refuse(g, out, r, REFUSED_BAD_REQUEST, 400, "epoch and since are numbers");
        return;
    }
    s = stream_open(g, r, uuid, out);
    if (s == NULL)
        return;
    if (epoch > t->epoch && epoch - t->epoch > EPOCH_JUMP_MAX) {
        global_refuse(g, out, r, REFUSED_BAD_REQUEST, 400, "no epoch of this node");
        return;
    }
    g->counts.polls++;
    /* It has what this node has not said yet: the store is an older one, or new. */
    if (epoch > t->epoch || (epoch == t->epoch && since > t->ver))
        mirrors_new_epoch(g, epoch + 1, out);
    same_epoch = epoch == t->epoch;
    if (s->poll_request != 0)
        answer_poll(g, s, out); /* its client has gone on to this one */
    s->poll_request = r->id;
    s->poll_since = same_epoch ? since : 0;
    if (same_epoch)
        confirm(g, s, since, out);
    if (!same_epoch || g->stopping || has_news(g, s))
        answer_poll(g, s, out);
    else
        heap_set(&g->streams.poll, &s->poll, g->now.mono_ms + POLL_HOLD_MS);
}

/* ---- journal ---- */

static int read_journal(struct json_object *o, struct arena *a, struct mirror_wire **ret,
                        size_t *ret_n, struct err *err)
{
    struct json_object *v = NULL;
    size_t n;

    if (json_get_array(o, "mirrors", &v, err) < 0)
        return -EINVAL;
    n = v != NULL ? json_object_array_length(v) : 0;
    if (n > JOURNAL_MIRRORS_MAX)
        return err_set(err, -EINVAL, "more than %d mirrors", JOURNAL_MIRRORS_MAX);
    *ret = ARENA_ARRAY(a, struct mirror_wire, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (mirror_read(json_object_array_get_idx(v, i), &(*ret)[i], err) < 0)
            return -EINVAL;
    }
    *ret_n = n;
    return 0;
}

/* False when one found no room: the edge must keep it. */
static bool take_mirrors(struct global *g, const struct engine_request *r,
                         const struct mirror_wire *v, size_t n, struct out *out)
{
    bool room = true;

    for (size_t i = 0; i < n; i++) {
        switch (mirror_receive(g, &v[i], out)) {
        case MIRROR_NEW:
            g->counts.mirrors_received++;
            break;
        case MIRROR_OLD:
            g->counts.mirrors_duplicate++;
            break;
        case MIRROR_FORGED:
            global_count_refusal(g, out, r, REFUSED_MAC);
            break;
        case MIRROR_NO_ROOM:
            room = false;
            break;
        }
    }
    return room;
}

void journal_request(struct global *g, const struct engine_request *r, struct out *out)
{
    struct json_object *body = wire_body(g, r, JOURNAL_BYTES_MAX, out);
    struct stream *s = body != NULL ? wire_stream(g, r, body, out) : NULL;
    struct mirror_wire *v = NULL;
    size_t n = 0;
    struct err err;

    if (s == NULL) {
        json_object_put(body);
        return;
    }
    if (read_journal(body, out_arena(out), &v, &n, &err) < 0) {
        wire_bad_request(g, r, &err, out);
    } else if (!take_mirrors(g, r, v, n, out)) {
        global_refuse(g, out, r, REFUSED_TOO_MANY_MIRRORS, 503, NULL);
    } else {
        g->counts.journals++;
        global_reply_stored(g, out,
                            &(struct engine_reply){.request_id = r->id,
                                                   .status = 200,
                                                   .content_type = "application/json",
                                                   .body = STR("{\"v\":1,\"receipt\":true}")});
    }
    json_object_put(body);
}
