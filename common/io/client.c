#include "common/io/client.h"

#include "common/base/map.h"
#include "common/base/queue.h"
#include "common/io/client_pool.h"
#include "common/io/tls_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>

#define LANE_CONNECTIONS_DEFAULT 8
#define IN_FLIGHT_DEFAULT 1024
#define QUEUE_DEFAULT 16384
#define QUEUE_BYTES_DEFAULT MIB(256)

enum call_state {
    CALL_QUEUED,
    CALL_IN_FLIGHT,
    CALL_BROKEN, /* could not be started; on_done is still to be called, from the loop */
};

/* One accepted request. Its strings lie behind it in the same allocation. */
struct call {
    UT_hash_handle hh; /* in client.calls, by id */
    uint64_t id;
    TAILQ_ENTRY(call) link;    /* in lane.queue or client.broken */
    struct heap_node deadline; /* in client.deadlines while queued; libcurl's affair afterwards */
    enum call_state state;
    struct lane *lane;
    struct client_pool *pool;         /* CALL_IN_FLIGHT */
    struct client_transfer *transfer; /* CALL_IN_FLIGHT */
    struct client_call_spec spec;
    size_t bytes;         /* of all of this */
    int64_t sent_mono_ms; /* by client_send */
    char error[128];      /* CALL_BROKEN */
};

TAILQ_HEAD(call_list, call);

/* Requests that share connections: same lane name, scheme, host, port and TLS profile. Exists while
 * it has calls. In client.ready while it has queued calls and room for one more in flight. */
struct lane {
    UT_hash_handle hh; /* in client.lanes, by key */
    TAILQ_ENTRY(lane) link;
    struct tls_client *tls; /* a reference, or NULL */
    struct str peer;
    struct call_list queue;
    size_t in_flight, queued, queued_bytes;
    bool ready;
    size_t key_n;
    char key[];
};

struct pool_entry {
    TAILQ_ENTRY(pool_entry) link;
    struct client_pool *pool;
};

struct client {
    struct loop *loop;
    struct client_options opt;
    char *user_agent;
    client_on_done on_done;
    void *arg;
    struct call *calls;
    struct lane *lanes;
    TAILQ_HEAD(, lane) ready;
    TAILQ_HEAD(, pool_entry) pools;
    struct call_list broken;
    struct heap deadlines;
    struct loop_timer timer;   /* the first of deadlines, or at once for broken ones */
    unsigned delivering;       /* on_done is on the stack */
    uint64_t connections_gone; /* opened by pools that were freed */
    struct client_stats stats;
};

const char *client_outcome_name(enum client_outcome o)
{
    static const char *const names[CLIENT_OUTCOMES] = {
        [CLIENT_OK] = "ok",
        [CLIENT_CONNECT] = "connect",
        [CLIENT_TIMEOUT] = "timeout",
        [CLIENT_TLS] = "tls",
        [CLIENT_TOO_LARGE] = "too_large",
        [CLIENT_SENT_UNKNOWN] = "sent_unknown",
        [CLIENT_FAILED] = "failed",
    };

    assert((unsigned)o < CLIENT_OUTCOMES);
    return names[o];
}

/* --- Lanes and pools --- */

static void lane_refile(struct client *c, struct lane *l)
{
    bool ready = l->queued > 0 && l->in_flight < c->opt.lane_connections;

    if (ready && !l->ready)
        TAILQ_INSERT_TAIL(&c->ready, l, link);
    else if (!ready && l->ready)
        TAILQ_REMOVE(&c->ready, l, link);
    l->ready = ready;
    if (l->queued == 0 && l->in_flight == 0) {
        HASH_DEL(c->lanes, l);
        tls_client_free(l->tls);
        free(l);
    }
}

/* The key is "lane\0scheme://host:port\0tls\0peer"; whether the port is spelt out does not matter
 * enough to parse it. */
static struct lane *lane_for(struct client *c, const struct client_request *r, struct str origin)
{
    uintptr_t tls = (uintptr_t)r->tls;
    size_t peer_n = r->tls != NULL ? r->peer.n : 0;
    size_t n = r->lane.n + 1 + origin.n + 1 + sizeof(tls) + peer_n;
    struct lane *l = xcalloc(1, sizeof(*l) + n + 1), *found;
    struct buf key;

