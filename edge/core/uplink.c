#include "edge/core/uplink_internal.h"

#include "edge/core/edge_rows.h"

#include <assert.h>

#define KEY_GRANTED STR("granted")

struct uplink *uplink_new(void)
{
    struct uplink *u = xcalloc(1, sizeof(*u));

    u->spool = spool_new(0);
    u->mirrors = edge_mirrors_new();
    edge_duty_init(&u->duty, UPLINK_LEASE_MIN_MS);
    return u;
}

static void node_free(struct uplink_node *n)
{
    VEC_CLEAR(&n->suspects);
    free(n);
}

void uplink_free(struct uplink *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; i < u->nodes_n; i++)
        node_free(u->nodes[i]);
    spool_free(u->spool);
    edge_mirrors_free(u->mirrors);
    free(u);
}

struct spool *uplink_spool(struct uplink *u)
{
    return u->spool;
}

static void name_set(char *ret, struct str name)
{
    size_t n = name.n < IDENTITY_NAME_MAX ? name.n : IDENTITY_NAME_MAX;

    if (n > 0)
        memcpy(ret, name.p, n);
    ret[n] = '\0';
}

/* ---- configuration ---- */

static struct uplink_node *node_take(struct uplink *u, struct str name, struct now now)
{
    struct uplink_node *n;

    for (size_t i = 0; i < u->nodes_n; i++) {
        if (u->nodes[i] != NULL && str_eq_c(name, u->nodes[i]->name)) {
            n = u->nodes[i];
            u->nodes[i] = NULL;
            return n;
        }
    }
    n = xcalloc(1, sizeof(*n));
    name_set(n->name, name);
    n->last_answer_ms = now.mono_ms;
    n->rows_max = UPLINK_BATCH_ROWS;
    return n;
}

static void node_drop(struct uplink_node *n, struct out *out)
{
    for (size_t k = 0; k < CHANNELS; k++) {
        if (n->channels[k].send_id != 0)
            (void)out_send(out,
                           &(struct engine_send){.id = n->channels[k].send_id, .cancel = true});
    }
    node_free(n);
}

void uplink_configure(struct uplink *u, const struct federation_config *federation, struct str node,
                      int64_t resolve_timeout_ms, struct now now, struct out *out)
{
    struct uplink_node *nodes[UPLINK_GLOBALS_MAX];
    struct str names[UPLINK_GLOBALS_MAX];
    size_t n = federation != NULL ? federation->uplink.globals_n : 0;

    assert(n <= UPLINK_GLOBALS_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct config_node *g = &federation->uplink.globals[i];

        names[i] = g->name;
        nodes[i] = node_take(u, g->name, now);
        nodes[i]->url = g->url;
    }
    for (size_t i = 0; i < u->nodes_n; i++) {
        if (u->nodes[i] != NULL)
            node_drop(u->nodes[i], out);
    }
    for (size_t i = 0; i < n; i++)
        u->nodes[i] = nodes[i];
    u->nodes_n = n;
    u->config = federation;
    u->resolve_timeout_ms = resolve_timeout_ms;
    name_set(u->node, node);
    name_set(u->duty.self, node);
    /* The global nodes hold for their own fixed term: never count less. */
    if (federation != NULL) {
        u->duty.lease_ms = max_i64(federation->lease_ms, UPLINK_LEASE_MIN_MS);
        spool_set_bytes_max(u->spool, federation->spool_bytes_max);
    }
    edge_duty_set_nodes(&u->duty, names, n);
    edge_mirrors_set_nodes(u->mirrors, names, n);
}

/* ---- start ---- */

void uplink_restore(struct uplink *u, const struct row_op *row, struct now now)
{
    spool_restore(u->spool, row, now);
    edge_mirrors_restore(u->mirrors, row);
    if (row->kind == EDGE_ROW_DUTY && str_eq(row->key, KEY_GRANTED) &&
        (row->value.n == 0 || identity_name_valid(row->value))) {
        name_set(u->granted, row->value);
        u->duty_known = true;
    }
}

