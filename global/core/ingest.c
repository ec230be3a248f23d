#include "global/core/ingest.h"

#include "common/core/bugs.h"
#include "global/core/global_internal.h"
#include "global/core/member_row.h"
#include "global/core/wire.h"

#include <errno.h>

struct batch_row {
    uint64_t fp;
    struct member_state state;
};

/* A batch as it was read and checked; its texts lie in the output's arena or in the body's JSON. */
struct batch {
    uint64_t epoch, from, to;
    bool live, start, settled;
    struct batch_row *rows;
    size_t rows_n;
    uint64_t (*voids)[2];
    size_t voids_n;
    uint64_t unknown_seq; /* the first row of a kind that we do not know; 0: none */
    struct member_row_limits limits;
};

/* ---- reading and checking ---- */

static int read_frame(struct json_object *o, struct batch *b, struct err *err)
{
    struct str lane = STR_EMPTY;

    if (json_get_u64(o, "epoch", &b->epoch, err) < 0 ||
        json_get_u64(o, "from", &b->from, err) < 0 || json_get_u64(o, "to", &b->to, err) < 0 ||
        json_get_str(o, "lane", &lane, err) < 0 || json_get_bool(o, "start", &b->start, err) < 0 ||
        json_get_bool(o, "settled", &b->settled, err) < 0)
        return -EINVAL;
    b->live = str_eq_c(lane, "live");
    if (!b->live && !str_eq_c(lane, "backlog"))
        return err_set(err, -EINVAL, "lane: neither live nor backlog");
    if (b->epoch == 0 || b->epoch > INT64_MAX || b->from == 0 || b->from > b->to ||
        b->to > INT64_MAX)
        return err_set(err, -EINVAL, "epoch, from or to out of range");
    return 0;
}

static int read_row(struct json_object *o, struct str site, struct arena *a, struct batch *b,
                    struct err *err)
{
    struct batch_row *row = &b->rows[b->rows_n];
    struct str kind = STR_EMPTY, fp = STR_EMPTY;
    uint64_t seq = 0;

    if (!json_object_is_type(o, json_type_object))
        return err_set(err, -EINVAL, "rows: not an array of objects");
    if (json_get_str(o, "kind", &kind, err) < 0 || json_get_u64(o, "seq", &seq, err) < 0)
        return -EINVAL;
    if (!str_eq_c(kind, "episode")) {
        if (b->unknown_seq == 0)
            b->unknown_seq = seq;
        return 0;
    }
    if (json_get_str(o, "fp", &fp, err) < 0 ||
        member_row_read(o, site, a, &row->state, &b->limits, err) < 0)
        return -EINVAL;
    if (!str_to_hex_u64(fp, &row->fp))
        return err_set(err, -EINVAL, "fp: not 16 hexadecimal digits");
    row->state.epoch = b->epoch;
    b->rows_n++;
    return 0;
}

static int read_rows(struct json_object *o, struct str site, struct arena *a, struct batch *b,
                     struct err *err)
{
    struct json_object *rows = NULL;
    size_t n;

    if (json_get_array(o, "rows", &rows, err) < 0)
        return -EINVAL;
    n = rows != NULL ? json_object_array_length(rows) : 0;
    if (n > BATCH_ROWS_MAX)
        return err_set(err, -EINVAL, "more than %d rows", BATCH_ROWS_MAX);
    b->rows = ARENA_ARRAY(a, struct batch_row, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (read_row(json_object_array_get_idx(rows, i), site, a, b, err) < 0)
            return -EINVAL;
    }
    return 0;
}