    buf_init(&key, n);
    buf_add_str(&key, r->lane);
    buf_add_char(&key, '\0');
    buf_add_str(&key, origin);
    buf_add_char(&key, '\0');
    buf_add(&key, &tls, sizeof(tls));
    buf_add(&key, r->peer.p, peer_n);
    HASH_FIND(hh, c->lanes, key.p, key.n, found);
    if (found != NULL) {
        free(l);
        buf_clear(&key);
        return found;
    }
    memcpy(l->key, key.p, key.n);
    buf_clear(&key);
    l->key_n = n;
    l->peer = (struct str){.p = l->key + n - peer_n, .n = peer_n};
    l->tls = r->tls != NULL ? tls_client_ref(r->tls) : NULL;
    TAILQ_INIT(&l->queue);
    HASH_ADD_KEYPTR(hh, c->lanes, l->key, l->key_n, l);
    return l;
}

static void pool_entry_free(struct client *c, struct pool_entry *e)
{
    TAILQ_REMOVE(&c->pools, e, link);
    c->connections_gone += client_pool_connections(e->pool);
    client_pool_free(e->pool);
    free(e);
}

/* Pools with old certificates go when their last transfer ends, those of peers that nobody calls
 * any more after a while. The plain one stays. */
static void on_idle(void *arg)
{
    struct client *c = arg;
    int64_t now = loop_now(c->loop).mono_ms;
    struct pool_entry *e, *next;

    if (c->delivering > 0)
        return;
    TAILQ_FOREACH_SAFE (e, &c->pools, link, next) {
        bool unused = now - client_pool_used_mono_ms(e->pool) > CLIENT_CONNECTION_AGE_S * MS_PER_S;

        if (client_pool_busy(e->pool) == 0 && !client_pool_fits(e->pool, NULL, STR_EMPTY) &&
            (unused || client_pool_stale(e->pool)))
            pool_entry_free(c, e);
    }
}

static void on_end(void *call_arg, struct client_result *r, void *arg);

static struct client_pool *pool_for(struct client *c, const struct lane *l, struct err *err)
{
    struct client_pool_options opt = {
        .loop = c->loop,
        .tls = l->tls,
        .peer = l->peer,
        .user_agent = c->user_agent,
        .idle_max = c->opt.in_flight_max,
        .on_end = on_end,
        .on_idle = on_idle,
        .arg = c,
    };
    struct client_pool *pool;
    struct pool_entry *e;

    TAILQ_FOREACH (e, &c->pools, link)
        if (client_pool_fits(e->pool, l->tls, l->peer) && !client_pool_stale(e->pool))
            return e->pool;
    if (client_pool_new(&opt, &pool, err) < 0)
        return NULL;
    e = xcalloc(1, sizeof(*e));
    e->pool = pool;
    TAILQ_INSERT_TAIL(&c->pools, e, link);
    return pool;
}

/* --- Calls --- */

static void set_timer(struct client *c)
{
    loop_timer_set(&c->timer, TAILQ_EMPTY(&c->broken) ? heap_next_ms(&c->deadlines)
                                                      : loop_now(c->loop).mono_ms);
}

static void call_free(struct call *call)
{
    free(call);
}

/* Takes a queued call off its lane's queue; the lane is not yet refiled. */
static void unqueue(struct client *c, struct call *call)
{
    TAILQ_REMOVE(&call->lane->queue, call, link);
    heap_remove(&c->deadlines, &call->deadline);
    call->lane->queued--;
    call->lane->queued_bytes -= call->bytes;
    c->stats.queued--;
    c->stats.queued_bytes -= call->bytes;
}

static void start(struct client *c, struct call *call)
{
    struct lane *l = call->lane;
    int64_t left_ms = call->deadline.at_ms - loop_now(c->loop).mono_ms;
    struct err err;
    int rc = -EIO;

    unqueue(c, call);
    call->spec.timeout_ms = max_i64(left_ms, 1);
    call->spec.connect_timeout_ms = min_i64(call->spec.connect_timeout_ms, call->spec.timeout_ms);
    call->pool = pool_for(c, l, &err);
    if (call->pool != NULL)
        rc = client_pool_start(call->pool, &call->spec, &call->transfer, &err);
    l->in_flight++;
    c->stats.in_flight++;
    call->state = CALL_IN_FLIGHT;
    if (rc < 0) {
        call->state = CALL_BROKEN;
        snprintf(call->error, sizeof(call->error), "%s", err.text);
        TAILQ_INSERT_TAIL(&c->broken, call, link);
    }
}

/* Starts what may be started; lanes take turns. */
static void pump(struct client *c)
{
    struct lane *l;

    while (c->stats.in_flight < c->opt.in_flight_max && (l = TAILQ_FIRST(&c->ready)) != NULL) {
        TAILQ_REMOVE(&c->ready, l, link);
        l->ready = false;
        start(c, TAILQ_FIRST(&l->queue));
        lane_refile(c, l);
    }
    set_timer(c);
}

