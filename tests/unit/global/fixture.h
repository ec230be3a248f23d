/* A global engine with a store of its own in virtual time. The hooks of the incident side are weak
 * recorders, so that these tests see what ingest tells it and nothing else; with FIXTURE_INCIDENTS
 * they are the real ones, and world.config_text is the configuration. */
#pragma once

#include "common/base/json.h"
#include "common/base/vec.h"
#include "global/core/duty.h"
#include "global/core/global_config.h"
#include "global/core/global_internal.h"
#include "global/core/global_rows.h"
#include "global/core/sites.h"
#include "tests/lib/test.h"

#define UUID_A "11111111-1111-4111-8111-111111111111"
#define UUID_B "22222222-2222-4222-8222-222222222222"
#define UUID_C "33333333-3333-4333-8333-333333333333"
#define BOOT "b007b007b007b007"

struct row_copy {
    uint32_t kind;
    char *key, *value; /* value NULL: removal */
    size_t key_n, value_n;
    uint64_t txn;
};

struct rows {
    struct row_copy *v;
    size_t n, cap;
};

struct answer {
    uint64_t id;
    int status;
    char *body; /* all slices so far */
    bool more;
};

struct answers {
    struct answer *v;
    size_t n, cap;
};

struct page_sent {
    uint64_t id;
    char *url, *body;
    int64_t at_mono_ms;
    bool cancelled, done;
};

struct world {
    struct engine *engine;
    struct global_options options;
    const char *secret, *config_text;
    struct {
        struct page_sent *v;
        size_t n, cap;
    } sent;
    struct arena *arena;
    struct now now;
    struct rows disk, queued;
    struct answers answers;
    uint64_t next_request, newest_txn;
    int64_t wake;
    bool manual; /* rows wait for world_commit or world_fail */
    size_t ledger[LEDGER_VERDICTS];
    int64_t last_duty_until;
};

#ifdef FIXTURE_INCIDENTS

static inline struct global_config *world_config(const struct world *w)
{
    struct global_config *c = NULL;
    struct config_report report;
    struct err err;

    config_report_init(&report, STR("global.yml"));
    if (global_config_parse(str_from(w->config_text), MATCHER_FALLBACK, &c, &report) < 0)
        fail_msg("the configuration of the test has mistakes");
    config_report_clear(&report);
    assert_int_equal(global_config_set_secret(c, str_from(w->secret), &err), 0);
    return c;
}

#else

/* ---- what the hooks heard ---- */

static struct {
    size_t changes[MEMBER_HELD + 1];
    size_t site_silent, site_heard, duty, confirmed, mirrors;
    char last_mirror[64];
} heard;

#define WEAK __attribute__((weak))

WEAK void incident_on_member(struct global *g, struct member *m, enum member_change change,
                             struct out *out)
{
    (void)g, (void)m, (void)out;
    heard.changes[change]++;
}
WEAK void incident_on_site(struct global *g, struct site *site, bool silent, struct out *out)
{
    (void)g, (void)site, (void)out;
    if (silent)
        heard.site_silent++;
    else
        heard.site_heard++;
}
WEAK void incident_on_health(struct global *g, struct out *out)
{
    (void)g, (void)out;
}
WEAK void incident_on_mirror(struct global *g, struct str origin, struct str incident,
                             struct str body, struct out *out)
{
    (void)g, (void)origin, (void)body, (void)out;
    heard.mirrors++;
    (void)snprintf(heard.last_mirror, sizeof(heard.last_mirror), STR_FMT, STR_ARG(incident));
}
WEAK void incident_on_confirmed(struct global *g, struct out *out)
{
    (void)g, (void)out;
    heard.confirmed++;
}
WEAK void incident_on_duty_change(struct global *g, struct site *site, struct out *out)
{
    (void)g, (void)site, (void)out;
    heard.duty++;
}
WEAK void incident_on_config(struct global *g, const struct global_config *old, struct out *out)
{
    (void)g, (void)old, (void)out;
}
/* A test may have something done inside the next step. */
static void (*inside_step)(struct global *g, struct out *out);
WEAK int64_t incident_step(struct global *g, struct out *out)
{
    if (inside_step != NULL)
        inside_step(g, out);
    inside_step = NULL;
    return TIME_NEVER;
}
WEAK bool incident_restore_row(struct global *g, const struct row_op *row, struct out *out)
{
    (void)g, (void)row, (void)out;
    return false;
}
WEAK void incident_start(struct global *g, struct out *out)
{
    (void)g, (void)out;
}
WEAK struct str incident_id(const struct incident *i)
{
    (void)i;
    return STR_EMPTY;
}
WEAK uint64_t incident_digest(const struct global *g)
{
    (void)g;
    return 0;
}
WEAK void incident_free_all(struct global *g)
{
    (void)g;
}
WEAK void incident_metrics(const struct global *g, struct buf *b)
{
    (void)g, (void)b;
}
WEAK void global_api_request(struct global *g, const struct engine_request *r, struct out *out)
{
    (void)g;
    out_reply_error(out, r->id, 404, "none");
}
WEAK void global_api_more(struct global *g, uint64_t request_id, struct out *out)
{
    (void)g, (void)request_id, (void)out;
}
WEAK void global_api_gone(struct global *g, uint64_t request_id)
{
    (void)g, (void)request_id;
}
WEAK void pages_on_delivered(struct global *g, const struct engine_delivery *d, struct out *out)
{
    (void)g, (void)d, (void)out;
}
/* The configuration of these tests has nothing in it but what ingest reads. */
WEAK void global_config_unref(struct global_config *c)
{
    free(c);
}