static int read_voids(struct json_object *o, struct arena *a, struct batch *b, struct err *err)
{
    struct json_object *voids = NULL;
    size_t n;

    if (json_get_array(o, "voids", &voids, err) < 0)
        return -EINVAL;
    n = voids != NULL ? json_object_array_length(voids) : 0;
    if (n > BATCH_VOIDS_MAX)
        return err_set(err, -EINVAL, "more than %d voids", BATCH_VOIDS_MAX);
    b->voids = arena_alloc_array(a, n + 1, sizeof(*b->voids));
    for (size_t i = 0; i < n; i++) {
        struct json_object *v = json_object_array_get_idx(voids, i);

        if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) != 2)
            return err_set(err, -EINVAL, "voids: not pairs");
        for (size_t j = 0; j < 2; j++) {
            struct json_object *seq = json_object_array_get_idx(v, j);

            if (!json_object_is_type(seq, json_type_int) || json_object_get_int64(seq) <= 0)
                return err_set(err, -EINVAL, "voids: not pairs of sequence numbers");
            b->voids[i][j] = json_object_get_uint64(seq);
        }
    }
    b->voids_n = n;
    return 0;
}

/* Rows and voids, both rising, cover [from, to] exactly once. */
static int check_cover(const struct batch *b, struct err *err)
{
    uint64_t next = b->from;
    size_t r = 0, v = 0;

    while (r < b->rows_n || v < b->voids_n) {
        if (r < b->rows_n && b->rows[r].state.seq == next) {
            next++;
            r++;
        } else if (v < b->voids_n && b->voids[v][0] == next && b->voids[v][1] >= next &&
                   b->voids[v][1] <= b->to) {
            next = b->voids[v++][1] + 1;
        } else {
            return err_set(err, -EINVAL, "rows and voids do not cover from..to: %lu", next);
        }
    }
    return next == b->to + 1 ? 0 : err_set(err, -EINVAL, "rows and voids end before `to`");
}

/* ---- lanes ---- */

enum lane_verdict { LANE_CURSOR, LANE_WINDOW, LANE_NEW_WINDOW, LANE_HOLE };

static enum lane_verdict judge_lane(const struct batch *b, const struct stream_position *at)
{
    if (b->from <= at->cursor + 1)
        return LANE_CURSOR;
    if (!b->live)
        return LANE_HOLE;
    if (at->live_to != 0 && at->live_from <= b->from && b->from <= at->live_to + 1)
        return LANE_WINDOW; /* also a start that comes twice: it must not shrink the window */
    return b->start ? LANE_NEW_WINDOW : LANE_HOLE;
}

static void move_lane(const struct batch *b, enum lane_verdict lane, struct stream_position *at)
{
    switch (lane) {
    case LANE_CURSOR:
        if (b->to > at->cursor)
            at->cursor = b->to;
        break;
    case LANE_WINDOW:
        if (b->to > at->live_to)
            at->live_to = b->to;
        break;
    case LANE_NEW_WINDOW:
        at->live_from = b->from;
        at->live_to = b->to;
        break;
    case LANE_HOLE:
        break;
    }
    if (at->live_to != 0 && at->cursor + 1 >= at->live_from) {
        if (at->live_to > at->cursor)
            at->cursor = at->live_to;
        at->live_from = at->live_to = 0;
    }
}

/* Already taken in, by position; register versions catch the rest. */
static bool seen(const struct stream_position *at, uint64_t seq)
{
    if (seq <= at->cursor || (BUG(BUG_SEQ_LESS_EQUAL) && seq == at->cursor + 1))
        return true;
    return at->live_to != 0 && at->live_from <= seq && seq <= at->live_to;
}

/* ---- applying ---- */

static void apply_rows(struct global *g, struct stream *s, const struct batch *b,
                       const struct stream_position *before, struct out *out)
{
    for (size_t i = 0; i < b->rows_n; i++) {
        const struct batch_row *row = &b->rows[i];

        if (!seen(before, row->state.seq) && member_apply(g, s, row->fp, &row->state, out)) {
            g->counts.rows_applied++;
            continue;
        }
        g->counts.rows_duplicate++;
        out_ledger(out, &(struct ledger_row){.verdict = LEDGER_DUPLICATE,
                                             .site = str_from(s->site->name),
                                             .stream = str_from(s->uuid),
                                             .fp = row->fp,
                                             .epoch = b->epoch,
                                             .seq = row->state.seq});
    }
}