/* The call is in no list and holds no transfer any more. Frees it. */
static void deliver(struct client *c, struct call *call, struct client_result *r)
{
    r->id = call->id;
    r->took_ms = max_i64(loop_now(c->loop).mono_ms - call->sent_mono_ms, 0);
    HASH_DEL(c->calls, call);
    c->stats.done[r->outcome]++;
    lane_refile(c, call->lane);
    c->delivering++;
    c->on_done(r, c->arg);
    c->delivering--;
    call_free(call);
}

static void on_end(void *call_arg, struct client_result *r, void *arg)
{
    struct client *c = arg;
    struct call *call = call_arg;

    call->lane->in_flight--;
    c->stats.in_flight--;
    deliver(c, call, r);
    pump(c);
}

static void deliver_unsent(struct client *c, struct call *call, enum client_outcome outcome,
                           const char *why)
{
    struct client_result r = {
        .outcome = outcome,
        .timed_out = outcome == CLIENT_TIMEOUT,
        .body = STR_EMPTY,
        .content_type = STR_EMPTY,
    };

    snprintf(r.error, sizeof(r.error), "%s", why);
    deliver(c, call, &r);
}

static void on_timer(void *arg)
{
    struct client *c = arg;
    struct call *call;

    while ((call = TAILQ_FIRST(&c->broken)) != NULL) {
        TAILQ_REMOVE(&c->broken, call, link);
        call->lane->in_flight--;
        c->stats.in_flight--;
        deliver_unsent(c, call, CLIENT_FAILED, call->error);
    }
    while (heap_next_ms(&c->deadlines) <= loop_now(c->loop).mono_ms) {
        call = CONTAINER_OF(heap_first(&c->deadlines), struct call, deadline);
        unqueue(c, call);
        deliver_unsent(c, call, CLIENT_TIMEOUT,
                       "time ran out while waiting for a connection of its lane");
    }
    pump(c);
    on_idle(c);
}

/* --- Sending --- */

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
              (ch != '\0' && strchr("!#$%&'*+-.^_`|~", ch) != NULL)))
            return false;
    }
    return s.n > 0;
}

static bool has_control(struct str s, unsigned char lowest)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        if ((ch < lowest && ch != '\t') || ch == 0x7f)
            return true;
    }
    return false;
}

/* scheme://host:port of a URL, without user information; libcurl looks at the rest. */
static int url_origin(struct str url, struct str *ret_scheme, struct str *ret_host, struct err *err)
{
    struct str http = STR("http://"), https = STR("https://"), scheme, host;
    size_t end;

    if (url.n > CLIENT_URL_BYTES_MAX)
        return err_set(err, -EINVAL, "the URL is longer than %zu bytes", CLIENT_URL_BYTES_MAX);
    if (str_eq_nocase(str_sub(url, 0, http.n), http))
        scheme = http;
    else if (str_eq_nocase(str_sub(url, 0, https.n), https))
        scheme = https;
    else
        return err_set(err, -EINVAL, "the URL does not start with http:// or https://");
    if (has_control(url, 0x21) || memchr(url.p, '\t', url.n) != NULL)
        return err_set(err, -EINVAL, "the URL holds white space or control characters");
    host = str_sub(url, scheme.n, url.n);
    for (end = 0; end < host.n && strchr("/?#", host.p[end]) == NULL; end++)
        continue;
    host.n = end;
    for (size_t i = host.n; i > 0; i--) {
        if (host.p[i - 1] == '@') {
            host = str_sub(host, i, host.n);
            break;
        }
    }
    if (host.n == 0)
        return err_set(err, -EINVAL, "the URL names no host");
    *ret_scheme = scheme;
    *ret_host = host;
    return 0;
}

static int check_header(const struct client_header *h, struct err *err)
{
    static const struct str ours[] = {
        STR_INIT("Content-Length"),
        STR_INIT("Transfer-Encoding"),
        STR_INIT("Expect"),
        STR_INIT("Connection"),
    };

    if (!is_token(h->name))
        return err_set(err, -EINVAL, "a header's name is no token");
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        if (str_eq_nocase(h->name, ours[i]))
            return err_set(err, -EINVAL, "the header " STR_FMT " is not the caller's to set",
                           STR_ARG(h->name));
    if (has_control(h->value, 0x20))
        return err_set(err, -EINVAL, "the value of header " STR_FMT " holds control characters",
                       STR_ARG(h->name));
    return 0;
}

