#include "tests/lib/fake_global.h"

#include "common/base/hash.h"
#include "common/base/json.h"
#include "tests/lib/test.h"

#include <stdlib.h>

void fake_global_init(struct fake_global *g, const char *name)
{
    *g = (struct fake_global){.name = name, .boot = "b1"};
    g->registers = xcalloc(FAKE_REGISTERS_MAX, sizeof(*g->registers));
}

void fake_global_clear(struct fake_global *g)
{
    free(g->registers);
    free(g->mirrors);
    free(g->journal);
}

void fake_global_forget(struct fake_global *g)
{
    g->epoch = g->cursor = g->window_from = g->window_to = 0;
    g->registers_n = 0;
}

const struct fake_register *fake_global_find(const struct fake_global *g, uint64_t fp)
{
    for (size_t i = 0; i < g->registers_n; i++) {
        if (g->registers[i].fp == fp)
            return &g->registers[i];
    }
    return NULL;
}

size_t fake_global_firing(const struct fake_global *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->registers_n; i++)
        n += g->registers[i].firing;
    return n;
}

static uint64_t get_u64(struct json_object *o, const char *key)
{
    uint64_t v = 0;

    assert_int_equal(json_get_u64(o, key, &v, NULL), 0);
    return v;
}

static struct str get_str(struct json_object *o, const char *key)
{
    struct str v = STR_EMPTY;

    assert_int_equal(json_get_str(o, key, &v, NULL), 0);
    return v;
}

static void apply_row(struct fake_global *g, uint64_t epoch, struct json_object *row)
{
    struct fake_register *r;
    struct str reason = get_str(row, "reason");
    uint64_t fp, seq = get_u64(row, "seq");

    assert_true(str_to_hex_u64(get_str(row, "fp"), &fp));
    r = (struct fake_register *)(uintptr_t)fake_global_find(g, fp);
    if (r == NULL) {
        assert_true(g->registers_n < FAKE_REGISTERS_MAX);
        r = &g->registers[g->registers_n++];
    } else if (epoch < r->epoch || (epoch == r->epoch && seq <= r->seq)) {
        return;
    }
    *r = (struct fake_register){.fp = fp, .epoch = epoch, .seq = seq};
    r->firing = str_eq_c(get_str(row, "state"), "firing");
    assert_true(reason.n < sizeof(r->reason));
    memcpy(r->reason, reason.p, reason.n);
    r->transitions = get_u64(row, "transitions");
    assert_int_equal(json_get_i64(row, "first_seen_ms", &r->first_seen_ms, NULL), 0);
}

/* Rows and voids cover [from, to] once: they are merged in order of seq. */
static void check_cover(struct json_object *rows, struct json_object *voids, uint64_t from,
                        uint64_t to)
{
    size_t row = 0, gap = 0;
    uint64_t pos = from;

    while (pos <= to) {
        struct json_object *r =
            row < json_object_array_length(rows) ? json_object_array_get_idx(rows, row) : NULL;
        struct json_object *v =
            gap < json_object_array_length(voids) ? json_object_array_get_idx(voids, gap) : NULL;

        if (r != NULL && get_u64(r, "seq") == pos) {
            row++;
            pos++;
        } else {
            assert_non_null(v);
            assert_int_equal(json_object_get_int64(json_object_array_get_idx(v, 0)), pos);
            pos = (uint64_t)json_object_get_int64(json_object_array_get_idx(v, 1)) + 1;
            gap++;
        }
    }
    assert_int_equal(pos, to + 1);
    assert_int_equal(row, json_object_array_length(rows));
    assert_int_equal(gap, json_object_array_length(voids));
}

/* The page's lane rules; false is need_base. */
static bool place(struct fake_global *g, bool live, bool start, uint64_t from, uint64_t to)
{
    if (from <= g->cursor + 1) {
        g->cursor = to > g->cursor ? to : g->cursor;
    } else if (live && g->window_to != 0 && from >= g->window_from && from <= g->window_to + 1) {
        g->window_to = to > g->window_to ? to : g->window_to;
    } else if (live && start) {
        g->window_from = from;
        g->window_to = to;
    } else {
        return false;
    }
    if (g->window_to != 0 && g->cursor + 1 >= g->window_from) {
        g->cursor = g->window_to > g->cursor ? g->window_to : g->cursor;
        g->window_from = g->window_to = 0;
    }
    return true;
}

static void add_position(const struct fake_global *g, struct buf *b)
{
    buf_add_fmt(b, "\"epoch\":%llu,\"cursor\":%llu", (unsigned long long)g->epoch,
                (unsigned long long)g->cursor);
    if (g->window_to != 0)
        buf_add_fmt(b, ",\"live\":[%llu,%llu]", (unsigned long long)g->window_from,
                    (unsigned long long)g->window_to);
}

