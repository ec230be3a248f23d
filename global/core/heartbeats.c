#include "global/core/heartbeats.h"

#include "global/core/duty.h"
#include "global/core/global_internal.h"
#include "global/core/sites.h"
#include "global/core/wire.h"

#include <errno.h>

#define HEARTBEAT_BYTES_MAX KIB(64)

struct heartbeat {
    uint64_t epoch, high, firing;
    bool settled;
    struct str boot, holder;
    struct {
        bool given;
        struct str node, boot;
        int64_t mono_ms;
    } echo;
    struct stream_peer peers[STREAM_PEERS_MAX];
    size_t peers_n;
};

static int read_echo(struct json_object *o, struct heartbeat *h, struct err *err)
{
    struct json_object *echo = NULL;

    if (json_get_object(o, "echo", &echo, err) < 0)
        return -EINVAL;
    h->echo.given = echo != NULL;
    h->echo.mono_ms = -1;
    h->echo.node = h->echo.boot = STR_EMPTY;
    if (echo == NULL)
        return 0;
    if (json_get_str(echo, "node", &h->echo.node, err) < 0 ||
        json_get_str(echo, "boot", &h->echo.boot, err) < 0 ||
        json_get_i64(echo, "mono_ms", &h->echo.mono_ms, err) < 0)
        return -EINVAL;
    return 0;
}

/* What is older than can be of use, or there are too many of, is left out. */
static int read_peers(struct json_object *o, struct now now, struct heartbeat *h, struct err *err)
{
    struct json_object *v = NULL;
    size_t n;

    if (json_get_array(o, "globals", &v, err) < 0)
        return -EINVAL;
    n = v != NULL ? json_object_array_length(v) : 0;
    for (size_t i = 0; i < n && h->peers_n < STREAM_PEERS_MAX; i++) {
        struct json_object *peer = json_object_array_get_idx(v, i);
        struct stream_peer *p = &h->peers[h->peers_n];
        struct str name = STR_EMPTY;
        int64_t heard = -1;

        if (!json_object_is_type(peer, json_type_object))
            return err_set(err, -EINVAL, "globals: not an array of objects");
        if (json_get_str(peer, "name", &name, err) < 0 ||
            json_get_i64(peer, "heard_ms", &heard, err) < 0)
            return -EINVAL;
        if (!identity_name_valid(name) || heard < 0 || heard > PEER_ALIVE_MS)
            continue;
        memcpy(p->name, name.p, name.n);
        p->name[name.n] = '\0';
        p->heard_mono_ms = now.mono_ms - heard;
        h->peers_n++;
    }
    return 0;
}

static int read_heartbeat(struct json_object *o, struct now now, struct heartbeat *h,
                          struct err *err)
{
    *h = (struct heartbeat){.boot = STR_EMPTY, .holder = STR_EMPTY};
    if (json_get_u64(o, "epoch", &h->epoch, err) < 0 ||
        json_get_u64(o, "high", &h->high, err) < 0 ||
        json_get_u64(o, "firing", &h->firing, err) < 0 ||
        json_get_bool(o, "settled", &h->settled, err) < 0 ||
        json_get_str(o, "boot", &h->boot, err) < 0 ||
        json_get_str(o, "holder", &h->holder, err) < 0 || read_echo(o, h, err) < 0 ||
        read_peers(o, now, h, err) < 0)
        return -EINVAL;
    h->boot = wire_name(h->boot, STREAM_BOOT_MAX);
    h->holder = identity_name_valid(h->holder) ? h->holder : STR_EMPTY;
    return 0;
}

static void take(struct stream *s, const struct heartbeat *h)
{
    memset(s->boot, 0, sizeof(s->boot));
    memcpy(s->boot, h->boot.p, h->boot.n);
    memset(s->holder, 0, sizeof(s->holder));
    memcpy(s->holder, h->holder.p, h->holder.n);
    s->settled = h->settled;
    s->said_epoch = h->epoch;
    s->high = h->high;
    s->firing = h->firing;
    memcpy(s->peers, h->peers, sizeof(s->peers));
    s->peers_n = h->peers_n;
}

static void put_streams(struct json_writer *w, const struct stream *self)
{
    const struct stream *s;

    json_key(w, "streams");
    json_open_array(w);
    TAILQ_FOREACH (s, &self->site->streams, site_link) {
        if (s == self || strcmp(s->group, self->group) != 0)
            continue;
        json_open_object(w);
        json_put_str(w, "node", str_from(s->node));
        json_put_str(w, "stream", str_from(s->uuid));
        json_put_bool(w, "live", stream_live(s) && s->last_heard_mono_ms >= 0);
        json_put_str(w, "holder", str_from(s->holder));
        json_close_object(w);
    }
    json_close_array(w);
}

static void answer(struct global *g, const struct engine_request *r, const struct stream *s,
                   struct out *out)
{
    struct json_writer w;
    struct buf b;

    wire_open(&w, &b);
    json_key(&w, "token");
    json_open_object(&w);
    json_put_str(&w, "node", str_from(g->node));
    json_put_str(&w, "boot", str_from(g->boot));
    json_put_i64(&w, "mono_ms", g->now.mono_ms);
    json_close_object(&w);
    wire_put_position(&w, &s->stored);
    json_put_bool(&w, "released", g->stopping);
    put_streams(&w, s);
    out_reply_json(out, r->id, 200, wire_close(&w, &b, out));
}

void heartbeat_request(struct global *g, const struct engine_request *r, struct out *out)
{
    struct json_object *body = wire_body(g, r, HEARTBEAT_BYTES_MAX, out);
    struct stream *s = body != NULL ? wire_stream(g, r, body, out) : NULL;
    struct heartbeat h;
    struct err err;

    if (s == NULL) {
        json_object_put(body);
        return;
    }
    if (read_heartbeat(body, g->now, &h, &err) < 0) {
        wire_bad_request(g, r, &err, out);
    } else {
        g->counts.heartbeats++;
        /* A store with an older epoch is a copy: the answer's epoch tells it so. */
        if (h.epoch >= s->at.epoch) {
            take(s, &h);
            if (h.echo.given && duty_grant(g, s, h.echo.node, h.echo.boot, h.echo.mono_ms, out))
                g->counts.grants++;
            else if (h.echo.given && !g->stopping)
                global_count_refusal(g, out, r, REFUSED_ECHO);
            members_review_site(g, s->site, out);
        }
        answer(g, r, s, out);
    }
    json_object_put(body);
}