static int check_request(const struct client *c, const struct client_request *r, struct err *err)
{
    struct call *found;

    if (r->timeout_ms <= 0 || r->connect_timeout_ms < 0)
        return err_set(err, -EINVAL, "a request needs a time-out");
    if (r->method != NULL && !is_token(str_from(r->method)))
        return err_set(err, -EINVAL, "the method is no token");
    if (r->headers_n > CLIENT_HEADERS_MAX)
        return err_set(err, -EINVAL, "more than %d headers", CLIENT_HEADERS_MAX);
    for (size_t i = 0; i < r->headers_n; i++) {
        int rc = check_header(&r->headers[i], err);

        if (rc < 0)
            return rc;
    }
    if ((r->tls != NULL) != (r->peer.n > 0) || has_control(r->peer, 0x21))
        return err_set(err, -EINVAL, "a TLS profile and the peer's name go together");
    if (r->tls != NULL && !str_eq_nocase(str_sub(r->url, 0, 8), STR("https://")))
        return err_set(err, -EINVAL, "a request with a TLS profile goes to https:// only");
    HASH_FIND(hh, c->calls, &r->id, sizeof(r->id), found);
    if (found != NULL)
        return err_set(err, -EINVAL, "request id %llu is in use", (unsigned long long)r->id);
    return 0;
}

/* Appends a NUL-terminated copy at *at and moves on. */
static char *put(char **at, struct str s)
{
    char *p = *at;

    if (s.n > 0)             /* the end is set below */
        memcpy(p, s.p, s.n); // NOLINT(bugprone-not-null-terminated-result)
    p[s.n] = '\0';
    *at += s.n + 1;
    return p;
}

static struct str method_of(const struct client_request *r)
{
    return str_from(r->method != NULL ? r->method : r->body.n > 0 ? "POST" : "GET");
}

static size_t call_bytes(const struct client_request *r)
{
    size_t n = sizeof(struct call) + method_of(r).n + 1 + r->url.n + 1 + r->body.n + 1;

    for (size_t i = 0; i < r->headers_n; i++)
        n += sizeof(struct client_header) + r->headers[i].name.n + 1 + r->headers[i].value.n + 1;
    return n;
}

static struct call *call_copy(const struct client_request *r, size_t bytes)
{
    struct client_header *headers;
    struct call *call;
    char *at;

    call = xmalloc(bytes);
    memset(call, 0, sizeof(*call));
    headers = (struct client_header *)(void *)(call + 1);
    at = (char *)(headers + r->headers_n);
    for (size_t i = 0; i < r->headers_n; i++) {
        const struct client_header *h = &r->headers[i];

        headers[i].name = (struct str){.p = put(&at, h->name), .n = h->name.n};
        headers[i].value = (struct str){.p = put(&at, h->value), .n = h->value.n};
    }
    call->spec = (struct client_call_spec){
        .method = put(&at, method_of(r)),
        .url = put(&at, r->url),
        .headers = headers,
        .headers_n = r->headers_n,
        .connect_timeout_ms = r->connect_timeout_ms > 0 ? r->connect_timeout_ms : r->timeout_ms,
        .response_bytes_max =
            r->response_bytes_max > 0 ? r->response_bytes_max : CLIENT_RESPONSE_BYTES_DEFAULT,
        .arg = call,
    };
    call->spec.body = (struct str){.p = put(&at, r->body), .n = r->body.n};
    call->id = r->id;
    call->bytes = bytes;
    return call;
}

/* Half of the queue is the most that one lane gets: a hung receiver must leave room for others. */
static bool is_full(const struct client *c, const struct lane *l, size_t bytes)
{
    bool starts_now = l->queued == 0 && l->in_flight < c->opt.lane_connections &&
                      c->stats.in_flight < c->opt.in_flight_max;

    return !starts_now && (c->stats.queued >= c->opt.queue_max ||
                           l->queued >= c->opt.queue_max - c->opt.queue_max / 2 ||
                           c->stats.queued_bytes + bytes > c->opt.queue_bytes_max ||
                           l->queued_bytes + bytes > c->opt.queue_bytes_max / 2);
}