static int on_batch(struct fake_global *g, struct json_object *o, int64_t now_ms, struct buf *b)
{
    uint64_t epoch = get_u64(o, "epoch"), from = get_u64(o, "from"), to = get_u64(o, "to");
    bool live = str_eq_c(get_str(o, "lane"), "live"), start = false;
    struct json_object *rows = NULL, *voids = NULL;

    assert_int_equal(json_get_bool(o, "start", &start, NULL), 0);
    assert_int_equal(json_get_array(o, "rows", &rows, NULL), 0);
    assert_int_equal(json_get_array(o, "voids", &voids, NULL), 0);
    assert_true(json_object_array_length(rows) <= 2000);
    check_cover(rows, voids, from, to);
    g->batches++;
    if (g->batch_status != 0) {
        buf_add_str(b, str_from(g->batch_body != NULL ? g->batch_body : ""));
        return g->batch_status;
    }
    if (g->batch_rows_max != 0 && json_object_array_length(rows) > g->batch_rows_max) {
        buf_add_str(b, STR("{\"error\":\"too_large\"}"));
        return 413;
    }
    if (g->mood == FAKE_FULL) {
        buf_add_str(b, STR("{\"error\":\"not_stored\"}"));
        return 503;
    }
    if (epoch < g->epoch || epoch <= g->fence) {
        buf_add_fmt(b, "{\"error\":\"fenced\",\"epoch\":%llu}",
                    (unsigned long long)(g->fence > g->epoch ? g->fence : g->epoch));
        return 409;
    }
    if (epoch > g->epoch) {
        g->epoch = epoch;
        g->cursor = g->window_from = g->window_to = 0;
    }
    if (!place(g, live, start, from, to)) {
        g->need_bases++;
        buf_add_str(b, STR("{\"error\":\"need_base\","));
        add_position(g, b);
        buf_add_char(b, '}');
        return 409;
    }
    for (size_t i = 0; i < json_object_array_length(rows); i++)
        apply_row(g, epoch, json_object_array_get_idx(rows, i));
    *(live ? &g->live_batches : &g->backlog_batches) += 1;
    if (live)
        g->live_at_ms = now_ms;
    g->rows_of_last = json_object_array_length(rows);
    g->rows += g->rows_of_last;
    buf_add_str(b, STR("{\"v\":1,"));
    add_position(g, b);
    buf_add_char(b, '}');
    return 200;
}

static int on_heartbeat(struct fake_global *g, struct json_object *o, int64_t now_ms, struct buf *b)
{
    struct json_object *echo = NULL;
    struct str holder = get_str(o, "holder");

    g->heartbeats++;
    assert_true(holder.n < sizeof(g->holder));
    memcpy(g->holder, holder.p, holder.n);
    g->holder[holder.n] = '\0';
    assert_int_equal(json_get_object(o, "echo", &echo, NULL), 0);
    if (echo != NULL) {
        assert_str_eq(get_str(echo, "node"), g->name);
        if (str_eq_c(get_str(echo, "boot"), g->boot)) {
            g->echoes++;
            assert_int_equal(json_get_i64(echo, "mono_ms", &g->last_echo_mono_ms, NULL), 0);
        }
    }
    buf_add_fmt(b, "{\"v\":1,\"token\":{\"node\":\"%s\",\"boot\":\"%s\",\"mono_ms\":%lld},",
                g->name, g->boot, (long long)now_ms);
    add_position(g, b);
    buf_add_fmt(b, ",\"released\":%s,\"streams\":%s}", g->released ? "true" : "false",
                g->streams != NULL ? g->streams : "[]");
    return 200;
}

static void add_have(const struct fake_global *g, uint64_t bucket, struct buf *b)
{
    bool first = true;

    buf_add_fmt(b, "\"%llu\":[", (unsigned long long)bucket);
    for (size_t i = 0; i < g->registers_n; i++) {
        const struct fake_register *r = &g->registers[i];

        if (!r->firing || r->fp % 256 != bucket)
            continue;
        buf_add_fmt(b, "%s[\"%016llx\",%llu,%llu]", first ? "" : ",", (unsigned long long)r->fp,
                    (unsigned long long)r->epoch, (unsigned long long)r->seq);
        first = false;
    }
    buf_add_char(b, ']');
}

static int on_digest(struct fake_global *g, struct json_object *o, struct buf *b)
{
    uint64_t ours[256] = {0};
    struct json_object *theirs = NULL;
    size_t differ = 0;

    g->digests++;
    if (get_u64(o, "epoch") != g->epoch || get_u64(o, "high") != g->cursor) {
        buf_add_str(b, STR("{\"v\":1,\"match\":null}"));
        return 200;
    }
    for (size_t i = 0; i < g->registers_n; i++) {
        const struct fake_register *r = &g->registers[i];

        if (r->firing)
            ours[r->fp % 256] += hash_mix(r->fp, r->seq);
    }
    assert_int_equal(json_get_array(o, "buckets", &theirs, NULL), 0);
    assert_int_equal(json_object_array_length(theirs), 256);
    buf_add_str(b, STR("{\"v\":1,\"match\":false,\"have\":{"));
    for (size_t i = 0; i < 256 && differ < 16; i++) {
        uint64_t v;

        assert_true(str_to_hex_u64(json_str(json_object_array_get_idx(theirs, i)), &v));
        if (v == ours[i])
            continue;
        if (differ++ > 0)
            buf_add_char(b, ',');
        add_have(g, i, b);
    }
    buf_add_str(b, STR("}}"));
    g->mismatches += differ > 0;
    if (differ == 0) {
        buf_reset(b);
        buf_add_str(b, STR("{\"v\":1,\"match\":true}"));
    }
    return 200;
}

