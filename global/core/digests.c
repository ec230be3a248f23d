#include "global/core/digests.h"

#include "global/core/global_internal.h"
#include "global/core/wire.h"

#include <errno.h>

#define DIGEST_BYTES_MAX KIB(64)

static int read_buckets(struct json_object *o, uint64_t ret[DIGEST_BUCKETS], struct err *err)
{
    struct json_object *v = NULL;

    if (json_get_array(o, "buckets", &v, err) < 0)
        return -EINVAL;
    if (v == NULL || json_object_array_length(v) != DIGEST_BUCKETS)
        return err_set(err, -EINVAL, "buckets: not %d", DIGEST_BUCKETS);
    for (size_t i = 0; i < DIGEST_BUCKETS; i++) {
        struct json_object *sum = json_object_array_get_idx(v, i);

        if (!json_object_is_type(sum, json_type_string) || !str_to_hex_u64(json_str(sum), &ret[i]))
            return err_set(err, -EINVAL, "buckets: not 16 hexadecimal digits");
    }
    return 0;
}

static void sum_buckets(const struct stream *s, uint64_t ret[DIGEST_BUCKETS])
{
    const struct member *m;

    memset(ret, 0, DIGEST_BUCKETS * sizeof(*ret));
    TAILQ_FOREACH (m, &s->members, stream_link) {
        if (m->s.firing)
            ret[m->fp % DIGEST_BUCKETS] += hash_mix(m->fp, m->s.seq);
    }
}

static void put_register(struct json_writer *w, const struct member *m)
{
    struct buf fp;

    buf_init(&fp, 0);
    buf_add_hex_u64(&fp, m->fp);
    json_open_array(w);
    json_add_str(w, buf_str(&fp));
    json_add_u64(w, m->s.epoch);
    json_add_u64(w, m->s.seq);
    json_close_array(w);
    buf_clear(&fp);
}

/* This node's firing registers in the buckets that differ, DIGEST_ANSWER_BUCKETS of them. */
static void put_have(struct json_writer *w, const struct stream *s,
                     const uint64_t theirs[DIGEST_BUCKETS], const uint64_t ours[DIGEST_BUCKETS])
{
    size_t given = 0;

    json_key(w, "have");
    json_open_object(w);
    for (size_t i = 0; i < DIGEST_BUCKETS && given < DIGEST_ANSWER_BUCKETS; i++) {
        const struct member *m;
        char key[8];

        if (theirs[i] == ours[i])
            continue;
        given++;
        (void)snprintf(key, sizeof(key), "%zu", i);
        json_key(w, key);
        json_open_array(w);
        TAILQ_FOREACH (m, &s->members, stream_link) {
            if (m->s.firing && m->fp % DIGEST_BUCKETS == i)
                put_register(w, m);
        }
        json_close_array(w);
    }
    json_close_object(w);
}

static void answer(struct global *g, const struct engine_request *r, const struct stream *s,
                   bool comparable, const uint64_t theirs[DIGEST_BUCKETS], struct out *out)
{
    uint64_t ours[DIGEST_BUCKETS];
    struct json_writer w;
    struct buf b;

    sum_buckets(s, ours);
    wire_open(&w, &b);
    json_key(&w, "match");
    if (!comparable) {
        g->counts.digests_later++;
        json_add_null(&w);
    } else if (memcmp(ours, theirs, sizeof(ours)) == 0) {
        g->counts.digests_matched++;
        json_add_bool(&w, true);
    } else {
        g->counts.digests_differed++;
        json_add_bool(&w, false);
        put_have(&w, s, theirs, ours);
    }
    out_reply_json(out, r->id, 200, wire_close(&w, &b, out));
}

void digest_request(struct global *g, const struct engine_request *r, struct out *out)
{
    struct json_object *body = wire_body(g, r, DIGEST_BYTES_MAX, out);
    struct stream *s = body != NULL ? wire_stream(g, r, body, out) : NULL;
    uint64_t theirs[DIGEST_BUCKETS], epoch = 0, high = 0;
    struct err err;

    if (s == NULL) {
        json_object_put(body);
        return;
    }
    if (json_get_u64(body, "epoch", &epoch, &err) < 0 ||
        json_get_u64(body, "high", &high, &err) < 0 || read_buckets(body, theirs, &err) < 0) {
        wire_bad_request(g, r, &err, out);
    } else {
        bool comparable = s->at.live_to == 0 && ((s->at.epoch == epoch && s->at.cursor == high) ||
                                                 (s->at.epoch < epoch && high == 0));

        answer(g, r, s, comparable, theirs, out);
    }
    json_object_put(body);
}