void uplink_start(struct uplink *u, const struct engine_start *start, struct now now,
                  struct out *out)
{
    bool lost = start->regressed || spool_stats(u->spool).damaged > 0;

    if (u->started)
        return;
    memcpy(u->boot, start->boot, sizeof(u->boot));
    u->boot[sizeof(u->boot) - 1] = '\0';
    rand_seed(&u->rand, fnv1a_64(FNV1A_64_BASIS, u->boot, strlen(u->boot)));
    u->started = true;
    u->started_ms = now.mono_ms;
    u->whole_start = start->clean && !lost && !start->fresh;
    if (lost)
        OUT_LOG(out, LOG_WARN, "uplink", "the store has lost rows, raising the epoch",
                KV("damaged", spool_stats(u->spool).damaged));
    spool_start(u->spool, start, now, out);
    /* A store that has lost rows may have lost the newest grant. */
    edge_duty_start(&u->duty, u->duty_known && !lost, str_from(u->granted), now.mono_ms);
    if (!u->duty_known)
        out_put(out, EDGE_ROW_DUTY, KEY_GRANTED, STR_EMPTY);
    for (size_t i = 0; i < u->nodes_n; i++)
        u->nodes[i]->last_answer_ms = now.mono_ms;
}

bool uplink_settled(const struct uplink *u, struct now now)
{
    return u->whole_start || now.mono_ms - u->started_ms >= u->resolve_timeout_ms + 60 * MS_PER_S;
}

bool uplink_now_settled(struct uplink *u, struct now now)
{
    if (u->told_settled || !u->started || !uplink_settled(u, now))
        return false;
    u->told_settled = true;
    return true;
}

/* ---- channels ---- */

bool channel_idle(const struct channel *c, struct now now)
{
    return c->send_id == 0 && now.mono_ms >= c->next_ms;
}

void channel_ok(struct channel *c, struct now now)
{
    c->fails = 0;
    c->held = false;
    c->next_ms = now.mono_ms;
}

/* Full jitter (between the least delay and a bound that doubles): many edges that lost the same
 * node at the same time do not come back at the same time. */
void channel_fail(struct uplink *u, struct channel *c, struct now now)
{
    unsigned shift = c->fails < 6 ? c->fails : 6;
    int64_t most = min_i64(UPLINK_BACKOFF_MAX_MS, (int64_t)UPLINK_BACKOFF_MIN_MS << (shift + 1));

    c->fails++;
    c->held = false;
    c->next_ms = now.mono_ms + rand_between(&u->rand, UPLINK_BACKOFF_MIN_MS, most);
}

void channel_hold(struct channel *c, int64_t ms, struct now now)
{
    c->fails++;
    c->held = true;
    c->next_ms = now.mono_ms + ms;
}

void uplink_open_body(const struct uplink *u, struct buf *b, struct json_writer *w)
{
    buf_init(b, 0);
    json_writer_init(w, b);
    json_open_object(w);
    json_put_i64(w, "v", 1);
    json_put_str(w, "stream", spool_stream(u->spool));
    json_put_u64(w, "epoch", spool_epoch(u->spool));
}

struct str uplink_arena_body(struct buf *b, struct out *out)
{
    struct str body = arena_str(out_arena(out), buf_str(b));

    buf_clear(b);
    return body;
}

void uplink_send(struct uplink *u, struct uplink_node *n, enum channel_kind kind,
                 const char *method, struct str path, struct buf *body, struct now now,
                 struct out *out)
{
    static const char *const lanes[CHANNELS] = {"backlog", "live", "heartbeat",
                                                "digest",  "poll", "journal"};
    struct channel *c = &n->channels[kind];
    struct arena *a = out_arena(out);