static inline struct global_config *world_config(const struct world *w)
{
    struct global_config *c = xcalloc(1, sizeof(*c));

    c->silent_after_ms = SILENT_AFTER_MS;
    c->secret = str_from(w->secret);
    return c;
}

#endif

/* ---- steps ---- */

static inline struct global *world_global(struct world *w)
{
    return (struct global *)w->engine;
}

static inline void world_step(struct world *w, struct engine_input *in);

static inline void rows_apply(struct rows *disk, const struct row_copy *op)
{
    for (size_t i = 0; i < disk->n; i++) {
        struct row_copy *r = &disk->v[i];

        if (r->kind != op->kind || r->key_n != op->key_n || memcmp(r->key, op->key, op->key_n) != 0)
            continue;
        free(r->key);
        free(r->value);
        VEC_REMOVE(disk, i);
        break;
    }
    if (op->value != NULL) {
        struct row_copy copy = *op;

        copy.key = xstrndup(op->key, op->key_n);
        copy.value = xstrndup(op->value, op->value_n);
        *VEC_PUSH(disk) = copy;
    }
}

static inline void rows_drop(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->v[i].key);
        free(r->v[i].value);
    }
    VEC_CLEAR(r);
}

/* All queued rows reach the disk. */
static inline void world_commit(struct world *w)
{
    struct engine_input in = {.kind = ENGINE_STORED,
                              .stored = {.txn = w->newest_txn, .result = STORE_OK}};

    for (size_t i = 0; i < w->queued.n; i++)
        rows_apply(&w->disk, &w->queued.v[i]);
    rows_drop(&w->queued);
    world_step(w, &in);
}

static inline void world_fail(struct world *w, enum store_result result)
{
    struct engine_input in = {.kind = ENGINE_STORED,
                              .stored = {.txn = w->newest_txn, .result = result}};

    world_step(w, &in); /* the rows stay queued: the store tries again */
}

static inline void answer_append(struct world *w, const struct engine_reply *r)
{
    for (size_t i = 0; i < w->answers.n; i++) {
        struct answer *a = &w->answers.v[i];
        size_t n;

        if (a->id != r->request_id)
            continue;
        n = strlen(a->body);
        a->body = xrealloc(a->body, n + r->body.n + 1, 1);
        memcpy(a->body + n, r->body.p, r->body.n);
        a->body[n + r->body.n] = '\0';
        a->more = r->more;
    }
}

static inline void world_keep(struct world *w, const struct engine_output *o)
{
    for (size_t i = 0; i < o->replies_n; i++) {
        const struct engine_reply *r = &o->replies[i];

        if (r->status == 0)
            answer_append(w, r);
        else
            *VEC_PUSH(&w->answers) = (struct answer){.id = r->request_id,
                                                     .status = r->status,
                                                     .body = xstrndup(r->body.p, r->body.n),
                                                     .more = r->more};
    }
    for (size_t i = 0; i < o->sends_n; i++) {
        const struct engine_send *s = &o->sends[i];

        if (s->cancel) {
            for (size_t k = 0; k < w->sent.n; k++)
                w->sent.v[k].cancelled |= w->sent.v[k].id == s->id;
            continue;
        }
        *VEC_PUSH(&w->sent) = (struct page_sent){.id = s->id,
                                                 .url = xstrndup(s->url.p, s->url.n),
                                                 .body = xstrndup(s->body.p, s->body.n),
                                                 .at_mono_ms = w->now.mono_ms};
    }
    for (size_t i = 0; i < o->ledger_n; i++) {
        w->ledger[o->ledger[i].verdict]++;
        if (o->ledger[i].verdict == LEDGER_DUTY)
            w->last_duty_until = o->ledger[i].until_mono_ms;
    }
    for (size_t i = 0; i < o->rows_n; i++) {
        const struct row_op *op = &o->rows[i];

        *VEC_PUSH(&w->queued) =
            (struct row_copy){.kind = op->kind,
                              .key = xstrndup(op->key.p, op->key.n),
                              .key_n = op->key.n,
                              .value = op->remove ? NULL : xstrndup(op->value.p, op->value.n),
                              .value_n = op->value.n,
                              .txn = o->txn};
        w->newest_txn = o->txn;
    }
}

