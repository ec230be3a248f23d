#include "edge/core/uplink_internal.h"

static void write_echo(const struct uplink *u, size_t i, struct json_writer *w)
{
    const struct edge_duty_node *d = &u->duty.nodes[i];

    json_key(w, "echo");
    json_open_object(w);
    json_put_str(w, "node", str_from(d->name));
    json_put_str(w, "boot", str_from(d->token.boot));
    json_put_i64(w, "mono_ms", d->token.mono_ms);
    json_close_object(w);
}

static void write_globals(const struct uplink *u, size_t i, struct now now, struct json_writer *w)
{
    json_key(w, "globals");
    json_open_array(w);
    for (size_t j = 0; j < u->nodes_n; j++) {
        if (j == i || !u->duty.nodes[j].has_token)
            continue;
        json_open_object(w);
        json_put_str(w, "name", str_from(u->nodes[j]->name));
        json_put_i64(w, "heard_ms", now.mono_ms - u->nodes[j]->last_answer_ms);
        json_close_object(w);
    }
    json_close_array(w);
}

static void send_heartbeat(struct uplink *u, struct uplink_node *n, size_t i, struct now now,
                           struct out *out)
{
    struct json_writer w;
    struct buf b;

    uplink_open_body(u, &b, &w);
    json_put_str(&w, "boot", str_from(u->boot));
    json_put_u64(&w, "high", spool_high(u->spool));
    json_put_bool(&w, "settled", uplink_settled(u, now));
    json_put_u64(&w, "firing", spool_stats(u->spool).firing);
    n->echoed = edge_duty_may_echo(&u->duty, i, now.mono_ms);
    if (n->echoed) {
        write_echo(u, i, &w);
        edge_duty_echo_sent(&u->duty, i, now.mono_ms);
        u->echoed_once = true;
        n->count.grants++;
        out_ledger(out, &(struct ledger_row){.verdict = LEDGER_GRANT_SENT,
                                             .site = u->config->site,
                                             .node = str_from(n->name),
                                             .stream = spool_stream(u->spool),
                                             .until_mono_ms = u->duty.until_ms});
    }
    json_put_str(&w, "holder", uplink_holder(u, now));
    write_globals(u, i, now, &w);
    json_close_object(&w);
    uplink_send(u, n, CHANNEL_HEARTBEAT, "POST", STR("/federation/v1/heartbeats"), &b, now, out);
}

int64_t heartbeat_run(struct uplink *u, struct uplink_node *n, struct now now, struct out *out)
{
    struct channel *c = &n->channels[CHANNEL_HEARTBEAT];
    size_t i = uplink_index(u, n);
    bool nobody = uplink_holder(u, now).n == 0 || !u->echoed_once;

    if (c->send_id != 0)
        return TIME_NEVER;
    /* While perhaps nobody holds duty a grant does not wait for its turn. */
    if (channel_idle(c, now) || (nobody && edge_duty_may_echo(&u->duty, i, now.mono_ms)))
        send_heartbeat(u, n, i, now, out);
    return c->send_id != 0 ? TIME_NEVER : c->next_ms;
}

static bool parse_token(struct json_object *o, const struct uplink_node *n,
                        struct edge_duty_token *ret)
{
    struct json_object *token = NULL;
    struct str node = STR_EMPTY, boot = STR_EMPTY;

    if (json_get_object(o, "token", &token, NULL) < 0 || token == NULL ||
        json_get_str(token, "node", &node, NULL) < 0 ||
        json_get_str(token, "boot", &boot, NULL) < 0 ||
        json_get_i64(token, "mono_ms", &ret->mono_ms, NULL) < 0)
        return false;
    if (!str_eq_c(node, n->name) || boot.n == 0 || boot.n > DUTY_BOOT_CHARS)
        return false;
    memcpy(ret->boot, boot.p, boot.n);
    ret->boot[boot.n] = '\0';
    return true;
}