    assert(c->send_id == 0);
    c->epoch = spool_epoch(u->spool);
    c->cursor = n->cursor;
    c->sent_ms = now.mono_ms;
    c->send_id = out_send(
        out, &(struct engine_send){
                 .way = SEND_UPLINK,
                 .peer = arena_str(a, str_from(n->name)),
                 .lane = arena_fmt(a, "%s/%s", n->name, lanes[kind]),
                 .method = method,
                 .url = arena_fmt(a, STR_FMT STR_FMT, STR_ARG(n->url), STR_ARG(path)),
                 .content_type = body != NULL ? "application/json" : NULL,
                 .body = body != NULL ? uplink_arena_body(body, out) : STR_EMPTY,
                 .timeout_ms = kind == CHANNEL_POLL ? UPLINK_POLL_TIMEOUT_MS : UPLINK_TIMEOUT_MS});
}

struct json_object *uplink_answer(struct uplink *u, const struct uplink_node *n, struct str body,
                                  struct out *out)
{
    struct json_object *o = NULL;

    if (json_parse(body, (struct json_opt){0}, &o, NULL) == 0 &&
        json_object_is_type(o, json_type_object))
        return o;
    json_object_put(o);
    u->count.bad_answers++;
    OUT_LOG(out, LOG_WARN, "uplink", "an answer is not a JSON object", KV("node", n->name));
    return NULL;
}

size_t uplink_index(const struct uplink *u, const struct uplink_node *n)
{
    size_t i = 0;

    while (i < u->nodes_n && u->nodes[i] != n)
        i++;
    assert(i < u->nodes_n);
    return i;
}

void uplink_raise_epoch(struct uplink *u, uint64_t above, const char *cause, struct now now,
                        struct out *out)
{
    spool_raise_epoch(u->spool, above, now, out);
    u->count.epochs_raised++;
    OUT_LOG(out, LOG_WARN, "uplink", "epoch raised, everything that fires is said again",
            KV("epoch", spool_epoch(u->spool)), KV("cause", cause),
            KV("rows", spool_high(u->spool)));
    for (size_t i = 0; i < u->nodes_n; i++)
        lanes_forget(u->nodes[i]);
}

/* ---- outcomes ---- */

/* The node spoke: whatever waited because it did not is due now. */
static void node_answered(struct uplink_node *n, struct now now, struct out *out)
{
    if (!n->reachable) {
        OUT_LOG(out, LOG_INFO, "uplink", "global node answers", KV("node", n->name),
                KV("silent_ms", now.mono_ms - n->last_answer_ms));
        n->was_down = now.mono_ms - n->last_answer_ms > UPLINK_BACKLOG_MS;
        for (size_t k = 0; k < CHANNELS; k++) {
            struct channel *c = &n->channels[k];

            if (c->send_id == 0 && c->fails > 0 && !c->held)
                channel_ok(c, now);
        }
        n->channels[CHANNEL_DIGEST].next_ms = now.mono_ms;
    }
    n->reachable = true;
    n->last_answer_ms = now.mono_ms;
}

static void node_failed(struct uplink_node *n, const struct engine_delivery *d, struct out *out)
{
    if (n->reachable)
        OUT_LOG(out, LOG_WARN, "uplink", "global node does not answer", KV("node", n->name),
                KV("error", d->error), KV("ambiguous", d->outcome == SEND_AMBIGUOUS));
    n->reachable = false;
}

static void on_outcome(struct uplink *u, struct uplink_node *n, enum channel_kind kind,
                       const struct engine_delivery *d, struct now now, struct out *out)
{
    struct channel *c = &n->channels[kind];
    struct channel sent = *c;

    c->send_id = 0;
    if (d->outcome == SEND_ANSWERED) {
        node_answered(n, now, out);
    } else {
        /* A long poll that is cut off says little about the node. */
        if (kind != CHANNEL_POLL || d->outcome == SEND_NOT_SENT)
            node_failed(n, d, out);
        channel_fail(u, c, now);
    }
    if (kind == CHANNEL_HEARTBEAT)
        heartbeat_delivered(u, n, &sent, d, now, out);
    if (kind == CHANNEL_JOURNAL)
        relay_journal_delivered(u, n, d, now, out);
    if (d->outcome != SEND_ANSWERED)
        return;
    if (kind == CHANNEL_BACKLOG || kind == CHANNEL_LIVE)
        lanes_answered(u, n, kind, &sent, d, now, out);
    if (kind == CHANNEL_DIGEST)
        digest_answered(u, n, &sent, d, now, out);
    if (kind == CHANNEL_POLL)
        relay_poll_answered(u, n, &sent, d, now, out);
}