/* 0: the poll stays open */
static int on_poll(struct fake_global *g, const char *url, struct buf *b)
{
    const char *since = strstr(url, "&since="), *epoch = strstr(url, "&epoch=");

    assert_non_null(since);
    assert_non_null(epoch);
    g->confirmed = strtoull(since + 7, NULL, 10);
    if (strtoull(epoch + 7, NULL, 10) != 5)
        g->confirmed = 0;
    if (g->mirrors == NULL || g->confirmed == g->mirrors_upto)
        return 0;
    buf_add_fmt(b, "{\"v\":1,\"epoch\":5,\"upto\":%llu,\"mirrors\":%s}",
                (unsigned long long)g->mirrors_upto, g->mirrors);
    return 200;
}

static int answer(struct fake_global *g, const struct driver_send *s, int64_t now_ms, struct buf *b)
{
    const char *path = strstr(s->url.p, "/federation/v1/");
    struct json_object *o = NULL;
    int status = 404;

    assert_non_null(path);
    path += strlen("/federation/v1/");
    if (strncmp(path, "directives", 10) == 0)
        return on_poll(g, path, b);
    assert_int_equal(json_parse((struct str){s->body.p, s->body.n}, (struct json_opt){0}, &o, NULL),
                     0);
    if (strcmp(path, "batches") == 0)
        status = on_batch(g, o, now_ms, b);
    if (strcmp(path, "heartbeats") == 0)
        status = on_heartbeat(g, o, now_ms, b);
    if (strcmp(path, "digests") == 0)
        status = on_digest(g, o, b);
    if (strcmp(path, "journal") == 0) {
        free(g->journal);
        g->journal = xstrndup(s->body.p, s->body.n);
        g->journals++;
        buf_add_str(b, STR("{\"v\":1,\"receipt\":true}"));
        status = 200;
    }
    json_object_put(o);
    return status;
}

/* false: nothing to say yet */
static bool serve_one(struct fake_global *g, struct driver *d, const struct driver_send *s)
{
    struct engine_delivery del = {
        .send_id = s->id, .outcome = SEND_ANSWERED, .retry_after_ms = -1, .error = STR("no")};
    struct buf b;
    bool late = d->now.mono_ms >= s->at_mono_ms + s->timeout_ms;
    bool held = g->hold_backlog && strstr(s->body.p, "\"lane\":\"backlog\"") != NULL;

    if ((g->mood == FAKE_MUTE || g->mood == FAKE_DEAF || held) && !late)
        return false;
    buf_init(&b, 0);
    if (g->mood == FAKE_UNREACHABLE)
        del.outcome = SEND_NOT_SENT;
    else if (g->mood == FAKE_DEAF || held)
        del.outcome = SEND_AMBIGUOUS;
    else
        del.status = answer(g, s, d->now.mono_ms, &b);
    if (g->mood == FAKE_MUTE)
        del.outcome = SEND_AMBIGUOUS;
    if (del.outcome == SEND_ANSWERED && del.status == 0) {
        buf_clear(&b);
        return false;
    }
    del.body = del.outcome == SEND_ANSWERED ? buf_str(&b) : STR_EMPTY;
    driver_deliver_full(d, &del);
    buf_clear(&b);
    return true;
}

void fake_globals_serve(struct fake_global *g, size_t n, struct driver *d)
{
    bool again = true;

    for (int rounds = 0; again; rounds++) {
        assert_true(rounds < 100000); /* an edge that spins */
        again = false;
        for (size_t i = 0; i < d->sends.n && !again; i++) {
            const struct driver_send *s = &d->sends.v[i];

            for (size_t k = 0; k < n && !s->done && !s->cancelled; k++) {
                if (s->way == SEND_UPLINK && strcmp(s->peer.p, g[k].name) == 0 &&
                    serve_one(&g[k], d, s)) {
                    again = true;
                    break;
                }
            }
        }
        driver_settle(d);
    }
}

void fake_globals_run(struct fake_global *g, size_t n, struct driver *d, int64_t ms)
{
    int64_t end = d->now.mono_ms + ms;

    fake_globals_serve(g, n, d);
    while (d->now.mono_ms < end) {
        int64_t step = d->wake_mono_ms - d->now.mono_ms;

        driver_advance(d, clamp_i64(step, 1, min_i64(500, end - d->now.mono_ms)));
        fake_globals_serve(g, n, d);
    }
}