static bool parse_other(struct json_object *o, struct edge_duty_other *ret)
{
    struct str node = STR_EMPTY, holder = STR_EMPTY;
    bool live = false;

    if (!json_object_is_type(o, json_type_object) || json_get_str(o, "node", &node, NULL) < 0 ||
        json_get_str(o, "holder", &holder, NULL) < 0 || json_get_bool(o, "live", &live, NULL) < 0)
        return false;
    if (!live || !identity_name_valid(node) || holder.n > IDENTITY_NAME_MAX)
        return false;
    *ret = (struct edge_duty_other){0};
    memcpy(ret->node, node.p, node.n);
    if (holder.n > 0)
        memcpy(ret->holder, holder.p, holder.n);
    return true;
}

/* The site's other streams as this node sees them: only the lowest-named live one counts. */
static void take_streams(struct uplink_node *n, const char *self, struct json_object *o)
{
    struct json_object *list = NULL;

    n->lowest = (struct edge_duty_other){0};
    if (json_get_array(o, "streams", &list, NULL) < 0 || list == NULL)
        return;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct edge_duty_other other;

        if (!parse_other(json_object_array_get_idx(list, i), &other) ||
            strcmp(other.node, self) == 0)
            continue;
        if (n->lowest.node[0] == '\0' || strcmp(other.node, n->lowest.node) < 0)
            n->lowest = other;
    }
}

/* Of what the answering nodes say the lowest name counts; of one name, who spoke last. */
static void agree_on_others(struct uplink *u, const struct uplink_node *newest)
{
    const struct edge_duty_other *lowest = NULL;

    if (newest->lowest.node[0] != '\0')
        lowest = &newest->lowest;
    for (size_t i = 0; i < u->nodes_n; i++) {
        const struct edge_duty_other *o = &u->nodes[i]->lowest;

        if (!u->duty.nodes[i].answers || o->node[0] == '\0')
            continue;
        if (lowest == NULL || strcmp(o->node, lowest->node) < 0)
            lowest = o;
    }
    edge_duty_set_others(&u->duty, lowest);
}

static bool answered(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                     struct json_object *o, struct now now, struct out *out)
{
    struct edge_duty_token token;
    bool released = false, connected = !n->known;

    if (!parse_token(o, n, &token) || json_get_bool(o, "released", &released, NULL) < 0)
        return false;
    if (!lanes_position(u, n, sent, o, now, out))
        return false;
    edge_duty_answered(&u->duty, uplink_index(u, n), &token, released, now.mono_ms);
    take_streams(n, u->node, o);
    agree_on_others(u, n);
    if (connected)
        n->channels[CHANNEL_DIGEST].next_ms = now.mono_ms;
    return true;
}

void heartbeat_delivered(struct uplink *u, struct uplink_node *n, const struct channel *sent,
                         const struct engine_delivery *d, struct now now, struct out *out)
{
    struct channel *c = &n->channels[CHANNEL_HEARTBEAT];
    int64_t interval = u->config->heartbeat_ms;
    struct json_object *o = NULL;

    if (d->outcome == SEND_NOT_SENT && n->echoed)
        edge_duty_echo_not_sent(&u->duty);
    if (d->outcome == SEND_ANSWERED && d->status == 200)
        o = uplink_answer(u, n, d->body, out);
    if (o != NULL && answered(u, n, sent, o, now, out)) {
        channel_ok(c, now);
        c->next_ms = sent->sent_ms + interval - rand_between(&u->rand, 0, interval / 10);
    } else {
        if (d->outcome == SEND_ANSWERED && c->fails == 0)
            OUT_LOG(out, LOG_WARN, "uplink", "global node refuses a heartbeat", KV("node", n->name),
                    KV("status", d->status), KV("error", d->body));
        c->fails++;
        c->next_ms = now.mono_ms + UPLINK_RETRY_HEARTBEAT_MS + rand_between(&u->rand, 0, 200);
        n->count.heartbeats_failed++;
        edge_duty_failed(&u->duty, uplink_index(u, n));
        agree_on_others(u, n);
    }
    n->echoed = false;
    json_object_put(o);
}