bool uplink_delivered(struct uplink *u, const struct engine_delivery *d, struct now now,
                      struct out *out)
{
    for (size_t i = 0; i < u->nodes_n; i++) {
        for (unsigned k = 0; k < CHANNELS; k++) {
            if (u->nodes[i]->channels[k].send_id == d->send_id && d->send_id != 0) {
                on_outcome(u, u->nodes[i], k, d, now, out);
                return true;
            }
        }
    }
    return false;
}

void uplink_stored(struct uplink *u, uint64_t txn, enum store_result result, struct now now,
                   struct out *out)
{
    (void)spool_stored(u->spool, txn);
    for (size_t i = 0; i < u->nodes_n; i++)
        relay_stored(u->nodes[i], txn, result, now);
    if (u->duty_txn != 0 && txn >= u->duty_txn) {
        if (result != STORE_OK)
            OUT_LOG(out, LOG_WARN, "uplink", "granting duty although its row is not stored",
                    KV("node", u->duty.persisted));
        u->duty_txn = 0;
        edge_duty_persisted(&u->duty);
    }
    if (u->mirrors_txn != 0 && txn >= u->mirrors_txn && result != STORE_UNKNOWN)
        u->mirrors_txn = 0;
    if (result == STORE_FULL)
        u->rows_lost = true;
}

bool uplink_put_again(struct uplink *u, size_t bytes_max, struct out *out)
{
    if (u->rows_lost) {
        u->rows_lost = false;
        edge_mirrors_put_all(u->mirrors, out);
        u->mirrors_txn = out_txn(out);
        out_put(out, EDGE_ROW_DUTY, KEY_GRANTED, str_from(u->duty.persisted));
        u->putting = true;
        u->put_next_seq = 0;
    }
    if (u->putting) {
        u->put_next_seq = spool_put_slice(u->spool, u->put_next_seq, bytes_max, out);
        u->putting = u->put_next_seq != 0;
    }
    return !u->putting;
}

/* ---- what is due ---- */

/* All rows up to here are at `custody` nodes. */
static uint64_t custody_cursor(const struct uplink *u)
{
    uint64_t sorted[UPLINK_GLOBALS_MAX] = {0};
    size_t custody = u->config->uplink.custody;

    for (size_t i = 0; i < u->nodes_n; i++) {
        uint64_t cursor = u->nodes[i]->known ? u->nodes[i]->cursor : 0;
        size_t at = i;

        for (; at > 0 && sorted[at - 1] < cursor; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = cursor;
    }
    custody = custody < 1 ? 1 : custody > u->nodes_n ? u->nodes_n : custody;
    return custody > 0 ? sorted[custody - 1] : 0;
}

/* A spool that is full gives up what `custody` nodes have: the others find voids, and their digests
 * the rest. */
void uplink_make_room(struct uplink *u, struct out *out)
{
    uint64_t freed;

    if (!u->started || u->config == NULL || custody_cursor(u) <= spool_floor(u->spool))
        return;
    freed = spool_stats(u->spool).freed;
    spool_free_to(u->spool, custody_cursor(u), out);
    freed = spool_stats(u->spool).freed - freed;
    u->count.freed_early += freed;
    OUT_LOG(out, LOG_WARN, "uplink", "the spool is full, giving up rows that some node lacks",
            KV("rows", freed));
}

/* Every configured node has all up to here; nobody is left out who has not said. */
static void free_rows(struct uplink *u, struct out *out)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < u->nodes_n; i++) {
        uint64_t cursor = u->nodes[i]->known ? u->nodes[i]->cursor : 0;

        least = cursor < least ? cursor : least;
    }
    if (least != UINT64_MAX)
        spool_free_to(u->spool, least, out);
    if (uplink_spool_full(u))
        uplink_make_room(u, out);
}

