#include "edge/core/uplink_internal.h"

#include "common/base/hash.h"

/* Are all our rows there, and none on their way? Only then a difference means something. */
static bool is_comparable(const struct uplink *u, const struct uplink_node *n)
{
    return n->known && n->reachable && n->cursor == spool_high(u->spool) &&
           n->channels[CHANNEL_BACKLOG].send_id == 0 && n->channels[CHANNEL_LIVE].send_id == 0;
}

static void add_to_bucket(const struct spool_row *row, void *arg)
{
    uint64_t *buckets = arg;

    buckets[row->fp % DIGEST_BUCKETS] += hash_mix(row->fp, row->seq);
}

static void send_digest(struct uplink *u, struct uplink_node *n, struct now now, struct out *out)
{
    uint64_t buckets[DIGEST_BUCKETS] = {0};
    struct json_writer w;
    struct buf b;

    spool_each_firing(u->spool, add_to_bucket, buckets);
    uplink_open_body(u, &b, &w);
    json_put_u64(&w, "high", spool_high(u->spool));
    json_put_bool(&w, "settled", uplink_settled(u, now));
    json_key(&w, "buckets");
    json_open_array(&w);
    for (size_t i = 0; i < DIGEST_BUCKETS; i++) {
        char hex[17];

        (void)snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)buckets[i]);
        json_add_str(&w, str_from(hex));
    }
    json_close_array(&w);
    json_close_object(&w);
    n->channels[CHANNEL_DIGEST].high = spool_high(u->spool);
    n->count.digests++;
    uplink_send(u, n, CHANNEL_DIGEST, "POST", STR("/federation/v1/digests"), &b, now, out);
}

int64_t digest_run(struct uplink *u, struct uplink_node *n, struct now now, struct out *out)
{
    struct channel *c = &n->channels[CHANNEL_DIGEST];

    if (c->send_id != 0 || !is_comparable(u, n))
        return TIME_NEVER;
    if (now.mono_ms < c->next_ms)
        return c->next_ms;
    send_digest(u, n, now, out);
    return TIME_NEVER;
}

/* ---- repair ---- */

struct fps {
    uint64_t *v;
    size_t n, cap;
};

/* What the node says of one of its firing registers. */
struct have {
    uint64_t fp, epoch, seq;
};

struct repair {
    struct uplink *u;
    bool differs[DIGEST_BUCKETS]; /* the buckets that the answer lists */
    struct {
        struct have *v;
        size_t n, cap;
    } have;        /* sorted by fp */
    uint64_t high; /* of the digest */
    struct fps refresh;
    struct fps suspects;
};