static bool room_for(const struct global *g, const struct stream *s, const struct batch *b)
{
    size_t fresh = 0;

    if (g->members.n + b->rows_n <= g->limits.members_max)
        return true;
    for (size_t i = 0; i < b->rows_n; i++)
        fresh += member_find(g, s, b->rows[i].fp) == NULL;
    return g->members.n + fresh <= g->limits.members_max;
}

static void answer_position(struct global *g, const struct engine_request *r,
                            const struct stream_position *at, struct out *out)
{
    struct engine_reply reply = {
        .request_id = r->id, .status = 200, .content_type = "application/json"};
    struct json_writer w;
    struct buf b;

    wire_open(&w, &b);
    wire_put_position(&w, at);
    reply.body = wire_close(&w, &b, out);
    if (BUG(BUG_CURSOR_BEFORE_COMMIT))
        out_reply(out, &reply);
    else
        global_reply_stored(g, out, &reply);
}

static void refuse_position(struct global *g, const struct engine_request *r, enum refusal why,
                            uint64_t epoch, uint64_t cursor, struct out *out)
{
    struct json_writer w;
    struct buf b;

    global_count_refusal(g, out, r, why);
    wire_open(&w, &b);
    json_put_str(&w, "error", str_from(refusal_name(why)));
    json_put_u64(&w, "epoch", epoch);
    json_put_u64(&w, "cursor", cursor);
    out_reply_json(out, r->id, 409, wire_close(&w, &b, out));
}

static void refuse_unknown(struct global *g, const struct engine_request *r, uint64_t seq,
                           struct out *out)
{
    struct json_writer w;
    struct buf b;

    global_count_refusal(g, out, r, REFUSED_UNKNOWN_KIND);
    wire_open(&w, &b);
    json_put_str(&w, "error", STR("unknown_kind"));
    json_put_u64(&w, "seq", seq);
    out_reply_json(out, r->id, 422, wire_close(&w, &b, out));
}

static void take_batch(struct global *g, const struct engine_request *r, struct stream *s,
                       const struct batch *b, struct out *out)
{
    struct stream_position at =
        b->epoch == s->at.epoch ? s->at : (struct stream_position){.epoch = b->epoch};
    struct stream_position before = at;
    enum lane_verdict lane = judge_lane(b, &at);

    if (b->epoch < s->at.epoch) {
        refuse_position(g, r, REFUSED_FENCED, s->at.epoch, 0, out);
        return;
    }
    if (lane == LANE_HOLE) {
        refuse_position(g, r, REFUSED_NEED_BASE, b->epoch, at.cursor, out);
        return;
    }
    if (!room_for(g, s, b)) {
        global_refuse(g, out, r, REFUSED_TOO_MANY_MEMBERS, 503, NULL);
        return;
    }
    s->settled = b->settled;
    move_lane(b, lane, &at);
    g->counts.batches++;
    g->counts.voids += b->voids_n;
    g->counts.texts_cut += b->limits.cut;
    g->counts.site_overwritten += b->limits.site_overwritten;
    if (memcmp(&at, &s->at, sizeof(at)) != 0) {
        s->at = at;
        stream_changed(g, s, out);
    }
    apply_rows(g, s, b, &before, out);
    members_review_site(g, s->site, out);
    answer_position(g, r, &s->at, out);
}

void ingest_request(struct global *g, const struct engine_request *r, struct out *out)
{
    struct json_object *body = wire_body(g, r, BATCH_BYTES_MAX, out);
    struct stream *s = body != NULL ? wire_stream(g, r, body, out) : NULL;
    struct arena *a = out_arena(out);
    struct batch b = {0};
    struct err err;

    if (s == NULL) {
        json_object_put(body);
        return;
    }
    if (read_frame(body, &b, &err) < 0 ||
        read_rows(body, str_from(s->site->name), a, &b, &err) < 0 ||
        read_voids(body, a, &b, &err) < 0 || (b.unknown_seq == 0 && check_cover(&b, &err) < 0)) {
        wire_bad_request(g, r, &err, out);
    } else if (b.unknown_seq != 0) {
        refuse_unknown(g, r, b.unknown_seq, out);
    } else {
        take_batch(g, r, s, &b, out);
    }
    json_object_put(body);
}