static inline void world_step(struct world *w, struct engine_input *in)
{
    struct engine_output o;
    size_t rows_n;

    in->now = w->now;
    o = engine_step(w->engine, in, w->arena);
    world_keep(w, &o);
    w->wake = o.wake_mono_ms;
    rows_n = o.rows_n;
    arena_reset(w->arena);
    if (rows_n > 0 && !w->manual)
        world_commit(w);
}

/* Runs the wake-ups that are asked for up to the given time, then stands there. */
static inline void world_run_to(struct world *w, int64_t mono_ms)
{
    struct engine_input tick = {.kind = ENGINE_TICK};

    while (w->wake <= mono_ms) {
        w->now.wall_ms += max_i64(0, w->wake - w->now.mono_ms);
        w->now.mono_ms = max_i64(w->now.mono_ms, w->wake);
        world_step(w, &tick);
    }
    w->now.wall_ms += mono_ms - w->now.mono_ms;
    w->now.mono_ms = mono_ms;
    world_step(w, &tick);
}

static inline int rows_cmp(const void *a, const void *b)
{
    const struct row_copy *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return str_cmp((struct str){.p = x->key, .n = x->key_n},
                   (struct str){.p = y->key, .n = y->key_n});
}

static inline void world_start(struct world *w, const char *boot, bool regressed)
{
    struct engine_input in = {.kind = ENGINE_CONFIG};

    w->engine = global_new(&w->options);
    w->newest_txn = 0;
    in.global_config = world_config(w);
    world_step(w, &in);
    if (w->disk.n > 1)
        qsort(w->disk.v, w->disk.n, sizeof(*w->disk.v), rows_cmp);
    for (size_t i = 0; i < w->disk.n; i++) {
        const struct row_copy *r = &w->disk.v[i];

        in = (struct engine_input){.kind = ENGINE_RESTORE,
                                   .row = {.kind = r->kind,
                                           .key = {.p = r->key, .n = r->key_n},
                                           .value = {.p = r->value, .n = r->value_n}}};
        world_step(w, &in);
    }
    in = (struct engine_input){.kind = ENGINE_START,
                               .start = {.fresh = w->disk.n == 0, .regressed = regressed}};
    memcpy(in.start.uuid, "99999999-9999-4999-8999-999999999999", 37);
    memcpy(in.start.boot, boot, 17);
    world_step(w, &in);
}

static inline void world_init_config(struct world *w, const char *node, const char *config_text)
{
    *w = (struct world){.config_text = config_text,
                        .options = {.node = node, .external_url = "https://g1:9193"},
                        .secret = "0123456789abcdef0123456789abcdef",
                        .now = {.mono_ms = 1000000, .wall_ms = 1700000000000},
                        .next_request = 1};
    w->arena = arena_new(0);
    world_start(w, BOOT, false);
}

#ifndef FIXTURE_INCIDENTS
static inline void world_init_as(struct world *w, const char *node)
{
    memset(&heard, 0, sizeof(heard));
    world_init_config(w, node, NULL);
}

static inline void world_init(struct world *w)
{
    world_init_as(w, "g1");
}
#endif

/* The process dies: what was not committed is gone. */
static inline void world_restart(struct world *w)
{
    rows_drop(&w->queued);
    engine_free(w->engine);
    world_start(w, "b007b007b007b008", false);
}

static inline void world_clear(struct world *w)
{
    engine_free(w->engine);
    arena_free(w->arena);
    rows_drop(&w->queued);
    rows_drop(&w->disk);
    for (size_t i = 0; i < w->answers.n; i++)
        free(w->answers.v[i].body);
    VEC_CLEAR(&w->answers);
    for (size_t i = 0; i < w->sent.n; i++) {
        free(w->sent.v[i].url);
        free(w->sent.v[i].body);
    }
    VEC_CLEAR(&w->sent);
}

/* ---- requests ---- */

struct peer {
    const char *site, *node;
};

static const struct peer fra_e1 UNUSED = {"fra1", "e1"};
static const struct peer fra_e2 UNUSED = {"fra1", "e2"};
static const struct peer ams_e1 UNUSED = {"ams1", "e1"};