static int cmp_fp(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static bool parse_entry(struct json_object *o, struct have *ret)
{
    struct json_object *fp, *epoch, *seq;

    if (!json_object_is_type(o, json_type_array) || json_object_array_length(o) != 3)
        return false;
    fp = json_object_array_get_idx(o, 0);
    epoch = json_object_array_get_idx(o, 1);
    seq = json_object_array_get_idx(o, 2);
    if (!json_object_is_type(fp, json_type_string) || !json_object_is_type(epoch, json_type_int) ||
        !json_object_is_type(seq, json_type_int) || !str_to_hex_u64(json_str(fp), &ret->fp))
        return false;
    ret->epoch = json_object_get_uint64(epoch);
    ret->seq = json_object_get_uint64(seq);
    return true;
}

static bool parse_have(struct repair *r, struct json_object *have)
{
    json_object_object_foreach(have, key, list)
    {
        uint64_t bucket;

        if (!str_to_u64(str_from(key), &bucket) || bucket >= DIGEST_BUCKETS ||
            !json_object_is_type(list, json_type_array))
            return false;
        r->differs[bucket] = true;
        for (size_t i = 0; i < json_object_array_length(list); i++) {
            struct have h;

            if (!parse_entry(json_object_array_get_idx(list, i), &h) ||
                h.fp % DIGEST_BUCKETS != bucket)
                return false;
            *VEC_PUSH(&r->have) = h;
        }
    }
    if (r->have.n > 0)
        qsort(r->have.v, r->have.n, sizeof(*r->have.v), cmp_fp); /* fp comes first */
    return true;
}

/* Firing here: is it known there, as we last said it? */
static void check_ours(const struct spool_row *row, void *arg)
{
    struct repair *r = arg;
    const struct have *h;

    if (!r->differs[row->fp % DIGEST_BUCKETS] || row->seq > r->high ||
        r->refresh.n >= DIGEST_REPAIR_MAX)
        return;
    h = r->have.n > 0 ? bsearch(&row->fp, r->have.v, r->have.n, sizeof(*r->have.v), cmp_fp) : NULL;
    if (h == NULL || h->epoch < spool_epoch(r->u->spool) ||
        (h->epoch == spool_epoch(r->u->spool) && h->seq < row->seq))
        *VEC_PUSH(&r->refresh) = row->fp;
}

/* Firing there: does it fire here? */
static void check_theirs(struct repair *r)
{
    for (size_t i = 0; i < r->have.n && r->suspects.n < DIGEST_REPAIR_MAX; i++) {
        struct spool_row row;

        if (!spool_newest(r->u->spool, r->have.v[i].fp, &row))
            *VEC_PUSH(&r->suspects) = r->have.v[i].fp;
    }
}

/* The edge is the only writer: it says what it knows again, and denies what it knows nothing of
 * once it has seen it twice. */
static void apply(struct uplink *u, struct uplink_node *n, struct repair *r, struct now now,
                  struct out *out)
{
    size_t denied = 0;

    VEC_EACH (&r->refresh, uint64_t, fp)
        (void)spool_refresh(u->spool, *fp, now, out);
    VEC_EACH (&r->suspects, uint64_t, fp) {
        if (!uplink_settled(u, now) || n->suspects.n == 0 ||
            bsearch(fp, n->suspects.v, n->suspects.n, sizeof(*fp), cmp_fp) == NULL)
            continue;
        (void)spool_deny(u->spool, *fp, now, out);
        denied++;
    }
    VEC_CLEAR(&n->suspects);
    n->suspects.v = r->suspects.v;
    n->suspects.n = r->suspects.n;
    n->suspects.cap = r->suspects.cap;
    r->suspects = (struct fps){0};
    u->count.refreshed += r->refresh.n;
    u->count.denied += denied;
    OUT_LOG(out, LOG_WARN, "uplink", "global node sees other firing alerts than this edge",
            KV("node", n->name), KV("said_again", (uint64_t)r->refresh.n),
            KV("denied", (uint64_t)denied), KV("suspects", (uint64_t)n->suspects.n));
}

static void mismatch(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                     struct json_object *o, struct now now, struct out *out)
{
    struct repair r = {.u = u, .high = sent->high};
    struct json_object *have = NULL;

    n->count.mismatches++;
    if (json_get_object(o, "have", &have, NULL) == 0 && have != NULL && parse_have(&r, have)) {
        spool_each_firing(u->spool, check_ours, &r);
        check_theirs(&r);
        apply(u, n, &r, now, out);
    } else {
        u->count.bad_answers++;
    }
    VEC_CLEAR(&r.have);
    VEC_CLEAR(&r.refresh);
    VEC_CLEAR(&r.suspects);
}

void digest_answered(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                     const struct engine_delivery *d, struct now now, struct out *out)
{
    struct channel *c = &n->channels[CHANNEL_DIGEST];
    struct json_object *o = d->status == 200 ? uplink_answer(u, n, d->body, out) : NULL;
    bool match = false;

    channel_ok(c, now);
    c->next_ms = now.mono_ms + DIGEST_INTERVAL_MS - rand_between(&u->rand, 0, 3 * MS_PER_S);
    if (o == NULL || sent->epoch != spool_epoch(u->spool)) {
        c->fails = d->status == 200 ? 0 : c->fails + 1;
    } else if (json_object_object_get(o, "match") == NULL) {
        c->next_ms = now.mono_ms + 5 * MS_PER_S; /* rows on their way: soon again */
    } else if (json_get_bool(o, "match", &match, NULL) == 0 && !match) {
        mismatch(u, n, sent, o, now, out);
    } else {
        VEC_CLEAR(&n->suspects);
    }
    json_object_put(o);
}
