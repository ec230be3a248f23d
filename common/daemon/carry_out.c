/* An engine's output into deeds, in the order that engine.h promises: rows, sends, replies, then
 * the wake-up. */
#include "common/daemon/daemon_internal.h"
#include "common/io/log_out.h"

#define LOG_COMPONENT "daemon"

static struct pending_input *later(struct daemon *d, enum engine_input_kind kind)
{
    struct pending_input *p = daemon_later(d);

    p->input.kind = kind;
    return p;
}

static void put_rows(struct daemon *d, const struct engine_output *o)
{
    struct pending_input *p;

    if (o->rows_n == 0 || store_put(d->store, o->txn, o->rows, o->rows_n) == 0)
        return;
    p = later(d, ENGINE_STORED);
    p->input.stored.txn = o->txn;
    p->input.stored.result = STORE_FULL;
}

static size_t client_headers(const struct engine_send *s, struct client_header *ret)
{
    size_t n = 0;

    if (s->content_type != NULL)
        ret[n++] =
            (struct client_header){.name = STR("Content-Type"), .value = str_from(s->content_type)};
    for (size_t i = 0; i < ENGINE_SEND_HEADERS_MAX && s->headers[i].name != NULL; i++)
        ret[n++] = (struct client_header){.name = str_from(s->headers[i].name),
                                          .value = s->headers[i].value};
    return n;
}

static void sending_add(struct daemon *d, uint64_t id)
{
    struct sending *s = xcalloc(1, sizeof(*s));

    s->id = id;
    HASH_ADD(hh, d->sending, id, sizeof(s->id), s);
}

static void sending_remove(struct daemon *d, uint64_t id)
{
    struct sending *s;

    HASH_FIND(hh, d->sending, &id, sizeof(id), s);
    if (s == NULL)
        return;
    HASH_DEL(d->sending, s);
    free(s);
}

void sending_clear(struct daemon *d)
{
    while (d->sending != NULL)
        sending_remove(d, d->sending->id);
}

static void send_one(struct daemon *d, const struct engine_send *s)
{
    struct client_header headers[ENGINE_SEND_HEADERS_MAX + 1];
    struct client_request r = {.id = s->id,
                               .method = s->method,
                               .url = s->url,
                               .headers = headers,
                               .body = s->body,
                               .timeout_ms = s->timeout_ms,
                               .lane = s->lane};
    struct pending_input *p;
    struct err err = {0};

    if (s->cancel) {
        (void)client_cancel(d->client, s->id);
        sending_remove(d, s->id);
        return;
    }
    r.headers_n = client_headers(s, headers);
    if (s->way == SEND_UPLINK) {
        r.tls = d->uplink_tls;
        r.peer =
            arena_fmt(d->arena, "spiffe://%s/global/" STR_FMT, d->trust_domain, STR_ARG(s->peer));
        r.response_bytes_max = MIB(8);
    }
    if (client_send(d->client, &r, &err) == 0) {
        if (s->way == SEND_RECEIVER)
            sending_add(d, s->id);
        return;
    }
    p = later(d, ENGINE_DELIVERED);
    (void)snprintf(p->error, sizeof(p->error), "%s", err.text);
    p->input.delivery = (struct engine_delivery){.send_id = s->id,
                                                 .outcome = SEND_NOT_SENT,
                                                 .retry_after_ms = -1,
                                                 .error = str_from(p->error)};
}

void carry_out(struct daemon *d, const struct engine_output *o)
{
    put_rows(d, o);
    for (size_t i = 0; i < o->sends_n; i++)
        send_one(d, &o->sends[i]);
    for (size_t i = 0; i < o->replies_n; i++)
        daemon_reply(d, &o->replies[i]);
    for (size_t i = 0; i < o->logs_n; i++)
        log_out(&o->logs[i]);
    for (size_t i = 0; i < o->ledger_n; i++)
        d->ledger[o->ledger[i].verdict]++;
    loop_timer_set(&d->wake, o->wake_mono_ms);
}

void daemon_on_delivered(const struct client_result *r, void *arg)
{
    struct daemon *d = arg;
    bool answered = r->outcome == CLIENT_OK || r->outcome == CLIENT_TOO_LARGE;
    struct engine_input in = {
        .kind = ENGINE_DELIVERED,
        .delivery = {.send_id = r->id,
                     .outcome = answered                            ? SEND_ANSWERED
                                : r->outcome == CLIENT_SENT_UNKNOWN ? SEND_AMBIGUOUS
                                                                    : SEND_NOT_SENT,
                     .status = r->status,
                     .body = r->body,
                     .retry_after_ms = r->retry_after_ms > 0 ? r->retry_after_ms : -1,
                     .error = str_from(r->error)}};
    struct pending_input *p;

    sending_remove(d, r->id);
    if (!d->stepping) {
        daemon_step(d, &in);
        return;
    }
    p = later(d, ENGINE_DELIVERED);
    (void)snprintf(p->error, sizeof(p->error), "%s", r->error);
    p->body = xstrndup(r->body.n > 0 ? r->body.p : "", r->body.n);
    in.delivery.error = str_from(p->error);
    in.delivery.body.p = p->body;
    p->input = in;
}

/* The engine hears of it at once; not in the tear-down, where the store still reports what it has
 * worked off and no timer may be left. */
static void tell_health(struct daemon *d)
{
    if (!d->tearing_down)
        loop_timer_set(&d->health, loop_now(d->loop).mono_ms);
}

static void on_failing(struct daemon *d, const struct store_report *report)
{
    if (d->store_failing)
        return;
    d->store_failing = true;
    tell_health(d);
    log_error("store fails; alerts are processed but not durable",
              KV("err", report->result == -ENOSPC ? "no space left" : "input/output error"));
}

/* Rows that were promised and that the database has lost are made good by the other tier only, as
 * it is asked after a start. Rows that were refused have been promised to nobody: an edge was told
 * of each refusal and puts them again, so that no load ends it. A global node does not: there every
 * refusal ends the process. */
static bool must_stop(const struct daemon *d, const struct store_report *report)
{
    return report->incomplete || (report->lost > 0 && !d->program->puts_refused_again);
}

void daemon_on_stored(const struct store_report *report, void *arg)
{
    struct daemon *d = arg;
    struct engine_input in = {.kind = ENGINE_STORED,
                              .stored = {.txn = report->txn,
                                         .result = report->result == 0         ? STORE_OK
                                                   : report->result == -ENOSPC ? STORE_FULL
                                                                               : STORE_UNKNOWN}};

    if (report->result < 0) {
        on_failing(d, report);
    } else if (report->recovered) {
        d->store_failing = false;
        tell_health(d);
        log_warn("store works again", KV("refused_transactions", report->lost));
        if (must_stop(d, report)) {
            log_error("rows are missing in the store: stopping, so that the next start resyncs");
            d->exit_status = 1;
            loop_stop(d->loop);
            return;
        }
    }
    daemon_step(d, &in);
}