static void persist_choice(struct uplink *u, struct now now, struct out *out)
{
    size_t i = edge_duty_choice(&u->duty, now.mono_ms);

    if (i == u->nodes_n || !edge_duty_wants_persist(&u->duty, i, now.mono_ms))
        return;
    edge_duty_persisting(&u->duty, i);
    out_put(out, EDGE_ROW_DUTY, KEY_GRANTED, str_from(u->duty.nodes[i].name));
    u->duty_txn = out_txn(out);
}

/* The next moment at which time alone changes what is_down or the duty say. */
static int64_t next_deadline(const struct uplink *u, struct now now)
{
    int64_t wake = edge_duty_next_ms(&u->duty, now.mono_ms);
    int64_t settles = u->started_ms + u->resolve_timeout_ms + 60 * MS_PER_S;
    int64_t times[] = {settles, uplink_down_ms(u)};

    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        if (times[i] > now.mono_ms && times[i] < TIME_NEVER)
            wake = min_i64(wake, times[i]);
    }
    return wake;
}

int64_t uplink_run(struct uplink *u, struct now now, struct out *out)
{
    int64_t wake;

    if (!u->started || u->config == NULL)
        return TIME_NEVER;
    free_rows(u, out);
    for (size_t i = 0; i < u->nodes_n; i++)
        u->duty.nodes[i].mirrors_lacking = edge_mirrors_lacking(u->mirrors, i);
    persist_choice(u, now, out);
    wake = next_deadline(u, now);
    for (size_t i = 0; i < u->nodes_n; i++) {
        struct uplink_node *n = u->nodes[i];

        wake = min_i64(wake, heartbeat_run(u, n, now, out));
        wake = min_i64(wake, lanes_run(u, n, now, out));
        wake = min_i64(wake, relay_run(u, n, now, out));
        wake = min_i64(wake, digest_run(u, n, now, out));
    }
    return wake;
}

/* ---- alarms ---- */

int64_t uplink_down_ms(const struct uplink *u)
{
    uint64_t cursor = custody_cursor(u);
    int64_t answered = u->started_ms;
    struct spool_row row;

    if (cursor < spool_floor(u->spool)) /* a node that does not know yet where it is */
        cursor = spool_floor(u->spool);
    if (spool_pending(u->spool) == 0 || !spool_next(u->spool, cursor + 1, &row))
        return TIME_NEVER;
    for (size_t i = 0; i < u->nodes_n; i++)
        answered = max_i64(answered, u->nodes[i]->last_answer_ms);
    return min_i64(row.kept_mono_ms, answered) + UPLINK_DOWN_MS;
}

bool uplink_is_down(const struct uplink *u, struct now now)
{
    return u->started && u->config != NULL && now.mono_ms >= uplink_down_ms(u);
}

bool uplink_spool_full(const struct uplink *u)
{
    return !spool_admits(u->spool, SPOOL_ROW_FULL_BYTES);
}

struct str uplink_holder(const struct uplink *u, struct now now)
{
    return str_from(edge_duty_holder(&u->duty, now.mono_ms));
}

uint64_t uplink_digest(const struct uplink *u)
{
    uint64_t h = hash_mix(spool_digest(u->spool), edge_mirrors_digest(u->mirrors));

    for (size_t i = 0; i < u->nodes_n; i++) {
        const struct uplink_node *n = u->nodes[i];

        h = hash_mix(h, hash_mix(n->cursor, hash_mix(n->window_to, n->boundary)));
        for (size_t k = 0; k < CHANNELS; k++)
            h = hash_mix(h, hash_mix(n->channels[k].send_id, (uint64_t)n->channels[k].next_ms));
    }
    return hash_mix(h, (uint64_t)u->duty.until_ms);
}