int client_send(struct client *c, const struct client_request *r, struct err *err)
{
    struct str scheme = STR_EMPTY, host = STR_EMPTY;
    size_t bytes = call_bytes(r);
    struct buf origin;
    struct call *call;
    struct lane *l;
    int rc = check_request(c, r, err);

    if (rc < 0)
        return rc;
    rc = url_origin(r->url, &scheme, &host, err);
    if (rc < 0)
        return rc;
    buf_init(&origin, 0);
    buf_add_str(&origin, scheme);
    buf_add_str(&origin, host);
    l = lane_for(c, r, buf_str(&origin));
    buf_clear(&origin);
    if (is_full(c, l, bytes)) {
        c->stats.refused_full++;
        rc = err_set(err, -ENOSPC, "the queue is full: %zu requests of %zu bytes wait",
                     c->stats.queued, c->stats.queued_bytes);
        lane_refile(c, l);
        return rc;
    }
    call = call_copy(r, bytes);
    call->lane = l;
    call->sent_mono_ms = loop_now(c->loop).mono_ms;
    HASH_ADD(hh, c->calls, id, sizeof(call->id), call);
    TAILQ_INSERT_TAIL(&l->queue, call, link);
    heap_set(&c->deadlines, &call->deadline, call->sent_mono_ms + r->timeout_ms);
    l->queued++;
    l->queued_bytes += bytes;
    c->stats.queued++;
    c->stats.queued_bytes += bytes;
    c->stats.accepted++;
    lane_refile(c, l);
    pump(c);
    return 0;
}

/* Takes a call out of everything but the table of ids; its lane is left to refile. */
static void withdraw(struct client *c, struct call *call)
{
    switch (call->state) {
    case CALL_QUEUED:
        unqueue(c, call);
        return;
    case CALL_BROKEN:
        TAILQ_REMOVE(&c->broken, call, link);
        break;
    case CALL_IN_FLIGHT:
        client_pool_abort(call->pool, call->transfer);
        break;
    }
    call->lane->in_flight--;
    c->stats.in_flight--;
}

bool client_cancel(struct client *c, uint64_t id)
{
    struct call *call;

    HASH_FIND(hh, c->calls, &id, sizeof(id), call);
    if (call == NULL)
        return false;
    withdraw(c, call);
    HASH_DEL(c->calls, call);
    c->stats.cancelled++;
    lane_refile(c, call->lane);
    call_free(call);
    pump(c);
    return true;
}

void client_stats_get(const struct client *c, struct client_stats *ret)
{
    struct pool_entry *e;

    *ret = c->stats;
    ret->connections = c->connections_gone;
    TAILQ_FOREACH (e, &c->pools, link)
        ret->connections += client_pool_connections(e->pool);
}

int client_new(struct loop *loop, const struct client_options *opt, struct client **ret,
               struct err *err, client_on_done on_done, void *arg)
{
    static bool curl_ready;
    struct client *c;

    if (!curl_ready && curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
        return err_set(err, -EIO, "libcurl does not start");
    curl_ready = true;
    c = xcalloc(1, sizeof(*c));
    if (opt != NULL)
        c->opt = *opt;
    if (c->opt.lane_connections == 0)
        c->opt.lane_connections = LANE_CONNECTIONS_DEFAULT;
    if (c->opt.in_flight_max == 0)
        c->opt.in_flight_max = IN_FLIGHT_DEFAULT;
    if (c->opt.queue_max == 0)
        c->opt.queue_max = QUEUE_DEFAULT;
    if (c->opt.queue_bytes_max == 0)
        c->opt.queue_bytes_max = QUEUE_BYTES_DEFAULT;
    c->user_agent =
        xstrdup(c->opt.user_agent != NULL ? c->opt.user_agent : "tocsin/" TOCSIN_VERSION);
    c->opt.user_agent = c->user_agent;
    c->loop = loop;
    c->on_done = on_done;
    c->arg = arg;
    TAILQ_INIT(&c->ready);
    TAILQ_INIT(&c->pools);
    TAILQ_INIT(&c->broken);
    heap_init(&c->deadlines);
    loop_timer_init(&c->timer, loop, on_timer, c);
    *ret = c;
    return 0;
}

void client_free(struct client *c)
{
    struct call *call, *next;
    struct pool_entry *e;

    if (c == NULL)
        return;
    assert(c->delivering == 0);
    HASH_ITER (hh, c->calls, call, next) {
        withdraw(c, call);
        HASH_DEL(c->calls, call);
        lane_refile(c, call->lane);
        call_free(call);
    }
    while ((e = TAILQ_FIRST(&c->pools)) != NULL)
        pool_entry_free(c, e);
    loop_timer_cancel(&c->timer);
    heap_clear(&c->deadlines);
    free(c->user_agent);
    free(c);
}