static inline uint64_t world_request(struct world *w, struct peer peer, const char *method,
                                     const char *path, const char *query, const char *body)
{
    struct engine_input in = {.kind = ENGINE_REQUEST};
    struct engine_request *r = &in.request;

    r->id = w->next_request++;
    r->listener = LISTENER_FEDERATION;
    r->who.kind = PRINCIPAL_PEER;
    r->who.identity.kind = IDENTITY_EDGE;
    memcpy(r->who.identity.site, peer.site, strlen(peer.site));
    memcpy(r->who.identity.group, "main", 4);
    memcpy(r->who.identity.node, peer.node, strlen(peer.node));
    r->method = str_from(method);
    r->path = str_from(path);
    r->query = str_from(query);
    r->body = str_from(body);
    world_step(w, &in);
    return r->id;
}

static inline uint64_t world_post(struct world *w, struct peer peer, const char *what,
                                  const char *body)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/federation/v1/%s", what);
    return world_request(w, peer, "POST", path, "", body);
}

static inline const struct answer *world_answer(const struct world *w, uint64_t id)
{
    for (size_t i = 0; i < w->answers.n; i++) {
        if (w->answers.v[i].id == id)
            return &w->answers.v[i];
    }
    return NULL;
}

/* 0 while there is no answer */
static inline int world_status(const struct world *w, uint64_t id)
{
    const struct answer *a = world_answer(w, id);

    return a != NULL ? a->status : 0;
}

#define assert_answer(w, request, want_status, want_text) \
    do { \
        const struct answer *answer_ = world_answer((w), (request)); \
        assert_non_null(answer_); \
        if (answer_->status != (want_status) || strstr(answer_->body, (want_text)) == NULL) \
            fail_msg("answer %d %s, want %d with %s", answer_->status, answer_->body, \
                     (want_status), (want_text)); \
    } while (0)

/* A row of a batch. */
static inline void row_text(struct buf *b, uint64_t seq, uint64_t fp, uint64_t episode,
                            const char *state)
{
    buf_add_fmt(b,
                "%s{\"seq\":%lu,\"kind\":\"episode\",\"fp\":\"%016lx\",\"episode\":%lu,"
                "\"state\":\"%s\",\"reason\":\"%s\",\"suppressed\":\"\",\"labels\":{\"alertname\":"
                "\"A%lu\",\"severity\":\"critical\"},\"annotations\":{\"summary\":\"s\"},"
                "\"starts_at_ms\":1,\"first_seen_ms\":1,\"transitions\":1}",
                b->n > 0 ? "," : "", seq, fp, episode, state,
                strcmp(state, "firing") == 0 ? "open" : "explicit", fp);
}

static inline uint64_t world_batch(struct world *w, struct peer peer, const char *uuid,
                                   uint64_t epoch, const char *lane, bool start, uint64_t from,
                                   uint64_t to, const char *rows, const char *voids)
{
    struct buf b;
    uint64_t id;

    buf_init(&b, 0);
    buf_add_fmt(&b,
                "{\"v\":1,\"stream\":\"%s\",\"epoch\":%lu,\"settled\":true,\"lane\":\"%s\","
                "\"start\":%s,\"from\":%lu,\"to\":%lu,\"rows\":[%s],\"voids\":[%s]}",
                uuid, epoch, lane, start ? "true" : "false", from, to, rows, voids);
    id = world_post(w, peer, "batches", b.p);
    buf_clear(&b);
    return id;
}

/* One row: the alert fp is in the state from seq on. */
static inline uint64_t world_say(struct world *w, struct peer peer, const char *uuid, uint64_t seq,
                                 uint64_t fp, const char *state)
{
    struct buf rows;
    uint64_t id;

    buf_init(&rows, 0);
    row_text(&rows, seq, fp, seq, state);
    id = world_batch(w, peer, uuid, 1, "backlog", false, seq, seq, rows.p, "");
    buf_clear(&rows);
    return id;
}

static inline uint64_t world_beat(struct world *w, struct peer peer, const char *uuid,
                                  uint64_t high, const char *more)
{
    char body[1024];

    (void)snprintf(body, sizeof(body),
                   "{\"v\":1,\"stream\":\"%s\",\"epoch\":1,\"boot\":\"9f\",\"high\":%lu,"
                   "\"settled\":true,\"firing\":0,\"holder\":\"\"%s}",
                   uuid, high, more);
    return world_post(w, peer, "heartbeats", body);
}

static inline struct member *world_member(struct world *w, const char *uuid, uint64_t fp)
{
    struct stream *s = stream_find(world_global(w), str_from(uuid));

    return s != NULL ? member_find(world_global(w), s, fp) : NULL;
}
